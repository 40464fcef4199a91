//! What the loop's thread counts while the operations arrive.
//!
//! It is a thread-local, because a closure that comes from another thread cannot bring along what
//! belongs to the loop. It costs every contestant the same, about a nanosecond.

use crate::sample::Sample;
use std::cell::{Cell, RefCell};
use std::time::{Duration, Instant};

pub(crate) const MAX_PRODUCERS: usize = 4;

thread_local! {
    static TALLY: Tally = const { Tally::new() };
}

struct Tally {
    arrived: Cell<usize>,
    total: Cell<usize>,
    lap: Cell<usize>,
    next_lap: Cell<usize>,
    in_order: Cell<bool>,
    /// How many have come from each producer.
    from: [Cell<usize>; MAX_PRODUCERS],
    sum: Cell<usize>,
    moments: RefCell<Vec<Instant>>,
}

impl Tally {
    const fn new() -> Self {
        Self {
            arrived: Cell::new(0),
            total: Cell::new(0),
            lap: Cell::new(1),
            next_lap: Cell::new(0),
            in_order: Cell::new(true),
            from: [const { Cell::new(0) }; MAX_PRODUCERS],
            sum: Cell::new(0),
            moments: RefCell::new(Vec::new()),
        }
    }
}

/// The clock starts now. `lap` operations are timed together.
pub(crate) fn start(total: usize, lap: usize) {
    TALLY.with(|tally| {
        tally.arrived.set(0);
        tally.total.set(total);
        tally.lap.set(lap);
        tally.next_lap.set(lap);
        tally.in_order.set(true);
        tally.from.iter().for_each(|from| from.set(0));
        tally.sum.set(0);
        let mut moments = tally.moments.borrow_mut();
        *moments = Vec::with_capacity(total / lap + 2);
        moments.push(Instant::now());
    });
}

/// The clock had started then: when the foreign thread made its first call.
pub(crate) fn began(start: Instant) {
    TALLY.with(|tally| {
        if let Some(first) = tally.moments.borrow_mut().first_mut() {
            *first = start;
        }
    });
}

/// The operation with this number has arrived. `true`: it was the last one.
#[inline]
pub(crate) fn arrive(number: usize) -> bool {
    arrive_of::<1>(number)
}

/// As [`arrive`], where so many producers take turns with the numbers: each has an order of its own.
#[inline]
pub(crate) fn arrive_of<const PRODUCERS: usize>(number: usize) -> bool {
    TALLY.with(|tally| {
        let from = &tally.from[number % PRODUCERS];
        if number / PRODUCERS != from.get() {
            tally.in_order.set(false);
        }
        from.set(from.get() + 1);
        let arrived = tally.arrived.get() + 1;
        tally.arrived.set(arrived);
        tally.sum.set(tally.sum.get().wrapping_add(number));
        let last = arrived == tally.total.get();
        if arrived == tally.next_lap.get() || last {
            tally.next_lap.set(arrived + tally.lap.get());
            tally.moments.borrow_mut().push(Instant::now());
        }
        last
    })
}

/// What has been counted. An error, if it is not each operation once.
pub(crate) fn finish() -> anyhow::Result<Sample> {
    TALLY.with(|tally| {
        let (arrived, total, lap) = (tally.arrived.get(), tally.total.get(), tally.lap.get());
        anyhow::ensure!(arrived == total, "{arrived} of {total} operations arrived");
        let expected = (0..total).fold(0, usize::wrapping_add);
        anyhow::ensure!(tally.sum.get() == expected, "some operation came twice");
        let moments = tally.moments.take();
        let mut laps: Vec<_> = moments
            .windows(2)
            .map(|pair| (pair[1] - pair[0]).as_nanos() as f64 / lap as f64)
            .collect();
        if total % lap != 0 {
            // The last one was shorter.
            laps.pop();
        }
        let elapsed = match (moments.first(), moments.last()) {
            (Some(first), Some(last)) => *last - *first,
            _ => Duration::ZERO,
        };
        let (busy, in_order) = (Duration::ZERO, tally.in_order.get());
        Ok(Sample { elapsed, busy, operations: total, laps, in_order })
    })
}

#[cfg(test)]
mod tests {
    use super::{arrive, arrive_of, finish, start};

    #[test]
    fn laps_are_whole() {
        start(5, 2);
        let last: Vec<_> = (0..5).map(arrive).collect();
        assert_eq!(last, [false, false, false, false, true]);
        let sample = finish().unwrap();
        assert_eq!((sample.laps.len(), sample.in_order), (2, true));
    }

    #[test]
    fn disorder_is_seen_and_loss_is_an_error() {
        start(3, 1);
        assert_eq!([1, 0].map(arrive), [false, false]);
        assert!(finish().is_err());
        assert!(arrive(2));
        assert!(!finish().unwrap().in_order);
        start(3, 1);
        assert_eq!([0, 1, 1].map(arrive), [false, false, true]);
        assert!(finish().is_err());
    }

    #[test]
    fn each_producer_has_an_order_of_its_own() {
        start(4, 1);
        assert_eq!([1, 3, 0, 2].map(arrive_of::<2>), [false, false, false, true]);
        assert!(finish().unwrap().in_order);
        start(4, 1);
        assert_eq!([3, 1, 0, 2].map(arrive_of::<2>), [false, false, false, true]);
        assert!(!finish().unwrap().in_order);
    }
}
