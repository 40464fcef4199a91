//! What is known of a job whatever it does: where it came from, and where it is in its life.

use std::fmt;
use std::panic::Location;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use crate::shared::Shared;
use crate::sync::{AtomicBool, AtomicU8};

/// Where a job is in its life.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum JobState {
    /// Removed before it started; whoever cancelled it drops its closure, if that is not done yet.
    Cancelled,
    /// Over: its closure returned.
    Finished,
    /// Over: its closure, or its callback, panicked.
    Panicked,
    /// Waits for a worker, or for the start of the pool.
    Queued,
    /// Handed back by [`stop_now`](crate::ThreadPool::stop_now), not run by the pool.
    Returned,
    /// Runs on a worker.
    Running,
}

impl JobState {
    const ALL: [Self; 6] = [
        Self::Cancelled,
        Self::Finished,
        Self::Panicked,
        Self::Queued,
        Self::Returned,
        Self::Running,
    ];

    /// Returns true if the job is neither queued nor running: its state changes no more.
    #[must_use]
    pub fn is_final(self) -> bool {
        !matches!(self, Self::Queued | Self::Running)
    }
}

impl fmt::Display for JobState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Cancelled => "cancelled",
            Self::Finished => "finished",
            Self::Panicked => "panicked",
            Self::Queued => "queued",
            Self::Returned => "returned",
            Self::Running => "running",
        })
    }
}

/// How a job that ran came to its end.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Ending {
    Panicked,
    Returned,
}

impl Ending {
    pub(crate) fn state(self) -> JobState {
        match self {
            Self::Panicked => JobState::Panicked,
            Self::Returned => JobState::Finished,
        }
    }
}

/// The part of a job's cell that does not depend on its closure.
pub(crate) struct Header {
    /// Weak, so that neither a handle nor an empty cell keeps the pool.
    pool: Weak<Shared>,
    location: &'static Location<'static>,
    /// When it was submitted, and when it began; nanoseconds of the pool's life.
    submitted: u64,
    started: AtomicU64,
    state: AtomicU8,
    cancel_requested: AtomicBool,
    /// Who has to do with the end of the job.
    marks: AtomicU8,
}

/// Who has to do with the end of a job. A mark and the end see each other: whichever comes second
/// knows of the first.
#[derive(Clone, Copy)]
pub(crate) struct Marks(u8);

impl Marks {
    const AWAITED: u8 = 1;
    const HOOKED: u8 = 2;

    /// Somebody waits to be told.
    pub(crate) fn is_awaited(self) -> bool {
        self.0 & Self::AWAITED != 0
    }

    /// Hooks may be left.
    pub(crate) fn is_hooked(self) -> bool {
        self.0 & Self::HOOKED != 0
    }
}

impl Header {
    pub(crate) fn new(
        pool: &Arc<Shared>,
        location: &'static Location<'static>,
        submitted: u64,
    ) -> Self {
        Self {
            pool: Arc::downgrade(pool),
            location,
            submitted,
            started: AtomicU64::new(0),
            state: AtomicU8::new(JobState::Queued as u8),
            cancel_requested: AtomicBool::new(false),
            marks: AtomicU8::new(0),
        }
    }

    /// Makes the header that of a new job. Nobody else has it.
    pub(crate) fn renew(
        &mut self,
        pool: &Arc<Shared>,
        location: &'static Location<'static>,
        submitted: u64,
    ) {
        if self.pool.as_ptr() != Arc::as_ptr(pool) {
            self.pool = Arc::downgrade(pool);
        }
        self.location = location;
        self.submitted = submitted;
        *self.started.get_mut() = 0;
        self.state = AtomicU8::new(JobState::Queued as u8);
        self.cancel_requested = AtomicBool::new(false);
        self.marks = AtomicU8::new(0);
    }

    /// The pool of the job, as long as there is one.
    pub(crate) fn pool(&self) -> Option<Arc<Shared>> {
        self.pool.upgrade()
    }

    pub(crate) fn location(&self) -> &'static Location<'static> {
        self.location
    }

    pub(crate) fn submitted(&self) -> u64 {
        self.submitted
    }

    pub(crate) fn started(&self) -> u64 {
        self.started.load(Ordering::Relaxed)
    }

    /// The job runs from `now` on.
    pub(crate) fn begin(&self, now: u64) {
        // First: whoever sees that it runs sees since when.
        self.started.store(now, Ordering::Relaxed);
        self.set_state(JobState::Running);
    }

    pub(crate) fn is_queued(&self) -> bool {
        self.state.load(Ordering::Acquire) == JobState::Queued as u8
    }

    pub(crate) fn state(&self) -> JobState {
        let state = self.state.load(Ordering::Acquire);
        JobState::ALL.into_iter().find(|&it| it as u8 == state).unwrap_or(JobState::Finished)
    }

    pub(crate) fn set_state(&self, state: JobState) {
        self.state.store(state as u8, Ordering::Release);
    }

    /// The job is over; who has to do with that.
    #[must_use]
    pub(crate) fn finish(&self, state: JobState) -> Marks {
        self.set_state(state);
        // With the same in `mark`: the later of the two reads what the earlier has written, so
        // either this returns the mark or that one sees the final state.
        Marks(self.marks.swap(Marks::AWAITED, Ordering::AcqRel))
    }

    fn mark(&self, mark: u8) -> JobState {
        self.marks.fetch_or(mark, Ordering::AcqRel);
        self.state()
    }

    /// Announces that somebody waits; the state as it is then.
    pub(crate) fn await_end(&self) -> JobState {
        self.mark(Marks::AWAITED)
    }

    /// Announces a hook; the state as it is then.
    pub(crate) fn expect_hook(&self) -> JobState {
        self.mark(Marks::HOOKED)
    }

    /// True for the first who asks for it: that one has to call the hooks, without a lock.
    #[must_use]
    pub(crate) fn request_cancel(&self) -> bool {
        !self.cancel_requested.swap(true, Ordering::AcqRel)
    }

    pub(crate) fn is_cancel_requested(&self) -> bool {
        self.cancel_requested.load(Ordering::Acquire)
    }
}
