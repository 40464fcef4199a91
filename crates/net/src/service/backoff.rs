//! How long to wait before the next attempt.

use std::hash::{BuildHasher as _, RandomState};
use std::time::Duration;

/// How long a [`ClientService`](crate::ClientService) waits before it connects again: longer each
/// time, up to a maximum, and never twice the same.
///
/// The first wait after a connection is the initial one, and each further one is the one before
/// times the factor. Of that, a part that is drawn anew each time is not waited for: otherwise all
/// clients of a server that was away come back at the same moment, and again at the same moment.
///
/// Default: 1 second, times 1.5 each time, at most 60 seconds, of which up to a half is not waited
/// for.
///
/// # Examples
///
/// ```
/// use ropewalk_net::Backoff;
/// use std::time::Duration;
///
/// let second = Duration::from_secs(1);
/// let mut backoff = Backoff::new().initial(second).factor(2.0).maximum(5 * second).jitter(0.0);
/// let delays: Vec<_> = (0..4).map(|waits| backoff.delay(waits).as_secs()).collect();
/// assert_eq!(delays, [1, 2, 4, 5]);
/// ```
///
/// Twisted: `backoffPolicy`.
#[doc(alias = "backoffPolicy")]
#[derive(Clone, Debug)]
#[must_use = "a backoff does nothing until it is given to a client service"]
pub struct Backoff {
    initial: Duration,
    factor: f64,
    maximum: Duration,
    jitter: f64,
    dice: u64,
}

impl Backoff {
    /// The defaults.
    pub fn new() -> Self {
        Self {
            initial: Duration::from_secs(1),
            factor: 1.5,
            maximum: Duration::from_secs(60),
            jitter: 0.5,
            // The one source of chance that std has: the keys of its hashers.
            dice: RandomState::new().hash_one(()),
        }
    }

    /// The first wait.
    ///
    /// Twisted: `initialDelay`.
    #[doc(alias = "initialDelay")]
    pub fn initial(mut self, delay: Duration) -> Self {
        self.initial = delay;
        self
    }

    /// How much longer each wait is than the one before; less than 1 counts as 1.
    pub fn factor(mut self, factor: f64) -> Self {
        self.factor = factor.max(1.0);
        self
    }

    /// The longest wait.
    ///
    /// Twisted: `maxDelay`.
    #[doc(alias = "maxDelay")]
    pub fn maximum(mut self, delay: Duration) -> Self {
        self.maximum = delay;
        self
    }

    /// The largest part of a wait, from 0 to 1, that may be left out.
    pub fn jitter(mut self, part: f64) -> Self {
        // What is no number is none.
        self.jitter = if part > 0.0 { part.min(1.0) } else { 0.0 };
        self
    }

    /// Makes the draws repeatable: equal seeds, equal waits. Default: never the same.
    pub fn seed(mut self, seed: u64) -> Self {
        self.dice = seed;
        self
    }

    /// Draws the wait that comes after so many others in a row.
    pub fn delay(&mut self, waits: u32) -> Duration {
        // Not infinite: no initial wait stays none however often it grows.
        let growth = self.factor.powf(waits.into()).min(f64::MAX);
        let grown = self.initial.as_secs_f64() * growth;
        // What is too long for a duration is longer than the maximum.
        let longest = Duration::try_from_secs_f64(grown).unwrap_or(Duration::MAX).min(self.maximum);
        longest.saturating_sub(longest.mul_f64(self.jitter * self.draw()))
    }

    /// A number from 0 up to, and without, 1 (the generator is `SplitMix64`).
    fn draw(&mut self) -> f64 {
        self.dice = self.dice.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.dice;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        (mixed >> 11) as f64 / (1_u64 << 53) as f64
    }
}

impl Default for Backoff {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::Backoff;
    use proptest::prelude::*;
    use std::time::Duration;

    #[test]
    fn what_makes_no_sense_does_no_harm() {
        for odd in [f64::NAN, f64::INFINITY, -1.0, 0.0] {
            let mut backoff = Backoff::new().factor(odd).jitter(odd);
            for waits in [0, 1, 1000, u32::MAX] {
                assert!(backoff.delay(waits) <= Duration::from_secs(60), "{odd} {waits}");
            }
        }
        let mut forever = Backoff::new().initial(Duration::MAX).maximum(Duration::MAX);
        for waits in 0..100 {
            assert!(forever.delay(waits) > Duration::from_secs(u64::MAX / 4));
        }
    }

    #[test]
    fn draws_differ_without_a_seed_and_are_spread() {
        let mut backoff = Backoff::new();
        let delays: Vec<_> = (0..100).map(|_| backoff.delay(0)).collect();
        assert!(delays.iter().any(|one| *one < Duration::from_millis(700)));
        assert!(delays.iter().any(|one| *one > Duration::from_millis(800)));
        assert_ne!(Backoff::new().delay(0), Backoff::new().delay(0));
        assert_eq!(Backoff::new().seed(7).delay(3), Backoff::new().seed(7).delay(3));
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn a_wait_is_within_its_bounds(
            initial in any::<Duration>(),
            factor in any::<f64>(),
            maximum in any::<Duration>(),
            jitter in 0.0..=1.0_f64,
            seed in any::<u64>(),
            waits in any::<u32>(),
        ) {
            let plain = Backoff::new().initial(initial).factor(factor).maximum(maximum).seed(seed);
            let longest = plain.clone().jitter(0.0).delay(waits);
            prop_assert!(longest <= maximum);
            prop_assert!(longest >= plain.clone().jitter(0.0).delay(waits.saturating_sub(1)));
            let delay = plain.jitter(jitter).delay(waits);
            prop_assert!(delay <= longest);
            prop_assert!(delay.as_secs_f64() >= longest.as_secs_f64() * (1.0 - jitter) * 0.999_999 - 1e-6);
        }
    }
}
