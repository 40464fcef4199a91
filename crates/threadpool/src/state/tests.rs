//! The decisions against a model pool whose threads are numbers.
//!
//! The model does with each decision what the real pool does, under any sequence of events, a
//! system that refuses threads included.

use super::{Fate, Phase, Sizes, State, Step};
use proptest::prelude::{Just, ProptestConfig, Strategy, any, prop_oneof};
use proptest::{collection, prop_assert, prop_assert_eq, proptest};

#[derive(Clone, Debug)]
enum Event {
    Submit,
    Cancel,
    /// A thread that was started is here.
    Arrive,
    /// A worker that was woken is up.
    Wake,
    Finish,
    /// A worker is about to be through with its last job.
    End,
    /// It is not, after all.
    GoOn,
    /// A worker takes its next job without coming to the lock.
    Claim,
    Block,
    Unblock,
    IdleTimeout,
    /// The head of the queue has waited for long enough.
    Grow,
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
        4 => Just(Event::Arrive),
        4 => Just(Event::Wake),
        6 => Just(Event::Finish),
        4 => Just(Event::End),
        1 => Just(Event::GoOn),
        2 => Just(Event::Claim),
        2 => Just(Event::Block),
        2 => Just(Event::Unblock),
        3 => Just(Event::IdleTimeout),
        2 => Just(Event::Grow),
        2 => (0_usize..4, 0_usize..4).prop_map(|(min, more)| Event::Resize { min, more }),
        2 => Just(Event::Start),
        1 => Just(Event::Close),
        1 => any::<bool>().prop_map(Event::Supply),
    ];
    collection::vec(event, 0..160)
}

/// A pool whose threads and jobs are numbers: it does with the decisions what the real one does.
struct Model {
    state: State,
    grow_at_once: bool,
    supply: bool,
    refusals: bool,
    unclaimed: usize,
    accepted: usize,
    ran: usize,
    cancelled: usize,
}

impl Model {
    fn new(sizes: Sizes, grow_at_once: bool) -> Self {
        Self {
            state: State::new(sizes),
            grow_at_once,
            supply: true,
            refusals: false,
            unclaimed: 0,
            accepted: 0,
            ran: 0,
            cancelled: 0,
        }
    }

    /// True if a thread was refused.
    fn advance(&mut self, at_once: bool) -> bool {
        let unclaimed = self.unclaimed;
        loop {
            match self.state.next_step(|| unclaimed, at_once || self.grow_at_once) {
                Step::Rest => return false,
                Step::Wake => {}
                Step::Spawn if self.supply => {}
                Step::Spawn => {
                    self.state.refused();
                    self.refusals = true;
                    return true;
                }
            }
        }
    }

    /// A worker that has nothing in hand.
    fn free(&mut self, timed_out: bool) {
        let unclaimed = &mut self.unclaimed;
        let fate = self.state.settle(timed_out, || {
            let found = *unclaimed > 0;
            *unclaimed -= usize::from(found);
            found
        });
        // One that runs sees to the next wake before, one that goes sees to its successor.
        if fate == Fate::Run || fate == Fate::Retire {
            self.advance(false);
        }
    }

    fn submit(&mut self) {
        if self.state.phase() == Phase::Closing {
            return;
        }
        self.unclaimed += 1;
        self.accepted += 1;
        if self.advance(false) && self.state.threads() == 0 {
            self.unclaimed -= 1;
            self.accepted -= 1;
        }
    }

    fn rouse_if(&mut self, surplus: bool) {
        if surplus {
            self.rouse();
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
            Event::Cancel if self.unclaimed > 0 => {
                self.unclaimed -= 1;
                self.cancelled += 1;
            }
            Event::Arrive if self.state.starting > 0 => {
                self.state.arrived();
                self.free(false);
            }
            Event::Wake if self.state.waking > 0 => {
                self.state.woke();
                self.free(false);
            }
            Event::Finish if self.state.active > self.state.blocked => {
                if self.state.ending > 0 {
                    self.state.end_to_end();
                }
                self.state.finished();
                self.ran += 1;
                self.free(false);
            }
            Event::End if self.working() > 0 => self.state.begin_to_end(),
            Event::GoOn if self.state.ending > 0 => {
                self.state.end_to_end();
                self.advance(false);
            }
            Event::Claim if self.working() > 0 && self.unclaimed > 0 => {
                self.unclaimed -= 1;
                self.ran += 1;
            }
            Event::Block if self.working() > 0 => {
                self.state.block();
                self.advance(false);
            }
            Event::Unblock if self.state.blocked > 0 => {
                let surplus = self.state.unblock();
                self.rouse_if(surplus);
            }
            Event::IdleTimeout if self.state.idle > 0 => {
                self.state.roused();
                self.free(true);
            }
            Event::Grow => {
                self.advance(true);
            }
            Event::Resize { min, more } => {
                self.state.resize(min, (min + more).max(1));
                self.advance(true);
                self.rouse();
            }
            Event::Start => {
                self.state.start();
                self.advance(true);
            }
            Event::Close => {
                self.state.close();
                self.advance(true);
                self.rouse();
            }
            Event::Supply(supply) => self.supply = supply,
            _ => {}
        }
    }

    /// Those who are in the middle of a job.
    fn working(&self) -> usize {
        self.state.active - self.state.blocked - self.state.ending
    }

    fn coming(&self) -> usize {
        self.state.starting + self.state.waking
    }

    /// Lets all workers go on until nothing moves.
    fn settle_all(&mut self) {
        while self.state.blocked > 0 {
            self.apply(&Event::Unblock);
        }
        while self.coming() + self.state.active > 0 {
            self.apply(&Event::Arrive);
            self.apply(&Event::Wake);
            self.apply(&Event::Finish);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn i2_no_job_is_left_without_a_worker(
        events in events(),
        min in 0_usize..4,
        more in 0_usize..4,
        spare in 0_usize..3,
        grow_at_once in any::<bool>(),
    ) {
        let sizes = Sizes { min, max: (min + more).max(1), spare };
        let mut model = Model::new(sizes, grow_at_once);
        for event in &events {
            model.apply(event);
            let state = &model.state;
            prop_assert_eq!(
                state.threads,
                state.idle + state.waking + state.starting + state.active
            );
            prop_assert!(state.blocked + state.ending <= state.active);
            prop_assert_eq!(
                model.accepted,
                model.unclaimed + state.active + model.ran + model.cancelled
            );
            prop_assert!(state.waking <= 1, "one wake at a time");
            let waiting = state.waiting(model.unclaimed);
            if waiting > 0 {
                prop_assert!(
                    state.idle == 0 || state.waking + state.ending >= 1,
                    "an idle worker beside a waiting job, and nobody who would pass the wake on"
                );
                let allowed = grow_at_once || state.is_below_floor();
                prop_assert!(
                    state.idle > 0 || !state.may_grow() || !allowed || model.refusals,
                    "a thread was to be had at once"
                );
            }
            prop_assert!(state.phase != Phase::New || state.threads == 0);
            prop_assert!(state.threads <= 8 + spare, "more threads than sizes ever allowed");
        }
        // With threads to be had, everything accepted runs, and a closed pool has none left.
        model.supply = true;
        model.apply(&Event::Start);
        model.settle_all();
        prop_assert_eq!(model.unclaimed, 0);
        prop_assert_eq!(model.accepted, model.ran + model.cancelled);
        prop_assert!(model.state.threads <= model.state.max());
        let kept = model.state.threads.min(model.state.min());
        for _ in 0..=model.state.threads {
            model.apply(&Event::IdleTimeout);
        }
        prop_assert_eq!(model.state.threads, kept, "the minimum stays, and no more");
        model.apply(&Event::Close);
        prop_assert_eq!((model.state.threads, model.state.active), (0, 0));
    }
}

fn started(min: usize, max: usize, spare: usize) -> State {
    let mut state = State::new(Sizes { min, max, spare });
    state.start();
    state
}

/// A thread starts and claims a job.
fn start_one(state: &mut State, unclaimed: usize) {
    assert_eq!(state.next_step(|| unclaimed, true), Step::Spawn);
    state.arrived();
    assert_eq!(state.settle(false, || true), Fate::Run);
}

#[test]
fn i6_only_workers_above_the_minimum_wait_with_a_time_out() {
    let mut state = started(1, 2, 0);
    start_one(&mut state, 1);
    start_one(&mut state, 1);
    state.finished();
    assert_eq!(state.settle(false, || false), Fate::Park { timed: true });
    state.roused();
    assert_eq!(state.settle(true, || false), Fate::Retire);
    state.finished();
    assert_eq!(state.settle(false, || false), Fate::Park { timed: false });
}

#[test]
fn a_worker_that_times_out_beside_a_job_runs_it() {
    let mut state = started(0, 2, 0);
    start_one(&mut state, 1);
    state.finished();
    assert_eq!(state.settle(false, || false), Fate::Park { timed: true });
    state.roused();
    assert_eq!(state.settle(true, || true), Fate::Run);
}

#[test]
fn threads_above_the_minimum_wait_for_the_word() {
    let mut state = started(1, 3, 0);
    assert_eq!(state.next_step(|| 2, false), Step::Spawn, "the minimum starts at once");
    assert_eq!(state.next_step(|| 2, false), Step::Rest);
    assert_eq!(state.next_step(|| 2, true), Step::Spawn);
    assert_eq!(state.next_step(|| 2, true), Step::Rest, "one for each job");
    // Without a minimum the first thread starts at once all the same.
    assert_eq!(started(0, 3, 0).next_step(|| 1, false), Step::Spawn);
}

#[test]
fn w6_a_blocked_worker_is_made_up_for_at_once_and_up_to_the_spare_number() {
    let mut state = started(0, 1, 1);
    start_one(&mut state, 1);
    assert_eq!(state.next_step(|| 1, true), Step::Rest);
    state.block();
    assert_eq!(state.next_step(|| 1, false), Step::Spawn);
    state.arrived();
    assert_eq!(state.settle(false, || true), Fate::Run);
    state.block();
    assert_eq!(state.next_step(|| 1, true), Step::Rest, "the spare one is used up");
    assert!(!state.unblock(), "there is still one blocked");
    assert!(state.unblock(), "now there is a thread too many");
    state.finished();
    assert_eq!(state.settle(false, || unreachable!("it has to go")), Fate::Retire);
}

#[test]
fn one_wake_at_a_time_and_each_is_passed_on() {
    let mut state = started(2, 2, 0);
    for _ in 0..2 {
        start_one(&mut state, 1);
    }
    for _ in 0..2 {
        state.finished();
        assert_eq!(state.settle(false, || false), Fate::Park { timed: false });
    }
    assert_eq!(state.next_step(|| 2, true), Step::Wake);
    assert_eq!(state.next_step(|| 2, true), Step::Rest);
    state.woke();
    assert_eq!(state.settle(false, || true), Fate::Run);
    assert_eq!(state.next_step(|| 1, true), Step::Wake);
}
