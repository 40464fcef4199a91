//! How one lookup goes about it.

use super::AddressFamily;
use std::time::Duration;

/// How long a lookup may take if nobody says otherwise.
const TIMEOUT: Duration = Duration::from_secs(60);

/// How [`resolve_with`](crate::ReactorNet::resolve_with) looks up a name.
///
/// # Examples
///
/// ```
/// use ropewalk_net::{AddressFamily, ResolveOptions};
/// use std::time::Duration;
///
/// let options = ResolveOptions::new().family(AddressFamily::Ipv4).timeout(Duration::from_secs(3));
/// ```
#[derive(Clone, Debug)]
#[must_use = "options do nothing until they are given to resolve_with"]
pub struct ResolveOptions {
    pub(super) family: AddressFamily,
    pub(super) timeout: Duration,
}

impl ResolveOptions {
    /// The defaults.
    pub fn new() -> Self {
        Self { family: AddressFamily::Any, timeout: TIMEOUT }
    }

    /// Which kinds of addresses are wanted. Default: both.
    ///
    /// Twisted: `addressTypes`.
    pub fn family(mut self, family: AddressFamily) -> Self {
        self.family = family;
        self
    }

    /// How long it may take until there is an answer. Default: 60 seconds. No limit:
    /// [`Duration::MAX`].
    ///
    /// Twisted: `timeout`.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }
}

impl Default for ResolveOptions {
    fn default() -> Self {
        Self::new()
    }
}
