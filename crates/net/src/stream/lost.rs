//! The end of a connection, as an error of a stream.

use crate::ConnectionLost;
use std::io;

impl ConnectionLost {
    /// The reason inside of an error that a stream gave; nothing if it is another error.
    ///
    /// # Examples
    ///
    /// ```
    /// use ropewalk_net::ConnectionLost;
    ///
    /// let error = std::io::Error::from(ConnectionLost::Aborted);
    /// assert!(matches!(ConnectionLost::of(&error), Some(ConnectionLost::Aborted)));
    /// ```
    #[must_use]
    pub fn of(error: &io::Error) -> Option<&Self> {
        error.get_ref()?.downcast_ref()
    }
}

/// For whoever reads or writes. The kind is that of the error by which the connection broke; if this
/// side has ended it, [`ConnectionAborted`](io::ErrorKind::ConnectionAborted).
impl From<ConnectionLost> for io::Error {
    fn from(reason: ConnectionLost) -> Self {
        let kind = match &reason {
            ConnectionLost::Lost(error) => error.kind(),
            ConnectionLost::ProtocolError(_) => io::ErrorKind::InvalidData,
            ConnectionLost::Panicked(_) => io::ErrorKind::Other,
            ConnectionLost::Done | ConnectionLost::Aborted | ConnectionLost::PeerTooSlow { .. } => {
                io::ErrorKind::ConnectionAborted
            }
        };
        Self::new(kind, reason)
    }
}
