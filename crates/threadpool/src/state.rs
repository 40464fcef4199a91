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
mod tests {
    use super::{Fate, Phase, State, Step};
    use proptest::prelude::{Just, Strategy, any, prop_oneof};
    use proptest::{collection, prop_assert, prop_assert_eq, proptest};

    #[derive(Clone, Debug)]
    enum Event {
        Submit,
        Cancel,
        Arrive,
        Finish,
        IdleTimeout,
        Resize {
            min: usize,
            more: usize,
        },
        Start,
        Close,
        /// Whether the system has threads from now on.
        Supply(bool),
    }

    fn events() -> impl Strategy<Value = Vec<Event>> {
        let event = prop_oneof![
            8 => Just(Event::Submit),
            2 => Just(Event::Cancel),
            6 => Just(Event::Arrive),
            6 => Just(Event::Finish),
            3 => Just(Event::IdleTimeout),
            2 => (0_usize..4, 0_usize..4).prop_map(|(min, more)| Event::Resize { min, more }),
            2 => Just(Event::Start),
            1 => Just(Event::Close),
            1 => any::<bool>().prop_map(Event::Supply),
        ];
        collection::vec(event, 0..120)
    }

    /// A pool whose threads are numbers: it does with the decisions what the real one does.
    struct Model {
        state: State,
        supply: bool,
        accepted: usize,
        ran: usize,
        cancelled: usize,
    }

    impl Model {
        /// True if a thread was refused.
        fn advance(&mut self) -> bool {
            loop {
                match self.state.next_step() {
                    Step::Rest => return false,
                    Step::Wake => {}
                    Step::Spawn if self.supply => {}
                    Step::Spawn => {
                        self.state.refused();
                        return true;
                    }
                }
            }
        }

        /// A worker that has nothing in hand.
        fn free(&mut self, timed_out: bool) {
            if self.state.settle(timed_out) == Fate::Retire {
                self.advance();
            }
        }

        fn submit(&mut self) {
            if self.state.phase() == Phase::Closing {
                return;
            }
            self.state.submitted();
            self.accepted += 1;
            if self.advance() && self.state.threads() == 0 {
                self.state.withdrawn();
                self.accepted -= 1;
            }
        }

        fn rouse(&mut self) {
            for _ in 0..self.state.idle {
                self.state.roused();
                self.free(false);
            }
        }

        fn apply(&mut self, event: &Event) {
            match *event {
                Event::Submit => self.submit(),
                Event::Cancel if self.state.queued > 0 => {
                    self.state.withdrawn();
                    self.cancelled += 1;
                }
                Event::Arrive if self.state.coming > 0 => {
                    self.state.arrived();
                    self.free(false);
                }
                Event::Finish if self.state.busy > 0 => {
                    self.state.finished();
                    self.ran += 1;
                    self.free(false);
                }
                Event::IdleTimeout if self.state.idle > 0 => {
                    self.state.roused();
                    self.free(true);
                }
                Event::Resize { min, more } => {
                    self.state.resize(min, (min + more).max(1));
                    self.advance();
                    self.rouse();
                }
                Event::Start => {
                    self.state.start();
                    self.advance();
                }
                Event::Close => {
                    self.state.close();
                    self.advance();
                    self.rouse();
                }
                Event::Supply(supply) => self.supply = supply,
                Event::Cancel | Event::Arrive | Event::Finish | Event::IdleTimeout => {}
            }
        }

        /// Lets all workers go on until nothing moves.
        fn settle_all(&mut self) {
            while self.state.coming + self.state.busy > 0 {
                self.apply(&Event::Arrive);
                self.apply(&Event::Finish);
            }
        }
    }

    proptest! {
        #[test]
        fn i2_no_job_is_left_without_a_worker(events in events(), min in 0_usize..4, more in 0_usize..4) {
            let mut model = Model {
                state: State::new(min, (min + more).max(1)),
                supply: true,
                accepted: 0,
                ran: 0,
                cancelled: 0,
            };
            let mut refusals = false;
            for event in &events {
                model.apply(event);
                refusals |= !model.supply;
                let state = &model.state;
                prop_assert_eq!(state.threads, state.idle + state.coming + state.busy);
                prop_assert_eq!(
                    model.accepted,
                    state.queued + state.busy + model.ran + model.cancelled
                );
                if state.waiting() > 0 {
                    prop_assert_eq!(state.idle, 0, "an idle worker beside a waiting job");
                    prop_assert!(state.threads >= state.max || refusals, "a thread was to be had");
                }
                prop_assert!(state.phase != Phase::New || state.threads == 0);
            }
            // With threads to be had, everything accepted runs, and a closed pool has none left.
            model.supply = true;
            model.apply(&Event::Start);
            model.settle_all();
            prop_assert_eq!(model.state.queued, 0);
            prop_assert_eq!(model.accepted, model.ran + model.cancelled);
            prop_assert!(model.state.threads <= model.state.max);
            while model.state.threads > model.state.min {
                model.apply(&Event::IdleTimeout);
            }
            let kept = model.state.threads;
            model.apply(&Event::IdleTimeout);
            prop_assert_eq!(model.state.threads, kept, "the minimum stays");
            model.apply(&Event::Close);
            prop_assert!(model.state.is_drained());
            prop_assert_eq!(model.state.threads, 0);
        }
    }

    #[test]
    fn i6_only_workers_above_the_minimum_wait_with_a_time_out() {
        let mut state = State::new(1, 2);
        state.start();
        state.submitted();
        assert_eq!(state.next_step(), Step::Spawn);
        state.submitted();
        assert_eq!(state.next_step(), Step::Spawn);
        for _ in 0..2 {
            state.arrived();
            assert_eq!(state.settle(false), Fate::Run);
        }
        state.finished();
        assert_eq!(state.settle(false), Fate::Park { timed: true });
        state.roused();
        assert_eq!(state.settle(true), Fate::Retire);
        state.finished();
        assert_eq!(state.settle(false), Fate::Park { timed: false });
    }

    #[test]
    fn a_worker_that_times_out_beside_a_job_runs_it() {
        let mut state = State::new(0, 2);
        state.start();
        state.submitted();
        assert_eq!(state.next_step(), Step::Spawn);
        state.arrived();
        assert_eq!(state.settle(false), Fate::Run);
        state.finished();
        assert_eq!(state.settle(false), Fate::Park { timed: true });
        state.submitted();
        state.roused();
        assert_eq!(state.settle(true), Fate::Run);
    }
}
