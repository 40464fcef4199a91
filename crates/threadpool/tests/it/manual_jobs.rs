//! Jobs of a pool without threads that run, wait for, cancel and outlive one another.

use std::sync::mpsc::channel;
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;

use ropewalk_testing::{DEADLINE, within};
use ropewalk_threadpool::{
    CancelToken, JobHandle, JobState, SubmitErrorKind, ThreadPool, UnrunJob, WouldDeadlock,
    blocking,
};

use crate::gate::started;
use crate::log;

#[test]
fn a_job_may_run_the_next_inside_of_itself() {
    let manual = ThreadPool::manual();
    let (sender, receiver) = channel();
    let nested = manual.clone();
    let outer = move || {
        sender.send(CancelToken::current().is_cancelled()).unwrap();
        assert!(nested.run_next());
        let stats = nested.pool().stats();
        assert_eq!((stats.threads, stats.busy, stats.completed), (1, 1, 1));
        // The token is that of the outer job again.
        sender.send(CancelToken::current().is_cancelled()).unwrap();
        assert!(nested.pool().is_worker());
    };
    let outer = manual.pool().call_in_thread(outer).unwrap();
    let (pool, cancels) = (manual.pool().clone(), outer.clone());
    let inner = move || {
        let names: Vec<&str> = pool.running_jobs().iter().map(|job| job.name).collect();
        assert_eq!((names.len(), pool.stats().threads), (2, 2));
        assert!(!cancels.cancel());
        assert!(!CancelToken::current().is_cancelled());
    };
    let inner = manual.pool().call_in_thread(inner).unwrap();
    assert_eq!(manual.run_all(), 1);
    assert_eq!(receiver.try_iter().collect::<Vec<_>>(), [false, true]);
    assert_eq!([outer.state(), inner.state()], [JobState::Finished; 2]);
    assert_eq!(manual.pool().stats().threads, 0);
}

#[test]
fn a_wait_on_the_own_thread_would_deadlock() {
    within(DEADLINE, || {
        let manual = ThreadPool::manual();
        let waiting = manual.pool().call_in_thread(|| ()).unwrap();
        assert_eq!(waiting.wait(), Err(WouldDeadlock::default()));
        assert_eq!(waiting.wait_timeout(DEADLINE), Err(WouldDeadlock::default()));
        assert!(manual.run_next());
        assert_eq!(waiting.wait(), Ok(JobState::Finished));
        assert_eq!(waiting.wait_timeout(Duration::ZERO), Ok(Some(JobState::Finished)));
    });
}

/// The outer job is on this very thread, below the one that asks.
#[test]
fn a_job_that_waits_for_the_one_that_runs_it_would_deadlock() {
    within(DEADLINE, || {
        let manual = ThreadPool::manual();
        let own = Arc::new(OnceLock::<JobHandle>::new());
        let (nested, (sender, receiver)) = (manual.clone(), channel());
        let outer = manual.pool().call_in_thread(move || assert!(nested.run_next())).unwrap();
        own.set(outer.clone()).unwrap();
        let inner = move || sender.send(own.get().unwrap().wait()).unwrap();
        manual.pool().call_in_thread(inner).unwrap();
        assert_eq!(manual.run_all(), 1);
        assert_eq!(receiver.try_recv().unwrap(), Err(WouldDeadlock::default()));
        assert_eq!(outer.state(), JobState::Finished);
    });
}

/// On a worker of a pool with threads the double is run as anywhere, and the worker stays one.
#[test]
fn i9_inside_of_a_job_of_another_pool_a_stop_of_that_pool_still_returns() {
    within(DEADLINE, || {
        let (real, manual) = (started(0, 1), ThreadPool::manual());
        let (inside, (sender, receiver)) = (real.clone(), channel());
        let inner = move || {
            inside.stop();
            sender.send(inside.is_worker()).unwrap();
        };
        manual.pool().call_in_thread(inner).unwrap();
        let outer = manual.clone();
        real.call_in_thread(move || assert_eq!(outer.run_all(), 1)).unwrap();
        assert!(receiver.recv().unwrap());
        real.stop();
        assert_eq!((real.stats().completed, manual.pool().stats().completed), (1, 1));
    });
}

#[test]
fn a_wait_on_another_thread_ends_when_the_job_is_run_here() {
    within(DEADLINE, || {
        let manual = ThreadPool::manual();
        let (waits, waited) = channel();
        let job = manual.pool().call_in_thread(|| ()).unwrap();
        let late = manual.pool().call_in_thread(|| ()).unwrap();
        let wait = move || {
            waits.send(late.wait_timeout(Duration::ZERO)).unwrap();
            waits.send(job.wait().map(Some)).unwrap();
        };
        let waiter = thread::Builder::new().spawn(wait).unwrap();
        assert_eq!(waited.recv().unwrap(), Ok(None));
        assert!(manual.run_next());
        assert_eq!(waited.recv().unwrap(), Ok(Some(JobState::Finished)));
        waiter.join().unwrap();
    });
}

#[test]
fn w9_a_cancelled_job_never_runs_and_the_pool_is_drained_without_it() {
    let drained_by = |cancelled: &[usize], run: usize| {
        let manual = ThreadPool::manual();
        let jobs: Vec<JobHandle> =
            (0..3).map(|_| manual.pool().call_in_thread(|| ()).unwrap()).collect();
        let (sender, receiver) = channel();
        manual.pool().close(move || sender.send(()).unwrap());
        for &number in cancelled {
            assert!(jobs[number].cancel());
        }
        assert_eq!(manual.run_all(), run);
        let stats = manual.pool().stats();
        assert_eq!((stats.cancelled, stats.queued), (cancelled.len() as u64, 0));
        assert_eq!(receiver.try_iter().count(), 1, "told once, though nothing is left to be run");
    };
    drained_by(&[0], 2);
    drained_by(&[2, 0], 1);
    drained_by(&[0, 1, 2], 0);
}

#[test]
fn stop_now_hands_back_what_waits_and_tells_what_runs() {
    let manual = ThreadPool::manual();
    let (pool, (sender, receiver)) = (manual.pool().clone(), channel());
    let job = move || {
        let token = CancelToken::current();
        let unrun = pool.stop_now();
        sender.send((token.is_cancelled(), unrun)).unwrap();
    };
    let running = manual.pool().call_in_thread(job).unwrap();
    let (tells, told) = channel();
    let behind = manual.pool().call_in_thread(move || tells.send(()).unwrap()).unwrap();
    assert!(manual.run_next());
    let (cancelled, unrun) = receiver.try_recv().unwrap();
    assert_eq!((cancelled, unrun.len()), (true, 1));
    assert_eq!([running.state(), behind.state()], [JobState::Finished, JobState::Returned]);
    assert_eq!(behind.wait(), Ok(JobState::Returned));
    assert!(!manual.run_next() && !manual.run(&behind));
    unrun.into_iter().for_each(UnrunJob::run);
    assert_eq!(told.try_iter().count(), 1);
    let stats = manual.pool().stats();
    assert_eq!((stats.completed, stats.returned, stats.queued), (1, 1, 0));
}

#[test]
fn i3_panics_are_counted_and_reported_as_in_any_pool() {
    log::keep();
    let manual = ThreadPool::builder().name("manual-panics").manual().unwrap();
    manual.pool().start().unwrap();
    let broken = manual.pool().call_in_thread(|| panic!("by hand")).unwrap();
    let (sender, receiver) = channel();
    let on_result = move |result: Result<(), _>| sender.send(result.is_err()).unwrap();
    manual.pool().call_in_thread_with_callback(on_result, || panic!("for the callback")).unwrap();
    manual.pool().call_in_thread_with_callback(|_| panic!("in the callback"), || ()).unwrap();
    let fine = manual.pool().call_in_thread(|| ()).unwrap();
    assert_eq!(manual.run_all(), 4);
    assert_eq!([broken.state(), fine.state()], [JobState::Panicked, JobState::Finished]);
    assert!(receiver.try_recv().unwrap());
    let stats = manual.pool().stats();
    assert_eq!((stats.panicked, stats.completed, stats.threads), (3, 1, 0));
    assert_eq!(log::lines("ERROR", "manual-panics").len(), 2);
}

#[test]
fn a_panic_inside_of_blocking_leaves_nothing_blocked() {
    let manual = ThreadPool::manual();
    let job = manual.pool().call_in_thread(|| blocking(|| panic!("while blocked"))).unwrap();
    assert!(manual.run_next());
    let stats = manual.pool().stats();
    assert_eq!((job.state(), stats.blocked, stats.threads), (JobState::Panicked, 0, 0));
}

#[test]
fn i2_the_last_handle_drops_the_jobs_that_nothing_would_run() {
    log::keep();
    let manual = ThreadPool::builder().name("manual-gone").manual().unwrap();
    manual.pool().start().unwrap();
    let captured = Arc::new(());
    let weak = Arc::downgrade(&captured);
    let job = manual.pool().call_in_thread(move || drop(captured)).unwrap();
    let other = manual.clone();
    drop(manual);
    assert_eq!(job.state(), JobState::Queued, "a clone holds the same pool");
    drop(other);
    assert!(weak.upgrade().is_none());
    assert_eq!((job.state(), job.wait()), (JobState::Cancelled, Ok(JobState::Cancelled)));
    assert_eq!(log::lines("WARN", "manual-gone").len(), 1);
}

#[test]
fn w7_its_queue_has_a_limit_like_any_other() {
    let manual = ThreadPool::builder().queue_limit(2).max_threads(9).manual().unwrap();
    let pool = manual.pool();
    pool.start().unwrap();
    let jobs = [(); 2].map(|()| pool.try_call_in_thread(|| ()).unwrap());
    let refused = || pool.try_call_in_thread(|| ()).map(drop).unwrap_err().kind();
    assert_eq!(refused(), SubmitErrorKind::Full);
    assert!(jobs[0].cancel() && pool.try_call_in_thread(|| ()).is_ok());
    assert_eq!(refused(), SubmitErrorKind::Full);
    assert!(manual.run(&jobs[1]) && pool.try_call_in_thread(|| ()).is_ok());
    assert_eq!((refused(), manual.run_all()), (SubmitErrorKind::Full, 2));
}

/// Two threads that run the same pool's jobs share them, and neither stops before all are taken.
#[test]
fn i2_several_threads_may_run_it_and_no_job_is_missed() {
    within(DEADLINE, || {
        for _ in 0..50 {
            let manual = ThreadPool::manual();
            for _ in 0..100 {
                manual.pool().call_in_thread(|| ()).unwrap();
            }
            let runners = [(); 2].map(|()| {
                let manual = manual.clone();
                let run = move || (manual.run_all(), manual.queued().len());
                thread::Builder::new().spawn(run).unwrap()
            });
            let [one, other] = runners.map(|runner| runner.join().unwrap());
            assert_eq!((one.0 + other.0, one.1, other.1), (100, 0, 0));
        }
    });
}
