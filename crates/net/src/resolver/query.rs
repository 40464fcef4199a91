//! What a resolver is asked.

use std::net::SocketAddr;

/// Which kinds of addresses are wanted.
///
/// Twisted: `addressTypes` of `resolveHostName`.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum AddressFamily {
    /// Both, in the order that the resolver prefers.
    #[default]
    Any,
    /// IPv4 only.
    Ipv4,
    /// IPv6 only.
    Ipv6,
}

impl AddressFamily {
    /// Whether `address` is of this family.
    #[must_use]
    pub fn admits(self, address: &SocketAddr) -> bool {
        match self {
            Self::Any => true,
            Self::Ipv4 => address.is_ipv4(),
            Self::Ipv6 => address.is_ipv6(),
        }
    }
}

/// The question to a [`Resolver`](crate::Resolver): a name, and the kinds of addresses wanted.
///
/// No port is in it, because all who want to know the addresses of a name at the same time share one
/// question, whatever port they will connect to.
///
/// # Examples
///
/// ```
/// use ropewalk_net::{AddressFamily, NameQuery};
///
/// let query = NameQuery::new("database.example", AddressFamily::Ipv4);
/// assert_eq!(query.name(), "database.example");
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct NameQuery<'a> {
    name: &'a str,
    family: AddressFamily,
}

impl<'a> NameQuery<'a> {
    /// A question; for those who put one to a resolver themselves.
    #[must_use]
    pub fn new(name: &'a str, family: AddressFamily) -> Self {
        Self { name, family }
    }

    /// The name: ASCII, not an address, and possible as a name.
    #[must_use]
    pub fn name(&self) -> &'a str {
        self.name
    }

    /// The kinds of addresses that are wanted. A resolver need not mind: others are left out of its
    /// answer.
    #[must_use]
    pub fn family(&self) -> AddressFamily {
        self.family
    }
}
