//! What a port says when the system has no room for another connection.
//!
//! It tries again many times in a second, and may do so for hours: one warning when it begins, one
//! in each minute that it lasts, and one when it is over.

use std::cell::Cell;
use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

#[derive(Default)]
pub(super) struct Rests {
    /// How often it has rested since a connection was accepted.
    count: Cell<u64>,
    /// When that was said the last time.
    said: Cell<Option<Instant>>,
}

impl Rests {
    /// How long a port rests.
    pub(super) const LENGTH: Duration = Duration::from_millis(100);

    /// Between two warnings.
    const SILENCE: Duration = Duration::from_secs(60);

    pub(super) fn begin(&self, address: SocketAddr, error: &io::Error, now: Instant) {
        let count = self.count.get() + 1;
        self.count.set(count);
        let silent = |said: Instant| now.saturating_duration_since(said) < Self::SILENCE;
        if self.said.get().is_some_and(silent) {
            return;
        }
        self.said.set(Some(now));
        tracing::warn!(
            %address, %error, count,
            "a connection cannot be accepted; the port tries again every {:?}",
            Self::LENGTH
        );
    }

    /// A connection was accepted.
    pub(super) fn end(&self, address: SocketAddr) {
        let count = self.count.take();
        if count > 0 {
            self.said.set(None);
            tracing::warn!(%address, count, "connections are accepted again");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Rests;
    use ropewalk_testing::capture_tracing;
    use std::io;
    use std::net::{Ipv4Addr, SocketAddr};
    use std::time::{Duration, Instant};

    #[test]
    fn a_port_that_rests_for_long_says_so_once_a_minute() {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 8007));
        let (rests, error, start) = (Rests::default(), io::Error::other("full"), Instant::now());
        let counts = |body: &dyn Fn()| {
            let events = capture_tracing(body);
            events.iter().map(|event| event.field("count").unwrap().to_owned()).collect::<Vec<_>>()
        };
        let rest_for = |seconds: u64, from: u64| {
            for tenth in 0..seconds * 10 {
                let since = Duration::from_secs(from) + Rests::LENGTH * tenth as u32;
                rests.begin(address, &error, start + since);
            }
        };
        assert_eq!(counts(&|| rest_for(150, 0)), ["1", "601", "1201"]);
        assert_eq!(counts(&|| rests.end(address)), ["1500"]);
        assert_eq!(counts(&|| rests.end(address)), [""; 0]);
        assert_eq!(counts(&|| rest_for(1, 151)), ["1"], "it is news again");
    }
}
