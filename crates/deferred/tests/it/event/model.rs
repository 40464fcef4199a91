//! Random programs on an event, against the same rules written in the plainest way.

use crate::support::Log;
use proptest::prelude::{Just, ProptestConfig, Strategy, prop_oneof, proptest};
use ropewalk_deferred::{Abandoned, Cancelled, Deferred, DeferredEvent, Result};
use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

/// What a callback does when its wait is over, however.
#[derive(Clone, Copy, Debug)]
enum Act {
    Nothing,
    Set,
    Clear,
    Wait,
    Cancel(usize),
}

/// Those who wait are numbered in the order in which they began to.
#[derive(Clone, Copy, Debug)]
enum Op {
    Wait(Act),
    Set,
    Clear,
    Cancel(usize),
    Drop(usize),
    Detach(usize),
    /// Drops the event itself.
    Forget,
}

fn program() -> impl Strategy<Value = Vec<Op>> {
    let act = prop_oneof![
        2 => Just(Act::Nothing),
        2 => Just(Act::Set),
        3 => Just(Act::Clear),
        2 => Just(Act::Wait),
        2 => (0..12_usize).prop_map(Act::Cancel),
    ];
    let op = prop_oneof![
        8 => act.prop_map(Op::Wait),
        2 => Just(Op::Set),
        2 => Just(Op::Clear),
        2 => (0..12_usize).prop_map(Op::Cancel),
        1 => (0..12_usize).prop_map(Op::Drop),
        1 => (0..12_usize).prop_map(Op::Detach),
        1 => Just(Op::Forget),
    ];
    proptest::collection::vec(op, 0..24)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2048, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn i2_random_programs_on_an_event(program in program()) {
        assert_eq!(World::run(&program), Model::run(&program));
    }
}

struct World {
    event: RefCell<Option<DeferredEvent>>,
    ends: RefCell<Vec<Option<Deferred<()>>>>,
    log: Log,
}

impl World {
    fn run(program: &[Op]) -> Vec<String> {
        let event = RefCell::new(Some(DeferredEvent::new()));
        let world = Rc::new(Self { event, ends: RefCell::default(), log: Log::default() });
        for op in program {
            match *op {
                Op::Wait(act) => world.wait(act),
                Op::Set => world.act(Act::Set),
                Op::Clear => world.act(Act::Clear),
                Op::Cancel(number) => world.act(Act::Cancel(number)),
                Op::Drop(number) => drop(world.take_end(number)),
                Op::Detach(number) => world.take_end(number).into_iter().for_each(Deferred::detach),
                Op::Forget => world.forget(),
            }
            if let Some(event) = world.event() {
                world.log.add(format_args!("set {}, waiting {}", event.is_set(), event.waiting()));
            }
        }
        world.forget();
        drop(world.ends.take());
        assert_eq!(Rc::strong_count(&world), 1);
        world.log.take()
    }

    fn event(&self) -> Option<DeferredEvent> {
        self.event.borrow().clone()
    }

    fn wait(self: &Rc<Self>, act: Act) {
        let Some(event) = self.event() else { return };
        let number = self.ends.borrow().len();
        self.ends.borrow_mut().push(None);
        let world = Rc::clone(self);
        let end = event.wait().add_both(move |result| {
            world.log.add(format_args!("{number} {}", name(&result)));
            world.act(act);
        });
        self.ends.borrow_mut()[number] = Some(end);
    }

    fn act(self: &Rc<Self>, act: Act) {
        let event = self.event();
        match act {
            Act::Nothing => {}
            Act::Set => event.iter().for_each(DeferredEvent::set),
            Act::Clear => event.iter().for_each(DeferredEvent::clear),
            Act::Wait => self.wait(Act::Nothing),
            Act::Cancel(number) => {
                let end = self.ends.borrow_mut().get_mut(number).and_then(Option::take);
                if let Some(end) = end {
                    let handle = end.canceller();
                    self.ends.borrow_mut()[number] = Some(end);
                    handle.cancel();
                }
            }
        }
    }

    fn take_end(&self, number: usize) -> Option<Deferred<()>> {
        self.ends.borrow_mut().get_mut(number)?.take()
    }

    /// With the last of the event go those who wait.
    fn forget(&self) {
        let event = self.event.take();
        drop(event);
    }
}

fn name(result: &Result<()>) -> &'static str {
    match result {
        Ok(()) => "has seen it",
        Err(failure) if failure.is::<Cancelled>() => "cancelled",
        Err(failure) if failure.is::<Abandoned>() => "abandoned",
        Err(_) => "failed otherwise",
    }
}

#[derive(Default)]
struct Model {
    gone: bool,
    set: bool,
    queue: VecDeque<usize>,
    /// What each does, and whether the program still has the deferred.
    asked: Vec<(Act, bool)>,
    log: Vec<String>,
}

impl Model {
    fn run(program: &[Op]) -> Vec<String> {
        let mut model = Self::default();
        for op in program {
            match *op {
                Op::Wait(act) => model.wait(act),
                Op::Set => model.act(Act::Set),
                Op::Clear => model.act(Act::Clear),
                Op::Cancel(number) => model.act(Act::Cancel(number)),
                Op::Drop(number) => {
                    model.act(Act::Cancel(number));
                    model.detach(number);
                }
                Op::Detach(number) => model.detach(number),
                Op::Forget => model.forget(),
            }
            if !model.gone {
                let Self { set, queue, .. } = &model;
                model.log.push(format!("set {set}, waiting {}", queue.len()));
            }
        }
        model.forget();
        model.log
    }

    fn wait(&mut self, act: Act) {
        if self.gone {
            return;
        }
        let number = self.asked.len();
        self.asked.push((act, false));
        if self.set {
            self.end(number, "has seen it");
        } else {
            self.queue.push_back(number);
        }
        self.asked[number].1 = true;
    }

    fn end(&mut self, number: usize, how: &str) {
        self.log.push(format!("{number} {how}"));
        self.act(self.asked[number].0);
    }

    fn act(&mut self, act: Act) {
        match act {
            Act::Set if !self.gone && !self.set => {
                self.set = true;
                let present = self.asked.len();
                while self.queue.front().is_some_and(|number| *number < present) {
                    let number = self.queue.pop_front();
                    number.into_iter().for_each(|number| self.end(number, "has seen it"));
                }
            }
            Act::Clear => self.set = false,
            Act::Wait => self.wait(Act::Nothing),
            Act::Cancel(number) if self.asked.get(number).is_some_and(|asked| asked.1) => {
                let place = self.queue.iter().position(|waiting| *waiting == number);
                if let Some(place) = place {
                    self.queue.remove(place);
                    self.end(number, "cancelled");
                }
            }
            Act::Nothing | Act::Set | Act::Cancel(_) => {}
        }
    }

    fn detach(&mut self, number: usize) {
        if let Some(asked) = self.asked.get_mut(number) {
            asked.1 = false;
        }
    }

    fn forget(&mut self) {
        self.gone = true;
        while let Some(number) = self.queue.pop_front() {
            self.end(number, "abandoned");
        }
    }
}
