//! What each worker of a pool is doing now.
//!
//! For a person who looks at a program that does not get on: each thread by name, and the job on
//! it by name, line and age.

use std::fmt;
use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

use crate::seat::Seat;
use crate::shared::{Core, Shared};
use crate::stats::PoolStats;

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
    /// For how long it has been inside of [`blocking`](crate::blocking()); none if it is not.
    pub blocked: Option<Duration>,
    /// The name of its thread.
    pub thread: Arc<str>,
}

impl fmt::Display for RunningJob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, location, age, blocked, thread } = self;
        write!(f, "{name}, submitted at {location}, for {age:.1?} on {thread}")?;
        match blocked {
            Some(blocked) => write!(f, ", blocked for {blocked:.1?}"),
            None => Ok(()),
        }
    }
}

/// What a pool is doing, from [`ThreadPool::report`](crate::ThreadPool::report).
///
/// Its `Display` is one line for the pool and one for each of its threads.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PoolReport {
    /// The name of the pool.
    pub pool: Arc<str>,
    /// How many threads there may be.
    pub max_threads: usize,
    /// The numbers.
    pub stats: PoolStats,
    /// The threads, in the order in which they were started.
    pub workers: Vec<WorkerReport>,
}

/// One thread of a [`PoolReport`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct WorkerReport {
    /// The name of the thread.
    pub thread: Arc<str>,
    /// What it runs; none if it is idle, or between two jobs.
    pub job: Option<RunningJob>,
}

impl fmt::Display for PoolReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { pool, max_threads, stats, workers } = self;
        let PoolStats { threads, idle, busy, blocked, queued, .. } = stats;
        write!(
            f,
            "pool {pool}: {threads} threads (at most {max_threads}), {idle} idle, {busy} busy, \
             {blocked} of them blocked; {queued} jobs wait"
        )?;
        if let Some(wait) = stats.oldest_wait {
            write!(f, ", the oldest for {wait:.1?}")?;
        }
        workers.iter().try_for_each(|worker| write!(f, "\n  {worker}"))
    }
}

impl fmt::Display for WorkerReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(RunningJob { name, location, age, blocked, .. }) = &self.job else {
            return write!(f, "{}: idle", self.thread);
        };
        let thread = &self.thread;
        match blocked {
            None => write!(f, "{thread}: runs {name}, submitted at {location}, for {age:.1?}"),
            Some(blocked) => write!(
                f,
                "{thread}: blocked for {blocked:.1?} in {name}, submitted at {location}, \
                 for {age:.1?}"
            ),
        }
    }
}

impl Core {
    /// The running jobs, the oldest first.
    pub(crate) fn running_jobs(&self, shared: &Shared) -> Vec<RunningJob> {
        let now = shared.now();
        let seats = self.workers.iter().flatten().map(|worker| &*worker.seat);
        let mut jobs: Vec<RunningJob> = seats.filter_map(|seat| running_job(seat, now)).collect();
        jobs.sort_by_key(|job| std::cmp::Reverse(job.age));
        jobs
    }
}

/// What the worker at this seat runs.
pub(crate) fn running_job(seat: &Seat, now: u64) -> Option<RunningJob> {
    let job = seat.job()?;
    let header = job.header();
    let since = |start: u64| Duration::from_nanos(now.saturating_sub(start));
    Some(RunningJob {
        name: job.name(),
        location: header.location(),
        age: since(header.started()),
        blocked: seat.blocked_since().map(since),
        thread: Arc::clone(&seat.name),
    })
}
