//! What the thread of the reactors has at hand: the reactor, and what is pending in it.
//!
//! No borrow of it lives while something of the reactor is called or dropped.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

use ropewalk_reactor::{DelayedCall, Reactor, TriggerId};
use ropewalk_testing::soak::{Dice, Stock};

use crate::life::Life;
use crate::record::Record;
use crate::socket::Tap;

/// So many sources are registered at once.
pub(crate) const TAPS: usize = 12;

/// So many timers, and triggers, stay in reach.
const KEPT: usize = 64;

thread_local! {
    static DESK: RefCell<Option<Rc<Desk>>> = const { RefCell::new(None) };
}

pub(crate) struct Desk {
    pub(crate) life: Arc<Life>,
    owner: RefCell<Option<Reactor>>,
    timers: Stock<(DelayedCall, Arc<Record>)>,
    triggers: Stock<(TriggerId, Arc<Record>)>,
    taps: RefCell<Vec<(u64, Tap)>>,
    next_tap: Cell<u64>,
}

/// The one of these days, on the thread of the reactors.
pub(crate) fn desk() -> Option<Rc<Desk>> {
    DESK.with_borrow(Option::clone)
}

/// Puts another in its place, and gives the old one.
pub(crate) fn replace(desk: Option<Rc<Desk>>) -> Option<Rc<Desk>> {
    DESK.replace(desk)
}

impl Desk {
    pub(crate) fn new(life: &Arc<Life>, owner: Reactor) -> Rc<Self> {
        Rc::new(Self {
            life: Arc::clone(life),
            owner: RefCell::new(Some(owner)),
            timers: Stock::of(KEPT),
            triggers: Stock::of(KEPT),
            taps: RefCell::default(),
            next_tap: Cell::new(0),
        })
    }

    pub(crate) fn take_owner(&self) -> Option<Reactor> {
        self.owner.take()
    }

    pub(crate) fn keep_timer(&self, timer: (DelayedCall, Arc<Record>), dice: &mut Dice) {
        drop(self.timers.keep(timer, dice));
    }

    pub(crate) fn take_timer(&self, dice: &mut Dice) -> Option<(DelayedCall, Arc<Record>)> {
        self.timers.take(dice)
    }

    pub(crate) fn keep_trigger(&self, trigger: (TriggerId, Arc<Record>), dice: &mut Dice) {
        drop(self.triggers.keep(trigger, dice));
    }

    pub(crate) fn take_trigger(&self, dice: &mut Dice) -> Option<(TriggerId, Arc<Record>)> {
        self.triggers.take(dice)
    }

    /// A name for a new source.
    pub(crate) fn name_tap(&self) -> u64 {
        self.next_tap.replace(self.next_tap.get() + 1)
    }

    pub(crate) fn keep_tap(&self, name: u64, tap: Tap) {
        self.taps.borrow_mut().push((name, tap));
    }

    pub(crate) fn take_tap(&self, dice: &mut Dice) -> Option<(u64, Tap)> {
        let mut taps = self.taps.borrow_mut();
        let place = dice.below(taps.len());
        (!taps.is_empty()).then(|| taps.swap_remove(place))
    }

    pub(crate) fn take_tap_named(&self, name: u64) -> Option<Tap> {
        let mut taps = self.taps.borrow_mut();
        let place = taps.iter().position(|(other, _)| *other == name)?;
        Some(taps.swap_remove(place).1)
    }

    pub(crate) fn taps(&self) -> usize {
        self.taps.borrow().len()
    }

    /// Whether a source that is watched for reading has something to read.
    pub(crate) fn has_unread(&self) -> bool {
        let taps = self.taps.borrow();
        taps.iter().any(|(_, tap)| tap.interest.get().is_readable() && tap.wire.waiting() > 0)
    }
}
