//! What an application holds of a UDP port to send with.

use super::socket::Socket;
use crate::SendError;
use ropewalk_deferred::Deferred;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;

/// One UDP port, to send with; clones are the same one.
///
/// It keeps neither the socket nor the protocol when the port is closed.
///
/// # Threads
///
/// Reactor thread; it is neither `Send` nor `Sync`. Another thread uses a
/// [`Remote`](ropewalk_reactor::Remote) of it.
///
/// Twisted: `IUDPTransport`.
#[doc(alias = "IUDPTransport")]
#[derive(Clone)]
pub struct DatagramTransport(pub(super) Rc<Socket>);

impl DatagramTransport {
    pub(super) fn new(socket: Rc<Socket>) -> Self {
        Self(socket)
    }

    /// Sends one datagram to `peer`, now. That it arrives, nobody can say.
    ///
    /// # Errors
    ///
    /// [`SendError`]: the system has no room for it now ([`is_full`](SendError::is_full)), it is too
    /// long, the address does not fit the port, the port is closed, or the system refuses. Nothing is
    /// queued.
    ///
    /// # Examples
    ///
    /// ```
    /// use ropewalk_net::{DatagramTransport, ReactorUdp as _};
    /// use ropewalk_reactor::Reactor;
    ///
    /// let peer = std::net::UdpSocket::bind("127.0.0.1:0")?;
    /// let reactor = Reactor::new()?;
    /// let port = reactor
    ///     .listen_udp("127.0.0.1:0", |_: &DatagramTransport, _: &[u8], _| ())
    ///     .unwrap();
    /// port.transport().send_to(b"hello", peer.local_addr()?).unwrap();
    ///
    /// let mut data = [0; 5];
    /// assert_eq!(peer.recv_from(&mut data)?, (5, port.address()));
    /// # std::io::Result::Ok(())
    /// ```
    ///
    /// Twisted: `write`.
    #[doc(alias = "write")]
    pub fn send_to(&self, data: &[u8], peer: SocketAddr) -> Result<(), SendError> {
        self.0.send(data, Some(peer))
    }

    /// Sends one datagram to the address that the port is [connected](Self::connect) to.
    ///
    /// # Errors
    ///
    /// As [`send_to`](Self::send_to), and if the port is not connected.
    pub fn send(&self, data: &[u8]) -> Result<(), SendError> {
        self.0.send(data, None)
    }

    /// Fires when the system has room for another datagram, in a later turn; for those who would
    /// rather wait than drop what [is refused](SendError::is_full).
    ///
    /// Fails with [`StopReason`](crate::StopReason) if the port is closed.
    #[track_caller]
    pub fn when_writable(&self) -> Deferred<()> {
        let (promise, deferred) = Deferred::new();
        self.0.when_writable(promise);
        deferred
    }

    /// Binds this port to one peer: only what that sends is received, only to that can be sent, and if
    /// nobody listens there, the protocol
    /// [may hear of it](crate::DatagramProtocol::connection_refused). No datagram is sent for that.
    ///
    /// # Errors
    ///
    /// What the operating system says: there is no way to that address, or it is of the other family.
    ///
    /// # Examples
    ///
    /// ```
    /// use ropewalk_net::{DatagramTransport, ReactorUdp as _, SendErrorKind};
    /// use ropewalk_reactor::Reactor;
    ///
    /// let peer = std::net::UdpSocket::bind("127.0.0.1:0")?;
    /// let reactor = Reactor::new()?;
    /// let port = reactor
    ///     .listen_udp("127.0.0.1:0", |_: &DatagramTransport, _: &[u8], _| ())
    ///     .unwrap();
    /// let transport = port.transport();
    /// transport.connect(peer.local_addr()?)?;
    /// transport.send(b"hello").unwrap();
    /// let error = transport.send_to(b"hello", ([127, 0, 0, 1], 9).into()).unwrap_err();
    /// assert!(matches!(error.kind(), SendErrorKind::ConnectedTo(_)));
    /// # std::io::Result::Ok(())
    /// ```
    ///
    /// Twisted: `connect`.
    pub fn connect(&self, peer: SocketAddr) -> io::Result<()> {
        self.0.connect(peer)
    }

    /// The address that this port is connected to.
    #[must_use]
    pub fn peer(&self) -> Option<SocketAddr> {
        self.0.peer.get()
    }

    /// The address of this end.
    ///
    /// Twisted: `getHost`.
    #[doc(alias = "getHost")]
    #[must_use]
    pub fn host(&self) -> SocketAddr {
        self.0.host()
    }

    /// Whether the port is open.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.0.is_open()
    }

    /// Receives nothing more for now. The system keeps some of what comes, and drops the rest.
    ///
    /// Twisted: `pauseProducing`.
    #[doc(alias = "pauseProducing")]
    pub fn pause_producing(&self) {
        self.0.set_paused(true);
    }

    /// Receives on.
    ///
    /// Twisted: `resumeProducing`.
    #[doc(alias = "resumeProducing")]
    pub fn resume_producing(&self) {
        self.0.set_paused(false);
    }

    /// Whether receiving is paused.
    #[must_use]
    pub fn is_paused(&self) -> bool {
        self.0.paused.get()
    }

    /// Closes the port, now: nothing more is received or sent. The protocol is told in a later turn,
    /// and then the deferred fires; the address can be used again from then on.
    ///
    /// Calling it again is harmless.
    ///
    /// Twisted: `stopListening`, `loseConnection`.
    #[doc(alias = "stopListening")]
    #[doc(alias = "loseConnection")]
    #[track_caller]
    pub fn stop_listening(&self) -> Deferred<()> {
        let closed_now = self.0.close(crate::StopReason::Closed);
        if self.0.is_complete() {
            return Deferred::succeed(());
        }
        let (promise, deferred) = Deferred::new();
        self.0.wait(promise);
        if closed_now {
            self.0.complete_later();
        }
        deferred
    }

    /// Whether datagrams may be sent to broadcast addresses. Default: no.
    ///
    /// # Errors
    ///
    /// What the operating system says, and
    /// [`NotConnected`](io::ErrorKind::NotConnected) if the port is closed.
    ///
    /// Twisted: `setBroadcastAllowed`.
    #[doc(alias = "setBroadcastAllowed")]
    pub fn set_broadcast_allowed(&self, allowed: bool) -> io::Result<()> {
        self.0.with(|socket| socket.set_broadcast(allowed))
    }

    /// Whether datagrams may be sent to broadcast addresses.
    ///
    /// # Errors
    ///
    /// As [`set_broadcast_allowed`](Self::set_broadcast_allowed).
    ///
    /// Twisted: `getBroadcastAllowed`.
    #[doc(alias = "getBroadcastAllowed")]
    pub fn broadcast_allowed(&self) -> io::Result<bool> {
        self.0.with(std::net::UdpSocket::broadcast)
    }
}

/// Two transports are equal if they are the same port.
impl PartialEq for DatagramTransport {
    fn eq(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for DatagramTransport {}

impl fmt::Debug for DatagramTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DatagramTransport")
            .field("host", &self.host())
            .field("peer", &self.peer())
            .field("open", &self.is_open())
            .finish()
    }
}
