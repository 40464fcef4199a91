//! What an attempt is to be connected to.

#[cfg(unix)]
use crate::UnixAddress;
use crate::error::ConnectErrorKind;
use std::fmt;

#[derive(Clone, Debug)]
pub(crate) enum Target {
    /// A name or an address, and a port.
    Host { host: String, port: u16 },
    #[cfg(unix)]
    Unix(UnixAddress),
}

impl Target {
    /// What no attempt could mend.
    pub(super) fn fault(&self) -> Option<ConnectErrorKind> {
        match self {
            Self::Host { port: 0, .. } => Some(ConnectErrorKind::Port),
            Self::Host { .. } => None,
            #[cfg(unix)]
            Self::Unix(_) => None,
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host { host, port } => write!(f, "{host:?} port {port}"),
            #[cfg(unix)]
            Self::Unix(address) => write!(f, "the Unix socket {address}"),
        }
    }
}
