//! How many connections of a port there may be at a time.
//!
//! Whoever comes when all places are taken, or when nobody asks for one more, waits in the backlog of
//! the system: the port is not watched until that changes.

use super::listener::Listener;
use std::cell::Cell;
use std::rc::{Rc, Weak};

pub(super) struct Places {
    /// `None`: as many as there are.
    most: Option<usize>,
    taken: Cell<usize>,
    /// How many more are asked for. `None`: all.
    asked_for: Cell<Option<usize>>,
}

impl Places {
    pub(super) fn new(most: Option<usize>) -> Self {
        Self { most, taken: Cell::new(0), asked_for: Cell::new(None) }
    }

    /// Whether another connection is to be accepted.
    pub(super) fn has_one(&self) -> bool {
        self.asked_for.get() != Some(0) && !self.are_full()
    }

    pub(super) fn are_full(&self) -> bool {
        self.most.is_some_and(|most| self.taken.get() >= most)
    }

    /// From now on so many more, until it is asked again; `true` if the port may have rested until now.
    pub(super) fn ask_for(&self, more: usize) -> bool {
        let before = self.asked_for.replace(Some(more));
        before == Some(0) && more > 0
    }

    /// One of those that were asked for.
    pub(super) fn one_has_come(&self) {
        self.asked_for.set(self.asked_for.get().map(|more| more.saturating_sub(1)));
    }

    /// A place for the next connection of `listener`; none while all are taken.
    pub(super) fn take(listener: &Rc<Listener>) -> Option<Place> {
        let places = listener.places();
        if !places.has_one() {
            return None;
        }
        if places.most.is_none() {
            return Some(Place(None));
        }
        places.taken.set(places.taken.get() + 1);
        Some(Place(Some(Rc::downgrade(listener))))
    }
}

/// Gives the place back when it is dropped.
pub(crate) struct Place(Option<Weak<Listener>>);

impl Place {
    /// The place, if anybody counts.
    pub(super) fn if_counted(self) -> Option<Self> {
        self.0.is_some().then_some(self)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(listener) = self.0.take().and_then(|listener| listener.upgrade()) {
            let taken = &listener.places().taken;
            taken.set(taken.get().saturating_sub(1));
            listener.place_is_free();
        }
    }
}
