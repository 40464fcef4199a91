//! The numbers of a pool.
//!
//! The jobs are counted where they are: those accepted under the lock, those claimed in the batch,
//! those that ended by each worker for itself. For a snapshot the claims are held for a moment, so
//! that the numbers are of one instant.

use std::sync::Arc;
use std::time::Duration;

use crate::histogram::Histogram;
use crate::seat::Seat;
use crate::shared::{Core, Shared};

/// One consistent snapshot of a pool.
///
/// `threads == idle + busy` holds in each snapshot, and every job accepted is in exactly one of
/// `queued`, `busy`, `completed`, `panicked`, `cancelled` and `returned`.
///
/// Twisted: `ThreadPool.dumpStats`, `workers`, `working`, `waiters`.
#[doc(alias = "dumpStats")]
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct PoolStats {
    /// Threads of the pool now, those on their way to a job included.
    pub threads: usize,
    /// Threads that run no job.
    pub idle: usize,
    /// Threads inside a job.
    pub busy: usize,
    /// Busy threads whose job waits inside of [`blocking`](crate::blocking()).
    pub blocked: usize,
    /// Jobs that wait.
    pub queued: usize,
    /// Submitters that sleep until there is room for their job, which is not in `queued`.
    pub waiting_for_room: usize,
    /// How long the oldest waiting job has waited; none if none waits.
    pub oldest_wait: Option<Duration>,
    /// Jobs that returned.
    pub completed: u64,
    /// Jobs that panicked, or whose callback did.
    pub panicked: u64,
    /// Jobs that left the queue without being run.
    pub cancelled: u64,
    /// Jobs that [`stop_now`](crate::ThreadPool::stop_now) handed back.
    pub returned: u64,
    /// Submissions that were refused, each time anew for one that was tried again.
    pub rejected: u64,
    /// How long the jobs that were run had waited.
    pub queue_wait: Histogram,
    /// How long they ran, their callbacks included. Jobs that still run are not in it.
    pub run_time: Histogram,
}

/// What is kept of the workers that are gone, and counters that only grow.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    completed: u64,
    panicked: u64,
    skipped: u64,
    pub(crate) rejected: u64,
    queue_wait: Histogram,
    run_time: Histogram,
}

impl Tally {
    /// The worker of this seat is gone, or was never there.
    pub(crate) fn keep(&mut self, seat: &Seat) {
        self.completed += seat.completed.get();
        self.panicked += seat.panicked.get();
        self.skipped += seat.skipped.get();
        seat.queue_wait.add_to(&mut self.queue_wait);
        seat.run_time.add_to(&mut self.run_time);
    }
}

/// Where the jobs are.
struct Account {
    queued: usize,
    busy: usize,
    cancelled: u64,
    completed: u64,
    panicked: u64,
}

impl Core {
    pub(crate) fn seats(&self) -> impl Iterator<Item = &Arc<Seat>> {
        self.workers.iter().flatten().map(|worker| &worker.seat)
    }

    /// The account when `accepted` jobs have come in and `left` have left the queue.
    fn account(&self, accepted: u64, left: u64) -> Account {
        let queue = &self.queue;
        let mut completed = self.tally.completed;
        let mut panicked = self.tally.panicked;
        let mut skipped = self.tally.skipped + queue.swept;
        for seat in self.seats() {
            completed += seat.completed.get();
            panicked += seat.panicked.get();
            skipped += seat.skipped.get();
        }
        let (unclaimed, cancelled) = (accepted.saturating_sub(left), queue.cancelled);
        // A worker that has come to a cancelled job counts it a moment later: until then it is
        // taken for busy, and the job for one that is still in the queue.
        let lingering = cancelled.saturating_sub(skipped).min(unclaimed);
        let over = completed + panicked + queue.returned + (cancelled - lingering);
        Account {
            queued: usize::try_from(unclaimed - lingering).unwrap_or(usize::MAX),
            busy: usize::try_from(left.saturating_sub(over)).unwrap_or(usize::MAX),
            cancelled,
            completed,
            panicked,
        }
    }

    /// How many cancelled jobs are still in the queue.
    pub(crate) fn lingering(&self) -> u64 {
        let skipped: u64 = self.seats().map(|seat| seat.skipped.get()).sum();
        self.queue.cancelled.saturating_sub(self.queue.swept + self.tally.skipped + skipped)
    }
}

impl Shared {
    /// How many jobs wait.
    pub(crate) fn queued(&self, core: &Core) -> usize {
        let accepted = self.inbox().accepted;
        core.account(accepted, core.queue.left()).queued
    }

    pub(crate) fn stats(&self) -> PoolStats {
        let core = self.core();
        let inbox = self.inbox();
        let claimed = core.queue.hold();
        let account = core.account(inbox.accepted, core.queue.left_when(claimed));
        let oldest = core.queue.oldest(&inbox, Some(claimed));
        let oldest_wait = oldest.map(|job| job.header().submitted());
        core.queue.resume(claimed);
        drop(inbox);
        let threads = core.state.threads();
        let busy = account.busy.min(threads);
        let mut stats = PoolStats {
            threads,
            idle: threads - busy,
            busy,
            blocked: core.state.blocked(),
            queued: account.queued,
            waiting_for_room: core.room.waiters(),
            oldest_wait: None,
            completed: account.completed,
            panicked: account.panicked,
            cancelled: account.cancelled,
            returned: core.queue.returned,
            rejected: core.tally.rejected,
            queue_wait: core.tally.queue_wait.clone(),
            run_time: core.tally.run_time.clone(),
        };
        let seats: Vec<Arc<Seat>> = core.seats().map(Arc::clone).collect();
        drop(core);
        // Not of the very same instant, and long to add up: not under the lock.
        for seat in seats {
            seat.queue_wait.add_to(&mut stats.queue_wait);
            seat.run_time.add_to(&mut stats.run_time);
        }
        let now = self.now();
        let wait = |since: u64| Duration::from_nanos(now.saturating_sub(since));
        stats.oldest_wait = oldest_wait.filter(|_| stats.queued > 0).map(wait);
        stats
    }
}
