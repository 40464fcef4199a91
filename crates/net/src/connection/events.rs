//! What the loop calls of a connection: never from inside of its protocol.

use super::{Connection, State, is_transient};
use crate::buffer::Spent;
use crate::carrier::Carrier;
use crate::{ConnectionLost, Protocol, Transport, events};
use std::any::Any;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
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
        events::tell(|| tracing::debug!(peer = %self.peer, host = %self.host, "connected"));
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
        if readable {
            self.reads_later.set(false);
        }
        if let Some(pulling) = self.pulling() {
            return self.tell_tasks(pulling, readable, writable);
        }
        if writable && self.buffered() > 0 {
            self.send();
        }
        // What the protocol has kept back while it was paused comes before what is read now, and
        // before the end above all.
        if readable && self.goes_on_reading() {
            self.receive(buffer);
        } else if readable && self.is_opening() {
            // A handshake goes on, whatever the protocol wants.
            self.send();
        }
    }

    /// The carrier's handshake has ended well.
    pub(super) fn opened(self: &Rc<Self>) {
        self.watch();
        self.schedule();
        #[cfg(feature = "tls")]
        self.count_secured();
        self.tell(|protocol, transport| protocol.handshake_completed(transport));
        #[cfg(feature = "tls")]
        self.secured();
    }

    /// Does what was left for a later turn.
    ///
    /// # Panics
    ///
    /// With the protocol, when the connection has been put in order.
    pub fn settle(self: &Rc<Self>) {
        self.scheduled.set(false);
        if self.resumed.take() && self.is_open() && !self.is_paused() {
            self.tell(|protocol, transport| protocol.resumed(transport));
            if self.goes_on_reading() {
                self.read_later();
            }
        }
        self.settle_tasks();
        if self.is_alive() {
            self.tell_of_room();
        }
        if self.state.get() == State::Ended {
            let reason = self.reason.take();
            self.finish(reason.map_or(ConnectionLost::Aborted, |reason| *reason));
        } else {
            self.wind_up();
        }
    }

    /// Offers what is unsent, whether or not there is said to be room.
    ///
    /// # Panics
    ///
    /// With the protocol, when the connection has been put in order.
    pub fn push(self: &Rc<Self>) {
        self.push_tasks();
        if self.buffered() > 0 {
            self.send();
        }
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
                    if count < buffer.len() && !self.holds_back() {
                        return;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    if !self.has_opened() {
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
        self.read_later();
    }

    fn goes_on_reading(&self) -> bool {
        self.is_reading() && !self.resumed.get() && self.pulling().is_none()
    }

    /// As the carrier's own.
    #[inline]
    pub(super) fn read(self: &Rc<Self>, buffer: &mut [u8]) -> io::Result<usize> {
        match self.unless_plain() {
            None => self.carrier.read_plain(buffer),
            Some(carrier) => self.read_through(carrier, buffer),
        }
    }

    /// What a carrier that is not plain sends for itself meanwhile, or has to, is taken note of.
    #[inline(never)]
    fn read_through(
        self: &Rc<Self>,
        carrier: &dyn Carrier,
        buffer: &mut [u8],
    ) -> io::Result<usize> {
        let before = carrier.unsent();
        // A handshake runs what the application has put into its configuration.
        let read = catch_unwind(AssertUnwindSafe(|| carrier.read(buffer)));
        let after = carrier.unsent();
        if before != after {
            let others = self.buffered().saturating_sub(after);
            carrier.backlog(others + before, others + after);
            self.watch();
            if after < before {
                self.schedule();
            }
        }
        self.contained(read)
    }

    /// A panic below ends the connection, as one of the protocol does, and goes on to the reactor.
    fn contained<R>(
        self: &Rc<Self>,
        result: Result<io::Result<R>, Box<dyn Any + Send>>,
    ) -> io::Result<R> {
        result.unwrap_or_else(|payload| {
            self.contain(Err(payload));
            Err(io::ErrorKind::NotConnected.into())
        })
    }

    /// The end of what the peer sends. It may still be reading: so the end of the connection is
    /// the protocol's to decide.
    fn peer_has_finished(self: &Rc<Self>) {
        self.peer_is_done.set(true);
        self.tell(|protocol, transport| protocol.peer_done(transport));
        if self.is_open() {
            self.watch();
        }
        // What was written before is the peer's due.
        self.wind_up();
    }

    pub(super) fn send(self: &Rc<Self>) {
        let before = self.buffered();
        // Once for each event: as much as there is room for, and then others have their turn (I7).
        let offered = catch_unwind(AssertUnwindSafe(|| self.offer()));
        self.carrier.backlog(before, self.buffered());
        let result = self.contained(offered).map(|spent| spent.let_go(self.location));
        if self.has_opened() {
            self.opened();
            if self.goes_on_reading() {
                self.read_later();
            }
        }
        match result {
            Err(error) if !is_transient(&error) => {
                self.finish(ConnectionLost::Lost(Arc::new(error)));
            }
            _ => {
                if self.buffered() == 0 {
                    self.watch();
                }
                self.tell_of_room();
                self.wind_up();
            }
        }
    }

    fn offer(&self) -> io::Result<Spent> {
        if self.is_opening() || self.outgoing.borrow().len() == 0 {
            return self.carrier.advance().map(|()| Spent::default());
        }
        self.outgoing.borrow_mut().send(|slices| self.write_some(slices))
    }

    /// Tells those who wait until everything is sent, or less is unsent.
    fn tell_of_room(self: &Rc<Self>) {
        let waiting = self.extra.get().filter(|_| self.buffered() == 0);
        for promise in waiting.map(|extra| extra.flushed.take()).unwrap_or_default() {
            promise.settle(Ok(()));
        }
        self.tell_tasks_of_room();
        let is_relieved = self.buffered() <= self.limits().low && self.pressed.take();
        if is_relieved && self.is_open() && self.accepts_writes() {
            self.tell(|protocol, transport| protocol.drained(transport));
        }
        self.produce();
    }

    /// Runs one method of the protocol.
    pub(super) fn tell(self: &Rc<Self>, call: impl FnOnce(&mut dyn Protocol, &Transport)) {
        let Some(mut protocol) = self.protocol.take() else { return };
        let transport = Transport::new(Rc::clone(self));
        let called = catch_unwind(AssertUnwindSafe(|| call(&mut *protocol, &transport)));
        if self.is_dead() {
            self.end_late(protocol);
        } else {
            self.protocol.set(Some(protocol));
        }
        self.contain(called);
    }
}
