//! How long one turn of a cooperator is.
//!
//! Looking at the clock costs about as much as a tiny step. So it is looked at after each step only
//! while steps are long; after tiny ones a few are made between two looks. There is a most of steps
//! too: a clock that is moved by hand does not pass while a turn lasts, and tiny steps of a million
//! tasks need no more than that to be quick.

use std::time::{Duration, Instant};

/// The most steps of one turn.
pub(super) const MAX_STEPS: u32 = 1_000;

/// A step that takes less is tiny.
const TINY: Duration = Duration::from_micros(1);

/// The most steps between two looks at the clock: so many may be long before it shows.
const MAX_STRIDE: u32 = 8;

pub(super) struct Slice {
    length: Duration,
    began: Instant,
    looked: Instant,
    /// Steps from one look to the next.
    stride: u32,
    until_look: u32,
    left: u32,
}

impl Slice {
    pub(super) fn new(length: Duration, now: Instant) -> Self {
        Self { length, began: now, looked: now, stride: 1, until_look: 1, left: MAX_STEPS }
    }

    /// Notes a step; whether there is time for another.
    pub(super) fn goes_on(&mut self, now: impl FnOnce() -> Instant) -> bool {
        self.left -= 1;
        self.until_look -= 1;
        if self.left == 0 || self.until_look > 0 {
            return self.left > 0;
        }
        let now = now();
        let took = now.saturating_duration_since(self.looked);
        let tiny = took < TINY * self.stride;
        self.stride = if tiny { MAX_STRIDE.min(self.stride * 2) } else { 1 };
        self.until_look = self.stride;
        self.looked = now;
        now.saturating_duration_since(self.began) < self.length
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::{MAX_STEPS, Slice};
    use std::time::{Duration, Instant};

    /// The steps of one slice that take so long each, and how often the clock was read.
    fn steps(slice: Duration, step: Duration) -> (u32, u32) {
        let mut now = Instant::now();
        let (mut steps, mut looks) = (0, 0);
        let mut slice = Slice::new(slice, now);
        loop {
            steps += 1;
            now += step;
            let look = || {
                looks += 1;
                now
            };
            if !slice.goes_on(look) {
                return (steps, looks);
            }
        }
    }

    #[test]
    fn a_slice_ends_with_the_step_that_uses_it_up() {
        let ms = Duration::from_millis;
        assert_eq!(steps(ms(10), ms(1)), (10, 10));
        assert_eq!(steps(ms(10), ms(4)), (3, 3));
        assert_eq!(steps(ms(10), ms(70)), (1, 1));
        assert_eq!(steps(Duration::ZERO, ms(0)), (1, 1), "one in any case");
    }

    #[test]
    fn tiny_steps_are_bounded_in_number_and_the_clock_is_spared() {
        let (slice, step) = (Duration::from_millis(10), Duration::from_nanos(50));
        for step in [step, Duration::ZERO] {
            let (steps, looks) = steps(slice, step);
            assert_eq!(steps, MAX_STEPS);
            assert!(looks < steps / 7, "{looks}");
        }
    }

    #[test]
    fn a_long_step_after_tiny_ones_shows_soon() {
        let mut now = Instant::now();
        let mut slice = Slice::new(Duration::from_millis(10), now);
        (0..100).for_each(|_| assert!(slice.goes_on(|| now)));
        let mut long = 0;
        loop {
            long += 1;
            now += Duration::from_millis(2);
            if !slice.goes_on(|| now) {
                break;
            }
        }
        assert!(long <= 8, "{long}");
    }
}
