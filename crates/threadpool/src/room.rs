//! Room in the queue: who may still come in, who waits for it, and when it runs high.

use std::sync::Arc;
use std::time::Instant;

use crate::error::{Rejection, SubmitErrorKind};
use crate::job::Run;
use crate::place;
use crate::shared::{Core, Shared};
use crate::state::Phase;
use crate::sync::wait_until;

/// What is called when the queue runs high.
pub(crate) type HighWaterHook = Arc<dyn Fn(usize) + Send + Sync>;

/// From how many jobs on the queue runs high, and whom to tell.
#[derive(Clone)]
pub(crate) struct HighWater {
    pub(crate) jobs: usize,
    pub(crate) hook: HighWaterHook,
}

/// The part of the core that is about room.
#[derive(Debug, Default)]
pub(crate) struct Room {
    /// Submitters that wait.
    waiters: usize,
    /// The mark was reached, and the queue has not been down to half of it since.
    is_high: bool,
}

impl Room {
    pub(crate) fn waiters(&self) -> usize {
        self.waiters
    }
}

impl Shared {
    /// Puts a job into the queue as soon as there is room for it, or fails at `deadline`.
    pub(crate) fn submit_when_room(
        self: &Arc<Self>,
        job: Arc<dyn Run>,
        limit: Option<usize>,
        deadline: Option<Instant>,
    ) -> Result<(), Rejection> {
        let inside = place::is_inside(self) || self.config.is_manual_here();
        let mut core = self.core();
        let mut late = false;
        let refused = loop {
            if core.state.phase() == Phase::Closing {
                break SubmitErrorKind::Stopped;
            }
            // Who waits later comes in later, as far as the condition variable is fair.
            if limit.is_none_or(|limit| self.has_room(&core, limit)) {
                let accepted = self.accept(core, job);
                if accepted.is_err() {
                    // The room that it was told of is left to the next.
                    self.offer_room(&self.core());
                }
                return accepted;
            }
            if inside {
                // It would wait for a thread of this pool, perhaps for its own.
                break SubmitErrorKind::WouldDeadlock;
            }
            if late {
                break SubmitErrorKind::TimedOut;
            }
            core.room.waiters += 1;
            self.keep_calling_workers(true);
            // A worker makes room without the lock. It looks after its claim if it is called: either
            // it sees that and tells, or the claim came before this and is in the number.
            core.queue.resume(core.queue.hold());
            if !limit.is_none_or(|limit| self.has_room(&core, limit)) {
                (core, late) = wait_until(&self.room, core, deadline);
            }
            core.room.waiters -= 1;
            self.keep_calling_workers(core.room.waiters > 0);
        };
        Err(self.reject(core, refused))
    }

    /// Called by whoever may have made room: one who waits for it looks again, and if he does not
    /// take it, the next.
    pub(crate) fn offer_room(&self, core: &Core) {
        let limit = self.config.queue_limit;
        if core.room.waiters > 0 && limit.is_none_or(|limit| self.has_room(core, limit)) {
            self.room.notify_one();
        }
    }

    /// Does what a worker has to do that was called and has its next job: if somebody waits for
    /// room, the claim may have made it.
    pub(crate) fn look_after_room(&self) {
        let core = self.core();
        self.offer_room(&core);
    }

    /// True if another job may come in when no more than `limit` may wait.
    pub(crate) fn has_room(&self, core: &Core, limit: usize) -> bool {
        let queued = self.queued(core);
        // No worker ever comes for the jobs of the double.
        if self.config.is_manual() { queued < limit } else { core.state.has_room(queued, limit) }
    }

    /// Whom to tell, if this is when the queue begins to run high.
    pub(crate) fn is_high(&self, core: &mut Core) -> Option<(HighWaterHook, usize)> {
        let mark = self.config.high_water.as_ref()?;
        let waiting = self.queued(core);
        // From one job to the next the queue only falls: it was lowest just before this one.
        let was_high = core.room.is_high && waiting.saturating_sub(1) > mark.jobs / 2;
        core.room.is_high = was_high || waiting >= mark.jobs;
        (core.room.is_high && !was_high).then(|| (Arc::clone(&mark.hook), waiting))
    }
}
