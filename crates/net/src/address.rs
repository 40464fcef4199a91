//! The address of one end of a connection.

mod kind;
#[cfg(unix)]
mod unix;

pub use kind::AddressKind;
#[cfg(unix)]
pub use unix::UnixAddress;

use socket2::SockAddr;
use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};

/// Where one end of a connection is.
///
/// Given by [`Transport::peer`](crate::Transport::peer) and
/// [`Transport::host`](crate::Transport::host). Always a real address, never the name that was
/// asked for.
///
/// Twisted: `IPv4Address`, `IPv6Address`, `UNIXAddress`.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Address {
    /// An Internet address and a port.
    Inet(SocketAddr),
    /// A place in the file system of this machine, or a socket without a name.
    #[cfg(unix)]
    Unix(UnixAddress),
}

impl Address {
    /// The Internet address and port; `None` for an address of another family.
    #[must_use]
    pub fn socket_addr(&self) -> Option<SocketAddr> {
        match self {
            Self::Inet(address) => Some(*address),
            #[cfg(unix)]
            Self::Unix(_) => None,
        }
    }

    /// The Unix address; `None` for one of another family.
    #[cfg(unix)]
    #[must_use]
    pub fn unix_addr(&self) -> Option<&UnixAddress> {
        match self {
            Self::Inet(_) => None,
            Self::Unix(address) => Some(address),
        }
    }

    /// What the system calls an address.
    pub(crate) fn from_system(address: &SockAddr) -> io::Result<Self> {
        if let Some(address) = address.as_socket() {
            return Ok(Self::Inet(address));
        }
        #[cfg(unix)]
        if address.is_unix() {
            return Ok(Self::Unix(UnixAddress::from_system(address)));
        }
        Err(io::Error::new(io::ErrorKind::Unsupported, "the address is of an unknown family"))
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

#[cfg(unix)]
impl From<UnixAddress> for Address {
    fn from(address: UnixAddress) -> Self {
        Self::Unix(address)
    }
}

// Not from the other side: with a second type that a `SocketAddr` can be compared to, the compiler
// could not tell any more what to parse in `address == text.parse()?`, in any program.
impl PartialEq<SocketAddr> for Address {
    fn eq(&self, other: &SocketAddr) -> bool {
        self.socket_addr() == Some(*other)
    }
}

#[cfg(unix)]
impl PartialEq<UnixAddress> for Address {
    fn eq(&self, other: &UnixAddress) -> bool {
        self.unix_addr() == Some(other)
    }
}

#[cfg(unix)]
impl PartialEq<Address> for UnixAddress {
    fn eq(&self, other: &Address) -> bool {
        other == self
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Inet(address) => address.fmt(f),
            #[cfg(unix)]
            Self::Unix(address) => address.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Address;
    use std::net::SocketAddr;

    #[test]
    fn an_address_is_equal_to_what_is_in_it() {
        let inet = SocketAddr::from(([127, 0, 0, 1], 80));
        let address = Address::from(inet);
        assert_eq!(address, inet);
        #[cfg(unix)]
        {
            let path = super::UnixAddress::from("/run/app.sock");
            assert_ne!(address, path);
            assert_ne!(path, address);
            let address = Address::from(path.clone());
            assert_eq!(address, path);
            assert_eq!(path, address);
            assert_ne!(address, inet);
        }
    }

    #[test]
    fn an_address_is_no_larger_than_one_of_the_internet() {
        assert_eq!(size_of::<Address>(), size_of::<SocketAddr>());
    }
}
