//! A program on the real thing.

use super::{Act, Op};
use crate::support::Log;
use ropewalk_deferred::{
    Cancelled, Deferred, DeferredLock, DeferredSemaphore, Failure, LockGuard, Panicked, Promise,
    Result, SemaphorePermit,
};
use std::cell::{Cell, RefCell};
use std::rc::Rc;

/// What the program does with either of the two.
trait Gate: Clone + 'static {
    type Guard: 'static;
    fn acquire(&self) -> Deferred<Self::Guard>;
    fn try_acquire(&self) -> Option<Self::Guard>;
    fn run(&self, function: impl FnOnce() -> Deferred<()> + 'static) -> Deferred<()>;
    fn free(&self) -> usize;
    fn waiting(&self) -> usize;
}

impl Gate for DeferredSemaphore {
    type Guard = SemaphorePermit;

    fn acquire(&self) -> Deferred<SemaphorePermit> {
        self.acquire()
    }

    fn try_acquire(&self) -> Option<SemaphorePermit> {
        self.try_acquire()
    }

    fn run(&self, function: impl FnOnce() -> Deferred<()> + 'static) -> Deferred<()> {
        self.run(function)
    }

    fn free(&self) -> usize {
        self.available()
    }

    fn waiting(&self) -> usize {
        self.waiting()
    }
}

/// What a lock owns here: counts its drops.
struct Payload(Rc<Cell<usize>>);

impl Drop for Payload {
    fn drop(&mut self) {
        self.0.set(self.0.get() + 1);
    }
}

impl Gate for DeferredLock<Payload> {
    type Guard = LockGuard<Payload>;

    fn acquire(&self) -> Deferred<LockGuard<Payload>> {
        self.acquire()
    }

    fn try_acquire(&self) -> Option<LockGuard<Payload>> {
        self.try_acquire()
    }

    fn run(&self, function: impl FnOnce() -> Deferred<()> + 'static) -> Deferred<()> {
        self.run(function)
    }

    fn free(&self) -> usize {
        usize::from(!self.is_locked())
    }

    fn waiting(&self) -> usize {
        self.waiting()
    }
}

pub(super) fn on_a_semaphore(tokens: usize, program: &[Op]) -> Vec<String> {
    let semaphore = DeferredSemaphore::new(tokens).unwrap();
    let log = World::run(semaphore.clone(), program);
    assert_eq!((semaphore.available(), semaphore.waiting()), (tokens, 0));
    log
}

pub(super) fn on_a_lock(program: &[Op]) -> Vec<String> {
    let drops = Rc::new(Cell::new(0));
    let lock = DeferredLock::with_value(Payload(Rc::clone(&drops)));
    let log = World::run(lock, program);
    assert_eq!(drops.get(), 1);
    log
}

struct Asked<G> {
    end: Option<Deferred<()>>,
    guard: Option<G>,
    promise: Option<Promise<()>>,
}

struct World<G: Gate> {
    gate: RefCell<Option<G>>,
    asked: RefCell<Vec<Asked<G::Guard>>>,
    log: Log,
}

impl<G: Gate> World<G> {
    fn run(gate: G, program: &[Op]) -> Vec<String> {
        let gate = RefCell::new(Some(gate));
        let world = Rc::new(Self { gate, asked: RefCell::default(), log: Log::default() });
        for op in program {
            world.step(*op);
            if let Some(gate) = world.gate() {
                let (free, waiting) = (gate.free(), gate.waiting());
                world.log.add(format_args!("free {free}, waiting {waiting}"));
            }
        }
        while world
            .asked
            .borrow()
            .iter()
            .any(|asked| asked.guard.is_some() || asked.promise.is_some())
        {
            let count = world.asked.borrow().len();
            (0..count).for_each(|number| world.release(number));
        }
        drop(world.asked.take());
        drop(world.gate.take());
        // No closure of a chain is left.
        assert_eq!(Rc::strong_count(&world), 1);
        world.log.take()
    }

    fn step(self: &Rc<Self>, op: Op) {
        match op {
            Op::Acquire(act) => self.acquire(act),
            Op::TryAcquire => {
                if let Some(guard) = self.gate().and_then(|gate| gate.try_acquire()) {
                    let number = self.push();
                    self.asked.borrow_mut()[number].guard = Some(guard);
                    self.log.add("taken");
                }
            }
            Op::Run(act) => self.run_one(act),
            Op::Release(number) => self.release(number),
            Op::Cancel(number) => self.cancel(number),
            Op::Drop(number) => drop(self.take_end(number)),
            Op::Detach(number) => self.take_end(number).into_iter().for_each(Deferred::detach),
            Op::Forget => drop(self.gate.take()),
        }
    }

    fn gate(&self) -> Option<G> {
        self.gate.borrow().clone()
    }

    fn push(&self) -> usize {
        let mut asked = self.asked.borrow_mut();
        asked.push(Asked { end: None, guard: None, promise: None });
        asked.len() - 1
    }

    fn acquire(self: &Rc<Self>, act: Act) {
        let Some(gate) = self.gate() else { return };
        let number = self.push();
        let (world, log) = (Rc::clone(self), self.log.clone());
        let end = gate
            .acquire()
            .add_both(move |result| {
                let how = result.as_ref().err().map_or("got it", name);
                world.log.add(format_args!("{number} {how}"));
                assert!(act != Act::Panic, "told to");
                world.asked.borrow_mut()[number].guard = result.ok();
                world.act(act);
            })
            .add_errback(move |failure| log.add(format_args!("{number} {}", name(&failure))));
        self.asked.borrow_mut()[number].end = Some(end);
    }

    fn run_one(self: &Rc<Self>, act: Act) {
        let Some(gate) = self.gate() else { return };
        let number = self.push();
        let (world, log) = (Rc::clone(self), self.log.clone());
        let function = move || {
            world.log.add(format_args!("{number} got it"));
            let (promise, deferred) = Deferred::new();
            world.asked.borrow_mut()[number].promise = Some(promise);
            assert!(act != Act::Panic, "told to");
            world.act(act);
            deferred
        };
        let end = gate.run(function).add_both(move |result: Result<()>| {
            log.add(format_args!("{number} {}", result.as_ref().err().map_or("done", name)));
        });
        self.asked.borrow_mut()[number].end = Some(end);
    }

    fn act(self: &Rc<Self>, act: Act) {
        match act {
            Act::Nothing | Act::Panic => {}
            Act::Release(other) => self.release(other),
            Act::Cancel(other) => self.cancel(other),
            Act::Acquire => self.acquire(Act::Nothing),
        }
    }

    fn release(&self, number: usize) {
        let (guard, promise) = {
            let mut asked = self.asked.borrow_mut();
            let Some(asked) = asked.get_mut(number) else { return };
            (asked.guard.take(), asked.promise.take())
        };
        drop(guard);
        promise.into_iter().for_each(|promise| promise.callback(()));
    }

    fn cancel(&self, number: usize) {
        let handle = {
            let asked = self.asked.borrow();
            let Some(end) = asked.get(number).and_then(|asked| asked.end.as_ref()) else { return };
            end.canceller()
        };
        handle.cancel();
    }

    fn take_end(&self, number: usize) -> Option<Deferred<()>> {
        self.asked.borrow_mut().get_mut(number)?.end.take()
    }
}

fn name(failure: &Failure) -> &'static str {
    if failure.is::<Cancelled>() {
        "cancelled"
    } else if failure.is::<Panicked>() {
        "panicked"
    } else {
        "failed otherwise"
    }
}
