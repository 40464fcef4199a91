//! A carrier of whatever kind, in the connection itself if it is a socket.
//!
//! Nearly all are. So a connection is of one type, and of a size that is known: its fields are where
//! the compiler says, not where a table at run time does, and to read from a socket is a plain call.

use super::Carrier;
use crate::socket::SocketCarrier;
use std::io::{self, IoSlice};
use std::ops::Deref;

pub(crate) enum AnyCarrier {
    Socket(SocketCarrier),
    /// In memory, for tests.
    Other(Box<dyn Carrier>),
}

/// What each message needs, of a carrier that is [plain](Carrier::is_plain).
impl AnyCarrier {
    #[inline]
    pub(crate) fn read_plain(&self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Socket(socket) => socket.read_plain(buffer),
            Self::Other(other) => other.read(buffer),
        }
    }

    #[inline]
    pub(crate) fn write_plain(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        match self {
            Self::Socket(socket) => socket.write_plain(slices),
            Self::Other(other) => other.write(slices),
        }
    }
}

/// All else.
impl Deref for AnyCarrier {
    type Target = dyn Carrier;

    fn deref(&self) -> &dyn Carrier {
        match self {
            Self::Socket(socket) => socket,
            Self::Other(other) => &**other,
        }
    }
}
