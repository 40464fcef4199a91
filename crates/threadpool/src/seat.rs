//! What one worker shows of itself while it works without the pool's lock.
//!
//! Only the worker writes, so its numbers need no read-modify-write; reports and snapshots read
//! them from any thread. They decide nothing: who runs which job is settled by the claim.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64 as StdAtomicU64, Ordering};

use crate::batch::Batch;
use crate::header::{Ending, JobState};
use crate::histogram::Recorder;
use crate::job::Run;
use crate::sync::{AtomicU64, AtomicUsize, Condvar, Mutex, lock};

/// The place of one worker.
pub(crate) struct Seat {
    pub(crate) name: Arc<str>,
    /// The number in the name: older ones have smaller ones.
    pub(crate) number: u64,
    /// Where the worker sleeps, with the pool's lock.
    pub(crate) parker: Condvar,
    /// The batch that it takes jobs from.
    batch: Mutex<Option<Arc<Batch>>>,
    /// One more than the place of its job in the batch; 0 for none.
    at: AtomicUsize,
    /// When its job called [`blocking`](crate::blocking()), in nanoseconds; 0 if it runs.
    blocked_since: StdAtomicU64,
    pub(crate) completed: Count,
    pub(crate) panicked: Count,
    /// Jobs that were cancelled by the time it came to them.
    pub(crate) skipped: Count,
    pub(crate) queue_wait: Recorder,
    pub(crate) run_time: Recorder,
}

impl Seat {
    pub(crate) fn new(pool: &str, number: u64) -> Self {
        Self {
            name: format!("{pool}-{number}").into(),
            number,
            parker: Condvar::new(),
            batch: Mutex::new(None),
            at: AtomicUsize::new(0),
            blocked_since: StdAtomicU64::new(0),
            completed: Count::default(),
            panicked: Count::default(),
            skipped: Count::default(),
            queue_wait: Recorder::new(),
            run_time: Recorder::new(),
        }
    }

    /// The worker is about to take jobs of `batch`, or of none; the one before is given back.
    pub(crate) fn set_batch(&self, batch: Option<Arc<Batch>>) -> Option<Arc<Batch>> {
        let mut held = lock(&self.batch);
        std::mem::replace(&mut *held, batch)
    }

    /// Whether there is a job in the batch that nobody has claimed. While claims are held it looks as
    /// if there were none.
    pub(crate) fn has_more(&self) -> bool {
        lock(&self.batch).as_ref().is_some_and(|batch| batch.claimed() < batch.len())
    }

    /// The worker is at the job at `place` of its batch.
    pub(crate) fn take_up(&self, place: usize) {
        self.at.store(place + 1, Ordering::Release);
    }

    /// The worker has no job.
    pub(crate) fn put_down(&self) {
        self.at.store(0, Ordering::Release);
    }

    pub(crate) fn count(&self, ending: Ending) {
        match ending {
            Ending::Panicked => self.panicked.add_one(),
            Ending::Returned => self.completed.add_one(),
        }
    }

    /// The job that the worker runs.
    pub(crate) fn job(&self) -> Option<Arc<dyn Run>> {
        let held = lock(&self.batch);
        let place = self.at.load(Ordering::Acquire).checked_sub(1)?;
        let job = held.as_ref()?.job(place)?;
        (job.header().state() == JobState::Running).then(|| Arc::clone(job))
    }

    /// Those jobs of its batch that are neither in the queue any more nor over: somebody runs them,
    /// or is about to. To be asked when no job of the batch can be claimed.
    pub(crate) fn claimed_jobs(&self) -> Vec<Arc<dyn Run>> {
        let held = lock(&self.batch);
        let jobs = held.iter().flat_map(|batch| batch.jobs());
        jobs.filter(|job| !job.header().state().is_final()).map(Arc::clone).collect()
    }

    /// The worker waits for something since `now`, or no more.
    pub(crate) fn set_blocked(&self, now: Option<u64>) {
        self.blocked_since.store(now.map_or(0, |now| now.max(1)), Ordering::Relaxed);
    }

    pub(crate) fn blocked_since(&self) -> Option<u64> {
        let since = self.blocked_since.load(Ordering::Relaxed);
        (since > 0).then_some(since)
    }
}

/// A number that one thread counts up and any may read.
#[derive(Debug, Default)]
pub(crate) struct Count(AtomicU64);

impl Count {
    pub(crate) fn add_one(&self) {
        self.0.store(self.get() + 1, Ordering::Release);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Acquire)
    }
}
