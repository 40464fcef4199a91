//! Factories as endpoints are given them: whatever their type, and lent.

use crate::factory::AnyFactory;
use crate::{Address, Factory, Protocol};
use ropewalk_reactor::Reactor;
use std::cell::Cell;
use std::fmt;
use std::rc::Rc;

/// A [`Factory`] that has lost its type: what a [`ServerEndpoint`](crate::ServerEndpoint) is given.
///
/// It can be handed on to any kind of port, and called as any other factory. Its protocols are
/// `Box<dyn Protocol>`.
///
/// # Examples
///
/// ```
/// use ropewalk_net::{
///     Address, BoxFactory, ListenError, ListeningPort, ReactorNet as _, ServerEndpoint,
/// };
/// use ropewalk_reactor::Reactor;
///
/// /// A port of this machine that nobody else can reach.
/// struct Loopback(u16);
///
/// impl ServerEndpoint for Loopback {
///     fn listen(
///         &self,
///         reactor: &Reactor,
///         factory: BoxFactory,
///     ) -> Result<ListeningPort<Address>, ListenError> {
///         Ok(reactor.listen_tcp(("127.0.0.1", self.0), factory)?.into())
///     }
/// }
/// ```
pub struct BoxFactory(Box<dyn AnyFactory<Address>>);

impl BoxFactory {
    /// A factory without its type.
    #[must_use]
    pub fn new(factory: impl Factory<Address>) -> Self {
        Self(Box::new(factory))
    }
}

impl<A: Into<Address> + 'static> Factory<A> for BoxFactory {
    type Protocol = Box<dyn Protocol>;

    fn build_protocol(&mut self, reactor: &Reactor, peer: A) -> Option<Box<dyn Protocol>> {
        self.0.build(reactor, peer.into())
    }

    fn started(&mut self, reactor: &Reactor) {
        self.0.started(reactor);
    }

    fn stopped(&mut self, reactor: &Reactor) {
        self.0.stopped(reactor);
    }

    fn build_boxed(&mut self, reactor: &Reactor, peer: A) -> Option<Box<dyn Protocol>> {
        self.0.build(reactor, peer.into())
    }
}

impl fmt::Debug for BoxFactory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BoxFactory")
    }
}

/// A factory that an endpoint has, and that its owner has back if the endpoint does not listen.
pub(super) struct Lent<F>(Rc<Cell<Option<Box<F>>>>);

impl<F> Lent<F> {
    /// The factory, and where it will be if it is not used.
    pub(super) fn new(factory: F) -> (Self, Rc<Cell<Option<Box<F>>>>) {
        let place = Rc::new(Cell::new(Some(Box::new(factory))));
        (Self(Rc::clone(&place)), place)
    }

    /// Nothing, if it runs already.
    fn lend<T>(&self, call: impl FnOnce(&mut F) -> T) -> Option<T> {
        let factory = self.0.take()?;
        // A panic goes on; the factory goes back to its place.
        let mut back = Back { place: &self.0, factory: Some(factory) };
        back.factory.as_deref_mut().map(call)
    }
}

struct Back<'f, F> {
    place: &'f Cell<Option<Box<F>>>,
    factory: Option<Box<F>>,
}

impl<F> Drop for Back<'_, F> {
    fn drop(&mut self) {
        self.place.set(self.factory.take());
    }
}

impl<F: Factory<Address>> Factory<Address> for Lent<F> {
    type Protocol = Box<dyn Protocol>;

    fn build_protocol(&mut self, reactor: &Reactor, peer: Address) -> Option<Box<dyn Protocol>> {
        self.lend(|factory| factory.build_boxed(reactor, peer)).flatten()
    }

    fn started(&mut self, reactor: &Reactor) {
        self.lend(|factory| factory.started(reactor));
    }

    fn stopped(&mut self, reactor: &Reactor) {
        self.lend(|factory| factory.stopped(reactor));
    }

    fn build_boxed(&mut self, reactor: &Reactor, peer: Address) -> Option<Box<dyn Protocol>> {
        self.build_protocol(reactor, peer)
    }
}
