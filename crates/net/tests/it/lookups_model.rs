//! Lookups and a model of them do the same, whatever happens in whatever order.
//!
//! Each who asks gets one outcome; a question is put when nobody is at it, and cancelled when nobody
//! waits for it any more.

use crate::single_flight::Recorder;
use proptest::prelude::*;
use ropewalk_deferred::{CancelHandle, Cancelled, Failure};
use ropewalk_net::{
    AddressFamily, ReactorNet as _, ResolveError, ResolveErrorKind, ResolveOptions,
};
use ropewalk_reactor::{ManualClock, Reactor};
use std::cell::Cell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

#[derive(Clone, Debug)]
enum Step {
    /// Somebody wants a name, and waits for so many seconds.
    Ask { name: u8, ipv4: bool, seconds: u64 },
    /// One of those gives up.
    GiveUp(usize),
    /// A question is answered, well or not: perhaps one that nobody waits for any more.
    Answer(usize, bool),
    /// Time goes by.
    Advance(u64),
    /// From now on another resolver is asked.
    Install,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let ask = (0..3_u8, any::<bool>(), 1..9_u64);
    let step = prop_oneof![
        6 => ask.prop_map(|(name, ipv4, seconds)| Step::Ask { name, ipv4, seconds }),
        3 => any::<usize>().prop_map(Step::GiveUp),
        3 => (any::<usize>(), any::<bool>()).prop_map(|(which, well)| Step::Answer(which, well)),
        3 => (1..5_u64).prop_map(Step::Advance),
        1 => Just(Step::Install),
    ];
    prop::collection::vec(step, 0..60)
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Outcome {
    Waits,
    Found,
    NotFound,
    GaveUp,
    TimedOut,
    /// What the model never says.
    Otherwise,
}

fn outcome(result: Result<Vec<SocketAddr>, Failure>) -> Outcome {
    let Err(failure) = result else { return Outcome::Found };
    match failure.downcast_ref::<ResolveError>().map(ResolveError::kind) {
        Some(ResolveErrorKind::NotFound) => Outcome::NotFound,
        Some(ResolveErrorKind::TimedOut(_)) => Outcome::TimedOut,
        _ if failure.is::<Cancelled>() => Outcome::GaveUp,
        _ => Outcome::Otherwise,
    }
}

/// What lookups are, in so many words.
#[derive(Default)]
struct Model {
    now: u64,
    resolver: usize,
    /// Who is asked, for what, and whether the answer is still wanted.
    questions: Vec<((usize, u8, bool), bool)>,
    /// The question that each waits for, the latest time, and what came of it.
    waiters: Vec<(usize, u64, Outcome)>,
    cancelled: u32,
}

impl Model {
    fn ask(&mut self, name: u8, ipv4: bool, seconds: u64) {
        let wanted = ((self.resolver, name, ipv4), true);
        let under_way = self.questions.iter().position(|one| *one == wanted);
        let question = under_way.unwrap_or_else(|| {
            self.questions.push(wanted);
            self.questions.len() - 1
        });
        self.waiters.push((question, self.now + seconds, Outcome::Waits));
    }

    fn end(&mut self, waiter: usize, outcome: Outcome) {
        let question = self.waiters[waiter].0;
        if self.waiters[waiter].2 == Outcome::Waits {
            self.waiters[waiter].2 = outcome;
            let waits = |one: &(usize, u64, Outcome)| one.0 == question && one.2 == Outcome::Waits;
            if !self.waiters.iter().any(waits) {
                self.questions[question].1 = false;
                self.cancelled += 1;
            }
        }
    }

    fn answer(&mut self, question: usize, outcome: Outcome) {
        self.questions[question].1 = false;
        for waiter in &mut self.waiters {
            if waiter.0 == question && waiter.2 == Outcome::Waits {
                waiter.2 = outcome;
            }
        }
    }

    fn advance(&mut self, seconds: u64) {
        self.now += seconds;
        for waiter in 0..self.waiters.len() {
            if self.waiters[waiter].1 <= self.now {
                self.end(waiter, Outcome::TimedOut);
            }
        }
    }

    fn outcomes(&self) -> Vec<Outcome> {
        self.waiters.iter().map(|waiter| waiter.2).collect()
    }
}

struct Real {
    clock: ManualClock,
    reactor: Reactor,
    recorders: Vec<Recorder>,
    waiters: Vec<(CancelHandle, Rc<Cell<Outcome>>)>,
    /// The promise of each question, in the order in which they were put.
    promises: Vec<Option<ropewalk_deferred::Promise<Vec<SocketAddr>>>>,
}

impl Real {
    fn new() -> Self {
        let clock = ManualClock::new();
        let reactor = Reactor::builder().manual_clock(&clock).build().unwrap();
        let recorders = vec![Recorder::installed(&reactor)];
        Self { clock, reactor, recorders, waiters: Vec::new(), promises: Vec::new() }
    }

    fn ask(&mut self, name: u8, ipv4: bool, seconds: u64) {
        let family = if ipv4 { AddressFamily::Ipv4 } else { AddressFamily::Any };
        let options = ResolveOptions::new().family(family).timeout(Duration::from_secs(seconds));
        let lookup = self.reactor.resolve_with(&format!("{name}.example"), 80, options);
        let (canceller, slot) = (lookup.canceller(), Rc::new(Cell::new(Outcome::Waits)));
        let found = Rc::clone(&slot);
        lookup.add_both(move |result| found.set(outcome(result))).detach();
        self.waiters.push((canceller, slot));
        let put = self.recorders.last().unwrap().promises.take();
        self.promises.extend(put.into_iter().map(Some));
    }

    fn answer(&mut self, question: usize, well: bool) {
        let Some(promise) = self.promises[question].take() else { return };
        if well {
            promise.callback(vec![([127, 0, 0, 1], 0).into()]);
        } else {
            promise.errback(ResolveError::new("", ResolveErrorKind::NotFound));
        }
    }

    fn outcomes(&self) -> Vec<Outcome> {
        self.waiters.iter().map(|waiter| waiter.1.get()).collect()
    }

    fn cancelled(&self) -> u32 {
        self.recorders.iter().map(|recorder| recorder.cancelled.get()).sum()
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn i2_w23_each_lookup_ends_once_as_the_model_says(steps in steps()) {
        let (mut real, mut model) = (Real::new(), Model::default());
        for step in steps {
            match step {
                Step::Ask { name, ipv4, seconds } => {
                    real.ask(name, ipv4, seconds);
                    model.ask(name, ipv4, seconds);
                }
                Step::GiveUp(which) if !model.waiters.is_empty() => {
                    let which = which % model.waiters.len();
                    real.waiters[which].0.cancel();
                    model.end(which, Outcome::GaveUp);
                }
                Step::Answer(which, well) if !model.questions.is_empty() => {
                    let which = which % model.questions.len();
                    real.answer(which, well);
                    if model.questions[which].1 {
                        model.answer(which, if well { Outcome::Found } else { Outcome::NotFound });
                    }
                }
                Step::GiveUp(_) | Step::Answer(..) => {}
                Step::Advance(seconds) => {
                    real.clock.advance(Duration::from_secs(seconds));
                    model.advance(seconds);
                }
                Step::Install => {
                    real.recorders.push(Recorder::installed(&real.reactor));
                    model.resolver += 1;
                }
            }
            prop_assert_eq!(real.outcomes(), model.outcomes());
            prop_assert_eq!(real.promises.len(), model.questions.len(), "questions put");
            prop_assert_eq!(real.cancelled(), model.cancelled);
            let waiting = model.outcomes().iter().filter(|one| **one == Outcome::Waits).count();
            prop_assert_eq!(real.reactor.stats().pending_timers, waiting, "a timer for each");
        }
    }
}
