//! The scale of the histograms: which bucket a duration belongs to.
//!
//! Each power of two is cut into eight equal steps, and the smallest numbers have a bucket each. So
//! the error is relative: a bucket is as wide as an eighth of its lower bound at most, for a
//! microsecond as for a day, and 64 bits need no more than 496 of them. Finer steps would double the
//! memory of each worker for digits that no one sizes a pool by.
//!
//! A bucket's number is the number's octave and its highest four bits, so that it takes a count of
//! zeros and a shift to find: no loop, no division, no logarithm.

/// Steps per octave, as a power of two.
const STEP_BITS: u32 = 3;
pub(super) const STEPS: usize = 1 << STEP_BITS;

/// As many octaves as have steps.
pub(super) const OCTAVES: usize = (u64::BITS - STEP_BITS + 1) as usize;

pub(super) const BUCKETS: usize = OCTAVES * STEPS;

/// The bucket of `number`.
pub(super) const fn index(number: u64) -> usize {
    // What is below the first step shares the octave of 8 to 15, whose buckets are 1 wide too.
    let octave = u64::BITS - 1 - STEP_BITS - (number | STEPS as u64).leading_zeros();
    // The step is from 8 to 15, hence an octave ends where the next begins.
    (octave << STEP_BITS) as usize + (number >> octave) as usize
}

/// The octave of a bucket, and its step in there.
pub(super) const fn place(index: usize) -> (usize, usize) {
    (index >> STEP_BITS, index % STEPS)
}

/// The smallest number of a bucket, and how many numbers belong to it.
pub(super) const fn bounds(index: usize) -> (u64, u64) {
    let octave = (index as u64 >> STEP_BITS).saturating_sub(1);
    let step = index as u64 - (octave << STEP_BITS);
    (step << octave, 1 << octave)
}

/// The smallest number of a bucket.
pub(super) const fn first(index: usize) -> u64 {
    bounds(index).0
}

/// The largest number of a bucket.
pub(super) const fn last(index: usize) -> u64 {
    let (first, width) = bounds(index);
    first + (width - 1)
}

/// The number that is no further than half a bucket from all numbers of the bucket.
pub(super) const fn middle(index: usize) -> u64 {
    let (first, width) = bounds(index);
    first + width / 2
}

#[cfg(test)]
mod tests {
    use super::{BUCKETS, bounds, first, index, last, middle};
    use proptest::prelude::{any, prop_assert, proptest};
    use proptest::test_runner::Config;

    #[test]
    fn the_scale_has_neither_gap_nor_overlap() {
        assert_eq!((first(0), last(BUCKETS - 1)), (0, u64::MAX));
        for bucket in 0..BUCKETS {
            assert_eq!((index(first(bucket)), index(last(bucket))), (bucket, bucket));
            assert!(bucket == 0 || last(bucket - 1) + 1 == first(bucket), "{bucket}");
        }
    }

    #[test]
    fn boundaries_have_the_buckets_that_they_should() {
        for number in 0..16 {
            assert_eq!((index(number), bounds(number as usize)), (number as usize, (number, 1)));
        }
        assert_eq!((index(16), index(17), index(18)), (16, 16, 17));
        assert_eq!(bounds(16), (16, 2));
        assert_eq!((index(u64::MAX), BUCKETS), (495, 496));
        assert_eq!(bounds(495), (15 << 60, 1 << 60));
    }

    #[test]
    fn a_bucket_is_no_wider_than_an_eighth_of_its_lower_bound() {
        for bucket in 0..BUCKETS {
            let (first, width) = bounds(bucket);
            assert!(width == 1 || width <= first / 8, "{bucket}");
        }
    }

    proptest! {
        #![proptest_config(Config { failure_persistence: None, ..Config::default() })]

        /// Shifted, so that all octaves occur as often.
        #[test]
        fn a_number_lies_in_its_bucket(number in any::<u64>(), shift in 0..64) {
            let number = number >> shift;
            let bucket = index(number);
            let (first, width) = bounds(bucket);
            prop_assert!(first <= number && number - first < width);
            prop_assert!(middle(bucket).abs_diff(number) <= width / 2);
        }

        #[test]
        fn a_larger_number_has_no_lower_bucket(
            a in any::<u64>(),
            b in any::<u64>(),
            shift in 0..64,
            other in 0..64,
        ) {
            let (a, b): (u64, u64) = (a >> shift, b >> other);
            prop_assert!(index(a.min(b)) <= index(a.max(b)));
        }
    }
}
