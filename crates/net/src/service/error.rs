//! Why somebody who waits for the connection of a service gets none.

use ropewalk_deferred::Failure;
use std::error::Error;
use std::fmt;
use std::sync::Arc;

/// What became of a connection that somebody waited for.
///
/// It is the failure of [`ClientService::when_connected`](crate::ClientService::when_connected).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum NotConnected {
    /// As many attempts have failed as were to be waited for. The service goes on.
    Failed {
        /// How many attempts in a row have failed.
        attempts: u32,
        /// Why the last one did.
        last: Arc<Failure>,
    },
    /// The service was stopped, by itself or with its reactor.
    Stopped,
}

impl NotConnected {
    /// Why the last attempt failed, if that is the reason.
    #[must_use]
    pub fn last_failure(&self) -> Option<&Failure> {
        match self {
            Self::Failed { last, .. } => Some(last),
            Self::Stopped => None,
        }
    }
}

impl fmt::Display for NotConnected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed { attempts: 1, .. } => f.write_str("one attempt to connect has failed"),
            Self::Failed { attempts, .. } => {
                write!(f, "{attempts} attempts to connect have failed")
            }
            Self::Stopped => f.write_str("the service was stopped; start it first"),
        }
    }
}

impl Error for NotConnected {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.last_failure().map(|failure| &**failure as _)
    }
}

/// An attempt that failed because the factory made no protocol for the connection.
///
/// Twisted: `NoProtocol`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct NoProtocol;

impl fmt::Display for NoProtocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the factory made no protocol for the connection")
    }
}

impl Error for NoProtocol {}
