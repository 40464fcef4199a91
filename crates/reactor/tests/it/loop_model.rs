//! Random programs on the loop, against a small model of what a turn is documented to do.
//!
//! A program is a tree: what it asks for between two turns, and what its callbacks ask for in turn.
//! The model keeps four lists and knows no borrow, slot, wheel or wake-up.

use crate::rig::{Rig, Source, source};
use proptest::collection::vec;
use proptest::prelude::{Just, ProptestConfig, Strategy, prop_oneof, proptest};
use ropewalk_reactor::{DelayedCall, Interest, Reactor, Readiness, Registration, Remote};
use std::cell::{Cell, OnceCell, RefCell};
use std::collections::VecDeque;
use std::num::NonZeroUsize;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::time::Duration;

const BUDGET: usize = 3;

/// What a callback does, or the program between two turns.
#[derive(Clone, Debug)]
enum Action {
    Call(Script),
    Later(u64, Script),
    Soon(Script),
    /// A source; its callback runs the script when it is called for the first time.
    Register(Interest, Script),
    Deregister(usize),
    MakeReady(usize, Readiness),
    SetInterest(usize, Interest),
    Cancel(usize),
    Reset(usize, u64),
}

type Script = Arc<Vec<Action>>;

#[derive(Clone, Debug)]
enum Step {
    Do(Action),
    Turn,
    Advance(u64),
}

fn interest() -> impl Strategy<Value = Interest> {
    let kinds = [Interest::NONE, Interest::READABLE, Interest::WRITABLE, Interest::BOTH];
    (0..kinds.len(), 0..2_u8).prop_map(move |(kind, edge)| {
        if edge == 0 { kinds[kind] } else { kinds[kind].edge_triggered() }
    })
}

fn readiness() -> impl Strategy<Value = Readiness> {
    let kinds = [Readiness::NONE, Readiness::READABLE, Readiness::WRITABLE, Readiness::BOTH];
    (0..kinds.len()).prop_map(move |kind| kinds[kind])
}

fn action() -> impl Strategy<Value = Action> {
    let which = || 0..8_usize;
    let leaf = prop_oneof![
        which().prop_map(Action::Deregister),
        (which(), readiness()).prop_map(|(which, to)| Action::MakeReady(which, to)),
        (which(), readiness()).prop_map(|(which, to)| Action::MakeReady(which, to)),
        (which(), interest()).prop_map(|(which, to)| Action::SetInterest(which, to)),
        which().prop_map(Action::Cancel),
        (which(), 0..4_u64).prop_map(|(which, to)| Action::Reset(which, to)),
        Just(Action::Soon(Script::default())),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        let script = || vec(inner.clone(), 0..4).prop_map(Script::new);
        prop_oneof![
            script().prop_map(Action::Call),
            (0..4_u64, script()).prop_map(|(delay, script)| Action::Later(delay, script)),
            script().prop_map(Action::Soon),
            (interest(), script())
                .prop_map(|(interest, script)| { Action::Register(interest, script) }),
            inner.clone(),
        ]
    })
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => action().prop_map(Step::Do),
        2 => Just(Step::Turn),
        1 => (0..4_u64).prop_map(Step::Advance),
    ]
}

/// The real loop.
struct World {
    rig: Rig,
    source: Source,
    actor: OnceCell<Remote<Rc<Actor>>>,
}

/// What the callbacks share.
struct Actor {
    /// Weak: the world owns the reactor, and that the callbacks.
    world: Weak<World>,
    next: Cell<usize>,
    sources: RefCell<Vec<Option<Registration<Source>>>>,
    timers: RefCell<Vec<DelayedCall>>,
}

impl Actor {
    fn next(&self) -> usize {
        self.next.replace(self.next.get() + 1)
    }

    fn run(self: &Rc<Self>, entry: String, script: &Script, reactor: &Reactor) {
        self.world.upgrade().unwrap().rig.log.add(entry);
        script.iter().for_each(|action| self.act(action.clone(), reactor));
    }

    fn act(self: &Rc<Self>, action: Action, reactor: &Reactor) {
        let (this, world) = (Rc::clone(self), self.world.upgrade().unwrap());
        match action {
            Action::Call(script) => {
                let entry = format!("c{}", self.next());
                let remote = world.actor.get().unwrap();
                let sent = remote
                    .call_from_thread(move |actor, reactor| actor.run(entry, &script, reactor));
                assert!(sent.is_ok());
            }
            Action::Later(delay, script) => {
                let entry = format!("t{}", self.next());
                let run = move |reactor: &Reactor| this.run(entry, &script, reactor);
                let timer = reactor.call_later(Duration::from_secs(delay), run);
                self.timers.borrow_mut().push(timer);
            }
            Action::Soon(script) => {
                let entry = format!("s{}", self.next());
                reactor.call_soon(move |reactor| this.run(entry, &script, reactor));
            }
            Action::Register(interest, script) => {
                let (number, mut first) = (self.next(), script);
                let callback = move |reactor: &Reactor, _: &Source, told: Readiness| {
                    let script = std::mem::take(&mut first);
                    this.run(event_entry(number, told), &script, reactor);
                };
                let source = Rc::clone(&world.source);
                let registration = reactor.register(source, interest, callback).unwrap();
                self.sources.borrow_mut().push(Some(registration));
            }
            Action::Deregister(which) => {
                // Out of the borrow first: its callback owns this.
                let dropped = self.sources.borrow_mut().get_mut(which).and_then(Option::take);
                drop(dropped);
            }
            Action::MakeReady(which, readiness) => {
                if let Some(Some(registration)) = self.sources.borrow().get(which) {
                    assert!(world.rig.selector.make_ready(registration, readiness));
                }
            }
            Action::SetInterest(which, interest) => {
                if let Some(Some(registration)) = self.sources.borrow().get(which) {
                    registration.set_interest(interest).unwrap();
                }
            }
            Action::Cancel(which) => {
                if let Some(timer) = self.timers.borrow().get(which) {
                    let _ = timer.cancel();
                }
            }
            Action::Reset(which, delay) => {
                if let Some(timer) = self.timers.borrow().get(which) {
                    let _ = timer.reset(Duration::from_secs(delay));
                }
            }
        }
    }
}

fn event_entry(number: usize, told: Readiness) -> String {
    format!("e{number}{}{}", u8::from(told.readable), u8::from(told.writable))
}

/// The documented loop.
#[derive(Default)]
struct Model {
    now: u64,
    next: usize,
    log: Vec<String>,
    calls: VecDeque<(usize, Script)>,
    /// The calls are taken up all at once; what comes while they are worked off waits for that.
    taken_up: VecDeque<(usize, Script)>,
    soon: VecDeque<(usize, Script)>,
    timers: Vec<Option<Timer>>,
    /// Counts what has been set or moved.
    sequence: u64,
    sources: Vec<Option<Watched>>,
    /// The sources with something to tell, in order.
    ready: VecDeque<usize>,
}

#[derive(Clone)]
struct Timer {
    due: u64,
    sequence: u64,
    number: usize,
    script: Script,
}

struct Watched {
    number: usize,
    interest: Interest,
    is: Readiness,
    script: Script,
}

impl Watched {
    fn tells(&self) -> Option<(bool, bool)> {
        let readable = self.is.readable && self.interest.is_readable();
        let writable = self.is.writable && self.interest.is_writable();
        (readable || writable).then_some((readable, writable))
    }
}

impl Model {
    fn number(&mut self) -> usize {
        self.next += 1;
        self.next - 1
    }

    fn act(&mut self, action: &Action) {
        match action {
            Action::Call(script) => {
                let call = (self.number(), Arc::clone(script));
                self.calls.push_back(call);
            }
            Action::Soon(script) => {
                let soon = (self.number(), Arc::clone(script));
                self.soon.push_back(soon);
            }
            Action::Later(delay, script) => {
                let (number, script) = (self.number(), Arc::clone(script));
                self.sequence += 1;
                let (due, sequence) = (self.now + delay, self.sequence);
                self.timers.push(Some(Timer { due, sequence, number, script }));
            }
            Action::Register(interest, script) => {
                let (number, script) = (self.number(), Arc::clone(script));
                let (interest, is) = (*interest, Readiness::NONE);
                self.sources.push(Some(Watched { number, interest, is, script }));
            }
            Action::Deregister(which) => {
                if let Some(source) = self.sources.get_mut(*which) {
                    *source = None;
                    self.ready.retain(|other| other != which);
                }
            }
            Action::MakeReady(which, readiness) => {
                self.change(*which, |source| source.is = *readiness);
            }
            Action::SetInterest(which, interest) => {
                // An edge-triggered one that is set anew tells again of what is there, and a
                // level-triggered one tells of that in any case.
                self.change(*which, |source| source.interest = *interest);
            }
            Action::Cancel(which) => {
                if let Some(timer) = self.timers.get_mut(*which) {
                    *timer = None;
                }
            }
            Action::Reset(which, delay) => {
                self.sequence += 1;
                if let Some(Some(timer)) = self.timers.get_mut(*which) {
                    timer.due = self.now + delay;
                    timer.sequence = self.sequence;
                }
            }
        }
    }

    fn change(&mut self, which: usize, change: impl FnOnce(&mut Watched)) {
        let Some(Some(source)) = self.sources.get_mut(which) else { return };
        change(source);
        if source.tells().is_none() {
            self.ready.retain(|other| *other != which);
        } else if !self.ready.contains(&which) {
            self.ready.push_back(which);
        }
    }

    fn run(&mut self, entry: String, script: &Script) {
        self.log.push(entry);
        script.iter().for_each(|action| self.act(action));
    }

    fn turn(&mut self) {
        if self.taken_up.is_empty() {
            self.taken_up = std::mem::take(&mut self.calls);
        }
        for _ in 0..self.taken_up.len().min(BUDGET) {
            let (number, script) = self.taken_up.pop_front().unwrap();
            self.run(format!("c{number}"), &script);
        }
        let latest = self.sequence;
        for _ in 0..BUDGET {
            // One at a time: each may cancel or move those that come after it.
            let due = |timer: &Timer| timer.due <= self.now && timer.sequence <= latest;
            let candidates = self.timers.iter().enumerate().filter_map(|(which, timer)| {
                let timer = timer.as_ref().filter(|timer| due(timer))?;
                Some((timer.due, timer.sequence, which))
            });
            let Some((_, _, which)) = candidates.min() else { break };
            let timer = self.timers[which].take().unwrap();
            self.run(format!("t{}", timer.number), &timer.script);
        }
        for _ in 0..self.soon.len().min(BUDGET) {
            let (number, script) = self.soon.pop_front().unwrap();
            self.run(format!("s{number}"), &script);
        }
        self.look();
    }

    fn look(&mut self) {
        let told: Vec<_> = std::mem::take(&mut self.ready)
            .into_iter()
            .map(|which| (which, self.sources[which].as_ref().unwrap().tells().unwrap()))
            .collect();
        for (which, _) in &told {
            if !self.sources[*which].as_ref().unwrap().interest.is_edge_triggered() {
                self.ready.push_back(*which);
            }
        }
        for (which, (readable, writable)) in told {
            // It may be gone by now, or watched for something else.
            let Some(source) = &mut self.sources[which] else { continue };
            let (reads, writes) = (source.interest.is_readable(), source.interest.is_writable());
            if reads && readable || writes && writable {
                let script = std::mem::take(&mut source.script);
                let number = source.number;
                let told = [readable, writable].map(u8::from);
                self.run(format!("e{number}{}{}", told[0], told[1]), &script);
            }
        }
    }

    fn first_due(&self) -> Option<u64> {
        self.timers.iter().flatten().map(|timer| timer.due).min()
    }

    /// Turns at each instant until nothing is left to do there, and from due time to due time.
    fn advance(&mut self, by: u64) {
        let end = self.now + by;
        loop {
            self.turn();
            let due = self.first_due();
            let calls = self.calls.len() + self.taken_up.len();
            if calls + self.soon.len() > 0 || due.is_some_and(|due| due <= self.now) {
                continue;
            }
            if self.now == end {
                break;
            }
            self.now = due.map_or(end, |due| due.min(end));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn i7_i8_random_programs_run_as_the_model_does(steps in vec(step(), 1..40)) {
        let rig = Rig::with(|builder| builder.budget(NonZeroUsize::new(BUDGET).unwrap()));
        let world = Rc::new(World { rig, source: source(), actor: OnceCell::new() });
        let actor = Rc::new(Actor {
            world: Rc::downgrade(&world),
            next: Cell::new(0),
            sources: RefCell::default(),
            timers: RefCell::default(),
        });
        let (rig, mut model) = (&world.rig, Model::default());
        let _ = world.actor.set(rig.reactor.share(Rc::clone(&actor)));
        for step in steps.into_iter().chain([Step::Advance(10)]) {
            match step {
                Step::Do(action) => {
                    model.act(&action);
                    actor.act(action, &rig.reactor);
                }
                Step::Turn => {
                    rig.reactor.turn(Some(Duration::ZERO)).unwrap();
                    model.turn();
                }
                Step::Advance(seconds) => {
                    rig.clock.advance(Duration::from_secs(seconds));
                    model.advance(seconds);
                }
            }
            assert_eq!(rig.log.take(), std::mem::take(&mut model.log));
            let pending = model.timers.iter().flatten().count();
            assert_eq!(rig.reactor.stats().pending_timers, pending);
        }
        assert_eq!(rig.reactor.stats().panics, 0);
        actor.sources.take();
    }
}
