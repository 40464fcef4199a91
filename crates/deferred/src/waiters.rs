//! Those who wait for a lock, a semaphore, a queue or an event: promises, first come, first served.
//!
//! Who gives up is taken out of the middle at once, so that a million time-outs behind one patient
//! waiter leave nothing behind.
//!
//! Borrow rule: the list is borrowed to add or to take out one promise. Whoever took it out fires
//! or drops it afterwards, with nothing borrowed (I5).

use crate::{Deferred, Promise};
use fifo::Fifo;
use std::cell::RefCell;
use std::rc::Rc;

mod fifo;

/// The waiting promises of one primitive.
pub(crate) struct Waiters<V: 'static> {
    fifo: RefCell<Fifo<Promise<V>>>,
}

/// Those who wait at one moment, and none who come later.
#[derive(Clone, Copy)]
pub(crate) struct Present {
    until: u64,
}

impl<V> Waiters<V> {
    pub(crate) fn len(&self) -> usize {
        self.fifo.borrow().len()
    }

    /// A place at the end, with the deferred of whoever takes it. `waiters` finds the list in its
    /// owner, which the canceller must not keep alive.
    #[track_caller]
    pub(crate) fn wait<S: 'static>(owner: &Rc<S>, waiters: fn(&S) -> &Self) -> Deferred<V> {
        let key = waiters(owner).fifo.borrow().next_key();
        let weak = Rc::downgrade(owner);
        let (promise, deferred) = Deferred::with_canceller(move || {
            let owner = weak.upgrade();
            drop(owner.as_ref().and_then(|owner| waiters(owner).remove(key)));
        });
        waiters(owner).fifo.borrow_mut().push(promise);
        deferred
    }

    /// Takes out the one who has waited longest. To be fired, since it cannot be cancelled any
    /// more.
    pub(crate) fn next(&self) -> Option<Promise<V>> {
        self.fifo.borrow_mut().pop(u64::MAX)
    }

    pub(crate) fn present(&self) -> Present {
        Present { until: self.fifo.borrow().next_key().ticket }
    }

    /// As [`next`](Self::next), if that one is of those `present`.
    pub(crate) fn next_of(&self, present: Present) -> Option<Promise<V>> {
        self.fifo.borrow_mut().pop(present.until)
    }

    fn remove(&self, key: fifo::Key) -> Option<Promise<V>> {
        self.fifo.borrow_mut().remove(key)
    }
}

impl<V> Default for Waiters<V> {
    fn default() -> Self {
        Self { fifo: RefCell::new(Fifo::new()) }
    }
}

impl<V: 'static> Drop for Waiters<V> {
    /// Nobody is left who could serve them: each fails with `Abandoned`, in order.
    fn drop(&mut self) {
        while let Some(promise) = self.next() {
            drop(promise);
        }
    }
}
