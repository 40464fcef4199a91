//! The address of one end of a connection.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

/// Where one end of a connection is.
///
/// Given by [`Transport::peer`](crate::Transport::peer) and
/// [`Transport::host`](crate::Transport::host). Always a real address, never the name that was
/// asked for.
///
/// Twisted: `IPv4Address`, `IPv6Address`.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Address {
    /// An Internet address and a port.
    Inet(SocketAddr),
}

impl Address {
    /// The Internet address and port; `None` for an address of another family.
    #[must_use]
    pub fn socket_addr(&self) -> Option<SocketAddr> {
        match self {
            Self::Inet(address) => Some(*address),
        }
    }

    /// The Internet address; `None` for an address of another family.
    #[must_use]
    pub fn ip(&self) -> Option<IpAddr> {
        self.socket_addr().map(|address| address.ip())
    }

    /// The port; `None` for an address of a family that has none.
    #[must_use]
    pub fn port(&self) -> Option<u16> {
        self.socket_addr().map(|address| address.port())
    }
}

impl From<SocketAddr> for Address {
    fn from(address: SocketAddr) -> Self {
        Self::Inet(address)
    }
}

impl PartialEq<SocketAddr> for Address {
    fn eq(&self, other: &SocketAddr) -> bool {
        self.socket_addr() == Some(*other)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Inet(address) => address.fmt(f),
        }
    }
}
