//! The course of a service: what follows from what.
//!
//! | state | start | stop | the attempt succeeds | … fails | the connection is lost | time is over |
//! |---|---|---|---|---|---|---|
//! | idle, stopped | connecting ¹ | stopped | | | | |
//! | connecting | | stopped ² | preparing | waiting ³ | | |
//! | preparing | | disconnecting | connected | failing | waiting | |
//! | failing | | disconnecting | | | waiting | |
//! | connected | | disconnecting | | | waiting | |
//! | waiting | | stopped | | | | connecting |
//! | disconnecting | disconnecting, and then connecting | disconnecting | | | stopped | |
//!
//! ¹ Starting, until the factory has been told that it is needed: only then is done what was asked for
//! last meanwhile, to start or to stop. ² Disconnecting, if the protocol has been told of a connection.
//! ³ Failing, in that case.
//!
//! The end of the reactor is a stop. What comes of an attempt that was given up is turned away by
//! its number.
//!
//! **Borrow rule:** the state is taken out of its cell, and the next one is in its place before
//! anything of the user's runs or is dropped: so everything may be called from everywhere (I5).

mod attempt;

use super::Backoff;
use super::state::State;
use super::waiters::Waiters;
use crate::events::tell;
use crate::factory::AnyFactory;
use crate::network::{Network, Pending};
use crate::{Address, ClientEndpoint, ConnectionLost, Protocol, Transport};
use ropewalk_deferred::{Deferred, Promise};
use ropewalk_reactor::{Reactor, WeakReactor};
use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, Location, catch_unwind, resume_unwind};
use std::rc::{Rc, Weak};

pub(super) type Prepare = Box<dyn Fn(&Transport) -> Deferred<()>>;

pub(super) struct Course {
    pub(super) endpoint: Box<dyn ClientEndpoint>,
    /// Absent while it runs.
    pub(super) factory: Cell<Option<Box<dyn AnyFactory<Address>>>>,
    /// The factory was told that it is needed.
    pub(super) in_use: Cell<bool>,
    pub(super) prepare: Option<Prepare>,
    pub(super) backoff: RefCell<Backoff>,
    pub(super) state: Cell<State>,
    /// The number of the latest one.
    pub(super) attempt: Cell<u64>,
    /// Attempts that failed since there was a connection.
    pub(super) failures: Cell<u32>,
    /// Waits since there was a connection.
    pub(super) waits: Cell<u32>,
    pub(super) waiters: Rc<Waiters>,
    /// Fired when the service has stopped.
    pub(super) stopping: Cell<Vec<Promise<()>>>,
    /// Where the application made the service.
    pub(super) location: &'static Location<'static>,
    pub(super) reactor: WeakReactor,
    pub(super) network: Weak<Network>,
    pub(super) key: Cell<Option<usize>>,
}

impl Course {
    pub(super) fn look<T>(&self, look: impl FnOnce(&State) -> T) -> T {
        let state = self.state.take();
        let seen = look(&state);
        self.state.set(state);
        seen
    }

    pub(super) fn start(self: &Rc<Self>) {
        match self.state.take() {
            State::Disconnecting { .. } => self.state.set(State::Disconnecting { restart: true }),
            off @ (State::Idle | State::Stopped) => {
                self.state.set(off);
                self.reactor.with(|reactor| self.begin(reactor));
            }
            State::Starting { .. } => self.state.set(State::Starting { stopped: false }),
            on => self.state.set(on),
        }
    }

    fn begin(self: &Rc<Self>, reactor: &Reactor) {
        // Sets the triggers of the next shutdown, too.
        if !Network::of(reactor).is_open() {
            // Nothing would stop it any more.
            return self.stop();
        }
        let off = self.state.replace(State::Starting { stopped: false });
        let told = catch_unwind(AssertUnwindSafe(|| self.use_factory(reactor, |_| ())));
        let is_stopped = matches!(self.state.replace(off), State::Starting { stopped: true });
        if is_stopped || told.is_ok() && !self.may_connect() {
            self.stop();
        } else if told.is_ok() {
            self.enlist();
            self.connect_anew(reactor);
        }
        if let Err(payload) = told {
            resume_unwind(payload);
        }
    }

    /// What has failed before it was stopped does not matter any more.
    fn connect_anew(self: &Rc<Self>, reactor: &Reactor) {
        self.failures.set(0);
        self.waits.set(0);
        let stopping = self.stopping.take();
        self.connect(reactor);
        for promise in stopping {
            promise.settle(Ok(()));
        }
    }

    /// Has the end of the reactor stop this.
    fn enlist(self: &Rc<Self>) {
        if let (None, Some(network)) = (self.key.get(), self.network.upgrade()) {
            let weak: Weak<Self> = Rc::downgrade(self);
            self.key.set(Some(network.add_pending(weak)));
        }
    }

    /// Whether the reactor is there, and not at its end.
    fn may_connect(&self) -> bool {
        self.network.upgrade().is_some_and(|network| network.is_open())
            && self.reactor.upgrade().is_some_and(|reactor| !reactor.is_dropped())
    }

    pub(super) fn stop(&self) {
        let (mut cancel, mut timer, mut connection, mut cause) = (None, None, None, None);
        let next = match self.state.take() {
            State::Idle | State::Stopped => State::Stopped,
            State::Starting { .. } => State::Starting { stopped: true },
            State::Waiting(waiting) => {
                timer = Some(waiting);
                State::Stopped
            }
            State::Connecting(under_way) => {
                connection = under_way.connection().cloned();
                // Whatever the endpoint has still to do to it, it does not outlive the connection; and
                // to cancel that might abort what is to end in good order.
                cancel = under_way.cancel.filter(|_| connection.is_none());
                match connection {
                    Some(_) => State::Disconnecting { restart: false },
                    None => State::Stopped,
                }
            }
            State::Preparing { transport, work } => {
                (connection, cancel) = (Some(transport), work);
                State::Disconnecting { restart: false }
            }
            State::Connected(transport) => {
                connection = Some(transport);
                State::Disconnecting { restart: false }
            }
            State::Failing(failure) => {
                cause = Some(failure);
                State::Disconnecting { restart: false }
            }
            State::Disconnecting { .. } => State::Disconnecting { restart: false },
        };
        let stopping = self.set_off(next);
        drop(cause);
        if let Some(timer) = timer {
            let _ = timer.cancel();
        }
        if let Some(connection) = connection {
            connection.lose_connection();
        }
        if let Some(cancel) = cancel {
            cancel.cancel();
        }
        self.waiters.stop();
        self.finish(stopping);
    }

    /// Sets the state; if that is the end, gives those who wait for it: whoever starts the service
    /// before they are told does not concern them.
    fn set_off(&self, next: State) -> Vec<Promise<()>> {
        let is_over = matches!(next, State::Stopped);
        self.state.set(next);
        if is_over { self.stopping.take() } else { Vec::new() }
    }

    /// Tells the factory and those who wait for the end, if this is it.
    fn finish(&self, stopping: Vec<Promise<()>>) {
        let stopped = catch_unwind(AssertUnwindSafe(|| {
            if self.look(|state| matches!(state, State::Stopped)) {
                if let (Some(key), Some(network)) = (self.key.take(), self.network.upgrade()) {
                    network.forget_pending(key);
                }
                self.reactor.with(|reactor| self.release_factory(reactor));
            }
        }));
        for promise in stopping {
            promise.settle(Ok(()));
        }
        if let Err(payload) = stopped {
            resume_unwind(payload);
        }
    }

    /// The connection of an attempt is gone, and its protocol has been told.
    pub(super) fn lost(self: &Rc<Self>, attempt: u64, reason: &ConnectionLost) {
        if attempt != self.attempt.get() {
            return;
        }
        match self.state.take() {
            State::Connecting(mut under_way) => {
                under_way.lost = Some(reason.clone());
                self.state.set(State::Connecting(under_way));
            }
            State::Preparing { work, .. } => {
                self.failed(reason.clone().into());
                if let Some(work) = work {
                    work.cancel();
                }
            }
            State::Failing(cause) => self.failed(cause),
            State::Connected(_) => {
                self.wait();
                let location = self.location;
                tell(|| tracing::debug!(%location, %reason, "a service lost its connection"));
            }
            State::Disconnecting { restart: true } if self.may_connect() => {
                self.reactor.with(|reactor| self.connect_anew(reactor));
            }
            State::Disconnecting { .. } => {
                let stopping = self.set_off(State::Stopped);
                self.waiters.stop();
                self.finish(stopping);
            }
            other => self.state.set(other),
        }
    }

    /// The protocol for a connection, if the factory makes one.
    pub(super) fn build(&self, transport: &Transport) -> Option<Box<dyn Protocol>> {
        let reactor = self.reactor.upgrade()?;
        self.use_factory(&reactor, |factory| factory.build(&reactor, transport.peer())).flatten()
    }

    /// Lends the factory, which has been told that it is needed; nothing if it is running.
    fn use_factory<T>(
        &self,
        reactor: &Reactor,
        call: impl FnOnce(&mut dyn AnyFactory<Address>) -> T,
    ) -> Option<T> {
        let mut factory = self.factory.take()?;
        let called = catch_unwind(AssertUnwindSafe(|| {
            if !self.in_use.get() {
                factory.started(reactor);
                self.in_use.set(true);
            }
            call(&mut *factory)
        }));
        self.factory.set(Some(factory));
        Some(called.unwrap_or_else(|payload| resume_unwind(payload)))
    }

    /// Tells the factory that it is needed no more.
    fn release_factory(&self, reactor: &Reactor) {
        let Some(mut factory) = self.factory.take() else { return };
        let told = catch_unwind(AssertUnwindSafe(|| {
            if self.in_use.replace(false) {
                factory.stopped(reactor);
            }
        }));
        self.factory.set(Some(factory));
        if let Err(payload) = told {
            resume_unwind(payload);
        }
    }
}

impl Pending for Course {
    fn stop(&self) {
        Self::stop(self);
    }
}
