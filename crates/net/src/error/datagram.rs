//! Why a datagram cannot be sent, and why a UDP port is gone.

use ropewalk_deferred::Panicked;
use std::error::Error;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

/// Why a UDP port is closed.
///
/// Given to [`DatagramProtocol::stop_protocol`](crate::DatagramProtocol::stop_protocol), and the
/// failure of whatever waited for the port.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum StopReason {
    /// This side closed it, or dropped it.
    Closed,
    /// The reactor stopped, or is gone.
    ReactorStopped,
    /// The socket failed.
    Lost(Arc<io::Error>),
    /// A method of the protocol panicked.
    Panicked(Panicked),
}

impl fmt::Display for StopReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed => f.write_str("the port was closed on this side"),
            Self::ReactorStopped => f.write_str("the port was closed because the reactor stopped"),
            Self::Lost(error) => write!(f, "the port failed: {error}"),
            Self::Panicked(panicked) => write!(f, "the protocol panicked: {}", panicked.message()),
        }
    }
}

/// Its text says everything: there is no source.
impl Error for StopReason {}

/// What is wrong.
#[derive(Debug)]
#[non_exhaustive]
pub enum SendErrorKind {
    /// The system has no room for it now.
    Full,
    /// It is longer than a datagram may be, or than the buffer of the system in which it would wait: see
    /// [`DatagramOptions::send_buffer`](crate::DatagramOptions::send_buffer).
    TooLong,
    /// The port is not connected, and no address was given.
    NotConnected,
    /// The port is connected to this address, and another one was given.
    ConnectedTo(SocketAddr),
    /// The address is IPv6 and the port is IPv4, or the other way round.
    OtherFamily,
    /// The port is closed.
    Closed,
    /// The operating system refuses.
    Io(io::Error),
}

/// A datagram was not sent: to whom it was to go, why, and what to do.
///
/// The data is still the caller's.
///
/// Twisted: `MessageLengthError`, among others.
#[derive(Debug)]
pub struct SendError {
    pub(crate) peer: Option<SocketAddr>,
    pub(crate) kind: SendErrorKind,
}

impl SendError {
    /// The address that it was to go to; `None` if none was given and the port is not connected.
    #[must_use]
    pub fn peer(&self) -> Option<SocketAddr> {
        self.peer
    }

    /// What is wrong.
    #[must_use]
    pub fn kind(&self) -> &SendErrorKind {
        &self.kind
    }

    /// Whether the same may be sent when the system has room again.
    #[must_use]
    pub fn is_full(&self) -> bool {
        matches!(self.kind, SendErrorKind::Full)
    }
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.peer {
            Some(peer) => write!(f, "the datagram to {peer} was not sent: ")?,
            None => f.write_str("the datagram was not sent: ")?,
        }
        match &self.kind {
            SendErrorKind::Full => {
                f.write_str("the system has no room for it; drop it, or wait for `when_writable`")
            }
            SendErrorKind::TooLong => {
                f.write_str("it is too long; send less at a time, at best no more than 1200 bytes")
            }
            SendErrorKind::NotConnected => {
                f.write_str("the port is not connected; connect it, or use `send_to`")
            }
            SendErrorKind::ConnectedTo(address) => {
                write!(f, "the port is connected to {address}; open another one for other peers")
            }
            SendErrorKind::OtherFamily => f.write_str(
                "the port has no such addresses; listen on 0.0.0.0 for IPv4, and on [::] for IPv6",
            ),
            SendErrorKind::Closed => f.write_str("the port is closed; open another one"),
            SendErrorKind::Io(error) => match in_words(error) {
                Some(words) => f.write_str(words),
                None => error.fmt(f),
            },
        }
    }
}

fn in_words(error: &io::Error) -> Option<&'static str> {
    match error.kind() {
        io::ErrorKind::PermissionDenied => Some(
            "the system does not allow it; if it is a broadcast, call `set_broadcast_allowed` first",
        ),
        _ => None,
    }
}

impl Error for SendError {
    /// What the system said, if the text of this error says it in other words.
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.kind {
            SendErrorKind::Io(error) if in_words(error).is_some() => Some(error),
            _ => None,
        }
    }
}
