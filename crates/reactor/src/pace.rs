//! When a step of a turn has gone on for long enough.
//!
//! A number of callbacks says little about the time that they take: 256 of a millisecond each keep
//! everything else waiting for a quarter of a second. But to look at the clock after each would cost
//! more than most of them. So it is looked at after the first, the second, the fourth, the eighth, the
//! sixteenth, and from then on after every sixteen more: never for a single one, and nineteen times for
//! a full batch of short ones.
//!
//! A step ends with the look after its time is over: at most as many callbacks later as it had served
//! before, and at most 16. What comes first says nothing about what follows: behind short ones a few
//! long ones may run after the time, but not hundreds.
//!
//! Who runs many things of the user's inside of one callback keeps the same pace there: the tasks, the
//! connections that a port accepts, the values whose last [`Remote`](crate::Remote) is gone.
//!
//! Under a clock that is moved by hand there is no such limit, so that what a test sees depends on
//! nothing but the test.

use crate::clock::Clock;
use crate::reactor::Reactor;
use std::time::{Duration, Instant};

/// The most callbacks from one look to the next.
const GAP: usize = 16;

/// How long a batch of callbacks may still go on. For crates that extend the reactor.
#[doc(hidden)]
#[derive(Debug)]
pub struct Pace {
    limit: Duration,
    begun: Option<Instant>,
    /// Out of reach if there is no limit.
    next_look: usize,
}

impl Pace {
    pub(crate) fn unlimited() -> Self {
        Self::new(None)
    }

    fn new(limit: Option<Duration>) -> Self {
        let next_look = if limit.is_some() { 1 } else { usize::MAX };
        Self { limit: limit.unwrap_or(Duration::MAX), begun: None, next_look }
    }

    /// Whether to leave the rest to the next turn, after `served` callbacks. To be asked before each,
    /// with a number that grows by one.
    #[inline]
    #[must_use]
    pub fn is_over(&mut self, served: usize) -> bool {
        served == self.next_look && self.look(Instant::now())
    }

    fn look(&mut self, now: Instant) -> bool {
        self.next_look += self.next_look.min(GAP);
        now.saturating_duration_since(*self.begun.get_or_insert(now)) >= self.limit
    }
}

impl Reactor {
    /// The pace of a batch that begins now. For crates that extend the reactor.
    #[doc(hidden)]
    #[must_use]
    pub fn pace(&self) -> Pace {
        Pace::new(self.core.time_budget.filter(|_| matches!(self.core.clock, Clock::Real)))
    }

    /// How many callbacks of one kind a turn runs at most. For crates that extend the reactor.
    #[doc(hidden)]
    #[must_use]
    pub fn budget(&self) -> usize {
        self.core.budget
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::Pace;
    use std::time::{Duration, Instant};

    /// How many callbacks a step serves, of which `short` take no time at all, and all others `each`.
    fn served(limit: Duration, short: usize, each: Duration, most: usize) -> usize {
        let (mut pace, zero) = (Pace::new(Some(limit)), Instant::now());
        let over = |&served: &usize| {
            let long = u32::try_from(served.saturating_sub(short)).unwrap_or(u32::MAX);
            served == pace.next_look && pace.look(zero + each * long)
        };
        (1..most).find(over).unwrap_or(most)
    }

    #[test]
    fn i7_w12_long_callbacks_end_a_step_early_and_short_ones_do_not() {
        let (ms, us) = (Duration::from_millis, Duration::from_micros);
        assert_eq!(served(ms(1), 0, us(1), 256), 256);
        assert_eq!(served(ms(1), 0, us(100), 256), 16);
        assert_eq!(served(ms(1), 0, ms(1), 256), 2);
        assert_eq!(served(ms(1), 0, ms(1000), 256), 2);
        assert_eq!(served(ms(1), 0, ms(1000), 1), 1);
        assert_eq!(served(Duration::ZERO, 0, us(1), 256), 1);
    }

    #[test]
    fn i7_w12_long_callbacks_behind_short_ones_end_a_step_soon() {
        let limit = Duration::from_millis(1);
        for short in 1..250 {
            let long = served(limit, short, limit, 256) - short;
            assert!(long <= short.min(16), "{long} long ones behind {short} short ones");
        }
    }

    #[test]
    fn without_a_limit_it_is_never_over() {
        let mut pace = Pace::unlimited();
        assert!((0..1000).all(|served| !pace.is_over(served)));
    }
}
