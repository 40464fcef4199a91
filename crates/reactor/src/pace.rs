//! When a step of a turn has gone on for long enough.
//!
//! A number of callbacks says little about the time that they take: 256 of a millisecond each keep
//! everything else waiting for a quarter of a second. But to look at the clock after each would cost
//! more than most of them. So it is looked at after the first, the second, the fourth, the eighth: a
//! handful of looks for a full batch of short ones, none at all for a single one, and a batch of long
//! ones ends before it has taken twice as long as it may.
//!
//! Under a clock that is moved by hand there is no such limit, so that what a test sees depends on
//! nothing but the test.

use std::time::{Duration, Instant};

pub(crate) struct Pace {
    limit: Option<Duration>,
    begun: Option<Instant>,
    next_look: usize,
}

impl Pace {
    pub(crate) fn new(limit: Option<Duration>) -> Self {
        Self { limit, begun: None, next_look: 1 }
    }

    /// Whether to leave the rest to the next turn, after `served` callbacks of this step.
    #[inline]
    pub(crate) fn is_over(&mut self, served: usize) -> bool {
        self.limit.is_some_and(|limit| served == self.next_look && self.look(limit, Instant::now()))
    }

    fn look(&mut self, limit: Duration, now: Instant) -> bool {
        self.next_look *= 2;
        now.saturating_duration_since(*self.begun.get_or_insert(now)) >= limit
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::Pace;
    use std::time::{Duration, Instant};

    /// How many callbacks of `each` a step serves.
    fn served(limit: Duration, each: Duration, most: usize) -> usize {
        let (mut pace, zero) = (Pace::new(Some(limit)), Instant::now());
        let over = |&served: &usize| {
            let now = zero + each * u32::try_from(served).unwrap_or(u32::MAX);
            served == pace.next_look && pace.look(limit, now)
        };
        (1..most).find(over).unwrap_or(most)
    }

    #[test]
    fn long_callbacks_end_a_step_early_and_short_ones_do_not() {
        let (ms, us) = (Duration::from_millis, Duration::from_micros);
        assert_eq!(served(ms(1), us(1), 256), 256);
        assert_eq!(served(ms(1), us(100), 256), 16);
        assert_eq!(served(ms(1), ms(1), 256), 2);
        assert_eq!(served(ms(1), ms(1000), 256), 2);
        assert_eq!(served(ms(1), ms(1000), 1), 1);
    }

    #[test]
    fn without_a_limit_it_is_never_over() {
        let mut pace = Pace::new(None);
        assert!((1..1000).all(|served| !pace.is_over(served)));
    }
}
