//! Endpoints of every kind that a text can describe.

use super::error::EndpointParseError;
use super::schemes::{CLIENTS, SERVERS};
use super::{BoxFactory, ClientEndpoint, HostnameEndpoint, ServerEndpoint, TcpServerEndpoint};
#[cfg(feature = "tls")]
use super::{TlsClientEndpoint, TlsServerEndpoint};
#[cfg(unix)]
use super::{UnixClientEndpoint, UnixServerEndpoint};
use crate::error::ListenError;
use crate::{Address, ListeningPort, Protocol, Transport};
use ropewalk_deferred::Deferred;
use ropewalk_reactor::Reactor;
use std::fmt;
use std::panic::Location;
use std::str::FromStr;

/// Reads the description of something to listen on, such as `tcp:8080:interface=127.0.0.1`.
///
/// The kinds and their fields:
///
/// | kind | fields |
/// |---|---|
/// | `tcp` | `port`, `interface`, `backlog`, `maxConnections`: see [`TcpServerEndpoint`] |
/// | `unix` | `path`, `mode`, `backlog`, `maxConnections`: see `UnixServerEndpoint` (on Unix) |
/// | `tls` | `port`, `certificate`, `key`, `trust`, `interface`, `backlog`, `maxConnections`: see `TlsServerEndpoint` (with the feature `tls`) |
///
/// The first ones of them may stand without a name, in this order. A backslash before `:`, `\`, `=`,
/// `[` or `]` makes an ordinary letter of it, and an address in brackets needs none.
///
/// It is `text.parse::<AnyServerEndpoint>()` under another name.
///
/// # Threads
///
/// Any thread. Nothing is opened, and no file read.
///
/// # Errors
///
/// [`EndpointParseError`], which shows the column and says what to write instead.
///
/// # Examples
///
/// ```
/// use ropewalk_net::server_from_string;
///
/// let endpoint = server_from_string("tcp:8080:interface=[::1]")?;
/// assert_eq!(endpoint.to_string(), "tcp:8080:interface=[::1]");
/// # Ok::<(), ropewalk_net::EndpointParseError>(())
/// ```
///
/// Twisted: `serverFromString`.
#[doc(alias = "serverFromString")]
pub fn server_from_string(text: &str) -> Result<AnyServerEndpoint, EndpointParseError> {
    SERVERS.read(text)
}

/// Reads the description of something to connect to, such as `tcp:localhost:8080:timeout=5`.
///
/// The kinds and their fields:
///
/// | kind | fields |
/// |---|---|
/// | `tcp` | `host`, `port`, `timeout` (seconds), `family`, `bindAddress`: see [`HostnameEndpoint`] |
/// | `unix` | `path`, `timeout` (seconds): see `UnixClientEndpoint` (on Unix) |
/// | `tls` | `host`, `port`, `trust`, `certificate`, `key`, `name`, `timeout`, `family`, `bindAddress`: see `TlsClientEndpoint` (with the feature `tls`) |
///
/// All else is as with [`server_from_string`].
///
/// # Threads
///
/// Any thread. Nothing is opened, and no file read.
///
/// # Errors
///
/// [`EndpointParseError`], which shows the column and says what to write instead.
///
/// # Examples
///
/// ```
/// use ropewalk_net::client_from_string;
///
/// let endpoint = client_from_string("tcp:host=localhost:port=8080")?;
/// assert_eq!(endpoint.to_string(), "tcp:localhost:8080");
/// # Ok::<(), ropewalk_net::EndpointParseError>(())
/// ```
///
/// Twisted: `clientFromString`.
#[doc(alias = "clientFromString")]
pub fn client_from_string(text: &str) -> Result<AnyClientEndpoint, EndpointParseError> {
    CLIENTS.read(text)
}

/// Something to listen on, of any kind that [`server_from_string`] can read.
///
/// # Threads
///
/// Any thread: it is a value, which is used on the reactor thread.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum AnyServerEndpoint {
    /// A port of this machine.
    Tcp(TcpServerEndpoint),
    /// A socket in the file system.
    #[cfg(unix)]
    Unix(UnixServerEndpoint),
    /// A port of this machine whose connections are encrypted.
    #[cfg(feature = "tls")]
    #[cfg_attr(docsrs, doc(cfg(feature = "tls")))]
    Tls(TlsServerEndpoint),
}

/// Something to connect to, of any kind that [`client_from_string`] can read.
///
/// # Threads
///
/// Any thread: it is a value, which is used on the reactor thread.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum AnyClientEndpoint {
    /// A port of a host.
    Tcp(HostnameEndpoint),
    /// A socket in the file system.
    #[cfg(unix)]
    Unix(UnixClientEndpoint),
    /// A port of a host, and an encrypted connection.
    #[cfg(feature = "tls")]
    #[cfg_attr(docsrs, doc(cfg(feature = "tls")))]
    Tls(TlsClientEndpoint),
}

impl From<TcpServerEndpoint> for AnyServerEndpoint {
    fn from(endpoint: TcpServerEndpoint) -> Self {
        Self::Tcp(endpoint)
    }
}

impl From<HostnameEndpoint> for AnyClientEndpoint {
    fn from(endpoint: HostnameEndpoint) -> Self {
        Self::Tcp(endpoint)
    }
}

#[cfg(unix)]
impl From<UnixServerEndpoint> for AnyServerEndpoint {
    fn from(endpoint: UnixServerEndpoint) -> Self {
        Self::Unix(endpoint)
    }
}

#[cfg(unix)]
impl From<UnixClientEndpoint> for AnyClientEndpoint {
    fn from(endpoint: UnixClientEndpoint) -> Self {
        Self::Unix(endpoint)
    }
}

#[cfg(feature = "tls")]
impl From<TlsServerEndpoint> for AnyServerEndpoint {
    fn from(endpoint: TlsServerEndpoint) -> Self {
        Self::Tls(endpoint)
    }
}

#[cfg(feature = "tls")]
impl From<TlsClientEndpoint> for AnyClientEndpoint {
    fn from(endpoint: TlsClientEndpoint) -> Self {
        Self::Tls(endpoint)
    }
}

impl FromStr for AnyServerEndpoint {
    type Err = EndpointParseError;

    fn from_str(text: &str) -> Result<Self, EndpointParseError> {
        server_from_string(text)
    }
}

impl FromStr for AnyClientEndpoint {
    type Err = EndpointParseError;

    fn from_str(text: &str) -> Result<Self, EndpointParseError> {
        client_from_string(text)
    }
}

impl fmt::Display for AnyServerEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(endpoint) => endpoint.fmt(f),
            #[cfg(unix)]
            Self::Unix(endpoint) => endpoint.fmt(f),
            #[cfg(feature = "tls")]
            Self::Tls(endpoint) => endpoint.fmt(f),
        }
    }
}

impl fmt::Display for AnyClientEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(endpoint) => endpoint.fmt(f),
            #[cfg(unix)]
            Self::Unix(endpoint) => endpoint.fmt(f),
            #[cfg(feature = "tls")]
            Self::Tls(endpoint) => endpoint.fmt(f),
        }
    }
}

impl ServerEndpoint for AnyServerEndpoint {
    fn listen(
        &self,
        reactor: &Reactor,
        factory: BoxFactory,
    ) -> Result<ListeningPort<Address>, ListenError> {
        match self {
            Self::Tcp(endpoint) => endpoint.listen(reactor, factory),
            #[cfg(unix)]
            Self::Unix(endpoint) => endpoint.listen(reactor, factory),
            #[cfg(feature = "tls")]
            Self::Tls(endpoint) => endpoint.listen(reactor, factory),
        }
    }
}

impl ClientEndpoint for AnyClientEndpoint {
    fn connect(&self, reactor: &Reactor, protocol: Box<dyn Protocol>) -> Deferred<Transport> {
        self.connect_at(reactor, protocol, Location::caller())
    }

    fn connect_at(
        &self,
        reactor: &Reactor,
        protocol: Box<dyn Protocol>,
        location: &'static Location<'static>,
    ) -> Deferred<Transport> {
        match self {
            Self::Tcp(endpoint) => endpoint.connect_at(reactor, protocol, location),
            #[cfg(unix)]
            Self::Unix(endpoint) => endpoint.connect_at(reactor, protocol, location),
            #[cfg(feature = "tls")]
            Self::Tls(endpoint) => endpoint.connect_at(reactor, protocol, location),
        }
    }
}
