//! How a port is opened.

use crate::listening::Limits;
use socket2::{Domain, Protocol, Socket, Type};
use std::io;
use std::net::SocketAddr;

/// How [`listen_tcp_with`](crate::ReactorNet::listen_tcp_with) opens a port.
///
/// # Examples
///
/// ```
/// use ropewalk_net::ListenOptions;
///
/// let options = ListenOptions::new().backlog(50).reuse_port(true);
/// ```
#[derive(Clone, Debug)]
#[must_use = "options do nothing until they are given to listen_tcp_with"]
pub struct ListenOptions {
    limits: Limits,
    reuse_port: bool,
}

impl ListenOptions {
    /// The defaults.
    pub fn new() -> Self {
        Self { limits: Limits::default(), reuse_port: false }
    }

    /// How many connections may wait to be accepted. Default: as many as the system allows. More
    /// than that it cuts down in silence.
    ///
    /// Twisted: `backlog`.
    pub fn backlog(mut self, connections: u32) -> Self {
        self.limits.backlog = Some(connections);
        self
    }

    /// Lets other sockets of this user have the same port, if they ask for that too
    /// (`SO_REUSEPORT`). Default: no.
    ///
    /// It is for one reactor per core, each with a socket of its own: they do not compete for
    /// connections. The first one may listen on port 0; the others need the port that was found.
    ///
    /// Where a system cannot do it, listening fails with an error of the kind
    /// [`Unsupported`](io::ErrorKind::Unsupported). Clones of one listener, handed to
    /// [`listen_on`](crate::ReactorNet::listen_on), are what works on all systems.
    ///
    /// # Notes
    ///
    /// Linux spreads new connections over the sockets; other systems may give all of them to one.
    /// When one of the sockets is closed, connections that wait for just this one to accept them
    /// are reset.
    ///
    /// Twisted: what `adoptStreamPort` is used for.
    #[doc(alias = "SO_REUSEPORT")]
    pub fn reuse_port(mut self, reuse: bool) -> Self {
        self.reuse_port = reuse;
        self
    }

    /// How many connections the port has at a time. Default: as many as come.
    ///
    /// Who comes when there are so many waits in the [backlog](Self::backlog), and is accepted when
    /// another one has ended: when its protocol has been told so. With 0 nobody is accepted.
    /// One whose TLS handshake is under way counts too, until the handshake's time limit.
    pub fn max_connections(mut self, connections: usize) -> Self {
        self.limits.max_connections = Some(connections);
        self
    }

    /// With the limits that an endpoint has read.
    pub(crate) fn limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    pub(super) fn most(&self) -> Option<usize> {
        self.limits.max_connections
    }

    pub(super) fn open(&self, address: SocketAddr) -> io::Result<Socket> {
        let domain = Domain::for_address(address);
        let socket = Socket::new(domain, Type::STREAM, Some(Protocol::TCP))?;
        // As the standard library does it: a port whose old connections are not quite gone yet is
        // free. Elsewhere the option means something else.
        #[cfg(unix)]
        socket.set_reuse_address(true)?;
        if self.reuse_port {
            share(&socket)?;
        }
        socket.bind(&address.into())?;
        socket.listen(self.limits.to_listen())?;
        Ok(socket)
    }
}

impl Default for ListenOptions {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(any(
    target_vendor = "apple",
    target_os = "android",
    target_os = "dragonfly",
    target_os = "freebsd",
    target_os = "linux",
    target_os = "netbsd",
    target_os = "openbsd",
))]
fn share(socket: &Socket) -> io::Result<()> {
    socket.set_reuse_port(true)
}

#[cfg(not(any(
    target_vendor = "apple",
    target_os = "android",
    target_os = "dragonfly",
    target_os = "freebsd",
    target_os = "linux",
    target_os = "netbsd",
    target_os = "openbsd",
)))]
fn share(_: &Socket) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}
