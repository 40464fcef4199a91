//! The end of a port: closed at once, and complete when its factory has been told.

use super::Listener;
use crate::events::tell;
use crate::parting::{drop_alone, part_with};
use ropewalk_deferred::Promise;
use ropewalk_reactor::Reactor;
use std::panic::resume_unwind;
use std::rc::Rc;

impl Listener {
    /// Closes the socket; `false` if it is closed already.
    pub(crate) fn close(&self) -> bool {
        // Out of the borrow first: the source's callback owns this listener.
        let registration = self.registration.borrow_mut().take();
        if registration.is_none() {
            return false;
        }
        if let Some(remains) = self.remains.take() {
            remains();
        }
        // Closed, before anybody hears of it.
        drop(registration);
        tell(|| tracing::debug!(address = %self.address, "not listening any more"));
        true
    }

    /// Ends the factory and tells those who wait. The factory does not run when this is called.
    pub(crate) fn complete(&self, reactor: &Reactor) {
        if self.complete.replace(true) {
            return;
        }
        if let (Some(key), Some(network)) = (self.key.take(), self.network.upgrade()) {
            network.forget_listener(key);
        }
        let factory = self.factory.take();
        let waiting = self.stopping.take();
        let stopped = factory.map_or(Ok(()), |factory| {
            part_with(factory, self.location, |factory| factory.stopped(reactor))
        });
        for promise in waiting {
            promise.settle(Ok(()));
        }
        if let Err(payload) = stopped {
            resume_unwind(payload);
        }
    }

    /// Fires `promise` when the end is complete.
    pub(in crate::listening) fn wait(&self, promise: Promise<()>) {
        let mut waiting = self.stopping.take();
        waiting.push(promise);
        self.stopping.set(waiting);
    }

    pub(in crate::listening) fn complete_later(self: &Rc<Self>) {
        let ending = Ending(Rc::clone(self));
        self.reactor.with(|reactor| {
            reactor.call_soon_at(self.location, move |reactor| ending.0.complete(reactor));
        });
    }

    /// The end when the reactor is gone: nobody is told, everything is dropped.
    fn abandon(&self) {
        if !self.complete.replace(true) {
            self.close();
            drop_alone((self.factory.take(), self.stopping.take()), self.location);
        }
    }
}

/// What the loop holds of an open port: it goes with the port, or with the whole reactor.
pub(super) struct Watched(pub(super) Rc<Listener>);

impl Drop for Watched {
    fn drop(&mut self) {
        if self.0.registration.borrow().is_some() {
            self.0.abandon();
        }
    }
}

/// What the loop holds of a closed port: it is run, or goes with the whole reactor.
struct Ending(Rc<Listener>);

impl Drop for Ending {
    fn drop(&mut self) {
        self.0.abandon();
    }
}
