//! `stop`, `stop_within`, `close`, and dropping the last handle.

use std::cell::RefCell;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

use ropewalk_testing::{DEADLINE, within};
use ropewalk_threadpool::{AlreadyStopped, JobState, SubmitErrorKind, ThreadPool};

use crate::gate::{Blocker, started, thread_name, until_asleep};

#[test]
fn b8_stop_waits_for_what_was_queued_before_start() {
    within(DEADLINE, || {
        let pool = ThreadPool::builder().max_threads(1).build().unwrap();
        let handles = [(); 3].map(|()| pool.call_in_thread(|| ()).unwrap());
        pool.start().unwrap();
        pool.stop();
        assert!(handles.iter().all(|handle| handle.state() == JobState::Finished));
    });
}

/// Takes its time, then says that the thread has ended.
struct EndsLate(Arc<AtomicBool>);

impl Drop for EndsLate {
    fn drop(&mut self) {
        // A time, not a number of yields: each of those may cost a whole time slice of another.
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_millis(50) {
            thread::yield_now();
        }
        self.0.store(true, Ordering::SeqCst);
    }
}

thread_local! {
    static LATE: RefCell<Option<EndsLate>> = const { RefCell::new(None) };
}

#[test]
fn stop_joins_down_to_the_last_destructor() {
    within(DEADLINE, || {
        let pool = started(0, 1);
        let ended = Arc::new(AtomicBool::new(false));
        let late = EndsLate(Arc::clone(&ended));
        pool.call_in_thread(move || LATE.set(Some(late))).unwrap();
        pool.stop();
        assert!(ended.load(Ordering::SeqCst));
    });
}

#[test]
fn stop_ends_all_threads() {
    within(DEADLINE, || {
        let (stops, stopped) = channel();
        let builder = ThreadPool::builder().max_threads(3);
        let pool = builder.on_thread_stop(move || stops.send(()).unwrap()).build().unwrap();
        pool.start().unwrap();
        let blockers = [Blocker::on(&pool), Blocker::on(&pool), Blocker::on(&pool)];
        blockers.into_iter().for_each(Blocker::release);
        pool.stop();
        assert_eq!(stopped.try_iter().count(), 3);
        assert_eq!(pool.stats().threads, 0);
    });
}

#[test]
fn i9_stop_is_idempotent_and_callable_from_several_threads() {
    within(DEADLINE, || {
        let pool = started(0, 2);
        let blocker = Blocker::on(&pool);
        let stoppers = [(); 3].map(|()| {
            let pool = pool.clone();
            let stop = move || {
                pool.stop();
                pool.stats().completed
            };
            thread::Builder::new().spawn(stop).unwrap()
        });
        blocker.release();
        for stopper in stoppers {
            assert_eq!(stopper.join().unwrap(), 1);
        }
        pool.stop();
        pool.stop_within(Duration::ZERO).unwrap();
    });
}

#[test]
fn w19_a_stopped_pool_does_not_start_again() {
    within(DEADLINE, || {
        let pool = started(0, 1);
        pool.start().unwrap();
        pool.stop();
        assert_eq!(pool.start(), Err(AlreadyStopped::default()));
        assert_eq!(pool.call_in_thread(|| ()).unwrap_err().kind(), SubmitErrorKind::Stopped);
    });
}

#[test]
fn i9_stop_from_a_worker_closes_and_returns() {
    within(DEADLINE, || {
        let pool = started(0, 1);
        let (sender, receiver) = channel();
        let inner = pool.clone();
        let job = move || {
            assert!(inner.is_worker());
            inner.stop();
            let still = inner.stop_within(DEADLINE).unwrap_err();
            sender.send((still.jobs.len(), inner.call_in_thread(|| ()).is_err())).unwrap();
        };
        pool.call_in_thread(job).unwrap();
        let behind = pool.call_in_thread(|| ());
        assert_eq!(receiver.recv().unwrap(), (1, true));
        assert!(!pool.is_worker());
        pool.stop();
        if let Ok(behind) = behind {
            assert_eq!(behind.state(), JobState::Finished);
        }
    });
}

#[test]
fn w10_stop_within_names_what_still_runs() {
    within(DEADLINE, || {
        let builder = ThreadPool::builder().name("stuck").min_threads(0).max_threads(1);
        let pool = builder.build().unwrap();
        pool.start().unwrap();
        let blocker = Blocker::on(&pool);
        let behind = pool.call_in_thread(|| ()).unwrap();
        let still = pool.stop_within(Duration::from_millis(1)).unwrap_err();
        assert_eq!((still.jobs.len(), still.queued, still.threads), (1, 1, 1));
        let job = &still.jobs[0];
        assert_eq!(job.location.file(), blocker.handle.location().file());
        assert!(job.name.contains("blocking_job"), "{}", job.name);
        assert_eq!(&*job.thread, "stuck-1");
        assert!(still.to_string().contains("stuck-1"), "{still}");
        // It is closed and goes on; waiting again is possible.
        assert!(pool.call_in_thread(|| ()).is_err());
        blocker.release();
        pool.stop_within(DEADLINE).unwrap();
        assert_eq!(behind.state(), JobState::Finished);
    });
}

/// Holds its thread's end until the other side of the barrier comes.
struct HoldsTheEnd(Arc<Barrier>);

impl Drop for HoldsTheEnd {
    fn drop(&mut self) {
        self.0.wait();
    }
}

thread_local! {
    static AT_THE_END: RefCell<Option<HoldsTheEnd>> = const { RefCell::new(None) };
}

#[test]
fn i9_a_thread_local_destructor_does_not_hold_stop_within() {
    within(DEADLINE, || {
        let pool = started(0, 1);
        let barrier = Arc::new(Barrier::new(2));
        let holds = HoldsTheEnd(Arc::clone(&barrier));
        pool.call_in_thread(move || AT_THE_END.set(Some(holds))).unwrap();
        pool.stop_within(DEADLINE).unwrap();
        assert_eq!(pool.stats().completed, 1);
        barrier.wait();
        pool.stop();
    });
}

#[test]
fn i2_stopping_a_pool_that_was_never_started_runs_its_jobs() {
    within(DEADLINE, || {
        let pool = ThreadPool::builder().max_threads(2).build().unwrap();
        let (sender, receiver) = channel();
        for number in 0..3 {
            let sender = sender.clone();
            pool.call_in_thread(move || sender.send(number).unwrap()).unwrap();
        }
        pool.stop();
        assert_eq!(receiver.try_iter().count(), 3);
        assert_eq!(pool.stats().threads, 0);
    });
}

#[test]
fn stopping_a_pool_that_was_never_used_starts_nothing() {
    within(DEADLINE, || {
        let builder = ThreadPool::builder().on_thread_start(|| unreachable!("nobody needs one"));
        let pool = builder.build().unwrap();
        pool.stop();
        pool.stop_within(Duration::ZERO).unwrap();
    });
}

#[test]
fn close_returns_at_once_and_calls_back_on_the_last_worker() {
    within(DEADLINE, || {
        let pool = started(0, 2);
        let (first, second) = (Blocker::on(&pool), Blocker::on(&pool));
        let behind = pool.call_in_thread(|| ()).unwrap();
        let (sender, receiver) = channel();
        let again = sender.clone();
        pool.close(move || sender.send(thread_name()).unwrap());
        pool.close(move || again.send(thread_name()).unwrap());
        assert!(pool.call_in_thread(|| ()).is_err());
        let last = second.thread.clone();
        first.release();
        assert_eq!(behind.wait(), Ok(JobState::Finished));
        assert!(receiver.try_recv().is_err(), "one job is still running");
        // The other worker has nothing to do any more, and may take its time to go.
        while pool.stats().threads > 1 {
            thread::yield_now();
        }
        second.release();
        assert_eq!(receiver.iter().collect::<Vec<_>>(), [last.clone(), last]);
        pool.stop();
    });
}

#[test]
fn close_with_nothing_left_calls_back_at_once_and_once() {
    within(DEADLINE, || {
        let (sender, receiver) = channel();
        let on_drained = |sender: &std::sync::mpsc::Sender<String>| {
            let sender = sender.clone();
            move || sender.send(thread_name()).unwrap()
        };
        let unused = ThreadPool::builder().build().unwrap();
        unused.close(on_drained(&sender));
        let idle = started(1, 1);
        idle.call_in_thread(|| ()).unwrap();
        until_asleep(&idle, 1);
        idle.close(on_drained(&sender));
        idle.close(on_drained(&sender));
        assert_eq!(receiver.try_iter().collect::<Vec<_>>(), [(); 3].map(|()| thread_name()));
        idle.stop();
        assert!(receiver.try_recv().is_err());
    });
}

#[test]
fn close_calls_back_when_the_last_job_is_cancelled_behind_a_worker() {
    within(DEADLINE, || {
        let pool = started(0, 1);
        let blocker = Blocker::on(&pool);
        let behind = pool.call_in_thread(|| ()).unwrap();
        let (sender, receiver) = channel();
        pool.close(move || sender.send(()).unwrap());
        assert!(behind.cancel());
        blocker.release();
        receiver.recv().unwrap();
    });
}

#[test]
fn i5_on_drained_may_call_the_pool() {
    within(DEADLINE, || {
        let pool = started(0, 1);
        let blocker = Blocker::on(&pool);
        let (sender, receiver) = channel();
        let inner = pool.clone();
        pool.close(move || {
            inner.stop();
            let last = inner.clone();
            inner.close(move || sender.send(last.stats().completed).unwrap());
        });
        blocker.release();
        assert_eq!(receiver.recv().unwrap(), 1);
        pool.stop();
    });
}

#[test]
fn i9_dropping_the_last_handle_does_not_block_and_accepted_jobs_run() {
    within(DEADLINE, || {
        let (stops, stopped) = channel();
        let builder = ThreadPool::builder().min_threads(1).max_threads(1);
        let pool = builder.on_thread_stop(move || stops.send(()).unwrap()).build().unwrap();
        pool.start().unwrap();
        let blocker = Blocker::on(&pool);
        let behind = pool.call_in_thread(|| ()).unwrap();
        drop(pool);
        blocker.release();
        stopped.recv().unwrap();
        assert_eq!(behind.state(), JobState::Finished);
    });
}

#[test]
fn the_last_handle_may_be_dropped_by_a_job() {
    within(DEADLINE, || {
        let (stops, stopped) = channel();
        let builder = ThreadPool::builder().max_threads(1);
        let pool = builder.on_thread_stop(move || stops.send(()).unwrap()).build().unwrap();
        pool.start().unwrap();
        let inner = pool.clone();
        let (sender, receiver) = channel::<()>();
        pool.call_in_thread(move || {
            let _ = receiver.recv();
            drop(inner);
        })
        .unwrap();
        drop(pool);
        drop(sender);
        stopped.recv().unwrap();
    });
}

#[test]
fn i2_a_pool_dropped_before_its_start_drops_its_jobs() {
    let pool = ThreadPool::builder().build().unwrap();
    let captured = Arc::new(());
    let weak = Arc::downgrade(&captured);
    let handle = pool.call_in_thread(move || drop(captured)).unwrap();
    drop(pool);
    assert!(weak.upgrade().is_none());
    assert_eq!(handle.state(), JobState::Cancelled);
    assert!(!handle.cancel());
}
