//! Waiting jobs that are removed, running ones that are told.

use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::Duration;

use ropewalk_testing::{DEADLINE, within};
use ropewalk_threadpool::{CancelToken, JobState, ThreadPool};

use crate::gate::{Blocker, started, until};

/// Asks the pool for its numbers when it is dropped.
struct AsksWhenDropped(ThreadPool, Sender<u64>);

impl Drop for AsksWhenDropped {
    fn drop(&mut self) {
        let _ = self.1.send(self.0.stats().cancelled);
    }
}

#[test]
fn w9_a_queued_job_never_runs_and_is_dropped_at_once() {
    within(DEADLINE, || {
        let pool = started(1, 1);
        let blocker = Blocker::on(&pool);
        let captured = Arc::new(());
        let weak = Arc::downgrade(&captured);
        let handle = pool.call_in_thread(move || panic!("{captured:?}")).unwrap();
        assert_eq!(handle.state(), JobState::Queued);
        assert!(handle.cancel());
        assert!(weak.upgrade().is_none());
        assert_eq!(handle.state(), JobState::Cancelled);
        assert!(!handle.cancel());
        blocker.release();
        pool.stop();
        let stats = pool.stats();
        assert_eq!((stats.cancelled, stats.completed, stats.panicked), (1, 1, 0));
    });
}

#[test]
fn i2_a_cancelled_job_drops_its_callback_uncalled() {
    let pool = ThreadPool::builder().build().unwrap();
    let captured = Arc::new(());
    let weak = Arc::downgrade(&captured);
    let on_result = move |_| panic!("{captured:?}");
    let handle = pool.call_in_thread_with_callback(on_result, || ()).unwrap();
    assert!(handle.cancel());
    assert!(weak.upgrade().is_none());
}

#[test]
fn i5_what_is_dropped_may_call_the_pool() {
    within(DEADLINE, || {
        let pool = started(1, 1);
        let (sender, receiver) = channel();
        let asks = || AsksWhenDropped(pool.clone(), sender.clone());
        let blocker = Blocker::on(&pool);
        // Cancelled, run, the result of a job, refused.
        let held = asks();
        assert!(pool.call_in_thread(move || drop(held)).unwrap().cancel());
        let held = asks();
        pool.call_in_thread(move || drop(held)).unwrap();
        let held = asks();
        pool.call_in_thread_with_callback(drop, move || held).unwrap();
        blocker.release();
        pool.stop();
        let held = asks();
        drop(pool.call_in_thread(move || drop(held)).unwrap_err());
        assert_eq!(receiver.try_iter().collect::<Vec<_>>(), [1, 1, 1, 1]);
    });
}

#[test]
fn w9_a_running_job_sees_its_token() {
    within(DEADLINE, || {
        let pool = started(1, 1);
        let (starts, started) = channel();
        let job = move || {
            let token = CancelToken::current();
            assert!(!token.is_cancelled());
            starts.send(()).unwrap();
            while !token.is_cancelled() {
                thread::yield_now();
            }
            // The same job, asked anew.
            assert!(CancelToken::current().is_cancelled());
        };
        let handle = pool.call_in_thread(job).unwrap();
        started.recv().unwrap();
        assert_eq!(handle.state(), JobState::Running);
        assert!(!handle.cancel(), "it runs already");
        until(&pool, |stats| stats.completed == 1);
        assert_eq!(pool.stats().cancelled, 0);
        // The next job on the same thread has a token of its own.
        let (sender, receiver) = channel();
        let job = move || sender.send(CancelToken::current().is_cancelled()).unwrap();
        pool.call_in_thread(job).unwrap();
        assert!(!receiver.recv().unwrap());
        assert!(!handle.cancel());
    });
}

#[test]
fn a_stale_handle_cancels_no_other_job() {
    let pool = ThreadPool::builder().build().unwrap();
    let stale = pool.call_in_thread(|| ()).unwrap();
    assert!(stale.cancel());
    // The place in the queue is used again.
    let next = pool.call_in_thread(|| ()).unwrap();
    assert!(!stale.cancel());
    assert_eq!(next.state(), JobState::Queued);
    assert!(next.cancel());
}

#[test]
fn outside_of_a_job_the_token_is_never_set() {
    assert!(!CancelToken::current().is_cancelled());
}

#[test]
fn a_job_may_cancel_itself_and_others() {
    within(DEADLINE, || {
        let pool = started(1, 1);
        let (handles, handle) = channel::<ropewalk_threadpool::JobHandle>();
        let (sender, receiver) = channel();
        let job = move || {
            let [own, other] = [handle.recv().unwrap(), handle.recv().unwrap()];
            sender.send((own.cancel(), other.cancel())).unwrap();
            assert!(CancelToken::current().is_cancelled());
        };
        handles.send(pool.call_in_thread(job).unwrap()).unwrap();
        handles.send(pool.call_in_thread(|| unreachable!("cancelled")).unwrap()).unwrap();
        assert_eq!(receiver.recv().unwrap(), (false, true));
        pool.stop();
        assert_eq!(pool.stats().panicked, 0);
    });
}

#[test]
fn w9_a_pause_ends_at_once_when_the_job_is_cancelled() {
    within(DEADLINE, || {
        let pool = started(1, 1);
        let (sender, receiver) = channel();
        let job = move || {
            let token = CancelToken::current();
            sender.send(token.wait_timeout(Duration::ZERO)).unwrap();
            sender.send(token.wait_timeout(10 * DEADLINE)).unwrap();
            // Not even begun.
            sender.send(token.wait_timeout(Duration::MAX)).unwrap();
        };
        let job = pool.call_in_thread(job).unwrap();
        assert!(!receiver.recv().unwrap(), "the time was over");
        // It pauses, or is about to.
        until(&pool, |stats| stats.blocked == 1);
        job.cancel();
        assert_eq!([receiver.recv(), receiver.recv()], [Ok(true), Ok(true)]);
        pool.stop();
    });
}

#[test]
fn w6_a_pause_lends_its_thread() {
    within(DEADLINE, || {
        let pool = started(1, 1);
        let pause = || assert!(CancelToken::current().wait_timeout(10 * DEADLINE));
        let job = pool.call_in_thread(pause).unwrap();
        pool.call_in_thread(|| ()).unwrap().wait().unwrap();
        drop(pool.stop_now());
        assert_eq!(job.wait(), Ok(JobState::Finished));
    });
}

#[test]
fn outside_of_a_job_a_pause_only_waits() {
    assert!(!CancelToken::current().wait_timeout(Duration::from_millis(1)));
}
