//! The watch over jobs that have to wait for a busy worker.
//!
//! Two things come due in a pool in which nothing may move: another thread, once the head of the
//! queue has waited for `grow_after`, and a stall, when for `stall_after` no job has finished. No
//! worker is free to look, so a thread of its own does. It is started when jobs have to wait, and
//! ends as soon as the pool is quiet, or at its next look when none waits any more. An idle pool
//! has no such thread, so no wake-ups.
//!
//! The hook of a stall runs on that thread, under no lock. `stop` does not wait for it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::chores::Chores;
use crate::place::{self, Place};
use crate::shared::{Core, RETRY_THREAD, Shared};
use crate::stall;
use crate::sync::{MutexGuard, wait_until};

/// How soon after one thread the next may be started, if the jobs have waited for long enough.
const NEXT_THREAD: Duration = Duration::from_millis(1);

/// The least time between two looks at a pool that is not stalled, or whose stall is known.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// A watch that sleeps no longer than this is not woken to be told that it may go.
const SHORT: Duration = Duration::from_millis(10);

/// The watching thread, as the others see it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Watcher {
    Absent,
    /// It will look soon, by itself.
    Awake,
    /// It sleeps until a time that is far.
    Asleep {
        /// Also until another thread is due; if not, it has to be told when one may be had. In any
        /// case when one is refused.
        minds_growth: bool,
    },
    /// The system gave no thread for it; not tried again until the pool was quiet.
    Refused,
}

impl Watcher {
    pub(crate) fn is_refused(self) -> bool {
        self == Self::Refused
    }

    /// The pool has come to rest: no watch is needed.
    pub(crate) fn rest(&mut self, shared: &Shared) {
        match self {
            Self::Asleep { .. } => shared.watch.notify_one(),
            Self::Refused => *self = Self::Absent,
            Self::Absent | Self::Awake => {}
        }
    }
}

/// True if jobs that have to wait would be a reason to see to the watch.
///
/// `at_once` as in [`State::may_step`](crate::state::State::may_step): what can be done at once
/// needs no watch, unless it has failed.
pub(crate) fn may_arm(shared: &Shared, core: &Core, at_once: bool) -> bool {
    core.state.is_used_up()
        && (core.refused_at.is_some() || !core.state.may_step(at_once))
        && match core.watcher {
            Watcher::Awake | Watcher::Refused => false,
            Watcher::Asleep { minds_growth } => {
                core.state.may_grow() && (!minds_growth || core.refused_at.is_some())
            }
            Watcher::Absent => shared.config.stall_after.is_some() || core.state.may_grow(),
        }
}

/// Sees to a watch if jobs have to wait; true if that was done.
pub(crate) fn arm(shared: &Arc<Shared>, core: &mut Core, at_once: bool) -> bool {
    if !may_arm(shared, core, at_once) || !core.state.is_short(shared.unclaimed(core)) {
        return false;
    }
    if core.watcher == Watcher::Absent {
        let own = Arc::clone(shared);
        let thread = shared.thread(format!("{}-watch", shared.config.name));
        let allowed = shared.config.watch_gate.as_ref().map_or(Ok(()), |gate| gate());
        let spawned = allowed.and_then(|()| thread.spawn(move || watch(&own)));
        core.watcher = if spawned.is_ok() { Watcher::Awake } else { Watcher::Refused };
    } else {
        shared.watch.notify_one();
        core.watcher = Watcher::Awake;
    }
    true
}

/// The life of the watching thread.
fn watch(shared: &Arc<Shared>) {
    place::enter(Place::new(shared, None));
    // How many jobs workers had claimed when a stall was reported: as long as it stands, that
    // stall lasts.
    let mut reported = None;
    let mut first = true;
    let mut core = shared.core();
    while core.state.waiting(shared.unclaimed(&core)) > 0 || first {
        let now = Instant::now();
        let growth;
        (core, growth) = grow(shared, core, now);
        // Before the look at the jobs: one that is claimed meanwhile counts as news.
        let claimed = core.queue.claimed();
        let stall = core.stall_due(shared, now, reported);
        let is_due = stall.is_some_and(|due| due <= now);
        let report = if is_due { core.stall_report(shared, claimed) } else { None };
        if let Some(report) = report {
            reported = Some(claimed);
            drop(core);
            stall::tell(shared, &report);
            core = shared.core();
            continue;
        }
        // A flood of short jobs comes and goes; so that a watch does not come and go with each, it
        // has one short look first.
        let soon = if first { now.checked_add(SHORT) } else { None };
        first = false;
        let due = [growth, stall, soon].into_iter().flatten().min();
        let is_soon = due.is_some_and(|due| due.saturating_duration_since(now) <= SHORT);
        let minds_growth = core.state.may_grow();
        core.watcher = if is_soon { Watcher::Awake } else { Watcher::Asleep { minds_growth } };
        core = wait_until(&shared.watch, core, due).0;
    }
    // The next that has to wait needs another watch.
    core.watcher = Watcher::Absent;
    let mut chores = Chores::default();
    shared.advance(&mut core, &mut chores, false);
    drop(core);
    shared.finish(chores);
}

/// Starts a thread if the head of the queue has waited for long enough; when to look again.
fn grow<'a>(
    shared: &'a Arc<Shared>,
    mut core: MutexGuard<'a, Core>,
    now: Instant,
) -> (MutexGuard<'a, Core>, Option<Instant>) {
    if !core.state.may_grow() {
        return (core, None);
    }
    let since = core.oldest_wait_since(shared).unwrap_or(now);
    // A thread that the system refused was due, perhaps whatever the wait, and others with it.
    let is_overdue = core.refused_at.is_some();
    let wait = if is_overdue { Duration::ZERO } else { shared.config.grow_after };
    let Some(due) = since.checked_add(wait) else { return (core, None) };
    if due > now {
        return (core, Some(due));
    }
    let mut chores = Chores::default();
    while shared.take_step(&mut core, &mut chores, true) && is_overdue {}
    let again = if core.refused_at.is_some() { RETRY_THREAD } else { NEXT_THREAD };
    drop(core);
    shared.finish(chores);
    (shared.core(), now.checked_add(again))
}

impl Core {
    /// Since when the oldest job has waited.
    pub(crate) fn oldest_wait_since(&self, shared: &Shared) -> Option<Instant> {
        let inbox = shared.inbox();
        let oldest = self.queue.oldest(&inbox, None)?;
        shared.instant(oldest.header().submitted())
    }

    /// When the present state becomes a stall if nothing changes; none if never.
    pub(crate) fn stall_due(
        &self,
        shared: &Shared,
        now: Instant,
        reported: Option<u64>,
    ) -> Option<Instant> {
        let stall_after = shared.config.stall_after?;
        let look_again = now.checked_add(stall_after.max(LOOK_AGAIN));
        let saturated = self.state.is_saturated(shared.unclaimed(self));
        // The places of cancelled jobs wait for nothing.
        let oldest = self.oldest_wait_since(shared).filter(|_| saturated);
        let Some(oldest) = oldest.filter(|_| reported != Some(self.queue.claimed())) else {
            return look_again;
        };
        let jobs = self.workers.iter().flatten().filter_map(|worker| worker.seat.job());
        let starts: Vec<u64> = jobs.map(|job| job.header().started()).collect();
        // A worker that has claimed a job and has not begun it gets on. To call that a stall would
        // hide the one that the job may become.
        if starts.len() < self.state.threads() {
            return look_again;
        }
        // With jobs waiting, one starts whenever one finishes: the last start is the last finish.
        let last_start = starts.into_iter().max().and_then(|start| shared.instant(start));
        last_start.map_or(oldest, |start| start.max(oldest)).checked_add(stall_after)
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::sync::mpsc::channel;
    use std::thread::yield_now;
    use std::time::Duration;

    use ropewalk_testing::{DEADLINE, within};

    use crate::ThreadPool;

    /// A worker between two jobs is there for an instant only, so the test makes one.
    #[test]
    fn w6_a_worker_between_two_jobs_gets_on() {
        within(DEADLINE, || {
            let builder = ThreadPool::builder().min_threads(1).max_threads(1);
            let pool = builder.stall_after(Duration::from_millis(1)).build().unwrap();
            pool.start().unwrap();
            let (gate, gated) = channel::<()>();
            pool.call_in_thread(move || _ = gated.recv()).unwrap();
            pool.call_in_thread(|| ()).unwrap();
            while pool.stalled().is_none() {
                yield_now();
            }
            let seats = pool.shared().core().seats_and_idleness();
            let (seat, _) = &seats[0];
            seat.put_down();
            assert!(pool.stalled().is_none());
            // Nor is there a report if that comes after the look, or more than that.
            let report = |claimed| pool.shared().core().stall_report(pool.shared(), claimed);
            assert!(report(1).is_none());
            seat.take_up(0);
            assert!(pool.stalled().is_some() && report(1).is_some() && report(0).is_none());
            drop(gate);
            pool.stop();
        });
    }
}
