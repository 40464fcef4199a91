//! A connection in memory: for tests of protocols without sockets and without a reactor.
//!
//! The connection is the real one, with the real rules about who is called when; only what carries
//! its bytes is a double. What a reactor would do in later turns is done here before each method
//! returns, in the same order.

use ropewalk_net::carrier::{Carrier, Close};
use ropewalk_net::connection::Connection;
use ropewalk_net::{Protocol, Transport};
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::fmt;
use std::io::{self, IoSlice};
use std::net::{Ipv4Addr, SocketAddr};
use std::panic::Location;
use std::rc::Rc;

/// How a connection was ended on the protocol's side.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Ending {
    /// After everything was sent.
    Gentle,
    /// At once, because the connection broke or the protocol panicked.
    Broken,
    /// At once, on purpose: the peer sees a reset.
    Aborted,
}

/// A connection whose other end is the test.
///
/// # Threads
///
/// The thread that made it; it is neither `Send` nor `Sync`.
///
/// # Examples
///
/// ```
/// use ropewalk_net::{Protocol, Transport};
/// use ropewalk_testing::{Ending, MemoryTransport};
///
/// struct Echo;
/// impl Protocol for Echo {
///     fn data_received(&mut self, transport: &Transport, data: &[u8]) {
///         transport.write(data);
///         transport.lose_connection();
///     }
/// }
///
/// let peer = MemoryTransport::connect(Echo);
/// peer.send(b"hello");
/// assert_eq!(peer.take_received(), b"hello");
/// assert_eq!(peer.ending(), Some(Ending::Gentle));
/// ```
///
/// Twisted: `StringTransport`.
#[doc(alias = "StringTransport")]
pub struct MemoryTransport {
    connection: Rc<Connection>,
    wire: Rc<Wire>,
}

#[derive(Default)]
struct Wire {
    /// What the test has sent and the protocol not yet read; each is read by itself.
    incoming: RefCell<VecDeque<Vec<u8>>>,
    /// What comes when all of `incoming` has been read.
    end: Cell<Option<io::ErrorKind>>,
    closed_by_peer: Cell<bool>,
    /// The protocol's side sends nothing more.
    ended: Cell<bool>,
    received: RefCell<Vec<u8>>,
    /// How many bytes are taken before a write would block.
    room: Cell<Option<usize>>,
    readable: Cell<bool>,
    writable: Cell<bool>,
    settles: Cell<bool>,
    ending: Cell<Option<Ending>>,
    turning: Cell<bool>,
}

struct Memory(Rc<Wire>);

impl Carrier for Memory {
    fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut incoming = self.0.incoming.borrow_mut();
        let Some(first) = incoming.front_mut() else {
            return match self.0.end.get() {
                Some(kind) => Err(kind.into()),
                None if self.0.closed_by_peer.get() => Ok(0),
                None => Err(io::ErrorKind::WouldBlock.into()),
            };
        };
        let count = first.len().min(buffer.len());
        buffer[..count].copy_from_slice(&first[..count]);
        first.drain(..count);
        if first.is_empty() {
            incoming.pop_front();
        }
        Ok(count)
    }

    fn write(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        if let Some(kind) = self.0.end.get() {
            return Err(kind.into());
        }
        let all: usize = slices.iter().map(|slice| slice.len()).sum();
        let count = self.0.room.get().map_or(all, |room| room.min(all));
        if count == 0 && all > 0 {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        self.0.room.set(self.0.room.get().map(|room| room - count));
        let mut received = self.0.received.borrow_mut();
        let before = received.len();
        for slice in slices {
            let left = count - (received.len() - before);
            received.extend_from_slice(&slice[..slice.len().min(left)]);
        }
        Ok(count)
    }

    fn shut_writing(&self) -> io::Result<()> {
        self.0.ended.set(true);
        Ok(())
    }

    fn watch(&self, readable: bool, writable: bool) -> io::Result<()> {
        self.0.readable.set(readable);
        self.0.writable.set(writable);
        Ok(())
    }

    fn close(&self, _connection: &Rc<Connection>, how: Close) {
        self.0.ended.set(true);
        self.0.ending.set(Some(match how {
            Close::Gently { .. } => Ending::Gentle,
            Close::Now => Ending::Broken,
            Close::Abort => Ending::Aborted,
        }));
    }

    fn later(&self, _connection: &Rc<Connection>) {
        self.0.settles.set(true);
    }
}

impl Wire {
    fn has_something_to_read(&self) -> bool {
        self.readable.get()
            && (!self.incoming.borrow().is_empty()
                || self.closed_by_peer.get()
                || self.end.get().is_some())
    }

    fn has_room_to_write(&self) -> bool {
        self.writable.get() && (self.room.get() != Some(0) || self.end.get().is_some())
    }
}

impl MemoryTransport {
    /// Connects the test to `protocol`; its `connection_made` has been called when this returns.
    ///
    /// # Panics
    ///
    /// With the protocol; so does every method that calls it.
    #[track_caller]
    pub fn connect(protocol: impl Protocol) -> Self {
        let end = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        Self::connect_between(protocol, end(8007), end(40_000))
    }

    /// As [`connect`](Self::connect), with the addresses that the protocol will see.
    ///
    /// # Panics
    ///
    /// With the protocol.
    #[track_caller]
    pub fn connect_between(protocol: impl Protocol, host: SocketAddr, peer: SocketAddr) -> Self {
        let wire = Rc::new(Wire::default());
        let ends = (host.into(), peer.into());
        let carrier = Memory(Rc::clone(&wire));
        let connection = Connection::new(carrier, Box::new(protocol), ends, Location::caller());
        let memory = Self { connection: Rc::new(connection), wire };
        memory.connection.start();
        memory.turn();
        memory
    }

    /// The transport that the protocol has.
    #[must_use]
    pub fn transport(&self) -> Transport {
        Transport::new(Rc::clone(&self.connection))
    }

    /// Sends `data` to the protocol, in a piece of its own.
    ///
    /// What it does not read now, because it has paused the transport, it reads later.
    pub fn send(&self, data: &[u8]) {
        if !data.is_empty() {
            self.wire.incoming.borrow_mut().push_back(data.to_vec());
        }
        self.turn();
    }

    /// Closes the connection as a peer does, after what was sent.
    pub fn close(&self) {
        self.wire.closed_by_peer.set(true);
        self.turn();
    }

    /// Breaks the connection.
    pub fn break_with(&self, error: io::ErrorKind) {
        self.wire.end.set(Some(error));
        self.turn();
    }

    /// What the protocol has written and this end has taken, since the last call.
    #[must_use]
    pub fn take_received(&self) -> Vec<u8> {
        self.wire.received.take()
    }

    /// Takes only so many bytes more, and then nothing; `None` takes everything.
    pub fn take_only(&self, bytes: impl Into<Option<usize>>) {
        self.wire.room.set(bytes.into());
        self.turn();
    }

    /// How the protocol's side has ended the connection; `None` while it lasts.
    #[must_use]
    pub fn ending(&self) -> Option<Ending> {
        self.wire.ending.get()
    }

    /// Whether nothing more will come: the protocol's side has said that it sends no more, or has
    /// ended the connection.
    #[must_use]
    pub fn sees_end(&self) -> bool {
        self.wire.ended.get()
    }

    /// Does what a reactor would do now. Only needed after the transport was used from outside of
    /// the protocol; inside of the protocol it does nothing.
    pub fn turn(&self) {
        if self.wire.turning.replace(true) {
            return;
        }
        // Reset also by a protocol that panics.
        let _turning = Turning(&self.wire);
        let mut buffer = vec![0; 64 * 1024];
        loop {
            // As in a turn of the loop: what was left for later comes before what is ready.
            if self.wire.settles.take() {
                self.connection.settle();
                continue;
            }
            let (read, write) = (self.wire.has_something_to_read(), self.wire.has_room_to_write());
            if self.connection.is_dead() || !(read || write) {
                return;
            }
            self.connection.ready(read, write, &mut buffer);
        }
    }
}

struct Turning<'a>(&'a Wire);

impl Drop for Turning<'_> {
    fn drop(&mut self) {
        self.0.turning.set(false);
    }
}

impl Drop for MemoryTransport {
    fn drop(&mut self) {
        self.connection.abandon();
    }
}

impl fmt::Debug for MemoryTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryTransport")
            .field("connection", &self.connection)
            .field("ending", &self.ending())
            .finish_non_exhaustive()
    }
}
