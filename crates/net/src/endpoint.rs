//! Endpoints: where to listen or to connect, as values that can be read from a text.

mod any;
mod error;
mod factory;
mod hostname;
mod tcp_server;
#[cfg(feature = "tls")]
mod tls_client;
#[cfg(feature = "tls")]
mod tls_server;
#[cfg(unix)]
mod unix_client;
#[cfg(unix)]
mod unix_server;

mod description;
mod fields;
mod hints;
mod nearest;
mod print;
mod schemes;

pub use any::{AnyClientEndpoint, AnyServerEndpoint, client_from_string, server_from_string};
pub use error::{EndpointParseError, EndpointParseErrorKind};
pub use factory::BoxFactory;
pub use hostname::HostnameEndpoint;
pub use tcp_server::TcpServerEndpoint;
#[cfg(feature = "tls")]
pub use tls_client::TlsClientEndpoint;
#[cfg(feature = "tls")]
pub use tls_server::TlsServerEndpoint;
#[cfg(unix)]
pub use unix_client::UnixClientEndpoint;
#[cfg(unix)]
pub use unix_server::UnixServerEndpoint;

use crate::error::{CannotListen, ListenError};
use crate::{Address, Factory, ListeningPort, Protocol, Transport};
use factory::Lent;
use ropewalk_deferred::Deferred;
use ropewalk_reactor::Reactor;
use std::panic::Location;
use std::rc::Rc;
use std::sync::Arc;

/// Something that can be listened on.
///
/// A program with transports of its own can implement it.
///
/// # Threads
///
/// It is used on the reactor thread; it need be neither `Send` nor `Sync`.
///
/// Twisted: `IStreamServerEndpoint`.
#[doc(alias = "IStreamServerEndpoint")]
pub trait ServerEndpoint: 'static {
    /// Opens the port; `factory` makes a protocol for each connection.
    ///
    /// Called on the reactor thread; it must not block.
    ///
    /// # Errors
    ///
    /// Why there is no port. What becomes of the factory then does not matter: whoever called
    /// [`ReactorEndpoints::listen`] has it back.
    #[track_caller]
    fn listen(
        &self,
        reactor: &Reactor,
        factory: BoxFactory,
    ) -> Result<ListeningPort<Address>, ListenError>;
}

/// Something that can be connected to.
///
/// A test, or a program with transports of its own, can implement it.
///
/// # Threads
///
/// It is used on the reactor thread; it need be neither `Send` nor `Sync`.
///
/// Twisted: `IStreamClientEndpoint`.
#[doc(alias = "IStreamClientEndpoint")]
pub trait ClientEndpoint: 'static {
    /// Connects; the protocol's `connection_made` is called, and then the deferred fires with the
    /// transport. Otherwise the deferred fails, and the protocol is dropped. Cancelling the deferred
    /// ends the attempt.
    ///
    /// Called on the reactor thread; it must not block.
    #[track_caller]
    fn connect(&self, reactor: &Reactor, protocol: Box<dyn Protocol>) -> Deferred<Transport>;

    /// As `connect`, on behalf of the line that logs are to name. Whoever calls this through a
    /// `dyn ClientEndpoint` is not a line of the application.
    #[doc(hidden)]
    fn connect_at(
        &self,
        reactor: &Reactor,
        protocol: Box<dyn Protocol>,
        location: &'static Location<'static>,
    ) -> Deferred<Transport> {
        let _ = location;
        self.connect(reactor, protocol)
    }
}

/// What is kept in several places, or has lost its type, is an endpoint, too.
macro_rules! pointers {
    ($($pointer:ident),*) => {$(
        impl<E: ClientEndpoint + ?Sized> ClientEndpoint for $pointer<E> {
            fn connect(&self, reactor: &Reactor, protocol: Box<dyn Protocol>) -> Deferred<Transport> {
                self.connect_at(reactor, protocol, Location::caller())
            }

            fn connect_at(
                &self,
                reactor: &Reactor,
                protocol: Box<dyn Protocol>,
                location: &'static Location<'static>,
            ) -> Deferred<Transport> {
                (**self).connect_at(reactor, protocol, location)
            }
        }

        impl<E: ServerEndpoint + ?Sized> ServerEndpoint for $pointer<E> {
            fn listen(
                &self,
                reactor: &Reactor,
                factory: BoxFactory,
            ) -> Result<ListeningPort<Address>, ListenError> {
                (**self).listen(reactor, factory)
            }
        }
    )*};
}

pointers!(Box, Rc, Arc);

mod sealed {
    use ropewalk_reactor::Reactor;

    #[expect(unnameable_types, reason = "what cannot be named cannot be implemented elsewhere")]
    pub trait Sealed {}
    impl Sealed for Reactor {}
}

/// Listening and connecting by endpoints, on a [`Reactor`].
///
/// # Threads
///
/// Reactor thread, all of it.
pub trait ReactorEndpoints: sealed::Sealed {
    /// Listens on `endpoint`; `factory`, mostly a closure such as `|_peer: Address| Echo`, makes a
    /// protocol for each connection.
    ///
    /// All else is as with [`listen_tcp`](crate::ReactorNet::listen_tcp).
    ///
    /// # Errors
    ///
    /// [`CannotListen`], with the factory inside: the endpoint is in use or not allowed, or the
    /// reactor is stopping.
    ///
    /// # Examples
    ///
    /// ```
    /// use ropewalk_net::{Address, ReactorEndpoints as _, server_from_string};
    /// use ropewalk_reactor::Reactor;
    /// # struct Echo;
    /// # impl ropewalk_net::Protocol for Echo {
    /// #     fn data_received(&mut self, transport: &ropewalk_net::Transport, data: &[u8]) {
    /// #         transport.write(data);
    /// #     }
    /// # }
    ///
    /// let reactor = Reactor::new()?;
    /// let endpoint = server_from_string("tcp:0:interface=127.0.0.1")?;
    /// let port = reactor.listen(&endpoint, |_peer: Address| Echo)?;
    /// println!("listening on {}", port.address());
    /// # Ok::<(), ropewalk_deferred::Failure>(())
    /// ```
    ///
    /// Twisted: `IStreamServerEndpoint.listen`.
    #[track_caller]
    fn listen<F: Factory<Address>>(
        &self,
        endpoint: &(impl ServerEndpoint + ?Sized),
        factory: F,
    ) -> Result<ListeningPort<Address>, CannotListen<F>>;

    /// Connects to `endpoint`.
    ///
    /// The protocol's `connection_made` is called, and then the deferred fires with the transport.
    /// Otherwise the deferred fails, and the protocol is dropped. Cancelling the deferred ends the
    /// attempt.
    ///
    /// The endpoints of this crate fail with [`ConnectError`](crate::ConnectError); with `TlsConfigError`
    /// if there are files that cannot be used; and what `wrap_client_tls` gives, with `TlsError` if it is
    /// the handshake that fails.
    ///
    /// # Examples
    ///
    /// ```
    /// use ropewalk_net::{ReactorEndpoints as _, client_from_string};
    /// use ropewalk_reactor::Reactor;
    /// use ropewalk_task::ReactorTask as _;
    /// # struct Quiet;
    /// # impl ropewalk_net::Protocol for Quiet {
    /// #     fn data_received(&mut self, _: &ropewalk_net::Transport, _: &[u8]) {}
    /// # }
    ///
    /// let server = std::net::TcpListener::bind("127.0.0.1:0")?;
    /// let port = server.local_addr()?.port();
    /// let endpoint = client_from_string(&format!("tcp:127.0.0.1:{port}:timeout=5"))?;
    ///
    /// let reactor = Reactor::new()?;
    /// let transport = reactor.run_until(reactor.connect(&endpoint, Quiet))?;
    /// assert_eq!(transport.peer().port(), Some(port));
    /// # Ok::<(), ropewalk_deferred::Failure>(())
    /// ```
    #[track_caller]
    fn connect<P: Protocol>(
        &self,
        endpoint: &(impl ClientEndpoint + ?Sized),
        protocol: P,
    ) -> Deferred<Transport>;
}

impl ReactorEndpoints for Reactor {
    fn listen<F: Factory<Address>>(
        &self,
        endpoint: &(impl ServerEndpoint + ?Sized),
        factory: F,
    ) -> Result<ListeningPort<Address>, CannotListen<F>> {
        let (lent, place) = Lent::new(factory);
        endpoint.listen(self, BoxFactory::new(lent)).map_err(|error| {
            #[expect(clippy::expect_used, reason = "it is out of its place only while it runs")]
            let unused = *place.take().expect("the factory is in its place");
            CannotListen { error, unused }
        })
    }

    fn connect<P: Protocol>(
        &self,
        endpoint: &(impl ClientEndpoint + ?Sized),
        protocol: P,
    ) -> Deferred<Transport> {
        endpoint.connect(self, Box::new(protocol))
    }
}
