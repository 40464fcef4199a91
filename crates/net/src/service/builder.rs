//! The settings of a service.

use super::course::{Course, Prepare};
use super::{Backoff, ClientService};
use crate::factory::AnyFactory;
use crate::network::Network;
use crate::{Address, ClientEndpoint, Transport};
use ropewalk_deferred::Outcome;
use ropewalk_reactor::Reactor;
use std::cell::{Cell, RefCell};
use std::fmt;
use std::panic::Location;
use std::rc::Rc;

/// Makes a [`ClientService`]; begun with [`ClientService::builder`].
#[must_use = "a builder does nothing until it builds"]
pub struct ClientServiceBuilder {
    endpoint: Box<dyn ClientEndpoint>,
    factory: Box<dyn AnyFactory<Address>>,
    prepare: Option<Prepare>,
    backoff: Backoff,
}

impl ClientServiceBuilder {
    pub(super) fn new(
        endpoint: Box<dyn ClientEndpoint>,
        factory: Box<dyn AnyFactory<Address>>,
    ) -> Self {
        Self { endpoint, factory, prepare: None, backoff: Backoff::new() }
    }

    /// How long it waits before it connects again.
    ///
    /// Twisted: `retryPolicy`.
    #[doc(alias = "retryPolicy")]
    pub fn backoff(mut self, backoff: Backoff) -> Self {
        self.backoff = backoff;
        self
    }

    /// What is to be done with each connection before those hear of it who wait for one: to log in,
    /// for example.
    ///
    /// It may take its time, and return a [`Deferred`](ropewalk_deferred::Deferred). If it fails, or
    /// panics, the connection is aborted, and that counts as an attempt that failed. If the connection
    /// is lost first, or the service is stopped, the deferred is cancelled.
    ///
    /// Twisted: `prepareConnection`.
    #[doc(alias = "prepareConnection")]
    pub fn prepare<R>(mut self, prepare: impl Fn(&Transport) -> R + 'static) -> Self
    where
        R: Outcome<Value = ()>,
    {
        self.prepare = Some(Box::new(move |transport| prepare(transport).into_deferred()));
        self
    }

    /// The service, not yet started.
    #[must_use]
    #[track_caller]
    pub fn build(self, reactor: &Reactor) -> ClientService {
        ClientService(Rc::new(Course {
            endpoint: self.endpoint,
            factory: Cell::new(Some(self.factory)),
            in_use: Cell::new(false),
            prepare: self.prepare,
            backoff: RefCell::new(self.backoff),
            state: Cell::default(),
            attempt: Cell::new(0),
            failures: Cell::new(0),
            waits: Cell::new(0),
            waiters: Rc::default(),
            stopping: Cell::default(),
            location: Location::caller(),
            reactor: reactor.downgrade(),
            network: Rc::downgrade(&Network::of(reactor)),
            key: Cell::new(None),
        }))
    }
}

impl fmt::Debug for ClientServiceBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientServiceBuilder")
            .field("backoff", &self.backoff)
            .field("prepares", &self.prepare.is_some())
            .finish_non_exhaustive()
    }
}
