//! Collections with a million members, on a small stack (I10), and what a member costs.

use crate::collections::{Collect, KINDS};
use crate::members::members;
use crate::support::{MILLION, peek, result_of, small_stack, take, without_backtraces};
use ropewalk_deferred::{
    Cancelled, Deferred, DeferredList, FailureGroup, Promise, TimedOut, clear_unhandled_hook,
    gather_results, race, set_unhandled_hook,
};
use std::cell::Cell;
use std::rc::Rc;

/// One for each rule: a value of each member, and one value of any.
const RULES: [Collect; 2] = [KINDS[3], KINDS[4]];

fn pending(count: u32) -> (Vec<Promise<u32>>, Vec<Deferred<u32>>) {
    (0..count).map(|_| Deferred::new()).unzip()
}

/// How many failures go unhandled while `body` runs.
fn unhandled_count(body: impl FnOnce()) -> u32 {
    let count = Rc::new(Cell::new(0));
    let seen = Rc::clone(&count);
    set_unhandled_hook(move |_| seen.set(seen.get() + 1));
    body();
    clear_unhandled_hook();
    count.get()
}

#[test]
fn i10_a_million_members_that_have_fired() {
    small_stack(|| {
        for collect in RULES {
            let result = collect((0..MILLION).map(Deferred::succeed).collect());
            result_of(result).unwrap();
        }
    });
}

#[test]
fn i10_a_million_members_fired_one_by_one() {
    without_backtraces(|| {
        for collect in RULES {
            let (promises, deferreds) = pending(MILLION);
            let result = peek(collect(deferreds));
            for promise in promises {
                promise.callback(7);
            }
            take(&result).unwrap().unwrap();
        }
    });
}

#[test]
fn i10_a_million_members_keep_their_order() {
    small_stack(|| {
        let (promises, deferreds) = pending(MILLION);
        let values = peek(gather_results(deferreds));
        for (n, promise) in (0..MILLION).zip(promises).rev() {
            promise.callback(n);
        }
        assert!(take(&values).unwrap().unwrap().into_iter().eq(0..MILLION));
    });
}

#[test]
fn i10_a_million_members_of_a_list_cancelled() {
    without_backtraces(|| cancelled(KINDS[0]));
}

#[test]
fn i10_a_million_members_of_a_race_cancelled() {
    without_backtraces(|| cancelled(KINDS[4]));
}

fn cancelled(collect: Collect) {
    let (promises, deferreds) = pending(MILLION);
    let result = collect(deferreds);
    assert_eq!(unhandled_count(|| result.cancel()), 0);
    assert!(promises.iter().all(Promise::is_cancelled));
    assert!(take(&peek(result)).is_some());
}

#[test]
fn i10_a_million_losers() {
    without_backtraces(|| {
        let (mut promises, deferreds) = pending(MILLION);
        let first = peek(race(deferreds));
        let winner = promises.pop().unwrap();
        assert_eq!(unhandled_count(|| winner.callback(7)), 0);
        assert!(promises.iter().all(Promise::is_cancelled));
        assert_eq!(take(&first).unwrap().unwrap(), (MILLION as usize - 1, 7));
    });
}

#[test]
fn i10_a_million_members_of_a_gathering_dropped() {
    without_backtraces(|| dropped(KINDS[3], MILLION));
}

#[test]
fn i10_a_million_members_of_a_race_dropped() {
    without_backtraces(|| dropped(KINDS[4], 1));
}

fn dropped(collect: Collect, reports: u32) {
    let (promises, deferreds) = pending(MILLION);
    drop(collect(deferreds));
    assert_eq!(unhandled_count(|| drop(promises)), reports);
}

#[test]
fn i10_a_million_failures_before_the_first_value() {
    without_backtraces(|| {
        let (mut promises, deferreds) = pending(MILLION);
        let list = DeferredList::new(deferreds).fire_on_one_callback();
        let first = peek(list.into_deferred());
        let last = promises.pop().unwrap();
        let count = unhandled_count(|| {
            promises.into_iter().for_each(|promise| promise.errback(TimedOut));
            last.callback(7);
        });
        assert_eq!(count, MILLION - 1);
        assert_eq!(take(&first).unwrap().unwrap(), (MILLION as usize - 1, 7));
    });
}

/// A tenth of a million collections, each the only member of the next.
fn nest(collect: fn(Deferred<u32>) -> Deferred<u32>) -> (Promise<u32>, Deferred<u32>) {
    let (promise, mut deferred) = Deferred::new();
    for _ in 0..MILLION / 10 {
        deferred = collect(deferred);
    }
    (promise, deferred)
}

const NESTS: [fn(Deferred<u32>) -> Deferred<u32>; 2] = [
    |deferred| gather_results([deferred]).map(|values| values[0]),
    |deferred| race([deferred]).map(|(_, value)| value),
];

#[test]
fn i10_collections_of_collections_fired() {
    for collect in NESTS {
        small_stack(move || {
            let (promise, deferred) = nest(collect);
            let result = peek(deferred);
            promise.callback(7);
            assert_eq!(take(&result).unwrap().unwrap(), 7);
        });
    }
}

#[test]
fn i10_collections_of_collections_cancelled() {
    without_backtraces(|| {
        let collect: fn(Deferred<u32>) -> Deferred<u32> = |deferred| {
            DeferredList::new([deferred]).into_deferred().map(|results| results.len() as u32)
        };
        let (promise, deferred) = nest(collect);
        deferred.cancel();
        assert!(promise.is_cancelled());
        assert_eq!(result_of(deferred).unwrap(), 1, "the list in it has a failure for a result");
    });
}

/// Each failure has the one before it in it.
#[test]
fn i10_collections_of_collections_failed() {
    for collect in NESTS {
        without_backtraces(move || {
            let (promise, deferred) = nest(collect);
            let result = peek(deferred);
            promise.errback(TimedOut);
            let failure = take(&result).unwrap().unwrap_err();
            assert!(!failure.to_string().is_empty());
            drop(failure);

            let (promise, deferred) = nest(collect);
            drop(deferred);
            assert_eq!(unhandled_count(|| drop(promise)), 1);
        });
    }
}

#[test]
fn a_race_of_many_that_all_fail_can_be_told() {
    without_backtraces(|| {
        let failing = (0..MILLION).map(|_| Deferred::<u32>::fail(Cancelled));
        let failure = crate::support::failure_of(race(failing));
        let count = failure.downcast_ref::<FailureGroup>().unwrap().failures().len();
        assert_eq!(count, MILLION as usize);
        assert!(failure.to_string().len() < 1000);
    });
}

#[test]
fn a_member_costs_one_allocation_for_its_link() {
    const COUNT: usize = 1000;
    for collect in KINDS {
        let (ends, deferreds) = members(COUNT);
        let mut result = None;
        let info = allocation_counter::measure(|| result = Some(collect(deferreds)));
        assert!(info.count_total < COUNT as u64 + 40, "{}", info.count_total);
        drop((ends, result));
        let there = (0..COUNT as u32).map(Deferred::succeed).collect();
        let info = allocation_counter::measure(|| drop(collect(there)));
        assert!(info.count_total < 40, "{}", info.count_total);
    }
}

#[test]
fn what_is_left_of_a_member_is_freed_as_soon_as_it_has_its_value() {
    let (ends, deferreds) = pending(100);
    let values = gather_results(deferreds);
    let mut ends = ends.into_iter();
    let info = allocation_counter::measure(|| ends.by_ref().take(99).for_each(|it| it.callback(7)));
    assert!(info.count_current <= -99, "{}", info.count_current);
    drop((values, ends));
}

type Way = fn(Vec<Promise<u32>>, Deferred<()>);

#[test]
fn i2_nothing_of_a_collection_is_left_when_its_members_are_gone() {
    let ways: [Way; 5] = [
        |ends, result| {
            ends.into_iter().for_each(|end| end.callback(7));
            drop(result);
        },
        |ends, result| {
            drop(result);
            ends.into_iter().for_each(|end| end.errback(TimedOut));
        },
        |ends, result| {
            result.cancel();
            drop((result, ends));
        },
        |ends, result| {
            result.cancel();
            drop((ends, result));
        },
        |ends, result| drop((ends, result)),
    ];
    for collect in KINDS {
        for way in ways {
            let life = || {
                let (ends, mut deferreds) = pending(5);
                // one that does not end with its cancel
                let (end, inner) = Deferred::new();
                deferreds.push(Deferred::new().1.add_errback(|_| inner));
                way(ends, collect(deferreds));
                end.callback(7);
            };
            // what a thread allocates once it keeps
            unhandled_count(life);
            let info = allocation_counter::measure(|| _ = unhandled_count(life));
            assert_eq!(info.count_current, 0);
        }
    }
}
