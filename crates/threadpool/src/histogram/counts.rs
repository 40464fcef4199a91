//! The numbers of a histogram that is not empty.
//!
//! The count is the sum over the buckets, which are the truth: a sum that was read in the midst of
//! a recording may be ahead of them or behind, and is bent to the bounds where they are compared.

use std::time::Duration;

use super::scale;

/// What a histogram of at least one duration knows, in nanoseconds.
///
/// Sums saturate: that is out of reach of any clock, but not of who merges a histogram with itself.
#[derive(Clone, Eq, PartialEq)]
pub(super) struct Counts {
    pub(super) buckets: [u64; scale::BUCKETS],
    pub(super) count: u64,
    pub(super) sum: u128,
    pub(super) min: u64,
    pub(super) max: u64,
}

impl Counts {
    pub(super) fn nothing() -> Box<Self> {
        let buckets = [0; scale::BUCKETS];
        Box::new(Self { buckets, count: 0, sum: 0, min: u64::MAX, max: 0 })
    }

    pub(super) fn sum(&self) -> Duration {
        const SECOND: u128 = 1_000_000_000;
        let seconds = u64::try_from(self.sum / SECOND);
        let fraction = (self.sum % SECOND) as u32;
        seconds.map_or(Duration::MAX, |seconds| Duration::new(seconds, fraction))
    }

    pub(super) fn mean(&self) -> u64 {
        let mean = self.sum / u128::from(self.count).max(1);
        // Only a sum that was read in the midst of a recording lies outside.
        u64::try_from(mean).unwrap_or(u64::MAX).max(self.min).min(self.max)
    }

    /// The duration at this place, from 1, in the order of length.
    pub(super) fn ranked(&self, rank: u64) -> u64 {
        if rank <= 1 {
            return self.min;
        }
        if rank >= self.count {
            return self.max;
        }
        let mut left = rank;
        for (index, &count) in self.buckets.iter().enumerate() {
            if left <= count {
                return scale::middle(index).max(self.min).min(self.max);
            }
            left -= count;
        }
        self.max
    }

    /// How many there are in the buckets up to that of `limit`.
    ///
    /// Neither `min` nor `max` have a say: they move, and what was counted must stay so.
    pub(super) fn up_to(&self, limit: u64) -> u64 {
        let counts = self.buckets.iter().take(scale::index(limit) + 1);
        counts.fold(0, |sum, &count| sum.saturating_add(count))
    }

    pub(super) fn record(&mut self, number: u64) {
        let count = &mut self.buckets[scale::index(number)];
        *count = count.saturating_add(1);
        self.count = self.count.saturating_add(1);
        self.sum = self.sum.saturating_add(u128::from(number));
        self.min = self.min.min(number);
        self.max = self.max.max(number);
    }

    /// What is here and not in `earlier`; none if that is nothing.
    pub(super) fn since(&self, earlier: &Self) -> Option<Box<Self>> {
        let mut between = Self::nothing();
        let counts = self.buckets.iter().zip(&earlier.buckets).enumerate();
        for (index, (count, earlier)) in counts {
            let count = count.saturating_sub(*earlier);
            if count > 0 {
                between.buckets[index] = count;
                between.count = between.count.saturating_add(count);
                between.min = between.min.min(scale::first(index).max(self.min));
                between.max = scale::last(index).min(self.max);
            }
        }
        // Either sum may have been ahead of its counts.
        let (count, sum) = (u128::from(between.count), self.sum.saturating_sub(earlier.sum));
        let (least, most) = (count * u128::from(between.min), count * u128::from(between.max));
        between.sum = sum.max(least).min(most);
        (between.count > 0).then_some(between)
    }

    pub(super) fn merge(&mut self, other: &Self) {
        for (count, other) in self.buckets.iter_mut().zip(&other.buckets) {
            *count = count.saturating_add(*other);
        }
        self.count = self.count.saturating_add(other.count);
        self.sum = self.sum.saturating_add(other.sum);
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
    }
}
