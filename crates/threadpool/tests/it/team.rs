//! What Twisted's tests say of a team of workers, where a pool has a counterpart.
//!
//! It has none for `LockWorker` (B35 to B39), which runs its work on the caller's thread; the
//! memory worker (B40, B41) is the manual pool, which has tests of its own.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Duration;

use ropewalk_testing::{DEADLINE, within};
use ropewalk_threadpool::{PoolState, SubmitErrorKind, ThreadPool};

use crate::gate::{Blocker, started, until};

/// So many jobs that are all on a thread at the same time, and then over.
fn together(pool: &ThreadPool, jobs: usize) {
    let barrier = Arc::new(Barrier::new(jobs + 1));
    for _ in 0..jobs {
        let barrier = Arc::clone(&barrier);
        let job = move || {
            barrier.wait();
        };
        pool.call_in_thread(job).unwrap();
    }
    barrier.wait();
    until(pool, |stats| stats.busy == 0);
}

#[test]
fn b20_b21_b33_the_work_runs_in_a_worker_that_is_busy_meanwhile() {
    within(DEADLINE, || {
        let pool = started(0, 5);
        let stats = pool.stats();
        assert_eq!((stats.idle, stats.busy, stats.queued), (0, 0, 0));
        let (sender, receiver) = channel();
        let own = pool.clone();
        let look = move || sender.send((own.stats().busy, thread::current().id())).unwrap();
        pool.call_in_thread(look).unwrap().wait().unwrap();
        let (busy, ran_on) = receiver.recv().unwrap();
        assert_eq!(busy, 1);
        assert_ne!(ran_on, thread::current().id());
        until(&pool, |stats| stats.busy == 0);
    });
}

/// `grow` has no counterpart: threads start with the need, and stay.
#[test]
fn b22_b24_five_workers_fall_idle_and_three_of_them_can_be_retired() {
    within(DEADLINE, || {
        let pool = started(5, 5);
        together(&pool, 5);
        let stats = pool.stats();
        assert_eq!((stats.threads, stats.idle), (5, 5));
        pool.adjust_pool_size(2, 2).unwrap();
        until(&pool, |stats| stats.threads == 2);
        assert_eq!(pool.stats().idle, 2);
    });
}

#[test]
fn b23_three_workers_of_five_are_no_error() {
    within(DEADLINE, || {
        let asked = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&asked);
        let builder = ThreadPool::builder().min_threads(5).max_threads(5);
        let builder = builder.thread_gate(move || match count.fetch_add(1, Ordering::SeqCst) {
            0..3 => Ok(()),
            _ => Err(io::Error::from(io::ErrorKind::WouldBlock)),
        });
        let pool = builder.build().unwrap();
        pool.start().unwrap();
        let blockers = [Blocker::on(&pool), Blocker::on(&pool), Blocker::on(&pool)];
        let waiting = [(); 2].map(|()| pool.call_in_thread(|| ()).unwrap());
        assert_eq!(pool.stats().threads, 3);
        blockers.into_iter().for_each(Blocker::release);
        for job in waiting {
            assert!(job.wait().unwrap().is_final());
        }
        assert_eq!(pool.stats().threads, 3);
    });
}

#[test]
fn b25_all_workers_can_go_though_not_at_once() {
    within(DEADLINE, || {
        let builder = ThreadPool::builder().min_threads(5).max_threads(5);
        let pool = builder.idle_timeout(Duration::ZERO).build().unwrap();
        pool.start().unwrap();
        together(&pool, 5);
        pool.set_min_threads(0).unwrap();
        until(&pool, |stats| stats.threads == 0);
        together(&pool, 5);
    });
}

/// Where Twisted raises for the second `quit`, a second stop is no error (W19).
#[test]
fn b28_b34_b42_after_the_end_work_is_refused_and_a_second_end_is_none() {
    within(DEADLINE, || {
        let pool = started(0, 2);
        assert_eq!(pool.state(), PoolState::Running);
        pool.stop();
        let refused = pool.call_in_thread(|| unreachable!("refused")).unwrap_err();
        assert_eq!(refused.kind(), SubmitErrorKind::Stopped);
        pool.stop();
        assert_eq!(pool.state(), PoolState::Stopped);
    });
}

#[test]
fn b29_b30_the_end_retires_idle_workers_at_once_and_busy_ones_after_their_work() {
    within(DEADLINE, || {
        let pool = started(10, 10);
        together(&pool, 10);
        let blockers: Vec<Blocker> = (0..5).map(|_| Blocker::on(&pool)).collect();
        let (drained, is_drained) = channel();
        pool.close(move || drained.send(()).unwrap());
        until(&pool, |stats| stats.threads == 5);
        assert_eq!((pool.stats().busy, pool.state()), (5, PoolState::Draining));
        assert!(is_drained.try_recv().is_err());
        blockers.into_iter().for_each(Blocker::release);
        is_drained.recv().unwrap();
        pool.stop();
        assert_eq!(pool.stats().threads, 0);
    });
}

/// The models look at every interleaving of the two; this one at what users see.
#[test]
fn b27_b31_work_that_ends_or_panics_while_the_pool_is_closed_breaks_nothing() {
    within(DEADLINE, || {
        for number in 0..200 {
            let pool = started(0, 1);
            let job = pool.call_in_thread(move || assert!(number % 2 == 0, "it is odd")).unwrap();
            let (drained, is_drained) = channel();
            pool.close(move || drained.send(()).unwrap());
            is_drained.recv().unwrap();
            assert!(job.state().is_final());
            let stats = pool.stats();
            assert_eq!((stats.completed + stats.panicked, stats.panicked), (1, number % 2));
        }
    });
}
