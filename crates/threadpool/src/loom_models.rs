//! The pool's own code under loom: every interleaving of submitting, parking and stopping.
//!
//! Each model uses pools without a watch and with no more threads than the model needs, since
//! every thread multiplies the schedules. A lost wake-up shows as a deadlock, which loom reports.
//! Run: `RUSTFLAGS="--cfg loom" LOOM_MAX_PREEMPTIONS=2 cargo test -p ropewalk-threadpool
//! --release --lib loom`.

use std::sync::Arc as StdArc;
use std::sync::atomic::{AtomicUsize as StdAtomicUsize, Ordering::Relaxed};

use loom::thread;
use std::time::Duration;

use crate::sync::{Condvar, Mutex, lock, wait_until};
use crate::{JobState, SubmitErrorKind, ThreadPool};

/// What one job waits for and another opens.
struct Gate {
    open: Mutex<bool>,
    opened: Condvar,
}

impl Gate {
    fn new() -> StdArc<Self> {
        StdArc::new(Self { open: Mutex::new(false), opened: Condvar::new() })
    }

    fn open(&self) {
        *lock(&self.open) = true;
        self.opened.notify_one();
    }

    fn pass(&self) {
        let mut open = lock(&self.open);
        while !*open {
            open = wait_until(&self.opened, open, None).0;
        }
    }
}

fn pool(threads: usize) -> ThreadPool {
    let builder = ThreadPool::builder().min_threads(threads).max_threads(threads);
    let pool = builder.grow_after(Duration::ZERO).stall_after(None).build().unwrap();
    pool.start().unwrap();
    pool
}

/// A count that is no part of the protocol, so loom need not explore it.
fn counter() -> (StdArc<StdAtomicUsize>, impl Fn() + Clone + Send + 'static) {
    let count = StdArc::new(StdAtomicUsize::new(0));
    let counted = StdArc::clone(&count);
    let add = move || {
        counted.fetch_add(1, Relaxed);
    };
    (count, add)
}

/// The second job finds the worker parked, about to park, or still at work.
#[test]
fn a_parking_worker_misses_no_job() {
    loom::model(|| {
        let pool = pool(1);
        let (ran, count) = counter();
        pool.call_in_thread(count.clone()).unwrap();
        pool.call_in_thread(count).unwrap();
        pool.stop();
        assert_eq!(ran.load(Relaxed), 2);
        assert_eq!(pool.stats().threads, 0);
    });
}

/// Jobs that wait for other jobs: each submission must get a worker of its own.
#[test]
fn a_job_may_wait_for_a_later_one() {
    loom::model(|| {
        let pool = pool(2);
        let gate = Gate::new();
        let waits = StdArc::clone(&gate);
        pool.call_in_thread(move || waits.pass()).unwrap();
        pool.call_in_thread(move || gate.open()).unwrap();
        pool.stop();
        assert_eq!(pool.stats().completed, 2);
    });
}

/// The same from inside: a job submits what it then waits for, while both workers may be idle.
#[test]
fn a_job_may_wait_for_one_that_it_submits() {
    loom::model(|| {
        let pool = pool(2);
        let inner = pool.clone();
        let over = Gate::new();
        let tell = StdArc::clone(&over);
        let outer = move || {
            let gate = Gate::new();
            let opens = StdArc::clone(&gate);
            inner.call_in_thread(move || opens.open()).unwrap();
            gate.pass();
            tell.open();
        };
        pool.call_in_thread(outer).unwrap();
        over.pass();
        pool.stop();
        assert_eq!(pool.stats().completed, 2);
    });
}

/// Two submitters never claim the same worker.
#[test]
fn two_submitters_at_once() {
    loom::model(|| {
        let pool = pool(1);
        let (ran, count) = counter();
        let (other, counts) = (pool.clone(), count.clone());
        let submitter = thread::spawn(move || drop(other.call_in_thread(counts).unwrap()));
        pool.call_in_thread(count).unwrap();
        submitter.join().unwrap();
        pool.stop();
        assert_eq!(ran.load(Relaxed), 2);
    });
}

/// A submission that races with the stop either runs or is refused: W20.
#[test]
fn a_submission_against_the_stop() {
    loom::model(|| {
        let pool = pool(1);
        let (ran, count) = counter();
        let other = pool.clone();
        let submitter =
            thread::spawn(move || other.call_in_thread(count).map_err(|error| error.kind()));
        pool.stop();
        match submitter.join().unwrap() {
            Ok(handle) => {
                assert_eq!(ran.load(Relaxed), 1);
                assert_eq!(handle.state(), JobState::Finished);
            }
            Err(kind) => {
                assert_eq!(kind, SubmitErrorKind::Stopped);
                assert_eq!(ran.load(Relaxed), 0);
            }
        }
    });
}

/// A job is cancelled or run, never both and never neither.
#[test]
fn a_cancellation_against_the_worker() {
    loom::model(|| {
        let pool = pool(1);
        let (ran, count) = counter();
        let handle = pool.call_in_thread(count).unwrap();
        let cancelled = handle.cancel();
        pool.stop();
        assert_eq!(ran.load(Relaxed), usize::from(!cancelled));
        let stats = pool.stats();
        assert_eq!(
            (stats.cancelled, stats.completed),
            (u64::from(cancelled), u64::from(!cancelled))
        );
    });
}

/// `close` tells once that everything has finished, whoever comes last.
#[test]
fn a_close_against_the_last_job() {
    loom::model(|| {
        let pool = pool(1);
        let (ran, count) = counter();
        pool.call_in_thread(count).unwrap();
        let drained = Gate::new();
        let tell = StdArc::clone(&drained);
        let (told, tells) = counter();
        pool.close(move || {
            tells();
            tell.open();
        });
        drained.pass();
        assert_eq!(ran.load(Relaxed), 1);
        pool.stop();
        assert_eq!(told.load(Relaxed), 1);
    });
}

/// Raising the maximum against a worker that falls idle: the waiting job runs once.
#[test]
fn a_resize_against_a_worker_that_falls_idle() {
    loom::model(|| {
        let pool = pool(1);
        let (ran, count) = counter();
        pool.call_in_thread(count.clone()).unwrap();
        pool.call_in_thread(count).unwrap();
        pool.adjust_pool_size(1, 2).unwrap();
        pool.stop();
        assert_eq!(ran.load(Relaxed), 2);
    });
}
