//! The life of one connection, whatever carries it: who may be called when, and what is left to do.
//!
//! The protocol is taken out of its cell while it runs. A method of the transport that is called
//! meanwhile changes the state at once, and leaves everything that would call the protocol to
//! [`Connection::settle`], which runs in a later turn. **Borrow rule:** `outgoing` is borrowed only
//! around the carrier, which runs no user code (I5).

mod events;
mod requests;

use crate::buffer::Outgoing;
use crate::carrier::Carrier;
use crate::{Address, ConnectionLost, Pressure, Protocol};
use ropewalk_deferred::Promise;
use std::cell::{Cell, RefCell};
use std::fmt;
use std::io;
use std::panic::Location;

/// Where [`Transport::write`](crate::Transport::write) starts to answer [`Pressure::High`].
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

/// One connection. Not for applications: they have a [`Transport`](crate::Transport).
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
    /// The carrier has said goodbye in its own words.
    farewell: Cell<bool>,
    /// Absent while it runs, and after the end.
    protocol: Cell<Option<Box<dyn Protocol>>>,
    outgoing: RefCell<Outgoing>,
    /// Fired when everything is sent.
    flushed: Cell<Vec<Promise<()>>>,
    /// Why it ends, or has ended.
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
            farewell: Cell::new(false),
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

    /// Where the application asked for it.
    pub fn location(&self) -> &'static Location<'static> {
        self.location
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

    /// Whether there is more to come, and it is wanted.
    fn is_reading(&self) -> bool {
        self.is_open() && !self.paused.get() && !self.peer_is_done.get()
    }

    pub(crate) fn peer(&self) -> &Address {
        &self.peer
    }

    pub(crate) fn host(&self) -> &Address {
        &self.host
    }

    pub(crate) fn buffered(&self) -> usize {
        self.outgoing.borrow().len() + self.carrier.unsent()
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
