//! `LoopingCall` against a model that knows no grid: it goes through time unit by unit and counts.

use crate::signal::manual;
use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, any, prop_oneof, proptest};
use ropewalk_deferred::{Deferred, Promise};
use ropewalk_task::LoopingCall;
use std::cell::{Cell, RefCell};
use std::fmt;
use std::rc::Rc;
use std::time::Duration;

/// No divisor of a second, and no sum of powers of two.
const UNIT: Duration = Duration::from_nanos(333_333_331);

#[derive(Clone, Copy, Debug)]
enum Step {
    Advance(u32),
    Start {
        interval: u32,
        later: bool,
    },
    Stop,
    Reset,
    /// Ends the call that is under way.
    EndCall {
        fails: bool,
    },
    /// What the calls from here on do.
    Calls(Does),
    Cancel,
}

#[derive(Clone, Copy, Debug)]
enum Does {
    Nothing,
    Lasts,
    Fails,
    Stops,
    Resets,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Event {
    Called { time: u32, count: u64 },
    Stopped,
    Failed,
}

fn step() -> impl Strategy<Value = Step> {
    let does = prop_oneof![
        3 => Just(Does::Nothing),
        3 => Just(Does::Lasts),
        1 => Just(Does::Fails),
        1 => Just(Does::Stops),
        1 => Just(Does::Resets),
    ];
    prop_oneof![
        6 => (0..40_u32).prop_map(Step::Advance),
        3 => (1..12_u32, any::<bool>())
            .prop_map(|(interval, later)| Step::Start { interval, later }),
        1 => Just(Step::Stop),
        2 => Just(Step::Reset),
        4 => prop_oneof![4 => Just(false), 1 => Just(true)]
            .prop_map(|fails| Step::EndCall { fails }),
        3 => does.prop_map(Step::Calls),
        1 => Just(Step::Cancel),
    ]
}

#[derive(Debug)]
struct Model {
    now: u32,
    does: Does,
    run: Option<ModelRun>,
    events: Vec<Event>,
}

#[derive(Debug)]
struct ModelRun {
    start: u32,
    interval: u32,
    /// Points since the last call.
    points: u64,
    in_call: bool,
    stopped: bool,
}

impl Model {
    fn open(&mut self) -> Option<&mut ModelRun> {
        self.run.as_mut().filter(|run| !run.stopped)
    }

    fn start(&mut self, interval: u32, later: bool) -> bool {
        if self.run.is_some() {
            return false;
        }
        let points = u64::from(!later);
        let run = ModelRun { start: self.now, interval, points, in_call: false, stopped: false };
        self.run = Some(run);
        if !later {
            self.call();
        }
        true
    }

    fn call(&mut self) {
        let (time, does) = (self.now, self.does);
        let Some(run) = &mut self.run else { return };
        self.events.push(Event::Called { time, count: std::mem::take(&mut run.points) });
        match does {
            Does::Nothing => {}
            Does::Lasts => run.in_call = true,
            Does::Fails => self.end(Event::Failed),
            Does::Stops => self.end(Event::Stopped),
            Does::Resets => run.start = time,
        }
    }

    fn advance(&mut self, by: u32) {
        for _ in 0..by {
            self.now += 1;
            let Some(run) = &mut self.run else { continue };
            if (self.now - run.start) % run.interval == 0 {
                run.points += 1;
                if !run.in_call {
                    self.call();
                }
            }
        }
    }

    fn stop(&mut self) -> bool {
        let Some(run) = self.open() else { return false };
        run.stopped = true;
        if !run.in_call {
            self.end(Event::Stopped);
        }
        true
    }

    fn reset(&mut self) -> bool {
        let now = self.now;
        let Some(run) = self.open() else { return false };
        (run.start, run.points) = (now, 0);
        true
    }

    fn end_call(&mut self, fails: bool) {
        let Some(run) = &mut self.run else { return };
        if !run.in_call {
            return;
        }
        run.in_call = false;
        if fails {
            self.end(Event::Failed);
        } else if run.stopped {
            self.end(Event::Stopped);
        }
    }

    fn cancel(&mut self) {
        if self.run.is_some() {
            self.end(Event::Failed);
        }
    }

    fn end(&mut self, event: Event) {
        self.run = None;
        self.events.push(event);
    }
}

#[derive(Default)]
struct Seen {
    events: RefCell<Vec<Event>>,
    does: Cell<Option<Does>>,
    promise: Cell<Option<Promise<()>>>,
}

fn check(steps: &[Step]) {
    let (clock, reactor) = manual();
    let seen = Rc::new(Seen::default());
    let (sees, units) = (Rc::clone(&seen), clock.clone());
    let looping = LoopingCall::with_count(move |_, count| {
        let time = u32::try_from(units.elapsed().as_nanos() / UNIT.as_nanos()).unwrap();
        assert_eq!(units.elapsed(), time * UNIT);
        sees.events.borrow_mut().push(Event::Called { time, count });
        match sees.does.get() {
            None | Some(Does::Nothing) => {}
            Some(Does::Fails) => return Deferred::fail(fmt::Error),
            Some(Does::Stops) => LoopingCall::current().unwrap().stop().unwrap(),
            Some(Does::Resets) => LoopingCall::current().unwrap().reset().unwrap(),
            Some(Does::Lasts) => {
                let (promise, deferred) = Deferred::new();
                sees.promise.set(Some(promise));
                return deferred;
            }
        }
        Deferred::succeed(())
    });
    let mut done: Option<Deferred<()>> = None;
    let mut model = Model { now: 0, does: Does::Nothing, run: None, events: Vec::new() };
    for &step in steps {
        match step {
            Step::Advance(by) => {
                model.advance(by);
                clock.advance(by * UNIT);
            }
            Step::Start { interval, later } => {
                let start = if later { LoopingCall::start_later } else { LoopingCall::start };
                let started = start(&looping, &reactor, interval * UNIT);
                assert_eq!(started.is_ok(), model.start(interval, later));
                if let Ok(started) = started {
                    let ends = Rc::clone(&seen);
                    done = Some(started.add_both(move |result| {
                        let event = if result.is_ok() { Event::Stopped } else { Event::Failed };
                        ends.events.borrow_mut().push(event);
                    }));
                }
            }
            Step::Stop => assert_eq!(looping.stop().is_ok(), model.stop()),
            Step::Reset => assert_eq!(looping.reset().is_ok(), model.reset()),
            Step::EndCall { fails } => {
                model.end_call(fails);
                if let Some(promise) = seen.promise.take() {
                    promise.resolve(if fails { Err(fmt::Error.into()) } else { Ok(()) });
                }
            }
            Step::Calls(does) => {
                model.does = does;
                seen.does.set(Some(does));
            }
            Step::Cancel => {
                model.cancel();
                done.iter().for_each(Deferred::cancel);
            }
        }
        assert_eq!(*seen.events.borrow(), model.events);
        assert_eq!(looping.running(), model.open().is_some());
        let waits = model.run.as_ref().is_some_and(|run| !run.in_call);
        assert_eq!(reactor.delayed_calls().len(), usize::from(waits));
    }
    drop(reactor);
    drop(looping);
    assert_eq!(Rc::strong_count(&seen), 1);
}

proptest! {
    #[test]
    fn b181_b185_a_loop_agrees_with_a_count_of_units(steps in vec(step(), 1..60)) {
        check(&steps);
    }
}
