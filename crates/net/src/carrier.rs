//! The seam between a connection and what carries its bytes.
//!
//! A connection knows when to read, what is still to be sent and when it is over; a carrier knows
//! how to do it: on a TCP socket, or in memory. None of its methods runs user code, so they may be
//! called with the connection's state borrowed.

use crate::connection::Connection;
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

    /// How many bytes wait to be sent has changed.
    fn backlog(&self, before: usize, after: usize) {
        let _ = (before, after);
    }

    /// Sends small writes at once (`true`), or gathers them.
    ///
    /// # Errors
    ///
    /// What the operating system says.
    fn set_nodelay(&self, on: bool) -> io::Result<()> {
        let _ = on;
        Ok(())
    }

    /// Probes idle connections.
    ///
    /// # Errors
    ///
    /// What the operating system says.
    fn set_keepalive(&self, on: bool) -> io::Result<()> {
        let _ = on;
        Ok(())
    }
}
