//! A service and a model of it do the same, whatever happens in whatever order.

use crate::fixture::Probe;
use crate::services::script::Script;
use proptest::prelude::*;
use ropewalk_deferred::{CancelHandle, Cancelled, Deferred, Failure, Promise};
use ropewalk_net::{Address, Backoff, ClientService, NotConnected, Transport};
use ropewalk_reactor::{ManualClock, Reactor};
use ropewalk_testing::EventLog;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

#[derive(Clone, Debug)]
enum Step {
    Start,
    Stop,
    /// Somebody waits for a connection, and stands so many failures.
    Wait(Option<u32>),
    /// One of those gives up.
    GiveUp(usize),
    Succeed,
    Fail,
    /// The work on the connection ends, well or not.
    Prepared(bool),
    /// The peer closes the connection.
    Lose,
    /// What the connection has left for later is done.
    Turn,
    Advance(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        3 => Just(Step::Start),
        2 => Just(Step::Stop),
        3 => prop::option::of(1..4_u32).prop_map(Step::Wait),
        1 => any::<usize>().prop_map(Step::GiveUp),
        4 => Just(Step::Succeed),
        4 => Just(Step::Fail),
        4 => any::<bool>().prop_map(Step::Prepared),
        2 => Just(Step::Lose),
        3 => Just(Step::Turn),
        5 => (0..6000_u64).prop_map(Step::Advance),
    ];
    prop::collection::vec(step, 0..60)
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum State {
    Off { ever: bool },
    Connecting,
    Preparing,
    Failing,
    Connected,
    Waiting { due: u64 },
    Disconnecting { restart: bool },
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Outcome {
    Waits { patience: Option<u32> },
    Connected,
    Failed { attempts: u32 },
    Stopped,
    GaveUp,
}

/// What a service is, in so many words.
struct Model {
    state: State,
    now: u64,
    attempts: u32,
    failures: u32,
    waits: u32,
    waiters: Vec<Outcome>,
    /// Of each that stops: whether it was told.
    stops: Vec<bool>,
}

impl Model {
    fn new() -> Self {
        Self {
            state: State::Off { ever: false },
            now: 0,
            attempts: 0,
            failures: 0,
            waits: 0,
            waiters: Vec::new(),
            stops: Vec::new(),
        }
    }

    fn step(&mut self, step: &Step) {
        match (step, self.state) {
            (Step::Start, State::Off { .. }) => {
                self.connect_anew();
            }
            (Step::Start, State::Disconnecting { .. }) => {
                self.state = State::Disconnecting { restart: true };
            }
            (Step::Stop, state) => {
                self.stops.push(false);
                self.tell_all(Outcome::Stopped);
                match state {
                    State::Off { .. } | State::Connecting | State::Waiting { .. } => self.off(),
                    _ => self.state = State::Disconnecting { restart: false },
                }
            }
            (Step::Wait(patience), state) => self.waiters.push(match state {
                State::Connected => Outcome::Connected,
                State::Off { ever: true } | State::Disconnecting { restart: false } => {
                    Outcome::Stopped
                }
                _ => Outcome::Waits { patience: *patience },
            }),
            (Step::GiveUp(which), _) if !self.waiters.is_empty() => {
                let which = which % self.waiters.len();
                if let Outcome::Waits { .. } = self.waiters[which] {
                    self.waiters[which] = Outcome::GaveUp;
                }
            }
            (Step::Succeed, State::Connecting) => self.state = State::Preparing,
            (Step::Fail, State::Connecting) => self.fail(),
            (Step::Prepared(true), State::Preparing) => {
                self.state = State::Connected;
                (self.failures, self.waits) = (0, 0);
                self.tell_all(Outcome::Connected);
            }
            (Step::Prepared(false), State::Preparing) => self.state = State::Failing,
            (Step::Lose, State::Preparing) | (Step::Lose | Step::Turn, State::Failing) => {
                self.fail();
            }
            (Step::Lose, State::Connected) => self.wait(),
            (Step::Lose | Step::Turn, State::Disconnecting { restart }) => {
                self.off();
                if restart {
                    self.connect_anew();
                }
            }
            (Step::Advance(millis), state) => {
                self.now += millis;
                match state {
                    State::Waiting { due } if due <= self.now => self.connect(),
                    _ => {}
                }
            }
            _ => {}
        }
    }

    fn connect_anew(&mut self) {
        (self.failures, self.waits) = (0, 0);
        self.connect();
    }

    fn connect(&mut self) {
        self.attempts += 1;
        self.state = State::Connecting;
    }

    fn off(&mut self) {
        self.state = State::Off { ever: true };
        self.stops.fill(true);
    }

    fn fail(&mut self) {
        self.failures += 1;
        self.wait();
        let attempts = self.failures;
        for waiter in &mut self.waiters {
            match waiter {
                Outcome::Waits { patience: Some(1) } => *waiter = Outcome::Failed { attempts },
                Outcome::Waits { patience: Some(patience) } => *patience -= 1,
                _ => {}
            }
        }
    }

    fn wait(&mut self) {
        let delay = 2_u64.saturating_pow(self.waits).min(5) * 1000;
        self.waits += 1;
        self.state = State::Waiting { due: self.now + delay };
    }

    fn tell_all(&mut self, outcome: Outcome) {
        for waiter in &mut self.waiters {
            if let Outcome::Waits { .. } = waiter {
                *waiter = outcome;
            }
        }
    }
}

/// The real one, and what it has told to whom.
struct Real {
    clock: ManualClock,
    reactor: Reactor,
    script: Script,
    log: EventLog,
    service: ClientService,
    work: Rc<RefCell<Option<Promise<()>>>>,
    waiters: Vec<(Rc<Cell<Option<Outcome>>>, CancelHandle)>,
    stops: Vec<Rc<Cell<bool>>>,
}

impl Real {
    fn new() -> Self {
        let (clock, log, script) = (ManualClock::new(), EventLog::new(), Script::default());
        let reactor = Reactor::builder().manual_clock(&clock).build().unwrap();
        let work = Rc::new(RefCell::new(None));
        let (working, seen) = (Rc::clone(&work), log.clone());
        let seconds = Duration::from_secs;
        let backoff =
            Backoff::new().initial(seconds(1)).factor(2.0).maximum(seconds(5)).jitter(0.0);
        let service = ClientService::builder(script.clone(), move |_: Address| Probe::new(&seen))
            .backoff(backoff)
            .prepare(move |_| {
                let (promise, deferred) = Deferred::new();
                working.replace(Some(promise));
                deferred
            })
            .build(&reactor);
        let (waiters, stops) = (Vec::new(), Vec::new());
        Self { clock, reactor, script, log, service, work, waiters, stops }
    }

    /// Does what is possible in the state of the model.
    fn step(&mut self, step: &Step, state: State) {
        match (step, state) {
            (Step::Start, _) => self.service.start_service(),
            (Step::Stop, _) => {
                let told = Rc::new(Cell::new(false));
                let tell = Rc::clone(&told);
                self.service.stop_service().map(move |()| tell.set(true)).detach();
                self.stops.push(told);
            }
            (Step::Wait(patience), _) => {
                let outcome = Rc::new(Cell::new(None));
                let tell = Rc::clone(&outcome);
                let waits = self.service.when_connected(*patience);
                let canceller = waits.canceller();
                waits.add_both(move |result| tell.set(Some(outcome_of(result)))).detach();
                self.waiters.push((outcome, canceller));
            }
            (Step::GiveUp(which), _) if !self.waiters.is_empty() => {
                self.waiters[which % self.waiters.len()].1.cancel();
            }
            (Step::Succeed, State::Connecting) => drop(self.script.succeed()),
            (Step::Fail, State::Connecting) => self.script.fail("refused"),
            (Step::Prepared(well), State::Preparing) => {
                let result = if *well { Ok(()) } else { Err(Failure::msg("wrong password")) };
                self.work.take().unwrap().settle(result);
            }
            (
                Step::Lose,
                State::Preparing | State::Failing | State::Connected | State::Disconnecting { .. },
            ) => self.script.connection().close(),
            (Step::Turn, _) => self.script.turn(),
            (Step::Advance(millis), _) => self.clock.advance(Duration::from_millis(*millis)),
            _ => {}
        }
    }
}

fn outcome_of(result: Result<Transport, Failure>) -> Outcome {
    let Err(failure) = result else { return Outcome::Connected };
    match failure.downcast_ref::<NotConnected>() {
        Some(NotConnected::Failed { attempts, .. }) => Outcome::Failed { attempts: *attempts },
        Some(_) => Outcome::Stopped,
        None if failure.is::<Cancelled>() => Outcome::GaveUp,
        None => panic!("{failure:?}"),
    }
}

fn assert_same(real: &Real, model: &Model) {
    assert_eq!(real.script.attempts(), model.attempts);
    assert_eq!(real.script.is_connecting(), model.state == State::Connecting);
    assert_eq!(real.service.transport().is_some(), model.state == State::Connected);
    let timers = u64::from(matches!(model.state, State::Waiting { .. }));
    assert_eq!(real.reactor.stats().pending_timers as u64, timers);
    let off = matches!(model.state, State::Off { .. } | State::Disconnecting { restart: false });
    assert_eq!(real.service.is_running(), !off);
    for ((real, _), model) in real.waiters.iter().zip(&model.waiters) {
        match model {
            Outcome::Waits { .. } => assert_eq!(real.get(), None),
            told => assert_eq!(real.get(), Some(*told)),
        }
    }
    let stops: Vec<_> = real.stops.iter().map(|told| told.get()).collect();
    assert_eq!(stops, model.stops);
    let logged = real.log.entries();
    let count = |beginning| logged.iter().filter(|one| one.starts_with(beginning)).count();
    let lives = matches!(
        model.state,
        State::Preparing | State::Failing | State::Connected | State::Disconnecting { .. }
    );
    assert_eq!(count("made"), count("lost") + usize::from(lives), "one connection at most");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_service_does_as_the_model_does(steps in steps()) {
        let (mut real, mut model) = (Real::new(), Model::new());
        for step in &steps {
            real.step(step, model.state);
            model.step(step);
            assert_same(&real, &model);
        }
        let Real { reactor, service, script, waiters, .. } = real;
        drop((reactor, script));
        let weak = service.downgrade();
        drop((service, waiters));
        // A connection and an attempt of this endpoint are not the reactor's; what is, is gone.
        if matches!(model.state, State::Off { .. } | State::Waiting { .. }) {
            prop_assert!(weak.upgrade().is_none());
        }
    }
}
