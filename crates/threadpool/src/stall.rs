//! The report of a pool that does not get on.
//!
//! A stall is: jobs wait, every worker is inside a job, no thread may be added, and for
//! `stall_after` none of those jobs has finished. The usual reason is the one of the Twisted text,
//! jobs that wait for other jobs which wait in the queue.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use crate::counted::{self, counted};
use crate::events;
use crate::job::drop_contained;
use crate::pool::ThreadPool;
use crate::report::RunningJob;
use crate::shared::{Core, Shared};

/// A pool in which nothing gets on: who holds the threads, and how many wait behind.
///
/// Its `Display` is a few lines for a log, one for each running job.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct StallReport {
    /// The name of the pool.
    pub pool: Arc<str>,
    /// How many jobs wait.
    pub queued: usize,
    /// How long the oldest of them has waited.
    pub oldest_wait: Duration,
    /// How many threads there are, all of them busy.
    pub threads: usize,
    /// How many there may be.
    pub max_threads: usize,
    /// How many of them wait inside of [`blocking`](crate::blocking()).
    pub blocked: usize,
    /// How many of those may be made up for.
    pub max_spare_threads: usize,
    /// The jobs that hold the threads, the oldest first.
    pub jobs: Vec<RunningJob>,
}

impl fmt::Display for StallReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { pool, queued, oldest_wait, threads, max_threads, .. } = self;
        let waiting = counted::waiting(*queued);
        write!(f, "pool {pool} is stalled: {waiting}, the oldest for {oldest_wait:.1?}, and ")?;
        if *threads == 1 {
            write!(f, "the only thread (at most {max_threads}) is busy; if what it runs")?;
        } else {
            write!(f, "all {threads} threads (at most {max_threads}) are busy; if what they run")?;
        }
        f.write_str(" waits for what is in the queue, ")?;
        if self.blocked > self.max_spare_threads {
            let blocked = counted(self.blocked, "thread blocks", "threads block");
            let spare = self.max_spare_threads;
            write!(f, "raise max_spare_threads: {blocked}, and {spare} may")?;
        } else {
            f.write_str("wait inside of blocking(), or raise max_threads")?;
        }
        self.jobs.iter().try_for_each(|job| write!(f, "\n  {job}"))
    }
}

/// Who hears of stalls beside the hook, for as long as he is there.
pub(crate) type Listeners = Mutex<Vec<Weak<dyn Fn() + Send + Sync>>>;

/// Warns, and calls the listeners and the hook.
pub(crate) fn tell(shared: &Shared, report: &StallReport) {
    let (pool, queued) = (&*report.pool, report.queued);
    events::tell(|| tracing::warn!(pool, queued, "{report}"));
    let present: Vec<_> = {
        let mut listeners = listeners(shared);
        listeners.retain(|listener| listener.strong_count() > 0);
        listeners.iter().filter_map(Weak::upgrade).collect()
    };
    present.iter().for_each(|listener| listener());
    if let Some(on_stall) = &shared.config.on_stall {
        let told = catch_unwind(AssertUnwindSafe(|| on_stall(report)));
        if let Err(payload) = told {
            events::tell(|| tracing::error!(pool, "the on_stall hook panicked"));
            drop_contained(payload);
        }
    }
}

fn listeners(shared: &Shared) -> MutexGuard<'_, Vec<Weak<dyn Fn() + Send + Sync>>> {
    shared.stall_listeners.lock().unwrap_or_else(PoisonError::into_inner)
}

impl ThreadPool {
    /// Has `listener` called at each stall, on the watching thread, until its last owner drops it.
    /// It must not panic. For crates that watch over pools.
    #[doc(hidden)]
    pub fn on_stalls(&self, listener: &Arc<dyn Fn() + Send + Sync>) {
        let mut listeners = listeners(self.shared());
        listeners.retain(|listener| listener.strong_count() > 0);
        listeners.push(Arc::downgrade(listener));
    }

    /// The report of the stall that lasts now, whether it has been reported or not. For crates that
    /// watch over pools.
    #[doc(hidden)]
    #[must_use]
    pub fn stalled(&self) -> Option<StallReport> {
        let (shared, now) = (self.shared(), Instant::now());
        let core = shared.core();
        let claimed = core.queue.claimed();
        let due = core.stall_due(shared, now, None)?;
        if due <= now { core.stall_report(shared, claimed) } else { None }
    }
}

impl Core {
    /// What there is to say of a stall that is due; none if it has just come to its end: jobs end, and
    /// further ones are claimed, without the lock. `claimed` was read before the look.
    pub(crate) fn stall_report(&self, shared: &Shared, claimed: u64) -> Option<StallReport> {
        let since = self.oldest_wait_since(shared);
        let report = StallReport {
            pool: Arc::clone(&shared.config.name),
            queued: shared.queued(self),
            oldest_wait: since.map(|since| since.elapsed()).unwrap_or_default(),
            threads: self.state.threads(),
            max_threads: self.state.max(),
            blocked: self.state.blocked(),
            max_spare_threads: self.state.spare(),
            jobs: self.running_jobs(shared),
        };
        let is_whole = report.jobs.len() >= report.threads && self.queue.claimed() == claimed;
        is_whole.then_some(report)
    }
}
