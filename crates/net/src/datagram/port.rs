//! The application's end of a UDP port.

use super::DatagramTransport;
use super::socket::Socket;
use crate::StopReason;
use ropewalk_deferred::Deferred;
use std::fmt;
use std::net::SocketAddr;
use std::rc::Rc;

/// A UDP port that is open. Dropping it closes the port.
///
/// # Threads
///
/// Reactor thread; it is neither `Send` nor `Sync`.
///
/// Twisted: `IListeningPort`, `IUDPTransport`.
#[must_use = "dropping it closes the port; `detach` leaves it open"]
pub struct DatagramPort {
    transport: DatagramTransport,
    detached: bool,
}

impl DatagramPort {
    pub(super) fn new(socket: Rc<Socket>) -> Self {
        Self { transport: DatagramTransport::new(socket), detached: false }
    }

    /// What to send with. A clone of it does not keep the port open.
    #[must_use]
    pub fn transport(&self) -> &DatagramTransport {
        &self.transport
    }

    /// The address of this end: with the port that was found, if 0 was asked for.
    ///
    /// Twisted: `getHost`.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.transport.host()
    }

    /// Closes the port: see [`DatagramTransport::stop_listening`].
    ///
    /// Twisted: `stopListening`.
    #[track_caller]
    pub fn stop_listening(&self) -> Deferred<()> {
        self.transport.stop_listening()
    }

    /// Leaves the port open until the reactor stops, or somebody closes it.
    pub fn detach(mut self) {
        self.detached = true;
    }
}

impl Drop for DatagramPort {
    fn drop(&mut self) {
        let socket = &self.transport.0;
        if !self.detached && socket.close(StopReason::Closed) {
            socket.complete_later();
        }
    }
}

impl fmt::Debug for DatagramPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DatagramPort")
            .field("address", &self.address())
            .field("open", &self.transport.is_open())
            .finish()
    }
}
