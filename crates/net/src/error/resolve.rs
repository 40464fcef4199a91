//! Why a name has no address.

use std::error::Error;
use std::fmt;
use std::io;
use std::time::Duration;

/// What is wrong.
#[derive(Debug)]
#[non_exhaustive]
pub enum ResolveErrorKind {
    /// It cannot be a name; the text says why.
    InvalidName(&'static str),
    /// It is a name, and has no addresses.
    NoAddress,
    /// The system could not say: no such name, or no answer from the name servers.
    Lookup(io::Error),
    /// No answer in the time allowed, which includes the time in the queue.
    TimedOut(Duration),
    /// The reactor stopped.
    Stopped,
}

/// A name has no address: which one, why, and what to do.
///
/// It is the failure of [`resolve`](crate::ReactorNet::resolve).
///
/// Twisted: `DNSLookupError`.
#[derive(Debug)]
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
}

impl fmt::Display for ResolveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the name {:?} ", self.host)?;
        match &self.kind {
            ResolveErrorKind::InvalidName(why) => write!(f, "is not a host name: {why}"),
            ResolveErrorKind::NoAddress => f.write_str("has no address; check the spelling"),
            ResolveErrorKind::Lookup(error) => write!(
                f,
                "was not found; check the spelling, and the name servers of this machine ({error})"
            ),
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
