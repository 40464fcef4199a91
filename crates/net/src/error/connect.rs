//! Why a connection was not made.

use super::ResolveError;
use super::descriptors::want_of_descriptors;
use crate::Address;
use crate::connecting::Target;
use std::error::Error;
use std::fmt;
use std::io;
use std::time::Duration;

/// One address that was tried, and what came of it.
#[derive(Debug)]
#[non_exhaustive]
pub struct FailedAttempt {
    /// What was tried.
    pub address: Address,
    /// What the operating system said.
    pub error: io::Error,
}

/// What is wrong.
#[derive(Debug)]
#[non_exhaustive]
pub enum ConnectErrorKind {
    /// There is no port 0 to connect to.
    Port,
    /// The name has no address.
    Resolve(ResolveError),
    /// No address took the connection: see [`ConnectError::attempts`].
    Unreachable,
    /// The time allowed for the name and the connection was over.
    TimedOut(Duration),
    /// There was a connection, and it could not be encrypted.
    #[cfg(feature = "tls")]
    #[cfg_attr(docsrs, doc(cfg(feature = "tls")))]
    Tls(crate::tls::TlsError),
    /// The reactor stopped.
    Stopped,
}

/// A connection was not made: to what, why, and what to do.
///
/// It is the failure of [`connect_tcp`](crate::ReactorNet::connect_tcp); find it with
/// `failure.downcast_ref::<ConnectError>()`.
///
/// Twisted: `ConnectError` and its family.
#[derive(Debug)]
pub struct ConnectError {
    target: Target,
    kind: ConnectErrorKind,
    attempts: Vec<FailedAttempt>,
}

impl ConnectError {
    pub(crate) fn new(
        target: Target,
        kind: ConnectErrorKind,
        attempts: Vec<FailedAttempt>,
    ) -> Self {
        Self { target, kind, attempts }
    }

    /// The host that was asked for; `None` if it was a Unix socket.
    #[must_use]
    pub fn host(&self) -> Option<&str> {
        match &self.target {
            Target::Host { host, .. } => Some(host),
            #[cfg(unix)]
            Target::Unix(_) => None,
        }
    }

    /// The port that was asked for; `None` if it was a Unix socket.
    #[must_use]
    pub fn port(&self) -> Option<u16> {
        match &self.target {
            Target::Host { port, .. } => Some(*port),
            #[cfg(unix)]
            Target::Unix(_) => None,
        }
    }

    /// The Unix socket that was asked for; `None` if it was a host.
    #[cfg(unix)]
    #[must_use]
    pub fn unix_addr(&self) -> Option<&crate::UnixAddress> {
        match &self.target {
            Target::Host { .. } => None,
            Target::Unix(address) => Some(address),
        }
    }

    /// What is wrong.
    #[must_use]
    pub fn kind(&self) -> &ConnectErrorKind {
        &self.kind
    }

    /// The addresses that were tried and failed, in that order.
    #[must_use]
    pub fn attempts(&self) -> &[FailedAttempt] {
        &self.attempts
    }

    /// Whether some machine answered that nobody listens on the port.
    ///
    /// Twisted: `ConnectionRefusedError`.
    #[must_use]
    pub fn is_refused(&self) -> bool {
        self.attempts.iter().any(|one| one.error.kind() == io::ErrorKind::ConnectionRefused)
    }

    fn why_unreachable(&self) -> &'static str {
        let is_host = self.host().is_some();
        let any = |kind| self.attempts.iter().any(|one| one.error.kind() == kind);
        let all = |kind| self.attempts.iter().all(|one| one.error.kind() == kind);
        if let Some(words) = self.attempts.iter().find_map(|one| want_of_descriptors(&one.error)) {
            words
        } else if is_host && self.is_refused() {
            "refused; is the server running, and is this its port?"
        } else if is_host && any(io::ErrorKind::AddrInUse) {
            "another socket has the port of this end; choose another one (0 takes any free one)"
        } else if is_host && all(io::ErrorKind::AddrNotAvailable) {
            "there is no address or no free port to connect from; check those of this end"
        } else if is_host {
            "no address answered; check the name and the network"
        } else if self.is_refused() || any(io::ErrorKind::NotFound) {
            "nobody listens there; is the server running, and is this its path?"
        } else {
            "the socket cannot be used; check its path, and who may connect"
        }
    }

    /// Whether the time allowed was over.
    ///
    /// Twisted: `TimeoutError`.
    #[must_use]
    pub fn is_timed_out(&self) -> bool {
        match &self.kind {
            ConnectErrorKind::TimedOut(_) => true,
            #[cfg(feature = "tls")]
            ConnectErrorKind::Tls(error) => error.is_timed_out(),
            _ => false,
        }
    }
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot connect to {}: ", self.target)?;
        match &self.kind {
            ConnectErrorKind::Port => f.write_str("no one can listen there; use a port from 1 up"),
            ConnectErrorKind::Resolve(error) => write!(f, "{error}"),
            ConnectErrorKind::Unreachable => {
                f.write_str(self.why_unreachable())?;
                self.attempts
                    .iter()
                    .try_for_each(|one| write!(f, " [{}: {}]", one.address, one.error))
            }
            ConnectErrorKind::TimedOut(limit) => {
                write!(f, "no connection after {limit:?}; allow more time, or check the network")
            }
            #[cfg(feature = "tls")]
            ConnectErrorKind::Tls(error) => error.fmt(f),
            ConnectErrorKind::Stopped => f.write_str("the reactor is stopping; run it again first"),
        }
    }
}

impl Error for ConnectError {
    /// What the text of this error does not say already.
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.kind {
            ConnectErrorKind::Resolve(_) | ConnectErrorKind::Unreachable => None,
            _ => self.attempts.last().map(|one| &one.error as _),
        }
    }
}
