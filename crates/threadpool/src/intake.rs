//! The way of a job into the pool.
//!
//! Mostly it goes into the inbox, under the inbox's own lock, and that is all. Only if the inbox
//! says that one more job is not seen to, or if it matters how many wait, is the pool's lock taken.

use std::sync::Arc;

use crate::chores::Chores;
use crate::error::{Rejection, SubmitErrorKind};
use crate::job::Run;
use crate::shared::{Core, Shared};
use crate::state::Phase;
use crate::sync::MutexGuard;

impl Shared {
    /// Puts a job into the queue and sees to a worker for it.
    pub(crate) fn submit(
        self: &Arc<Self>,
        job: Arc<dyn Run>,
        limit: Option<usize>,
    ) -> Result<(), Rejection> {
        if limit.is_some() || self.config.high_water.is_some() {
            return self.submit_counted(job, limit);
        }
        let mut inbox = self.inbox();
        if inbox.closed {
            drop(inbox);
            return Err(self.reject(self.core(), SubmitErrorKind::Stopped));
        }
        let unseen = (!inbox.quiet).then(|| Arc::clone(&job));
        inbox.push(job);
        inbox.refill();
        drop(inbox);
        unseen.map_or(Ok(()), |job| self.look_after(self.core(), &job))
    }

    /// The same where it matters how many jobs wait.
    fn submit_counted(
        self: &Arc<Self>,
        job: Arc<dyn Run>,
        limit: Option<usize>,
    ) -> Result<(), Rejection> {
        let core = self.core();
        if core.state.phase() == Phase::Closing {
            return Err(self.reject(core, SubmitErrorKind::Stopped));
        }
        if limit.is_some_and(|limit| !self.has_room(&core, limit)) {
            return Err(self.reject(core, SubmitErrorKind::Full));
        }
        self.accept(core, job)
    }

    pub(crate) fn reject(
        &self,
        mut core: MutexGuard<'_, Core>,
        kind: SubmitErrorKind,
    ) -> Rejection {
        core.tally.rejected += 1;
        Rejection { kind, advice: None, source: None }
    }

    /// Puts in a job for which there is room.
    pub(crate) fn accept(
        self: &Arc<Self>,
        core: MutexGuard<'_, Core>,
        job: Arc<dyn Run>,
    ) -> Result<(), Rejection> {
        let mut inbox = self.inbox();
        inbox.push(Arc::clone(&job));
        inbox.refill();
        drop(inbox);
        self.look_after(core, &job)
    }

    /// Sees to a worker for a job that has just come in.
    fn look_after(
        self: &Arc<Self>,
        mut core: MutexGuard<'_, Core>,
        job: &Arc<dyn Run>,
    ) -> Result<(), Rejection> {
        let mut chores = Chores::default();
        self.advance(&mut core, &mut chores, false);
        // Without a thread there is nobody who could have claimed it.
        let is_stuck = chores.was_refused() && core.state.threads() == 0;
        if is_stuck && self.inbox().take_back(job) {
            core.tally.rejected += 1;
            drop(core);
            self.tell_refusal(&chores);
            let source = chores.into_error();
            return Err(Rejection { kind: SubmitErrorKind::NoThread, advice: None, source });
        }
        let high = self.is_high(&mut core);
        drop(core);
        self.finish(chores);
        if let Some((hook, waiting)) = high {
            self.contain("on_high_water", || hook(waiting));
        }
        Ok(())
    }
}
