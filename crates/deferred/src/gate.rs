//! What a lock and a semaphore have in common: a stock of tokens, and the queue of those who wait.
//!
//! A token that comes back goes to the one who has waited longest, without passing through the
//! stock; so there is nothing in it while anybody waits, and nobody can be overtaken.
//!
//! Whoever holds a token keeps the gate alive, so that those who wait are served even if nothing
//! else is left of the primitive. Nothing is borrowed while a promise is fired (I5).

use crate::waiters::Waiters;
use crate::{Deferred, Outcome, panics};
use std::panic::Location;
use std::rc::Rc;

/// Where tokens lie that nobody holds.
pub(crate) trait Stock: Sized + 'static {
    type Token: 'static;
    /// What the one who holds a token has of it.
    type Guard: 'static;

    fn take(&self) -> Option<Self::Token>;
    fn put_back(&self, token: Self::Token);
    fn guard(pass: Pass<Self>) -> Self::Guard;
}

pub(crate) struct Gate<S: Stock> {
    pub(crate) stock: S,
    pub(crate) waiters: Waiters<S::Guard>,
}

impl<S: Stock> Gate<S> {
    pub(crate) fn new(stock: S) -> Rc<Self> {
        Rc::new(Self { stock, waiters: Waiters::default() })
    }

    #[track_caller]
    pub(crate) fn acquire(self: &Rc<Self>) -> Deferred<S::Guard> {
        self.enter().cancel_on_drop()
    }

    pub(crate) fn try_acquire(self: &Rc<Self>) -> Option<S::Guard> {
        self.stock.take().map(|token| self.pass(token))
    }

    #[track_caller]
    pub(crate) fn run<F, R>(self: &Rc<Self>, function: F) -> Deferred<R::Value>
    where
        F: FnOnce() -> R + 'static,
        R: Outcome,
    {
        let at = Location::caller();
        self.enter().add_callback(move |guard| {
            // Caught here and not by the chain, which would drop the guard, and so run others'
            // callbacks, while it unwinds.
            panics::catch(at, || function().into_deferred())
                .unwrap_or_else(Deferred::fail)
                .add_both(move |result| {
                    panics::discard("dropping a guard", at, guard);
                    result
                })
        })
    }

    #[track_caller]
    fn enter(self: &Rc<Self>) -> Deferred<S::Guard> {
        match self.try_acquire() {
            Some(guard) => Deferred::succeed(guard),
            None => Waiters::wait(self, |gate| &gate.waiters),
        }
    }

    fn pass(self: &Rc<Self>, token: S::Token) -> S::Guard {
        S::guard(Pass { token: Some(token), gate: Rc::clone(self) })
    }
}

/// A token in somebody's hands. Dropping it hands it on.
pub(crate) struct Pass<S: Stock> {
    /// Taken by the drop alone.
    pub(crate) token: Option<S::Token>,
    pub(crate) gate: Rc<Gate<S>>,
}

impl<S: Stock> Drop for Pass<S> {
    fn drop(&mut self) {
        let Some(token) = self.token.take() else { return };
        match self.gate.waiters.next() {
            Some(promise) => promise.settle(Ok(self.gate.pass(token))),
            None => self.gate.stock.put_back(token),
        }
    }
}
