//! Endpoints of every kind that a text can describe.

use super::description::{Description, Piece};
use super::error::{EndpointParseError, EndpointParseErrorKind as Kind, Fault};
use super::fields::{Fields, Schema};
use super::nearest::nearest;
use super::{BoxFactory, ClientEndpoint, HostnameEndpoint, ServerEndpoint, TcpServerEndpoint};
use crate::error::ListenError;
use crate::{ListeningPort, Protocol, Transport};
use ropewalk_deferred::Deferred;
use ropewalk_reactor::Reactor;
use std::fmt;
use std::str::FromStr;

/// Reads the description of something to listen on, such as `tcp:8080:interface=127.0.0.1`.
///
/// The kinds and their fields:
///
/// | kind | fields |
/// |---|---|
/// | `tcp` | `port`, `interface`, `backlog`: see [`TcpServerEndpoint`] |
///
/// The first ones of them may stand without a name, in this order. A backslash before `:`, `\`, `=`,
/// `[` or `]` makes an ordinary letter of it, and an address in brackets needs none.
///
/// It is `text.parse::<AnyServerEndpoint>()` under another name.
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
    read(text, &SERVERS)
}

/// Reads the description of something to connect to, such as `tcp:localhost:8080:timeout=5`.
///
/// The kinds and their fields:
///
/// | kind | fields |
/// |---|---|
/// | `tcp` | `host`, `port`, `timeout` (seconds), `bindAddress`: see [`HostnameEndpoint`] |
///
/// All else is as with [`server_from_string`].
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
    read(text, &CLIENTS)
}

/// What a text can describe: its kinds, by name.
struct Kinds<E: 'static> {
    names: &'static [&'static str],
    kinds: &'static [(Schema, Read<E>)],
}

type Read<E> = fn(Fields) -> Result<E, Fault>;

const SERVERS: Kinds<AnyServerEndpoint> = Kinds {
    names: &["tcp"],
    kinds: &[(TcpServerEndpoint::SCHEMA, |fields| TcpServerEndpoint::read(fields).map(Into::into))],
};

const CLIENTS: Kinds<AnyClientEndpoint> = Kinds {
    names: &["tcp"],
    kinds: &[(HostnameEndpoint::SCHEMA, |fields| HostnameEndpoint::read(fields).map(Into::into))],
};

fn read<E>(text: &str, kinds: &Kinds<E>) -> Result<E, EndpointParseError> {
    let read = || {
        let Description { scheme, fields, end } = Description::parse(text)?;
        let (schema, read) = kinds.find(scheme)?;
        read(Fields::read(fields, end, schema)?)
    };
    read().map_err(|fault: Fault| fault.in_text(text))
}

impl<E> Kinds<E> {
    fn find(&self, scheme: Piece) -> Result<&(Schema, Read<E>), Fault> {
        let index = self.names.iter().position(|name| *name == scheme.text);
        index.and_then(|index| self.kinds.get(index)).ok_or_else(|| {
            let (known, nearest) = (self.names, nearest(&scheme.text, self.names));
            let kind = Kind::UnknownScheme { scheme: scheme.text, known, nearest };
            Fault::new(scheme.column, kind)
        })
    }
}

/// Something to listen on, of any kind that [`server_from_string`] can read.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum AnyServerEndpoint {
    /// A port of this machine.
    Tcp(TcpServerEndpoint),
}

/// Something to connect to, of any kind that [`client_from_string`] can read.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum AnyClientEndpoint {
    /// A port of a host.
    Tcp(HostnameEndpoint),
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
        }
    }
}

impl fmt::Display for AnyClientEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(endpoint) => endpoint.fmt(f),
        }
    }
}

impl ServerEndpoint for AnyServerEndpoint {
    fn listen(&self, reactor: &Reactor, factory: BoxFactory) -> Result<ListeningPort, ListenError> {
        match self {
            Self::Tcp(endpoint) => endpoint.listen(reactor, factory),
        }
    }
}

impl ClientEndpoint for AnyClientEndpoint {
    fn connect(&self, reactor: &Reactor, protocol: Box<dyn Protocol>) -> Deferred<Transport> {
        match self {
            Self::Tcp(endpoint) => endpoint.connect(reactor, protocol),
        }
    }
}
