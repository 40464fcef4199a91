//! What one worker counts into.
//!
//! A recorder has one writer, its worker, so nothing needs to be read and written in one step: a
//! load and a store each, relaxed, which is a few plain instructions. Two writers at once would
//! lose counts; nothing worse. Only a sum that outgrows its 64 bits is stored with more care.
//!
//! Readers may come at any time and see the numbers in any order. What makes a snapshot whole is
//! [`add_to`](Recorder::add_to), which takes the buckets for the truth and bends the rest to them.
//! Each number only grows (the minimum only falls), so a later snapshot by the same reader has at
//! least what an earlier one had. Whoever takes a lock that the worker let go of after recording
//! sees what it recorded.
//!
//! The atomics are std's, not those of the seam to loom: no thread decides anything by them.

use std::sync::OnceLock;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicU64, fence};

use super::{Histogram, scale};

/// The buckets of one octave, a cache line: none is shared with what another worker writes.
#[repr(align(64))]
#[derive(Default)]
struct Octave([AtomicU64; scale::STEPS]);

/// The durations that one worker has measured, in nanoseconds.
///
/// About a KiB, and a cache line for each octave that has occurred: there are sixty, and the jobs
/// of one pool need a dozen. A reader looks only at what lies between the minimum and the maximum.
pub(crate) struct Recorder {
    octaves: [OnceLock<Box<Octave>>; scale::OCTAVES],
    /// Above the maximum as long as nothing is recorded.
    min: AtomicU64,
    max: AtomicU64,
    sum: AtomicU64,
    /// Twice how often `sum` has wrapped, and odd while it wraps. 584 years are not out of reach of
    /// a worker: they are ten million jobs that waited for half an hour each, side by side.
    wraps: AtomicU64,
}

impl Recorder {
    pub(crate) const fn new() -> Self {
        Self {
            octaves: [const { OnceLock::new() }; scale::OCTAVES],
            min: AtomicU64::new(u64::MAX),
            max: AtomicU64::new(0),
            sum: AtomicU64::new(0),
            wraps: AtomicU64::new(0),
        }
    }

    /// Counts one duration. Only for the one thread that writes.
    pub(crate) fn record(&self, nanoseconds: u64) {
        if nanoseconds < self.min.load(Relaxed) {
            self.min.store(nanoseconds, Relaxed);
        }
        if nanoseconds > self.max.load(Relaxed) {
            self.max.store(nanoseconds, Relaxed);
        }
        let (sum, wrapped) = self.sum.load(Relaxed).overflowing_add(nanoseconds);
        if wrapped {
            self.store_wrapped(sum);
        } else {
            self.sum.store(sum, Relaxed);
        }
        let (octave, step) = scale::place(scale::index(nanoseconds));
        increment(&self.octaves[octave].get_or_init(Box::default).0[step]);
    }

    /// Who sees this sum, or any later one, sees that `wraps` has become odd; who sees that it has
    /// become even again sees this sum, or a later one.
    #[cold]
    fn store_wrapped(&self, sum: u64) {
        let wraps = self.wraps.load(Relaxed);
        self.wraps.store(wraps.wrapping_add(1), Relaxed);
        fence(Release);
        self.sum.store(sum, Relaxed);
        self.wraps.store(wraps.wrapping_add(2), Release);
    }

    /// The sum, which never falls from one look to the next.
    ///
    /// Equal even numbers before and after belong to the sum between them. Otherwise it is wrapping,
    /// or has wrapped meanwhile: then it came by the number that all of it is zero but the wraps,
    /// which is more than any sum before and not more than any after.
    fn sum(&self) -> u128 {
        let before = self.wraps.load(Acquire);
        let sum = self.sum.load(Acquire);
        let after = self.wraps.load(Relaxed);
        let low = if before == after && after % 2 == 0 { sum } else { 0 };
        u128::from(after.div_ceil(2)) << u64::BITS | u128::from(low)
    }

    /// Adds what has been recorded to `histogram`. For any thread.
    pub(crate) fn add_to(&self, histogram: &mut Histogram) {
        let (min, max) = (self.min.load(Relaxed), self.max.load(Relaxed));
        // Nothing yet, or the very first is just being recorded.
        if min > max {
            return;
        }
        let first = scale::index(min);
        let counts = (first..=scale::index(max)).map(|index| self.count(index));
        histogram.add(first, counts, self.sum(), (min, max));
    }

    fn count(&self, index: usize) -> u64 {
        let (octave, step) = scale::place(index);
        self.octaves[octave].get().map_or(0, |octave| octave.0[step].load(Relaxed))
    }
}

/// Not `fetch_add`, which costs an exclusive access to keep out writers that do not exist.
fn increment(number: &AtomicU64) {
    number.store(number.load(Relaxed).wrapping_add(1), Relaxed);
}

#[cfg(test)]
mod tests {
    use super::{Octave, Recorder};
    use crate::histogram::Histogram;
    use ropewalk_testing::{DEADLINE, within};
    use std::sync::Barrier;
    use std::thread;
    use std::time::Duration;

    fn snapshot(recorder: &Recorder) -> Histogram {
        let mut histogram = Histogram::default();
        recorder.add_to(&mut histogram);
        histogram
    }

    #[test]
    fn an_unused_recorder_adds_nothing() {
        assert_eq!(snapshot(&Recorder::new()), Histogram::default());
    }

    #[test]
    fn a_recorder_is_about_a_kib_and_a_line_for_each_octave() {
        assert!(size_of::<Recorder>() <= 1100, "{}", size_of::<Recorder>());
        assert_eq!(size_of::<Octave>(), 64);
    }

    #[test]
    fn a_sum_beyond_64_bits_is_exact() {
        let recorder = Recorder::new();
        for number in [u64::MAX, u64::MAX, u64::MAX, u64::MAX - 4] {
            recorder.record(number);
        }
        assert_eq!(snapshot(&recorder).mean(), Some(Duration::from_nanos(u64::MAX - 1)));
    }

    /// The bounds may be ahead of the counts; a snapshot follows the counts.
    #[test]
    fn what_is_half_recorded_is_left_out() {
        use std::sync::atomic::Ordering::Relaxed;
        let recorder = Recorder::new();
        recorder.min.store(7, Relaxed);
        assert!(snapshot(&recorder).is_empty(), "the maximum is missing");
        recorder.max.store(7, Relaxed);
        assert!(snapshot(&recorder).is_empty(), "the count is missing");

        let recorder = Recorder::new();
        recorder.record(1000);
        recorder.min.store(1, Relaxed);
        recorder.max.store(1_000_000, Relaxed);
        let histogram = snapshot(&recorder);
        let nanoseconds = |number| Some(Duration::from_nanos(number));
        assert_eq!((histogram.min(), histogram.max()), (nanoseconds(960), nanoseconds(1023)));
        recorder.sum.store(0, Relaxed);
        assert_eq!(snapshot(&recorder).mean(), nanoseconds(960));
        recorder.wraps.store(2, Relaxed);
        assert_eq!(snapshot(&recorder).mean(), nanoseconds(1023));
    }

    /// Each store of a wrap by itself: the sum of before, its smallest value with that many wraps
    /// as long as it is unknown, the sum of after.
    #[test]
    fn a_sum_that_is_being_wrapped_is_between_before_and_after() {
        use std::sync::atomic::Ordering::Relaxed;
        let recorder = Recorder::new();
        recorder.record(u64::MAX);
        assert_eq!(recorder.sum(), u128::from(u64::MAX));
        recorder.wraps.store(1, Relaxed);
        assert_eq!(recorder.sum(), 1 << 64);
        recorder.sum.store(8, Relaxed);
        assert_eq!(recorder.sum(), 1 << 64);
        recorder.wraps.store(2, Relaxed);
        assert_eq!(recorder.sum(), (1 << 64) + 8);
    }

    /// Every other duration wraps the sum.
    #[test]
    fn a_sum_does_not_fall_while_it_wraps() {
        const NUMBERS: u64 = 200_000;
        const HALF: u64 = u64::MAX / 2;
        let recorder = Recorder::new();
        let together = Barrier::new(2);
        let (mut sum, mut falls) = (0, 0_u64);
        within(DEADLINE, || {
            thread::scope(|scope| {
                scope.spawn(|| {
                    together.wait();
                    (0..NUMBERS).for_each(|_| recorder.record(HALF));
                });
                together.wait();
                while sum < u128::from(HALF) * u128::from(NUMBERS) {
                    let now = recorder.sum();
                    falls += u64::from(now < sum);
                    sum = now;
                }
            });
        });
        assert_eq!(falls, 0);
        assert_eq!(sum, u128::from(HALF) * u128::from(NUMBERS));
    }

    /// One writes, one reads all the time: no snapshot contradicts itself or an earlier one.
    #[test]
    fn snapshots_taken_meanwhile_are_consistent() {
        const NUMBERS: u64 = 100_000;
        let recorder = Recorder::new();
        let together = Barrier::new(2);
        let (mut count, mut snapshots) = (0, 0_u64);
        within(DEADLINE, || {
            thread::scope(|scope| {
                scope.spawn(|| {
                    together.wait();
                    for number in 0..NUMBERS {
                        // From all over the scale, in no order.
                        let mixed = number.wrapping_mul(0x9E37_79B9_7F4A_7C15);
                        recorder.record(mixed >> (mixed & 63));
                    }
                });
                together.wait();
                while count < NUMBERS {
                    let histogram = snapshot(&recorder);
                    let in_buckets: u64 = histogram.buckets().map(|bucket| bucket.count).sum();
                    assert_eq!(histogram.count(), in_buckets);
                    assert!(histogram.count() >= count);
                    assert!(histogram.min() <= histogram.mean());
                    assert!(histogram.mean() <= histogram.max());
                    assert!(histogram.min() <= histogram.quantile(0.5));
                    assert!(histogram.quantile(0.5) <= histogram.max());
                    count = histogram.count();
                    snapshots += 1;
                }
            });
        });
        assert_eq!(count, NUMBERS);
        assert!(snapshots > 0);
    }
}
