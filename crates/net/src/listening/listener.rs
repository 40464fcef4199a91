//! A port that accepts connections.
//!
//! The loop owns the listener through its callback; the application's [`ListeningPort`] closes it.
//! The factory is taken out of its cell while it runs (I5).
//!
//! How it begins is here, and when it is watched.

mod ending;
mod refusing;
mod welcoming;

use super::places::Places;
use super::port::ListeningPort;
use super::rests::Rests;
use super::{Opened, spare};
use crate::Factory;
use crate::address::{Address, AddressKind};
use crate::error::ListenErrorKind;
use crate::events::tell;
use crate::factory::{AnyFactory, OfKind};
use crate::network::Network;
use crate::parting::drop_alone;
use ending::Watched;
use ropewalk_deferred::Promise;
use ropewalk_reactor::{Interest, Reactor, Registration, WeakReactor};
use socket2::Socket;
use std::cell::{Cell, RefCell};
use std::io;
use std::panic::{AssertUnwindSafe, Location, catch_unwind, resume_unwind};
use std::rc::{Rc, Weak};

type AnyPortFactory = Box<dyn AnyFactory<Address>>;

pub(crate) struct Listener {
    /// Taken when the port is closed.
    registration: RefCell<Option<Registration<Socket>>>,
    /// What goes with the socket, such as its place in the file system.
    remains: Cell<Option<Box<dyn FnOnce()>>>,
    /// Absent while it runs, and after the end.
    factory: Cell<Option<AnyPortFactory>>,
    /// Fired when the end is complete.
    stopping: Cell<Vec<Promise<()>>>,
    complete: Cell<bool>,
    rests: Rests,
    resting: Cell<bool>,
    places: Places,
    address: Address,
    /// Whether the connections have an address of their own on this side.
    is_wildcard: bool,
    location: &'static Location<'static>,
    reactor: WeakReactor,
    network: Weak<Network>,
    key: Cell<Option<usize>>,
}

/// What refuses a socket, the socket, and the factory that would have served it.
pub(crate) type Unstarted<F> = (ListenErrorKind, Opened, F);

impl Listener {
    pub(crate) fn start<A: AddressKind, F: Factory<A>>(
        reactor: &Reactor,
        opened: Opened,
        max_connections: Option<usize>,
        location: &'static Location<'static>,
        factory: F,
    ) -> Result<ListeningPort<A>, Unstarted<F>> {
        let prepared = opened.prepare().and_then(|address| {
            let own = A::from_address(&address).ok_or_else(of_another_kind)?;
            Ok((address, own))
        });
        let (address, own) = match prepared {
            Ok(addresses) => addresses,
            Err(error) => return Err((error.into(), opened, factory)),
        };
        let network = Network::of(reactor);
        let listener = Rc::new(Self {
            registration: RefCell::new(None),
            remains: Cell::new(None),
            factory: Cell::new(None),
            stopping: Cell::default(),
            complete: Cell::new(false),
            rests: Rests::default(),
            resting: Cell::new(false),
            places: Places::new(max_connections),
            is_wildcard: address.ip().is_some_and(|ip| ip.is_unspecified()),
            address,
            location,
            reactor: reactor.downgrade(),
            network: Rc::downgrade(&network),
            key: Cell::new(None),
        });
        let watched = Watched(Rc::clone(&listener));
        let Opened { socket, remains } = opened;
        let registered =
            reactor.register_at(socket, Interest::READABLE, location, move |reactor, socket, _| {
                watched.0.accept(reactor, socket);
            });
        match registered {
            Ok(registration) => listener.registration.replace(Some(registration)),
            Err(refused) => {
                let (socket, error) = refused.into_parts();
                return Err((error.into(), Opened { socket, remains }, factory));
            }
        };
        listener.remains.set(remains);
        listener.key.set(Some(network.add_listener(Rc::downgrade(&listener))));
        spare::keep(&network);
        tell(|| tracing::debug!(address = %listener.address, "listening"));
        // The port exists before user code runs: a panic there drops it, and so closes the port.
        let port = ListeningPort::new(Rc::clone(&listener), own);
        let mut factory: AnyPortFactory = Box::new(OfKind::new(factory));
        let started = catch_unwind(AssertUnwindSafe(|| factory.started(reactor)));
        if let Err(payload) = started {
            drop_alone(factory, location);
            resume_unwind(payload);
        }
        listener.factory.set(Some(factory));
        Ok(port)
    }

    /// A connection has given its place back.
    pub(super) fn place_is_free(&self) {
        if self.is_open() {
            self.watch();
        }
    }

    pub(super) fn places(&self) -> &Places {
        &self.places
    }

    fn watch(&self) {
        let rests = self.resting.get() || !self.places.has_one();
        let interest = if rests { Interest::NONE } else { Interest::READABLE };
        let watched = self.registration.borrow().as_ref().map(|port| port.set_interest(interest));
        if let Some(Err(error)) = watched {
            tell(|| {
                tracing::error!(address = %self.address, %error, "a port cannot be watched");
            });
        }
    }

    pub(super) fn is_open(&self) -> bool {
        self.registration.borrow().is_some()
    }

    pub(super) fn is_complete(&self) -> bool {
        self.complete.get()
    }
}

fn of_another_kind() -> io::Error {
    io::Error::other("the socket is of another kind than this port")
}
