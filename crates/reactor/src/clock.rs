//! Where a reactor gets its time from, and how seconds become a delay.

use crate::error::InvalidDelay;
use crate::manual_clock::ManualClock;
use std::time::{Duration, Instant};

/// The monotonic time of the machine, or a time that a test moves by hand.
#[derive(Debug)]
pub(crate) enum Clock {
    Real,
    Manual(ManualClock),
}

impl Clock {
    pub(crate) fn now(&self) -> Instant {
        match self {
            Self::Real => Instant::now(),
            Self::Manual(clock) => clock.now(),
        }
    }

    /// How far the time has moved other than by itself.
    pub(crate) fn moved_by_hand(&self) -> Duration {
        match self {
            Self::Real => Duration::ZERO,
            Self::Manual(clock) => clock.elapsed(),
        }
    }

    /// Whether the time has been moved further than the loop has followed it.
    pub(crate) fn is_behind(&self) -> bool {
        match self {
            Self::Real => false,
            Self::Manual(clock) => clock.is_behind(),
        }
    }
}

/// A deadline so far away that it means "never", for delays that the clock cannot add.
const NEVER: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

/// `from + delay`, or a century later where that would overflow, or `from` itself where that is
/// the end of time already.
pub(crate) fn deadline(from: Instant, delay: Duration) -> Instant {
    from.checked_add(delay).or_else(|| from.checked_add(NEVER)).unwrap_or(from)
}

/// Makes a delay of a number of seconds that comes from outside, for example from a
/// configuration file.
///
/// Delays are [`Duration`]s everywhere, so a negative one cannot be written; this is the place
/// where a number is checked. A `Duration` too long for the clock (centuries) is accepted
/// everywhere and means "never"; a number too large for a `Duration` becomes [`Duration::MAX`].
///
/// # Errors
///
/// [`InvalidDelay`], which holds the number: it is negative, infinite or not a number.
///
/// # Examples
///
/// ```
/// use ropewalk_reactor::seconds;
/// use std::time::Duration;
///
/// assert_eq!(seconds(1.5), Ok(Duration::from_millis(1500)));
/// assert_eq!(seconds(1e100), Ok(Duration::MAX));
/// assert_eq!(
///     seconds(-3.0).unwrap_err().to_string(),
///     "a delay of -3 s is negative: use 0 to run in the next turn"
/// );
/// ```
pub fn seconds(seconds: f64) -> Result<Duration, InvalidDelay> {
    match Duration::try_from_secs_f64(seconds) {
        Ok(delay) => Ok(delay),
        Err(_) if seconds.is_finite() && seconds > 0.0 => Ok(Duration::MAX),
        Err(_) => Err(InvalidDelay(seconds)),
    }
}
