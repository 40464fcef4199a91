//! What TLS adds to a reactor.

use super::connect;
use super::listen::Accepting;
use super::{TlsClient, TlsServer};
use crate::error::{CannotListen, ListenError, ListenErrorKind};
use crate::tcp::{self, ListenAddress, ListenOptions};
use crate::{ConnectOptions, ListeningPort};
use crate::{Factory, Protocol, Transport};
use ropewalk_deferred::Deferred;
use ropewalk_reactor::Reactor;
use std::panic::Location;

mod sealed {
    use ropewalk_reactor::Reactor;

    #[expect(unnameable_types, reason = "what cannot be named cannot be implemented elsewhere")]
    pub trait Sealed {}
    impl Sealed for Reactor {}
}

/// Encrypted connections on a [`Reactor`].
///
/// # Threads
///
/// Reactor thread, all of it.
///
/// Twisted: `IReactorSSL`.
#[doc(alias = "IReactorSSL")]
pub trait ReactorTls: sealed::Sealed {
    /// Listens on `address` for connections that are encrypted from the first byte.
    ///
    /// All is as with [`listen_tcp`](crate::ReactorNet::listen_tcp), and `factory` makes a protocol for
    /// each connection when its handshake is complete. A handshake that fails, or takes longer than the
    /// server's [`handshake_timeout`](TlsServer::handshake_timeout), never reaches the factory: it is
    /// [counted](TlsServer::handshakes), and logged once a minute if there are many.
    ///
    /// # Errors
    ///
    /// As `listen_tcp`; and [`Tls`](crate::ListenErrorKind::Tls) if rustls refuses the configuration.
    ///
    /// # Examples
    ///
    /// ```
    /// use ropewalk_net::tls::TlsServer;
    /// use ropewalk_net::{Protocol, ReactorTls as _, Transport};
    /// use ropewalk_reactor::Reactor;
    ///
    /// struct Echo;
    ///
    /// impl Protocol for Echo {
    ///     fn data_received(&mut self, transport: &Transport, data: &[u8]) {
    ///         transport.write(data);
    ///     }
    /// }
    ///
    /// # let names = vec!["localhost".to_owned()];
    /// # let made = rcgen::generate_simple_self_signed(names).unwrap();
    /// # let (certificate, key) = (made.cert.pem(), made.key_pair.serialize_pem());
    /// let server = TlsServer::from_pem(certificate, key)?;
    /// let reactor = Reactor::new()?;
    /// let port = reactor.listen_tls("127.0.0.1:0", &server, |_peer| Echo)?;
    /// # Ok::<(), ropewalk_deferred::Failure>(())
    /// ```
    ///
    /// Twisted: `listenSSL`.
    #[doc(alias = "listenSSL")]
    #[track_caller]
    fn listen_tls<F: Factory>(
        &self,
        address: impl ListenAddress,
        server: impl Into<TlsServer>,
        factory: F,
    ) -> Result<ListeningPort, CannotListen<F>>;

    /// As [`listen_tls`](Self::listen_tls), with other settings for the port.
    ///
    /// # Errors
    ///
    /// As [`listen_tcp_with`](crate::ReactorNet::listen_tcp_with) and `listen_tls`.
    #[track_caller]
    fn listen_tls_with<F: Factory>(
        &self,
        address: impl ListenAddress,
        options: ListenOptions,
        server: impl Into<TlsServer>,
        factory: F,
    ) -> Result<ListeningPort, CannotListen<F>>;

    /// Connects to `port` of `host`, a name or an address, and encrypts the connection from the first
    /// byte; all of that within 30 seconds.
    ///
    /// The server's certificate has to be for `host`, or for the
    /// [name](TlsClient::for_server) that the client asks for instead. When the handshake is complete
    /// the protocol's `connection_made` is called, then its `handshake_completed`, and then the deferred
    /// fires with the transport. Otherwise it fails with [`ConnectError`](crate::ConnectError), of the
    /// kind [`Tls`](crate::ConnectErrorKind::Tls) if there was a connection, and the protocol is
    /// dropped. Cancelling it ends the attempt.
    ///
    /// # Examples
    ///
    /// ```
    /// use ropewalk_net::tls::TlsClient;
    /// use ropewalk_net::{Protocol, ReactorTls as _, Transport};
    /// use ropewalk_reactor::Reactor;
    ///
    /// struct Printer;
    ///
    /// impl Protocol for Printer {
    ///     fn connection_made(&mut self, transport: &Transport) {
    ///         transport.write(b"GET / HTTP/1.0\r\n\r\n");
    ///     }
    ///     fn data_received(&mut self, _: &Transport, data: &[u8]) {
    ///         print!("{}", String::from_utf8_lossy(data));
    ///     }
    /// }
    ///
    /// # fn example(reactor: &Reactor) -> Result<(), ropewalk_deferred::Failure> {
    /// let client = TlsClient::with_roots(std::fs::read("roots.pem")?)?;
    /// reactor
    ///     .connect_tls("localhost", 8443, &client, Printer)
    ///     .add_errback(|failure| Err(failure.context("no page")))
    ///     .detach();
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// Twisted: `connectSSL`.
    #[doc(alias = "connectSSL")]
    #[track_caller]
    fn connect_tls<P: Protocol>(
        &self,
        host: &str,
        port: u16,
        client: impl Into<TlsClient>,
        protocol: P,
    ) -> Deferred<Transport>;

    /// As [`connect_tls`](Self::connect_tls), with other settings for the connection; the time limit
    /// covers the name, the connection and the handshake.
    #[track_caller]
    fn connect_tls_with<P: Protocol>(
        &self,
        host: &str,
        port: u16,
        options: ConnectOptions,
        client: impl Into<TlsClient>,
        protocol: P,
    ) -> Deferred<Transport>;
}

impl ReactorTls for Reactor {
    fn listen_tls<F: Factory>(
        &self,
        address: impl ListenAddress,
        server: impl Into<TlsServer>,
        factory: F,
    ) -> Result<ListeningPort, CannotListen<F>> {
        self.listen_tls_with(address, ListenOptions::new(), server, factory)
    }

    fn listen_tls_with<F: Factory>(
        &self,
        address: impl ListenAddress,
        options: ListenOptions,
        server: impl Into<TlsServer>,
        factory: F,
    ) -> Result<ListeningPort, CannotListen<F>> {
        let server = server.into();
        if let Err(error) = server.check() {
            let address = address.into_socket_addr().map_or_else(|text| text, |it| it.to_string());
            let error = ListenError::new(address, ListenErrorKind::Tls(error));
            return Err(CannotListen { error, unused: factory });
        }
        let accepting = Accepting::new(server, factory);
        tcp::listen(self, address, &options, accepting, Location::caller()).map_err(
            |CannotListen { error, unused }| CannotListen { error, unused: unused.into_factory() },
        )
    }

    fn connect_tls<P: Protocol>(
        &self,
        host: &str,
        port: u16,
        client: impl Into<TlsClient>,
        protocol: P,
    ) -> Deferred<Transport> {
        self.connect_tls_with(host, port, ConnectOptions::new(), client, protocol)
    }

    fn connect_tls_with<P: Protocol>(
        &self,
        host: &str,
        port: u16,
        options: ConnectOptions,
        client: impl Into<TlsClient>,
        protocol: P,
    ) -> Deferred<Transport> {
        connect::connect(self, (host, port), options, client.into(), protocol)
    }
}
