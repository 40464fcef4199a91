//! Strings of bytes instead of a stream: netstrings, and strings that follow their length.

mod sending;
mod splitter;

pub use sending::StringTooLong;

use crate::line::{hand_on, next};
use crate::{ConnectionLost, Protocol, Transport, events};
use splitter::{Piece, Splitter};
use std::error::Error;
use std::fmt;

/// The longest string, if nobody says otherwise.
const MAX_LENGTH: usize = 64 * 1024;

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Format {
    Netstring,
    Prefix {
        /// In bytes.
        width: u8,
        little: bool,
    },
}

/// How strings are told apart on a connection. Both ends have to agree on it.
///
/// # Threads
///
/// Any thread; a transport to send with is on that of its reactor.
///
/// # Examples
///
/// ```
/// use ropewalk_net::{Framing, StringProtocol, StringReceiver, Transport};
/// use ropewalk_testing::MemoryTransport;
///
/// const FRAMING: Framing = Framing::u16();
///
/// struct Reverse;
///
/// impl StringProtocol for Reverse {
///     fn string_received(&mut self, transport: &Transport, string: &[u8]) {
///         let answer: Vec<u8> = string.iter().rev().copied().collect();
///         FRAMING.send_string(transport, answer).expect("it is as short as the question");
///     }
/// }
///
/// let peer = MemoryTransport::connect(StringReceiver::new(FRAMING, Reverse));
/// peer.send(b"\0\x05hello");
/// assert_eq!(peer.take_received(), b"\0\x05olleh");
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Framing {
    format: Format,
    max_length: usize,
}

impl Framing {
    /// Netstrings, `5:hello,`: the length in digits, a colon, the string and a comma.
    ///
    /// Twisted: `NetstringReceiver`.
    #[doc(alias = "NetstringReceiver")]
    #[must_use]
    pub const fn netstrings() -> Self {
        Self { format: Format::Netstring, max_length: MAX_LENGTH }
    }

    /// Strings of up to 255 bytes, after one byte with their length.
    ///
    /// Twisted: `Int8StringReceiver`.
    #[doc(alias = "Int8StringReceiver")]
    #[must_use]
    pub const fn u8() -> Self {
        Self::prefix(1)
    }

    /// Strings after two bytes with their length, the high byte first.
    ///
    /// Twisted: `Int16StringReceiver`.
    #[doc(alias = "Int16StringReceiver")]
    #[must_use]
    pub const fn u16() -> Self {
        Self::prefix(2)
    }

    /// Strings after four bytes with their length, the high byte first.
    ///
    /// Twisted: `Int32StringReceiver`.
    #[doc(alias = "Int32StringReceiver")]
    #[must_use]
    pub const fn u32() -> Self {
        Self::prefix(4)
    }

    const fn prefix(width: u8) -> Self {
        Self { format: Format::Prefix { width, little: false }, max_length: MAX_LENGTH }
    }

    /// The same with the low byte of the length first. Netstrings have none, and stay as they are.
    #[must_use]
    pub const fn little_endian(mut self) -> Self {
        if let Format::Prefix { width, .. } = self.format {
            self.format = Format::Prefix { width, little: true };
        }
        self
    }

    /// The length of the longest string, in bytes, that is received or sent. Default: 64 KiB, or
    /// what the format has room for.
    ///
    /// A peer makes this side keep so much at most, and only as far as it has sent it.
    ///
    /// Twisted: `MAX_LENGTH`.
    #[must_use]
    pub const fn max_length(mut self, bytes: usize) -> Self {
        self.max_length = bytes;
        self
    }

    fn limit(&self) -> usize {
        let room = match self.format {
            Format::Prefix { width: 1, .. } => usize::from(u8::MAX),
            Format::Prefix { width: 2, .. } => usize::from(u16::MAX),
            Format::Prefix { .. } => usize::try_from(u32::MAX).unwrap_or(usize::MAX),
            Format::Netstring => usize::MAX,
        };
        self.max_length.min(room)
    }
}

/// What one connection does with the strings that it receives.
///
/// Wrapped in a [`StringReceiver`] it is a [`Protocol`], and is called as one.
///
/// Twisted: `Int32StringReceiver` and its like, `NetstringReceiver`.
pub trait StringProtocol: 'static {
    /// The connection is there.
    fn connection_made(&mut self, transport: &Transport) {
        let _ = transport;
    }

    /// As [`Protocol::handshake_completed`]. What came before and was not yet given as a string did not
    /// come encrypted; it is no string any more.
    fn handshake_completed(&mut self, transport: &Transport) {
        let _ = transport;
    }

    /// A string has come.
    ///
    /// Strings that came together are given one by one, and none after the transport was paused
    /// (they come when it reads on) or the connection was asked to end. All of them are one callback
    /// of the loop.
    ///
    /// Twisted: `stringReceived`.
    #[doc(alias = "stringReceived")]
    fn string_received(&mut self, transport: &Transport, string: &[u8]);

    /// What has come is not a string. After one that is [too long](FrameError::TooLong) and of which
    /// nothing is kept, the next one can be found if the connection goes on; after another error
    /// nothing more is given.
    ///
    /// As it stands it ends the connection with [`fail_connection`](Transport::fail_connection), so that
    /// `connection_lost` is given `error`.
    ///
    /// Twisted: `lengthLimitExceeded`.
    #[doc(alias = "lengthLimitExceeded")]
    fn framing_failed(&mut self, transport: &Transport, error: &FrameError) {
        events::tell(
            || tracing::debug!(peer = %transport.peer(), %error, "strings cannot be told apart"),
        );
        transport.fail_connection(*error);
    }

    /// As [`Protocol::peer_done`]: all strings have come. One without its end is dropped.
    fn peer_done(&mut self, transport: &Transport) {
        transport.lose_connection();
    }

    /// As [`Protocol::write_done`].
    fn write_done(&mut self, transport: &Transport) {
        let _ = transport;
    }

    /// As [`Protocol::drained`].
    fn drained(&mut self, transport: &Transport) {
        let _ = transport;
    }

    /// As [`Protocol::connection_lost`]. A string without its end is dropped.
    fn connection_lost(&mut self, transport: &Transport, reason: &ConnectionLost) {
        let _ = (transport, reason);
    }
}

/// A [`Protocol`] that cuts what it receives into strings; see [`Framing`] for an example.
///
/// # Threads
///
/// Reactor thread, once it has a connection.
#[derive(Debug)]
pub struct StringReceiver<S> {
    strings: S,
    framing: Framing,
    splitter: Splitter,
}

impl<S: StringProtocol> StringReceiver<S> {
    /// Strings that are told apart as `framing` says.
    pub fn new(framing: Framing, strings: S) -> Self {
        Self { strings, framing, splitter: Splitter::default() }
    }

    fn feed(&mut self, transport: &Transport, data: &[u8]) {
        let Self { strings, framing, splitter } = self;
        splitter.feed(framing, data, |piece| {
            match piece {
                Piece::String(string) => strings.string_received(transport, string),
                Piece::Failed(error) => strings.framing_failed(transport, &error),
            }
            next(transport)
        });
        hand_on(transport, || splitter.take_rest());
    }
}

impl<S: StringProtocol> Protocol for StringReceiver<S> {
    fn connection_made(&mut self, transport: &Transport) {
        self.strings.connection_made(transport);
    }

    fn handshake_completed(&mut self, transport: &Transport) {
        self.splitter.take_rest();
        self.strings.handshake_completed(transport);
    }

    fn data_received(&mut self, transport: &Transport, data: &[u8]) {
        self.feed(transport, data);
    }

    fn peer_done(&mut self, transport: &Transport) {
        self.splitter.forget();
        self.strings.peer_done(transport);
    }

    fn write_done(&mut self, transport: &Transport) {
        self.strings.write_done(transport);
    }

    fn drained(&mut self, transport: &Transport) {
        self.strings.drained(transport);
    }

    fn resumed(&mut self, transport: &Transport) {
        // What was kept did not come encrypted, and nobody may obey it any more.
        if transport.is_opening() {
            return hand_on(transport, || self.splitter.take_rest());
        }
        self.feed(transport, &[]);
    }

    fn connection_lost(&mut self, transport: &Transport, reason: &ConnectionLost) {
        self.strings.connection_lost(transport, reason);
    }
}

/// What was received is not a string of this [`Framing`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum FrameError {
    /// It is longer than allowed.
    #[non_exhaustive]
    TooLong {
        /// How long it is said to be.
        length: u64,
        /// How many bytes are allowed.
        limit: usize,
    },
    /// The length of a netstring is none.
    BadLength,
    /// A netstring does not end with a comma.
    MissingEnd,
}

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong { length, limit } => {
                write!(f, "a string of {length} bytes is longer than {limit}; send shorter ones")
            }
            Self::BadLength => f.write_str("a netstring does not begin with a length: digits, without a needless zero, and a colon"),
            Self::MissingEnd => {
                f.write_str("a netstring does not end with a comma where its length says")
            }
        }
    }
}

impl Error for FrameError {}
