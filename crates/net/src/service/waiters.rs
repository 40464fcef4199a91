//! Those who wait for the connection of a service: in their order, each with its patience.

use super::NotConnected;
use crate::Transport;
use ropewalk_deferred::{Deferred, Promise};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::{Rc, Weak};

/// **Borrow rule:** promises are taken out of the map, and fired afterwards.
#[derive(Default)]
pub(super) struct Waiters {
    waiting: RefCell<BTreeMap<u64, Waiter>>,
    /// Never used twice: who is being fired may be cancelled by the one before it.
    next: Cell<u64>,
}

struct Waiter {
    promise: Promise<Transport>,
    /// How many failures it still stands; none: any number.
    patience: Option<u32>,
}

impl Waiters {
    #[track_caller]
    pub(super) fn add(self: &Rc<Self>, patience: Option<u32>) -> Deferred<Transport> {
        let key = self.next.get();
        self.next.set(key + 1);
        let weak: Weak<Self> = Rc::downgrade(self);
        let (promise, deferred) = Deferred::with_canceller(move || {
            let waiters = weak.upgrade();
            drop(waiters.and_then(|waiters| waiters.waiting.borrow_mut().remove(&key)));
        });
        self.waiting.borrow_mut().insert(key, Waiter { promise, patience });
        deferred
    }

    pub(super) fn succeed(&self, transport: &Transport) {
        for waiter in self.waiting.take().into_values() {
            waiter.promise.settle(Ok(transport.clone()));
        }
    }

    pub(super) fn stop(&self) {
        for waiter in self.waiting.take().into_values() {
            waiter.promise.settle(Err(NotConnected::Stopped.into()));
        }
    }

    /// One more attempt has failed: those who will not wait for another one hear of it.
    pub(super) fn fail(&self, error: &NotConnected) {
        let mut impatient = Vec::new();
        {
            let mut waiting = self.waiting.borrow_mut();
            for (key, waiter) in &mut *waiting {
                if let Some(patience) = &mut waiter.patience {
                    *patience = patience.saturating_sub(1);
                    if *patience == 0 {
                        impatient.push(*key);
                    }
                }
            }
        }
        for key in impatient {
            // Out of the borrow first. One that was cancelled by the one before it is gone.
            let waiter = self.waiting.borrow_mut().remove(&key);
            if let Some(waiter) = waiter {
                waiter.promise.settle(Err(error.clone().into()));
            }
        }
    }

    pub(super) fn len(&self) -> usize {
        self.waiting.borrow().len()
    }
}
