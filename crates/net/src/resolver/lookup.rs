//! One lookup: the deadline around whatever resolver is installed, and the end with the reactor.
//!
//! As with a connection attempt, the timer owns the lookup and all else refers to it weakly.

use super::host::{Host, classify};
use crate::error::{ResolveError, ResolveErrorKind};
use crate::network::{Network, Pending};
use ropewalk_deferred::{CancelHandle, Cancelled, Deferred, Failure, Promise};
use ropewalk_reactor::{DelayedCall, Reactor, WeakReactor};
use std::cell::{Cell, OnceCell};
use std::net::SocketAddr;
use std::panic::Location;
use std::rc::{Rc, Weak};
use std::time::Duration;

/// How long a lookup may take if nobody says otherwise.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(60);

struct Lookup {
    host: String,
    timeout: Duration,
    /// Who asked: the callbacks that the answer runs are named by this.
    location: &'static Location<'static>,
    promise: Cell<Option<Promise<Vec<SocketAddr>>>>,
    /// What the resolver is at.
    answer: Cell<Option<CancelHandle>>,
    timer: Cell<Option<DelayedCall>>,
    reactor: WeakReactor,
    network: Weak<Network>,
    key: Cell<Option<usize>>,
}

#[track_caller]
pub(crate) fn resolve(
    reactor: &Reactor,
    host: &str,
    port: u16,
    timeout: Duration,
) -> Deferred<Vec<SocketAddr>> {
    let network = Network::of(reactor);
    let fault = match classify(host, port) {
        Host::Address(address) => return Deferred::succeed(vec![address]),
        Host::Invalid(why) => Some(ResolveErrorKind::InvalidName(why)),
        Host::Name if !network.is_open() => Some(ResolveErrorKind::Stopped),
        Host::Name => None,
    };
    if let Some(kind) = fault {
        return Deferred::fail(ResolveError::new(host, kind));
    }
    let slot = Rc::new(OnceCell::<Weak<Lookup>>::new());
    let cancelled = Rc::clone(&slot);
    let (promise, deferred) = Deferred::with_canceller(move || {
        if let Some(lookup) = cancelled.get().and_then(Weak::upgrade) {
            lookup.end(Err(Cancelled.into()));
        }
    });
    let lookup = Rc::new(Lookup {
        host: host.to_owned(),
        timeout,
        location: Location::caller(),
        promise: Cell::new(Some(promise)),
        answer: Cell::new(None),
        timer: Cell::new(None),
        reactor: reactor.downgrade(),
        network: Rc::downgrade(&network),
        key: Cell::new(None),
    });
    let _ = slot.set(Rc::downgrade(&lookup));
    lookup.begin(reactor, &network, port);
    deferred
}

impl Lookup {
    #[track_caller]
    fn begin(self: &Rc<Self>, reactor: &Reactor, network: &Network, port: u16) {
        let weak: Weak<Self> = Rc::downgrade(self);
        self.key.set(Some(network.add_pending(Weak::<Self>::clone(&weak))));
        let owned = Rc::clone(self);
        let timer = reactor.call_later(self.timeout, move |_| {
            owned.fail(ResolveErrorKind::TimedOut(owned.timeout));
        });
        self.timer.set(Some(timer));

        let answer = network.resolver().resolve(reactor, &self.host, port);
        self.answer.set(Some(answer.canceller()));
        answer
            .add_both(move |result| {
                if let Some(lookup) = weak.upgrade() {
                    lookup.answer.take();
                    lookup.answered(result);
                }
            })
            .detach();
    }

    fn answered(&self, result: Result<Vec<SocketAddr>, Failure>) {
        // A reactor that is gone has ended all lookups.
        self.reactor.with(|reactor| {
            reactor.timed("result", self.location, || match result {
                Ok(addresses) if addresses.is_empty() => self.fail(ResolveErrorKind::NoAddress),
                result => self.end(result),
            });
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
        if let Some(answer) = self.answer.take() {
            answer.cancel();
        }
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
