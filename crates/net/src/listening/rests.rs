//! What a port says when the system has no room for another connection.
//!
//! It tries again many times in a second, and may do so for hours: one warning when it begins, one
//! in each minute that it lasts, and one when it is over. At the limit it begins and ends with each
//! connection that goes and each that comes, so within that minute it is no news when it begins again.

use crate::Address;
use crate::events::tell;
use std::cell::Cell;
use std::io;
use std::time::{Duration, Instant};

#[derive(Default)]
pub(super) struct Rests {
    /// How often it has rested since a connection was accepted.
    in_a_row: Cell<u64>,
    /// How often since that was said to be over.
    count: Cell<u64>,
    /// How many connections broke before they were accepted, since one was.
    broken: Cell<u32>,
    /// When it was said the last time that none can be accepted.
    said: Cell<Option<Instant>>,
    /// That has been said, and not that it is over.
    is_said: Cell<bool>,
    /// How many peers were told meanwhile that there is no room for them.
    turned_away: Cell<usize>,
}

impl Rests {
    /// How long a port rests.
    pub(super) const LENGTH: Duration = Duration::from_millis(100);

    /// Between two warnings.
    const SILENCE: Duration = Duration::from_secs(60);

    /// The most connections that may break one after the other before the port rests.
    const MOST_BROKEN: u32 = 64;

    /// Whether it is the second time, or a later one, that nobody could be accepted.
    pub(super) fn begin(&self, address: &Address, error: &io::Error, now: Instant) -> bool {
        let again = self.in_a_row.get() > 0;
        self.in_a_row.set(self.in_a_row.get() + 1);
        let count = self.count.get() + 1;
        self.count.set(count);
        let silent = |said: Instant| now.saturating_duration_since(said) < Self::SILENCE;
        if self.said.get().is_some_and(silent) {
            return again;
        }
        self.said.set(Some(now));
        self.is_said.set(true);
        let turned_away = self.turned_away.get();
        tell(|| {
            tracing::warn!(
                %address, %error, count, turned_away,
                "a connection cannot be accepted; the port tries again every {:?}",
                Self::LENGTH
            );
        });
        again
    }

    /// A connection broke before it was accepted; whether the port may try the next one at once.
    pub(super) fn go_on_without_one(&self) -> bool {
        let broken = self.broken.get();
        self.broken.set(broken.saturating_add(1));
        broken < Self::MOST_BROKEN
    }

    /// So many peers were told that there is no room for them.
    pub(super) fn turned_away(&self, peers: usize) {
        self.turned_away.set(self.turned_away.get() + peers);
    }

    /// A connection was accepted; whether that was the end of a rest.
    pub(super) fn end(&self, address: &Address) -> bool {
        self.broken.set(0);
        let has_rested = self.in_a_row.take() > 0;
        if has_rested && self.is_said.take() {
            let (count, turned_away) = (self.count.take(), self.turned_away.take());
            tell(|| {
                tracing::warn!(%address, count, turned_away, "connections are accepted again");
            });
        }
        has_rested
    }
}

#[cfg(test)]
mod tests {
    use super::Rests;
    use crate::Address;
    use ropewalk_testing::capture_tracing;
    use std::io;
    use std::net::{Ipv4Addr, SocketAddr};
    use std::time::{Duration, Instant};

    #[test]
    fn a_port_that_rests_for_long_says_so_once_a_minute() {
        let address = Address::from(SocketAddr::from((Ipv4Addr::LOCALHOST, 8007)));
        let (rests, error, start) = (Rests::default(), io::Error::other("full"), Instant::now());
        let counts = |body: &dyn Fn()| {
            let events = capture_tracing(body);
            events.iter().map(|event| event.field("count").unwrap().to_owned()).collect::<Vec<_>>()
        };
        let rest_for = |seconds: u64, from: u64| {
            for tenth in 0..seconds * 10 {
                let since = Duration::from_secs(from) + Rests::LENGTH * tenth as u32;
                rests.begin(&address, &error, start + since);
            }
        };
        assert_eq!(counts(&|| rest_for(150, 0)), ["1", "601", "1201"]);
        let end = || assert!(rests.end(&address));
        assert_eq!(counts(&end), ["1500"]);
        assert!(!rests.end(&address));
        assert_eq!(counts(&|| rest_for(1, 151)), [""; 0], "the last warning is half a minute old");
        assert_eq!(counts(&end), [""; 0], "nobody was told that it had begun");
        assert_eq!(counts(&|| rest_for(1, 181)), ["11"], "it is news again");
        assert_eq!(counts(&end), ["20"]);
    }

    #[test]
    fn a_port_at_the_limit_that_rests_and_goes_on_all_the_time_says_both_once_a_minute() {
        let address = Address::from(SocketAddr::from((Ipv4Addr::LOCALHOST, 8007)));
        let (rests, error, start) = (Rests::default(), io::Error::other("full"), Instant::now());
        let events = capture_tracing(|| {
            for tenth in 0..1_500 {
                assert!(!rests.begin(&address, &error, start + Rests::LENGTH * tenth));
                assert!(rests.end(&address));
            }
        });
        let counts: Vec<_> = events.iter().map(|event| event.field("count").unwrap()).collect();
        assert_eq!(counts, ["1", "1", "600", "600", "600", "600"]);
    }
}
