//! What a protocol, and everybody else on the reactor thread, does with a connection.

use crate::Address;
use crate::connection::Connection;
use ropewalk_deferred::Deferred;
use std::fmt;
use std::io::{self, IoSlice};
use std::rc::Rc;

/// What [`Transport::write`] says about the bytes that wait to be sent.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Pressure {
    /// Fine, go on.
    Relaxed,
    /// More waits than the write limit allows: the peer reads more slowly than you write. Nothing
    /// is refused, but who goes on fills the memory. Wait for
    /// [`Protocol::drained`](crate::Protocol::drained) or [`Transport::flushed`].
    High,
}

impl Pressure {
    /// Whether it is [`Pressure::High`].
    #[must_use]
    pub fn is_high(self) -> bool {
        self == Self::High
    }
}

/// A connection: write to it, end it, and ask who is at the other end.
///
/// Clones are the same connection. A protocol is lent one in each call, and may keep clones of it
/// anywhere on the reactor thread. Keeping one does not keep the connection: after its end, every
/// method is harmless.
///
/// # Threads
///
/// Reactor thread; it is neither `Send` nor `Sync`. Another thread addresses a transport through
/// [`Reactor::share`](ropewalk_reactor::Reactor::share).
///
/// # Examples
///
/// ```
/// use ropewalk_net::{Protocol, ReactorNet as _, Transport};
/// use ropewalk_reactor::Reactor;
/// use std::io::Read as _;
///
/// struct Greeting;
///
/// impl Protocol for Greeting {
///     fn connection_made(&mut self, transport: &Transport) {
///         transport.write(b"hello\n");
///         transport.lose_connection(); // when it is sent
///     }
///     fn data_received(&mut self, _: &Transport, _: &[u8]) {}
/// }
///
/// let reactor = Reactor::new()?;
/// let port = reactor.listen_tcp("127.0.0.1:0", |_| Greeting).unwrap();
/// let (address, handle) = (port.address(), reactor.handle());
/// let client = std::thread::Builder::new().spawn(move || {
///     let mut text = String::new();
///     std::net::TcpStream::connect(address)?.read_to_string(&mut text)?;
///     handle.stop();
///     std::io::Result::Ok(text)
/// })?;
/// reactor.run().unwrap();
/// assert_eq!(client.join().unwrap()?, "hello\n");
/// # std::io::Result::Ok(())
/// ```
///
/// Twisted: `ITransport`.
#[doc(alias = "ITransport")]
#[derive(Clone)]
pub struct Transport(Rc<Connection>);

impl Transport {
    /// The transport of a connection, whatever carries it. Not for applications.
    #[doc(hidden)]
    #[must_use]
    pub fn new(connection: Rc<Connection>) -> Self {
        Self(connection)
    }

    /// Sends `data`: at once if nothing waits, and what does not go out now when there is room.
    ///
    /// It never blocks and never calls the protocol. After the connection is lost, or
    /// [`lose_connection`](Self::lose_connection) was called, `data` is dropped.
    ///
    /// Twisted: `write`.
    pub fn write(&self, data: &[u8]) -> Pressure {
        self.0.write(&[IoSlice::new(data)])
    }

    /// Sends several pieces, in one go where the system can.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn example(transport: &ropewalk_net::Transport, line: &[u8]) {
    /// transport.write_sequence(&[line, b"\n"]);
    /// # }
    /// ```
    ///
    /// Twisted: `writeSequence`.
    #[doc(alias = "writeSequence")]
    pub fn write_sequence(&self, pieces: &[&[u8]]) -> Pressure {
        let slices: Vec<_> = pieces.iter().map(|piece| IoSlice::new(piece)).collect();
        self.0.write(&slices)
    }

    /// Ends the connection when everything written has been sent. Nothing more is read.
    ///
    /// `connection_lost` follows in a later turn, with
    /// [`ConnectionLost::Done`](crate::ConnectionLost::Done). A peer that does not read delays it
    /// for ever: [`abort_connection`](Self::abort_connection) does not wait.
    ///
    /// Twisted: `loseConnection`.
    #[doc(alias = "loseConnection")]
    pub fn lose_connection(&self) {
        self.0.lose();
    }

    /// Ends the connection without sending what is buffered; the peer sees a reset.
    ///
    /// `connection_lost` follows in a later turn, with
    /// [`ConnectionLost::Aborted`](crate::ConnectionLost::Aborted).
    ///
    /// Twisted: `abortConnection`.
    #[doc(alias = "abortConnection")]
    pub fn abort_connection(&self) {
        self.0.abort();
    }

    /// Stops reading. The peer can send until the buffers of the system are full.
    ///
    /// While nothing is read, the end of the connection is noticed only by writing.
    ///
    /// Twisted: `pauseProducing`.
    #[doc(alias = "pauseProducing")]
    pub fn pause_producing(&self) {
        self.0.set_paused(true);
    }

    /// Reads on. The protocol hears of it in a later turn:
    /// [`Protocol::resumed`](crate::Protocol::resumed).
    ///
    /// Twisted: `resumeProducing`.
    #[doc(alias = "resumeProducing")]
    pub fn resume_producing(&self) {
        self.0.set_paused(false);
    }

    /// Whether reading is paused.
    #[must_use]
    pub fn is_paused(&self) -> bool {
        self.0.is_paused()
    }

    /// Whether what is written now is accepted: from `connection_made` on, until the connection is
    /// lost or was asked to end, whichever comes first.
    ///
    /// So it is false after [`lose_connection`](Self::lose_connection), although what was written
    /// before is still being sent and `connection_lost` is still to come. And it is true as long as
    /// nobody has noticed that the peer is gone: a peer that vanishes without a word, or while
    /// reading is paused, is noticed by writing only. A peer that has [sent
    /// everything](crate::Protocol::peer_done) may still read, so that alone changes nothing.
    ///
    /// Twisted: `connected and not disconnecting`.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.0.is_open()
    }

    /// The address of the other end.
    ///
    /// Twisted: `getPeer`.
    #[doc(alias = "getPeer")]
    #[must_use]
    pub fn peer(&self) -> Address {
        self.0.peer().clone()
    }

    /// The address of this end.
    ///
    /// Twisted: `getHost`.
    #[doc(alias = "getHost")]
    #[must_use]
    pub fn host(&self) -> Address {
        self.0.host().clone()
    }

    /// How many bytes were written and are not yet sent.
    #[must_use]
    pub fn buffered(&self) -> usize {
        self.0.buffered()
    }

    /// How many bytes may wait before [`write`](Self::write) answers [`Pressure::High`].
    #[must_use]
    pub fn write_limit(&self) -> usize {
        self.0.write_limit()
    }

    /// Sets the number of bytes that may wait before [`write`](Self::write) answers
    /// [`Pressure::High`]. Default: 64 KiB.
    ///
    /// Twisted: `bufferSize`.
    pub fn set_write_limit(&self, bytes: usize) {
        self.0.set_write_limit(bytes);
    }

    /// Fires when everything written so far, and meanwhile, has been handed to the system; at once
    /// if nothing waits.
    ///
    /// Fails with [`ConnectionLost`](crate::ConnectionLost) if the connection ends first, or has
    /// ended otherwise than well.
    #[track_caller]
    pub fn flushed(&self) -> Deferred<()> {
        let (promise, deferred) = Deferred::new();
        self.0.when_flushed(promise);
        deferred
    }

    /// Sends small writes at once (`true`), or gathers them for a while (`false`, the default of
    /// the systems).
    ///
    /// # Errors
    ///
    /// What the operating system says; nothing happens after the end of the connection.
    ///
    /// Twisted: `setTcpNoDelay`.
    #[doc(alias = "setTcpNoDelay")]
    pub fn set_nodelay(&self, on: bool) -> io::Result<()> {
        self.0.carrier().set_nodelay(on)
    }

    /// Has the system probe the peer when the connection is idle for long.
    ///
    /// # Errors
    ///
    /// What the operating system says; nothing happens after the end of the connection.
    ///
    /// Twisted: `setTcpKeepAlive`.
    #[doc(alias = "setTcpKeepAlive")]
    pub fn set_keepalive(&self, on: bool) -> io::Result<()> {
        self.0.carrier().set_keepalive(on)
    }
}

/// Two transports are equal if they are the same connection.
impl PartialEq for Transport {
    fn eq(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Transport {}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transport")
            .field("peer", &format_args!("{}", self.0.peer()))
            .field("host", &format_args!("{}", self.0.host()))
            .field("connected", &self.is_connected())
            .field("buffered", &self.buffered())
            .finish()
    }
}
