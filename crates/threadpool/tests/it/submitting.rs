//! What a job does and what becomes of what it captured.

use std::collections::HashSet;
use std::sync::mpsc::channel;
use std::sync::{Arc, Barrier};

use ropewalk_testing::{DEADLINE, within};
use ropewalk_threadpool::{
    BuildError, CancelToken, JobHandle, JobState, Panicked, SubmitErrorKind, ThreadPool,
};

use crate::gate::{Blocker, started, thread_name, until};
use crate::log;

#[test]
fn i1_handles_cross_threads() {
    fn crosses<T: Send + Sync + 'static>() {}
    crosses::<ThreadPool>();
    crosses::<JobHandle>();
    crosses::<CancelToken>();
    crosses::<Panicked>();
}

#[test]
fn b1_b6_sizes_are_kept() {
    let pool = ThreadPool::builder().min_threads(12).max_threads(22).build().unwrap();
    assert_eq!((pool.min_threads(), pool.max_threads()), (12, 22));
}

#[test]
fn sizes_that_are_not_given_fit_those_that_are() {
    let sizes = |pool: ThreadPool| (pool.min_threads(), pool.max_threads());
    assert_eq!(sizes(ThreadPool::builder().build().unwrap()), (5, 10));
    assert_eq!(sizes(ThreadPool::builder().max_threads(2).build().unwrap()), (2, 2));
    assert_eq!(sizes(ThreadPool::builder().min_threads(30).build().unwrap()), (30, 30));
}

#[test]
fn a_name_that_no_thread_can_have_is_refused() {
    let refused = ThreadPool::builder().name("a\0b").build().unwrap_err();
    assert_eq!(refused, BuildError::Name("a\0b".to_owned()));
}

/// Where Twisted's `start` starts the minimum at once, ours waits for the first need.
#[test]
fn b2_threads_start_with_the_first_need() {
    within(DEADLINE, || {
        let pool = ThreadPool::builder().min_threads(3).max_threads(10).build().unwrap();
        assert_eq!(pool.stats().threads, 0);
        pool.start().unwrap();
        assert_eq!(pool.stats().threads, 0);
        let blocker = Blocker::on(&pool);
        assert_eq!(pool.stats().threads, 1);
        blocker.release();
        pool.stop();
    });
}

#[test]
fn b4_a_job_releases_what_it_captured_while_its_thread_and_handle_live_on() {
    within(DEADLINE, || {
        let pool = started(1, 1);
        let captured = Arc::new(());
        let weak = Arc::downgrade(&captured);
        let handle = pool.call_in_thread(move || drop(Arc::clone(&captured))).unwrap();
        assert_eq!(handle.wait(), Ok(JobState::Finished));
        assert!(weak.upgrade().is_none());
        assert_eq!(pool.stats().threads, 1);
    });
}

#[test]
fn b5_the_job_is_released_before_the_callback_and_the_callback_after_it() {
    within(DEADLINE, || {
        let pool = started(1, 1);
        let (captured, result) = (Arc::new(()), Arc::new(()));
        let (weak, weak_result) = (Arc::downgrade(&captured), Arc::downgrade(&result));
        let callback_owns = Arc::new(());
        let weak_callback = Arc::downgrade(&callback_owns);
        let (sender, receiver) = channel();
        let on_result = move |outcome: Result<Arc<()>, Panicked>| {
            let _held = &callback_owns;
            sender.send((weak.upgrade().is_none(), outcome.is_ok())).unwrap();
        };
        let job = move || {
            let _held = &captured;
            result
        };
        let _handle = pool.call_in_thread_with_callback(on_result, job).unwrap();
        assert_eq!(receiver.recv().unwrap(), (true, true));
        until(&pool, |stats| stats.completed == 1);
        assert!(weak_callback.upgrade().is_none());
        assert!(weak_result.upgrade().is_none());
    });
}

#[test]
fn b7_all_jobs_run() {
    within(DEADLINE, || {
        let pool = ThreadPool::builder().build().unwrap();
        pool.start().unwrap();
        let (sender, receiver) = channel();
        for number in 0..10 {
            let sender = sender.clone();
            pool.call_in_thread(move || sender.send(number).unwrap()).unwrap();
        }
        let numbers: HashSet<i32> = receiver.iter().take(10).collect();
        assert_eq!(numbers.len(), 10);
    });
}

#[test]
fn b9_b12_the_callback_gets_the_value_on_the_thread_of_the_job() {
    within(DEADLINE, || {
        let pool = started(0, 3);
        let (sender, receiver) = channel();
        let on_result = move |value: Result<String, Panicked>| {
            sender.send((value.unwrap(), thread_name())).unwrap();
        };
        pool.call_in_thread_with_callback(on_result, thread_name).unwrap();
        let (job, callback) = receiver.recv().unwrap();
        assert_eq!(job, callback);
    });
}

#[test]
fn b13_job_and_callback_run_in_the_span_of_the_submitter() {
    log::keep();
    within(DEADLINE, || {
        let pool = started(1, 1);
        tracing::info_span!("b13_submitter").in_scope(|| {
            pool.call_in_thread_with_callback(
                |_| tracing::info!("b13 callback"),
                || tracing::info!("b13 job"),
            )
            .unwrap();
        });
        pool.call_in_thread(|| tracing::info!("b13 stranger")).unwrap();
        pool.stop();
        let inside = |text: &str| log::lines("INFO", text)[0].contains("b13_submitter");
        assert_eq!((inside("b13 job"), inside("b13 callback")), (true, true));
        assert!(!inside("b13 stranger"));
    });
}

#[test]
fn b14_work_before_start_runs_after_start() {
    within(DEADLINE, || {
        let pool = ThreadPool::builder().build().unwrap();
        let (sender, receiver) = channel();
        let handle = pool.call_in_thread(move || sender.send(7).unwrap()).unwrap();
        assert_eq!(handle.state(), JobState::Queued);
        assert!(receiver.try_recv().is_err());
        pool.start().unwrap();
        assert_eq!(receiver.recv().unwrap(), 7);
    });
}

#[test]
fn b18_five_jobs_before_start_get_five_workers() {
    within(DEADLINE, || {
        let pool = ThreadPool::builder().min_threads(0).max_threads(10).build().unwrap();
        let together = Arc::new(Barrier::new(5));
        for _ in 0..5 {
            let together = Arc::clone(&together);
            let job = move || {
                together.wait();
            };
            pool.call_in_thread(job).unwrap();
        }
        assert_eq!((pool.stats().threads, pool.stats().queued), (0, 5));
        pool.start().unwrap();
        assert_eq!(pool.stats().threads, 5);
        until(&pool, |stats| stats.completed == 5);
        assert_eq!(pool.stats().threads, 5);
    });
}

#[test]
fn i2_a_refused_job_comes_back() {
    within(DEADLINE, || {
        let pool = started(0, 1);
        pool.stop();
        let text = String::from("mine");
        let refused = pool.call_in_thread(move || drop(text)).unwrap_err();
        assert_eq!(refused.kind(), SubmitErrorKind::Stopped);
        refused.into_inner()();

        let refused = pool.call_in_thread_with_callback(|_| (), || 5).unwrap_err();
        let (_on_result, job) = refused.into_inner();
        assert_eq!(job(), 5);
        assert_eq!(pool.stats().rejected, 2);
    });
}

#[test]
fn w7_a_full_queue_refuses_and_room_accepts_again() {
    within(DEADLINE, || {
        let builder = ThreadPool::builder().min_threads(0).max_threads(1).queue_limit(2);
        let pool = builder.build().unwrap();
        pool.start().unwrap();
        let blocker = Blocker::on(&pool);
        let waiting = pool.try_call_in_thread(|| ()).unwrap();
        pool.try_call_in_thread_with_callback(|_| (), || ()).unwrap();
        let refused = pool.try_call_in_thread(|| ()).unwrap_err();
        assert_eq!(refused.kind(), SubmitErrorKind::Full);
        let refused = pool.try_call_in_thread_with_callback(|_| (), || 5).unwrap_err();
        assert_eq!(refused.kind(), SubmitErrorKind::Full);
        assert_eq!(refused.into_inner().1(), 5);
        // Without `try_` there is no limit, as in Twisted.
        assert!(pool.call_in_thread(|| ()).unwrap().cancel());
        assert!(waiting.cancel());
        pool.try_call_in_thread(|| ()).unwrap();
        blocker.release();
        pool.stop();
        assert_eq!(pool.stats().rejected, 2);
    });
}

#[test]
fn a_limit_of_zero_accepts_what_runs_at_once() {
    within(DEADLINE, || {
        let builder = ThreadPool::builder().min_threads(0).max_threads(2).queue_limit(0);
        let pool = builder.build().unwrap();
        assert_eq!(pool.try_call_in_thread(|| ()).unwrap_err().kind(), SubmitErrorKind::Full);
        pool.start().unwrap();
        // Both are accepted before either has reached its thread.
        let (sender, receiver) = channel::<()>();
        let _first = pool.try_call_in_thread(move || receiver.recv().unwrap_or(())).unwrap();
        let (other_sender, receiver) = channel::<()>();
        let _second = pool.try_call_in_thread(move || receiver.recv().unwrap_or(())).unwrap();
        assert_eq!(pool.try_call_in_thread(|| ()).unwrap_err().kind(), SubmitErrorKind::Full);
        drop((sender, other_sender));
        pool.stop();
    });
}

#[test]
fn w22_thread_names_are_not_used_twice() {
    within(DEADLINE, || {
        let builder = ThreadPool::builder().name("named").min_threads(0).max_threads(2);
        let pool = builder.idle_timeout(std::time::Duration::ZERO).build().unwrap();
        pool.start().unwrap();
        let mut names = Vec::new();
        for _ in 0..3 {
            let blocker = Blocker::on(&pool);
            names.push(blocker.thread.clone());
            blocker.release();
            until(&pool, |stats| stats.threads == 0);
        }
        assert_eq!(names, ["named-1", "named-2", "named-3"]);
    });
}

#[test]
fn a_handle_names_its_job_by_function_and_line() {
    let pool = ThreadPool::builder().build().unwrap();
    let line = line!() + 1;
    let handle = pool.call_in_thread(|| ()).unwrap();
    assert!(handle.name().contains("a_handle_names_its_job"), "{}", handle.name());
    assert_eq!((handle.location().file(), handle.location().line()), (file!(), line));
    let handle = pool.call_in_thread_with_callback(|_| (), || ()).unwrap();
    assert_eq!(handle.location().file(), file!());
}

/// Twice as much as a thread of std has by default: with less the process would end.
#[test]
fn threads_have_the_stack_that_was_asked_for() {
    fn use_stack() -> usize {
        let bytes = std::hint::black_box([1_u8; 4 << 20]);
        bytes.iter().map(|&byte| usize::from(byte)).sum()
    }
    within(DEADLINE, || {
        let pool = ThreadPool::builder().stack_size(32 << 20).build().unwrap();
        pool.start().unwrap();
        let (sender, receiver) = channel();
        pool.call_in_thread(move || sender.send(use_stack()).unwrap()).unwrap();
        assert_eq!(receiver.recv().unwrap(), 4 << 20);
        pool.stop();
    });
}
