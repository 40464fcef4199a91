//! The carrier that is a TCP socket.
//!
//! After a gentle end the socket lingers: closing it while the peer still sends would make the
//! system reset the connection, and a reset overtakes what was sent last. So the sending half is
//! closed, and what still comes is thrown away until the peer closes too, for a bounded time. When
//! the loop ends before that, the network does it.

use crate::carrier::{Carrier, Close};
use crate::connection::Connection;
use crate::network::Network;
use ropewalk_reactor::{DelayedCall, Interest, Reactor, Readiness, Registration, WeakReactor};
use socket2::SockRef;
use std::cell::{Cell, RefCell};
use std::fmt;
use std::io::{self, IoSlice, Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::rc::{Rc, Weak};
use std::time::Duration;

/// How long a socket lingers at most.
const LINGER: Duration = Duration::from_secs(2);

/// How much is thrown away in one turn.
const DRAIN_ROUNDS: usize = 4;

/// A TCP socket that belongs to one reactor.
pub(crate) struct Tcp {
    /// Taken when the socket is to be closed.
    registration: RefCell<Option<Registration<TcpStream>>>,
    reactor: WeakReactor,
    network: Weak<Network>,
    /// The place in the table of connections.
    key: Cell<Option<usize>>,
    /// Ends the lingering.
    lingering: Cell<Option<Box<DelayedCall>>>,
}

impl Tcp {
    pub(crate) fn new(reactor: &Reactor, network: &Rc<Network>) -> Self {
        Self {
            registration: RefCell::new(None),
            reactor: reactor.downgrade(),
            network: Rc::downgrade(network),
            key: Cell::new(None),
            lingering: Cell::new(None),
        }
    }

    /// Gives the carrier its socket, and the connection its place among the others.
    pub(crate) fn attach(connection: &Rc<Connection<Self>>, registration: Registration<TcpStream>) {
        let tcp = connection.carrier();
        tcp.registration.replace(Some(registration));
        if let Some(network) = tcp.network.upgrade() {
            let connection: Rc<Connection> = Rc::<Connection<Self>>::clone(connection);
            tcp.key.set(Some(network.add_connection(Rc::downgrade(&connection))));
        }
    }

    fn with<R>(&self, f: impl FnOnce(&TcpStream) -> io::Result<R>) -> io::Result<R> {
        match &*self.registration.borrow() {
            Some(registration) => f(registration.source()),
            None => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    fn release(&self) {
        if let (Some(key), Some(network)) = (self.key.take(), self.network.upgrade()) {
            network.forget_connection(key);
        }
        if let Some(timer) = self.lingering.take() {
            let _ = timer.cancel();
        }
        // Out of the borrow first: the source's callback owns the connection.
        let registration = self.registration.borrow_mut().take();
        drop(registration);
    }

    /// Leaves the socket to those who linger when the loop has ended.
    fn hand_over(&self, network: &Network) {
        match self.with(TcpStream::try_clone) {
            Ok(socket) => network.linger_after_the_run(socket),
            Err(error) => tracing::debug!(%error, "a socket cannot linger"),
        }
        self.release();
    }

    fn linger(&self, connection: &Rc<Connection>) {
        let weak = Rc::downgrade(connection);
        let timer = self.reactor.with(|reactor| {
            reactor.call_later(LINGER, move |_| {
                weak.upgrade().inspect(|connection| connection.carrier().drop_remains());
            })
        });
        self.lingering.set(timer.map(Box::new));
    }
}

impl Carrier for Tcp {
    fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.with(|mut stream| stream.read(buffer))
    }

    fn write(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        self.with(|mut stream| match slices {
            [one] => stream.write(one),
            many => stream.write_vectored(many),
        })
    }

    fn shut_writing(&self) -> io::Result<()> {
        self.with(|stream| stream.shutdown(Shutdown::Write))
    }

    fn watch(&self, readable: bool, writable: bool) -> io::Result<()> {
        match &*self.registration.borrow() {
            Some(registration) => registration.set_interest(Interest::new(readable, writable)),
            None => Ok(()),
        }
    }

    fn close(&self, connection: &Rc<Connection>, how: Close) {
        match how {
            Close::Gently { peer_is_done } => {
                let half_closed = self.with(|stream| stream.shutdown(Shutdown::Write));
                if let (Some(network), false, Ok(())) =
                    (self.network.upgrade(), peer_is_done, half_closed)
                {
                    if network.is_closed() {
                        return self.hand_over(&network);
                    }
                    if self.watch(true, false).is_ok() {
                        return self.linger(connection);
                    }
                }
            }
            Close::Now => {}
            Close::Abort => {
                let reset =
                    self.with(|stream| SockRef::from(stream).set_linger(Some(Duration::ZERO)));
                if let Err(error) = reset {
                    tracing::debug!(%error, "a connection could not be set to end with a reset");
                }
            }
        }
        self.release();
    }

    fn drain(&self, buffer: &mut [u8]) {
        for _ in 0..DRAIN_ROUNDS {
            match self.read(buffer) {
                Ok(0) => return self.release(),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(_) => return self.release(),
            }
        }
    }

    fn drop_remains(&self) {
        match self.network.upgrade() {
            Some(network) if network.is_closed() => self.hand_over(&network),
            _ => self.release(),
        }
    }

    fn later(&self, connection: &Rc<Connection>) {
        let connection = Rc::clone(connection);
        self.reactor.with(|reactor| {
            reactor.call_soon_at(connection.location(), move |_| connection.settle());
        });
    }

    fn backlog(&self, before: usize, after: usize) {
        if let Some(network) = self.network.upgrade() {
            network.backlog(&self.reactor, before, after);
        }
    }

    fn set_nodelay(&self, on: bool) -> io::Result<()> {
        match &*self.registration.borrow() {
            Some(registration) => registration.source().set_nodelay(on),
            None => Ok(()),
        }
    }

    fn set_keepalive(&self, on: bool) -> io::Result<()> {
        match &*self.registration.borrow() {
            Some(registration) => SockRef::from(registration.source()).set_keepalive(on),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Tcp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tcp").field("socket", &self.registration.borrow()).finish_non_exhaustive()
    }
}

/// What the loop holds of a connection: while it lives, so does the connection.
///
/// It goes with the registration, or with the whole reactor. In the second case the protocol has
/// not heard of its end yet, and does now.
pub(crate) struct Owner {
    connection: Rc<Connection>,
    network: Weak<Network>,
}

impl Owner {
    pub(crate) fn new(connection: Rc<Connection>, network: &Rc<Network>) -> Self {
        Self { connection, network: Rc::downgrade(network) }
    }

    pub(crate) fn ready(&self, readiness: Readiness) {
        if let Some(network) = self.network.upgrade() {
            network.with_buffer(|buffer| {
                self.connection.ready(readiness.readable, readiness.writable, buffer);
            });
        }
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        self.connection.abandon();
    }
}

#[cfg(test)]
mod tests {
    use super::Tcp;
    use crate::connection::Connection;

    #[test]
    fn an_idle_connection_is_small() {
        // The rest of its 512 bytes: the source in the reactor, and the protocol.
        assert!(size_of::<Connection<Tcp>>() <= 288, "{}", size_of::<Connection<Tcp>>());
    }
}
