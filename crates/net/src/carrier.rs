//! The seam between a connection and what carries its bytes.
//!
//! A connection knows when to read, what is still to be sent and when it is over; a carrier knows
//! how to do it: on a TCP socket, or in memory. None of its methods runs user code, so they may be
//! called with the connection's state borrowed.

mod any;

pub(crate) use any::AnyCarrier;

use crate::connection::Connection;
use crate::filter::Filter;
use ropewalk_reactor::WeakReactor;
use socket2::SockRef;
use std::io::{self, IoSlice};
use std::rc::Rc;

/// How a carrier is told to end.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "hidden, and each carrier must know them all")]
pub enum Close {
    /// What was sent should arrive. `peer_is_done`: the peer has said that it sends no more.
    Gently {
        /// Nothing more will come from the peer.
        peer_is_done: bool,
    },
    /// At once; the peer notices if it can.
    Now,
    /// At once, and the peer is told that this is not a regular end.
    Abort,
}

/// What carries the bytes of a connection. Not for applications.
pub trait Carrier: 'static {
    /// Reads without blocking; `Ok(0)` is the end of what the peer sends.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if nothing is there; any other error ends the connection.
    fn read(&self, buffer: &mut [u8]) -> io::Result<usize>;

    /// Writes without blocking, as much as there is room for.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if there is no room; any other error ends the connection.
    fn write(&self, slices: &[IoSlice<'_>]) -> io::Result<usize>;

    /// Whether it only passes on what it is given, as a socket without a filter does: it has nothing
    /// [`unsent`](Self::unsent), [holds nothing back](Self::holds_back) and has no handshake, and is
    /// not asked. Asked itself in the beginning, and after [`install`](Self::install).
    fn is_plain(&self) -> bool {
        false
    }

    /// How many bytes it has taken, and made into something of its own, and not sent yet.
    fn unsent(&self) -> usize {
        0
    }

    /// Throws away what is unsent.
    fn forget_unsent(&self) {}

    /// Reads and sends what it needs for itself, as a handshake does, and sends what is
    /// [`unsent`](Self::unsent).
    ///
    /// # Errors
    ///
    /// `WouldBlock` if something is left to do; any other error ends the connection.
    fn advance(&self) -> io::Result<()> {
        Ok(())
    }

    /// Whether it has to read whatever the connection wants: its handshake is under way.
    fn is_opening(&self) -> bool {
        false
    }

    /// Whether a handshake has ended, well, since the last call.
    fn has_opened(&self) -> bool {
        false
    }

    /// Whether it holds something that has come and was not asked for: no event will tell.
    fn holds_back(&self) -> bool {
        false
    }

    /// Tells the peer, in its own words, that no more will be written; they count as
    /// [`unsent`](Self::unsent). Called when everything written has been sent.
    fn say_goodbye(&self) {}

    /// Tells the peer that no more will be written, while reading goes on. Called once, when
    /// everything has been sent, and the goodbye too.
    ///
    /// # Errors
    ///
    /// What the operating system says; the connection goes on.
    fn shut_writing(&self) -> io::Result<()> {
        Ok(())
    }

    /// Says for what the connection wants to be called.
    ///
    /// # Errors
    ///
    /// What the operating system says; it ends the connection.
    fn watch(&self, readable: bool, writable: bool) -> io::Result<()>;

    /// Ends the connection. Called once, when the connection counts as lost already.
    fn close(&self, connection: &Rc<Connection>, how: Close);

    /// Throws away what a peer still sends after the end. `buffer` is scratch.
    fn drain(&self, buffer: &mut [u8]) {
        let _ = buffer;
    }

    /// Ends the wait for such a peer.
    fn drop_remains(&self) {}

    /// Has [`Connection::settle`] called in a later turn.
    fn later(&self, connection: &Rc<Connection>);

    /// Has [`Connection::ready`] called in a later turn as if there were something to read.
    fn read_later(&self, connection: &Rc<Connection>) {
        let _ = connection;
    }

    /// How many bytes wait to be sent has changed.
    fn backlog(&self, before: usize, after: usize) {
        let _ = (before, after);
    }

    /// Shows the socket to `look`, if there is one.
    fn look_at_socket(&self, look: &mut dyn FnMut(SockRef<'_>)) {
        let _ = look;
    }

    /// The reactor that it belongs to, if it belongs to one that has time.
    fn reactor(&self) -> Option<&WeakReactor> {
        None
    }

    /// Whether a filter can be put between it and its socket, and none is.
    fn takes_filters(&self) -> bool {
        false
    }

    /// Has everything go through `filter` from now on.
    fn install(&self, filter: Box<dyn Filter>) {
        let _ = filter;
    }

    /// Drops the filter: the connection has ended.
    fn remove_filter(&self) {}

    /// Gives the filter what came before it was there.
    fn unread(&self, received: &[u8]) {
        let _ = received;
    }

    /// Shows the filter to `look`, if there is one and it is not at work.
    fn look_at_filter(&self, look: &mut dyn FnMut(&dyn Filter)) {
        let _ = look;
    }
}
