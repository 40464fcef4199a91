//! Tests of the histogram against the sorted durations themselves.

use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::{Strategy, any, prop_assert, prop_assert_eq, proptest};
use proptest::test_runner::Config;

use super::{Bucket, Counts, Histogram, Recorder, scale};

fn histogram(numbers: &[u64]) -> Histogram {
    let recorder = Recorder::new();
    numbers.iter().for_each(|&number| recorder.record(number));
    let mut histogram = Histogram::default();
    recorder.add_to(&mut histogram);
    histogram
}

fn nanoseconds(number: u64) -> Option<Duration> {
    Some(Duration::from_nanos(number))
}

/// Numbers of all magnitudes alike.
fn numbers() -> impl Strategy<Value = Vec<u64>> {
    vec((any::<u64>(), 0..64).prop_map(|(number, shift)| number >> shift), 1..200)
}

/// The first of the sorted numbers that, with those before it, makes up the part `q`.
fn exact_quantile(sorted: &[u64], q: f64) -> u64 {
    let enough = |&place: &usize| (place + 1) as f64 >= q * sorted.len() as f64;
    sorted[(0..sorted.len()).find(enough).unwrap()]
}

#[test]
fn an_empty_histogram_has_no_numbers_to_tell() {
    let empty = Histogram::default();
    assert!(empty.is_empty());
    assert_eq!((empty.count(), empty.buckets().count()), (0, 0));
    assert_eq!((empty.min(), empty.max(), empty.mean()), (None, None, None));
    assert_eq!(empty.quantile(0.5), None);
    assert_eq!(format!("{empty} {empty:?}"), "count 0 Histogram(count 0)");
    assert_eq!((empty.sum(), empty.count_up_to(Duration::MAX)), (Duration::ZERO, 0));
    assert_eq!(empty.since(&histogram(&[1])), empty);
    assert_eq!(Histogram::from_iter([]), empty);
}

#[test]
fn a_histogram_takes_a_pointer_and_4_kib_if_it_is_not_empty() {
    assert_eq!(size_of::<Histogram>(), size_of::<usize>());
    assert!((3900..=4096).contains(&size_of::<Counts>()), "{}", size_of::<Counts>());
}

#[test]
fn the_ends_of_the_scale_are_counted() {
    let histogram = histogram(&[0, 1, u64::MAX]);
    assert!(!histogram.is_empty());
    assert_eq!((histogram.min(), histogram.max()), (nanoseconds(0), nanoseconds(u64::MAX)));
    assert_eq!(histogram.mean(), nanoseconds(u64::MAX / 3));
    let bucket = |from, width| {
        let from = Duration::from_nanos(from);
        Bucket { from, to: from + Duration::from_nanos(width), count: 1 }
    };
    let expected = [bucket(0, 1), bucket(1, 1), bucket(15 << 60, 1 << 60)];
    assert_eq!(histogram.buckets().collect::<Vec<_>>(), expected);
}

#[test]
fn the_outermost_quantiles_are_exact_and_q_may_be_anything() {
    let histogram = histogram(&[970, 5_000, 9_999]);
    for q in [0.0, -0.0, -3.0, f64::NEG_INFINITY, 0.3] {
        assert_eq!(histogram.quantile(q), nanoseconds(970), "{q}");
    }
    for q in [1.0, 0.7, 2.0, f64::INFINITY] {
        assert_eq!(histogram.quantile(q), nanoseconds(9_999), "{q}");
    }
    assert_eq!(histogram.quantile(f64::NAN), None);
}

/// All of them are in one bucket, whose middle is 992.
#[test]
fn no_quantile_lies_outside_of_the_bounds() {
    assert_eq!(histogram(&[1020; 3]).quantile(0.5), nanoseconds(1020));
    assert_eq!(histogram(&[965; 3]).quantile(0.5), nanoseconds(965));
}

#[test]
fn a_histogram_reads_as_one_line() {
    let histogram = histogram(&[10, 10, 14, 2_000_000, 3_000_000_000]);
    let line = "count 5, p50 14.0ns, p90 3.0s, p99 3.0s, max 3.0s";
    assert_eq!(histogram.to_string(), line);
    assert_eq!(format!("{histogram:?}"), format!("Histogram({line})"));
}

#[test]
fn merging_with_itself_for_ever_saturates() {
    let mut histogram = histogram(&[5, u64::MAX]);
    for _ in 0..130 {
        let same = histogram.clone();
        histogram.merge(&same);
    }
    assert_eq!(histogram.count(), u64::MAX);
    assert_eq!(histogram.quantile(0.1), nanoseconds(5));
    assert_eq!(histogram.quantile(1.0), nanoseconds(u64::MAX));
    assert!(histogram.mean() <= histogram.max());
}

#[test]
fn merging_with_nothing_changes_nothing() {
    let (mut some, mut empty) = (histogram(&[3, 4]), Histogram::default());
    some.merge(&empty);
    assert_eq!(some, histogram(&[3, 4]));
    empty.merge(&some);
    assert_eq!(empty, some);
}

#[test]
fn a_sum_is_exact_to_its_end_and_no_further() {
    let end = Duration::from_nanos(u64::MAX);
    let mut histogram = histogram(&[u64::MAX, u64::MAX, 1]);
    assert_eq!(histogram.sum(), end * 2 + Duration::from_nanos(1));
    let mut last = histogram.sum();
    for _ in 0..70 {
        let same = histogram.clone();
        histogram.merge(&same);
        assert!(histogram.sum() >= last);
        last = histogram.sum();
    }
    assert_eq!(last, Duration::MAX);
}

#[test]
fn what_is_longer_than_the_scale_counts_as_its_end() {
    let longest = Histogram::from_iter([Duration::MAX]);
    assert_eq!(longest, histogram(&[u64::MAX]));
    assert_eq!(longest.count_up_to(Duration::MAX), 1);
}

/// All of 960 to 1023 are in one bucket.
#[test]
fn a_limit_counts_all_of_its_bucket() {
    let histogram = histogram(&[959, 960, 1000, 1023, 1024]);
    let up_to = |limit| histogram.count_up_to(Duration::from_nanos(limit));
    assert_eq!([958, 959, 960, 1000, 1022, 1023, 1024].map(up_to), [1, 1, 4, 4, 4, 4, 5]);
    assert_eq!([0, 895, 896].map(up_to), [0, 0, 1]);
    assert_eq!(histogram.count_up_to(Duration::MAX), 5);
}

#[test]
fn limits_below_16_ns_are_exact() {
    let histogram = histogram(&(0..16).collect::<Vec<u64>>());
    for limit in 0..16 {
        assert_eq!(histogram.count_up_to(Duration::from_nanos(limit)), limit + 1);
    }
}

/// A counter must not fall because a longer duration has come, nor leap because of a shorter one.
#[test]
fn a_limit_counts_a_duration_whatever_else_there_is() {
    let limit = Duration::from_nanos(970);
    for number in [965, 1000] {
        let mut histogram = histogram(&[number; 10]);
        assert_eq!(histogram.count_up_to(limit), 10);
        histogram.extend([Duration::from_secs(1)]);
        assert_eq!(histogram.count_up_to(limit), 10);
        histogram.extend([Duration::ZERO]);
        assert_eq!(histogram.count_up_to(limit), 11);
    }
}

#[test]
fn a_difference_knows_new_extremes_exactly_and_others_by_their_bucket() {
    let earlier = histogram(&[2000, 5000]);
    let both = |new: &[u64]| histogram(&[&[2000, 5000], new].concat()).since(&earlier);
    let outside = both(&[1000, 9999]);
    assert_eq!((outside.min(), outside.max()), (nanoseconds(1000), nanoseconds(9999)));
    let inside = both(&[3000, 3000]);
    assert_eq!((inside.min(), inside.max()), (nanoseconds(2816), nanoseconds(3071)));
    assert_eq!((inside.sum(), inside.mean()), (Duration::from_nanos(6000), nanoseconds(3000)));
    assert_eq!(both(&[]), Histogram::default());
    assert_eq!(earlier.since(&Histogram::default()), earlier);
}

#[test]
fn a_difference_of_strangers_says_little_and_does_not_contradict_itself() {
    assert!(histogram(&[7]).since(&histogram(&[7, 7, 3])).is_empty());
    // The sum of the other is larger.
    let difference = histogram(&[7, 1000, 1000]).since(&histogram(&[7, 1_000_000]));
    assert_eq!((difference.count(), difference.sum()), (2, Duration::from_nanos(2 * 960)));
    // The sum of the other is smaller by what it does not share.
    let difference = histogram(&[1000, 5000]).since(&histogram(&[970]));
    assert_eq!((difference.count(), difference.sum()), (1, Duration::from_nanos(5000)));
}

proptest! {
    #![proptest_config(Config { failure_persistence: None, ..Config::default() })]

    #[test]
    fn a_quantile_is_within_a_sixteenth_of_the_exact_one(numbers in numbers(), q in 0.0..=1.0) {
        let histogram = histogram(&numbers);
        let mut sorted = numbers;
        sorted.sort_unstable();
        let exact = exact_quantile(&sorted, q);
        let found = histogram.quantile(q).unwrap();
        let error = found.abs_diff(Duration::from_nanos(exact));
        prop_assert!(error <= Duration::from_nanos(exact / 16), "{found:?} for {exact} ns");
    }

    #[test]
    fn count_bounds_and_mean_are_exact(numbers in numbers()) {
        let histogram = histogram(&numbers);
        let sum: u128 = numbers.iter().map(|&number| u128::from(number)).sum();
        let mean = (sum / numbers.len() as u128) as u64;
        prop_assert_eq!(histogram.count(), numbers.len() as u64);
        prop_assert_eq!(histogram.min(), numbers.iter().min().copied().and_then(nanoseconds));
        prop_assert_eq!(histogram.max(), numbers.iter().max().copied().and_then(nanoseconds));
        prop_assert_eq!(histogram.mean(), nanoseconds(mean));
    }

    #[test]
    fn buckets_count_what_lies_in_them(numbers in numbers()) {
        let buckets: Vec<Bucket> = histogram(&numbers).buckets().collect();
        prop_assert!(buckets.windows(2).all(|pair| pair[0].to <= pair[1].from));
        for bucket in &buckets {
            let inside = bucket.from..bucket.to;
            let here = numbers.iter().filter(|&&n| inside.contains(&Duration::from_nanos(n)));
            prop_assert_eq!(bucket.count, here.count() as u64);
        }
        prop_assert_eq!(buckets.iter().map(|bucket| bucket.count).sum::<u64>(), numbers.len() as u64);
    }

    #[test]
    fn merging_is_recording_in_one(left in numbers(), right in numbers()) {
        let mut merged = histogram(&left);
        merged.merge(&histogram(&right));
        let mut both = Histogram::default();
        for numbers in [&left, &right] {
            let recorder = Recorder::new();
            numbers.iter().for_each(|&number| recorder.record(number));
            recorder.add_to(&mut both);
        }
        let in_one = histogram(&[left, right].concat());
        prop_assert_eq!(&merged, &in_one);
        prop_assert_eq!(&both, &in_one);
    }

    #[test]
    fn collecting_is_recording(left in numbers(), right in numbers()) {
        let durations = |numbers: &[u64]| -> Vec<Duration> {
            numbers.iter().map(|&number| Duration::from_nanos(number)).collect()
        };
        let mut collected: Histogram = durations(&left).into_iter().collect();
        prop_assert_eq!(&collected, &histogram(&left));
        collected.extend(durations(&right));
        prop_assert_eq!(collected, histogram(&[left, right].concat()));
    }

    /// At least those that are no longer than the limit, and none that is longer by an eighth.
    #[test]
    fn a_limit_is_kept_to_within_a_bucket(
        numbers in numbers(),
        limit in (any::<u64>(), 0..64).prop_map(|(number, shift)| number >> shift),
        near in any::<Option<proptest::sample::Index>>(),
    ) {
        // One of the numbers, which random limits hardly ever come near.
        let limit = near.map_or(limit, |near| *near.get(&numbers));
        let histogram = histogram(&numbers);
        let mut sorted = numbers;
        sorted.sort_unstable();
        let count = histogram.count_up_to(Duration::from_nanos(limit));
        let exact = sorted.partition_point(|&number| number <= limit) as u64;
        let in_reach = sorted.partition_point(|&number| number - number / 9 <= limit) as u64;
        prop_assert!((exact..=in_reach).contains(&count), "{exact} <= {count} <= {in_reach}");
        let bucket = scale::last(scale::index(limit));
        prop_assert_eq!(count, sorted.partition_point(|&number| number <= bucket) as u64);
        prop_assert_eq!(histogram.count_up_to(histogram.max().unwrap()), histogram.count());
    }

    #[test]
    fn limits_of_merged_histograms_add_up(
        left in numbers(),
        right in numbers(),
        limit in (any::<u64>(), 0..64).prop_map(|(number, shift)| number >> shift),
    ) {
        let limit = Duration::from_nanos(limit);
        let (left, right) = (histogram(&left), histogram(&right));
        let mut merged = left.clone();
        merged.merge(&right);
        let count = merged.count_up_to(limit);
        prop_assert_eq!(count, left.count_up_to(limit) + right.count_up_to(limit));
        prop_assert_eq!(merged.since(&left).count_up_to(limit), right.count_up_to(limit));
    }

    #[test]
    fn a_difference_is_what_was_merged(before in numbers(), after in numbers()) {
        let (before, after) = (histogram(&before), histogram(&after));
        let mut merged = before.clone();
        merged.merge(&after);
        let between = merged.since(&before);
        prop_assert!(between.buckets().eq(after.buckets()));
        prop_assert_eq!((between.count(), between.sum()), (after.count(), after.sum()));
        prop_assert_eq!(between.mean(), after.mean());
        let (low, min) = (between.min().unwrap(), after.min().unwrap());
        prop_assert!(low <= min && min - low <= min / 9, "{low:?} for {min:?}");
        let (high, max) = (between.max().unwrap(), after.max().unwrap());
        prop_assert!(high >= max && high - max <= max / 8, "{high:?} for {max:?}");
    }

    /// As successive snapshots have it.
    #[test]
    fn a_sum_is_exact_and_never_falls(numbers in numbers()) {
        let recorder = Recorder::new();
        let (mut exact, mut last) = (0_u128, Duration::ZERO);
        for number in numbers {
            recorder.record(number);
            exact += u128::from(number);
            let mut snapshot = Histogram::default();
            recorder.add_to(&mut snapshot);
            prop_assert_eq!(snapshot.sum().as_nanos(), exact);
            prop_assert!(snapshot.sum() >= last);
            last = snapshot.sum();
        }
    }
}
