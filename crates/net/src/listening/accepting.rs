//! Accepting, in as few system calls as there are.

use socket2::{SockAddr, Socket};
use std::io;

/// A connection that waits, and its peer. It does not block.
pub(super) fn accept(socket: &Socket) -> io::Result<(Socket, SockAddr)> {
    #[cfg(any(
        target_os = "android",
        target_os = "dragonfly",
        target_os = "freebsd",
        target_os = "linux",
        target_os = "netbsd",
        target_os = "openbsd",
    ))]
    return socket.accept4(libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK);
    #[cfg(not(any(
        target_os = "android",
        target_os = "dragonfly",
        target_os = "freebsd",
        target_os = "linux",
        target_os = "netbsd",
        target_os = "openbsd",
    )))]
    {
        let (stream, peer) = socket.accept()?;
        // Some systems refuse that to a connection that is reset already.
        let broken = |error| io::Error::new(io::ErrorKind::ConnectionAborted, error);
        stream.set_nonblocking(true).map_err(broken)?;
        Ok((stream, peer))
    }
}
