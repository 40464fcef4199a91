//! Sizes: what is refused, and what a change starts and ends.

use std::sync::mpsc::channel;
use std::time::Duration;

use ropewalk_testing::{DEADLINE, within};
use ropewalk_threadpool::{BuildError, ThreadPool};

use crate::gate::{Blocker, started, until};

#[test]
fn impossible_sizes_are_refused_by_name() {
    let refused = ThreadPool::builder().min_threads(0).max_threads(0).build().unwrap_err();
    assert!(matches!(refused, BuildError::Size(size) if size.max == 0));
    let refused = ThreadPool::builder().min_threads(7).max_threads(3).build().unwrap_err();
    assert!(matches!(refused, BuildError::Size(size) if (size.min, size.max) == (7, 3)));

    let pool = ThreadPool::builder().min_threads(2).max_threads(4).build().unwrap();
    assert_eq!(pool.adjust_pool_size(7, 3).unwrap_err().min, 7);
    assert_eq!(pool.adjust_pool_size(0, 0).unwrap_err().max, 0);
    assert_eq!(pool.set_max_threads(1).unwrap_err().max, 1);
    assert_eq!(pool.set_min_threads(5).unwrap_err().min, 5);
    assert_eq!((pool.min_threads(), pool.max_threads()), (2, 4));
}

#[test]
fn b3_resizing_a_stopped_or_new_pool_starts_no_thread() {
    within(DEADLINE, || {
        let pool = ThreadPool::builder().build().unwrap();
        let waiting = pool.call_in_thread(|| ()).unwrap();
        pool.adjust_pool_size(6, 12).unwrap();
        assert_eq!(pool.stats().threads, 0);
        waiting.cancel();
        pool.stop();
        pool.adjust_pool_size(8, 20).unwrap();
        assert_eq!(pool.stats().threads, 0);
    });
}

#[test]
fn w8_raising_the_maximum_starts_waiting_jobs_at_once() {
    within(DEADLINE, || {
        let pool = started(0, 1);
        // A wedge: the first waits for the second, for which there is no thread.
        let (sender, receiver) = channel();
        pool.call_in_thread(move || receiver.recv().unwrap()).unwrap();
        pool.call_in_thread(move || sender.send(()).unwrap()).unwrap();
        assert_eq!(pool.stats().threads, 1);
        pool.set_max_threads(2).unwrap();
        assert_eq!(pool.stats().threads, 2);
        pool.stop();
        assert_eq!(pool.stats().completed, 2);
    });
}

#[test]
fn lowering_ends_idle_threads_now_and_busy_ones_when_they_finish() {
    within(DEADLINE, || {
        let pool = started(0, 4);
        let blockers: Vec<Blocker> = (0..4).map(|_| Blocker::on(&pool)).collect();
        let mut blockers = blockers.into_iter();
        blockers.next().unwrap().release();
        until(&pool, |stats| stats.busy == 3);
        pool.set_max_threads(1).unwrap();
        until(&pool, |stats| stats.threads == 3);
        for (left, blocker) in [2, 1].into_iter().zip(&mut blockers) {
            // A waiting job does not keep a thread that is one too many.
            pool.call_in_thread(|| ()).unwrap();
            blocker.release();
            until(&pool, |stats| stats.threads == left);
        }
        assert_eq!(pool.stats().queued, 2);
        blockers.next().unwrap().release();
        until(&pool, |stats| stats.queued == 0 && stats.busy == 0);
        assert_eq!(pool.stats().threads, 1);
    });
}

#[test]
fn lowering_the_minimum_reaches_threads_that_wait_without_a_time_out() {
    within(DEADLINE, || {
        let builder = ThreadPool::builder().min_threads(2).max_threads(2);
        let pool = builder.idle_timeout(Duration::from_millis(1)).build().unwrap();
        pool.start().unwrap();
        let blockers = [Blocker::on(&pool), Blocker::on(&pool)];
        blockers.into_iter().for_each(Blocker::release);
        until(&pool, |stats| stats.busy == 0);
        pool.set_min_threads(0).unwrap();
        until(&pool, |stats| stats.threads == 0);
    });
}
