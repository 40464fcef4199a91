//! Random programs on a queue, against the same rules written in the plainest way. Each value
//! counts itself, so that none is lost, kept or made twice.

use crate::support::Log;
use proptest::prelude::{Just, ProptestConfig, Strategy, prop_oneof, proptest};
use ropewalk_deferred::{Abandoned, Cancelled, Deferred, DeferredQueue, QueueUnderflow, Result};
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;

/// What a callback does with its value still in its hands, or with the failure instead of one.
#[derive(Clone, Copy, Debug)]
enum Act {
    Nothing,
    Put,
    Get,
    TryGet,
    Cancel(usize),
}

/// Those who get are numbered in the order in which they ask, values in the order of their puts.
#[derive(Clone, Copy, Debug)]
enum Op {
    Put,
    Get(Act),
    TryGet,
    Cancel(usize),
    Drop(usize),
    Detach(usize),
    /// Drops the queue itself.
    Forget,
}

type Limits = (Option<usize>, Option<usize>);

fn limits() -> impl Strategy<Value = Limits> {
    let limit = || prop_oneof![Just(None), (0..4_usize).prop_map(Some)];
    (limit(), limit())
}

fn program() -> impl Strategy<Value = Vec<Op>> {
    let act = prop_oneof![
        2 => Just(Act::Nothing),
        3 => Just(Act::Put),
        2 => Just(Act::Get),
        1 => Just(Act::TryGet),
        2 => (0..12_usize).prop_map(Act::Cancel),
    ];
    let op = prop_oneof![
        8 => Just(Op::Put),
        8 => act.prop_map(Op::Get),
        1 => Just(Op::TryGet),
        3 => (0..12_usize).prop_map(Op::Cancel),
        1 => (0..12_usize).prop_map(Op::Drop),
        1 => (0..12_usize).prop_map(Op::Detach),
        1 => Just(Op::Forget),
    ];
    proptest::collection::vec(op, 0..30)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2048, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn b176_random_programs_on_a_queue(limits in limits(), program in program()) {
        assert_eq!(World::run(limits, &program), Model::run(limits, &program));
    }
}

/// Knows how many of its kind there are.
struct Value(usize, Rc<Cell<usize>>);

impl Value {
    fn new(number: usize, alive: &Rc<Cell<usize>>) -> Self {
        alive.set(alive.get() + 1);
        Self(number, Rc::clone(alive))
    }
}

impl Drop for Value {
    fn drop(&mut self) {
        self.1.set(self.1.get() - 1);
    }
}

#[derive(Default)]
struct World {
    queue: RefCell<Option<DeferredQueue<Value>>>,
    ends: RefCell<Vec<Option<Deferred<()>>>>,
    log: Log,
    made: Cell<usize>,
    alive: Rc<Cell<usize>>,
}

impl World {
    fn run((size, backlog): Limits, program: &[Op]) -> Vec<String> {
        let world = Rc::new(Self::default());
        world.queue.replace(Some(DeferredQueue::with_limits(size, backlog)));
        for op in program {
            match *op {
                Op::Put => world.act(Act::Put),
                Op::Get(act) => world.get(act),
                Op::TryGet => world.act(Act::TryGet),
                Op::Cancel(number) => world.act(Act::Cancel(number)),
                Op::Drop(number) => drop(world.take_end(number)),
                Op::Detach(number) => world.take_end(number).into_iter().for_each(Deferred::detach),
                Op::Forget => world.forget(),
            }
            if let Some(queue) = world.queue() {
                let (len, waiting) = (queue.len(), queue.waiting());
                assert_eq!(world.alive.get(), len);
                world.log.add(format_args!("len {len}, waiting {waiting}"));
            }
        }
        world.forget();
        drop(world.ends.take());
        assert_eq!((Rc::strong_count(&world), world.alive.get()), (1, 0));
        world.log.take()
    }

    fn queue(&self) -> Option<DeferredQueue<Value>> {
        self.queue.borrow().clone()
    }

    fn get(self: &Rc<Self>, act: Act) {
        let Some(queue) = self.queue() else { return };
        let number = self.ends.borrow().len();
        self.ends.borrow_mut().push(None);
        let world = Rc::clone(self);
        let end = queue.get().add_both(move |result| {
            world.log.add(format_args!("{number} {}", name(&result)));
            world.act(act);
            drop(result);
        });
        self.ends.borrow_mut()[number] = Some(end);
    }

    fn act(self: &Rc<Self>, act: Act) {
        match act {
            Act::Nothing => {}
            Act::Put => {
                let Some(queue) = self.queue() else { return };
                let value = Value::new(self.made.get(), &self.alive);
                self.made.set(value.0 + 1);
                if let Err(refused) = queue.put(value) {
                    self.log.add(format_args!("refused {}", refused.into_inner().0));
                }
            }
            Act::Get => self.get(Act::Nothing),
            Act::TryGet => {
                let value = self.queue().and_then(|queue| queue.try_get());
                value.iter().for_each(|value| self.log.add(format_args!("taken {}", value.0)));
            }
            Act::Cancel(number) => {
                let end = self.take_end(number);
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

    /// With the last of the queue go its values and those who wait.
    fn forget(&self) {
        let queue = self.queue.take();
        drop(queue);
    }
}

fn name(result: &Result<Value>) -> String {
    let failure = match result {
        Ok(value) => return format!("got {}", value.0),
        Err(failure) => failure,
    };
    let name = if failure.is::<Cancelled>() {
        "cancelled"
    } else if failure.is::<Abandoned>() {
        "abandoned"
    } else if failure.is::<QueueUnderflow>() {
        "underflow"
    } else {
        "failed otherwise"
    };
    name.to_owned()
}

struct Model {
    limits: Limits,
    gone: bool,
    values: VecDeque<usize>,
    queue: VecDeque<usize>,
    made: usize,
    /// What each does, and whether the program still has the deferred.
    asked: Vec<(Act, bool)>,
    log: Vec<String>,
}

impl Model {
    fn run(limits: Limits, program: &[Op]) -> Vec<String> {
        let (values, queue, made) = (VecDeque::new(), VecDeque::new(), 0);
        let (asked, log) = (Vec::new(), Vec::new());
        let mut model = Self { limits, gone: false, values, queue, made, asked, log };
        for op in program {
            match *op {
                Op::Put => model.act(Act::Put),
                Op::Get(act) => model.get(act),
                Op::TryGet => model.act(Act::TryGet),
                Op::Cancel(number) => model.act(Act::Cancel(number)),
                Op::Drop(number) => {
                    model.act(Act::Cancel(number));
                    model.detach(number);
                }
                Op::Detach(number) => model.detach(number),
                Op::Forget => model.forget(),
            }
            if !model.gone {
                let (len, waiting) = (model.values.len(), model.queue.len());
                model.log.push(format!("len {len}, waiting {waiting}"));
            }
        }
        model.forget();
        model.log
    }

    fn get(&mut self, act: Act) {
        if self.gone {
            return;
        }
        let number = self.asked.len();
        self.asked.push((act, false));
        if let Some(value) = self.values.pop_front() {
            self.end(number, &format!("got {value}"));
        } else if self.limits.1.is_some_and(|backlog| self.queue.len() >= backlog) {
            self.end(number, "underflow");
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
            Act::Put if !self.gone => {
                let value = self.made;
                self.made += 1;
                if let Some(number) = self.queue.pop_front() {
                    self.end(number, &format!("got {value}"));
                } else if self.limits.0.is_some_and(|size| self.values.len() >= size) {
                    self.log.push(format!("refused {value}"));
                } else {
                    self.values.push_back(value);
                }
            }
            Act::Get => self.get(Act::Nothing),
            Act::TryGet if !self.gone => {
                let value = self.values.pop_front();
                self.log.extend(value.map(|value| format!("taken {value}")));
            }
            Act::Cancel(number) if self.asked.get(number).is_some_and(|asked| asked.1) => {
                let place = self.queue.iter().position(|waiting| *waiting == number);
                if let Some(place) = place {
                    self.queue.remove(place);
                    self.end(number, "cancelled");
                }
            }
            Act::Nothing | Act::Put | Act::TryGet | Act::Cancel(_) => {}
        }
    }

    fn detach(&mut self, number: usize) {
        if let Some(asked) = self.asked.get_mut(number) {
            asked.1 = false;
        }
    }

    fn forget(&mut self) {
        self.gone = true;
        self.values.clear();
        while let Some(number) = self.queue.pop_front() {
            self.end(number, "abandoned");
        }
    }
}
