//! Why a name has no address.

use super::descriptors::{is_want_of_descriptors, want_of_descriptors};
use ropewalk_deferred::Failure;
use std::error::Error;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

/// What is wrong.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum ResolveErrorKind {
    /// It cannot be a name; the text says why.
    InvalidName(&'static str),
    /// There is no such name.
    NotFound,
    /// The name exists, but has no address of the family that was asked for.
    NoAddress,
    /// The name servers do not answer, or cannot say for now.
    TryAgain,
    /// The system failed; no descriptor was left, for example.
    Io(Arc<io::Error>),
    /// The installed resolver failed: with an error of its own, which can be downcast, or by a panic
    /// ([`Panicked`](ropewalk_deferred::Panicked)).
    Resolver(Arc<Failure>),
    /// No answer in the time allowed, which includes the time in the queue.
    TimedOut(Duration),
    /// The reactor stopped.
    Stopped,
}

impl From<io::Error> for ResolveErrorKind {
    fn from(error: io::Error) -> Self {
        Self::Io(Arc::new(error))
    }
}

/// A name has no address: which one, why, and what to do.
///
/// It is the failure of [`resolve`](crate::ReactorNet::resolve).
///
/// Twisted: `DNSLookupError`.
#[derive(Clone, Debug)]
pub struct ResolveError {
    pub(crate) host: String,
    pub(crate) kind: ResolveErrorKind,
}

impl ResolveError {
    /// An error about `host`; for those who write a [`Resolver`](crate::Resolver).
    #[must_use]
    pub fn new(host: impl Into<String>, kind: ResolveErrorKind) -> Self {
        Self { host: host.into(), kind }
    }

    /// The name that was asked for.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// What is wrong.
    #[must_use]
    pub fn kind(&self) -> &ResolveErrorKind {
        &self.kind
    }

    /// Whether the name is known not to exist, or to have no such address: to ask again is of no use.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        matches!(self.kind, ResolveErrorKind::NotFound | ResolveErrorKind::NoAddress)
    }

    /// Whether to ask again later may help: nobody answered, or not in time, or no descriptor was left
    /// to ask with.
    #[must_use]
    pub fn is_temporary(&self) -> bool {
        match &self.kind {
            ResolveErrorKind::TryAgain | ResolveErrorKind::TimedOut(_) => true,
            ResolveErrorKind::Io(error) => is_want_of_descriptors(error),
            _ => false,
        }
    }
}

impl fmt::Display for ResolveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the name {:?} ", self.host)?;
        match &self.kind {
            ResolveErrorKind::InvalidName(why) => write!(f, "is not a host name: {why}"),
            ResolveErrorKind::NotFound => f.write_str("does not exist; check the spelling"),
            ResolveErrorKind::NoAddress => f.write_str(
                "has no address of the family that was asked for, or that this end has; check the \
                 spelling, or ask for both",
            ),
            ResolveErrorKind::TryAgain => f.write_str(
                "could not be looked up for now; try again later, and check the name servers of this \
                 machine",
            ),
            ResolveErrorKind::Io(error) => match want_of_descriptors(error) {
                Some(words) => write!(f, "could not be looked up: {words} [{error}]"),
                None => write!(
                    f,
                    "could not be looked up: {error}; check the name service of this machine"
                ),
            },
            ResolveErrorKind::Resolver(failure) => {
                write!(f, "could not be looked up: the resolver that is installed says: {failure:#}")
            }
            ResolveErrorKind::TimedOut(limit) => {
                write!(f, "was not answered within {limit:?}; check the name servers")
            }
            ResolveErrorKind::Stopped => {
                f.write_str("was not looked up: the reactor is stopping; run it again first")
            }
        }
    }
}

/// Its text says everything: there is no source.
impl Error for ResolveError {}
