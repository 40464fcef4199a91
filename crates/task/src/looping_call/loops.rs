//! The loops that run on one reactor, which owns them.

use super::state::Looping;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Where a reactor keeps its loops; its drop is the end of all of them.
#[derive(Default)]
pub(super) struct Loops(RefCell<BTreeMap<u64, Rc<Looping>>>);

impl Loops {
    /// Keeps a loop, under a number that no other run of any loop has.
    pub(super) fn insert(&self, looping: &Rc<Looping>) -> u64 {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        self.0.borrow_mut().insert(id, Rc::clone(looping));
        id
    }

    pub(super) fn remove(&self, id: u64) -> Option<Rc<Looping>> {
        self.0.borrow_mut().remove(&id)
    }
}

impl Drop for Loops {
    fn drop(&mut self) {
        // In the order in which they were started; what a callback of one does to another finds
        // that in its place, or closed.
        self.0.take().into_values().for_each(|looping| looping.close());
    }
}
