//! Connections that are encrypted from the first byte.

use super::client::TlsClient;
use super::error::{TlsError, TlsErrorKind};
use super::transport::server_name;
use crate::connecting::{ConnectOptions, Target};
use crate::connection::Limit;
use crate::error::{ConnectError, ConnectErrorKind};
use crate::protocol::forward::forward;
use crate::tcp;
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
        let target = Target::Host { host: host.to_owned(), port };
        move |kind| ConnectError::new(target, kind, Vec::new())
    };
    if let Err(error) = server_name(&name) {
        return Deferred::fail(refused(ConnectErrorKind::Tls(error)));
    }
    let time = Time { whole: options.time_limit(), begun: Some(reactor.now()) };
    // The closure is no line of the application.
    let location = options.asked_for_at();
    let options = options.on_behalf_of(location);
    secured(reactor, (client, name), time, protocol, |greeting| {
        tcp::connect(reactor, (host, port), options, greeting)
    })
    .add_errback(move |failure| -> Result<Transport, Failure> {
        Err(match failure.downcast::<TlsError>() {
            Ok(error) if matches!(error.kind(), TlsErrorKind::Stopped) => {
                refused(ConnectErrorKind::Stopped).into()
            }
            Ok(error) => refused(ConnectErrorKind::Tls(error)).into(),
            Err(other) => other,
        })
    })
}

/// The connection that `connect` makes, and then its handshake, which is what the caller waits for.
pub(super) fn secured<P: Protocol>(
    reactor: &Reactor,
    (client, name): (TlsClient, String),
    time: Time,
    protocol: P,
    connect: impl FnOnce(Box<dyn Protocol>) -> Deferred<Transport>,
) -> Deferred<Transport> {
    let handshake = Rc::new(Cell::new(None));
    let greeting = Greeting {
        client,
        name,
        time,
        reactor: reactor.downgrade(),
        handshake: Rc::clone(&handshake),
        protocol,
        is_known: false,
    };
    connect(Box::new(greeting)).add_callback(move |transport: Transport| match handshake.take() {
        Some(handshake) => handshake.map(move |()| transport),
        None => Deferred::fail(TlsError::new(TlsErrorKind::Ended(ConnectionLost::Done))),
    })
}

/// How long a handshake may take.
pub(super) struct Time {
    pub(super) whole: Duration,
    /// Of that, what is over by then was needed to connect; nothing: it is for the handshake alone.
    pub(super) begun: Option<Instant>,
}

impl Time {
    fn limit(&self, now: Option<Instant>) -> Limit {
        let over = self.begun.zip(now).map(|(begun, now)| now.saturating_duration_since(begun));
        Limit { left: self.whole.saturating_sub(over.unwrap_or_default()), whole: self.whole }
    }
}

/// The protocol of such a connection: that of the user, who is told when the handshake is complete.
struct Greeting<P> {
    client: TlsClient,
    name: String,
    time: Time,
    reactor: WeakReactor,
    /// What the caller waits for.
    handshake: Rc<Cell<Option<Deferred<()>>>>,
    protocol: P,
    /// Whether the protocol knows of the connection.
    is_known: bool,
}

impl<P: Protocol> Protocol for Greeting<P> {
    fn connection_made(&mut self, transport: &Transport) {
        let limit = self.time.limit(self.reactor.with(Reactor::now));
        let handshake = transport.be_client(&self.client, &self.name, &[], limit);
        self.handshake.set(Some(handshake));
    }

    fn handshake_completed(&mut self, transport: &Transport) {
        self.is_known = true;
        self.protocol.connection_made(transport);
        self.protocol.handshake_completed(transport);
    }

    forward!(
        |this| this.is_known.then_some(&mut this.protocol),
        [data_received, peer_done, write_done, drained, resumed, connection_lost]
    );
}
