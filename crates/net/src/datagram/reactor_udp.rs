//! What this module adds to a reactor.

use super::socket::{adopt, listen};
use super::{DatagramOptions, DatagramPort, DatagramProtocol, UdpSocket};
use crate::error::{CannotListen, ListenError};
use crate::tcp::ListenAddress;
use ropewalk_reactor::Reactor;
use std::net;
use std::panic::Location;

mod sealed {
    use ropewalk_reactor::Reactor;

    #[expect(unnameable_types, reason = "what cannot be named cannot be implemented elsewhere")]
    pub trait Sealed {}
    impl Sealed for Reactor {}
}

/// UDP on a [`Reactor`].
///
/// # Threads
///
/// Reactor thread, all of it.
///
/// Twisted: `IReactorUDP`, `IReactorMulticast`.
#[doc(alias = "IReactorUDP")]
#[doc(alias = "IReactorMulticast")]
pub trait ReactorUdp: sealed::Sealed {
    /// Opens a UDP port on `address`; `protocol` is told what comes in, and may be a closure.
    ///
    /// The port is open when this returns; datagrams are received while the reactor runs. It is closed
    /// when the [`DatagramPort`] is dropped, and when the reactor stops. A port that only sends listens
    /// on `0.0.0.0:0` or `[::]:0`.
    ///
    /// # Errors
    ///
    /// [`CannotListen`], with the protocol inside: the address is none, is in use or not allowed, or
    /// the reactor is stopping.
    ///
    /// # Panics
    ///
    /// With the protocol, in its `start_protocol`; the port is closed then.
    ///
    /// # Examples
    ///
    /// ```
    /// use ropewalk_net::{DatagramTransport, ReactorUdp as _};
    /// use ropewalk_reactor::Reactor;
    ///
    /// let reactor = Reactor::new()?;
    /// let port = reactor
    ///     .listen_udp("127.0.0.1:0", |port: &DatagramTransport, data: &[u8], peer| {
    ///         // A peer that sends more than it receives is its own problem.
    ///         let _ = port.send_to(data, peer);
    ///     })
    ///     .unwrap();
    /// println!("echoing on {}", port.address());
    /// # std::io::Result::Ok(())
    /// ```
    ///
    /// Twisted: `listenUDP`.
    #[doc(alias = "listenUDP")]
    #[track_caller]
    fn listen_udp<P: DatagramProtocol>(
        &self,
        address: impl ListenAddress,
        protocol: P,
    ) -> Result<DatagramPort, CannotListen<P>>;

    /// As [`listen_udp`](Self::listen_udp), with other settings: for one, with a port that several
    /// sockets share, as multicast wants it.
    ///
    /// # Errors
    ///
    /// As `listen_udp`; and a system that cannot do what an option asks for.
    ///
    /// # Panics
    ///
    /// As `listen_udp`.
    ///
    /// Twisted: `listenMulticast`.
    #[doc(alias = "listenMulticast")]
    #[track_caller]
    fn listen_udp_with<P: DatagramProtocol>(
        &self,
        address: impl ListenAddress,
        options: DatagramOptions,
        protocol: P,
    ) -> Result<DatagramPort, CannotListen<P>>;

    /// Receives from a socket that was opened elsewhere. It becomes non-blocking, and so do its clones.
    ///
    /// # Errors
    ///
    /// [`CannotListen`], with the socket and the protocol inside: the operating system refuses to watch
    /// it, or the reactor is stopping.
    ///
    /// # Panics
    ///
    /// As [`listen_udp`](Self::listen_udp).
    ///
    /// Twisted: `adoptDatagramPort`.
    #[doc(alias = "adoptDatagramPort")]
    #[track_caller]
    fn listen_udp_on<P: DatagramProtocol>(
        &self,
        socket: net::UdpSocket,
        protocol: P,
    ) -> Result<DatagramPort, CannotListen<(net::UdpSocket, P)>>;

    /// Opens a UDP port without a protocol, for tasks that await datagrams.
    ///
    /// # Errors
    ///
    /// [`ListenError`]: as [`listen_udp`](Self::listen_udp).
    #[track_caller]
    fn udp_socket(&self, address: impl ListenAddress) -> Result<UdpSocket, ListenError>;

    /// As [`udp_socket`](Self::udp_socket), with other settings.
    ///
    /// # Errors
    ///
    /// As `udp_socket`; and a system that cannot do what an option asks for.
    #[track_caller]
    fn udp_socket_with(
        &self,
        address: impl ListenAddress,
        options: DatagramOptions,
    ) -> Result<UdpSocket, ListenError>;

    /// As [`udp_socket`](Self::udp_socket), of a socket that was opened elsewhere: see
    /// [`listen_udp_on`](Self::listen_udp_on).
    ///
    /// # Errors
    ///
    /// [`CannotListen`], with the socket inside.
    ///
    /// # Examples
    ///
    /// ```
    /// use ropewalk_net::ReactorUdp as _;
    /// use ropewalk_reactor::Reactor;
    ///
    /// let socket = std::net::UdpSocket::bind("127.0.0.1:0")?;
    /// let reactor = Reactor::new()?;
    /// let socket = reactor.udp_socket_on(socket)?;
    /// # Ok::<(), ropewalk_deferred::Failure>(())
    /// ```
    #[track_caller]
    fn udp_socket_on(
        &self,
        socket: net::UdpSocket,
    ) -> Result<UdpSocket, CannotListen<net::UdpSocket>>;
}

impl ReactorUdp for Reactor {
    fn listen_udp<P: DatagramProtocol>(
        &self,
        address: impl ListenAddress,
        protocol: P,
    ) -> Result<DatagramPort, CannotListen<P>> {
        listen(self, address, &DatagramOptions::new(), protocol, Location::caller())
    }

    fn listen_udp_with<P: DatagramProtocol>(
        &self,
        address: impl ListenAddress,
        options: DatagramOptions,
        protocol: P,
    ) -> Result<DatagramPort, CannotListen<P>> {
        listen(self, address, &options, protocol, Location::caller())
    }

    fn listen_udp_on<P: DatagramProtocol>(
        &self,
        socket: net::UdpSocket,
        protocol: P,
    ) -> Result<DatagramPort, CannotListen<(net::UdpSocket, P)>> {
        adopt(self, socket, protocol, Location::caller())
    }

    fn udp_socket(&self, address: impl ListenAddress) -> Result<UdpSocket, ListenError> {
        self.udp_socket_with(address, DatagramOptions::new())
    }

    fn udp_socket_with(
        &self,
        address: impl ListenAddress,
        options: DatagramOptions,
    ) -> Result<UdpSocket, ListenError> {
        let location = Location::caller();
        UdpSocket::open(|receiver| listen(self, address, &options, receiver, location))
            .map_err(CannotListen::into_error)
    }

    fn udp_socket_on(
        &self,
        socket: net::UdpSocket,
    ) -> Result<UdpSocket, CannotListen<net::UdpSocket>> {
        let location = Location::caller();
        UdpSocket::open(|receiver| adopt(self, socket, receiver, location)).map_err(
            |CannotListen { error, unused: (socket, _) }| CannotListen { error, unused: socket },
        )
    }
}
