//! The handshake of a connection: how it begins, who waits for it, its time limit, and who counts it.

use super::Connection;
use crate::ConnectionLost;
use crate::carrier::Carrier as _;
use crate::network::Network;
use crate::tls::{Counts, Handshake, TlsError, TlsErrorKind};
use ropewalk_deferred::{Cancelled, Deferred, Promise};
use ropewalk_reactor::{DelayedCall, Reactor};
use std::io;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A handshake that is under way.
pub(super) struct Securing {
    promise: Promise<()>,
    timer: Option<DelayedCall>,
    /// Those of a server, until the outcome is counted.
    counts: Option<Arc<Counts>>,
}

/// How long a handshake may take.
#[derive(Clone, Copy)]
pub(crate) struct Limit {
    /// From now on.
    pub(crate) left: Duration,
    /// In all, as the user has said it.
    pub(crate) whole: Duration,
}

impl Connection {
    /// Encrypts everything that is written from now on; what is unsent goes out before, as it is.
    ///
    /// The deferred fires when the handshake is complete; cancelling it ends the connection, and so does
    /// a handshake that cannot even begin: nothing that was meant to be encrypted goes out in plain.
    #[track_caller]
    pub(crate) fn secure(
        self: &Rc<Self>,
        handshake: Result<Handshake, TlsError>,
        limit: Limit,
        counts: Option<Arc<Counts>>,
    ) -> Deferred<()> {
        let handshake = match self.may_secure(handshake) {
            Ok(handshake) => handshake,
            Err(error) => {
                self.cannot_secure(&error, counts);
                return Deferred::fail(error);
            }
        };
        counts.as_ref().inspect(|counts| counts.begin());
        let before = self.buffered();
        // What is unsent may be values of the application: those are dropped here.
        let mut unsent = self.outgoing.take();
        let session = handshake.into_session(unsent.copy());
        unsent.clear().let_go(self.location);
        self.carrier.install(Box::new(session));
        self.plain.set(self.carrier.is_plain());
        let weak: Weak<Self> = Rc::downgrade(self);
        let cancelled = Weak::clone(&weak);
        let (promise, deferred) = Deferred::with_canceller(move || {
            if let Some(connection) = cancelled.upgrade() {
                connection.give_up_securing();
            }
        });
        let timer = self.carrier.reactor().and_then(|reactor| {
            let late = move || {
                if let Some(connection) = weak.upgrade() {
                    let error = TlsError::new(TlsErrorKind::TimedOut(limit.whole));
                    connection.end_later(ConnectionLost::Lost(Arc::new(error.into())));
                }
            };
            // The closure is no line of the application.
            reactor
                .with(|reactor| reactor.call_later_at(self.location, limit.left, move |_| late()))
        });
        self.extra().securing.set(Some(Securing { promise, timer, counts }));
        // The first words. A protocol may be asking for this: nobody is told anything here.
        let begun = self.carrier.advance();
        self.carrier.backlog(before, self.buffered());
        match begun {
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => {
                self.end_later(ConnectionLost::Lost(Arc::new(error)));
            }
            _ => self.watch(),
        }
        self.read_later();
        deferred
    }

    fn may_secure(&self, handshake: Result<Handshake, TlsError>) -> Result<Handshake, TlsError> {
        if !self.is_open() {
            return Err(TlsError::from_end(&self.why_it_ends()));
        }
        if self.carrier.takes_filters() {
            return handshake;
        }
        let has_one = self.socket().is_some_and(|socket| !socket.is_plain());
        let kind = if has_one { TlsErrorKind::AlreadyTls } else { TlsErrorKind::Unsupported };
        Err(TlsError::new(kind))
    }

    /// What may still be written was meant to be encrypted: so the connection ends, unless it is.
    fn cannot_secure(self: &Rc<Self>, error: &TlsError, counts: Option<Arc<Counts>>) {
        if error.is_already_tls() {
            return;
        }
        if let Some(counts) = counts {
            counts.begin();
            self.count_failure(&counts, error);
        }
        if self.is_open() || self.accepts_writes() {
            self.end_later(ConnectionLost::Lost(Arc::new(error.clone().into())));
        }
    }

    /// The handshake is complete, and nobody knows yet.
    pub(super) fn count_secured(&self) {
        let Some(extra) = self.extra.get() else { return };
        let mut securing = extra.securing.take();
        if let Some(counts) = securing.as_mut().and_then(|securing| securing.counts.take()) {
            counts.complete();
        }
        extra.securing.set(securing);
    }

    /// The protocol knows that the handshake is complete: so may others.
    pub(super) fn secured(&self) {
        if let Some(Securing { promise, .. }) = self.take_securing() {
            promise.settle(Ok(()));
        }
    }

    /// The connection has ended.
    pub(super) fn not_secured(&self, reason: &ConnectionLost) {
        if let Some(securing) = self.take_securing() {
            let error = match reason {
                // The shutdown has closed it, and not the peer.
                ConnectionLost::Done if self.is_stopping() => TlsError::new(TlsErrorKind::Stopped),
                _ => TlsError::from_end(reason),
            };
            securing.counts.inspect(|counts| self.count_failure(counts, &error));
            securing.promise.settle(Err(error.into()));
        }
    }

    fn is_stopping(&self) -> bool {
        let reactor = self.carrier.reactor();
        let is_open = |reactor: &Reactor| Network::of(reactor).is_open();
        reactor.is_some_and(|reactor| reactor.with(is_open) != Some(true))
    }

    fn count_failure(&self, counts: &Counts, error: &TlsError) {
        let now = self.carrier.reactor().and_then(|reactor| reactor.with(Reactor::now));
        counts.fail(&self.peer, error, now.unwrap_or_else(Instant::now));
    }

    fn give_up_securing(self: &Rc<Self>) {
        let securing = self.take_securing();
        self.abort();
        if let Some(securing) = securing {
            let error = TlsError::new(TlsErrorKind::Ended(ConnectionLost::Aborted));
            securing.counts.inspect(|counts| self.count_failure(counts, &error));
            securing.promise.settle(Err(Cancelled.into()));
        }
    }

    fn take_securing(&self) -> Option<Securing> {
        let mut securing = self.extra.get()?.securing.take()?;
        if let Some(timer) = securing.timer.take() {
            let _ = timer.cancel();
        }
        Some(securing)
    }
}
