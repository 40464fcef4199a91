//! The errors of this crate: one small type per operation that can fail.

mod connect;
mod datagram;
mod descriptors;
mod listen;
mod resolve;

pub use connect::{ConnectError, ConnectErrorKind, FailedAttempt};
pub use datagram::{SendError, SendErrorKind, StopReason};
pub(crate) use descriptors::is_want_of_descriptors;
pub use listen::{CannotListen, ListenError, ListenErrorKind};
pub use resolve::{ResolveError, ResolveErrorKind};

use ropewalk_deferred::Panicked;
use std::error::Error;
use std::fmt;
use std::io;
use std::sync::Arc;

/// Why a connection is gone.
///
/// Given to [`Protocol::connection_lost`](crate::Protocol::connection_lost), and the failure of
/// whatever waited for the connection.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum ConnectionLost {
    /// It ended well: the peer closed it, or this side did and everything was sent.
    ///
    /// Twisted: `ConnectionDone`.
    Done,
    /// It broke.
    ///
    /// Twisted: `ConnectionLost`.
    Lost(Arc<io::Error>),
    /// This side ended it at once, with
    /// [`abort_connection`](crate::Transport::abort_connection) or because the reactor stopped with
    /// something unsent.
    ///
    /// Twisted: `ConnectionAborted`.
    Aborted,
    /// More waited to be sent than [`set_max_buffered`](crate::Transport::set_max_buffered) allows,
    /// and the connection was ended at once.
    PeerTooSlow {
        /// The limit, in bytes.
        limit: usize,
    },
    /// The protocol has given the connection up, with
    /// [`fail_connection`](crate::Transport::fail_connection), because of what the peer sends; what was
    /// written before has been sent. A framing does so with a line or a string that is none.
    /// [`protocol_error`](Self::protocol_error) finds an error of a known type.
    ProtocolError(Arc<dyn Error + Send + Sync>),
    /// A method of the protocol, or of its producer, panicked.
    Panicked(Panicked),
}

impl ConnectionLost {
    /// Whether it ended well: [`ConnectionLost::Done`].
    #[must_use]
    pub fn is_clean(&self) -> bool {
        matches!(self, Self::Done)
    }

    /// What was wrong with what the peer sent, if that is why the protocol has given up, and `E` is the
    /// type of what it has said: [`LineTooLong`](crate::LineTooLong), or
    /// [`FrameError`](crate::FrameError), or one of your own.
    ///
    /// # Examples
    ///
    /// ```
    /// use ropewalk_net::{ConnectionLost, LineProtocol, LineReceiver, LineTooLong, Transport};
    ///
    /// struct Lines;
    ///
    /// impl LineProtocol for Lines {
    ///     fn line_received(&mut self, _: &Transport, _: &[u8]) {}
    ///
    ///     fn connection_lost(&mut self, transport: &Transport, reason: &ConnectionLost) {
    ///         if let Some(error) = reason.protocol_error::<LineTooLong>() {
    ///             eprintln!("{}: {error}", transport.peer());
    ///         }
    ///     }
    /// }
    ///
    /// let peer = ropewalk_testing::MemoryTransport::connect(LineReceiver::new(Lines));
    /// peer.send(&[b'x'; 20_000]);
    /// assert!(peer.sees_end());
    /// ```
    #[must_use]
    pub fn protocol_error<E: Error + 'static>(&self) -> Option<&E> {
        match self {
            Self::ProtocolError(error) => error.downcast_ref(),
            _ => None,
        }
    }
}

impl fmt::Display for ConnectionLost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Done => f.write_str("the connection was closed cleanly"),
            Self::Lost(error) => write!(f, "the connection broke: {error}"),
            Self::Aborted => f.write_str("the connection was aborted on this side"),
            Self::PeerTooSlow { limit } => {
                write!(f, "the peer is too slow: more than {} waited to be sent", Bytes(*limit))
            }
            Self::ProtocolError(error) => write!(f, "the protocol has given up: {error}"),
            Self::Panicked(panicked) => write!(f, "the protocol panicked: {}", panicked.message()),
        }
    }
}

impl Error for ConnectionLost {
    /// What is behind the error that its own text ends with.
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Lost(error) => error.source(),
            Self::ProtocolError(error) => error.source(),
            Self::Done | Self::Aborted | Self::PeerTooSlow { .. } | Self::Panicked(_) => None,
        }
    }
}

/// A number of bytes, in words.
pub(crate) struct Bytes(pub(crate) usize);

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} byte{}", self.0, if self.0 == 1 { "" } else { "s" })
    }
}
