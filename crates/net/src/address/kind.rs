//! The kinds of address that a port may deal in.

use super::Address;
#[cfg(unix)]
use super::UnixAddress;
use std::net::SocketAddr;

mod sealed {
    use super::Address;

    #[expect(unnameable_types, reason = "what cannot be named cannot be implemented elsewhere")]
    pub trait FromAddress: Sized {
        /// The address, if it is of this kind. The ports of a kind have no others.
        fn from_address(address: &Address) -> Option<Self>;
    }
}

use sealed::FromAddress;

/// An address of one kind: what a [`Factory`](crate::Factory) is given, and a
/// [`ListeningPort`](crate::ListeningPort) gives.
///
/// It is implemented by [`SocketAddr`], `UnixAddress`, and by [`Address`], which stands for all kinds.
/// There are no others: the transports decide what addresses there are.
pub trait AddressKind: FromAddress + Clone + Into<Address> + std::fmt::Display + 'static {}

impl AddressKind for Address {}

impl FromAddress for Address {
    fn from_address(address: &Address) -> Option<Self> {
        Some(address.clone())
    }
}

impl AddressKind for SocketAddr {}

impl FromAddress for SocketAddr {
    fn from_address(address: &Address) -> Option<Self> {
        address.socket_addr()
    }
}

#[cfg(unix)]
impl AddressKind for UnixAddress {}

#[cfg(unix)]
impl FromAddress for UnixAddress {
    fn from_address(address: &Address) -> Option<Self> {
        address.unix_addr().cloned()
    }
}
