//! Ports: sockets of any family that accept connections.

mod accepting;
mod limits;
mod listener;
mod places;
mod port;
mod rests;
mod spare;

pub(crate) use limits::Limits;
pub(crate) use listener::Listener;
pub(crate) use places::Place;
pub use port::ListeningPort;

use crate::Address;
use crate::error::ListenErrorKind;
use crate::network::Network;
use ropewalk_reactor::Reactor;
use socket2::Socket;
use std::io;

/// A socket that listens, and what is to be done when it is closed.
pub(crate) struct Opened {
    pub(crate) socket: Socket,
    pub(crate) remains: Option<Box<dyn FnOnce()>>,
}

impl Opened {
    pub(crate) fn new(socket: Socket) -> Self {
        Self { socket, remains: None }
    }

    /// Closes a socket that is of no use.
    #[cfg(unix)]
    pub(crate) fn close(self) {
        drop(self.socket);
        if let Some(remains) = self.remains {
            remains();
        }
    }

    fn prepare(&self) -> io::Result<Address> {
        if !is_listening(&self.socket) {
            return Err(io::Error::other(
                "it does not listen; have it do so before you hand it over",
            ));
        }
        self.socket.set_nonblocking(true)?;
        Address::from_system(&self.socket.local_addr()?)
    }
}

/// Whether it can ever be accepted from: a port that could not would try for ever.
#[cfg(any(target_os = "android", target_os = "freebsd", target_os = "linux"))]
fn is_listening(socket: &Socket) -> bool {
    socket.is_listener().unwrap_or(true)
}

/// The other systems do not tell.
#[cfg(not(any(target_os = "android", target_os = "freebsd", target_os = "linux")))]
fn is_listening(_: &Socket) -> bool {
    true
}

/// Refuses ports to a reactor that is about to close those that it has.
pub(crate) fn is_open(reactor: &Reactor) -> Result<(), ListenErrorKind> {
    if Network::of(reactor).is_open() { Ok(()) } else { Err(ListenErrorKind::Stopping) }
}
