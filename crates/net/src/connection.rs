//! The life of one connection, whatever carries it: who may be called when, and what is left to do.
//!
//! The protocol is taken out of its cell while it runs. A method of the transport that is called
//! meanwhile changes the state at once, and leaves everything that would call the protocol to
//! [`Connection::settle`], which runs in a later turn. **Borrow rule:** `outgoing` is borrowed only
//! around the carrier, which runs no user code (I5).

use crate::buffer::Outgoing;
use crate::carrier::{Carrier, Close};
use crate::transport::{Pressure, Transport};
use crate::{Address, ConnectionLost, Protocol};
use ropewalk_deferred::{Panicked, Promise};
use std::cell::{Cell, RefCell};
use std::fmt;
use std::io::{self, IoSlice};
use std::panic::{AssertUnwindSafe, Location, catch_unwind, resume_unwind};
use std::rc::Rc;
use std::sync::Arc;

/// How often one event may read before other connections have their turn (I7).
const ROUNDS: usize = 4;

/// Where [`Transport::write`] starts to answer [`Pressure::High`].
pub(crate) const WRITE_LIMIT: usize = 64 * 1024;

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum State {
    /// Both directions work.
    Open,
    /// What is buffered is sent, nothing more is read or accepted.
    Closing,
    /// The reason is known; the protocol will hear of it in a later turn.
    Ended,
    /// The protocol has been told, and is gone.
    Dead,
}

/// One connection. Not for applications: they have a [`Transport`].
pub struct Connection<C: Carrier + ?Sized = dyn Carrier> {
    state: Cell<State>,
    paused: Cell<bool>,
    /// Nothing more comes from the peer.
    peer_is_done: Cell<bool>,
    /// A write has answered "high" since everything was sent the last time.
    pressed: Cell<bool>,
    /// The protocol is to be told that reading goes on.
    resumed: Cell<bool>,
    /// [`Carrier::later`] was asked and has not called yet.
    scheduled: Cell<bool>,
    /// Absent while it runs, and after the end.
    protocol: Cell<Option<Box<dyn Protocol>>>,
    outgoing: RefCell<Outgoing>,
    /// Fired when everything is sent.
    flushed: Cell<Vec<Promise<()>>>,
    reason: Cell<Option<Box<ConnectionLost>>>,
    write_limit: Cell<usize>,
    peer: Address,
    host: Address,
    /// Where the application asked for the connection.
    location: &'static Location<'static>,
    carrier: C,
}

impl<C: Carrier> Connection<C> {
    /// A connection that is there, and whose protocol does not know yet.
    pub fn new(
        carrier: C,
        protocol: Box<dyn Protocol>,
        (host, peer): (Address, Address),
        location: &'static Location<'static>,
    ) -> Self {
        Self {
            state: Cell::new(State::Open),
            paused: Cell::new(false),
            peer_is_done: Cell::new(false),
            pressed: Cell::new(false),
            resumed: Cell::new(false),
            scheduled: Cell::new(false),
            protocol: Cell::new(Some(protocol)),
            outgoing: RefCell::default(),
            flushed: Cell::default(),
            reason: Cell::new(None),
            write_limit: Cell::new(WRITE_LIMIT),
            peer,
            host,
            location,
            carrier,
        }
    }
}

impl<C: Carrier + ?Sized> Connection<C> {
    /// What carries it.
    pub fn carrier(&self) -> &C {
        &self.carrier
    }

    /// Whether its protocol has been told of the end.
    pub fn is_dead(&self) -> bool {
        self.state.get() == State::Dead
    }

    pub(crate) fn is_open(&self) -> bool {
        self.state.get() == State::Open
    }

    pub(crate) fn is_paused(&self) -> bool {
        self.paused.get()
    }

    pub(crate) fn peer(&self) -> &Address {
        &self.peer
    }

    pub(crate) fn host(&self) -> &Address {
        &self.host
    }

    pub(crate) fn buffered(&self) -> usize {
        self.outgoing.borrow().len()
    }

    pub(crate) fn write_limit(&self) -> usize {
        self.write_limit.get()
    }

    pub(crate) fn set_write_limit(&self, bytes: usize) {
        self.write_limit.set(bytes);
    }

    fn pressure(&self) -> Pressure {
        if self.buffered() > self.write_limit.get() {
            self.pressed.set(true);
            Pressure::High
        } else {
            Pressure::Relaxed
        }
    }
}

/// What the loop calls: never from inside of the protocol.
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
        if readable && self.is_open() && !self.paused.get() {
            self.receive(buffer);
        }
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
        }
        match self.state.get() {
            State::Closing if self.buffered() == 0 => self.finish(ConnectionLost::Done),
            State::Ended => {
                let reason = self.reason.take();
                self.finish(reason.map_or(ConnectionLost::Aborted, |reason| *reason));
            }
            State::Open | State::Closing | State::Dead => {}
        }
    }

    /// Ends the connection now, because all connections end: well, if nothing is left unsent.
    ///
    /// # Panics
    ///
    /// With the protocol, when the connection has been put in order.
    pub fn end_now(self: &Rc<Self>) {
        match self.state.get() {
            State::Ended => self.settle(),
            State::Dead => self.carrier.drop_remains(),
            State::Open | State::Closing => self.finish(self.last_reason()),
        }
    }

    /// As [`end_now`](Self::end_now), when the reactor is being dropped: there is nothing to wait
    /// with and nobody to unwind to.
    pub fn abandon(self: &Rc<Self>) {
        let reason = self.reason.take().map_or_else(|| self.last_reason(), |reason| *reason);
        if let Err(panicked) = self.bury(reason, Some(Close::Now)) {
            tracing::error!(panic = panicked.message(), "a protocol panicked in connection_lost");
        }
    }

    fn last_reason(&self) -> ConnectionLost {
        if self.buffered() == 0 { ConnectionLost::Done } else { ConnectionLost::Aborted }
    }

    fn receive(self: &Rc<Self>, buffer: &mut [u8]) {
        for _ in 0..ROUNDS {
            match self.carrier.read(buffer) {
                Ok(0) => {
                    self.peer_is_done.set(true);
                    if self.buffered() == 0 {
                        self.finish(ConnectionLost::Done);
                    } else {
                        // The peer may still be reading: what was written is its due.
                        self.state.set(State::Closing);
                        self.watch();
                    }
                    return;
                }
                Ok(count) => {
                    self.tell(|protocol, transport| {
                        protocol.data_received(transport, &buffer[..count]);
                    });
                    if !self.is_open() || self.paused.get() || count < buffer.len() {
                        return;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.finish(ConnectionLost::Lost(Arc::new(error)));
                    return;
                }
            }
        }
    }

    fn send(self: &Rc<Self>) {
        let before = self.buffered();
        // Once for each event: as much as there is room for, and then others have their turn (I7).
        let result = self.outgoing.borrow_mut().send(|slices| self.carrier.write(slices));
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

    fn all_sent(self: &Rc<Self>) {
        self.watch();
        for promise in self.flushed.take() {
            promise.callback(());
        }
        if self.pressed.take() && self.is_open() {
            self.tell(|protocol, transport| protocol.drained(transport));
        }
        if self.state.get() == State::Closing && self.buffered() == 0 {
            self.finish(ConnectionLost::Done);
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
                    panic = second.message(),
                    "a protocol panicked again in connection_lost"
                );
            }
            resume_unwind(Box::new(text));
        }
    }

    fn finish(self: &Rc<Self>, reason: ConnectionLost) {
        if let Err(panicked) = self.bury(reason, None) {
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
        let waiting = self.flushed.take();
        let protocol = self.protocol.take();
        let transport = Transport::new(Rc::clone(self));
        let told = catch_unwind(AssertUnwindSafe(|| {
            if let Some(mut protocol) = protocol {
                protocol.connection_lost(&transport, &reason);
            }
        }));
        for promise in waiting {
            promise.errback(reason.clone());
        }
        told.map_err(|payload| Panicked::from_payload(payload, self.location))
    }

    fn describe(&self, panicked: &Panicked) -> String {
        let (peer, message) = (&self.peer, panicked.message());
        format!("the protocol of {peer}, attached at {}: {message}", self.location)
    }
}

/// What the transport calls: perhaps from inside of the protocol.
impl Connection {
    pub(crate) fn write(self: &Rc<Self>, slices: &[IoSlice<'_>]) -> Pressure {
        if !self.is_open() {
            return Pressure::Relaxed;
        }
        let before = self.buffered();
        let mut sent = 0;
        if before == 0 {
            match self.carrier.write(slices) {
                Ok(count) => sent = count,
                Err(error) if is_transient(&error) => {}
                Err(error) => {
                    self.end_later(ConnectionLost::Lost(Arc::new(error)));
                    return Pressure::Relaxed;
                }
            }
        }
        let mut outgoing = self.outgoing.borrow_mut();
        for slice in slices {
            let skipped = sent.min(slice.len());
            sent -= skipped;
            outgoing.push(&slice[skipped..]);
        }
        let after = outgoing.len();
        drop(outgoing);
        if after > before {
            self.carrier.backlog(before, after);
            if before == 0 {
                self.watch();
            }
        }
        self.pressure()
    }

    pub(crate) fn lose(self: &Rc<Self>) {
        if !self.is_open() {
            return;
        }
        self.state.set(State::Closing);
        self.watch();
        if self.buffered() == 0 {
            self.schedule();
        }
    }

    pub(crate) fn abort(self: &Rc<Self>) {
        self.end_later(ConnectionLost::Aborted);
    }

    pub(crate) fn set_paused(self: &Rc<Self>, paused: bool) {
        if !self.is_open() || self.paused.replace(paused) == paused {
            return;
        }
        self.watch();
        if !paused {
            self.resumed.set(true);
            self.schedule();
        }
    }

    /// Fires `promise` when everything is sent; at once if nothing waits.
    pub(crate) fn when_flushed(&self, promise: Promise<()>) {
        if self.buffered() == 0 {
            promise.callback(());
            return;
        }
        let mut waiting = self.flushed.take();
        waiting.push(promise);
        self.flushed.set(waiting);
    }

    fn end_later(self: &Rc<Self>, reason: ConnectionLost) {
        if matches!(self.state.get(), State::Ended | State::Dead) {
            return;
        }
        self.state.set(State::Ended);
        self.reason.set(Some(Box::new(reason)));
        self.clear();
        self.watch();
        self.schedule();
    }

    fn schedule(self: &Rc<Self>) {
        if !self.scheduled.replace(true) {
            self.carrier.later(self);
        }
    }

    fn watch(self: &Rc<Self>) {
        let (readable, writable) = match self.state.get() {
            State::Open => (!self.paused.get(), self.buffered() > 0),
            State::Closing => (false, self.buffered() > 0),
            State::Ended | State::Dead => (false, false),
        };
        if let Err(error) = self.carrier.watch(readable, writable) {
            self.end_later(ConnectionLost::Lost(Arc::new(error)));
        }
    }

    /// Throws away what is buffered; the number of bytes.
    fn clear(&self) -> usize {
        let unsent = self.buffered();
        if unsent > 0 {
            self.outgoing.borrow_mut().clear();
            self.carrier.backlog(unsent, 0);
        }
        unsent
    }
}

impl<C: Carrier + ?Sized> fmt::Debug for Connection<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("peer", &self.peer)
            .field("host", &self.host)
            .field("state", &self.state.get())
            .field("buffered", &self.buffered())
            .finish_non_exhaustive()
    }
}

fn is_transient(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}
