//! What makes the protocols of a listening port.

use crate::address::AddressKind;
use crate::{Address, Protocol};
use ropewalk_reactor::Reactor;
use std::marker::PhantomData;
use std::net::SocketAddr;

/// Makes a [`Protocol`] for each connection that a port accepts.
///
/// A closure that takes the peer's address and returns a protocol is a factory. `A` is the kind of
/// address that the port deals in.
///
/// The methods are called on the reactor thread and never from inside one another.
///
/// # Examples
///
/// ```
/// use ropewalk_net::{Factory, Protocol, ReactorNet as _, Transport};
/// use ropewalk_reactor::Reactor;
/// use std::net::SocketAddr;
///
/// struct Greeter(u32);
///
/// impl Protocol for Greeter {
///     fn connection_made(&mut self, transport: &Transport) {
///         transport.write(format!("you are number {}\n", self.0).as_bytes());
///     }
///     fn data_received(&mut self, _: &Transport, _: &[u8]) {}
/// }
///
/// /// Admits three.
/// struct Doorman(u32);
///
/// impl Factory for Doorman {
///     type Protocol = Greeter;
///
///     fn build_protocol(&mut self, _: &Reactor, _peer: SocketAddr) -> Option<Greeter> {
///         self.0 += 1;
///         (self.0 <= 3).then(|| Greeter(self.0))
///     }
/// }
///
/// let reactor = Reactor::new()?;
/// let strict = reactor.listen_tcp("127.0.0.1:0", Doorman(0)).unwrap();
/// let lenient = reactor.listen_tcp("127.0.0.1:0", |_peer| Greeter(1)).unwrap();
/// # std::io::Result::Ok(())
/// ```
///
/// Twisted: `IProtocolFactory`.
#[doc(alias = "IProtocolFactory")]
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not make protocols for the connections of a port",
    note = "pass a closure that returns a protocol: `|_peer| Echo`"
)]
pub trait Factory<A = SocketAddr>: 'static {
    /// What is made.
    type Protocol: Protocol;

    /// The protocol for a connection from `peer`; `None` closes the connection.
    ///
    /// A panic closes that connection only; the port stays.
    ///
    /// Twisted: `buildProtocol`.
    #[doc(alias = "buildProtocol")]
    fn build_protocol(&mut self, reactor: &Reactor, peer: A) -> Option<Self::Protocol>;

    /// The port listens; called once, before the first connection.
    ///
    /// Twisted: `startFactory`.
    #[doc(alias = "startFactory")]
    fn started(&mut self, reactor: &Reactor) {
        let _ = reactor;
    }

    /// The port is closed; called once, and the factory is dropped afterwards. Connections made
    /// before live on.
    ///
    /// Twisted: `stopFactory`.
    #[doc(alias = "stopFactory")]
    fn stopped(&mut self, reactor: &Reactor) {
        let _ = reactor;
    }

    /// As `build_protocol`; for one that has a box already.
    #[doc(hidden)]
    fn build_boxed(&mut self, reactor: &Reactor, peer: A) -> Option<Box<dyn Protocol>> {
        self.build_protocol(reactor, peer).map(|protocol| Box::new(protocol) as _)
    }
}

impl<A, F, P> Factory<A> for F
where
    F: FnMut(A) -> P + 'static,
    P: Protocol,
{
    type Protocol = P;

    fn build_protocol(&mut self, _reactor: &Reactor, peer: A) -> Option<P> {
        Some(self(peer))
    }
}

/// A factory for addresses of one kind, where addresses of any kind are given.
pub(crate) struct OfKind<A, F> {
    factory: F,
    kind: PhantomData<fn(A)>,
}

impl<A, F> OfKind<A, F> {
    pub(crate) fn new(factory: F) -> Self {
        Self { factory, kind: PhantomData }
    }
}

impl<A: AddressKind, F: Factory<A>> Factory<Address> for OfKind<A, F> {
    type Protocol = Box<dyn Protocol>;

    fn build_protocol(&mut self, reactor: &Reactor, peer: Address) -> Option<Box<dyn Protocol>> {
        self.build_boxed(reactor, peer)
    }

    fn started(&mut self, reactor: &Reactor) {
        self.factory.started(reactor);
    }

    fn stopped(&mut self, reactor: &Reactor) {
        self.factory.stopped(reactor);
    }

    fn build_boxed(&mut self, reactor: &Reactor, peer: Address) -> Option<Box<dyn Protocol>> {
        A::from_address(&peer).and_then(|peer| self.factory.build_boxed(reactor, peer))
    }
}

/// A factory whose protocols have lost their type.
pub(crate) trait AnyFactory<A> {
    fn build(&mut self, reactor: &Reactor, peer: A) -> Option<Box<dyn Protocol>>;
    fn started(&mut self, reactor: &Reactor);
    fn stopped(&mut self, reactor: &Reactor);
}

impl<A, F: Factory<A>> AnyFactory<A> for F {
    fn build(&mut self, reactor: &Reactor, peer: A) -> Option<Box<dyn Protocol>> {
        self.build_boxed(reactor, peer)
    }

    fn started(&mut self, reactor: &Reactor) {
        Factory::started(self, reactor);
    }

    fn stopped(&mut self, reactor: &Reactor) {
        Factory::stopped(self, reactor);
    }
}
