//! What can be listened on.

use crate::resolver::{Host, classify};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};

/// An address and a port to listen on. Port 0 takes any free one.
///
/// - A [`SocketAddr`], or one of its two kinds.
/// - A pair of a port with an [`IpAddr`], [`Ipv4Addr`] or [`Ipv6Addr`], or with the text of one:
///   `("127.0.0.1", 8007)`, `("::1", 8007)`.
/// - A text with both: `"127.0.0.1:8007"`, `"[::1]:8007"`.
///
/// No name is looked up, but for `localhost`, which is 127.0.0.1 here.
pub trait ListenAddress: sealed::Sealed {
    /// The address; the text itself if it is none.
    #[doc(hidden)]
    fn into_socket_addr(self) -> Result<SocketAddr, String>;
}

mod sealed {
    #[expect(unnameable_types, reason = "what cannot be named cannot be implemented elsewhere")]
    pub trait Sealed {}
}

macro_rules! listen_addresses {
    ($($address:ty),*) => {$(
        impl sealed::Sealed for $address {}
        impl ListenAddress for $address {
            fn into_socket_addr(self) -> Result<SocketAddr, String> {
                Ok(self.into())
            }
        }
    )*};
}

listen_addresses!(SocketAddr, SocketAddrV4, SocketAddrV6);
listen_addresses!((IpAddr, u16), (Ipv4Addr, u16), (Ipv6Addr, u16));

impl sealed::Sealed for &str {}
impl ListenAddress for &str {
    fn into_socket_addr(self) -> Result<SocketAddr, String> {
        let local = self.strip_prefix("localhost:").and_then(|port| port.parse().ok());
        local
            .map(|port: u16| (Ipv4Addr::LOCALHOST, port).into())
            .or_else(|| self.parse().ok())
            .ok_or_else(|| self.to_owned())
    }
}

impl sealed::Sealed for (&str, u16) {}
impl ListenAddress for (&str, u16) {
    fn into_socket_addr(self) -> Result<SocketAddr, String> {
        match classify(self.0, self.1) {
            Host::Address(address) => Ok(address),
            Host::Name(_) if self.0 == "localhost" => Ok((Ipv4Addr::LOCALHOST, self.1).into()),
            Host::Name(_) | Host::Invalid(_) => Err(format!("{}:{}", self.0, self.1)),
        }
    }
}

impl sealed::Sealed for &String {}
impl ListenAddress for &String {
    fn into_socket_addr(self) -> Result<SocketAddr, String> {
        self.as_str().into_socket_addr()
    }
}

impl sealed::Sealed for String {}
impl ListenAddress for String {
    fn into_socket_addr(self) -> Result<SocketAddr, String> {
        self.as_str().into_socket_addr()
    }
}
