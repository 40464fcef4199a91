//! What a transport asks of its connection: perhaps from inside of the protocol.
//!
//! So nothing here calls the protocol; what has to is left to [`Connection::settle`].

use super::{Connection, State, Writing};
use crate::ConnectionLost;
use ropewalk_deferred::Promise;
use std::error::Error;
use std::rc::Rc;
use std::sync::Arc;

impl Connection {
    pub(crate) fn lose(self: &Rc<Self>) {
        if !self.is_open() {
            return;
        }
        self.state.set(State::Closing);
        self.await_producer();
        self.watch();
        if self.buffered() == 0 {
            self.schedule();
        }
    }

    /// As `lose`, for this reason.
    pub(crate) fn fail(self: &Rc<Self>, error: Arc<dyn Error + Send + Sync>) {
        if self.is_open() {
            self.extra().failure.set(Some(error));
            self.lose();
        }
    }

    pub(crate) fn lose_writing(self: &Rc<Self>) {
        if self.is_open() && self.writing.get() == Writing::Open {
            self.writing.set(Writing::Ending);
            self.await_producer();
            self.schedule();
        }
    }

    pub(crate) fn abort(self: &Rc<Self>) {
        self.end_later(ConnectionLost::Aborted);
    }

    pub(crate) fn set_paused(self: &Rc<Self>, paused: bool) {
        if self.is_open() && self.paused.replace(paused) != paused {
            self.reading_changes(paused);
        }
    }

    /// One more connection, or one less, has more than it can send of what comes from here.
    pub(crate) fn hold(self: &Rc<Self>, held: bool) {
        let before = self.held.get();
        self.held.set(if held { before + 1 } else { before.saturating_sub(1) });
        if self.is_open() && before.max(self.held.get()) == 1 {
            self.reading_changes(held);
        }
    }

    /// One of the reasons not to read has come, or gone.
    fn reading_changes(self: &Rc<Self>, stops: bool) {
        if stops {
            self.watch();
        } else if !self.is_paused() {
            self.watch();
            self.resumed.set(true);
            self.schedule();
        }
    }

    /// Why it ends, or has ended.
    pub(crate) fn reason(&self) -> Option<ConnectionLost> {
        let reason = self.reason.take();
        self.reason.set(reason.clone());
        reason.map(|reason| *reason)
    }

    /// The same, for those who come too late: while this side ends it, and nothing is wrong, that is
    /// [`ConnectionLost::Done`].
    pub(crate) fn why_it_ends(&self) -> ConnectionLost {
        self.reason().unwrap_or(ConnectionLost::Done)
    }

    /// Fires `promise` when everything is sent; at once if nothing waits and nothing was lost.
    pub(crate) fn when_flushed(&self, promise: Promise<()>) {
        match self.reason() {
            Some(reason) if !reason.is_clean() => promise.settle(Err(reason.into())),
            _ if self.buffered() == 0 => promise.settle(Ok(())),
            _ => {
                let flushed = &self.extra().flushed;
                let mut waiting = flushed.take();
                waiting.push(promise);
                flushed.set(waiting);
            }
        }
    }

    pub(super) fn end_later(self: &Rc<Self>, reason: ConnectionLost) {
        if matches!(self.state.get(), State::Ended | State::Dead) {
            return;
        }
        self.state.set(State::Ended);
        self.reason.set(Some(Box::new(reason)));
        self.clear();
        self.watch();
        self.schedule();
    }

    pub(super) fn schedule(self: &Rc<Self>) {
        if !self.scheduled.replace(true) {
            self.carrier.later(self);
        }
    }

    /// What a protocol was given and is part of the handshake.
    pub(crate) fn unread(self: &Rc<Self>, received: &[u8]) {
        if !received.is_empty() {
            self.carrier.unread(received);
            self.read_later();
        }
    }

    /// Reads in a later turn what no event will tell of.
    pub(super) fn read_later(self: &Rc<Self>) {
        if self.holds_back() && !self.reads_later.replace(true) {
            self.carrier.read_later(self);
        }
    }

    pub(super) fn watch(self: &Rc<Self>) {
        let (readable, writable) = match (self.state.get(), self.pulling()) {
            (State::Open, Some(pulling)) => {
                let (readable, writable) = pulling.wanted();
                let is_reading = readable && !self.peer_is_done.get();
                (is_reading || self.is_opening(), writable || self.unsent() > 0)
            }
            (State::Open, None) => (self.is_reading() || self.is_opening(), self.buffered() > 0),
            (State::Closing, _) => (self.is_opening(), self.buffered() > 0),
            (State::Ended | State::Dead, _) => (false, false),
        };
        if let Err(error) = self.carrier.watch(readable, writable) {
            self.end_later(ConnectionLost::Lost(Arc::new(error)));
        }
    }

    /// Whether everything is sent, down to the last word of the carrier, that it now says.
    pub(super) fn has_said_all(self: &Rc<Self>) -> bool {
        if self.buffered() == 0 && !self.farewell.replace(true) {
            self.carrier.say_goodbye();
            let added = self.buffered();
            if added > 0 {
                self.carrier.backlog(0, added);
                self.watch();
            }
        }
        self.buffered() == 0
    }

    /// Throws away what is buffered; the number of bytes.
    pub(super) fn clear(&self) -> usize {
        let unsent = self.buffered();
        if unsent > 0 {
            let dropped = self.outgoing.borrow_mut().clear();
            self.carrier.forget_unsent();
            self.pulling().inspect(|pulling| pulling.forget_backlog());
            self.carrier.backlog(unsent, 0);
            dropped.let_go(self.location);
        }
        unsent
    }
}
