//! Connecting: a name, its addresses one after the other, and one deadline for all of it.
//!
//! The timer owns the attempt, and everything else refers to it weakly: so it ends with the timer,
//! with its result, or with the reactor. What it holds is taken out of its cells before user code
//! can hear of the result (I5).

use super::connection::{Owner, Tcp};
use crate::connection::Connection;
use crate::error::{ConnectError, ConnectErrorKind, FailedAttempt, ResolveError};
use crate::network::{Network, Pending};
use crate::resolver::{self, ResolveOptions};
use crate::{Address, Protocol, Transport};
use ropewalk_deferred::{CancelHandle, Cancelled, Deferred, Failure, Promise};
use ropewalk_reactor::{DelayedCall, Interest, Reactor, Registration, WeakReactor};
use socket2::{Domain, Socket, Type};
use std::cell::{Cell, OnceCell, RefCell};
use std::collections::VecDeque;
use std::io;
use std::net::{SocketAddr, TcpStream};
use std::panic::{AssertUnwindSafe, Location, catch_unwind, resume_unwind};
use std::rc::{Rc, Weak};
use std::time::Duration;

/// How [`connect_tcp_with`](crate::ReactorNet::connect_tcp_with) goes about it.
///
/// # Examples
///
/// ```
/// use ropewalk_net::ConnectOptions;
/// use std::time::Duration;
///
/// let options = ConnectOptions::new().timeout(Duration::from_secs(3));
/// ```
#[derive(Clone, Debug)]
#[must_use = "options do nothing until they are given to connect_tcp_with"]
pub struct ConnectOptions {
    timeout: Duration,
    local_address: Option<SocketAddr>,
}

impl ConnectOptions {
    /// The defaults.
    pub fn new() -> Self {
        Self { timeout: Duration::from_secs(30), local_address: None }
    }

    /// How long the name and the connection may take together. Default: 30 seconds. No limit:
    /// [`Duration::MAX`].
    ///
    /// Twisted: `timeout`.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// What [`timeout`](Self::timeout) was set to.
    #[cfg(feature = "tls")]
    pub(crate) fn time_limit(&self) -> Duration {
        self.timeout
    }

    /// The address of this end; port 0 takes any free one. Default: the system chooses.
    ///
    /// Twisted: `bindAddress`.
    #[doc(alias = "bindAddress")]
    pub fn local_address(mut self, address: SocketAddr) -> Self {
        self.local_address = Some(address);
        self
    }
}

impl Default for ConnectOptions {
    fn default() -> Self {
        Self::new()
    }
}

struct Attempt {
    host: String,
    port: u16,
    options: ConnectOptions,
    location: &'static Location<'static>,
    /// Both are taken by the end.
    promise: Cell<Option<Promise<Transport>>>,
    protocol: Cell<Option<Box<dyn Protocol>>>,
    addresses: RefCell<VecDeque<SocketAddr>>,
    failures: RefCell<Vec<FailedAttempt>>,
    /// The lookup that is under way, then the socket that is.
    lookup: Cell<Option<CancelHandle>>,
    socket: Cell<Option<Registration<TcpStream>>>,
    timer: Cell<Option<DelayedCall>>,
    reactor: WeakReactor,
    network: Weak<Network>,
    key: Cell<Option<usize>>,
}

#[track_caller]
pub(crate) fn connect(
    reactor: &Reactor,
    (host, port): (&str, u16),
    options: ConnectOptions,
    protocol: Box<dyn Protocol>,
) -> Deferred<Transport> {
    let network = Network::of(reactor);
    let refused = if !network.is_open() {
        Some(ConnectErrorKind::Stopped)
    } else if port == 0 {
        Some(ConnectErrorKind::Port)
    } else {
        None
    };
    if let Some(kind) = refused {
        let host = host.to_owned();
        return Deferred::fail(ConnectError { host, port, kind, attempts: Vec::new() });
    }
    let slot = Rc::new(OnceCell::<Weak<Attempt>>::new());
    let cancelled = Rc::clone(&slot);
    let (promise, deferred) = Deferred::with_canceller(move || {
        if let Some(attempt) = cancelled.get().and_then(Weak::upgrade) {
            attempt.end(Err(Cancelled.into()));
        }
    });
    let timeout = options.timeout;
    let attempt = Rc::new(Attempt {
        host: host.to_owned(),
        port,
        options,
        location: Location::caller(),
        promise: Cell::new(Some(promise)),
        protocol: Cell::new(Some(protocol)),
        addresses: RefCell::default(),
        failures: RefCell::default(),
        lookup: Cell::new(None),
        socket: Cell::new(None),
        timer: Cell::new(None),
        reactor: reactor.downgrade(),
        network: Rc::downgrade(&network),
        key: Cell::new(None),
    });
    let _ = slot.set(Rc::downgrade(&attempt));
    let weak: Weak<Attempt> = Rc::downgrade(&attempt);
    attempt.key.set(Some(network.add_pending(weak)));
    let owned = Rc::clone(&attempt);
    let timer = reactor.call_later(timeout, move |_| {
        owned.fail(ConnectErrorKind::TimedOut(owned.options.timeout));
    });
    attempt.timer.set(Some(timer));
    attempt.look_up(reactor);
    deferred
}

impl Attempt {
    #[track_caller]
    fn look_up(self: &Rc<Self>, reactor: &Reactor) {
        // The deadline of the attempt is that of the lookup.
        let options = ResolveOptions::new().timeout(Duration::MAX);
        let lookup = resolver::resolve(reactor, &self.host, self.port, &options);
        self.lookup.set(Some(lookup.canceller()));
        let weak = Rc::downgrade(self);
        lookup
            .add_both(move |result| {
                if let Some(attempt) = weak.upgrade() {
                    attempt.lookup.take();
                    attempt.resolved(result);
                }
            })
            .detach();
    }

    fn resolved(self: &Rc<Self>, result: Result<Vec<SocketAddr>, Failure>) {
        match result {
            Ok(addresses) => {
                self.addresses.replace(addresses.into());
                self.reactor.with(|reactor| self.try_next(reactor));
            }
            Err(failure) => match failure.downcast::<ResolveError>() {
                Ok(error) => self.fail(ConnectErrorKind::Resolve(error)),
                Err(other) => self.end(Err(other)),
            },
        }
    }

    fn try_next(self: &Rc<Self>, reactor: &Reactor) {
        loop {
            let next = self.addresses.borrow_mut().pop_front();
            let Some(address) = next else { return self.fail(ConnectErrorKind::Unreachable) };
            match self.open(address).and_then(|stream| self.watch(reactor, stream, address)) {
                Ok(()) => return,
                Err(error) => self.failures.borrow_mut().push(FailedAttempt { address, error }),
            }
        }
    }

    /// Begins to connect; what comes of it is told by an event.
    fn open(&self, address: SocketAddr) -> io::Result<TcpStream> {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
        socket.set_nonblocking(true)?;
        if let Some(local) = self.options.local_address {
            socket.bind(&local.into())?;
        }
        match socket.connect(&address.into()) {
            Ok(()) => {}
            Err(error) if is_under_way(&error) => {}
            Err(error) => return Err(error),
        }
        Ok(socket.into())
    }

    fn watch(
        self: &Rc<Self>,
        reactor: &Reactor,
        stream: TcpStream,
        address: SocketAddr,
    ) -> io::Result<()> {
        let weak = Rc::downgrade(self);
        let mut owner: Option<Owner> = None;
        let registered = reactor.register_at(
            stream,
            Interest::WRITABLE,
            self.location,
            move |reactor, stream, readiness| {
                if let Some(owner) = &owner {
                    return owner.ready(readiness);
                }
                let Some(attempt) = weak.upgrade() else { return };
                match outcome(stream) {
                    Ok(None) => {}
                    Ok(Some(ends)) => attempt.succeed(reactor, ends, &mut owner),
                    Err(error) => {
                        attempt.failures.borrow_mut().push(FailedAttempt { address, error });
                        drop(attempt.socket.take());
                        attempt.try_next(reactor);
                    }
                }
            },
        );
        let registration =
            registered.map_err(|refused| io::Error::other(refused.io_error().to_string()))?;
        self.socket.set(Some(registration));
        Ok(())
    }

    fn succeed(
        &self,
        reactor: &Reactor,
        (host, peer): (SocketAddr, SocketAddr),
        owner: &mut Option<Owner>,
    ) {
        let (Some(socket), Some(network)) = (self.socket.take(), self.network.upgrade()) else {
            return;
        };
        let (Some(promise), Some(protocol)) = (self.promise.take(), self.protocol.take()) else {
            return;
        };
        self.release();
        let ends = (Address::from(host), Address::from(peer));
        let tcp = Tcp::new(reactor, &network);
        let connection = Rc::new(Connection::new(tcp, protocol, ends, self.location));
        Tcp::attach(&connection, socket);
        *owner = Some(Owner::new(Rc::clone(&connection)));
        let shared: Rc<Connection> = connection;
        // The protocol first: who waits for the transport finds it in use. If the protocol
        // panics, the transport is one that is lost.
        let started = catch_unwind(AssertUnwindSafe(|| shared.start()));
        promise.settle(Ok(Transport::new(shared)));
        if let Err(payload) = started {
            resume_unwind(payload);
        }
    }

    fn fail(&self, kind: ConnectErrorKind) {
        let (host, port) = (self.host.clone(), self.port);
        let attempts = self.failures.take();
        let error = ConnectError { host, port, kind, attempts };
        tracing::debug!(%error, "no connection");
        self.end(Err(error.into()));
    }

    fn end(&self, result: Result<Transport, Failure>) {
        let Some(promise) = self.promise.take() else { return };
        self.release();
        // The protocol is a user's value: it goes when everything else is in order.
        let protocol = self.protocol.take();
        promise.settle(result);
        drop(protocol);
    }

    /// Lets go of everything that is under way.
    fn release(&self) {
        if let (Some(key), Some(network)) = (self.key.take(), self.network.upgrade()) {
            network.forget_pending(key);
        }
        if let Some(lookup) = self.lookup.take() {
            lookup.cancel();
        }
        drop(self.socket.take());
        if let Some(timer) = self.timer.take() {
            let _ = timer.cancel();
        }
    }
}

impl Pending for Attempt {
    fn stop(&self) {
        self.fail(ConnectErrorKind::Stopped);
    }
}

/// Both ends of a socket that is connected, nothing if it still is not, or why it never will be.
fn outcome(stream: &TcpStream) -> io::Result<Option<(SocketAddr, SocketAddr)>> {
    if let Some(error) = stream.take_error()? {
        return Err(error);
    }
    match stream.peer_addr() {
        Ok(peer) => Ok(Some((stream.local_addr()?, peer))),
        Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(None),
        Err(error) => Err(error),
    }
}

/// Whether an error only says that the connection takes its time.
fn is_under_way(error: &io::Error) -> bool {
    // Unix says "in progress", for which std has no stable kind; Windows says "would block".
    #[cfg(unix)]
    let in_progress = error.raw_os_error() == Some(libc::EINPROGRESS);
    #[cfg(not(unix))]
    let in_progress = error.kind() == io::ErrorKind::WouldBlock;
    in_progress
}
