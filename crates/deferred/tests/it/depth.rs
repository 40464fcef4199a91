//! A million of everything on a small stack (I10).
//!
//! Where a million chains end unheard, the hook counts their reports: none may be lost either.

use crate::support::{
    MILLION, failure_of, peek, result_of, shared, small_stack, take, without_backtraces,
};
use ropewalk_deferred::{
    Abandoned, Cancelled, Deferred, Promise, TimedOut, clear_unhandled_hook, set_unhandled_hook,
};
use std::cell::Cell;
use std::hint::black_box;
use std::rc::Rc;

/// How many failures go unhandled while `body` runs.
fn unhandled_count(body: impl FnOnce()) -> u32 {
    let count = Rc::new(Cell::new(0));
    let seen = Rc::clone(&count);
    set_unhandled_hook(move |_| seen.set(seen.get() + 1));
    body();
    clear_unhandled_hook();
    count.get()
}

fn long_chain() -> (Promise<u32>, Deferred<u32>) {
    let (promise, mut deferred) = Deferred::<u32>::new();
    for _ in 0..MILLION {
        deferred = deferred.map(|n| n + 1);
    }
    (promise, deferred)
}

#[test]
fn i10_a_chain_of_a_million_links_fired() {
    small_stack(|| {
        let (promise, deferred) = long_chain();
        let result = peek(deferred);
        promise.callback(0);
        assert_eq!(take(&result).unwrap().unwrap(), MILLION);
    });
}

#[test]
fn i10_a_chain_of_a_million_links_dropped_unfired() {
    small_stack(|| {
        let (promise, deferred) = long_chain();
        let count = unhandled_count(|| {
            drop(deferred);
            drop(promise);
        });
        assert_eq!(count, 1);
    });
}

#[test]
fn i10_a_chain_of_a_million_links_cancelled() {
    small_stack(|| {
        let (_promise, deferred) = long_chain();
        deferred.cancel();
        assert!(failure_of(deferred).is::<Cancelled>());
    });
}

/// A million chains, each of which waits for what the callback of the next returns. Gives the
/// innermost promise and the outermost deferred; `keep` says what else each level has attached.
fn pile(
    innermost_first: bool,
    keep: fn(Deferred<u32>) -> Deferred<u32>,
) -> (Promise<u32>, Deferred<u32>) {
    let (innermost, mut deferred) = Deferred::<u32>::new();
    let mut promises = Vec::new();
    for _ in 0..MILLION {
        let (promise, outer) = Deferred::<()>::new();
        deferred = keep(outer.add_callback(move |()| deferred));
        promises.push(promise);
    }
    if !innermost_first {
        promises.reverse();
    }
    for promise in promises {
        promise.callback(());
    }
    (innermost, deferred)
}

type Pile = fn() -> (Promise<u32>, Deferred<u32>);

/// Piled up from either end, with chains that can and that cannot be cut out of the middle.
const PILES: [Pile; 4] = [
    || pile(true, |deferred| deferred),
    || pile(false, |deferred| deferred.map(|n| n + 1)),
    || pile(true, |deferred| deferred.map(|n| n + 1)),
    || pile(false, |deferred| deferred),
];

/// B141: the stack is no deeper for a million links than for a dozen.
#[test]
fn i10_deferreds_returned_a_million_deep_fired_from_the_innermost() {
    for (number, pile) in PILES.into_iter().enumerate() {
        small_stack(move || {
            let (promise, deferred) = pile();
            let result = peek(deferred);
            promise.callback(7);
            let linked = if number % 3 == 0 { 0 } else { MILLION };
            assert_eq!(take(&result).unwrap().unwrap(), 7 + linked);
        });
    }
}

#[test]
fn i10_deferreds_returned_a_million_deep_dropped_and_abandoned() {
    for pile in &PILES[..2] {
        small_stack(|| {
            let (promise, deferred) = pile();
            assert_eq!(unhandled_count(|| drop(deferred)), 0);
            assert_eq!(unhandled_count(|| drop(promise)), 1);
        });
    }
}

#[test]
fn i10_deferreds_returned_a_million_deep_abandoned_with_somebody_waiting() {
    for pile in &PILES[..2] {
        small_stack(|| {
            let (promise, deferred) = pile();
            drop(promise);
            assert!(failure_of(deferred).is::<Abandoned>());
        });
    }
}

#[test]
fn i10_deferreds_returned_a_million_deep_cancelled_from_the_outermost() {
    for pile in &PILES[..2] {
        small_stack(|| {
            let (promise, deferred) = pile();
            deferred.cancel();
            assert!(promise.is_cancelled());
            assert!(failure_of(deferred).is::<Cancelled>());
        });
    }
}

#[test]
fn i10_deferreds_returned_a_million_deep_not_fired_at_all() {
    // The closures own one another: each has captured the next deferred.
    without_backtraces(|| {
        let (_innermost, mut deferred) = Deferred::<u32>::new();
        let mut promises = Vec::new();
        for _ in 0..MILLION {
            let (promise, outer) = Deferred::<()>::new();
            deferred = outer.add_callback(move |()| deferred);
            promises.push(promise);
        }
        drop(deferred);
        let count = unhandled_count(|| {
            while let Some(outermost) = promises.pop() {
                drop(outermost);
            }
        });
        assert_eq!(count, MILLION);
    });
}

/// A million chains, each of which fires the next.
fn relay() -> (Promise<u32>, Deferred<u32>) {
    let (first, mut deferred) = Deferred::<u32>::new();
    for _ in 0..MILLION {
        let (promise, next) = Deferred::<u32>::new();
        deferred.chain_deferred(promise);
        deferred = next;
    }
    (first, deferred)
}

/// W26: in Twisted a thousand lose the tail.
#[test]
fn i10_chain_deferred_a_million_long_fired() {
    small_stack(|| {
        let (promise, deferred) = relay();
        let result = peek(deferred);
        promise.callback(7);
        assert_eq!(take(&result).unwrap().unwrap(), 7);
    });
}

#[test]
fn i10_chain_deferred_a_million_long_abandoned() {
    small_stack(|| {
        let (promise, deferred) = relay();
        let count = unhandled_count(|| {
            drop(deferred);
            drop(promise);
        });
        assert_eq!(count, 0);
    });
}

#[test]
fn i10_chain_deferred_a_million_long_cancelled_from_the_end() {
    small_stack(|| {
        let (promise, deferred) = relay();
        deferred.cancel();
        assert!(promise.is_cancelled());
        assert!(failure_of(deferred).is::<Cancelled>());
    });
}

/// A million promises, each owned by a callback of the next one's chain.
fn nest() -> Promise<u32> {
    let (mut outermost, deferred) = Deferred::<u32>::new();
    deferred.detach();
    for _ in 0..MILLION {
        let (promise, deferred) = Deferred::<u32>::new();
        let inner = outermost;
        deferred.add_callback(move |n| inner.callback(n)).detach();
        outermost = promise;
    }
    outermost
}

#[test]
fn i10_promises_nested_in_callbacks_a_million_deep_fired() {
    small_stack(|| {
        let (last, deferred) = Deferred::<u32>::new();
        let result = peek(deferred);
        let mut outermost = last;
        for _ in 0..MILLION {
            let (promise, deferred) = Deferred::<u32>::new();
            let inner = outermost;
            deferred.add_callback(move |n| inner.callback(n + 1)).detach();
            outermost = promise;
        }
        outermost.callback(0);
        assert_eq!(take(&result).unwrap().unwrap(), MILLION);
    });
}

#[test]
fn i10_promises_nested_in_callbacks_a_million_deep_skipped() {
    without_backtraces(|| {
        let outermost = nest();
        assert_eq!(unhandled_count(|| outermost.errback(TimedOut)), MILLION);
    });
}

#[test]
fn i10_promises_nested_in_callbacks_a_million_deep_dropped() {
    without_backtraces(|| {
        let outermost = nest();
        assert_eq!(unhandled_count(|| drop(outermost)), MILLION);
    });
}

#[test]
fn i10_promises_nested_in_cancellers_a_million_deep() {
    without_backtraces(|| {
        let (mut promise, deferred) = Deferred::<u32>::new();
        deferred.detach();
        let mut handle = None;
        for _ in 0..MILLION {
            let inner = promise;
            let (outer, deferred) = Deferred::<u32>::with_canceller(move || drop(inner));
            handle = Some(deferred.canceller());
            deferred.detach();
            promise = outer;
        }
        let handle = handle.unwrap();
        assert_eq!(unhandled_count(|| handle.cancel()), 1);
        drop(promise);
    });
}

#[test]
fn i10_cancellers_that_cancel_a_million_deep() {
    without_backtraces(|| {
        let (promise, deferred) = Deferred::<u32>::new();
        let mut handle = deferred.canceller();
        deferred.detach();
        let mut promises = vec![promise];
        for _ in 0..MILLION {
            let (promise, deferred) = Deferred::<u32>::with_canceller(move || handle.cancel());
            handle = deferred.canceller();
            deferred.detach();
            promises.push(promise);
        }
        assert_eq!(unhandled_count(|| handle.cancel()), MILLION + 1);
        assert!(promises.iter().all(Promise::is_cancelled));
    });
}

/// A value that owns a deferred that owns such a value.
struct Russian(Option<Box<Deferred<Self>>>);

#[test]
fn i10_deferreds_that_own_deferreds_a_million_deep() {
    small_stack(|| {
        let mut doll = Russian(None);
        for _ in 0..MILLION {
            doll = Russian(Some(Box::new(Deferred::succeed(doll))));
        }
        drop(doll);

        let mut doll = Russian(None);
        for _ in 0..MILLION {
            let (promise, deferred) = Deferred::new();
            promise.callback(doll);
            doll = Russian(Some(Box::new(deferred)));
        }
        assert!(doll.0.is_some());
        drop(doll);
    });
}

#[test]
fn i10_a_million_links_added_to_a_fired_chain_with_a_handle() {
    small_stack(|| {
        let mut deferred = Deferred::succeed(0);
        let _handle = deferred.canceller();
        for _ in 0..MILLION {
            deferred = deferred.map(|n| n + 1);
        }
        assert_eq!(result_of(deferred).unwrap(), MILLION);
    });
}

#[test]
fn i10_a_chain_may_be_extended_a_million_times_while_it_runs() {
    small_stack(|| {
        fn extend(end: &crate::support::Shared<Deferred<u32>>) {
            let deferred = take(end).unwrap();
            let slot = Rc::clone(end);
            let longer = deferred.map(move |n| {
                if n < MILLION {
                    extend(&slot);
                }
                n + 1
            });
            end.replace(Some(longer));
        }
        let (promise, deferred) = Deferred::<u32>::new();
        let end = shared(deferred);
        extend(&end);
        promise.callback(0);
        assert_eq!(result_of(take(&end).unwrap()).unwrap(), MILLION + 1);
    });
}

/// What a callback needs of the stack is given back before the next one runs: sixteen that need 16
/// KiB each have room in 256.
#[test]
fn i10_callbacks_with_large_locals_one_after_the_other() {
    small_stack(|| {
        let (promise, deferred) = Deferred::<usize>::new();
        let deferred = (0..16).fold(deferred, |deferred, number| {
            deferred.map(move |sum| {
                let mut locals = [number; 2_048];
                black_box(&mut locals);
                sum + locals[number]
            })
        });
        promise.callback(0);
        assert_eq!(result_of(deferred).unwrap(), (0..16).sum());
    });
}

/// Each chain fires the next one from its first callback, and has others waiting above that.
#[test]
fn i10_a_thousand_chains_that_fire_one_another_with_more_to_run() {
    small_stack(|| {
        let count = Rc::new(Cell::new(0));
        let (first, mut deferred) = Deferred::<()>::new();
        for _ in 0..1_000 {
            let (promise, next) = Deferred::<()>::new();
            let mut chain = deferred.map(move |()| promise.callback(()));
            for _ in 0..40 {
                let count = Rc::clone(&count);
                chain = chain.map(move |()| count.set(count.get() + 1));
            }
            chain.detach();
            deferred = next;
        }
        let last = peek(deferred);
        first.callback(());
        take(&last).unwrap().unwrap();
        assert_eq!(count.get(), 40_000);
    });
}
