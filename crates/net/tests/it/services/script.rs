//! An endpoint that does what the test says, and connections in memory.

use ropewalk_deferred::{Deferred, Failure, Promise};
use ropewalk_net::{ClientEndpoint, Protocol, Transport};
use ropewalk_reactor::Reactor;
use ropewalk_testing::MemoryTransport;
use std::cell::{Cell, RefCell};
use std::rc::Rc;

/// Clones are the same.
#[derive(Clone, Default)]
pub(crate) struct Script(Rc<State>);

#[derive(Default)]
struct State {
    /// What is under way: one attempt at most.
    attempt: RefCell<Option<Attempt>>,
    connection: RefCell<Option<Rc<MemoryTransport>>>,
    attempts: Cell<u32>,
    cancelled: Cell<u32>,
}

type Attempt = (Promise<Transport>, Box<dyn Protocol>);

impl ClientEndpoint for Script {
    fn connect(&self, _: &Reactor, protocol: Box<dyn Protocol>) -> Deferred<Transport> {
        self.0.attempts.set(self.0.attempts.get() + 1);
        let weak = Rc::downgrade(&self.0);
        let (promise, deferred) = Deferred::with_canceller(move || {
            if let Some(state) = weak.upgrade() {
                state.cancelled.set(state.cancelled.get() + 1);
                drop(state.attempt.take());
            }
        });
        let before = self.0.attempt.replace(Some((promise, protocol)));
        assert!(before.is_none(), "one attempt at a time");
        deferred
    }
}

impl Script {
    pub(crate) fn attempts(&self) -> u32 {
        self.0.attempts.get()
    }

    pub(crate) fn cancelled(&self) -> u32 {
        self.0.cancelled.get()
    }

    pub(crate) fn is_connecting(&self) -> bool {
        self.0.attempt.borrow().is_some()
    }

    /// The attempt succeeds; gives the other end.
    pub(crate) fn succeed(&self) -> Rc<MemoryTransport> {
        let (promise, protocol) = self.0.attempt.take().expect("an attempt is under way");
        let memory = Rc::new(MemoryTransport::connect(protocol));
        self.0.connection.replace(Some(Rc::clone(&memory)));
        promise.callback(memory.transport());
        memory
    }

    /// The attempt fails.
    pub(crate) fn fail(&self, why: &'static str) {
        self.fail_with(Failure::msg(why));
    }

    pub(crate) fn fail_with(&self, failure: Failure) {
        let (promise, protocol) = self.0.attempt.take().expect("an attempt is under way");
        drop(protocol);
        promise.errback(failure);
    }

    /// The other end of the latest connection.
    pub(crate) fn connection(&self) -> Rc<MemoryTransport> {
        Rc::clone(self.0.connection.borrow().as_ref().expect("a connection was made"))
    }

    /// Lets the latest connection do what it has left for later.
    pub(crate) fn turn(&self) {
        let connection = self.0.connection.borrow().clone();
        if let Some(connection) = connection {
            connection.turn();
        }
    }
}
