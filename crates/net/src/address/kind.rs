//! The kinds of address that a port may deal in.

use super::Address;
#[cfg(unix)]
use super::UnixAddress;
use std::net::SocketAddr;

/// An address of one kind: what a [`Factory`](crate::Factory) is given, and a
/// [`ListeningPort`](crate::ListeningPort) gives.
///
/// It is implemented by [`SocketAddr`], `UnixAddress`, and by [`Address`], which stands for all kinds.
pub trait AddressKind: Clone + Into<Address> + std::fmt::Display + 'static {
    /// The address, if it is of this kind. The ports of a kind have no others.
    #[doc(hidden)]
    fn from_address(address: &Address) -> Option<Self>;
}

impl AddressKind for Address {
    fn from_address(address: &Address) -> Option<Self> {
        Some(address.clone())
    }
}

impl AddressKind for SocketAddr {
    fn from_address(address: &Address) -> Option<Self> {
        address.socket_addr()
    }
}

#[cfg(unix)]
impl AddressKind for UnixAddress {
    fn from_address(address: &Address) -> Option<Self> {
        address.unix_addr().cloned()
    }
}
