//! Where jobs come in: the tail of the queue, under a lock of its own.
//!
//! Submitters and workers meet here and nowhere else as long as everything is seen to: a submitter
//! puts its job in, a worker whose batch is used up takes the oldest chunk. What both touch is kept
//! small, because each touch of it moves a cache line from one core to another.
//!
//! `quiet` is the agreement between this lock and the pool's. It is true while one more job would
//! change nothing for the pool: somebody is on the way to it, or nobody may be had. Whoever changes
//! the pool so that this is no longer so says it here first and then looks what has come in, so a
//! job is either seen by that one, or its submitter sees that it has to look after it.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::batch::BATCH;
use crate::cells;
use crate::header::JobState;
use crate::job::Run;

/// So many empty chunks are kept for use.
const KEPT: usize = 4;

/// The tail of the queue.
#[repr(C)]
pub(crate) struct Inbox {
    /// The chunk that is being filled.
    open: Vec<Arc<dyn Run>>,
    /// How many jobs there are, in all chunks.
    len: usize,
    /// How many have been accepted, ever.
    pub(crate) accepted: u64,
    /// One more job needs nobody to look after it.
    pub(crate) quiet: bool,
    /// No more jobs are accepted.
    pub(crate) closed: bool,
    /// Chunks that are full, the oldest first.
    full: VecDeque<Vec<Arc<dyn Run>>>,
    spare: Vec<Vec<Arc<dyn Run>>>,
    /// Empty cells for those who submit.
    cells: Vec<Vec<Arc<dyn Run>>>,
}

impl Inbox {
    /// Nobody runs jobs yet, so nobody has to look after them.
    pub(crate) fn new() -> Self {
        Self {
            open: Vec::new(),
            len: 0,
            accepted: 0,
            quiet: true,
            closed: false,
            full: VecDeque::new(),
            spare: Vec::new(),
            cells: Vec::new(),
        }
    }

    pub(crate) fn push(&mut self, job: Arc<dyn Run>) {
        self.accepted += 1;
        self.len += 1;
        self.open.push(job);
        if self.open.len() >= BATCH {
            let next = self.spare.pop().unwrap_or_default();
            let full = std::mem::replace(&mut self.open, next);
            self.full.push_back(full);
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Takes the oldest chunk and leaves an empty one for it; false if there is no job.
    pub(crate) fn take_chunk(&mut self, chunk: &mut Vec<Arc<dyn Run>>) -> bool {
        if chunk.capacity() == 0 {
            *chunk = self.spare.pop().unwrap_or_default();
        }
        if let Some(mut oldest) = self.full.pop_front() {
            std::mem::swap(chunk, &mut oldest);
            self.keep(oldest);
        } else if self.open.is_empty() {
            return false;
        } else {
            std::mem::swap(chunk, &mut self.open);
        }
        self.len -= chunk.len();
        true
    }

    /// Keeps an empty chunk.
    fn keep(&mut self, chunk: Vec<Arc<dyn Run>>) {
        if self.spare.len() < KEPT {
            self.spare.push(chunk);
        }
    }

    /// Leaves empty cells for those who submit.
    pub(crate) fn leave_cells(&mut self, mut cells: Vec<Arc<dyn Run>>) {
        cells::sift(&mut cells);
        if !cells.is_empty() && self.cells.len() < cells::KEPT_BATCHES {
            self.cells.push(cells);
        }
    }

    /// Gives the submitting thread empty cells, if it has none.
    pub(crate) fn refill(&mut self) {
        if let Some(chunk) = cells::refill(&mut self.cells) {
            self.keep(chunk);
        }
    }

    pub(crate) fn jobs(&self) -> impl Iterator<Item = &Arc<dyn Run>> {
        self.full.iter().flatten().chain(&self.open)
    }

    /// Takes everything.
    pub(crate) fn drain(&mut self) -> impl Iterator<Item = Arc<dyn Run>> + use<> {
        self.len = 0;
        let full = std::mem::take(&mut self.full);
        full.into_iter().flatten().chain(std::mem::take(&mut self.open))
    }

    /// Takes `job` out of the middle; false if it is not there.
    ///
    /// Looks at the oldest chunk, from which a pool without threads takes most, and then from the
    /// end on, where a job is that has just come in.
    pub(crate) fn remove(&mut self, job: &Arc<dyn Run>) -> bool {
        for at in std::iter::once(0).chain((1..=self.full.len()).rev()) {
            let chunk = self.full.get_mut(at).unwrap_or(&mut self.open);
            let Some(place) = chunk.iter().position(|it| Arc::ptr_eq(it, job)) else { continue };
            chunk.remove(place);
            let is_used_up = chunk.is_empty();
            self.len -= 1;
            // The chunk that is being filled is not among these, and stays.
            if let Some(empty) = is_used_up.then(|| self.full.remove(at)).flatten() {
                self.keep(empty);
            }
            return true;
        }
        false
    }

    /// Takes back a job that nobody can have claimed; false if it is not there any more.
    pub(crate) fn take_back(&mut self, job: &Arc<dyn Run>) -> bool {
        let found = self.remove(job);
        self.accepted -= u64::from(found);
        found
    }

    /// Takes out the cells of jobs that are queued no more; how many there were.
    ///
    /// Nothing of a user is dropped here: who cancels a job holds on to it until he has dropped
    /// its closure.
    pub(crate) fn sweep(&mut self) -> usize {
        let before = self.len;
        let chunks = self.full.iter_mut().chain(std::iter::once(&mut self.open));
        chunks.for_each(|chunk| chunk.retain(|job| job.header().state() == JobState::Queued));
        self.full.retain(|chunk| !chunk.is_empty());
        self.len = self.jobs().count();
        before - self.len
    }
}
