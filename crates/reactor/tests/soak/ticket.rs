//! The ticket in each closure: notes what happens to it, and looks whether that may be.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;

use ropewalk_reactor::{PanicPolicy, Reactor};
use ropewalk_testing::soak::{self, add, is_handing_in};

use crate::life::{LOOPER, Life};
use crate::record::{Kind, Note, Record};
use crate::submission;
use crate::world::World;

thread_local! {
    /// Which of the threads this is.
    static SEAT: Cell<usize> = const { Cell::new(LOOPER) };
    /// How many of our own nets would catch a panic.
    static NETS: Cell<usize> = const { Cell::new(0) };
}

pub(crate) fn sit_down(seat: usize) {
    SEAT.set(seat);
}

pub(crate) fn seat() -> usize {
    SEAT.get()
}

/// Calls what may panic as planned, outside of what a reactor contains.
pub(crate) fn contained(call: impl FnOnce()) {
    NETS.set(NETS.get() + 1);
    soak::contained(call);
    NETS.set(NETS.get() - 1);
}

/// Panics as planned, which ends a run under that policy.
pub(crate) fn panic_as_planned(world: &World, life: &Life) -> ! {
    if NETS.get() == 0 {
        add(&life.panics);
        if world.plan.panic_policy == PanicPolicy::Stop {
            life.ending();
        }
    }
    soak::panic_as_planned()
}

/// What a closure does when it is dropped unrun.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum LastAct {
    Nothing,
    Panics,
    /// It hands in something more.
    Speaks,
}

pub(crate) struct Ticket {
    pub(crate) world: Arc<World>,
    pub(crate) record: Arc<Record>,
    pub(crate) last_act: LastAct,
}

impl Ticket {
    /// The closure is being called.
    pub(crate) fn begin(&mut self, reactor: &Reactor) {
        let Self { world, record, .. } = self;
        self.last_act = LastAct::Nothing;
        let life = record.life();
        let is_again = record.note(Note::Started);
        let is_ours = |reactor: &Reactor| reactor.handle().same_reactor(&life.handle);
        let is_current = Reactor::with_current(is_ours) == Some(true);
        if is_again || record.has(Note::Cancelled) || record.has(Note::HandedBack) {
            world.complain(format!("it must not run: {}", record.story()));
        }
        if seat() != LOOPER || !is_ours(reactor) || !is_current || is_handing_in() {
            world.complain(format!("not where it belongs: {}", record.story()));
        }
        match record.kind {
            Kind::Call => {
                add(&life.calls);
                let seat = record.seat.load(Ordering::SeqCst) as usize;
                if !life.is_in_order(seat, record.number.load(Ordering::SeqCst)) {
                    world.complain(format!("it was overtaken: {}", record.story()));
                }
            }
            Kind::Soon => {
                let number = record.number.load(Ordering::SeqCst);
                if life.soon_ran.swap(number, Ordering::SeqCst) >= number {
                    world.complain(format!("it was overtaken: {}", record.story()));
                }
            }
            Kind::Timer => {
                add(&life.timers_fired);
                self.check_time(reactor);
            }
            Kind::Trigger => {}
        }
    }

    /// A timer runs not before it is due, and no other that is pending is due before it.
    fn check_time(&self, reactor: &Reactor) {
        let Self { world, record, .. } = self;
        let due = record.due();
        if due.is_none() || due > Some(reactor.now()) {
            world.complain(format!("too early: {}", record.story()));
        }
        let first = reactor.delayed_calls().first().map(|call| call.time);
        if first.is_some_and(|first| Some(first) < due) {
            world.complain(format!("not the first: {}", record.story()));
        }
    }

    /// The closure has done its work.
    pub(crate) fn end(&self) {
        self.record.note(Note::Ended);
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let Self { world, record, .. } = self;
        let is_started = record.has(Note::Started);
        if is_started && !record.has(Note::Ended) && thread::panicking() {
            record.note(Note::Panicked);
        }
        if record.note(Note::Dropped) {
            world.complain(format!("dropped twice: {}", record.story()));
        }
        let life = record.life();
        let may_drop = life.may_drop() || !record.has(Note::Accepted);
        if record.kind == Kind::Call && !is_started && !may_drop {
            world.complain(format!("dropped without a reason: {}", record.story()));
        }
        match self.last_act {
            _ if thread::panicking() => {}
            LastAct::Nothing => {}
            LastAct::Panics => panic_as_planned(world, &life),
            LastAct::Speaks => submission::last_words(world, &life),
        }
    }
}
