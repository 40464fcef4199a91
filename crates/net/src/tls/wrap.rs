//! TLS on whatever an endpoint connects to, or listens on.

use super::client::TlsClient;
use super::connect::{Time, secured};
use super::listen::Accepting;
use super::server::TlsServer;
use super::transport::server_name;
use crate::{
    Address, BoxFactory, ClientEndpoint, ListenError, ListeningPort, Protocol, ServerEndpoint,
    Transport,
};
use ropewalk_deferred::Deferred;
use ropewalk_reactor::Reactor;
use std::panic::Location;

/// An endpoint that connects as `endpoint` does, and encrypts the connection from the first byte; the
/// server's certificate has to be for `server_name`.
///
/// The protocol's `connection_made` is called when the handshake is complete. What the endpoint fails
/// with is passed on; a handshake that fails is a [`TlsError`](super::TlsError). It may take as long as
/// the [`handshake_timeout`](TlsClient::handshake_timeout) of `client` says, beside what the endpoint
/// allows for the connection. A name given by [`for_server`](TlsClient::for_server) comes first.
///
/// # Threads
///
/// Any thread; the endpoint goes where `endpoint` may go.
///
/// # Examples
///
/// A connection that is made again and again, encrypted, with a configuration out of the program:
///
/// ```
/// use ropewalk_net::tls::{TlsClient, wrap_client_tls};
/// use ropewalk_net::{Address, ClientService, HostnameEndpoint};
/// # use ropewalk_net::{Protocol, Transport};
/// # use ropewalk_reactor::Reactor;
/// # struct Quiet;
/// # impl Protocol for Quiet {
/// #     fn data_received(&mut self, _: &Transport, _: &[u8]) {}
/// # }
/// # fn example(reactor: &Reactor, client: TlsClient) {
/// let endpoint = wrap_client_tls(client, "example.net", HostnameEndpoint::new("127.0.0.1", 443));
/// let service = ClientService::new(reactor, endpoint, |_peer: Address| Quiet);
/// # }
/// ```
///
/// Twisted: `wrapClientTLS`.
#[doc(alias = "wrapClientTLS")]
pub fn wrap_client_tls<E: ClientEndpoint>(
    client: impl Into<TlsClient>,
    server_name: impl Into<String>,
    endpoint: E,
) -> TlsWrapped<E> {
    let client = client.into();
    let name = client.server_name().map_or_else(|| server_name.into(), str::to_owned);
    TlsWrapped { client, name, endpoint }
}

/// An endpoint whose connections are encrypted: see [`wrap_client_tls`].
///
/// # Threads
///
/// Any thread, if that is so of the endpoint inside; it is used on the reactor thread.
#[derive(Clone, Debug)]
pub struct TlsWrapped<E> {
    client: TlsClient,
    name: String,
    endpoint: E,
}

impl<E: ClientEndpoint> ClientEndpoint for TlsWrapped<E> {
    fn connect(&self, reactor: &Reactor, protocol: Box<dyn Protocol>) -> Deferred<Transport> {
        self.connect_at(reactor, protocol, Location::caller())
    }

    fn connect_at(
        &self,
        reactor: &Reactor,
        protocol: Box<dyn Protocol>,
        location: &'static Location<'static>,
    ) -> Deferred<Transport> {
        if let Err(error) = server_name(&self.name) {
            return Deferred::fail(error);
        }
        let time = Time { whole: self.client.timeout(), begun: None };
        let client = (self.client.clone(), self.name.clone());
        secured(reactor, client, time, protocol, |greeting| {
            self.endpoint.connect_at(reactor, greeting, location)
        })
    }
}

/// An endpoint that listens as `endpoint` does, and encrypts its connections from the first byte.
///
/// The factory makes a protocol when a handshake is complete; all else is as with
/// [`listen_tls`](super::ReactorTls::listen_tls), which is the shorter way to a port of this machine.
/// If its connections cannot be encrypted the factory hears of none: they are ended.
///
/// # Threads
///
/// Any thread; the endpoint goes where `endpoint` may go.
///
/// # Examples
///
/// A Unix socket, say behind a program that passes encrypted connections on as they are:
///
/// ```
/// use ropewalk_net::tls::{TlsServer, wrap_server_tls};
/// use ropewalk_net::{Address, ReactorEndpoints as _, server_from_string};
/// # use ropewalk_net::{Protocol, Transport};
/// # use ropewalk_reactor::Reactor;
/// # struct Quiet;
/// # impl Protocol for Quiet {
/// #     fn data_received(&mut self, _: &Transport, _: &[u8]) {}
/// # }
/// # fn example(reactor: &Reactor, server: &TlsServer) -> Result<(), ropewalk_deferred::Failure> {
/// let endpoint = wrap_server_tls(server, server_from_string("unix:/run/app.sock:mode=660")?);
/// let port = reactor.listen(&endpoint, |_peer: Address| Quiet)?;
/// # Ok(())
/// # }
/// ```
///
/// Twisted: `TLSMemoryBIOFactory`.
#[doc(alias = "TLSMemoryBIOFactory")]
pub fn wrap_server_tls<E: ServerEndpoint>(
    server: impl Into<TlsServer>,
    endpoint: E,
) -> TlsWrappedServer<E> {
    TlsWrappedServer { server: server.into(), endpoint }
}

/// An endpoint whose connections are encrypted: see [`wrap_server_tls`].
///
/// # Threads
///
/// Any thread, if that is so of the endpoint inside; it is used on the reactor thread.
#[derive(Clone, Debug)]
pub struct TlsWrappedServer<E> {
    server: TlsServer,
    endpoint: E,
}

impl<E: ServerEndpoint> ServerEndpoint for TlsWrappedServer<E> {
    fn listen(
        &self,
        reactor: &Reactor,
        factory: BoxFactory,
    ) -> Result<ListeningPort<Address>, ListenError> {
        let accepting = Accepting::new(self.server.clone(), factory);
        self.endpoint.listen(reactor, BoxFactory::new(accepting))
    }
}
