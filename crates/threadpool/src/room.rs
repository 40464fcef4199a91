//! Room in the queue: who may still come in, who waits for it, and when it runs high.

use std::sync::Arc;
use std::time::Instant;

use crate::error::{Rejection, SubmitErrorKind};
use crate::job::Run;
use crate::place;
use crate::shared::{Chores, Core, Shared};
use crate::state::Phase;
use crate::sync::{lock, wait_until};

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

impl Shared {
    /// Puts a job into the queue as soon as there is room for it, or fails at `deadline`.
    pub(crate) fn submit_when_room(
        self: &Arc<Self>,
        job: Arc<dyn Run>,
        limit: Option<usize>,
        deadline: Option<Instant>,
    ) -> Result<(), Rejection> {
        let inside = place::is_inside(self) || self.config.is_manual_here();
        let mut core = lock(&self.core);
        let mut late = false;
        let refused = loop {
            if core.state.phase() == Phase::Closing {
                break SubmitErrorKind::Stopped;
            }
            // Who waits later comes in later, as far as the condition variable is fair.
            if limit.is_none_or(|limit| self.has_room(&core, limit)) {
                return self.accept(core, job);
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
        core.tally.rejected += 1;
        Err(Rejection { kind: refused, source: None })
    }

    /// Called by whoever made room.
    pub(crate) fn offer_room(&self, core: &Core, chores: &mut Chores) {
        if self.is_room_wanted(core) {
            chores.tell_room();
        }
    }

    /// The same for a worker that falls idle, which with a limit of 0 is what makes room. It lets
    /// go of the lock by sleeping.
    pub(crate) fn tell_room(&self, core: &Core) {
        if self.is_room_wanted(core) {
            self.room.notify_one();
        }
    }

    fn is_room_wanted(&self, core: &Core) -> bool {
        let limit = self.config.queue_limit;
        core.room.waiters > 0 && limit.is_none_or(|limit| self.has_room(core, limit))
    }

    /// Does what a worker has to do that was called and has its next job: if somebody waits for
    /// room, the claim may have made it. Gives what [`attention`](Self::attention) gives.
    pub(crate) fn look_after_room(&self) -> usize {
        let mut chores = Chores::default();
        let core = lock(&self.core);
        self.offer_room(&core, &mut chores);
        let attention = self.attention();
        drop(core);
        self.finish(chores);
        attention
    }

    /// True if another job may come in when no more than `limit` may wait.
    pub(crate) fn has_room(&self, core: &Core, limit: usize) -> bool {
        let queued = core.queued();
        // No worker ever comes for the jobs of the double.
        if self.config.is_manual() { queued < limit } else { core.state.has_room(queued, limit) }
    }
}

impl Core {
    /// Whom to tell, if this is when the queue begins to run high.
    pub(crate) fn is_high(&mut self, mark: &HighWater) -> Option<(HighWaterHook, usize)> {
        let waiting = self.queued();
        // From one job to the next the queue only falls: it was lowest just before this one.
        let was_high = self.room.is_high && waiting.saturating_sub(1) > mark.jobs / 2;
        self.room.is_high = was_high || waiting >= mark.jobs;
        (self.room.is_high && !was_high).then(|| (Arc::clone(&mark.hook), waiting))
    }
}
