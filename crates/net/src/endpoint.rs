//! Endpoints: where to listen or to connect, as values that can be read from a text.

mod any;
mod error;
mod hostname;
mod tcp_server;

mod description;
mod fields;
mod nearest;
mod print;

pub use any::{AnyClientEndpoint, AnyServerEndpoint, client_from_string, server_from_string};
pub use error::{EndpointParseError, EndpointParseErrorKind};
pub use hostname::HostnameEndpoint;
pub use tcp_server::TcpServerEndpoint;

use crate::{Protocol, Transport};
use ropewalk_deferred::Deferred;
use ropewalk_reactor::Reactor;
use std::rc::Rc;

/// Something that can be connected to.
///
/// A test, or a program with transports of its own, can implement it.
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
}

impl<E: ClientEndpoint + ?Sized> ClientEndpoint for Rc<E> {
    fn connect(&self, reactor: &Reactor, protocol: Box<dyn Protocol>) -> Deferred<Transport> {
        (**self).connect(reactor, protocol)
    }
}

impl<E: ClientEndpoint + ?Sized> ClientEndpoint for Box<E> {
    fn connect(&self, reactor: &Reactor, protocol: Box<dyn Protocol>) -> Deferred<Transport> {
        (**self).connect(reactor, protocol)
    }
}

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
    /// Connects to `endpoint`.
    ///
    /// The protocol's `connection_made` is called, and then the deferred fires with the transport.
    /// Otherwise the deferred fails, with [`ConnectError`](crate::ConnectError) if the endpoint is
    /// one of this crate, and the protocol is dropped. Cancelling the deferred ends the attempt.
    ///
    /// # Examples
    ///
    /// ```
    /// use ropewalk_net::{Protocol, ReactorEndpoints as _, Transport, client_from_string};
    /// use ropewalk_reactor::Reactor;
    ///
    /// struct Quiet;
    /// impl Protocol for Quiet {
    ///     fn data_received(&mut self, _: &Transport, _: &[u8]) {}
    /// }
    ///
    /// let server = std::net::TcpListener::bind("127.0.0.1:0")?;
    /// let port = server.local_addr()?.port();
    ///
    /// let reactor = Reactor::new()?;
    /// let stop = reactor.handle();
    /// let endpoint = client_from_string(&format!("tcp:127.0.0.1:{port}:timeout=5"))?;
    /// let connected = reactor.connect(&endpoint, Quiet).add_both(move |result| {
    ///     stop.stop();
    ///     result
    /// });
    /// reactor.run()?;
    /// assert_eq!(connected.try_take().unwrap()?.peer().port(), Some(port));
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
    fn connect<P: Protocol>(
        &self,
        endpoint: &(impl ClientEndpoint + ?Sized),
        protocol: P,
    ) -> Deferred<Transport> {
        endpoint.connect(self, Box::new(protocol))
    }
}
