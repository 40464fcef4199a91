//! A Unix socket to listen on, as an endpoint.

use super::description::Text;
use super::error::Fault;
use super::fields::{Fields, Schema};
use super::{BoxFactory, ServerEndpoint, print};
use crate::error::ListenError;
use crate::listening::Limits;
use crate::{Address, ListeningPort, ReactorUnix as _, UnixListenOptions};
use ropewalk_reactor::Reactor;
use std::fmt;
use std::path::{Path, PathBuf};

/// A Unix socket to listen on.
///
/// As a text it is `unix:/run/app.sock`, or with all that can be said
/// `unix:path=/run/app.sock:mode=660:backlog=50:maxConnections=1000`. The mode is octal, as for `chmod`, and says who may
/// connect. The file goes with the port, and one that a killed program has left is replaced: see
/// [`listen_unix`](crate::ReactorUnix::listen_unix).
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
/// use ropewalk_net::{UnixServerEndpoint, server_from_string};
///
/// let endpoint = UnixServerEndpoint::new("/run/app.sock").mode(0o660);
/// assert_eq!(endpoint.to_string(), "unix:/run/app.sock:mode=660");
/// assert_eq!(server_from_string("unix:mode=660:path=/run/app.sock")?, endpoint.into());
/// # Ok::<(), ropewalk_net::EndpointParseError>(())
/// ```
///
/// Twisted: `UNIXServerEndpoint`.
#[doc(alias = "UNIXServerEndpoint")]
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct UnixServerEndpoint {
    path: PathBuf,
    mode: Option<u32>,
    limits: Limits,
}

impl UnixServerEndpoint {
    /// The path of the socket.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), mode: None, limits: Limits::default() }
    }

    /// Who may connect: the permissions of the file, of which the last three octal digits count.
    /// Default: what the `umask` of the process leaves.
    ///
    /// Twisted: `mode`.
    #[must_use]
    pub fn mode(mut self, bits: u32) -> Self {
        self.mode = Some(bits & 0o777);
        self
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

    /// The path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    pub(super) const SCHEMA: Schema = Schema {
        places: &["path"],
        fields: &["path", "mode", "backlog", "maxConnections"],
        example: "unix:/run/app.sock",
    };

    pub(super) fn read(fields: &mut Fields) -> Result<Self, Fault> {
        let path = fields.need("path")?.into_text().into();
        let mode = fields.take("mode").map(|value| value.mode()).transpose()?;
        Ok(Self { path, mode, limits: fields.take_limits()? })
    }
}

impl ServerEndpoint for UnixServerEndpoint {
    fn listen(
        &self,
        reactor: &Reactor,
        factory: BoxFactory,
    ) -> Result<ListeningPort<Address>, ListenError> {
        let mut options = UnixListenOptions::new().limits(self.limits);
        if let Some(bits) = self.mode {
            options = options.mode(bits);
        }
        Ok(reactor.listen_unix_with(&*self.path, options, factory)?.into())
    }
}

impl fmt::Display for UnixServerEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = Text::new("unix").place(&self.path.to_string_lossy());
        if let Some(bits) = self.mode {
            text = text.field("mode", &format!("{bits:03o}"));
        }
        f.write_str(&print::limits(text, self.limits).into_string())
    }
}
