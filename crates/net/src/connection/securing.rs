//! The handshake of a connection: how it begins, who waits for it, and its time limit.

use super::Connection;
use crate::ConnectionLost;
use crate::tls::{Handshake, TlsError, TlsErrorKind};
use ropewalk_deferred::{Cancelled, Deferred, Promise};
use ropewalk_reactor::DelayedCall;
use std::io;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::time::Duration;

/// A handshake that is under way.
pub(super) struct Securing {
    promise: Promise<()>,
    timer: Option<DelayedCall>,
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
    /// The deferred fires when the handshake is complete; cancelling it ends the connection.
    #[track_caller]
    pub(crate) fn secure(self: &Rc<Self>, handshake: Handshake, limit: Limit) -> Deferred<()> {
        if !self.is_open() {
            let reason = self.reason().unwrap_or(ConnectionLost::Done);
            return Deferred::fail(TlsError::from_end(&reason));
        }
        if !self.carrier.takes_filters() {
            let mut kind = TlsErrorKind::Unsupported;
            self.carrier.look_at_filter(&mut |_| kind = TlsErrorKind::AlreadyTls);
            return Deferred::fail(TlsError::new(kind));
        }
        let before = self.buffered();
        // What is unsent may be values of the application: those are dropped here.
        let unsent = self.outgoing.take();
        let session = handshake.into_session(unsent.copy());
        drop(unsent);
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
            reactor.with(|reactor| reactor.call_later(limit.left, move |_| late()))
        });
        self.extra().securing.set(Some(Securing { promise, timer }));
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

    /// The protocol knows that the handshake is complete: so may others.
    pub(super) fn secured(&self) {
        if let Some(promise) = self.take_securing() {
            promise.settle(Ok(()));
        }
    }

    /// The connection has ended.
    pub(super) fn not_secured(&self, reason: &ConnectionLost) {
        if let Some(promise) = self.take_securing() {
            promise.settle(Err(TlsError::from_end(reason).into()));
        }
    }

    fn give_up_securing(self: &Rc<Self>) {
        let promise = self.take_securing();
        self.abort();
        if let Some(promise) = promise {
            promise.settle(Err(Cancelled.into()));
        }
    }

    fn take_securing(&self) -> Option<Promise<()>> {
        let Securing { promise, timer } = self.extra.get()?.securing.take()?;
        if let Some(timer) = timer {
            let _ = timer.cancel();
        }
        Some(promise)
    }
}
