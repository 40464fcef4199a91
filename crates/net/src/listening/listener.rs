//! A port that accepts connections.
//!
//! The loop owns the listener through its callback; the application's [`ListeningPort`] closes it.
//! The factory is taken out of its cell while it runs (I5).

use super::accepting::accept;
use super::places::{Place, Places};
use super::port::ListeningPort;
use super::rests::Rests;
use super::{Opened, spare};
use crate::address::{Address, AddressKind};
use crate::connection::Connection;
use crate::error::ListenErrorKind;
use crate::events::tell;
use crate::factory::{AnyFactory, OfKind};
use crate::network::Network;
use crate::parting::{drop_alone, part_with};
use crate::socket::{Owner, SocketCarrier};
use crate::{Factory, Protocol};
use ropewalk_deferred::Promise;
use ropewalk_reactor::{Interest, Reactor, Registration, WeakReactor};
use socket2::{SockAddr, Socket};
use std::cell::{Cell, RefCell};
use std::io;
use std::panic::{AssertUnwindSafe, Location, catch_unwind, resume_unwind};
use std::rc::{Rc, Weak};

/// The most connections that are accepted in one turn (I7), if there is time for them.
const ACCEPTS: usize = 64;

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
                let error = refused.io_error();
                let error = io::Error::new(error.kind(), error.to_string());
                return Err((
                    error.into(),
                    Opened { socket: refused.into_inner(), remains },
                    factory,
                ));
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

    fn accept(self: &Rc<Self>, reactor: &Reactor, socket: &Socket) {
        let (mut panic, mut pace) = (None, reactor.pace());
        for served in 0..ACCEPTS {
            if pace.is_over(served) {
                // Those who still wait make the port ready again.
                break;
            }
            let Some(place) = Places::take(self) else {
                // Who has asked for one asks for another most likely, and had to watch again.
                if served == 0 || self.places.are_full() {
                    self.watch();
                }
                break;
            };
            match accept(socket) {
                Ok((stream, peer)) => {
                    self.rests.end(&self.address);
                    self.places.one_has_come();
                    let welcome = || self.welcome(reactor, stream, &peer, place);
                    // The first panic goes to the reactor when the others have been served.
                    panic = panic.or(catch_unwind(AssertUnwindSafe(welcome)).err());
                }
                Err(error) => {
                    self.refused(reactor, socket, &error);
                    break;
                }
            }
            if !self.is_open() {
                break;
            }
        }
        if let Some(payload) = panic {
            resume_unwind(payload);
        }
    }

    fn welcome(self: &Rc<Self>, reactor: &Reactor, stream: Socket, peer: &SockAddr, place: Place) {
        let peer = match Address::from_system(peer) {
            Ok(peer) => peer,
            Err(error) => return dropped("an unknown peer", &error),
        };
        let Some(mut factory) = self.factory.take() else { return };
        let built = catch_unwind(AssertUnwindSafe(|| factory.build(reactor, peer.clone())));
        self.factory.set(Some(factory));
        let protocol = match built {
            Ok(Some(protocol)) => protocol,
            Ok(None) => {
                return tell(|| tracing::debug!(%peer, "the factory declined a connection"));
            }
            Err(payload) => resume_unwind(payload),
        };
        match self.begin(reactor, stream, peer.clone(), protocol) {
            Ok(connection) => {
                if let Some(place) = place.if_counted() {
                    connection.occupy(place);
                }
                connection.start();
            }
            Err(error) => dropped(peer, &error),
        }
    }

    fn begin(
        &self,
        reactor: &Reactor,
        stream: Socket,
        peer: Address,
        protocol: Box<dyn Protocol>,
    ) -> io::Result<Rc<Connection>> {
        let Some(network) = self.network.upgrade() else {
            return Err(io::ErrorKind::NotConnected.into());
        };
        let host = if self.is_wildcard {
            Address::from_system(&stream.local_addr()?)?
        } else {
            // The same, and a system call less.
            self.address.clone()
        };
        let carrier = SocketCarrier::new(reactor, &network);
        let connection = Connection::on_socket(carrier, protocol, (host, peer), self.location);
        let owner = Owner::new(Rc::clone(&connection));
        let registration = reactor
            .register_at(stream, Interest::READABLE, self.location, move |_, _, readiness| {
                owner.ready(readiness);
            })
            .map_err(|refused| io::Error::other(refused.io_error().to_string()))?;
        SocketCarrier::attach(&connection, registration);
        Ok(connection)
    }

    fn refused(self: &Rc<Self>, reactor: &Reactor, socket: &Socket, error: &io::Error) {
        match error.kind() {
            // Nobody waits any more. Where several reactors share a socket each of them is woken,
            // and one is first.
            io::ErrorKind::WouldBlock
            | io::ErrorKind::Interrupted
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset => {}
            _ => {
                // Most likely no descriptors are left. The connection stays in the backlog, so
                // trying again at once would keep the loop busy with nothing.
                let again = self.rests.begin(&self.address, error, reactor.now());
                if let (true, Some(network)) = (again, self.network.upgrade()) {
                    let told = spare::turn_away(&network, socket, error);
                    self.rests.turned_away(told);
                }
                self.resting.set(true);
                self.watch();
                let weak = Rc::downgrade(self);
                reactor.call_later(Rests::LENGTH, move |_| {
                    let Some(listener) = weak.upgrade() else { return };
                    listener.resting.set(false);
                    listener.watch();
                });
            }
        }
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

    /// Closes the socket; `false` if it is closed already.
    pub(crate) fn close(&self) -> bool {
        // Out of the borrow first: the source's callback owns this listener.
        let registration = self.registration.borrow_mut().take();
        if registration.is_none() {
            return false;
        }
        if let Some(remains) = self.remains.take() {
            remains();
        }
        // Closed, before anybody hears of it.
        drop(registration);
        tell(|| tracing::debug!(address = %self.address, "not listening any more"));
        true
    }

    /// Ends the factory and tells those who wait. The factory does not run when this is called.
    pub(crate) fn complete(&self, reactor: &Reactor) {
        if self.complete.replace(true) {
            return;
        }
        if let (Some(key), Some(network)) = (self.key.take(), self.network.upgrade()) {
            network.forget_listener(key);
        }
        let factory = self.factory.take();
        let waiting = self.stopping.take();
        let stopped = factory.map_or(Ok(()), |factory| {
            part_with(factory, self.location, |factory| factory.stopped(reactor))
        });
        for promise in waiting {
            promise.settle(Ok(()));
        }
        if let Err(payload) = stopped {
            resume_unwind(payload);
        }
    }

    pub(super) fn is_open(&self) -> bool {
        self.registration.borrow().is_some()
    }

    pub(super) fn is_complete(&self) -> bool {
        self.complete.get()
    }

    /// Fires `promise` when the end is complete.
    pub(super) fn wait(&self, promise: Promise<()>) {
        let mut waiting = self.stopping.take();
        waiting.push(promise);
        self.stopping.set(waiting);
    }

    pub(super) fn complete_later(self: &Rc<Self>) {
        let ending = Ending(Rc::clone(self));
        self.reactor.with(|reactor| {
            reactor.call_soon_at(self.location, move |reactor| ending.0.complete(reactor));
        });
    }

    /// The end when the reactor is gone: nobody is told, everything is dropped.
    fn abandon(&self) {
        if !self.complete.replace(true) {
            self.close();
            drop_alone((self.factory.take(), self.stopping.take()), self.location);
        }
    }
}

/// What the loop holds of an open port: it goes with the port, or with the whole reactor.
struct Watched(Rc<Listener>);

impl Drop for Watched {
    fn drop(&mut self) {
        if self.0.registration.borrow().is_some() {
            self.0.abandon();
        }
    }
}

/// What the loop holds of a closed port: it is run, or goes with the whole reactor.
struct Ending(Rc<Listener>);

impl Drop for Ending {
    fn drop(&mut self) {
        self.0.abandon();
    }
}

fn dropped(peer: impl std::fmt::Display, error: &io::Error) {
    tell(|| tracing::warn!(%peer, %error, "an accepted connection was dropped"));
}

fn of_another_kind() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, "the socket is of another kind than this port")
}

#[cfg(test)]
mod tests {
    use super::Rests;
    use crate::tcp::listen;
    use crate::{ListenOptions, Protocol, Transport};
    use ropewalk_reactor::{ManualClock, Reactor};
    use socket2::{Domain, Socket, Type};
    use std::io;
    use std::net::TcpStream;
    use std::panic::Location;
    use std::time::Duration;

    struct Quiet;

    impl Protocol for Quiet {
        fn data_received(&mut self, _: &Transport, _: &[u8]) {}
    }

    /// What the system would say is a stand-in here; a process of its own shows the real thing.
    #[test]
    fn a_port_rests_when_the_system_has_no_room_and_then_goes_on() {
        let clock = ManualClock::new();
        let reactor = Reactor::builder().manual_clock(&clock).build().unwrap();
        let port =
            listen(&reactor, "127.0.0.1:0", &ListenOptions::new(), |_| Quiet, Location::caller());
        let port = port.unwrap();
        let no_descriptors = io::Error::other("too many open files");
        let unused = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        port.listener.refused(&reactor, &unused, &no_descriptors);
        let _peer = TcpStream::connect(port.address()).unwrap();
        let turn = || reactor.turn(Some(Duration::ZERO)).unwrap();
        let events = reactor.stats().events;
        (0..5).for_each(|_| turn());
        assert_eq!(reactor.stats().events, events, "the loop is not kept busy");
        assert_eq!(reactor.stats().sources, 1);
        clock.advance(Rests::LENGTH);
        (0..5).for_each(|_| turn());
        assert_eq!(reactor.stats().sources, 2);
    }
}
