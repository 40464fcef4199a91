//! What stands between a connection and its socket: TLS.
//!
//! A carrier with a filter gives it the socket for each call. As with carriers, no method runs user
//! code.

use std::any::Any;
use std::io::{self, IoSlice};

/// A socket that does not block.
pub trait Wire: io::Read + io::Write {}

/// What makes one stream of bytes, that of the connection, of another, that of the socket. Not for
/// applications.
pub trait Filter: 'static {
    /// Reads what the connection is to have; `Ok(0)` is the end, as the peer has said it.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if nothing is there; any other error ends the connection.
    fn read(&mut self, wire: &mut dyn Wire, buffer: &mut [u8]) -> io::Result<usize>;

    /// What has come already, before all that is still to be read.
    fn unread(&mut self, received: &[u8]);

    /// Takes what the connection has to send, as much as is bearable, and sends what there is room for.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if too much waits already; any other error ends the connection.
    fn write(&mut self, wire: &mut dyn Wire, slices: &[IoSlice<'_>]) -> io::Result<usize>;

    /// As [`Carrier::advance`](crate::carrier::Carrier::advance).
    ///
    /// # Errors
    ///
    /// `WouldBlock` if something is left to do; any other error ends the connection.
    fn advance(&mut self, wire: &mut dyn Wire) -> io::Result<()>;

    /// How many bytes it has taken and not sent.
    fn unsent(&self) -> usize;

    /// Throws away what it has taken and not sent. It sends nothing any more.
    fn forget_unsent(&mut self);

    /// Whether it could go on if the socket had room.
    fn wants_room(&self) -> bool;

    /// Whether it reads whatever the connection wants.
    fn is_opening(&self) -> bool;

    /// Whether the handshake has ended, well, since the last call.
    fn has_opened(&mut self) -> bool;

    /// Whether it has something to be read that no event will tell of.
    fn holds_back(&self) -> bool;

    /// Tells the peer that nothing more will be written.
    fn say_goodbye(&mut self, wire: &mut dyn Wire);

    /// Itself, for who knows what it is.
    fn as_any(&self) -> &dyn Any;
}
