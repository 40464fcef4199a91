//! One lookup: a deadline, a way to cancel, and the end with the reactor, for one who asks.
//!
//! As with a connection attempt, the timer owns the lookup and all else refers to it weakly.

use super::ResolveOptions;
use super::flight::{self, Answer, Seat};
use super::host::{Host, classify};
use crate::error::{ResolveError, ResolveErrorKind};
use crate::network::{Network, Pending};
use ropewalk_deferred::{Cancelled, Deferred, Failure, Promise};
use ropewalk_reactor::{DelayedCall, Reactor};
use std::cell::{Cell, OnceCell};
use std::net::SocketAddr;
use std::panic::Location;
use std::rc::{Rc, Weak};
use std::time::Duration;

pub(super) struct Lookup {
    /// As it was asked for.
    host: String,
    port: u16,
    timeout: Duration,
    /// Who asked: the callbacks that the answer runs are named by this.
    location: &'static Location<'static>,
    promise: Cell<Option<Promise<Vec<SocketAddr>>>>,
    seat: Cell<Option<Seat>>,
    timer: Cell<Option<DelayedCall>>,
    network: Weak<Network>,
    key: Cell<Option<usize>>,
}

#[track_caller]
pub(crate) fn resolve(
    reactor: &Reactor,
    host: &str,
    port: u16,
    options: &ResolveOptions,
) -> Deferred<Vec<SocketAddr>> {
    let network = Network::of(reactor);
    let name = match classify(host, port) {
        Host::Address(address) if options.family.admits(&address) => {
            return Deferred::succeed(vec![address]);
        }
        Host::Address(_) => Err(ResolveErrorKind::NoAddress),
        Host::Invalid(why) => Err(ResolveErrorKind::InvalidName(why)),
        Host::Name(_) if !network.is_open() => Err(ResolveErrorKind::Stopped),
        Host::Name(name) => Ok(name),
    };
    let name = match name {
        Ok(name) => name,
        Err(kind) => return Deferred::fail(ResolveError::new(host, kind)),
    };
    let slot = Rc::new(OnceCell::<Weak<Lookup>>::new());
    let cancelled = Rc::clone(&slot);
    let (promise, deferred) = Deferred::with_canceller(move || {
        if let Some(lookup) = cancelled.get().and_then(Weak::upgrade) {
            lookup.end(Err(Cancelled.into()));
        }
    });
    let lookup = Rc::new(Lookup {
        host: host.to_owned(),
        port,
        timeout: options.timeout,
        location: Location::caller(),
        promise: Cell::new(Some(promise)),
        seat: Cell::new(None),
        timer: Cell::new(None),
        network: Rc::downgrade(&network),
        key: Cell::new(None),
    });
    let _ = slot.set(Rc::downgrade(&lookup));
    lookup.prepare(reactor, &network);
    flight::ask(reactor, network.resolver(), (&name, options.family), &lookup);
    deferred
}

impl Lookup {
    #[track_caller]
    fn prepare(self: &Rc<Self>, reactor: &Reactor, network: &Network) {
        let weak = Rc::downgrade(self);
        self.key.set(Some(network.add_pending(weak)));
        let owned = Rc::clone(self);
        let timer = reactor.call_later(self.timeout, move |_| {
            owned.fail(ResolveErrorKind::TimedOut(owned.timeout));
        });
        self.timer.set(Some(timer));
    }

    pub(super) fn location(&self) -> &'static Location<'static> {
        self.location
    }

    pub(super) fn take_seat(&self, seat: Seat) {
        self.seat.set(Some(seat));
    }

    /// `reactor` is this lookup's own.
    pub(super) fn answered(&self, reactor: &Reactor, answer: Answer) {
        reactor.timed("result", self.location, || match answer {
            Ok(mut addresses) => {
                for address in &mut addresses {
                    if address.port() == 0 {
                        address.set_port(self.port);
                    }
                }
                self.end(Ok(addresses));
            }
            Err(kind) => self.fail(kind),
        });
    }

    fn fail(&self, kind: ResolveErrorKind) {
        self.end(Err(ResolveError::new(self.host.as_str(), kind).into()));
    }

    fn end(&self, result: Result<Vec<SocketAddr>, Failure>) {
        let Some(promise) = self.promise.take() else { return };
        if let (Some(key), Some(network)) = (self.key.take(), self.network.upgrade()) {
            network.forget_pending(key);
        }
        drop(self.seat.take());
        if let Some(timer) = self.timer.take() {
            let _ = timer.cancel();
        }
        promise.settle(result);
    }
}

impl Pending for Lookup {
    fn stop(&self) {
        self.fail(ResolveErrorKind::Stopped);
    }
}
