//! What the pool tells about itself.
//!
//! Everything here is copied out under one lock, so the numbers of one snapshot fit together.

use std::fmt;
use std::panic::Location;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::shared::Core;

/// One consistent snapshot of a pool.
///
/// `threads == idle + busy` holds in each snapshot, and every job accepted is in exactly one of
/// `queued`, `busy`, `completed`, `panicked` and `cancelled`.
///
/// Twisted: `ThreadPool.dumpStats`, `workers`, `working`, `waiters`.
#[doc(alias = "dumpStats")]
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct PoolStats {
    /// Threads of the pool now, those on their way to a job included.
    pub threads: usize,
    /// Threads that run no job.
    pub idle: usize,
    /// Threads inside a job.
    pub busy: usize,
    /// Jobs that wait.
    pub queued: usize,
    /// How long the oldest waiting job has waited; none if none waits.
    pub oldest_wait: Option<Duration>,
    /// Jobs that returned.
    pub completed: u64,
    /// Jobs that panicked, or whose callback did.
    pub panicked: u64,
    /// Jobs that left the queue without being run.
    pub cancelled: u64,
    /// Submissions that were refused.
    pub rejected: u64,
}

/// A job that is being run.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RunningJob {
    /// The type name of its closure.
    pub name: &'static str,
    /// Where it was submitted.
    pub location: &'static Location<'static>,
    /// How long it has been running.
    pub age: Duration,
    /// The name of its thread.
    pub thread: Arc<str>,
}

impl fmt::Display for RunningJob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, location, age, thread } = self;
        write!(f, "{name}, submitted at {location}, for {age:.1?} on {thread}")
    }
}

/// The counters that only grow.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) started: u64,
    pub(crate) completed: u64,
    pub(crate) panicked: u64,
    pub(crate) cancelled: u64,
    pub(crate) rejected: u64,
}

impl Core {
    pub(crate) fn stats(&self) -> PoolStats {
        let Tally { completed, panicked, cancelled, rejected, .. } = self.tally;
        let (threads, busy) = (self.state.threads(), self.state.busy());
        PoolStats {
            threads,
            idle: threads.saturating_sub(busy),
            busy,
            queued: self.state.queued(),
            oldest_wait: self.queue.front().map(|oldest| oldest.since.elapsed()),
            completed,
            panicked,
            cancelled,
            rejected,
        }
    }

    /// The running jobs, the oldest first.
    pub(crate) fn running_jobs(&self) -> Vec<RunningJob> {
        let now = Instant::now();
        let mut jobs: Vec<RunningJob> = self
            .workers
            .iter()
            .flatten()
            .filter_map(|worker| {
                let running = worker.running?;
                Some(RunningJob {
                    name: running.name,
                    location: running.location,
                    age: now.saturating_duration_since(running.since),
                    thread: Arc::clone(&worker.name),
                })
            })
            .collect();
        jobs.sort_by_key(|job| std::cmp::Reverse(job.age));
        jobs
    }
}
