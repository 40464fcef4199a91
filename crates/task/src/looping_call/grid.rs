//! The points in time at which a loop calls.
//!
//! Plain arithmetic in whole nanoseconds. Each due time is computed from where the grid begins,
//! never from the call before, so that nothing adds up: a loop that has run for a year is as exact
//! as one that has just begun.

use std::time::{Duration, Instant};

const NANOS_PER_SECOND: u128 = 1_000_000_000;

#[derive(Debug)]
pub(super) struct Grid {
    start: Instant,
    interval: Duration,
    /// The first point that has not been counted.
    next: u128,
}

impl Grid {
    /// Its points are `start`, unless that is `skipped`, and each multiple of `interval` after it.
    pub(super) fn new(start: Instant, interval: Duration, skipped: bool) -> Self {
        Self { start, interval, next: u128::from(skipped) }
    }

    /// Begins anew: the first point is one interval from now.
    pub(super) fn restart(&mut self, now: Instant) {
        *self = Self::new(now, self.interval, true);
    }

    /// Counts the points that have come since they were counted last. With no interval, any time
    /// is a point.
    pub(super) fn count(&mut self, now: Instant) -> u64 {
        if self.interval.is_zero() {
            return 1;
        }
        let end = self.passed(now) / self.interval.as_nanos() + 1;
        let count = end.saturating_sub(self.next);
        self.next = self.next.max(end);
        u64::try_from(count).unwrap_or(u64::MAX)
    }

    /// How long it is to the next point, which is never now unless there is no interval.
    pub(super) fn until_next(&self, now: Instant) -> Duration {
        if self.interval.is_zero() {
            return Duration::ZERO;
        }
        let past = self.passed(now) % self.interval.as_nanos();
        // Less than the interval, and so not too many seconds for a `Duration`.
        let seconds = u64::try_from(past / NANOS_PER_SECOND).unwrap_or(u64::MAX);
        let nanos = (past % NANOS_PER_SECOND) as u32;
        self.interval.saturating_sub(Duration::new(seconds, nanos))
    }

    fn passed(&self, now: Instant) -> u128 {
        now.saturating_duration_since(self.start).as_nanos()
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::Grid;
    use std::time::{Duration, Instant};

    const NANO: Duration = Duration::from_nanos(1);
    const SECOND: Duration = Duration::from_secs(1);
    const CENTURY: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

    #[test]
    fn the_next_point_lies_ahead_also_at_a_point() {
        let start = Instant::now();
        let grid = Grid::new(start, SECOND, false);
        assert_eq!(grid.until_next(start), SECOND);
        assert_eq!(grid.until_next(start + NANO), SECOND - NANO);
        assert_eq!(grid.until_next(start + SECOND - NANO), NANO);
        assert_eq!(grid.until_next(start + SECOND), SECOND);
        assert_eq!(grid.until_next(start + 7 * SECOND / 2), SECOND / 2);
    }

    /// A third of a second is no sum of powers of two; a float would have drifted long before.
    #[test]
    fn a_century_later_it_is_exact() {
        let start = Instant::now();
        let third = SECOND / 3;
        let points = CENTURY.as_nanos() / third.as_nanos();
        let rest = CENTURY.as_nanos() % third.as_nanos();
        let mut grid = Grid::new(start, third, false);
        let until = grid.until_next(start + CENTURY);
        assert_eq!(until.as_nanos(), third.as_nanos() - rest);
        assert_eq!(u128::from(grid.count(start + CENTURY)), points + 1);
        assert_eq!(grid.count(start + CENTURY + until - NANO), 0);
        assert_eq!(grid.count(start + CENTURY + until), 1);
    }

    #[test]
    fn the_ends_of_the_range_are_points_too() {
        let start = Instant::now();
        let mut finest = Grid::new(start, NANO, false);
        assert_eq!(finest.until_next(start + CENTURY), NANO);
        assert_eq!(u128::from(finest.count(start + CENTURY)), CENTURY.as_nanos() + 1);
        let mut longest = Grid::new(start, Duration::MAX, true);
        assert_eq!(longest.until_next(start), Duration::MAX);
        assert_eq!(longest.until_next(start + CENTURY), Duration::MAX - CENTURY);
        assert_eq!(longest.count(start + CENTURY), 0);
        let mut none = Grid::new(start, Duration::ZERO, true);
        assert_eq!((none.count(start), none.count(start)), (1, 1));
        assert_eq!(none.until_next(start), Duration::ZERO);
    }

    #[test]
    fn a_grid_that_begins_anew_forgets_the_points_it_had() {
        let start = Instant::now();
        let mut grid = Grid::new(start, SECOND, false);
        assert_eq!(grid.count(start), 1);
        grid.restart(start + 5 * SECOND / 2);
        assert_eq!(grid.until_next(start + 5 * SECOND / 2), SECOND);
        assert_eq!(grid.count(start + 3 * SECOND), 0);
        assert_eq!(grid.count(start + 9 * SECOND / 2), 2);
    }
}
