//! How a Unix socket is opened.

use super::place;
use crate::UnixAddress;
use crate::listening::{Limits, Opened};
use socket2::{Domain, Socket, Type};
use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt as _;

/// How [`listen_unix_with`](crate::ReactorUnix::listen_unix_with) opens a socket.
///
/// # Examples
///
/// ```
/// use ropewalk_net::UnixListenOptions;
///
/// let options = UnixListenOptions::new().mode(0o660).max_connections(100);
/// ```
#[derive(Clone, Debug)]
#[must_use = "options do nothing until they are given to listen_unix_with"]
pub struct UnixListenOptions {
    limits: Limits,
    mode: Option<u32>,
}

impl UnixListenOptions {
    /// The defaults.
    pub fn new() -> Self {
        Self { limits: Limits::default(), mode: None }
    }

    /// How many connections may wait to be accepted, as with
    /// [`ListenOptions::backlog`](crate::ListenOptions::backlog). Default: as many as the system allows.
    ///
    /// Twisted: `backlog`.
    pub fn backlog(mut self, connections: u32) -> Self {
        self.limits.backlog = Some(connections);
        self
    }

    /// Who may connect: the permission bits of the file, such as `0o660`. Default: what the `umask`
    /// of the process leaves.
    ///
    /// They are set before the socket listens, so that nobody slips in before. Linux asks for the
    /// right to write; some systems ask the directory only.
    ///
    /// Twisted: `mode`.
    pub fn mode(mut self, bits: u32) -> Self {
        self.mode = Some(bits);
        self
    }

    /// How many connections the socket has at a time, as with
    /// [`ListenOptions::max_connections`](crate::ListenOptions::max_connections). Default: as many as
    /// come.
    pub fn max_connections(mut self, connections: usize) -> Self {
        self.limits.max_connections = Some(connections);
        self
    }

    /// With the limits that an endpoint has read.
    pub(crate) fn limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    pub(super) fn most(&self) -> Option<usize> {
        self.limits.max_connections
    }

    pub(super) fn open(&self, address: &UnixAddress) -> io::Result<Opened> {
        let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
        place::bind(&socket, address)?;
        let mut opened = Opened::new(socket);
        if let Some(path) = address.as_pathname() {
            // From here on the file is ours, and goes if anything fails.
            let cleared = place::Cleared::new(path)?;
            if let Some(bits) = self.mode {
                fs::set_permissions(path, Permissions::from_mode(bits))?;
            }
            opened.socket.listen(self.limits.to_listen())?;
            opened.remains = Some(Box::new(move || drop(cleared)));
        } else {
            opened.socket.listen(self.limits.to_listen())?;
        }
        Ok(opened)
    }
}

impl Default for UnixListenOptions {
    fn default() -> Self {
        Self::new()
    }
}
