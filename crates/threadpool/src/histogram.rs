//! Histograms of durations, in fixed memory.
//!
//! A counter says how many jobs there were, a mean hides the one that took a minute. What a pool is
//! sized by is how long jobs wait and run at the median and at the far end, and only a distribution
//! tells that. It is kept without limits to configure, and without growth: see [`scale`].
//!
//! A worker counts into its own [`Recorder`]; whoever asks adds the recorders up into a
//! [`Histogram`], which then changes no more. So recording takes no lock and shares no cache line.

mod counts;
mod recorder;
mod scale;

use std::fmt;
use std::time::Duration;

use counts::Counts;

pub(crate) use recorder::Recorder;

/// How often durations of each length occurred.
///
/// This is a snapshot: it does not change any more. The counts are exact, and so are the shortest
/// and the longest duration and, up to a nanosecond, the mean. What lies between is known to within
/// one of the [`buckets`](Self::buckets), which are 1 ns wide below 16 ns and at most an eighth of
/// their lower bound above: a [`quantile`](Self::quantile) is off by a sixteenth, or 6.25 %, at most.
/// Durations from 0 to 2^64 - 1 ns (584 years) have a bucket; there is nothing to configure.
///
/// An empty one is as large as a pointer, any other takes 4 KiB more, however many durations it
/// counts.
///
/// A snapshot that is taken while a worker records may miss that one duration, or know of it only
/// the bucket, but it does not contradict itself: [`count`](Self::count) is the sum over the
/// buckets, and the mean and all quantiles lie between [`min`](Self::min) and [`max`](Self::max).
///
/// # Threads
///
/// Any thread.
///
/// # Examples
///
/// What a collector of metrics wants, which is how many took no longer than each limit:
///
/// ```
/// use ropewalk_threadpool::Histogram;
///
/// fn cumulative(histogram: &Histogram) -> Vec<(f64, u64)> {
///     let mut sum = 0;
///     let buckets = histogram.buckets();
///     buckets
///         .map(|bucket| {
///             sum += bucket.count;
///             (bucket.to.as_secs_f64(), sum)
///         })
///         .collect()
/// }
///
/// let nothing_yet = Histogram::default();
/// assert!(cumulative(&nothing_yet).is_empty());
/// assert_eq!(nothing_yet.quantile(0.99), None);
/// assert_eq!(nothing_yet.to_string(), "count 0");
/// ```
#[derive(Clone, Default, Eq, PartialEq)]
pub struct Histogram {
    /// None as long as nothing is counted, which also makes empty ones equal.
    counts: Option<Box<Counts>>,
}

/// One step of the scale of a [`Histogram`].
///
/// The last bucket ends at 2^64 ns.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Bucket {
    /// The shortest duration that belongs here.
    pub from: Duration,
    /// The end: durations that belong here are shorter. The next bucket begins here.
    pub to: Duration,
    /// How many durations from `from` to `to` there were.
    pub count: u64,
}

impl Histogram {
    /// Returns how many durations are counted.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.counts.as_ref().map_or(0, |counts| counts.count)
    }

    /// Returns true if no duration is counted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.counts.is_none()
    }

    /// Returns the shortest duration, exactly, or none if the histogram is empty.
    #[must_use]
    pub fn min(&self) -> Option<Duration> {
        self.counts.as_ref().map(|counts| Duration::from_nanos(counts.min))
    }

    /// Returns the longest duration, exactly, or none if the histogram is empty.
    #[must_use]
    pub fn max(&self) -> Option<Duration> {
        self.counts.as_ref().map(|counts| Duration::from_nanos(counts.max))
    }

    /// Returns the mean, rounded down to a nanosecond, or none if the histogram is empty.
    ///
    /// It comes from a sum that is kept beside the buckets, so it has no error of theirs.
    #[must_use]
    pub fn mean(&self) -> Option<Duration> {
        self.counts.as_ref().map(|counts| Duration::from_nanos(counts.mean()))
    }

    /// Returns the duration that the part `q` of all durations do not exceed: `quantile(0.5)` is
    /// the median, `quantile(0.99)` what one of a hundred exceeds.
    ///
    /// It differs from the exact one, which is an element of the sorted durations, by a sixteenth
    /// of that at most. The shortest and the longest duration are returned exactly. A `q` outside
    /// of 0 to 1 is taken as the nearer of the two. Returns none if the histogram is empty or `q`
    /// is not a number.
    #[must_use]
    pub fn quantile(&self, q: f64) -> Option<Duration> {
        let counts = self.counts.as_ref().filter(|_| !q.is_nan())?;
        let rank = (q.clamp(0.0, 1.0) * counts.count as f64).ceil() as u64;
        Some(Duration::from_nanos(counts.ranked(rank)))
    }

    /// Returns the buckets that are not empty, in increasing order.
    ///
    /// Neighbours on the scale touch: the one's `to` is the other's `from`.
    ///
    /// # Notes
    ///
    /// Which bounds there are may change, to finer ones.
    pub fn buckets(&self) -> impl Iterator<Item = Bucket> {
        let buckets = self.counts.iter().flat_map(|counts| counts.buckets.iter().enumerate());
        buckets.filter(|&(_, &count)| count > 0).map(|(index, &count)| {
            let (from, width) = scale::bounds(index);
            let from = Duration::from_nanos(from);
            Bucket { from, to: from + Duration::from_nanos(width), count }
        })
    }

    /// Adds the counts of `other`, as if all durations had been recorded in one histogram.
    pub fn merge(&mut self, other: &Self) {
        let Some(other) = &other.counts else { return };
        match &mut self.counts {
            Some(counts) => counts.merge(other),
            empty => *empty = Some(other.clone()),
        }
    }

    /// Adds what a recorder holds: its counts of the buckets from `first` on, the sum, and the
    /// bounds, which may be wider than the counts but not narrower.
    fn add(
        &mut self,
        first: usize,
        counts: impl Iterator<Item = u64>,
        sum: u128,
        bounds: (u64, u64),
    ) {
        let mut counts = (first..).zip(counts).filter(|&(_, count)| count > 0).peekable();
        let Some(&(first, _)) = counts.peek() else { return };
        let all = self.counts.get_or_insert_with(Counts::nothing);
        let mut last = first;
        for (index, count) in counts {
            all.buckets[index] = all.buckets[index].saturating_add(count);
            all.count = all.count.saturating_add(count);
            last = index;
        }
        all.sum = all.sum.saturating_add(sum);
        // A duration whose bucket has not counted it yet does not move the bounds either.
        all.min = all.min.min(bounds.0.max(scale::first(first)));
        all.max = all.max.max(bounds.1.min(scale::last(last)));
    }
}

impl fmt::Display for Histogram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "count {}", self.count())?;
        for (name, q) in [("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("max", 1.0)] {
            if let Some(duration) = self.quantile(q) {
                write!(f, ", {name} {duration:.1?}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Histogram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Histogram({self})")
    }
}

#[cfg(test)]
mod tests;
