//! Jobs that wait for jobs, and the ends that are told.

use std::sync::Arc;

use loom::thread;

use super::{Count, Gate, large_model, pool, run_through, unstarted};
use crate::{JobState, blocking};

/// Whoever comes second, the one who waits or the end, sees the other.
#[test]
fn a_waiter_against_the_end() {
    loom::model(|| {
        let pool = pool(1);
        let handle = pool.call_in_thread(|| ()).unwrap();
        assert_eq!(handle.wait(), Ok(JobState::Finished));
        assert_eq!(pool.stats().completed, 1);
        pool.stop();
    });
}

#[test]
fn two_waiters_against_the_end() {
    loom::model(|| {
        let pool = pool(1);
        let handle = pool.call_in_thread(|| ()).unwrap();
        let other = handle.clone();
        let other = thread::spawn(move || other.wait());
        assert_eq!(handle.wait(), Ok(JobState::Finished));
        assert_eq!(other.join().unwrap(), Ok(JobState::Finished));
        pool.stop();
    });
}

/// The job ends as cancelled, by another thread, or as run.
#[test]
fn a_waiter_against_a_cancellation() {
    loom::model(|| {
        let pool = pool(1);
        let handle = pool.call_in_thread(|| ()).unwrap();
        let other = handle.clone();
        let other = thread::spawn(move || other.cancel());
        let state = handle.wait().unwrap();
        let cancelled = other.join().unwrap();
        assert_eq!(state == JobState::Cancelled, cancelled);
        pool.stop();
    });
}

/// In a pool that nobody starts only the one who hands it back can end the job.
#[test]
fn a_waiter_against_handing_back() {
    loom::model(|| {
        let pool = unstarted(1);
        let handle = pool.call_in_thread(|| ()).unwrap();
        let waiter = thread::spawn(move || handle.wait());
        drop(pool.stop_now());
        assert_eq!(waiter.join().unwrap(), Ok(JobState::Returned));
    });
}

/// W6: a job waits for one behind it, in a pool of one thread, so another must be made up for it.
#[test]
fn a_job_waits_for_one_that_it_submits() {
    loom::model(|| {
        let (pool, ran) = (pool(1), Count::default());
        let (inner, counts) = (pool.clone(), ran.up());
        let outer = move || {
            let behind = inner.call_in_thread(counts).unwrap();
            assert_eq!(behind.wait(), Ok(JobState::Finished));
        };
        let outer = pool.call_in_thread(outer).unwrap();
        assert_eq!(outer.wait(), Ok(JobState::Finished));
        assert_eq!(ran.get(), 1);
        pool.stop();
        let stats = pool.stats();
        assert_eq!((stats.completed, stats.blocked, stats.threads), (2, 0, 0));
    });
}

/// W6: the same for what comes from elsewhere, before, while or after the worker blocks.
#[test]
fn a_blocked_worker_against_the_job_that_it_waits_for() {
    loom::model(|| {
        let (pool, gate) = (pool(1), Gate::new());
        let waits = Arc::clone(&gate);
        let first = pool.call_in_thread(move || blocking(|| waits.pass())).unwrap();
        pool.call_in_thread(move || gate.open()).unwrap();
        run_through(&first);
        pool.stop();
        let stats = pool.stats();
        assert_eq!((stats.completed, stats.blocked, stats.threads), (2, 0, 0));
    });
}

/// W6: two in a row, out of one batch and the next.
#[test]
fn a_chain_of_blocked_workers() {
    large_model(|| {
        let pool = unstarted(1);
        let gates = [(); 2].map(|()| Gate::new());
        let [first, second] = gates.each_ref().map(Arc::clone);
        let [opens_first, opens_second] = gates;
        let outer = pool.call_in_thread(move || blocking(|| first.pass())).unwrap();
        let middle = move || {
            blocking(|| second.pass());
            opens_first.open();
        };
        pool.call_in_thread(middle).unwrap();
        pool.call_in_thread(move || opens_second.open()).unwrap();
        pool.start().unwrap();
        run_through(&outer);
        pool.stop();
        let stats = pool.stats();
        assert_eq!((stats.completed, stats.blocked, stats.threads), (3, 0, 0));
    });
}

/// The thread that is one too many in the end goes by itself, idle or at work, and with it no job.
#[test]
fn a_worker_that_goes_on_against_its_spare() {
    loom::model(|| {
        let (pool, gate) = (pool(1), Gate::new());
        let (waits, ran) = (Arc::clone(&gate), Count::default());
        pool.call_in_thread(move || blocking(|| waits.pass())).unwrap();
        pool.call_in_thread(move || gate.open()).unwrap();
        let last = pool.call_in_thread(ran.up()).unwrap();
        assert_eq!(last.wait(), Ok(JobState::Finished));
        pool.stop();
        assert_eq!((ran.get(), pool.stats().completed), (1, 3));
    });
}
