//! The watch over a pool that does not get on.
//!
//! A stall is: jobs wait, every worker is inside a job, and for `stall_after` none of those jobs
//! has finished. The usual reason is the one of the Twisted text, jobs that wait for other jobs
//! which wait in the queue. Nothing in such a pool moves, so a thread of its own has to look: it
//! is started when jobs have to wait for a busy worker, and ends as soon as the pool is quiet, or
//! at its next look when none waits any more. An idle pool has no such thread, so no wake-ups.
//!
//! The hook runs on that thread, under no lock. `stop` does not wait for it.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::job::drop_contained;
use crate::shared::{Core, Shared, Watcher};
use crate::stats::RunningJob;
use crate::sync::{lock, wait_until};
use crate::worker;

/// The least time between two looks at a stall that has been reported.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

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
    /// The jobs that hold the threads, the oldest first.
    pub jobs: Vec<RunningJob>,
}

impl fmt::Display for StallReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { pool, queued, oldest_wait, threads, max_threads, jobs } = self;
        write!(
            f,
            "pool {pool} is stalled: {queued} jobs wait, the oldest for {oldest_wait:.1?}, and \
             all {threads} threads (at most {max_threads}) are busy; raise max_threads if these \
             jobs wait for those in the queue"
        )?;
        for job in jobs {
            write!(f, "\n  {job}")?;
        }
        Ok(())
    }
}

/// The life of the watching thread.
pub(crate) fn watch(shared: &Arc<Shared>, stall_after: Duration) {
    worker::enter(shared);
    // The number of jobs started when a stall was reported: as long as it stands, that stall lasts.
    let mut reported = None;
    let mut core = lock(&shared.core);
    while core.state.waiting() > 0 {
        let now = Instant::now();
        let due = if reported == Some(core.tally.started) {
            now.checked_add(stall_after.max(LOOK_AGAIN))
        } else {
            core.stall_due(now, stall_after)
        };
        if due.is_some_and(|due| due <= now) {
            reported = Some(core.tally.started);
            let report = core.stall_report(shared);
            drop(core);
            tell(shared, &report);
            core = lock(&shared.core);
            continue;
        }
        core = wait_until(&shared.watch, core, due).0;
    }
    core.watcher = Watcher::Absent;
    drop(core);
}

/// Warns, and calls the hook.
fn tell(shared: &Shared, report: &StallReport) {
    tracing::warn!(pool = &*report.pool, queued = report.queued, "{report}");
    if let Some(on_stall) = &shared.config.on_stall {
        let told = catch_unwind(AssertUnwindSafe(|| on_stall(report)));
        if let Err(payload) = told {
            tracing::error!(pool = &*report.pool, "the on_stall hook panicked");
            drop_contained(payload);
        }
    }
}

impl Core {
    /// When the present state becomes a stall if nothing changes; none if never.
    fn stall_due(&self, now: Instant, stall_after: Duration) -> Option<Instant> {
        if !self.state.is_saturated() {
            return now.checked_add(stall_after.max(LOOK_AGAIN));
        }
        // With jobs waiting, one starts whenever one finishes: the last start is the last finish.
        let last_start =
            self.workers.iter().flatten().filter_map(|it| it.running).map(|it| it.since).max();
        let waits_since = self.queue.front().map(|oldest| oldest.since);
        let still_since = last_start.max(waits_since).unwrap_or(now);
        still_since.checked_add(stall_after)
    }

    fn stall_report(&self, shared: &Shared) -> StallReport {
        StallReport {
            pool: Arc::clone(&shared.config.name),
            queued: self.state.queued(),
            oldest_wait: self.queue.front().map(|it| it.since.elapsed()).unwrap_or_default(),
            threads: self.state.threads(),
            max_threads: self.state.max(),
            jobs: self.running_jobs(),
        }
    }
}
