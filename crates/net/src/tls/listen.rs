//! Ports whose connections are encrypted from the first byte.
//!
//! To the port this is a factory like any other. Its protocols see to the handshake, and have the
//! user's factory make theirs when it is complete: whoever does not get so far costs that factory
//! nothing.

use super::server::TlsServer;
use crate::events::tell;
use crate::parting::part_with;
use crate::protocol::forward::forward;
use crate::{AddressKind, Factory, Protocol, Transport};
use ropewalk_reactor::{Reactor, WeakReactor};
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, Location, catch_unwind, resume_unwind};
use std::rc::Rc;

/// The user's factory: absent while it runs, and when the port is closed.
type Shared<F> = Rc<Cell<Option<F>>>;

pub(super) struct Accepting<F> {
    server: TlsServer,
    factory: Shared<F>,
}

impl<F> Accepting<F> {
    pub(super) fn new(server: TlsServer, factory: F) -> Self {
        Self { server, factory: Rc::new(Cell::new(Some(factory))) }
    }

    /// The factory, if there never was a port.
    pub(super) fn into_factory(self) -> F {
        let factory = self.factory.take();
        #[expect(clippy::expect_used, reason = "only an open port, or a protocol of it, takes it")]
        factory.expect("a factory that was not used is in its place")
    }

    /// Has the factory do something, out of its cell.
    fn with<R>(factory: &Shared<F>, f: impl FnOnce(&mut F) -> R) -> Option<R> {
        let mut taken = factory.take()?;
        let result = catch_unwind(AssertUnwindSafe(|| f(&mut taken)));
        factory.set(Some(taken));
        Some(result.unwrap_or_else(|payload| resume_unwind(payload)))
    }
}

impl<A: AddressKind, F: Factory<A>> Factory<A> for Accepting<F> {
    type Protocol = Accepted<A, F>;

    fn build_protocol(&mut self, reactor: &Reactor, peer: A) -> Option<Accepted<A, F>> {
        Some(Accepted {
            server: self.server.clone(),
            factory: Rc::clone(&self.factory),
            reactor: reactor.downgrade(),
            peer,
            protocol: None,
        })
    }

    fn started(&mut self, reactor: &Reactor) {
        Self::with(&self.factory, |factory| factory.started(reactor));
    }

    fn stopped(&mut self, reactor: &Reactor) {
        // Handshakes that are under way find nobody, as connections do that were not yet accepted.
        let stopped = self.factory.take().map_or(Ok(()), |factory| {
            part_with(Box::new(factory), Location::caller(), |factory| factory.stopped(reactor))
        });
        if let Err(payload) = stopped {
            resume_unwind(payload);
        }
    }
}

pub(super) struct Accepted<A, F: Factory<A>> {
    server: TlsServer,
    factory: Shared<F>,
    reactor: WeakReactor,
    peer: A,
    /// The user's; nothing until the handshake is complete, or if the factory declined.
    protocol: Option<F::Protocol>,
}

impl<A: AddressKind, F: Factory<A>> Protocol for Accepted<A, F> {
    fn connection_made(&mut self, transport: &Transport) {
        // What comes of it is told to this protocol, and counted.
        transport.start_tls_server(&self.server).add_errback(drop).detach();
    }

    fn handshake_completed(&mut self, transport: &Transport) {
        let peer = self.peer.clone();
        let built = self
            .reactor
            .with(|reactor| Accepting::with(&self.factory, |f| f.build_protocol(reactor, peer)));
        self.protocol = built.flatten().flatten();
        let Some(protocol) = &mut self.protocol else {
            tell(|| tracing::debug!(peer = %self.peer, "the factory declined a connection"));
            return transport.lose_connection();
        };
        protocol.connection_made(transport);
        protocol.handshake_completed(transport);
    }

    forward!(
        |this| this.protocol.as_mut(),
        [data_received, peer_done, write_done, drained, resumed, connection_lost]
    );
}
