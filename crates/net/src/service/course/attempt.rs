//! One attempt: from the endpoint to a connection that is prepared, or to the wait for the next one.

use super::Course;
use crate::events::tell;
use crate::service::link::Link;
use crate::service::state::{State, UnderWay};
use crate::service::{NoProtocol, NotConnected};
use crate::{ClientEndpoint as _, Transport};
use ropewalk_deferred::{Failure, maybe_deferred};
use ropewalk_reactor::Reactor;
use std::rc::Rc;
use std::sync::Arc;

impl Course {
    pub(super) fn connect(self: &Rc<Self>, reactor: &Reactor) {
        let attempt = self.attempt.get() + 1;
        self.attempt.set(attempt);
        self.state.set(State::Connecting(UnderWay::default()));
        let link = Box::new(Link::new(Rc::clone(self), attempt));
        let connecting = maybe_deferred(|| self.endpoint.connect_at(reactor, link, self.location));
        let canceller = connecting.canceller();
        let course = Rc::clone(self);
        connecting.add_both(move |result| course.attempted(attempt, result)).detach();
        let late = canceller.clone();
        let is_known = self.under_way(attempt, |under_way| under_way.cancel = Some(canceller));
        if is_known.is_none() && !self.is_disconnecting(attempt) {
            // It has its end already, or whoever stopped the service could not cancel it.
            late.cancel();
        }
    }

    /// The protocol has its connection; false if nobody waits for it any more.
    pub(in crate::service) fn made(&self, attempt: u64, transport: &Transport) -> bool {
        self.under_way(attempt, |under_way| under_way.made = Some(transport.clone())).is_some()
    }

    /// The factory has made no protocol.
    pub(in crate::service) fn declined(&self, attempt: u64) {
        self.under_way(attempt, |under_way| under_way.declined = true);
    }

    fn under_way<T>(&self, attempt: u64, note: impl FnOnce(&mut UnderWay) -> T) -> Option<T> {
        let mut state = self.state.take();
        let noted = match &mut state {
            State::Connecting(under_way) if attempt == self.attempt.get() => Some(note(under_way)),
            _ => None,
        };
        self.state.set(state);
        noted
    }

    /// Whether the connection of this attempt is being ended in good order.
    fn is_disconnecting(&self, attempt: u64) -> bool {
        attempt == self.attempt.get()
            && self.look(|state| matches!(state, State::Disconnecting { .. }))
    }

    /// The endpoint has ended an attempt.
    fn attempted(self: &Rc<Self>, attempt: u64, result: Result<Transport, Failure>) {
        let under_way = match self.state.take() {
            State::Connecting(under_way) if attempt == self.attempt.get() => under_way,
            other => {
                self.state.set(other);
                if let Ok(transport) = result {
                    transport.lose_connection();
                }
                return;
            }
        };
        let connection = under_way.connection().cloned();
        let (fault, unused) = match (under_way.declined, under_way.lost, result) {
            (false, None, Ok(transport)) => return self.prepare(attempt, transport),
            (false, None, Err(failure)) => (failure, None),
            (true, _, result) => (NoProtocol.into(), Some(result)),
            (false, Some(reason), result) => (reason.into(), Some(result)),
        };
        match connection {
            Some(connection) => {
                self.state.set(State::Failing(fault));
                connection.abort_connection();
            }
            None => self.failed(fault),
        }
        // A failure is a user's value: it goes when the state is in order.
        drop(unused);
    }

    fn prepare(self: &Rc<Self>, attempt: u64, transport: Transport) {
        let Some(prepare) = &self.prepare else { return self.connected(transport) };
        self.state.set(State::Preparing { transport: transport.clone(), work: None });
        let preparing = maybe_deferred(|| prepare(&transport));
        let canceller = preparing.canceller();
        let course = Rc::clone(self);
        preparing.add_both(move |result| course.prepared(attempt, result)).detach();
        let mut state = self.state.take();
        let late = match &mut state {
            State::Preparing { work, .. } if attempt == self.attempt.get() => {
                *work = Some(canceller);
                None
            }
            _ => Some(canceller),
        };
        self.state.set(state);
        if let Some(late) = late {
            late.cancel();
        }
    }

    fn prepared(self: &Rc<Self>, attempt: u64, result: Result<(), Failure>) {
        match (self.state.take(), result) {
            (State::Preparing { transport, .. }, Ok(())) if attempt == self.attempt.get() => {
                self.connected(transport);
            }
            (State::Preparing { transport, .. }, Err(failure)) if attempt == self.attempt.get() => {
                self.state.set(State::Failing(failure));
                // A peer that does not read must not keep the service from its next attempt.
                transport.abort_connection();
            }
            (other, _) => self.state.set(other),
        }
    }

    fn connected(&self, transport: Transport) {
        self.state.set(State::Connected(transport.clone()));
        self.waits.set(0);
        let failures = self.failures.take();
        let (location, peer) = (self.location, transport.peer());
        tell(|| tracing::debug!(%location, %peer, failures, "a service is connected"));
        self.waiters.succeed(&transport);
    }

    /// An attempt has failed; the state is nothing but the next one.
    pub(super) fn failed(self: &Rc<Self>, cause: Failure) {
        let attempts = self.failures.get().saturating_add(1);
        self.failures.set(attempts);
        if !self.wait() {
            return;
        }
        if attempts == 1 {
            let (location, error) = (self.location, &cause);
            tell(|| {
                tracing::warn!(
                    %location, error = format_args!("{error:#}"),
                    "a service has no connection; it tries again"
                );
            });
        }
        self.waiters.fail(&NotConnected::Failed { attempts, last: Arc::new(cause) });
    }

    /// Sets the time of the next attempt. The end of the reactor is the end of the service: then it
    /// is false.
    pub(super) fn wait(self: &Rc<Self>) -> bool {
        let Some(reactor) = self.reactor.upgrade().filter(|_| self.may_connect()) else {
            self.stop();
            return false;
        };
        let waits = self.waits.get();
        self.waits.set(waits.saturating_add(1));
        let delay = self.backoff.borrow_mut().delay(waits);
        let due = Due { course: Rc::clone(self), attempt: self.attempt.get() };
        let timer = reactor.call_later_at(self.location, delay, move |reactor| due.begin(reactor));
        self.state.set(State::Waiting(timer));
        true
    }
}

/// What the loop holds of a service that waits: it is run, or goes with the whole reactor.
struct Due {
    course: Rc<Course>,
    attempt: u64,
}

impl Due {
    fn is_awaited(&self) -> bool {
        let waits = self.course.look(|state| matches!(state, State::Waiting(_)));
        waits && self.attempt == self.course.attempt.get()
    }

    fn begin(&self, reactor: &Reactor) {
        if self.is_awaited() {
            self.course.connect(reactor);
        }
    }
}

impl Drop for Due {
    fn drop(&mut self) {
        if self.is_awaited() {
            self.course.stop();
        }
    }
}
