//! What each worker of a pool is doing now.
//!
//! For a person who looks at a program that does not get on: each thread by name, and the job on
//! it by name, line and age.

use std::fmt;
use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

use crate::counted::{self, counted};
use crate::lifetime::PoolState;
use crate::pool::ThreadPool;
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
    /// Where it is in its life.
    pub state: PoolState,
    /// How many threads there may be.
    pub max_threads: usize,
    /// The numbers.
    pub stats: PoolStats,
    /// The threads, in the order in which they were started. They are looked at one after the
    /// other, and a moment after the numbers.
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
    /// True if it sleeps until there is something to do.
    pub idle: bool,
}

impl fmt::Display for PoolReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { pool, state, max_threads, stats, workers } = self;
        let PoolStats { threads, idle, busy, blocked, queued, .. } = stats;
        write!(f, "pool {pool}: ")?;
        if *state != PoolState::Running {
            write!(f, "{state}; ")?;
        }
        write!(
            f,
            "{} (at most {max_threads}), {idle} idle, {busy} busy, {blocked} of them blocked; {}",
            counted::threads(*threads),
            counted::waiting(*queued)
        )?;
        if let Some(wait) = stats.oldest_wait {
            write!(f, ", the oldest for {wait:.1?}")?;
        }
        if stats.waiting_for_room > 0 {
            let waiting = stats.waiting_for_room;
            let who = counted(waiting, "submitter waits", "submitters wait");
            write!(f, "; {who} for room")?;
        }
        workers.iter().try_for_each(|worker| write!(f, "\n  {worker}"))
    }
}

impl fmt::Display for WorkerReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(RunningJob { name, location, age, blocked, .. }) = &self.job else {
            let what = if self.idle { "idle" } else { "between jobs" };
            return write!(f, "{}: {what}", self.thread);
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

impl ThreadPool {
    /// Returns what each thread is doing now: print it where a program does not get on.
    ///
    /// # Examples
    ///
    /// ```
    /// use ropewalk_threadpool::ThreadPool;
    ///
    /// let pool = ThreadPool::builder().name("files").build()?;
    /// pool.start()?;
    /// pool.call_in_thread(|| ())?.wait()?;
    /// let report = pool.report().to_string();
    /// assert!(report.starts_with("pool files: 1 thread (at most 10)"), "{report}");
    /// assert!(report.contains("files-1"), "{report}");
    /// # pool.stop();
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn report(&self) -> PoolReport {
        let (stats, shared) = (self.stats(), self.shared());
        let core = shared.core();
        let (state, max_threads) = (shared.state(&core), core.state.max());
        let mut seats: Vec<(Arc<Seat>, bool)> = core.seats_and_idleness();
        drop(core);
        seats.sort_by_key(|(seat, _)| seat.number);
        let now = shared.now();
        let workers = seats.into_iter().map(|(seat, idle)| WorkerReport {
            thread: Arc::clone(&seat.name),
            job: running_job(&seat, now),
            idle,
        });
        let (pool, workers) = (Arc::clone(&shared.config.name), workers.collect());
        PoolReport { pool, state, max_threads, stats, workers }
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
