//! Tests of the histogram against the sorted durations themselves.

use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::{Strategy, any, prop_assert, prop_assert_eq, proptest};
use proptest::test_runner::Config;

use super::{Bucket, Histogram, Recorder};

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
    assert_eq!(size_of::<Histogram>(), size_of::<usize>());
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
}
