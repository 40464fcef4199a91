//! The decisions of the pool, without threads, locks, a queue or a clock.
//!
//! Counts go in, a decision comes out and is entered in the counts at once. The caller holds the
//! pool's lock meanwhile and then does what was decided. Three rules carry everything:
//!
//! - *Claim before wake.* A worker that is woken or started is counted from the moment of the
//!   decision, so no two submitters reckon with the same worker.
//! - *Wakes are passed on.* As long as a woken worker is on its way no other is woken: it takes a
//!   job and then, before it runs it, sees to the next wake. So a flood of small jobs costs one
//!   wake, not one for each job, and a job that waits for another still gets it a worker.
//! - *Work before rest.* A worker that is free looks at the queue first, whatever woke it. So one
//!   that only hands over what came out of its job, and has no other, is as good as woken already:
//!   it is *ending*, and what the one who gets the result submits in turn wakes nobody else.
//!
//! A worker inside of [`blocking`](crate::blocking()) does not count against the maximum, up to a
//! number of its own, `spare`; [`State::runnable`] is what is left.

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
    /// Nothing now: each has a worker coming, or one that will see to it, or has to wait.
    Rest,
    /// Start a thread, which has been counted; [`State::refused`] takes it back.
    Spawn,
    /// Wake the worker that fell idle last, which has been counted as waking.
    Wake,
}

/// What becomes of a worker that has nothing in hand.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Fate {
    /// Wait to be woken; `timed` if it may retire after the idle time-out.
    Park { timed: bool },
    /// End the thread.
    Retire,
    /// Run the job that was claimed.
    Run,
}

/// The sizes that users set.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sizes {
    pub(crate) min: usize,
    pub(crate) max: usize,
    /// How many blocked workers may be made up for.
    pub(crate) spare: usize,
}

/// The counts. `threads == idle + waking + starting + active`; those that are ending are active.
#[derive(Clone, Debug)]
pub(crate) struct State {
    phase: Phase,
    sizes: Sizes,
    threads: usize,
    idle: usize,
    waking: usize,
    starting: usize,
    active: usize,
    ending: usize,
    blocked: usize,
}

impl State {
    pub(crate) fn new(sizes: Sizes) -> Self {
        let (threads, idle, waking, starting) = (0, 0, 0, 0);
        let (active, ending, blocked) = (0, 0, 0);
        Self { phase: Phase::New, sizes, threads, idle, waking, starting, active, ending, blocked }
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
        self.sizes.min = min;
        self.sizes.max = max;
    }

    /// The next thing to do for `unclaimed` jobs; ask until it says [`Step::Rest`].
    ///
    /// Threads above the minimum are started only if `at_once` says so: what decides that is how
    /// long jobs have waited, which this module does not know. A blocked worker is made up for at
    /// once.
    ///
    /// To ask for `unclaimed` costs something, so it is asked for only where it matters.
    pub(crate) fn next_step(&mut self, unclaimed: impl FnOnce() -> usize, at_once: bool) -> Step {
        if !self.may_step(at_once) || self.waiting(unclaimed()) == 0 {
            Step::Rest
        } else if self.idle > 0 {
            self.idle -= 1;
            self.waking += 1;
            Step::Wake
        } else {
            self.threads += 1;
            self.starting += 1;
            Step::Spawn
        }
    }

    /// True if jobs that wait could be a reason to do something.
    pub(crate) fn may_step(&self, at_once: bool) -> bool {
        if self.idle > 0 {
            self.waking + self.ending == 0
        } else {
            self.may_grow() && (at_once || self.is_below_floor())
        }
    }

    /// The thread of a [`Step::Spawn`] could not be had.
    pub(crate) fn refused(&mut self) {
        self.threads -= 1;
        self.starting -= 1;
    }

    /// A thread that was started is here, free.
    pub(crate) fn arrived(&mut self) {
        self.starting -= 1;
    }

    /// A worker that was woken for a job is up, free.
    pub(crate) fn woke(&mut self) {
        self.waking -= 1;
    }

    /// An idle worker that nobody claimed is up, free.
    pub(crate) fn roused(&mut self) {
        self.idle -= 1;
    }

    /// A worker is about to be through with its last job.
    pub(crate) fn begin_to_end(&mut self) {
        self.ending += 1;
    }

    /// It is through, or not after all.
    pub(crate) fn end_to_end(&mut self) {
        self.ending -= 1;
    }

    /// A worker is back from its jobs, free.
    pub(crate) fn finished(&mut self) {
        self.active -= 1;
    }

    /// What a free worker does now. `claim` takes a job for it and says if there was one;
    /// `timed_out` is true if it has been idle for the whole time-out.
    pub(crate) fn settle(&mut self, timed_out: bool, claim: impl FnOnce() -> bool) -> Fate {
        if self.is_surplus() {
            // Others remain, at least one, and they look at the queue before they rest.
            self.threads -= 1;
            return Fate::Retire;
        }
        if self.phase != Phase::New && claim() {
            self.active += 1;
            return Fate::Run;
        }
        let above_min = self.runnable() > self.sizes.min;
        if self.phase == Phase::Closing || (timed_out && above_min) {
            self.threads -= 1;
            return Fate::Retire;
        }
        self.idle += 1;
        Fate::Park { timed: above_min }
    }

    /// A thread of a user becomes a worker for the time of one job: the double has no others.
    pub(crate) fn lend(&mut self) {
        self.threads += 1;
        self.active += 1;
    }

    /// It is done with the job.
    pub(crate) fn give_back(&mut self) {
        self.threads -= 1;
        self.active -= 1;
    }

    /// A worker waits for something inside of its job.
    pub(crate) fn block(&mut self) {
        self.blocked += 1;
    }

    /// It goes on; true if there is now a thread too many.
    pub(crate) fn unblock(&mut self) -> bool {
        self.blocked -= 1;
        self.is_surplus()
    }

    /// True if a job may be accepted beside `unclaimed` others, so that no more than `limit` wait
    /// without a worker that is coming or could be had.
    pub(crate) fn has_room(&self, unclaimed: usize, limit: usize) -> bool {
        let reachable = if self.phase == Phase::New {
            0
        } else {
            let growth = self.sizes.max.saturating_sub(self.runnable());
            self.starting + self.waking + self.ending + self.idle + growth
        };
        unclaimed < reachable.saturating_add(limit)
    }

    /// How many of the `unclaimed` jobs no worker is coming for; none before the start.
    pub(crate) fn waiting(&self, unclaimed: usize) -> usize {
        if self.phase == Phase::New {
            0
        } else {
            unclaimed.saturating_sub(self.starting + self.waking + self.ending)
        }
    }

    /// True if jobs that wait have nobody to look at them before a job ends.
    pub(crate) fn is_short(&self, unclaimed: usize) -> bool {
        self.idle == 0 && self.waiting(unclaimed) > 0
    }

    /// True if no worker is idle.
    pub(crate) fn is_used_up(&self) -> bool {
        self.idle == 0
    }

    /// True if every worker is inside a job: with jobs waiting, what can become a stall.
    pub(crate) fn is_saturated(&self, unclaimed: usize) -> bool {
        self.waiting(unclaimed) > 0 && self.active == self.threads
    }

    /// True if another thread is allowed.
    pub(crate) fn may_grow(&self) -> bool {
        self.runnable() < self.sizes.max
    }

    /// True if there are more threads than allowed.
    pub(crate) fn is_surplus(&self) -> bool {
        self.runnable() > self.sizes.max
    }

    /// The threads that are not made up for.
    fn runnable(&self) -> usize {
        self.threads.saturating_sub(self.blocked.min(self.sizes.spare))
    }

    /// True where growth waits for nothing: up to the minimum, the first thread of all, and once
    /// the maximum is reached by threads of which some are blocked.
    fn is_below_floor(&self) -> bool {
        self.runnable() < self.sizes.min.max(1) || self.threads >= self.sizes.max
    }

    /// True if nobody is inside a job.
    pub(crate) fn is_quiet(&self) -> bool {
        self.active == 0
    }

    pub(crate) fn phase(&self) -> Phase {
        self.phase
    }

    pub(crate) fn min(&self) -> usize {
        self.sizes.min
    }

    pub(crate) fn max(&self) -> usize {
        self.sizes.max
    }

    pub(crate) fn spare(&self) -> usize {
        self.sizes.spare
    }

    pub(crate) fn threads(&self) -> usize {
        self.threads
    }

    pub(crate) fn blocked(&self) -> usize {
        self.blocked
    }
}

#[cfg(all(test, not(loom)))]
mod tests;
