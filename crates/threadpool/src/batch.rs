//! A stretch of the queue whose jobs workers claim without the pool's lock.
//!
//! The head of the queue is published as a batch, and a worker takes the next job of it by
//! counting up one number. So jobs are claimed strictly in the order of submission, each by
//! exactly one worker, and a worker that is stuck in a job has claimed that one and no other: the
//! rest of its batch is everybody's.

use std::sync::Arc;
use std::sync::atomic::Ordering::{AcqRel, Relaxed};

use crate::job::Run;
use crate::sync::AtomicUsize;

/// So many jobs a batch has at most. Bounds what one batch keeps of the cells of its jobs, while a
/// job of it is still being run.
#[cfg(not(loom))]
pub(crate) const BATCH: usize = 128;
/// Small enough for a model to go from one batch to the next.
#[cfg(loom)]
pub(crate) const BATCH: usize = 2;

/// More claims than any batch has jobs, with room for the vain ones.
const HELD: usize = usize::MAX / 2;

#[derive(Default)]
pub(crate) struct Batch {
    jobs: Vec<Arc<dyn Run>>,
    /// How often somebody has claimed a job; above the number of jobs, in vain.
    ///
    /// It decides who has which job, and the jobs themselves came with the pool's lock, under which
    /// each worker got the batch. A claim is `AcqRel` for the sake of those who hold the claims:
    /// they see what the worker counted before it, and it sees what they wrote before they let go.
    claims: AtomicUsize,
}

impl Batch {
    /// A batch of one job, which the caller has claimed.
    pub(crate) fn of(job: Arc<dyn Run>) -> Self {
        Self { jobs: vec![job], claims: AtomicUsize::new(1) }
    }

    /// Claims the next job; the caller is the only one who gets this place.
    pub(crate) fn claim(&self) -> Option<usize> {
        let place = self.claims.fetch_add(1, AcqRel);
        (place < self.jobs.len()).then_some(place)
    }

    pub(crate) fn job(&self, place: usize) -> Option<&Arc<dyn Run>> {
        self.jobs.get(place)
    }

    pub(crate) fn jobs(&self) -> impl Iterator<Item = &Arc<dyn Run>> {
        self.jobs.iter()
    }

    pub(crate) fn len(&self) -> usize {
        self.jobs.len()
    }

    /// How many jobs have been claimed.
    pub(crate) fn claimed(&self) -> usize {
        self.claims.load(Relaxed).min(self.jobs.len())
    }

    /// Lets nobody claim a job for now; how many have been claimed. The pool's lock is held
    /// until [`release`](Self::release): whoever comes in vain waits for it, and then sees that
    /// there are jobs.
    pub(crate) fn hold(&self) -> usize {
        self.claims.swap(HELD, AcqRel).min(self.jobs.len())
    }

    /// Lets jobs be claimed again, from `place` on.
    pub(crate) fn release(&self, place: usize) {
        // A store would do: it comes after the vain claims that have seen what `hold` wrote. But
        // loom does not know that, and would have one of them come last.
        self.claims.swap(place, AcqRel);
    }

    /// Fills an empty batch with the jobs of a chunk, and leaves it an empty one.
    pub(crate) fn fill(&mut self, chunk: &mut Vec<Arc<dyn Run>>) {
        std::mem::swap(&mut self.jobs, chunk);
        self.claims = AtomicUsize::new(0);
    }

    /// A new batch.
    pub(crate) fn filled(chunk: &mut Vec<Arc<dyn Run>>) -> Self {
        let mut batch = Self::default();
        batch.fill(chunk);
        batch
    }

    /// Takes all cells out.
    pub(crate) fn empty(&mut self) -> Vec<Arc<dyn Run>> {
        std::mem::take(&mut self.jobs)
    }
}
