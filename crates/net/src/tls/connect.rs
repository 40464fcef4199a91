//! Connections that are encrypted from the first byte.

use super::client::TlsClient;
use super::error::{TlsError, TlsErrorKind};
use super::transport::server_name;
use crate::connection::Limit;
use crate::error::{ConnectError, ConnectErrorKind};
use crate::tcp::{self, ConnectOptions};
use crate::{ConnectionLost, Protocol, Transport};
use ropewalk_deferred::{Deferred, Failure};
use ropewalk_reactor::{Reactor, WeakReactor};
use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, Instant};

#[track_caller]
pub(super) fn connect<P: Protocol>(
    reactor: &Reactor,
    (host, port): (&str, u16),
    options: ConnectOptions,
    client: TlsClient,
    protocol: P,
) -> Deferred<Transport> {
    let name = client.server_name().unwrap_or(host).to_owned();
    let refused = {
        let host = host.to_owned();
        move |kind| ConnectError { host, port, kind, attempts: Vec::new() }
    };
    if let Err(error) = server_name(&name) {
        return Deferred::fail(refused(ConnectErrorKind::Tls(error)));
    }
    // The connection is made, and then its handshake is what the caller waits for.
    let handshake = Rc::new(Cell::new(None));
    let greeting = Greeting {
        client,
        name,
        timeout: options.time_limit(),
        begun: reactor.now(),
        reactor: reactor.downgrade(),
        handshake: Rc::clone(&handshake),
        protocol,
        is_known: false,
    };
    tcp::connect(reactor, (host, port), options, Box::new(greeting))
        .add_callback(move |transport: Transport| match handshake.take() {
            Some(handshake) => handshake.map(move |()| transport),
            None => Deferred::fail(TlsError::new(TlsErrorKind::Ended(ConnectionLost::Done))),
        })
        .add_errback(move |failure| -> Result<Transport, Failure> {
            Err(match failure.downcast::<TlsError>() {
                Ok(error) => refused(ConnectErrorKind::Tls(error)).into(),
                Err(other) => other,
            })
        })
}

/// The protocol of such a connection: that of the user, who is told when the handshake is complete.
struct Greeting<P> {
    client: TlsClient,
    name: String,
    /// For the name, the connection and the handshake together.
    timeout: Duration,
    begun: Instant,
    reactor: WeakReactor,
    /// What the caller waits for.
    handshake: Rc<Cell<Option<Deferred<()>>>>,
    protocol: P,
    /// Whether the protocol knows of the connection.
    is_known: bool,
}

impl<P: Protocol> Protocol for Greeting<P> {
    fn connection_made(&mut self, transport: &Transport) {
        let now = self.reactor.with(Reactor::now).unwrap_or(self.begun);
        let left = self.timeout.saturating_sub(now.saturating_duration_since(self.begun));
        let limit = Limit { left, whole: self.timeout };
        let handshake = transport.be_client(&self.client, &self.name, &[], limit);
        self.handshake.set(Some(handshake));
    }

    fn handshake_completed(&mut self, transport: &Transport) {
        self.is_known = true;
        self.protocol.connection_made(transport);
        self.protocol.handshake_completed(transport);
    }

    fn data_received(&mut self, transport: &Transport, data: &[u8]) {
        self.protocol.data_received(transport, data);
    }

    fn peer_done(&mut self, transport: &Transport) {
        self.protocol.peer_done(transport);
    }

    fn write_done(&mut self, transport: &Transport) {
        self.protocol.write_done(transport);
    }

    fn drained(&mut self, transport: &Transport) {
        if self.is_known {
            self.protocol.drained(transport);
        }
    }

    fn resumed(&mut self, transport: &Transport) {
        if self.is_known {
            self.protocol.resumed(transport);
        }
    }

    fn connection_lost(&mut self, transport: &Transport, reason: &ConnectionLost) {
        if self.is_known {
            self.protocol.connection_lost(transport, reason);
        }
    }
}
