//! When the system asks whether a peer that says nothing is still there.

use socket2::TcpKeepalive;
use std::time::Duration;

/// When, and how often, the system probes a peer from which nothing comes; see
/// [`Transport::set_keepalive_with`](crate::Transport::set_keepalive_with).
///
/// What is not set here, and what a system cannot set for one connection, is as the system has it:
/// mostly two hours of silence, and then nine or ten probes a minute apart.
///
/// # Examples
///
/// A peer that vanished is noticed within a minute and a half:
///
/// ```
/// use ropewalk_net::KeepAlive;
/// use std::time::Duration;
///
/// # fn example(transport: &ropewalk_net::Transport) -> std::io::Result<()> {
/// let second = Duration::from_secs(1);
/// transport.set_keepalive_with(KeepAlive::new().idle(60 * second).interval(10 * second).probes(3))
/// # }
/// ```
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct KeepAlive {
    idle: Option<Duration>,
    interval: Option<Duration>,
    probes: Option<u32>,
}

impl KeepAlive {
    /// Everything as the system has it.
    #[must_use]
    pub const fn new() -> Self {
        Self { idle: None, interval: None, probes: None }
    }

    /// How long nothing has to come before the first probe. Counted in whole seconds, at least one.
    #[must_use]
    pub const fn idle(mut self, time: Duration) -> Self {
        self.idle = Some(time);
        self
    }

    /// How long the answer to a probe is waited for before the next one. Counted in whole seconds,
    /// at least one.
    #[must_use]
    pub const fn interval(mut self, time: Duration) -> Self {
        self.interval = Some(time);
        self
    }

    /// How many probes without an answer are the end of the connection.
    #[must_use]
    pub const fn probes(mut self, count: u32) -> Self {
        self.probes = Some(count);
        self
    }

    pub(crate) fn of_socket(self) -> TcpKeepalive {
        let mut keepalive = TcpKeepalive::new();
        if let Some(time) = self.idle {
            keepalive = keepalive.with_time(whole_seconds(time));
        }
        #[cfg(any(
            target_os = "android",
            target_os = "dragonfly",
            target_os = "freebsd",
            target_os = "illumos",
            target_os = "ios",
            target_os = "linux",
            target_os = "macos",
            target_os = "netbsd",
            target_os = "windows",
        ))]
        {
            if let Some(time) = self.interval {
                keepalive = keepalive.with_interval(whole_seconds(time));
            }
            if let Some(count) = self.probes {
                keepalive = keepalive.with_retries(count);
            }
        }
        keepalive
    }
}

/// Systems cut off fractions, and refuse the nothing that is left.
fn whole_seconds(time: Duration) -> Duration {
    let more = u64::from(time.subsec_nanos() > 0);
    Duration::from_secs(time.as_secs().saturating_add(more).max(1))
}
