//! A port that accepts connections.
//!
//! The loop owns the listener through its callback; the application's [`ListeningPort`] closes it.
//! The factory is taken out of its cell while it runs (I5).

use super::connection::{Owner, Tcp};
use super::listen_address::ListenAddress;
use super::listen_options::ListenOptions;
use super::listening_port::ListeningPort;
use super::rests::Rests;
use crate::connection::Connection;
use crate::error::{CannotListen, ListenError, ListenErrorKind};
use crate::factory::AnyFactory;
use crate::network::Network;
use crate::{Address, Factory};
use ropewalk_deferred::Promise;
use ropewalk_reactor::{Interest, Reactor, Registration, WeakReactor};
use std::cell::{Cell, RefCell};
use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::panic::{AssertUnwindSafe, Location, catch_unwind, resume_unwind};
use std::rc::{Rc, Weak};

/// The most connections that are accepted in one turn (I7), if there is time for them.
const ACCEPTS: usize = 64;

type AnyTcpFactory = Box<dyn AnyFactory<SocketAddr>>;

pub(crate) struct Listener {
    /// Taken when the port is closed.
    registration: RefCell<Option<Registration<TcpListener>>>,
    /// Absent while it runs, and after the end.
    factory: Cell<Option<AnyTcpFactory>>,
    /// Fired when the end is complete.
    stopping: Cell<Vec<Promise<()>>>,
    complete: Cell<bool>,
    rests: Rests,
    address: SocketAddr,
    location: &'static Location<'static>,
    reactor: WeakReactor,
    network: Weak<Network>,
    key: Cell<Option<usize>>,
}

pub(crate) fn listen<F: Factory>(
    reactor: &Reactor,
    address: impl ListenAddress,
    options: &ListenOptions,
    factory: F,
    location: &'static Location<'static>,
) -> Result<ListeningPort, CannotListen<F>> {
    let refused = |address, kind, factory| {
        Err(CannotListen { error: ListenError { address, kind }, unused: factory })
    };
    let address = match address.into_socket_addr() {
        Ok(address) => address,
        Err(text) => return refused(text, ListenErrorKind::Address, factory),
    };
    let opened = is_open(reactor).and_then(|()| options.open(address).map_err(Into::into));
    match opened {
        Ok(socket) => Listener::start(reactor, socket, location, factory)
            .or_else(|(kind, _, factory)| refused(address.to_string(), kind, factory)),
        Err(kind) => refused(address.to_string(), kind, factory),
    }
}

/// As [`listen`], on a socket that somebody else has opened, and gets back if it is of no use.
pub(crate) fn adopt<F: Factory>(
    reactor: &Reactor,
    socket: TcpListener,
    factory: F,
    location: &'static Location<'static>,
) -> Result<ListeningPort, CannotListen<(TcpListener, F)>> {
    let started = match is_open(reactor) {
        Ok(()) => Listener::start(reactor, socket, location, factory),
        Err(kind) => Err((kind, socket, factory)),
    };
    started.map_err(|(kind, socket, factory)| {
        let address = socket.local_addr().map_or_else(|error| error.to_string(), |a| a.to_string());
        CannotListen { error: ListenError { address, kind }, unused: (socket, factory) }
    })
}

fn is_open(reactor: &Reactor) -> Result<(), ListenErrorKind> {
    if Network::of(reactor).is_open() { Ok(()) } else { Err(ListenErrorKind::Stopping) }
}

/// What refuses a socket, the socket, and the factory that would have served it.
type Unstarted<F> = (ListenErrorKind, TcpListener, F);

impl Listener {
    fn start<F: Factory>(
        reactor: &Reactor,
        socket: TcpListener,
        location: &'static Location<'static>,
        factory: F,
    ) -> Result<ListeningPort, Unstarted<F>> {
        let prepared = socket.set_nonblocking(true).and_then(|()| socket.local_addr());
        let address = match prepared {
            Ok(address) => address,
            Err(error) => return Err((error.into(), socket, factory)),
        };
        let network = Network::of(reactor);
        let listener = Rc::new(Self {
            registration: RefCell::new(None),
            factory: Cell::new(None),
            stopping: Cell::default(),
            complete: Cell::new(false),
            rests: Rests::default(),
            address,
            location,
            reactor: reactor.downgrade(),
            network: Rc::downgrade(&network),
            key: Cell::new(None),
        });
        let watched = Watched(Rc::clone(&listener));
        let registered =
            reactor.register_at(socket, Interest::READABLE, location, move |reactor, socket, _| {
                watched.0.accept(reactor, socket);
            });
        match registered {
            Ok(registration) => listener.registration.replace(Some(registration)),
            Err(refused) => {
                let error = refused.io_error();
                let error = io::Error::new(error.kind(), error.to_string());
                return Err((error.into(), refused.into_inner(), factory));
            }
        };
        listener.key.set(Some(network.add_listener(Rc::downgrade(&listener))));
        tracing::debug!(%address, "listening");
        // The port exists before user code runs: a panic there drops it, and so closes the port.
        let port = ListeningPort::new(Rc::clone(&listener));
        let mut factory: AnyTcpFactory = Box::new(factory);
        factory.started(reactor);
        listener.factory.set(Some(factory));
        Ok(port)
    }

    fn accept(self: &Rc<Self>, reactor: &Reactor, socket: &TcpListener) {
        let (mut panic, mut pace) = (None, reactor.pace());
        for served in 0..ACCEPTS {
            if pace.is_over(served) {
                // Those who still wait make the port ready again.
                break;
            }
            match socket.accept() {
                Ok((stream, peer)) => {
                    self.rests.end(self.address);
                    let welcome = || self.welcome(reactor, stream, peer);
                    // The first panic goes to the reactor when the others have been served.
                    panic = panic.or(catch_unwind(AssertUnwindSafe(welcome)).err());
                }
                Err(error) => {
                    self.refused(reactor, &error);
                    break;
                }
            }
            if self.registration.borrow().is_none() {
                break;
            }
        }
        if let Some(payload) = panic {
            resume_unwind(payload);
        }
    }

    fn welcome(self: &Rc<Self>, reactor: &Reactor, stream: TcpStream, peer: SocketAddr) {
        let Some(mut factory) = self.factory.take() else { return };
        let built = catch_unwind(AssertUnwindSafe(|| factory.build(reactor, peer)));
        self.factory.set(Some(factory));
        let protocol = match built {
            Ok(Some(protocol)) => protocol,
            Ok(None) => return tracing::debug!(%peer, "the factory declined a connection"),
            Err(payload) => resume_unwind(payload),
        };
        let begun = self.begin(reactor, stream, peer, protocol);
        match begun {
            Ok(connection) => connection.start(),
            Err(error) => tracing::warn!(%peer, %error, "an accepted connection was dropped"),
        }
    }

    fn begin(
        &self,
        reactor: &Reactor,
        stream: TcpStream,
        peer: SocketAddr,
        protocol: Box<dyn crate::Protocol>,
    ) -> io::Result<Rc<Connection>> {
        let Some(network) = self.network.upgrade() else {
            return Err(io::ErrorKind::NotConnected.into());
        };
        stream.set_nonblocking(true)?;
        let host = stream.local_addr()?;
        let ends = (Address::from(host), Address::from(peer));
        let tcp = Tcp::new(reactor, &network);
        let connection = Rc::new(Connection::new(tcp, protocol, ends, self.location));
        let owner = Owner::new(Rc::clone(&connection));
        let registration = reactor
            .register_at(stream, Interest::READABLE, self.location, move |_, _, readiness| {
                owner.ready(readiness);
            })
            .map_err(|refused| io::Error::other(refused.io_error().to_string()))?;
        Tcp::attach(&connection, registration);
        Ok(connection)
    }

    fn refused(self: &Rc<Self>, reactor: &Reactor, error: &io::Error) {
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
                self.rests.begin(self.address, error, reactor.now());
                self.watch(Interest::NONE);
                let weak = Rc::downgrade(self);
                reactor.call_later(Rests::LENGTH, move |_| {
                    weak.upgrade().inspect(|listener| listener.watch(Interest::READABLE));
                });
            }
        }
    }

    fn watch(&self, interest: Interest) {
        if let Some(registration) = &*self.registration.borrow() {
            if let Err(error) = registration.set_interest(interest) {
                tracing::error!(address = %self.address, %error, "a port cannot be watched");
            }
        }
    }

    /// Closes the socket; `false` if it is closed already.
    pub(crate) fn close(&self) -> bool {
        // Out of the borrow first: the source's callback owns this listener.
        let registration = self.registration.borrow_mut().take();
        if registration.is_some() {
            tracing::debug!(address = %self.address, "not listening any more");
        }
        registration.is_some()
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
        let stopped = catch_unwind(AssertUnwindSafe(|| {
            if let Some(mut factory) = factory {
                factory.stopped(reactor);
            }
        }));
        for promise in waiting {
            promise.settle(Ok(()));
        }
        if let Err(payload) = stopped {
            resume_unwind(payload);
        }
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
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
            drop((self.factory.take(), self.stopping.take()));
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

#[cfg(test)]
mod tests {
    use super::{ListenOptions, listen};
    use crate::tcp::rests::Rests;
    use crate::{Protocol, Transport};
    use ropewalk_reactor::{ManualClock, Reactor};
    use std::io;
    use std::net::TcpStream;
    use std::panic::Location;
    use std::time::Duration;

    struct Quiet;

    impl Protocol for Quiet {
        fn data_received(&mut self, _: &Transport, _: &[u8]) {}
    }

    /// A system without descriptors cannot be had in a test without hurting the other tests.
    #[test]
    fn a_port_rests_when_the_system_has_no_room_and_then_goes_on() {
        let clock = ManualClock::new();
        let reactor = Reactor::builder().manual_clock(&clock).build().unwrap();
        let port =
            listen(&reactor, "127.0.0.1:0", &ListenOptions::new(), |_| Quiet, Location::caller());
        let port = port.unwrap();
        let no_descriptors = io::Error::other("too many open files");
        port.listener.refused(&reactor, &no_descriptors);
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
