//! A Unix socket to connect to, as an endpoint.

use super::description::Text;
use super::error::Fault;
use super::fields::{Fields, Schema};
use super::{ClientEndpoint, print};
use crate::connecting::{self, ConnectOptions, Target};
use crate::{Protocol, Transport};
use ropewalk_deferred::Deferred;
use ropewalk_reactor::Reactor;
use std::fmt;
use std::panic::Location;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A Unix socket to connect to.
///
/// As a text it is `unix:/run/app.sock`, or `unix:path=/run/app.sock:timeout=2.5`. The time limit is
/// for a server that does not accept because too many wait already.
///
/// A path that is not Unicode cannot be printed as a text.
///
/// # Threads
///
/// Any thread: it is a value, which is used on the reactor thread.
///
/// # Examples
///
/// ```
/// use ropewalk_net::{UnixClientEndpoint, client_from_string};
///
/// let endpoint = UnixClientEndpoint::new("/run/app.sock");
/// assert_eq!(endpoint.to_string(), "unix:/run/app.sock");
/// assert_eq!(client_from_string("unix:path=/run/app.sock")?, endpoint.into());
/// # Ok::<(), ropewalk_net::EndpointParseError>(())
/// ```
///
/// Twisted: `UNIXClientEndpoint`.
#[doc(alias = "UNIXClientEndpoint")]
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct UnixClientEndpoint {
    path: PathBuf,
    timeout: Duration,
}

impl UnixClientEndpoint {
    /// The path of the socket.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), timeout: print::TIMEOUT }
    }

    /// How long the connection may take. Default: 30 seconds. No limit: [`Duration::MAX`].
    ///
    /// Twisted: `timeout`.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// The path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    pub(super) const SCHEMA: Schema =
        Schema { places: &["path"], fields: &["path", "timeout"], example: "unix:/run/app.sock" };

    pub(super) fn read(fields: &mut Fields) -> Result<Self, Fault> {
        let mut endpoint = Self::new(fields.need("path")?.into_text());
        if let Some(timeout) = fields.take("timeout") {
            endpoint.timeout = timeout.seconds()?;
        }
        Ok(endpoint)
    }
}

impl ClientEndpoint for UnixClientEndpoint {
    fn connect(&self, reactor: &Reactor, protocol: Box<dyn Protocol>) -> Deferred<Transport> {
        self.connect_at(reactor, protocol, Location::caller())
    }

    fn connect_at(
        &self,
        reactor: &Reactor,
        protocol: Box<dyn Protocol>,
        location: &'static Location<'static>,
    ) -> Deferred<Transport> {
        let options = ConnectOptions::new().timeout(self.timeout).on_behalf_of(location);
        connecting::connect(reactor, Target::Unix((&*self.path).into()), options, protocol)
    }
}

impl fmt::Display for UnixClientEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = Text::new("unix").place(&self.path.to_string_lossy());
        f.write_str(&print::timeout(text, self.timeout).into_string())
    }
}
