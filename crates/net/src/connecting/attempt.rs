//! Connecting: a name, its addresses, and one deadline for all of it.
//!
//! The timer owns the attempt, and everything else refers to it weakly: so it ends with the timer,
//! with its result, or with the reactor. What it holds is taken out of its cells before user code
//! can hear of the result (I5).

use super::race::{Race, Winner};
use super::{ConnectOptions, Target};
use crate::connection::Connection;
use crate::error::{ConnectError, ConnectErrorKind, FailedAttempt, ResolveError};
use crate::events::tell;
use crate::network::{Network, Pending};
use crate::parting::drop_alone;
use crate::resolver::{self, ResolveOptions};
use crate::socket::SocketCarrier;
use crate::{Address, ConnectionLost, Protocol, Transport};
use ropewalk_deferred::{CancelHandle, Cancelled, Deferred, Failure, Promise};
use ropewalk_reactor::{DelayedCall, Reactor, WeakReactor};
use std::cell::{Cell, OnceCell};
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, Location, catch_unwind, resume_unwind};
use std::rc::{Rc, Weak};
use std::time::Duration;

pub(super) struct Attempt {
    target: Target,
    options: ConnectOptions,
    location: &'static Location<'static>,
    /// Both are taken by the end.
    promise: Cell<Option<Promise<Transport>>>,
    protocol: Cell<Option<Box<dyn Protocol>>>,
    /// The lookup that is under way, then the sockets that are.
    lookup: Cell<Option<CancelHandle>>,
    race: Race,
    timer: Cell<Option<DelayedCall>>,
    reactor: WeakReactor,
    network: Weak<Network>,
    key: Cell<Option<usize>>,
}

#[track_caller]
pub(crate) fn connect(
    reactor: &Reactor,
    target: Target,
    options: ConnectOptions,
    protocol: Box<dyn Protocol>,
) -> Deferred<Transport> {
    let network = Network::of(reactor);
    let refused = if network.is_open() { target.fault() } else { Some(ConnectErrorKind::Stopped) };
    if let Some(kind) = refused {
        return Deferred::fail(ConnectError::new(target, kind, Vec::new()));
    }
    let slot = Rc::new(OnceCell::<Weak<Attempt>>::new());
    let cancelled = Rc::clone(&slot);
    let (promise, deferred) = Deferred::with_canceller(move || {
        if let Some(attempt) = cancelled.get().and_then(Weak::upgrade) {
            attempt.end(Err(Cancelled.into()));
        }
    });
    let timeout = options.time_limit();
    let location = options.asked_for_at();
    let attempt = Rc::new(Attempt {
        target,
        options,
        location,
        promise: Cell::new(Some(promise)),
        protocol: Cell::new(Some(protocol)),
        lookup: Cell::new(None),
        race: Race::default(),
        timer: Cell::new(None),
        reactor: reactor.downgrade(),
        network: Rc::downgrade(&network),
        key: Cell::new(None),
    });
    let _ = slot.set(Rc::downgrade(&attempt));
    let weak: Weak<Attempt> = Rc::downgrade(&attempt);
    attempt.key.set(Some(network.add_pending(weak)));
    let owned = Rc::clone(&attempt);
    let timer = reactor.call_later_at(location, timeout, move |_| {
        owned.fail(ConnectErrorKind::TimedOut(owned.options.time_limit()));
    });
    attempt.timer.set(Some(timer));
    attempt.begin(reactor);
    deferred
}

impl Attempt {
    #[track_caller]
    fn begin(self: &Rc<Self>, reactor: &Reactor) {
        match &self.target {
            Target::Host { host, port } => self.look_up(reactor, host, *port),
            #[cfg(unix)]
            Target::Unix(address) => self.set_off(reactor, vec![address.clone().into()]),
        }
    }

    #[track_caller]
    fn look_up(self: &Rc<Self>, reactor: &Reactor, host: &str, port: u16) {
        // The deadline of the attempt is that of the lookup.
        let options =
            ResolveOptions::new().timeout(Duration::MAX).family(self.options.possible_family());
        let lookup = resolver::resolve(reactor, host, port, &options);
        self.lookup.set(Some(lookup.canceller()));
        let weak = Rc::downgrade(self);
        lookup
            .add_both(move |result| {
                if let Some(attempt) = weak.upgrade() {
                    attempt.lookup.take();
                    attempt.resolved(result);
                }
            })
            .detach();
    }

    fn resolved(self: &Rc<Self>, result: Result<Vec<SocketAddr>, Failure>) {
        match result {
            Ok(addresses) => {
                let addresses = addresses.into_iter().map(Address::from).collect();
                self.reactor.with(|reactor| self.set_off(reactor, addresses));
            }
            Err(failure) => match failure.downcast::<ResolveError>() {
                Ok(error) => self.fail(ConnectErrorKind::Resolve(error)),
                Err(other) => self.end(Err(other)),
            },
        }
    }

    fn set_off(self: &Rc<Self>, reactor: &Reactor, addresses: Vec<Address>) {
        self.race.line_up(addresses);
        Race::go_on(self, reactor);
    }

    pub(super) fn race(&self) -> &Race {
        &self.race
    }

    pub(super) fn options(&self) -> &ConnectOptions {
        &self.options
    }

    pub(super) fn location(&self) -> &'static Location<'static> {
        self.location
    }

    /// One of the sockets is connected.
    pub(super) fn succeed(&self, reactor: &Reactor, winner: Winner<'_>) {
        let Some(network) = self.network.upgrade() else { return };
        let (Some(promise), Some(protocol)) = (self.promise.take(), self.protocol.take()) else {
            return;
        };
        self.release();
        let carrier = SocketCarrier::new(reactor, &network);
        let connection = Connection::on_socket(carrier, winner.ends, self.location);
        SocketCarrier::attach(&connection, winner.socket, protocol);
        winner.owner.take_over(&connection);
        // The protocol first: who waits for the transport finds it in use.
        let started = catch_unwind(AssertUnwindSafe(|| connection.start()));
        if let Err(payload) = started {
            promise.settle(Err(match connection.reason() {
                Some(ConnectionLost::Panicked(panicked)) => panicked.into(),
                // It has ended the connection in another way before it panicked.
                other => other.unwrap_or(ConnectionLost::Aborted).into(),
            }));
            resume_unwind(payload);
        }
        let transport = Transport::new(connection);
        if promise.is_cancelled() {
            // By `connection_made`: whoever wanted the transport does not any more.
            transport.lose_connection();
        }
        promise.settle(Ok(transport));
    }

    pub(super) fn fail(&self, kind: ConnectErrorKind) {
        let attempts: Vec<FailedAttempt> = self.race.take_failures();
        let error = ConnectError::new(self.target.clone(), kind, attempts);
        tell(|| tracing::debug!(%error, "no connection"));
        self.end(Err(error.into()));
    }

    fn end(&self, result: Result<Transport, Failure>) {
        let Some(promise) = self.promise.take() else { return };
        self.release();
        // The protocol is a user's value: it goes when everything else is in order, and what its drop
        // says is not for whoever has cancelled this.
        let protocol = self.protocol.take();
        promise.settle(result);
        drop_alone(protocol, self.location);
    }

    /// Lets go of everything that is under way.
    fn release(&self) {
        if let (Some(key), Some(network)) = (self.key.take(), self.network.upgrade()) {
            network.forget_pending(key);
        }
        if let Some(lookup) = self.lookup.take() {
            lookup.cancel();
        }
        self.race.stop();
        if let Some(timer) = self.timer.take() {
            let _ = timer.cancel();
        }
    }
}

impl Pending for Attempt {
    fn stop(&self) {
        self.fail(ConnectErrorKind::Stopped);
    }
}
