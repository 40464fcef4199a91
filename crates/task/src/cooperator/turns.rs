//! Which task goes on next, and when the reactor is asked for the next turn.
//!
//! The tasks that can go on stand in a ring. One that is paused, waits or has ended stays there
//! until it is met, if others keep the ring turning; with the last one that can go on, the ring is
//! emptied and the call taken back (I6).
//!
//! A cooperator that has tasks is owned by its reactor, through [`Cooperators`]: whose drop is the
//! end of all of them, whoever still has a handle.
//!
//! **Borrow rule:** nothing is borrowed while a task makes a step, is told anything, or is dropped.

use super::slice::Slice;
use super::state::{Ending, State};
use ropewalk_reactor::{DelayedCall, Reactor, WeakReactor};
use slab::Slab;
use std::cell::{Cell, OnceCell, RefCell};
use std::collections::VecDeque;
use std::rc::{Rc, Weak};
use std::time::Duration;

/// The slice of a cooperator whose maker does not say another.
pub(super) const SLICE: Duration = Duration::from_millis(10);

/// Up to this many places the storage of tasks that are over is kept.
const KEPT: usize = 1024;

pub(super) struct Turns {
    reactor: WeakReactor,
    slice: Duration,
    /// All that have not ended.
    tasks: RefCell<Slab<Rc<State>>>,
    /// All that can go on, and some that cannot.
    ring: RefCell<VecDeque<Rc<State>>>,
    /// How many can go on.
    ready: Cell<usize>,
    next: Cell<Option<DelayedCall>>,
    turning: Cell<bool>,
    stopped: Cell<bool>,
    owner: RefCell<Weak<Cooperators>>,
    key: Cell<usize>,
}

/// The cooperators of one reactor that have tasks, and its default one.
#[derive(Default)]
pub(super) struct Cooperators {
    busy: RefCell<Slab<Rc<Turns>>>,
    default: OnceCell<Rc<Turns>>,
}

impl Turns {
    pub(super) fn new(reactor: &Reactor, slice: Duration) -> Rc<Self> {
        Rc::new(Self {
            reactor: reactor.downgrade(),
            slice,
            tasks: RefCell::default(),
            ring: RefCell::default(),
            ready: Cell::new(0),
            next: Cell::new(None),
            turning: Cell::new(false),
            stopped: Cell::new(false),
            owner: RefCell::default(),
            key: Cell::new(0),
        })
    }

    /// The default ones of `reactor`.
    pub(super) fn of(reactor: &Reactor) -> Rc<Self> {
        let cooperators = reactor.local::<Cooperators>();
        Rc::clone(cooperators.default.get_or_init(|| Self::new(reactor, SLICE)))
    }

    pub(super) fn running(&self) -> bool {
        !self.stopped.get()
    }

    /// How many tasks there are, and how many of them can go on.
    pub(super) fn len(&self) -> (usize, usize) {
        (self.tasks.borrow().len(), self.ready.get())
    }

    /// Takes a task on.
    pub(super) fn add(self: &Rc<Self>, state: &Rc<State>) {
        if self.stopped.get() {
            return state.finish(Ending::SchedulerStopped);
        }
        if !self.is_owned() {
            return state.finish(Ending::Abandoned);
        }
        state.slot.set(self.tasks.borrow_mut().insert(Rc::clone(state)));
        self.changed(state);
    }

    /// Notes that a task can go on, or cannot any more.
    pub(super) fn changed(self: &Rc<Self>, state: &Rc<State>) {
        let ready = state.can_go_on();
        if state.counted.replace(ready) == ready {
            return;
        }
        if ready {
            self.ready.set(self.ready.get() + 1);
            self.stand_in_line(state);
        } else {
            self.ready.set(self.ready.get() - 1);
        }
        self.ask();
    }

    /// Forgets a task that has ended.
    pub(super) fn remove(&self, state: &Rc<State>) {
        let mut tasks = self.tasks.borrow_mut();
        let slot = state.slot.get();
        let is_it = tasks.get(slot).is_some_and(|other| Rc::ptr_eq(other, state));
        let removed = if is_it { tasks.try_remove(slot) } else { None };
        let last = tasks.is_empty();
        if last && tasks.capacity() > KEPT {
            *tasks = Slab::new();
        }
        drop(tasks);
        drop(removed);
        if last {
            self.disown();
        }
    }

    /// Ends all tasks, and takes on no other.
    pub(super) fn stop(&self) {
        self.stopped.set(true);
        self.end_all(|| Ending::SchedulerStopped);
    }

    fn end_all(&self, ending: impl Fn() -> Ending) {
        let tasks = self.tasks.take();
        self.disown();
        for (_, state) in tasks {
            state.finish(ending());
        }
    }

    fn stand_in_line(&self, state: &Rc<State>) {
        if !state.in_ring.replace(true) {
            self.ring.borrow_mut().push_back(Rc::clone(state));
        }
    }

    /// Asks the reactor for a turn, or, if none is needed any more, takes that back.
    fn ask(self: &Rc<Self>) {
        if self.turning.get() {
            return;
        }
        if self.ready.get() == 0 {
            self.rest();
            return;
        }
        let asked = self.next.take();
        if asked.is_some() {
            self.next.set(asked);
            return;
        }
        let first = self.ring.borrow().front().map(|state| state.location);
        let weak = Rc::downgrade(self);
        let turn = move |reactor: &Reactor| {
            if let Some(turns) = weak.upgrade() {
                turns.turn(reactor);
            }
        };
        let asked = first.and_then(|location| {
            self.reactor.with(|reactor| reactor.call_later_at(location, Duration::ZERO, turn))
        });
        self.next.set(asked);
    }

    fn rest(&self) {
        if let Some(next) = self.next.take() {
            // It is pending: one that rings takes itself out first.
            let _ = next.cancel();
        }
        let ring = self.ring.take();
        ring.iter().for_each(|state| state.in_ring.set(false));
        // By what these may drop, others may enter already: into the new ring.
        drop(ring);
    }

    fn turn(self: &Rc<Self>, reactor: &Reactor) {
        drop(self.next.take());
        self.turning.set(true);
        let mut turning = Turning { turns: self, current: None };
        let mut slice = Slice::new(self.slice, reactor.now());
        loop {
            let first = self.ring.borrow_mut().pop_front();
            let Some(state) = first else { break };
            state.in_ring.set(false);
            if !state.can_go_on() {
                continue;
            }
            let current = turning.current.insert(state);
            reactor.timed("iteration", current.location, || current.step());
            turning.stand_in_line();
            if !slice.goes_on(|| reactor.now()) {
                break;
            }
        }
    }

    /// Whether a reactor owns it, now that it is about to have a task.
    fn is_owned(self: &Rc<Self>) -> bool {
        if self.owner.borrow().strong_count() > 0 {
            return true;
        }
        let owner = self.reactor.with(|reactor| reactor.local::<Cooperators>());
        let Some(owner) = owner else { return false };
        self.key.set(owner.busy.borrow_mut().insert(Rc::clone(self)));
        self.owner.replace(Rc::downgrade(&owner));
        true
    }

    /// Leaves it to those who have a handle.
    fn disown(&self) {
        let owner = self.owner.take().upgrade();
        // The caller has another reference, so that this is not the last one.
        let removed = owner.and_then(|owner| owner.busy.borrow_mut().try_remove(self.key.get()));
        drop(removed);
    }
}

/// Sees to the next turn, also after a panic of whoever logs what happens in this one.
struct Turning<'a> {
    turns: &'a Rc<Turns>,
    /// The task that makes a step. Not in the ring, unless it was paused and resumed meanwhile.
    current: Option<Rc<State>>,
}

impl Turning<'_> {
    fn stand_in_line(&mut self) {
        if let Some(state) = self.current.take() {
            if state.can_go_on() {
                self.turns.stand_in_line(&state);
            }
        }
    }
}

impl Drop for Turning<'_> {
    fn drop(&mut self) {
        self.stand_in_line();
        self.turns.turning.set(false);
        self.turns.ask();
    }
}

impl Drop for Cooperators {
    fn drop(&mut self) {
        for (_, turns) in self.busy.take() {
            turns.end_all(|| Ending::Abandoned);
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::{KEPT, Turns};
    use crate::ReactorTask as _;
    use ropewalk_reactor::Reactor;
    use std::time::Duration;

    /// Both ways out: an iterator at its end, and a task that is cancelled.
    #[test]
    fn a_cooperator_keeps_no_storage_of_a_burst_of_tasks() {
        let reactor = Reactor::new().unwrap();
        let turns = Turns::of(&reactor);
        for cancels in [false, true] {
            let burst: Vec<_> = (0..=KEPT).map(|_| reactor.coiterate([()])).collect();
            assert!(turns.tasks.borrow().capacity() > KEPT);
            assert!(turns.ring.borrow().capacity() > KEPT);
            if cancels {
                burst.iter().for_each(|one| one.cancel());
            }
            while turns.len().0 > 0 {
                reactor.turn(Some(Duration::ZERO)).unwrap();
            }
            assert_eq!(turns.len(), (0, 0));
            assert!(turns.tasks.borrow().capacity() <= KEPT);
            assert!(turns.ring.borrow().capacity() <= KEPT);
            burst.into_iter().for_each(|one| one.on_failure(drop));
        }
    }
}
