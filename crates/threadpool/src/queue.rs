//! First-in-first-out queue of jobs: the published batch at its head, and what waits behind.
//!
//! It lies in chunks, each of which becomes a batch when the one before is used up, so it grows
//! and shrinks without ever moving what is in it. A job that is cancelled stays in its place as an
//! empty cell; when half of the queue is such cells they are swept out, so cancelling is O(1) on
//! average and what is cancelled leaves nothing behind, however long the head is stuck.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::batch::{BATCH, Batch};
use crate::cells;
use crate::job::{JobState, Run};

/// So many empty batches, and as many empty chunks, are kept for use.
const KEPT: usize = 4;

/// Fewer cancelled jobs than this are not worth a sweep.
const SWEEP: u64 = 64;

pub(crate) struct Queue {
    head: Option<Arc<Batch>>,
    chunks: VecDeque<Vec<Arc<dyn Run>>>,
    /// Jobs in the chunks.
    behind: usize,
    spare_batches: Vec<Arc<Batch>>,
    spare_chunks: Vec<Vec<Arc<dyn Run>>>,
    /// Empty cells for those who submit.
    pub(crate) cells: Vec<Vec<Arc<dyn Run>>>,
    pub(crate) counts: Counts,
    /// Cancelled jobs that the last sweep did not reach.
    unswept: u64,
}

/// Numbers of jobs that only grow.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    pub(crate) accepted: u64,
    /// Jobs that left through a batch that is used up, or were taken out.
    gone: u64,
    pub(crate) cancelled: u64,
    /// Cancelled jobs that left by another way than a worker.
    pub(crate) swept: u64,
    pub(crate) returned: u64,
}

impl Queue {
    pub(crate) fn new() -> Self {
        Self {
            head: None,
            chunks: VecDeque::new(),
            behind: 0,
            spare_batches: Vec::new(),
            spare_chunks: Vec::new(),
            cells: Vec::new(),
            counts: Counts::default(),
            unswept: 0,
        }
    }

    pub(crate) fn push(&mut self, job: Arc<dyn Run>) {
        self.counts.accepted += 1;
        self.behind += 1;
        match self.chunks.back_mut() {
            Some(last) if last.len() < BATCH => last.push(job),
            _ => {
                let mut chunk = self.spare_chunks.pop().unwrap_or_default();
                chunk.push(job);
                self.chunks.push_back(chunk);
            }
        }
    }

    /// Takes back the job that was pushed last, which nobody can have claimed.
    pub(crate) fn take_back(&mut self) {
        let Some(last) = self.chunks.back_mut() else { return };
        if last.pop().is_some() {
            self.behind -= 1;
            self.counts.accepted -= 1;
        }
        if last.is_empty() {
            self.chunks.pop_back();
        }
    }

    /// Claims the oldest job, if there is one.
    pub(crate) fn claim(&mut self) -> Option<(Arc<Batch>, usize)> {
        loop {
            if let Some(head) = &self.head {
                if let Some(place) = head.claim() {
                    return Some((Arc::clone(head), place));
                }
            }
            self.publish()?;
        }
    }

    /// Makes the next chunk the head; none if there is none.
    fn publish(&mut self) -> Option<()> {
        let mut chunk = self.chunks.pop_front()?;
        self.behind -= chunk.len();
        let mut batch = self.spare_batches.pop().unwrap_or_default();
        if let Some(unshared) = Arc::get_mut(&mut batch) {
            unshared.fill(&mut chunk);
        } else {
            // A spare batch is nobody else's; if one were, a new one would do.
            let mut fresh = Batch::default();
            fresh.fill(&mut chunk);
            batch = Arc::new(fresh);
        }
        if self.spare_chunks.len() < KEPT {
            self.spare_chunks.push(chunk);
        }
        if let Some(used_up) = self.head.replace(batch) {
            self.counts.gone += used_up.len() as u64;
            self.give_back(used_up);
        }
        Some(())
    }

    /// Takes a batch that its holder needs no more; the last one who gives it back makes it a
    /// spare one.
    pub(crate) fn give_back(&mut self, mut batch: Arc<Batch>) {
        let Some(unshared) = Arc::get_mut(&mut batch) else { return };
        let jobs = unshared.empty();
        if self.cells.len() < cells::KEPT_BATCHES && !jobs.is_empty() {
            let mut batch = std::mem::replace(jobs, self.spare_chunks.pop().unwrap_or_default());
            cells::sift(&mut batch);
            self.cells.push(batch);
        }
        jobs.clear();
        if self.spare_batches.len() < KEPT {
            self.spare_batches.push(batch);
        }
    }

    /// How many places nobody has claimed, those of cancelled jobs included.
    pub(crate) fn unclaimed(&self) -> usize {
        self.behind + self.head.as_ref().map_or(0, |head| head.len() - head.claimed())
    }

    /// How many jobs have been claimed or taken out, ever.
    pub(crate) fn left(&self) -> u64 {
        self.left_when(self.head.as_ref().map_or(0, |head| head.claimed()))
    }

    /// The same while claims are held.
    pub(crate) fn left_when(&self, claimed: usize) -> u64 {
        self.counts.gone + claimed as u64
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

    /// Each job that nobody has claimed, the oldest first; cancelled ones are left out.
    pub(crate) fn waiting(&self) -> impl Iterator<Item = &Arc<dyn Run>> {
        self.waiting_from(self.head.as_deref().map_or(0, Batch::claimed))
    }

    /// The same while claims are held.
    pub(crate) fn waiting_from(&self, from: usize) -> impl Iterator<Item = &Arc<dyn Run>> {
        let published = self
            .head
            .as_deref()
            .into_iter()
            .flat_map(move |head| (from..head.len()).filter_map(move |place| head.job(place)));
        let jobs = published.chain(self.chunks.iter().flatten());
        jobs.filter(|job| job.header().state() == JobState::Queued)
    }

    /// Takes all jobs that nobody has claimed, and lets nobody claim them.
    pub(crate) fn drain(&mut self) -> Vec<Arc<dyn Run>> {
        let claimed = self.hold();
        let mut jobs = Vec::with_capacity(self.unclaimed());
        if let Some(head) = self.head.take() {
            // Workers may hold on to the batch; it stays used up.
            let rest = (claimed..head.len()).filter_map(|place| head.job(place));
            jobs.extend(rest.map(Arc::clone));
            self.counts.gone += head.len() as u64;
            self.give_back(head);
        }
        for chunk in self.chunks.drain(..) {
            self.counts.gone += chunk.len() as u64;
            jobs.extend(chunk);
        }
        self.behind = 0;
        jobs
    }

    /// Takes `job` out of the middle: for a pool without workers, which publishes nothing.
    pub(crate) fn take(&mut self, job: &Arc<dyn Run>) -> bool {
        for chunk in &mut self.chunks {
            if let Some(place) = chunk.iter().position(|it| Arc::ptr_eq(it, job)) {
                chunk.remove(place);
                self.behind -= 1;
                self.counts.gone += 1;
                return true;
            }
        }
        false
    }

    /// Sweeps out the cells of cancelled jobs if that is worth it; `lingering` are still in the
    /// queue.
    pub(crate) fn sweep_if_many(&mut self, lingering: u64) {
        // Those in the head are not swept, and must not be a reason to try each time.
        self.unswept = self.unswept.min(lingering);
        let (behind, more) = (self.behind as u64, lingering - self.unswept);
        if more >= behind || (more >= SWEEP && more * 2 >= behind) {
            self.unswept = lingering.saturating_sub(self.sweep());
        }
    }

    /// Takes the cells of cancelled jobs out, but for those in the head; how many there were.
    pub(crate) fn sweep(&mut self) -> u64 {
        let before = self.behind;
        for chunk in &mut self.chunks {
            // Nothing of a user is dropped here: who cancels a job holds on to it until he has
            // dropped its closure.
            chunk.retain(|job| job.header().state() == JobState::Queued);
        }
        self.chunks.retain(|chunk| !chunk.is_empty());
        self.behind = self.chunks.iter().map(Vec::len).sum();
        let swept = (before - self.behind) as u64;
        self.counts.gone += swept;
        self.counts.swept += swept;
        swept
    }
}
