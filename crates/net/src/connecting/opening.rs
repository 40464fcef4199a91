//! What the system says while a socket connects.

use crate::Address;
use socket2::{Domain, SockAddr, Socket, Type};
use std::io;
use std::net::SocketAddr;

/// Begins to connect; what comes of it is told by an event.
pub(super) fn open(address: &Address, this_end: Option<SocketAddr>) -> io::Result<Socket> {
    let (domain, system) = match address {
        Address::Inet(address) => (Domain::for_address(*address), SockAddr::from(*address)),
        #[cfg(unix)]
        Address::Unix(address) => (Domain::UNIX, address.to_system()?),
    };
    let socket = Socket::new(domain, Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    if let Some(this_end) = this_end {
        socket.bind(&this_end.into())?;
    }
    match socket.connect(&system) {
        Ok(()) => {}
        Err(error) if is_under_way(&error) => {}
        Err(error) => return Err(error),
    }
    Ok(socket)
}

/// Both ends of a socket that is connected, nothing if it still is not, or why it never will be.
pub(super) fn outcome(socket: &Socket) -> io::Result<Option<(Address, Address)>> {
    if let Some(error) = socket.take_error()? {
        return Err(error);
    }
    let peer = match socket.peer_addr() {
        Ok(peer) => Address::from_system(&peer)?,
        Err(error) if error.kind() == io::ErrorKind::NotConnected => return Ok(None),
        Err(error) => return Err(error),
    };
    let host = Address::from_system(&socket.local_addr()?)?;
    if host == peer && host.port().is_some() {
        // Nobody listens, and the system has chosen just that port for this end: TCP has connected
        // the socket to itself.
        return Err(io::ErrorKind::ConnectionRefused.into());
    }
    Ok(Some((host, peer)))
}

/// Whether an error only says that the connection takes its time.
fn is_under_way(error: &io::Error) -> bool {
    // Unix says "in progress", for which std has no stable kind; Windows says "would block".
    #[cfg(unix)]
    let in_progress = error.raw_os_error() == Some(libc::EINPROGRESS);
    #[cfg(not(unix))]
    let in_progress = error.kind() == io::ErrorKind::WouldBlock;
    in_progress
}

/// Whether an error says that the server has to accept others first: of a Unix socket, for which the
/// system does not wait.
pub(super) fn is_backlog_full(address: &Address, error: &io::Error) -> bool {
    address.ip().is_none() && error.kind() == io::ErrorKind::WouldBlock
}
