//! How many connections of a port there may be at a time.
//!
//! Whoever comes when all places are taken waits in the backlog of the system: the port is not
//! watched until a place is free.

use super::listener::Listener;
use std::cell::Cell;
use std::rc::{Rc, Weak};

pub(super) struct Places {
    /// `None`: as many as there are.
    most: Option<usize>,
    taken: Cell<usize>,
}

impl Places {
    pub(super) fn new(most: Option<usize>) -> Self {
        Self { most, taken: Cell::new(0) }
    }

    pub(super) fn are_taken(&self) -> bool {
        self.most.is_some_and(|most| self.taken.get() >= most)
    }

    /// A place for the next connection of `listener`; none while all are taken.
    pub(super) fn take(listener: &Rc<Listener>) -> Option<Place> {
        let places = listener.places();
        if places.most.is_none() {
            return Some(Place(None));
        }
        if places.are_taken() {
            return None;
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
