//! A port of this machine, as an endpoint.

use super::description::Text;
use super::error::Fault;
use super::fields::{Fields, Schema};
use super::{BoxFactory, ServerEndpoint, print};
use crate::error::ListenError;
use crate::listening::Limits;
use crate::{Address, ListenOptions, ListeningPort, ReactorNet as _};
use ropewalk_reactor::Reactor;
use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};

/// A port of this machine to listen on.
///
/// As a text it is `tcp:8080`, which is that port of each IPv4 address of this machine, or
/// `tcp:port=8080:interface=127.0.0.1:backlog=50:maxConnections=1000`. The interface is an address, an IPv6 one in
/// brackets; `[::]` is each of both kinds on most systems.
///
/// # Threads
///
/// Any thread: it is a value, which is used on the reactor thread.
///
/// # Examples
///
/// ```
/// use ropewalk_net::{TcpServerEndpoint, server_from_string};
///
/// let endpoint = TcpServerEndpoint::new(([127, 0, 0, 1], 8080)).backlog(50);
/// let text = "tcp:8080:interface=127.0.0.1:backlog=50";
/// assert_eq!(endpoint.to_string(), text);
/// assert_eq!(server_from_string(text)?, endpoint.into());
/// # Ok::<(), ropewalk_net::EndpointParseError>(())
/// ```
///
/// Twisted: `TCP4ServerEndpoint`, `TCP6ServerEndpoint`.
#[doc(alias = "TCP4ServerEndpoint")]
#[doc(alias = "TCP6ServerEndpoint")]
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct TcpServerEndpoint {
    address: SocketAddr,
    limits: Limits,
}

impl TcpServerEndpoint {
    /// The port and the address of this machine; port 0 takes any free one.
    #[must_use]
    pub fn new(address: impl Into<SocketAddr>) -> Self {
        Self { address: print::printable(address.into()), limits: Limits::default() }
    }

    /// How many connections may wait to be accepted. Default: as many as the system allows.
    ///
    /// Twisted: `backlog`.
    #[must_use]
    pub fn backlog(mut self, connections: u32) -> Self {
        self.limits.backlog = Some(connections);
        self
    }

    /// How many connections there are at a time; who comes then waits in the backlog. Default: as many
    /// as come.
    #[must_use]
    pub fn max_connections(mut self, connections: u32) -> Self {
        self.limits.max_connections = Some(connections as usize);
        self
    }

    /// The address that was given: with port 0, if that was.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub(super) const SCHEMA: Schema = Schema {
        places: &["port"],
        fields: &["port", "interface", "backlog", "maxConnections"],
        example: "tcp:8080",
    };

    pub(super) fn read(fields: &mut Fields) -> Result<Self, Fault> {
        let port = fields.need("port")?.server_port()?;
        let interface = fields.take("interface").map(|value| value.interface()).transpose()?;
        let mut address = interface.unwrap_or((Ipv4Addr::UNSPECIFIED, 0).into());
        address.set_port(port);
        Ok(Self { address, limits: fields.take_limits()? })
    }
}

impl TcpServerEndpoint {
    pub(super) fn options(&self) -> ListenOptions {
        ListenOptions::new().limits(self.limits)
    }

    /// The port.
    pub(super) fn print_place(&self, text: Text) -> Text {
        text.place(&self.address.port().to_string())
    }

    /// The other fields.
    pub(super) fn print_fields(&self, mut text: Text) -> Text {
        if self.address.ip() != Ipv4Addr::UNSPECIFIED {
            text = text.address("interface", &print::ip(self.address));
        }
        print::limits(text, self.limits)
    }
}

impl ServerEndpoint for TcpServerEndpoint {
    fn listen(
        &self,
        reactor: &Reactor,
        factory: BoxFactory,
    ) -> Result<ListeningPort<Address>, ListenError> {
        Ok(reactor.listen_tcp_with(self.address, self.options(), factory)?.into())
    }
}

impl fmt::Display for TcpServerEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.print_fields(self.print_place(Text::new("tcp")));
        f.write_str(&text.into_string())
    }
}
