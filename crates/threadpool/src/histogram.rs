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
/// and the longest duration, the [`sum`](Self::sum) and, up to a nanosecond, the mean. What lies
/// between is known to within one of the [`buckets`](Self::buckets), which are 1 ns wide below 16 ns
/// and at most an eighth of their lower bound above: a [`quantile`](Self::quantile) is off by a
/// sixteenth, or 6.25 %, at most. Durations from 0 to 2^64 - 1 ns (584 years) have a bucket; there is
/// nothing to configure.
///
/// An empty one is as large as a pointer, any other takes 4 KiB more, however many durations it
/// counts.
///
/// A snapshot that is taken while a worker records may miss that one duration, or know of it only
/// the bucket, but it does not contradict itself: [`count`](Self::count) is the sum over the
/// buckets, and the mean and all quantiles lie between [`min`](Self::min) and [`max`](Self::max).
/// Only the sum may have that duration already, or not yet.
///
/// In successive snapshots of one pool, the count, the sum, the count of each bucket and
/// [`count_up_to`](Self::count_up_to) any limit never fall. [`since`](Self::since) tells what came
/// in between.
///
/// # Threads
///
/// Any thread.
///
/// # Examples
///
/// An exporter to a collector of metrics, which wants to know how many took no longer than each
/// limit, in seconds. Its test makes a histogram of its own:
///
/// ```
/// use ropewalk_threadpool::Histogram;
/// use std::time::Duration;
///
/// fn export(name: &str, times: &Histogram) -> String {
///     let mut text = String::new();
///     for limit in [1, 10, 100].map(Duration::from_millis) {
///         let (le, count) = (limit.as_secs_f64(), times.count_up_to(limit));
///         text += &format!("{name}_bucket{{le=\"{le}\"}} {count}\n");
///     }
///     let (sum, count) = (times.sum().as_secs_f64(), times.count());
///     text += &format!("{name}_bucket{{le=\"+Inf\"}} {count}\n");
///     text + &format!("{name}_sum {sum}\n{name}_count {count}\n")
/// }
///
/// let times: Histogram = [2, 3, 10, 50, 4000].map(Duration::from_millis).into_iter().collect();
/// let expected = r#"
/// run_time_bucket{le="0.001"} 0
/// run_time_bucket{le="0.01"} 3
/// run_time_bucket{le="0.1"} 4
/// run_time_bucket{le="+Inf"} 5
/// run_time_sum 4.065
/// run_time_count 5
/// "#;
/// assert_eq!(export("run_time", &times), expected.trim_start());
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
    ///
    /// Of a difference it is known less well: see [`since`](Self::since).
    #[must_use]
    pub fn min(&self) -> Option<Duration> {
        self.counts.as_ref().map(|counts| Duration::from_nanos(counts.min))
    }

    /// Returns the longest duration, exactly, or none if the histogram is empty.
    ///
    /// Of a difference it is known less well: see [`since`](Self::since).
    #[must_use]
    pub fn max(&self) -> Option<Duration> {
        self.counts.as_ref().map(|counts| Duration::from_nanos(counts.max))
    }

    /// Returns the sum of all durations, exactly, or [`Duration::MAX`] if it is larger than that.
    ///
    /// From one snapshot of a pool to the next it never falls. It may be ahead of the
    /// [`count`](Self::count), or behind, by what the workers were recording at that moment.
    #[must_use]
    pub fn sum(&self) -> Duration {
        self.counts.as_ref().map_or(Duration::ZERO, |counts| counts.sum())
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
    /// of that at most. The shortest and the longest are [`min`](Self::min) and [`max`](Self::max). A `q` outside
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

    /// Returns how many durations were at most `limit`, to within the bucket that it falls into.
    ///
    /// All of that bucket is counted. So a duration of `limit` or less always is, one that is
    /// longer by an eighth or more never is, and those between are if they share the bucket. From
    /// [`max`](Self::max) on it is [`count`](Self::count).
    ///
    /// Whether a duration is counted depends on nothing but itself and `limit`. Hence the result
    /// never falls from one snapshot of a pool to the next, as is expected of a counter, and that
    /// of [merged](Self::merge) histograms is the sum of theirs.
    ///
    /// # Notes
    ///
    /// Which bounds the buckets have may change, to finer ones.
    #[must_use]
    pub fn count_up_to(&self, limit: Duration) -> u64 {
        self.counts.as_ref().map_or(0, |counts| counts.up_to(nanoseconds(limit)))
    }

    /// Returns what was recorded after `earlier`, if both are snapshots of the same pool and
    /// `earlier` is the earlier one.
    ///
    /// The counts are exact, and so is the sum but for what was just being recorded. The shortest
    /// and the longest duration are known only as the bounds of their buckets, unless they are those
    /// of `self`: [`min`](Self::min) may be too low by a ninth, and [`max`](Self::max) too high by an
    /// eighth, and so may the quantiles of 0 and 1.
    ///
    /// A bucket of which `earlier` has more is empty in the result, so histograms that have nothing
    /// to do with each other give one that says nothing, but no panic.
    ///
    /// # Examples
    ///
    /// ```
    /// use ropewalk_threadpool::Histogram;
    /// use std::time::Duration;
    ///
    /// let earlier = Histogram::from_iter([1, 20].map(Duration::from_millis));
    /// let mut later = earlier.clone();
    /// later.extend([5, 7].map(Duration::from_millis));
    /// let between = later.since(&earlier);
    /// assert_eq!((between.count(), between.sum()), (2, Duration::from_millis(12)));
    /// assert_eq!(between.mean(), Some(Duration::from_millis(6)));
    /// ```
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        match (&self.counts, &earlier.counts) {
            (Some(counts), Some(earlier)) => Self { counts: counts.since(earlier) },
            _ => self.clone(),
        }
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

/// Durations that are longer than the scale, which is 584 years, count as its end.
impl Extend<Duration> for Histogram {
    fn extend<I: IntoIterator<Item = Duration>>(&mut self, durations: I) {
        for duration in durations {
            self.counts.get_or_insert_with(Counts::nothing).record(nanoseconds(duration));
        }
    }
}

/// For tests of what reads histograms; those of a pool come from
/// [`ThreadPool::stats`](crate::ThreadPool::stats).
impl FromIterator<Duration> for Histogram {
    fn from_iter<I: IntoIterator<Item = Duration>>(durations: I) -> Self {
        let mut histogram = Self::default();
        histogram.extend(durations);
        histogram
    }
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
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
