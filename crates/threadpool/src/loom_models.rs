//! The pool's own code under loom: every interleaving of what its threads do to one another.
//!
//! Each model uses pools without a watch and with no more threads than the model needs, since
//! every thread multiplies the schedules. A lost wake-up shows as a deadlock, which loom reports.
//! Run: `RUSTFLAGS="--cfg loom" LOOM_MAX_PREEMPTIONS=2 cargo test -p ropewalk-threadpool
//! --release --lib loom`.

// Who runs which job, and that somebody does.
mod claims;
// Cancelling what somebody may just be about to run.
mod cancelling;
// Jobs that hand over, and what is submitted for it.
mod handing_over;
// Hooks of a job that is cancelled, or ends, or takes them back.
mod interrupting;
// Jobs that wait for jobs, and the ends that are told.
mod waiting;
// Threads that are added and let go.
mod resizing;
// Submitters that wait for room.
mod room;
// stop, close and stop_now.
mod stopping;

use std::sync::Arc as StdArc;
use std::sync::atomic::{AtomicUsize as StdAtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use crate::sync::{Condvar, Mutex, lock, wait_until};
use crate::{Builder, JobHandle, JobState, PoolStats, ThreadPool};

/// A model with so much in it that more than two preemptions would take minutes.
fn large_model(model: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = builder.preemption_bound.map(|bound| bound.min(2));
    builder.check(model);
}

/// What one thread waits for and another opens.
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
        self.opened.notify_all();
    }

    fn pass(&self) {
        let mut open = lock(&self.open);
        while !*open {
            open = wait_until(&self.opened, open, None).0;
        }
    }
}

/// The settings of a pool without a watch.
fn builder(threads: usize) -> Builder {
    let builder = ThreadPool::builder().min_threads(threads).max_threads(threads);
    builder.grow_after(Duration::ZERO).stall_after(None)
}

/// A pool that is not started.
fn unstarted(threads: usize) -> ThreadPool {
    builder(threads).build().unwrap()
}

/// A started pool.
fn pool(threads: usize) -> ThreadPool {
    let pool = unstarted(threads);
    pool.start().unwrap();
    pool
}

/// Waits until the job has been run. `stop` alone would not do: it wakes everybody, and so hides
/// that somebody slept who was needed.
fn run_through(job: &JobHandle) {
    assert_eq!(job.wait(), Ok(JobState::Finished));
}

/// How often something was done; no part of the protocol, so loom need not explore it.
#[derive(Clone, Default)]
struct Count(StdArc<StdAtomicUsize>);

impl Count {
    /// What counts once when it is called.
    fn up(&self) -> impl Fn() + Send + 'static {
        let own = self.clone();
        move || {
            own.0.fetch_add(1, Relaxed);
        }
    }

    fn get(&self) -> usize {
        self.0.load(Relaxed)
    }
}

/// How many jobs are in the numbers; each is in one of them.
fn accounted(stats: &PoolStats) -> u64 {
    assert_eq!(stats.threads, stats.idle + stats.busy);
    let here = (stats.queued + stats.busy) as u64;
    here + stats.completed + stats.panicked + stats.cancelled + stats.returned
}
