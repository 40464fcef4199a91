//! The decisions of the pool, without threads, locks or a clock.
//!
//! Counts go in, a decision comes out and is entered in the counts at once. The caller holds the
//! pool's lock meanwhile and then does what was decided. Two rules carry everything:
//!
//! - *Claim before wake.* A worker that is woken or started is counted as *coming* from the moment
//!   of the decision, so no two submitters reckon with the same worker, and after each change
//!   either every waiting job has a worker coming for it or no more workers may be had.
//! - *Work before rest.* A worker that is free looks at the queue first, whatever woke it.

/// Where the pool is in its life; it only moves forward.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Phase {
    /// Jobs are kept, none runs.
    New,
    /// Jobs are accepted and run.
    Running,
    /// Jobs are refused; those accepted are run.
    Closing,
}

/// What to do for the jobs that wait.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Step {
    /// Nothing: each has a worker coming, or has to wait for a busy one.
    Rest,
    /// Start a thread, which has been counted; [`State::refused`] takes it back.
    Spawn,
    /// Wake the worker that fell idle last, which has been counted as coming.
    Wake,
}

/// What becomes of a worker that has nothing in hand.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Fate {
    /// Wait to be claimed; `timed` if it may retire after the idle time-out.
    Park { timed: bool },
    /// End the thread.
    Retire,
    /// Run the job at the head of the queue.
    Run,
}

/// The counts. `threads == idle + coming + busy + those just deciding`.
#[derive(Clone, Debug)]
pub(crate) struct State {
    phase: Phase,
    min: usize,
    max: usize,
    threads: usize,
    idle: usize,
    coming: usize,
    busy: usize,
    queued: usize,
}

impl State {
    pub(crate) fn new(min: usize, max: usize) -> Self {
        Self { phase: Phase::New, min, max, threads: 0, idle: 0, coming: 0, busy: 0, queued: 0 }
    }

    /// Lets jobs run; false if the pool is closing. Starting twice changes nothing.
    pub(crate) fn start(&mut self) -> bool {
        self.phase = self.phase.max(Phase::Running);
        self.phase == Phase::Running
    }

    /// Refuses further jobs and lets those accepted run; true the first time.
    pub(crate) fn close(&mut self) -> bool {
        let first = self.phase != Phase::Closing;
        self.phase = Phase::Closing;
        first
    }

    pub(crate) fn resize(&mut self, min: usize, max: usize) {
        self.min = min;
        self.max = max;
    }

    /// A job has joined the queue.
    pub(crate) fn submitted(&mut self) {
        self.queued += 1;
    }

    /// A job has left the queue without being run.
    pub(crate) fn withdrawn(&mut self) {
        self.queued -= 1;
    }

    /// The next thing to do for the waiting jobs; ask until it says [`Step::Rest`].
    pub(crate) fn next_step(&mut self) -> Step {
        if self.waiting() == 0 {
            Step::Rest
        } else if self.idle > 0 {
            self.idle -= 1;
            self.coming += 1;
            Step::Wake
        } else if self.threads < self.max {
            self.threads += 1;
            self.coming += 1;
            Step::Spawn
        } else {
            Step::Rest
        }
    }

    /// The thread of a [`Step::Spawn`] could not be had.
    pub(crate) fn refused(&mut self) {
        self.threads -= 1;
        self.coming -= 1;
    }

    /// A worker that was coming is here, free.
    pub(crate) fn arrived(&mut self) {
        self.coming -= 1;
    }

    /// An idle worker that nobody claimed is up, free.
    pub(crate) fn roused(&mut self) {
        self.idle -= 1;
    }

    /// A busy worker is done with its job, free.
    pub(crate) fn finished(&mut self) {
        self.busy -= 1;
    }

    /// What a free worker does now; `timed_out` if it has been idle for the whole time-out.
    pub(crate) fn settle(&mut self, timed_out: bool) -> Fate {
        if self.threads > self.max {
            // Others remain, at least one, and they look at the queue before they rest.
            self.threads -= 1;
            return Fate::Retire;
        }
        if self.queued > 0 && self.phase != Phase::New {
            self.queued -= 1;
            self.busy += 1;
            return Fate::Run;
        }
        if self.phase == Phase::Closing || (timed_out && self.threads > self.min) {
            self.threads -= 1;
            return Fate::Retire;
        }
        self.idle += 1;
        Fate::Park { timed: self.threads > self.min }
    }

    /// True if a job may be accepted when no more than `limit` may wait without a worker coming.
    pub(crate) fn has_room(&self, limit: usize) -> bool {
        let reachable = self.phase != Phase::New && (self.idle > 0 || self.threads < self.max);
        reachable || self.queued.saturating_sub(self.coming) < limit
    }

    /// How many jobs wait that no worker is coming for; none before the start.
    pub(crate) fn waiting(&self) -> usize {
        if self.phase == Phase::New { 0 } else { self.queued.saturating_sub(self.coming) }
    }

    /// True while jobs wait and every worker is inside a job: what can become a stall.
    pub(crate) fn is_saturated(&self) -> bool {
        self.waiting() > 0 && self.busy == self.threads
    }

    /// True if nothing runs and nothing is to be run.
    pub(crate) fn is_quiet(&self) -> bool {
        self.queued == 0 && self.busy == 0
    }

    /// True when the last accepted job has finished.
    pub(crate) fn is_drained(&self) -> bool {
        self.phase == Phase::Closing && self.is_quiet()
    }

    pub(crate) fn phase(&self) -> Phase {
        self.phase
    }

    pub(crate) fn min(&self) -> usize {
        self.min
    }

    pub(crate) fn max(&self) -> usize {
        self.max
    }

    pub(crate) fn threads(&self) -> usize {
        self.threads
    }

    pub(crate) fn busy(&self) -> usize {
        self.busy
    }

    pub(crate) fn queued(&self) -> usize {
        self.queued
    }
}

#[cfg(all(test, not(loom)))]
mod tests;
