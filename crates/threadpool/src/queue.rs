//! First-in-first-out queue of jobs: the published batch at its head, and the inbox behind.
//!
//! The inbox lies in chunks, each of which becomes a batch when the one before is used up, so the
//! queue grows and shrinks without ever moving what is in it. A job that is cancelled stays in its
//! place as an empty cell; when half of the queue is such cells they are swept out, so cancelling
//! is O(1) on average and what is cancelled leaves nothing behind, however long the head is stuck.
//!
//! What is here is under the pool's lock; the inbox has its own, which is taken after it.

use std::sync::Arc;

use crate::batch::Batch;
use crate::header::JobState;
use crate::inbox::Inbox;
use crate::job::Run;

/// So many empty batches are kept for use.
const KEPT: usize = 4;

/// Fewer cancelled jobs than this are not worth a sweep.
const SWEEP: u64 = 64;

/// The head of the queue, and the count of what has left it.
pub(crate) struct Queue {
    head: Option<Arc<Batch>>,
    spare: Vec<Arc<Batch>>,
    /// The chunk that the next batch is made of.
    chunk: Vec<Arc<dyn Run>>,
    /// Empty cells, to be left in the inbox with the next look into it.
    cells: Vec<Arc<dyn Run>>,
    /// Jobs that left through a batch that is used up, or were taken out.
    gone: u64,
    pub(crate) cancelled: u64,
    /// Cancelled jobs that left by another way than a worker.
    pub(crate) swept: u64,
    pub(crate) returned: u64,
    /// Cancelled jobs that the last sweep did not reach.
    unswept: u64,
}

impl Queue {
    pub(crate) fn new() -> Self {
        Self {
            head: None,
            spare: Vec::new(),
            chunk: Vec::new(),
            cells: Vec::new(),
            gone: 0,
            cancelled: 0,
            swept: 0,
            returned: 0,
            unswept: 0,
        }
    }

    /// Claims the next job of the head.
    pub(crate) fn claim(&self) -> Option<(Arc<Batch>, usize)> {
        let head = self.head.as_ref()?;
        let place = head.claim()?;
        Some((Arc::clone(head), place))
    }

    /// Makes the oldest chunk of the inbox the head, whose jobs have all been claimed; false if
    /// there is none.
    pub(crate) fn publish(&mut self, inbox: &mut Inbox) -> bool {
        if !self.cells.is_empty() {
            inbox.leave_cells(std::mem::take(&mut self.cells));
        }
        if !inbox.take_chunk(&mut self.chunk) {
            return false;
        }
        let mut batch = self.spare.pop().unwrap_or_default();
        match Arc::get_mut(&mut batch) {
            Some(unshared) => unshared.fill(&mut self.chunk),
            // A spare batch is nobody else's; if one were, a new one would do.
            None => batch = Arc::new(Batch::filled(&mut self.chunk)),
        }
        if let Some(used_up) = self.head.replace(batch) {
            self.gone += used_up.len() as u64;
            self.give_back(used_up);
        }
        true
    }

    /// Takes a batch that its holder needs no more; the last one who gives it back makes it a
    /// spare one.
    pub(crate) fn give_back(&mut self, mut batch: Arc<Batch>) {
        let Some(unshared) = Arc::get_mut(&mut batch) else { return };
        let cells = unshared.empty();
        if self.cells.is_empty() {
            self.cells = cells;
        }
        if self.spare.len() < KEPT {
            self.spare.push(batch);
        }
    }

    /// How many places of the head nobody has claimed, those of cancelled jobs included.
    pub(crate) fn unclaimed(&self) -> usize {
        self.head.as_ref().map_or(0, |head| head.len() - head.claimed())
    }

    /// How many jobs have been claimed or taken out, ever.
    pub(crate) fn left(&self) -> u64 {
        self.left_when(self.head.as_ref().map_or(0, |head| head.claimed()))
    }

    /// How many jobs workers have claimed, ever.
    pub(crate) fn claimed(&self) -> u64 {
        self.left().saturating_sub(self.swept)
    }

    /// The same as [`left`](Self::left) while claims are held.
    pub(crate) fn left_when(&self, claimed: usize) -> u64 {
        self.gone + claimed as u64
    }

    /// Lets nobody claim a job until [`resume`](Self::resume).
    pub(crate) fn hold(&self) -> usize {
        self.head.as_ref().map_or(0, |head| head.hold())
    }

    pub(crate) fn resume(&self, claimed: usize) {
        if let Some(head) = &self.head {
            head.release(claimed);
        }
    }

    /// The oldest job that waits. When claims are held, `claimed` is what [`hold`](Self::hold) said.
    pub(crate) fn oldest<'a>(
        &'a self,
        inbox: &'a Inbox,
        claimed: Option<usize>,
    ) -> Option<&'a Arc<dyn Run>> {
        let head = self.head.as_deref();
        let from = claimed.or(head.map(Batch::claimed)).unwrap_or(0);
        let published = head
            .into_iter()
            .flat_map(|head| (from..head.len()).filter_map(move |place| head.job(place)));
        let mut jobs = published.chain(inbox.jobs());
        jobs.find(|job| job.header().state() == JobState::Queued)
    }

    /// Takes all jobs that nobody has claimed, and lets nobody claim them.
    pub(crate) fn drain(&mut self, inbox: &mut Inbox) -> Vec<Arc<dyn Run>> {
        let claimed = self.hold();
        let mut jobs = Vec::new();
        if let Some(head) = self.head.take() {
            // Workers may hold on to the batch; it stays used up.
            let rest = (claimed..head.len()).filter_map(|place| head.job(place));
            jobs.extend(rest.map(Arc::clone));
            self.gone += head.len() as u64;
            self.give_back(head);
        }
        self.gone += inbox.len() as u64;
        jobs.extend(inbox.drain());
        jobs
    }

    /// Takes `job` out of the inbox as one that was claimed: for a pool without workers, which
    /// publishes nothing.
    pub(crate) fn take(&mut self, inbox: &mut Inbox, job: &Arc<dyn Run>) -> bool {
        let found = inbox.remove(job);
        self.gone += u64::from(found);
        found
    }

    /// Sweeps out the cells of cancelled jobs if that is worth it; `lingering` are still in the
    /// queue.
    pub(crate) fn sweep_if_many(&mut self, inbox: &mut Inbox, lingering: u64) {
        // Those in the head are not swept, and must not be a reason to try each time.
        self.unswept = self.unswept.min(lingering);
        let (behind, more) = (inbox.len() as u64, lingering - self.unswept);
        if more >= behind || (more >= SWEEP && more * 2 >= behind) {
            self.sweep(inbox);
            self.unswept = lingering.saturating_sub(behind - inbox.len() as u64);
        }
    }

    /// Takes the cells of cancelled jobs out, but for those in the head.
    pub(crate) fn sweep(&mut self, inbox: &mut Inbox) {
        let swept = inbox.sweep() as u64;
        self.gone += swept;
        self.swept += swept;
    }
}
