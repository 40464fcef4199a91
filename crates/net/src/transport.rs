//! What a protocol, and everybody else on the reactor thread, does with a connection.

mod options;
mod producing;
mod writing;

pub use writing::Pressure;

use crate::Address;
use crate::connection::Connection;
use std::error::Error;
use std::fmt;
use std::rc::Rc;

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

    pub(crate) fn connection(&self) -> &Rc<Connection> {
        &self.0
    }

    /// Whether a handshake is under way.
    pub(crate) fn is_opening(&self) -> bool {
        self.0.carrier().is_opening()
    }

    /// Gives back what was received and belongs to a handshake that has begun meanwhile.
    pub(crate) fn unread(&self, received: &[u8]) {
        self.0.unread(received);
    }

    /// Ends the connection when everything written has been sent, and a registered
    /// [`Producer`](crate::Producer) has been unregistered: until then what is written is still
    /// taken. Nothing more is read.
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

    /// As [`lose_connection`](Self::lose_connection), because what the peer sends cannot be understood or
    /// is not allowed: `connection_lost` follows with
    /// [`ConnectionLost::ProtocolError`](crate::ConnectionLost::ProtocolError), and `error` in it.
    ///
    /// So an answer that tells the peer what is wrong, written before, arrives; and whoever looks at the
    /// reason, in a log or in a test, can tell this end from a regular one. Of two reasons the first one
    /// counts.
    ///
    /// # Examples
    ///
    /// ```
    /// use ropewalk_net::{ConnectionLost, Protocol, Transport};
    /// use ropewalk_testing::MemoryTransport;
    ///
    /// struct Picky;
    ///
    /// impl Protocol for Picky {
    ///     fn data_received(&mut self, transport: &Transport, data: &[u8]) {
    ///         if !data.is_ascii() {
    ///             transport.write(b"error: ASCII only\n");
    ///             transport.fail_connection("the peer does not speak ASCII");
    ///         }
    ///     }
    ///     fn connection_lost(&mut self, _: &Transport, reason: &ConnectionLost) {
    ///         let text = "the protocol has given up: the peer does not speak ASCII";
    ///         assert_eq!(reason.to_string(), text);
    ///     }
    /// }
    ///
    /// let peer = MemoryTransport::connect(Picky);
    /// peer.send("où?".as_bytes());
    /// assert_eq!(peer.take_received(), b"error: ASCII only\n");
    /// ```
    pub fn fail_connection(&self, error: impl Into<Box<dyn Error + Send + Sync>>) {
        self.0.fail(error.into().into());
    }

    /// Says that nothing more will be written, when everything written has been sent and a
    /// registered [`Producer`](crate::Producer) has been unregistered. Reading goes on.
    ///
    /// The peer sees the end of what it receives, and can still answer. The protocol is told in a
    /// later turn: [`Protocol::write_done`](crate::Protocol::write_done). The connection ends, with
    /// [`ConnectionLost::Done`](crate::ConnectionLost::Done), when the peer [is
    /// done](crate::Protocol::peer_done) as well.
    ///
    /// # Examples
    ///
    /// ```
    /// use ropewalk_net::{Protocol, Transport};
    /// use ropewalk_testing::MemoryTransport;
    ///
    /// /// Asks everything at once, and reads the answers until there are no more.
    /// struct Questions;
    ///
    /// impl Protocol for Questions {
    ///     fn connection_made(&mut self, transport: &Transport) {
    ///         transport.write(b"who? where?");
    ///         transport.lose_write_connection();
    ///     }
    ///     fn data_received(&mut self, _: &Transport, answer: &[u8]) {
    ///         println!("{} bytes", answer.len());
    ///     }
    /// }
    ///
    /// let peer = MemoryTransport::connect(Questions);
    /// assert_eq!(peer.take_received(), b"who? where?");
    /// assert!(peer.sees_end());
    /// peer.send(b"I. Here.");
    /// ```
    ///
    /// Twisted: `loseWriteConnection`.
    #[doc(alias = "loseWriteConnection")]
    #[doc(alias = "shutdown")]
    pub fn lose_write_connection(&self) {
        self.0.lose_writing();
    }

    /// Ends the connection without sending what is buffered; the peer sees a reset.
    ///
    /// A Unix socket knows no reset: there the peer reads what has reached it, and then an end like any
    /// other. A protocol that may run on one lets each message say how long it is, or that it was the
    /// last.
    ///
    /// `connection_lost` follows in a later turn, with
    /// [`ConnectionLost::Aborted`](crate::ConnectionLost::Aborted).
    ///
    /// Twisted: `abortConnection`.
    #[doc(alias = "abortConnection")]
    pub fn abort_connection(&self) {
        self.0.abort();
    }

    /// Whether the connection is there: from `connection_made` on, until it is lost or was asked to
    /// end, whichever comes first.
    ///
    /// So it is false after [`lose_connection`](Self::lose_connection), although what was written
    /// before is still being sent and `connection_lost` is still to come. And it is true as long as
    /// nobody has noticed that the peer is gone: a peer that vanishes without a word, or while
    /// reading is paused, is noticed by writing only. The end of one half alone changes nothing: a
    /// peer that has [sent everything](crate::Protocol::peer_done) may still read, and after
    /// [`lose_write_connection`](Self::lose_write_connection) it may still send.
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
