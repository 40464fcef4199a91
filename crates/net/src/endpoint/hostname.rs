//! A port of a host somewhere, as an endpoint.

use super::ClientEndpoint;
use super::description::Text;
use super::error::Fault;
use super::fields::{Fields, Schema, is_address, without_brackets};
use super::print;
use crate::connecting::ConnectOptions;
use crate::tcp;
use crate::{AddressFamily, Protocol, Transport};
use ropewalk_deferred::Deferred;
use ropewalk_reactor::Reactor;
use std::fmt;
use std::net::SocketAddr;
use std::panic::Location;
use std::time::Duration;

/// A port of a host to connect to: by a name, whose addresses are tried, or by an address.
///
/// As a text it is `tcp:example.net:80`, or with all that can be said
/// `tcp:host=example.net:port=80:timeout=2.5:family=ipv4:bindAddress=127.0.0.1`. An IPv6 address
/// stands in brackets: `tcp:[2001:db8::1]:80`.
///
/// # Threads
///
/// Any thread: it is a value, which is used on the reactor thread.
///
/// # Examples
///
/// ```
/// use ropewalk_net::{HostnameEndpoint, client_from_string};
/// use std::time::Duration;
///
/// let endpoint = HostnameEndpoint::new("example.net", 80).timeout(Duration::from_millis(2500));
/// assert_eq!(endpoint.to_string(), "tcp:example.net:80:timeout=2.5");
/// assert_eq!(client_from_string("tcp:port=80:host=example.net:timeout=2.5")?, endpoint.into());
/// # Ok::<(), ropewalk_net::EndpointParseError>(())
/// ```
///
/// Twisted: `HostnameEndpoint`, `TCP4ClientEndpoint`.
#[doc(alias = "TCP4ClientEndpoint")]
#[doc(alias = "TCP6ClientEndpoint")]
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct HostnameEndpoint {
    host: String,
    port: u16,
    timeout: Duration,
    family: AddressFamily,
    local_address: Option<SocketAddr>,
}

impl HostnameEndpoint {
    /// A port of a host, which is a name or an address.
    #[must_use]
    pub fn new(host: impl AsRef<str>, port: u16) -> Self {
        let host = without_brackets(host.as_ref()).to_owned();
        let family = AddressFamily::Any;
        Self { host, port, timeout: print::TIMEOUT, family, local_address: None }
    }

    /// How long the name and the connection may take together. Default: 30 seconds. No limit:
    /// [`Duration::MAX`].
    ///
    /// Twisted: `timeout`.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Which kinds of addresses of the host are tried. Default: both, or that of
    /// [`local_address`](Self::local_address).
    #[must_use]
    pub fn family(mut self, family: AddressFamily) -> Self {
        self.family = family;
        self
    }

    /// The address of this end; port 0 takes any free one. Default: the system chooses.
    ///
    /// Of the host's addresses only those of the same family are tried.
    ///
    /// Twisted: `bindAddress`.
    #[doc(alias = "bindAddress")]
    #[must_use]
    pub fn local_address(mut self, address: SocketAddr) -> Self {
        self.local_address = Some(print::printable(address));
        self
    }

    /// The host.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Its port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    pub(super) const SCHEMA: Schema = Schema {
        places: &["host", "port"],
        fields: &["host", "port", "timeout", "family", "bindAddress"],
        example: "tcp:example.net:80",
    };

    pub(super) fn read(fields: &mut Fields) -> Result<Self, Fault> {
        let mut endpoint =
            Self::new(fields.need("host")?.host()?, fields.need("port")?.client_port()?);
        if let Some(timeout) = fields.take("timeout") {
            endpoint.timeout = timeout.seconds()?;
        }
        if let Some(family) = fields.take("family") {
            endpoint.family = family.family()?;
        }
        if let Some(address) = fields.take("bindAddress") {
            endpoint.local_address = Some(address.local_address()?);
        }
        Ok(endpoint)
    }
}

impl HostnameEndpoint {
    pub(super) fn options(&self) -> ConnectOptions {
        let options = ConnectOptions::new().timeout(self.timeout).family(self.family);
        match self.local_address {
            Some(address) => options.local_address(address),
            None => options,
        }
    }

    /// The host and the port.
    pub(super) fn print_places(&self, text: Text) -> Text {
        let text = match is_address(&self.host) {
            true => text.address_place(&self.host),
            false => text.place(&self.host),
        };
        text.place(&self.port.to_string())
    }

    /// The other fields.
    pub(super) fn print_fields(&self, text: Text) -> Text {
        let text = print::family(print::timeout(text, self.timeout), self.family);
        match self.local_address {
            None => text,
            Some(address) if address.port() == 0 => {
                text.address("bindAddress", &print::ip(address))
            }
            Some(address) => {
                text.socket_address("bindAddress", &print::ip(address), address.port())
            }
        }
    }
}

impl ClientEndpoint for HostnameEndpoint {
    fn connect(&self, reactor: &Reactor, protocol: Box<dyn Protocol>) -> Deferred<Transport> {
        self.connect_at(reactor, protocol, Location::caller())
    }

    fn connect_at(
        &self,
        reactor: &Reactor,
        protocol: Box<dyn Protocol>,
        location: &'static Location<'static>,
    ) -> Deferred<Transport> {
        tcp::connect(
            reactor,
            (&self.host, self.port),
            self.options().on_behalf_of(location),
            protocol,
        )
    }
}

impl fmt::Display for HostnameEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.print_fields(self.print_places(Text::new("tcp")));
        f.write_str(&text.into_string())
    }
}
