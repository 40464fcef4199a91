//! One open UDP port: how it begins and ends.
//!
//! The loop owns the socket through its callback; the application's [`DatagramPort`] closes it. The
//! protocol is taken out of its cell while it runs (I5), and told of the end exactly once: in a later
//! turn if this side closed the port, since that may be from inside of the protocol.

use super::options::DatagramOptions;
use super::{DatagramPort, DatagramProtocol, DatagramTransport};
use crate::error::{CannotListen, ListenError, ListenErrorKind, StopReason};
use crate::events;
use crate::network::{Network, Pending};
use crate::parting::part_with;
use crate::tcp::ListenAddress;
use ropewalk_deferred::{Panicked, Promise};
use ropewalk_reactor::{Interest, Reactor, Registration, WeakReactor};
use std::cell::{Cell, RefCell};
use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::panic::{AssertUnwindSafe, Location, catch_unwind, resume_unwind};
use std::rc::{Rc, Weak};

pub(super) struct Socket {
    /// Taken when the port is closed.
    pub(super) registration: RefCell<Option<Registration<UdpSocket>>>,
    /// Absent while it runs, and after the end.
    protocol: Cell<Option<Box<dyn DatagramProtocol>>>,
    running: Cell<bool>,
    /// The end came while the protocol ran: it is to be told when it has returned.
    owed: Cell<bool>,
    host: Cell<SocketAddr>,
    /// What it is connected to.
    pub(super) peer: Cell<Option<SocketAddr>>,
    pub(super) paused: Cell<bool>,
    /// The protocol will be told, in a later turn, that nobody listens at the other end.
    pub(super) refusal: Cell<bool>,
    /// Errors since anything else was read.
    pub(super) faults: Cell<u32>,
    /// Those who wait for room in the buffer of the system.
    pub(super) writable: Cell<Vec<Promise<()>>>,
    /// Fired when the end is complete.
    stopping: Cell<Vec<Promise<()>>>,
    /// Set when the port is closed.
    reason: RefCell<Option<StopReason>>,
    complete: Cell<bool>,
    pub(super) location: &'static Location<'static>,
    pub(super) reactor: WeakReactor,
    pub(super) network: Weak<Network>,
    key: Cell<Option<usize>>,
    this: Weak<Self>,
}

pub(super) fn listen<P: DatagramProtocol>(
    reactor: &Reactor,
    address: impl ListenAddress,
    options: &DatagramOptions,
    protocol: P,
    location: &'static Location<'static>,
) -> Result<DatagramPort, CannotListen<P>> {
    let refused = |address, kind, protocol| {
        Err(CannotListen { error: ListenError::new(address, kind), unused: protocol })
    };
    let address = match address.into_socket_addr() {
        Ok(address) => address,
        Err(text) => return refused(text, ListenErrorKind::Address, protocol),
    };
    let opened = is_open(reactor).and_then(|()| options.open(address).map_err(Into::into));
    match opened {
        Ok(socket) => Socket::start(reactor, socket, location, protocol)
            .or_else(|(kind, _, protocol)| refused(address.to_string(), kind, protocol)),
        Err(kind) => refused(address.to_string(), kind, protocol),
    }
}

/// As [`listen`], on a socket that somebody else has opened, and gets back if it is of no use.
pub(super) fn adopt<P: DatagramProtocol>(
    reactor: &Reactor,
    socket: UdpSocket,
    protocol: P,
    location: &'static Location<'static>,
) -> Result<DatagramPort, CannotListen<(UdpSocket, P)>> {
    let started = match is_open(reactor) {
        Ok(()) => Socket::start(reactor, socket, location, protocol),
        Err(kind) => Err((kind, socket, protocol)),
    };
    started.map_err(|(kind, socket, protocol)| {
        let address = socket.local_addr().map_or_else(|error| error.to_string(), |a| a.to_string());
        CannotListen { error: ListenError::new(address, kind), unused: (socket, protocol) }
    })
}

fn is_open(reactor: &Reactor) -> Result<(), ListenErrorKind> {
    if Network::of(reactor).is_open() { Ok(()) } else { Err(ListenErrorKind::Stopping) }
}

/// What refuses a socket, the socket, and the protocol that would have served it.
type Unstarted<P> = (ListenErrorKind, UdpSocket, P);

impl Socket {
    fn start<P: DatagramProtocol>(
        reactor: &Reactor,
        socket: UdpSocket,
        location: &'static Location<'static>,
        protocol: P,
    ) -> Result<DatagramPort, Unstarted<P>> {
        let prepared = socket.set_nonblocking(true).and_then(|()| socket.local_addr());
        let host = match prepared {
            Ok(host) => host,
            Err(error) => return Err((error.into(), socket, protocol)),
        };
        let network = Network::of(reactor);
        let port = Rc::new_cyclic(|this| Self {
            registration: RefCell::new(None),
            protocol: Cell::new(None),
            running: Cell::new(false),
            owed: Cell::new(false),
            host: Cell::new(host),
            peer: Cell::new(socket.peer_addr().ok()),
            paused: Cell::new(false),
            refusal: Cell::new(false),
            faults: Cell::new(0),
            writable: Cell::default(),
            stopping: Cell::default(),
            reason: RefCell::default(),
            complete: Cell::new(false),
            location,
            reactor: reactor.downgrade(),
            network: Rc::downgrade(&network),
            key: Cell::new(None),
            this: Weak::clone(this),
        });
        let watched = Watched(Rc::clone(&port));
        let registered = reactor.register_at(
            socket,
            Interest::READABLE,
            location,
            move |reactor, socket, readiness| watched.0.ready(reactor, socket, readiness),
        );
        match registered {
            Ok(registration) => port.registration.replace(Some(registration)),
            Err(refused) => {
                let error = refused.io_error();
                let error = io::Error::new(error.kind(), error.to_string());
                return Err((error.into(), refused.into_inner(), protocol));
            }
        };
        let weak: Weak<Self> = Rc::downgrade(&port);
        port.key.set(Some(network.add_pending(weak)));
        port.protocol.set(Some(Box::new(protocol)));
        events::tell(|| tracing::debug!(%host, "listening for datagrams"));
        // The port exists before user code runs: a panic there closes it.
        let handle = DatagramPort::new(Rc::clone(&port));
        port.tell(|protocol, transport| protocol.start_protocol(transport));
        Ok(handle)
    }

    pub(super) fn is_open(&self) -> bool {
        self.registration.borrow().is_some()
    }

    pub(super) fn is_complete(&self) -> bool {
        self.complete.get()
    }

    /// Why it is closed; nothing while it is open.
    pub(super) fn reason(&self) -> Option<StopReason> {
        self.reason.borrow().clone()
    }

    pub(super) fn host(&self) -> SocketAddr {
        self.host.get()
    }

    /// Connects the socket, which may give this end another address.
    pub(super) fn connect(&self, peer: SocketAddr) -> io::Result<()> {
        let ends = self.with(|socket| {
            socket.connect(peer)?;
            Ok((socket.local_addr()?, socket.peer_addr()?))
        })?;
        self.host.set(ends.0);
        self.peer.set(Some(ends.1));
        Ok(())
    }

    /// Does something with the socket that runs no user code.
    pub(super) fn with<R>(&self, f: impl FnOnce(&UdpSocket) -> io::Result<R>) -> io::Result<R> {
        match &*self.registration.borrow() {
            Some(registration) => f(registration.source()),
            None => Err(io::Error::new(io::ErrorKind::NotConnected, "the port is closed")),
        }
    }

    /// Runs one method of the protocol; a panic closes the port, and then goes on to the reactor,
    /// which reports it and follows its policy.
    pub(super) fn tell(
        self: &Rc<Self>,
        call: impl FnOnce(&mut dyn DatagramProtocol, &DatagramTransport),
    ) {
        let Some(mut protocol) = self.protocol.take() else { return };
        let transport = DatagramTransport::new(Rc::clone(self));
        self.running.set(true);
        let called = catch_unwind(AssertUnwindSafe(|| call(&mut *protocol, &transport)));
        self.running.set(false);
        self.protocol.set(Some(protocol));
        if self.owed.take() {
            self.contain("a protocol panicked in stop_protocol");
        }
        if let Err(payload) = called {
            let panicked = Panicked::from_payload(payload, self.location);
            let text = self.describe(&panicked);
            self.close(StopReason::Panicked(panicked));
            self.contain("a protocol panicked again in stop_protocol");
            resume_unwind(Box::new(text));
        }
    }

    /// Closes the socket; `false` if it is closed already. The protocol is still to be told.
    pub(super) fn close(&self, reason: StopReason) -> bool {
        // Out of the borrow first: the source's callback owns this port.
        let registration = self.registration.borrow_mut().take();
        let closed_now = registration.is_some();
        if closed_now {
            self.reason.replace(Some(reason.clone()));
            let host = self.host();
            events::tell(
                || tracing::debug!(%host, %reason, "not listening for datagrams any more"),
            );
        }
        drop(registration);
        closed_now
    }

    /// Tells the protocol, and those who wait.
    fn complete(self: &Rc<Self>) -> Result<(), Panicked> {
        if self.running.get() {
            // Only a protocol that drops the reactor comes here: nobody else is left to tell it later.
            self.owed.set(true);
            return Ok(());
        }
        if self.complete.replace(true) {
            return Ok(());
        }
        if let (Some(key), Some(network)) = (self.key.take(), self.network.upgrade()) {
            network.forget_pending(key);
        }
        let reason = self.reason().unwrap_or(StopReason::Closed);
        let (protocol, transport) = (self.protocol.take(), DatagramTransport::new(Rc::clone(self)));
        let (stopping, writable) = (self.stopping.take(), self.writable.take());
        let told = protocol.map_or(Ok(()), |protocol| {
            part_with(protocol, self.location, |protocol| {
                protocol.stop_protocol(&transport, &reason);
            })
        });
        for promise in stopping {
            promise.settle(Ok(()));
        }
        for promise in writable {
            promise.settle(Err(reason.clone().into()));
        }
        told.map_err(|payload| Panicked::from_payload(payload, self.location))
    }

    /// Closes the port and tells of it at once; never called from inside of the protocol.
    pub(super) fn finish(self: &Rc<Self>, reason: StopReason) {
        self.close(reason);
        self.complete_now();
    }

    fn complete_now(self: &Rc<Self>) {
        if let Err(panicked) = self.complete() {
            resume_unwind(Box::new(self.describe(&panicked)));
        }
    }

    pub(super) fn complete_later(self: &Rc<Self>) {
        let ending = Ending(Rc::clone(self));
        self.reactor.with(|reactor| {
            reactor.call_soon_at(self.location, move |_| ending.0.complete_now());
        });
    }

    /// As [`complete_now`](Self::complete_now), where there is nobody to unwind to.
    fn contain(self: &Rc<Self>, what: &'static str) {
        if let Err(panicked) = self.complete() {
            let (location, panic) = (self.location, panicked.message());
            events::tell(|| tracing::error!(%location, panic, "{what}"));
        }
    }

    /// Fires `promise` when the end is complete.
    pub(super) fn wait(&self, promise: Promise<()>) {
        let mut waiting = self.stopping.take();
        waiting.push(promise);
        self.stopping.set(waiting);
    }

    fn describe(&self, panicked: &Panicked) -> String {
        let (host, message) = (self.host(), panicked.message());
        format!("the protocol of the UDP port {host}, opened at {}: {message}", self.location)
    }
}

/// In the middle of a shutdown, when everything that is left ends.
impl Pending for Socket {
    fn stop(&self) {
        if let Some(this) = self.this.upgrade() {
            this.finish(StopReason::ReactorStopped);
        }
    }
}

/// What the loop holds of an open port: it goes with the port, or with the whole reactor.
struct Watched(Rc<Socket>);

impl Drop for Watched {
    fn drop(&mut self) {
        if self.0.close(StopReason::ReactorStopped) {
            self.0.contain("a protocol panicked in stop_protocol");
        }
    }
}

/// What the loop holds of a closed port: it is run, or goes with the whole reactor.
struct Ending(Rc<Socket>);

impl Drop for Ending {
    fn drop(&mut self) {
        self.0.contain("a protocol panicked in stop_protocol");
    }
}
