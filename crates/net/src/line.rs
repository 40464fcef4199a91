//! Lines instead of bytes: the framing of most text protocols.

mod splitter;

use crate::error::Bytes;
use crate::{ConnectionLost, Protocol, Transport, events};
pub(crate) use splitter::Next;
use splitter::{Piece, Splitter};
use std::error::Error;
use std::fmt;

/// The longest line, without its end, if nobody says otherwise.
const MAX_LENGTH: usize = 16 * 1024;

/// What one connection does with the lines that it receives.
///
/// Wrapped in a [`LineReceiver`] it is a [`Protocol`], and is called as one.
///
/// Twisted: `LineReceiver`.
pub trait LineProtocol: 'static {
    /// The connection is there.
    fn connection_made(&mut self, transport: &Transport) {
        let _ = transport;
    }

    /// As [`Protocol::handshake_completed`]. What came before and was not yet given as a line did not
    /// come encrypted; it is no line any more.
    fn handshake_completed(&mut self, transport: &Transport) {
        let _ = transport;
    }

    /// A line has come; its end is not in it.
    ///
    /// Lines that came together are given one by one, and none after the transport was paused (they
    /// come when it reads on) or the connection was asked to end. All of them are one callback of the
    /// loop.
    ///
    /// Twisted: `lineReceived`.
    #[doc(alias = "lineReceived")]
    fn line_received(&mut self, transport: &Transport, line: &[u8]);

    /// A line is longer than allowed. Called once for each such line, of which nothing is kept; if
    /// the connection goes on, so do the lines after it.
    ///
    /// As it stands it ends the connection with [`fail_connection`](Transport::fail_connection), so that
    /// `connection_lost` is given `error`. Who says something to the peer before, and does the same, has
    /// said it.
    ///
    /// Twisted: `lineLengthExceeded`.
    #[doc(alias = "lineLengthExceeded")]
    fn line_length_exceeded(&mut self, transport: &Transport, error: &LineTooLong) {
        events::tell(|| tracing::debug!(peer = %transport.peer(), %error, "a line is too long"));
        transport.fail_connection(*error);
    }

    /// As [`Protocol::peer_done`]: all lines have come. A line without its end is dropped.
    fn peer_done(&mut self, transport: &Transport) {
        transport.lose_connection();
    }

    /// As [`Protocol::drained`].
    fn drained(&mut self, transport: &Transport) {
        let _ = transport;
    }

    /// As [`Protocol::write_done`].
    fn write_done(&mut self, transport: &Transport) {
        let _ = transport;
    }

    /// As [`Protocol::connection_lost`]. A line without its end is dropped.
    fn connection_lost(&mut self, transport: &Transport, reason: &ConnectionLost) {
        let _ = (transport, reason);
    }
}

/// A [`Protocol`] that cuts what it receives into lines.
///
/// # Threads
///
/// Reactor thread, once it has a connection.
///
/// # Examples
///
/// ```
/// use ropewalk_net::{LineProtocol, LineReceiver, ReactorNet as _, Transport, line_text};
/// use ropewalk_reactor::Reactor;
///
/// struct Shout;
///
/// impl LineProtocol for Shout {
///     fn line_received(&mut self, transport: &Transport, line: &[u8]) {
///         let answer = match line_text(line) {
///             Ok(text) => text.to_uppercase(),
///             Err(error) => format!("error: {error}"),
///         };
///         transport.write_sequence(&[answer.as_bytes(), b"\n"]);
///     }
/// }
///
/// let reactor = Reactor::new()?;
/// let port = reactor
///     .listen_tcp("127.0.0.1:0", |_peer| LineReceiver::new(Shout).max_length(1000))
///     .unwrap();
/// # std::io::Result::Ok(())
/// ```
#[derive(Debug)]
pub struct LineReceiver<L> {
    lines: L,
    splitter: Splitter,
}

impl<L: LineProtocol> LineReceiver<L> {
    /// Lines that end with `\n`, or with `\r\n`, and have at most 16 KiB.
    pub fn new(lines: L) -> Self {
        Self { lines, splitter: Splitter::new(MAX_LENGTH) }
    }

    /// Lines that end with exactly this.
    ///
    /// # Panics
    ///
    /// If it is empty.
    ///
    /// Twisted: `delimiter`.
    #[must_use]
    pub fn delimiter(mut self, delimiter: impl AsRef<[u8]>) -> Self {
        let delimiter = delimiter.as_ref();
        assert!(!delimiter.is_empty(), "a line cannot end with nothing");
        self.splitter.set_delimiter(delimiter);
        self
    }

    /// The length of the longest line, in bytes and without its end. Default: 16 KiB.
    ///
    /// Twisted: `MAX_LENGTH`.
    #[must_use]
    pub fn max_length(mut self, bytes: usize) -> Self {
        self.splitter.set_limit(bytes);
        self
    }

    fn feed(&mut self, transport: &Transport, data: &[u8]) {
        let Self { lines, splitter } = self;
        let limit = splitter.limit();
        splitter.feed(data, |piece| {
            match piece {
                Piece::Line(line) => lines.line_received(transport, line),
                Piece::TooLong => lines.line_length_exceeded(transport, &LineTooLong { limit }),
            }
            next(transport)
        });
        hand_on(transport, || splitter.take_rest());
    }
}

/// What becomes of the rest of what has come, now that a part of it was given.
pub(crate) fn next(transport: &Transport) -> Next {
    if !transport.is_connected() {
        Next::Stop
    } else if transport.is_paused() || transport.is_opening() {
        Next::Pause
    } else {
        Next::Continue
    }
}

/// What came with the words that asked for encryption is nothing that a protocol may obey as if it had
/// come encrypted: it is the beginning of the handshake, or what makes it fail.
pub(crate) fn hand_on(transport: &Transport, rest: impl FnOnce() -> Vec<u8>) {
    if transport.is_opening() {
        transport.unread(&rest());
    }
}

impl<L: LineProtocol> Protocol for LineReceiver<L> {
    fn connection_made(&mut self, transport: &Transport) {
        self.lines.connection_made(transport);
    }

    fn handshake_completed(&mut self, transport: &Transport) {
        self.splitter.take_rest();
        self.lines.handshake_completed(transport);
    }

    fn data_received(&mut self, transport: &Transport, data: &[u8]) {
        self.feed(transport, data);
    }

    fn peer_done(&mut self, transport: &Transport) {
        self.splitter.forget();
        self.lines.peer_done(transport);
    }

    fn drained(&mut self, transport: &Transport) {
        self.lines.drained(transport);
    }

    fn write_done(&mut self, transport: &Transport) {
        self.lines.write_done(transport);
    }

    fn resumed(&mut self, transport: &Transport) {
        // What was kept did not come encrypted, and nobody may obey it any more.
        if transport.is_opening() {
            return hand_on(transport, || self.splitter.take_rest());
        }
        self.feed(transport, &[]);
    }

    fn connection_lost(&mut self, transport: &Transport, reason: &ConnectionLost) {
        self.lines.connection_lost(transport, reason);
    }
}

/// A line is longer than allowed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct LineTooLong {
    limit: usize,
}

impl LineTooLong {
    /// How many bytes are allowed.
    #[must_use]
    pub fn limit(&self) -> usize {
        self.limit
    }
}

impl fmt::Display for LineTooLong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the line has more than {}; send shorter ones", Bytes(self.limit))
    }
}

impl Error for LineTooLong {}

/// The text of a line.
///
/// # Errors
///
/// [`LineNotUtf8`]: the line is not UTF-8.
///
/// # Examples
///
/// ```
/// use ropewalk_net::line_text;
///
/// assert_eq!(line_text("grüß Gott".as_bytes()), Ok("grüß Gott"));
/// assert_eq!(line_text(b"gr\xfc\xdf").unwrap_err().valid_up_to(), 2);
/// ```
pub fn line_text(line: &[u8]) -> Result<&str, LineNotUtf8> {
    std::str::from_utf8(line).map_err(|error| LineNotUtf8 { valid_up_to: error.valid_up_to() })
}

/// A line is not UTF-8.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct LineNotUtf8 {
    valid_up_to: usize,
}

impl LineNotUtf8 {
    /// How many bytes at the start of the line are.
    #[must_use]
    pub fn valid_up_to(&self) -> usize {
        self.valid_up_to
    }
}

impl fmt::Display for LineNotUtf8 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the line is not UTF-8 from byte {} on; send text as UTF-8", self.valid_up_to)
    }
}

impl Error for LineNotUtf8 {}
