//! The decisions against a model pool whose threads are numbers.
//!
//! The model does with each decision what the real pool does, under any sequence of events, a
//! system that refuses threads included.

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
        let kept = model.state.threads.min(model.state.min);
        for _ in 0..=model.state.threads {
            model.apply(&Event::IdleTimeout);
        }
        prop_assert_eq!(model.state.threads, kept, "the minimum stays, and no more");
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
