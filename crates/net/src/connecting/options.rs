//! How a connection is made.

use crate::AddressFamily;
use std::net::SocketAddr;
use std::panic::Location;
use std::time::Duration;

/// How [`connect_tcp_with`](crate::ReactorNet::connect_tcp_with) goes about it.
///
/// # Examples
///
/// ```
/// use ropewalk_net::ConnectOptions;
/// use std::time::Duration;
///
/// let options = ConnectOptions::new().timeout(Duration::from_secs(3));
/// ```
#[derive(Clone, Debug)]
#[must_use = "options do nothing until they are given to connect_tcp_with"]
pub struct ConnectOptions {
    timeout: Duration,
    family: AddressFamily,
    local_address: Option<SocketAddr>,
    attempt_delay: Duration,
    location: Option<&'static Location<'static>>,
}

impl ConnectOptions {
    /// The defaults.
    pub fn new() -> Self {
        Self {
            timeout: Duration::from_secs(30),
            family: AddressFamily::Any,
            local_address: None,
            attempt_delay: Duration::from_millis(250),
            location: None,
        }
    }

    /// How long the name and the connection may take together. Default: 30 seconds. No limit:
    /// [`Duration::MAX`].
    ///
    /// Twisted: `timeout`.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// What [`timeout`](Self::timeout) was set to.
    pub(crate) fn time_limit(&self) -> Duration {
        self.timeout
    }

    /// Which kinds of addresses of the host are tried. Default: both, or that of
    /// [`local_address`](Self::local_address).
    ///
    /// # Examples
    ///
    /// ```
    /// use ropewalk_net::{AddressFamily, ConnectOptions};
    ///
    /// let options = ConnectOptions::new().family(AddressFamily::Ipv4);
    /// ```
    pub fn family(mut self, family: AddressFamily) -> Self {
        self.family = family;
        self
    }

    /// The kinds of addresses that a connection from this end can have.
    pub(super) fn possible_family(&self) -> AddressFamily {
        match (self.family, self.local_address) {
            (AddressFamily::Any, Some(SocketAddr::V4(_))) => AddressFamily::Ipv4,
            (AddressFamily::Any, Some(SocketAddr::V6(_))) => AddressFamily::Ipv6,
            (family, _) => family,
        }
    }

    /// The address of this end; port 0 takes any free one. Default: the system chooses.
    ///
    /// Of the host's addresses only those of the same family are tried.
    ///
    /// Twisted: `bindAddress`.
    #[doc(alias = "bindAddress")]
    pub fn local_address(mut self, address: SocketAddr) -> Self {
        self.local_address = Some(address);
        self
    }

    /// How long one address of a name may keep the next one waiting. Default: 250 milliseconds.
    ///
    /// The addresses of a name are tried in the order of the resolver, the two families in turns. One
    /// that fails is followed by the next at once; one that takes longer than this goes on, and the
    /// next is tried beside it: the first connection wins, and the others are dropped ("happy
    /// eyeballs").
    pub fn attempt_delay(mut self, delay: Duration) -> Self {
        self.attempt_delay = delay;
        self
    }

    /// Connects on behalf of this line, in place of the one that calls.
    pub(crate) fn on_behalf_of(self, location: &'static Location<'static>) -> Self {
        Self { location: Some(location), ..self }
    }

    /// The line that it is connected for.
    #[track_caller]
    pub(crate) fn asked_for_at(&self) -> &'static Location<'static> {
        self.location.unwrap_or(Location::caller())
    }

    /// Without the address of this end.
    #[cfg(unix)]
    pub(crate) fn anywhere(self) -> Self {
        Self { local_address: None, ..self }
    }

    pub(super) fn this_end(&self) -> Option<SocketAddr> {
        self.local_address
    }

    pub(super) fn stagger(&self) -> Duration {
        self.attempt_delay
    }
}

impl Default for ConnectOptions {
    fn default() -> Self {
        Self::new()
    }
}
