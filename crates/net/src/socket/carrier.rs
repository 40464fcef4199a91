//! The carrier that is a socket: TCP or Unix.
//!
//! After a gentle end the socket lingers: closing it while the peer still sends would make the
//! system reset the connection, and a reset overtakes what was sent last. So the sending half is
//! closed, and what still comes is thrown away until the peer closes too, for a bounded time. When
//! the loop ends before that, the network does it.

use super::wire::{self, SocketWire};
use crate::Protocol;
use crate::carrier::{Carrier, Close};
use crate::connection::{Connection, is_transient};
use crate::events::tell;
use crate::filter::{Filter, Wire};
use crate::network::Network;
use ropewalk_reactor::{DelayedCall, Interest, Reactor, Registration, WeakReactor};
use socket2::{SockRef, Socket};
use std::cell::{Cell, OnceCell, RefCell};
use std::fmt;
use std::io::{self, IoSlice};
use std::net::Shutdown;
use std::rc::{Rc, Weak};
use std::time::Duration;

/// How long a socket lingers at most.
const LINGER: Duration = Duration::from_secs(2);

/// How much is thrown away in one turn.
const DRAIN_ROUNDS: usize = 4;

/// A socket that belongs to one reactor. As in a connection, what each message needs stands in front.
#[repr(C)]
pub(crate) struct SocketCarrier {
    /// Taken when the socket is to be closed.
    registration: RefCell<Option<Registration<Socket>>>,
    pub(super) network: Weak<Network>,
    reactor: WeakReactor,
    /// What everything goes through; most connections never have it.
    filtering: OnceCell<Box<Filtering>>,
    /// The place in the table of connections.
    key: Cell<Option<usize>>,
    /// Ends the lingering.
    lingering: Cell<Option<Box<DelayedCall>>>,
}

struct Filtering {
    /// Absent after the end.
    filter: RefCell<Option<Box<dyn Filter>>>,
    /// What the connection waits for, to read and to write. It says so when the filter is there.
    wanted: Cell<(bool, bool)>,
}

impl SocketCarrier {
    pub(crate) fn new(reactor: &Reactor, network: &Rc<Network>) -> Self {
        Self {
            registration: RefCell::new(None),
            filtering: OnceCell::new(),
            network: Rc::downgrade(network),
            reactor: reactor.downgrade(),
            key: Cell::new(None),
            lingering: Cell::new(None),
        }
    }

    /// Gives the carrier its socket, and the connection its protocol and its place among the others.
    pub(crate) fn attach(
        connection: &Rc<Connection>,
        registration: Registration<Socket>,
        protocol: Box<dyn Protocol>,
    ) {
        connection.entrust_to(protocol);
        let Some(carrier) = connection.socket() else { return };
        carrier.registration.replace(Some(registration));
        if let Some(network) = carrier.network.upgrade() {
            carrier.key.set(Some(network.add_connection(Rc::downgrade(connection))));
        }
    }

    #[inline]
    fn with<R>(&self, f: impl FnOnce(&Socket) -> io::Result<R>) -> io::Result<R> {
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
        match self.with(Socket::try_clone) {
            Ok(socket) => network.linger_after_the_run(socket),
            Err(error) => tell(|| tracing::debug!(%error, "a socket cannot linger")),
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

impl SocketCarrier {
    /// Reads from the socket, whatever filter there is.
    #[inline]
    pub(crate) fn read_plain(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.with(|socket| wire::receive(socket, buffer))
    }

    /// Writes to the socket, whatever filter there is.
    #[inline]
    pub(crate) fn write_plain(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        self.with(|socket| wire::send(socket, slices))
    }

    /// Has the filter do something with the socket; nothing if there is none.
    fn filtered<R>(
        &self,
        f: impl FnOnce(&mut dyn Filter, &mut dyn Wire) -> io::Result<R>,
    ) -> Option<io::Result<R>> {
        let filtering = self.filtering.get()?;
        // It runs what the application has put into its configuration, which should not come back
        // here. If it does it has to wait: without the filter it would write in plain.
        let Ok(mut filter) = filtering.filter.try_borrow_mut() else {
            return Some(Err(io::ErrorKind::WouldBlock.into()));
        };
        let Some(filter) = filter.as_deref_mut() else {
            // It is gone with the connection, and the socket alone would be in plain.
            return Some(Err(io::ErrorKind::NotConnected.into()));
        };
        let wanted_room = filter.wants_room();
        let result = self.with(|socket| f(filter, &mut SocketWire(socket)));
        if filter.wants_room() == wanted_room {
            return Some(result);
        }
        let (readable, writable) = filtering.wanted.get();
        Some(self.watch_for(readable, writable && !wanted_room).and(result))
    }

    fn watch_for(&self, readable: bool, writable: bool) -> io::Result<()> {
        match &*self.registration.borrow() {
            Some(registration) => registration.set_interest(Interest::new(readable, writable)),
            None => Ok(()),
        }
    }

    /// What the filter says of itself; nothing if there is none.
    fn of_filter<R>(&self, f: impl FnOnce(&mut dyn Filter) -> R) -> Option<R> {
        self.filtering.get()?.filter.try_borrow_mut().ok()?.as_deref_mut().map(f)
    }
}

impl Carrier for SocketCarrier {
    fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.filtered(|filter, wire| filter.read(wire, buffer))
            .unwrap_or_else(|| self.read_plain(buffer))
    }

    fn write(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        self.filtered(|filter, wire| filter.write(wire, slices))
            .unwrap_or_else(|| self.write_plain(slices))
    }

    fn shut_writing(&self) -> io::Result<()> {
        self.with(|socket| socket.shutdown(Shutdown::Write))
    }

    fn is_plain(&self) -> bool {
        self.filtering.get().is_none()
    }

    fn unsent(&self) -> usize {
        self.of_filter(|filter| filter.unsent()).unwrap_or(0)
    }

    fn forget_unsent(&self) {
        self.of_filter(Filter::forget_unsent);
    }

    fn advance(&self) -> io::Result<()> {
        self.filtered(|filter, wire| filter.advance(wire)).unwrap_or(Ok(()))
    }

    fn is_opening(&self) -> bool {
        self.of_filter(|filter| filter.is_opening()).unwrap_or(false)
    }

    fn has_opened(&self) -> bool {
        self.of_filter(Filter::has_opened).unwrap_or(false)
    }

    fn holds_back(&self) -> bool {
        self.of_filter(|filter| filter.holds_back()).unwrap_or(false)
    }

    fn say_goodbye(&self) {
        self.filtered(|filter, wire| {
            filter.say_goodbye(wire);
            Ok(())
        });
    }

    fn watch(&self, readable: bool, writable: bool) -> io::Result<()> {
        self.filtering.get().inspect(|filtering| filtering.wanted.set((readable, writable)));
        // Room is of no use to a filter that waits for its peer.
        let wants_room = || self.of_filter(|filter| filter.wants_room()).unwrap_or(true);
        self.watch_for(readable, writable && wants_room())
    }

    fn read_later(&self, connection: &Rc<Connection>) {
        let (connection, network) = (Rc::clone(connection), self.network.clone());
        self.reactor.with(|reactor| {
            reactor.call_soon_at(connection.location(), move |_| {
                if let Some(network) = network.upgrade() {
                    network.with_buffer(|buffer| connection.ready(true, false, buffer));
                }
            });
        });
    }

    fn reactor(&self) -> Option<&WeakReactor> {
        Some(&self.reactor)
    }

    fn takes_filters(&self) -> bool {
        self.is_plain() && self.registration.borrow().is_some()
    }

    fn install(&self, filter: Box<dyn Filter>) {
        let filtering =
            Filtering { filter: RefCell::new(Some(filter)), wanted: Cell::new((true, false)) };
        let _ = self.filtering.set(Box::new(filtering));
    }

    fn unread(&self, received: &[u8]) {
        self.of_filter(|filter| filter.unread(received));
    }

    fn remove_filter(&self) {
        // Out of the borrow first: it may own the last of a configuration, with what the application
        // has put into it.
        let filter = self
            .filtering
            .get()
            .and_then(|filtering| filtering.filter.try_borrow_mut().ok()?.take());
        drop(filter);
    }

    fn look_at_filter(&self, look: &mut dyn FnMut(&dyn Filter)) {
        // While it runs what the application has put into its configuration, nobody sees it.
        let filter = self.filtering.get().and_then(|filtering| filtering.filter.try_borrow().ok());
        if let Some(filter) = filter.as_ref().and_then(|filter| filter.as_deref()) {
            look(filter);
        }
    }

    fn close(&self, connection: &Rc<Connection>, how: Close) {
        match how {
            // Closing the socket says so too, and nothing is left that it could throw away.
            Close::Gently { peer_is_done: true } | Close::Now => {}
            Close::Gently { peer_is_done: false } => {
                let half_closed = self.with(|socket| socket.shutdown(Shutdown::Write));
                if let (Some(network), Ok(())) = (self.network.upgrade(), half_closed) {
                    if network.is_closed() {
                        return self.hand_over(&network);
                    }
                    if self.watch(true, false).is_ok() {
                        return self.linger(connection);
                    }
                }
            }
            Close::Abort => {
                let reset = self.with(|socket| socket.set_linger(Some(Duration::ZERO)));
                if let Err(error) = reset {
                    tell(|| {
                        tracing::debug!(%error, "a connection could not be set to end with a reset");
                    });
                }
            }
        }
        self.release();
    }

    fn drain(&self, buffer: &mut [u8]) {
        for _ in 0..DRAIN_ROUNDS {
            match self.with(|socket| wire::receive(socket, buffer)) {
                Ok(0) => return self.release(),
                Ok(_) => {}
                // A signal is not the end either.
                Err(error) if is_transient(&error) => return,
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

    fn look_at_socket(&self, look: &mut dyn FnMut(SockRef<'_>)) {
        if let Some(registration) = &*self.registration.borrow() {
            look(SockRef::from(registration.source()));
        }
    }
}

impl fmt::Debug for SocketCarrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SocketCarrier")
            .field("socket", &self.registration.borrow())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use crate::connection::Connection;

    #[test]
    fn an_idle_connection_is_small() {
        // The rest of its 512 bytes: the source in the reactor, and the protocol.
        let size = size_of::<Connection>();
        assert!(size <= 208, "{size}");
    }
}
