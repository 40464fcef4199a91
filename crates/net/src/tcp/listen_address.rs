//! What can be listened on.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};

/// An address and a port to listen on: a [`SocketAddr`], a pair, or a text such as
/// `"127.0.0.1:8007"`. Port 0 takes any free one. No name is looked up, but for `localhost`.
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
