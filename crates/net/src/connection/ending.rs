//! How a connection ends: after everything is sent, at once, or half by half.

use super::{Connection, State, Writing};
use crate::carrier::Close;
use crate::parting::part_with;
use crate::{ConnectionLost, Protocol, Transport, events};
use ropewalk_deferred::Panicked;
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;

impl Connection {
    /// Ends the connection now, because all connections end: well, if nothing is left unsent. Else it
    /// is reset: a peer that saw a regular end would take what it has for everything.
    ///
    /// # Panics
    ///
    /// With the protocol, when the connection has been put in order.
    pub fn end_now(self: &Rc<Self>) {
        match self.state.get() {
            State::Ended => self.settle(),
            State::Dead => self.carrier.drop_remains(),
            State::Open | State::Closing => {
                let reason = self.last_reason();
                let how = (!matches!(reason, ConnectionLost::Aborted)).then(|| {
                    self.has_said_all();
                    Close::Gently { peer_is_done: self.peer_is_done.get() }
                });
                self.finish_as(reason, how);
            }
        }
    }

    /// As [`end_now`](Self::end_now), when the reactor is being dropped: there is nothing to wait
    /// with and nobody to unwind to.
    pub fn abandon(self: &Rc<Self>) {
        if self.is_dead() {
            return;
        }
        let reason = self.reason.take().map_or_else(|| self.last_reason(), |reason| *reason);
        let is_cut_off =
            matches!(reason, ConnectionLost::Aborted | ConnectionLost::PeerTooSlow { .. });
        let how = if is_cut_off { Close::Abort } else { Close::Now };
        if let Err(panicked) = self.bury(reason, Some(how)) {
            self.report(&panicked);
        }
    }

    fn last_reason(&self) -> ConnectionLost {
        if self.owes() { ConnectionLost::Aborted } else { self.own_reason() }
    }

    /// Why this side has ended the connection, when everything is sent.
    fn own_reason(&self) -> ConnectionLost {
        let failure = self.extra.get().and_then(|extra| extra.failure.take());
        failure.map_or(ConnectionLost::Done, ConnectionLost::ProtocolError)
    }

    /// Does what was put off until everything is sent, and the producer is done.
    pub(super) fn wind_up(self: &Rc<Self>) {
        match (self.state.get(), self.writing.get()) {
            _ if self.is_ending() && self.has_producer() => {}
            // What is written after this goes on to wait for the handshake.
            (State::Open, Writing::Ending) if self.is_opening() => {}
            (State::Closing, _) if self.has_said_all() => self.finish(self.own_reason()),
            (State::Open, Writing::Ending) if self.has_said_all() => self.end_writing(),
            (State::Open, Writing::Ended) if self.peer_is_done.get() => {
                self.finish(ConnectionLost::Done);
            }
            _ => {}
        }
    }

    fn end_writing(self: &Rc<Self>) {
        self.writing.set(Writing::Ended);
        if let Err(error) = self.carrier.shut_writing() {
            // The peer is gone already: reading will tell.
            let peer = &self.peer;
            events::tell(|| tracing::debug!(%peer, %error, "the sending half could not be shut"));
        }
        self.tell(|protocol, transport| protocol.write_done(transport));
        self.wind_up();
    }

    /// A panic of the application ends the connection, and then goes on to the reactor, which
    /// reports it and follows its policy.
    #[inline]
    pub(super) fn contain(self: &Rc<Self>, called: Result<(), Box<dyn Any + Send>>) {
        if let Err(payload) = called {
            self.end_with_panic(payload);
        }
    }

    #[cold]
    fn end_with_panic(self: &Rc<Self>, payload: Box<dyn Any + Send>) {
        let panicked = Panicked::from_payload(payload, self.location);
        let text = self.describe(&panicked);
        if let Err(second) = self.bury(ConnectionLost::Panicked(panicked), None) {
            self.report(&second);
        }
        resume_unwind(Box::new(text));
    }

    pub(super) fn finish(self: &Rc<Self>, reason: ConnectionLost) {
        self.finish_as(reason, None);
    }

    fn finish_as(self: &Rc<Self>, reason: ConnectionLost, how: Option<Close>) {
        if let Err(panicked) = self.bury(reason, how) {
            resume_unwind(Box::new(self.describe(&panicked)));
        }
    }

    /// The end: releases the carrier, then tells and drops the producer and the protocol. Only the
    /// first call does.
    pub(super) fn bury(
        self: &Rc<Self>,
        reason: ConnectionLost,
        how: Option<Close>,
    ) -> Result<(), Panicked> {
        if self.state.replace(State::Dead) == State::Dead {
            return Ok(());
        }
        let owed = self.owes();
        let unsent = self.clear();
        events::tell(|| tracing::debug!(peer = %self.peer, %reason, unsent, "disconnected"));
        let how = how.unwrap_or_else(|| match reason {
            ConnectionLost::Done | ConnectionLost::ProtocolError(_) => {
                Close::Gently { peer_is_done: self.peer_is_done.get() }
            }
            ConnectionLost::Aborted | ConnectionLost::PeerTooSlow { .. } => Close::Abort,
            // A regular end would make what has arrived look like everything.
            ConnectionLost::Panicked(_) if owed => Close::Abort,
            // The peer is to hear what was wrong.
            #[cfg(feature = "tls")]
            _ if crate::tls::has_told_why(&reason) => Close::Gently { peer_is_done: false },
            ConnectionLost::Lost(_) | ConnectionLost::Panicked(_) => Close::Now,
        });
        self.carrier.close(self, how);
        self.reason.set(Some(Box::new(reason.clone())));
        match self.protocol.take() {
            Some(protocol) => self.tell_of_end(protocol, &reason),
            // It is running, and has dropped its reactor: it is told when it returns.
            None => Ok(()),
        }
    }

    /// For a protocol that has just returned, and has ended its connection by dropping its reactor.
    pub(super) fn end_late(self: &Rc<Self>, protocol: Box<dyn Protocol>) {
        let reason = self.reason().unwrap_or(ConnectionLost::Aborted);
        if let Err(panicked) = self.tell_of_end(protocol, &reason) {
            self.report(&panicked);
        }
    }

    fn tell_of_end(
        self: &Rc<Self>,
        protocol: Box<dyn Protocol>,
        reason: &ConnectionLost,
    ) -> Result<(), Panicked> {
        let waiting = self.extra.get().map(|extra| extra.flushed.take()).unwrap_or_default();
        let transport = Transport::new(Rc::clone(self));
        let stopped = catch_unwind(AssertUnwindSafe(|| self.stop_producer()));
        let told = part_with(protocol, self.location, |protocol| {
            protocol.connection_lost(&transport, reason);
        });
        for promise in waiting {
            promise.settle(Err(reason.clone().into()));
        }
        #[cfg(feature = "tls")]
        self.not_secured(reason);
        self.carrier.remove_filter();
        drop(self.extra.get().and_then(|extra| extra.place.take()));
        let panicked = |payload| Panicked::from_payload(payload, self.location);
        match (stopped.map_err(panicked), told.map_err(panicked)) {
            (Err(first), Err(second)) => {
                self.report(&first);
                Err(second)
            }
            (stopped, told) => told.and(stopped),
        }
    }

    /// A panic beside another one, or with nobody to unwind to.
    pub(super) fn report(&self, panicked: &Panicked) {
        let (location, panic) = (self.location, panicked.message());
        let what = "a protocol, or its producer, panicked at the end of its connection";
        events::tell(|| tracing::error!(%location, panic, "{what}"));
    }

    fn describe(&self, panicked: &Panicked) -> String {
        let (peer, message) = (&self.peer, panicked.message());
        format!("the protocol of {peer}, attached at {}: {message}", self.location)
    }
}
