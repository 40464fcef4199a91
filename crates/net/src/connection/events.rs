//! What the loop calls of a connection: never from inside of its protocol.

use super::{Connection, State, is_transient};
use crate::carrier::Close;
use crate::{ConnectionLost, Protocol, Transport};
use ropewalk_deferred::Panicked;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;
use std::sync::Arc;

/// How often one event may read before other connections have their turn (I7).
const ROUNDS: usize = 4;

impl Connection {
    /// Tells the protocol that the connection is there.
    ///
    /// # Panics
    ///
    /// With the protocol, when the connection has been put in order.
    pub fn start(self: &Rc<Self>) {
        tracing::debug!(peer = %self.peer, host = %self.host, "connected");
        self.watch();
        self.tell(|protocol, transport| protocol.connection_made(transport));
    }

    /// The carrier can be read from, or written to. `buffer` is scratch.
    ///
    /// # Panics
    ///
    /// With the protocol, when the connection has been put in order.
    pub fn ready(self: &Rc<Self>, readable: bool, writable: bool, buffer: &mut [u8]) {
        if self.is_dead() {
            self.carrier.drain(buffer);
            return;
        }
        if writable && self.buffered() > 0 {
            self.send();
        }
        // What the protocol has kept back while it was paused comes before what is read now, and
        // before the end above all.
        if readable && self.goes_on_reading() {
            self.receive(buffer);
        } else if readable && self.carrier.is_opening() {
            self.open();
        }
    }

    /// Goes on with a handshake, whatever the protocol wants.
    fn open(self: &Rc<Self>) {
        self.send();
        if self.carrier.has_opened() {
            self.opened();
        }
    }

    /// The carrier's handshake has ended well.
    fn opened(self: &Rc<Self>) {
        self.watch();
        self.tell(|protocol, transport| protocol.handshake_completed(transport));
    }

    /// Does what was left for a later turn.
    ///
    /// # Panics
    ///
    /// With the protocol, when the connection has been put in order.
    pub fn settle(self: &Rc<Self>) {
        self.scheduled.set(false);
        if self.resumed.take() && self.is_open() && !self.paused.get() {
            self.tell(|protocol, transport| protocol.resumed(transport));
            if self.goes_on_reading() && self.carrier.holds_back() {
                self.carrier.read_later(self);
            }
        }
        let is_alive = matches!(self.state.get(), State::Open | State::Closing);
        if is_alive && self.buffered() == 0 {
            self.tell_of_room();
        }
        match self.state.get() {
            State::Closing if self.has_said_all() => self.finish(ConnectionLost::Done),
            State::Ended => {
                let reason = self.reason.take();
                self.finish(reason.map_or(ConnectionLost::Aborted, |reason| *reason));
            }
            State::Open | State::Closing | State::Dead => {}
        }
    }

    /// Offers what is unsent, whether or not there is said to be room.
    ///
    /// # Panics
    ///
    /// With the protocol, when the connection has been put in order.
    pub fn push(self: &Rc<Self>) {
        if self.buffered() > 0 {
            self.send();
        }
    }

    /// Ends the connection now, because all connections end: well, if nothing is left unsent. The
    /// peer gets what the carrier has taken in either case.
    ///
    /// # Panics
    ///
    /// With the protocol, when the connection has been put in order.
    pub fn end_now(self: &Rc<Self>) {
        match self.state.get() {
            State::Ended => self.settle(),
            State::Dead => self.carrier.drop_remains(),
            State::Open | State::Closing => {
                self.has_said_all();
                let gently = Close::Gently { peer_is_done: self.peer_is_done.get() };
                self.finish_as(self.last_reason(), Some(gently));
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
        if let Err(panicked) = self.bury(reason, Some(Close::Now)) {
            tracing::error!(
                location = %self.location,
                panic = panicked.message(),
                "a protocol panicked in connection_lost"
            );
        }
    }

    fn last_reason(&self) -> ConnectionLost {
        if self.buffered() == 0 { ConnectionLost::Done } else { ConnectionLost::Aborted }
    }

    fn receive(self: &Rc<Self>, buffer: &mut [u8]) {
        for _ in 0..ROUNDS {
            match self.read(buffer) {
                Ok(0) => {
                    self.peer_has_finished();
                    return;
                }
                Ok(count) => {
                    self.tell(|protocol, transport| {
                        protocol.data_received(transport, &buffer[..count]);
                    });
                    if count < buffer.len() && !self.carrier.holds_back() {
                        return;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    if !self.carrier.has_opened() {
                        return;
                    }
                    self.opened();
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.finish(ConnectionLost::Lost(Arc::new(error)));
                    return;
                }
            }
            if !self.goes_on_reading() {
                return;
            }
        }
        if self.carrier.holds_back() {
            self.carrier.read_later(self);
        }
    }

    fn goes_on_reading(&self) -> bool {
        self.is_reading() && !self.resumed.get()
    }

    /// Reads. What the carrier sends for itself meanwhile, or has to, is taken note of.
    fn read(self: &Rc<Self>, buffer: &mut [u8]) -> io::Result<usize> {
        let before = self.carrier.unsent();
        let read = self.carrier.read(buffer);
        let after = self.carrier.unsent();
        if before != after {
            let others = self.outgoing.borrow().len();
            self.carrier.backlog(others + before, others + after);
            self.watch();
            if others + after == 0 {
                self.schedule();
            }
        }
        read
    }

    /// The end of what the peer sends. It may still be reading: so the end of the connection is
    /// the protocol's to decide.
    fn peer_has_finished(self: &Rc<Self>) {
        self.peer_is_done.set(true);
        self.tell(|protocol, transport| protocol.peer_done(transport));
        match self.state.get() {
            // What was written before is the peer's due.
            State::Open => self.watch(),
            State::Closing if self.has_said_all() => self.finish(ConnectionLost::Done),
            State::Closing | State::Ended | State::Dead => {}
        }
    }

    fn send(self: &Rc<Self>) {
        let before = self.buffered();
        // Once for each event: as much as there is room for, and then others have their turn (I7).
        let result = self.offer();
        let after = self.buffered();
        self.carrier.backlog(before, after);
        match result {
            Err(error) if !is_transient(&error) => {
                self.finish(ConnectionLost::Lost(Arc::new(error)));
            }
            _ if after == 0 => self.all_sent(),
            _ => {}
        }
    }

    fn offer(&self) -> io::Result<usize> {
        let mut outgoing = self.outgoing.borrow_mut();
        if outgoing.len() == 0 {
            return self.carrier.advance().map(|()| 0);
        }
        outgoing.send(|slices| self.carrier.write(slices))
    }

    fn all_sent(self: &Rc<Self>) {
        self.watch();
        self.tell_of_room();
        if self.state.get() == State::Closing && self.has_said_all() {
            self.finish(ConnectionLost::Done);
        }
    }

    /// Tells those who wait until everything is sent.
    fn tell_of_room(self: &Rc<Self>) {
        for promise in self.flushed.take() {
            promise.settle(Ok(()));
        }
        if self.pressed.take() && self.is_open() {
            self.tell(|protocol, transport| protocol.drained(transport));
        }
    }

    /// Runs one method of the protocol; a panic ends the connection, and then goes on to the
    /// reactor, which reports it and follows its policy.
    fn tell(self: &Rc<Self>, call: impl FnOnce(&mut dyn Protocol, &Transport)) {
        let Some(mut protocol) = self.protocol.take() else { return };
        let transport = Transport::new(Rc::clone(self));
        let called = catch_unwind(AssertUnwindSafe(|| call(&mut *protocol, &transport)));
        self.protocol.set(Some(protocol));
        if let Err(payload) = called {
            let panicked = Panicked::from_payload(payload, self.location);
            let text = self.describe(&panicked);
            if let Err(second) = self.bury(ConnectionLost::Panicked(panicked), None) {
                tracing::error!(
                    location = %self.location,
                    panic = second.message(),
                    "a protocol panicked again in connection_lost"
                );
            }
            resume_unwind(Box::new(text));
        }
    }

    fn finish(self: &Rc<Self>, reason: ConnectionLost) {
        self.finish_as(reason, None);
    }

    fn finish_as(self: &Rc<Self>, reason: ConnectionLost, how: Option<Close>) {
        if let Err(panicked) = self.bury(reason, how) {
            resume_unwind(Box::new(self.describe(&panicked)));
        }
    }

    /// The end: releases the carrier, then tells and drops the protocol. Only the first call does.
    fn bury(self: &Rc<Self>, reason: ConnectionLost, how: Option<Close>) -> Result<(), Panicked> {
        if self.state.replace(State::Dead) == State::Dead {
            return Ok(());
        }
        let unsent = self.clear();
        tracing::debug!(peer = %self.peer, %reason, unsent, "disconnected");
        let how = how.unwrap_or_else(|| match reason {
            ConnectionLost::Done => Close::Gently { peer_is_done: self.peer_is_done.get() },
            ConnectionLost::Aborted => Close::Abort,
            ConnectionLost::Lost(_) | ConnectionLost::Panicked(_) => Close::Now,
        });
        self.carrier.close(self, how);
        self.reason.set(Some(Box::new(reason.clone())));
        let waiting = self.flushed.take();
        let protocol = self.protocol.take();
        let transport = Transport::new(Rc::clone(self));
        let told = catch_unwind(AssertUnwindSafe(|| {
            if let Some(mut protocol) = protocol {
                protocol.connection_lost(&transport, &reason);
            }
        }));
        for promise in waiting {
            promise.settle(Err(reason.clone().into()));
        }
        told.map_err(|payload| Panicked::from_payload(payload, self.location))
    }

    fn describe(&self, panicked: &Panicked) -> String {
        let (peer, message) = (&self.peer, panicked.message());
        format!("the protocol of {peer}, attached at {}: {message}", self.location)
    }
}
