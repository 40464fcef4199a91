//! Deferreds returned from callbacks, and chains fired by chains.

use crate::support::{Log, LogsDrop, failure_of, peek, result_of, shared, take, unhandled_in};
use ropewalk_deferred::{Cancelled, Deferred, Promise, TimedOut, WaitsForItself, maybe_deferred};

/// A chain whose callback returns `inner`, with its promise.
fn returning(inner: Deferred<u32>) -> (Promise<u32>, Deferred<u32>) {
    let (promise, outer) = Deferred::<u32>::new();
    (promise, outer.add_callback(|_| inner))
}

#[test]
fn b130_a_returned_deferred_holds_the_chain_until_it_has_a_result() {
    let log = Log::default();
    let (inner_promise, inner) = Deferred::<u32>::new();
    let (promise, outer) = returning(inner);
    let seen = log.clone();
    outer.add_callback(move |n| seen.add(n)).detach();
    promise.callback(1);
    assert!(log.take().is_empty());
    inner_promise.callback(7);
    assert_eq!(log.take(), ["7"]);
}

#[test]
fn b130_a_returned_deferred_that_has_its_result_holds_nothing() {
    let (inner_promise, inner) = Deferred::<u32>::new();
    inner_promise.callback(7);
    let (promise, outer) = returning(inner);
    promise.callback(1);
    assert_eq!(result_of(outer).unwrap(), 7);
}

#[test]
fn b130_a_fired_deferred_waits_for_what_a_late_callback_returns() {
    let (inner_promise, inner) = Deferred::<u32>::new();
    let result = peek(Deferred::succeed(1).add_callback(|_| inner).map(|n| n + 1));
    assert!(take(&result).is_none());
    inner_promise.callback(7);
    assert_eq!(take(&result).unwrap().unwrap(), 8);
}

#[test]
fn b131_an_errback_may_return_a_deferred() {
    let (inner_promise, inner) = Deferred::<u32>::new();
    let (promise, outer) = Deferred::<u32>::new();
    let result = peek(outer.add_errback(|_| inner));
    promise.errback(TimedOut);
    assert!(take(&result).is_none());
    inner_promise.callback(7);
    assert_eq!(take(&result).unwrap().unwrap(), 7);
}

#[test]
fn b131_a_returned_failure_goes_to_the_outer_errback_and_only_there() {
    let (inner_promise, inner) = Deferred::<u32>::new();
    let (promise, outer) = returning(inner);
    let unhandled = unhandled_in(|| {
        promise.callback(1);
        inner_promise.errback(TimedOut);
        assert!(failure_of(outer).is::<TimedOut>());
    });
    assert!(unhandled.is_empty());
}

/// There is no `pause`: returning an unfired deferred is how a chain waits.
#[test]
fn b128_what_is_attached_to_a_chain_that_waits_runs_when_it_goes_on() {
    for goes_on_before_it_is_fired in [false, true] {
        let log = Log::default();
        let (go_on, gate) = Deferred::<()>::new();
        let (promise, deferred) = Deferred::<u32>::new();
        let (early, late) = (log.clone(), log.clone());
        let deferred = deferred.add_callback(|n| gate.map(move |()| n));
        let deferred = deferred.map(move |n| {
            early.add(format_args!("early {n}"));
            n + 1
        });
        let mut go_on = Some(go_on);
        if goes_on_before_it_is_fired {
            go_on.take().unwrap().callback(());
        }
        promise.callback(1);
        deferred.map(move |n| late.add(format_args!("late {n}"))).detach();
        if let Some(go_on) = go_on {
            assert!(log.take().is_empty());
            go_on.callback(());
        }
        assert_eq!(log.take(), ["early 1", "late 2"]);
    }
}

#[test]
fn b132_a_fired_chain_that_waits_holds_the_one_to_which_it_is_returned() {
    let log = Log::default();
    let (go_on, gate) = Deferred::<()>::new();
    let seen = log.clone();
    let inner = Deferred::succeed(7).add_callback(|n| gate.map(move |()| n)).map(move |n| {
        seen.add("inner goes on");
        n + 1
    });
    let (promise, outer) = returning(inner);
    let result = peek(outer);
    promise.callback(1);
    assert!(take(&result).is_none() && log.take().is_empty());
    go_on.callback(());
    assert_eq!(log.take(), ["inner goes on"]);
    assert_eq!(take(&result).unwrap().unwrap(), 8);
}

/// Whichever of them is fired first. A deferred that was returned is consumed: nothing can be
/// attached to it later (B133), and what was attached before has run.
#[test]
fn b134_inner_callbacks_run_before_the_outer_goes_on_over_several_levels() {
    let orders = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
    for order in orders {
        let log = Log::default();
        let step = |name: &'static str| {
            let log = log.clone();
            move |n: u32| {
                log.add(format_args!("{name} {n}"));
                n + 1
            }
        };
        let (promise_a, a) = Deferred::<u32>::new();
        let (promise_b, b) = returning(a.map(step("a1")).map(step("a2")));
        let (promise_c, c) = returning(b.map(step("b1")));
        c.map(step("c1")).detach();
        let mut promises = [promise_a, promise_b, promise_c].map(Some);
        for index in order {
            promises[index].take().unwrap().callback(1);
        }
        assert_eq!(log.take(), ["a1 1", "a2 2", "b1 3", "c1 4"], "{order:?}");
    }
}

/// It moves, and is neither copied nor left behind: nobody is there to see the `None` that Twisted
/// leaves in the inner one.
#[test]
fn b137_the_result_moves_from_the_inner_one_to_the_outer_one_now_or_later() {
    for later in [false, true] {
        let log = Log::default();
        let (inner_promise, inner) = Deferred::<LogsDrop>::new();
        let value = LogsDrop(log.clone(), "dropped");
        let mut fire = Some(|| inner_promise.callback(value));
        if !later {
            fire.take().unwrap()();
        }
        let (promise, outer) = Deferred::<()>::new();
        let outer = outer.add_callback(|()| inner);
        promise.callback(());
        fire.into_iter().for_each(|fire| fire());
        let moved = result_of(outer).unwrap();
        assert!(log.take().is_empty());
        drop(moved);
        assert_eq!(log.take(), ["dropped"]);
    }
}

#[test]
fn b136_if_an_inner_callback_fails_the_outer_has_the_failure() {
    let (inner_promise, inner) = Deferred::<u32>::new();
    let (promise, outer) = returning(inner.add_callback(|_| Err(TimedOut.into())));
    promise.callback(1);
    inner_promise.callback(1);
    assert!(failure_of(outer).is::<TimedOut>());
}

#[test]
fn b139_chaining_is_transitive() {
    let (promise_c, c) = Deferred::<u32>::new();
    let (promise_b, b) = returning(c);
    let (promise_a, a) = returning(b);
    let result = peek(a);
    promise_b.callback(0);
    promise_a.callback(0);
    assert!(take(&result).is_none());
    promise_c.callback(7);
    assert_eq!(take(&result).unwrap().unwrap(), 7);
}

#[test]
fn b142_a_chain_says_what_it_waits_for() {
    let (inner_promise, inner) = Deferred::<u32>::new();
    let created = line!() - 1;
    let (promise, outer) = returning(inner);
    promise.callback(1);
    let place = format!("chaining.rs:{created}:");
    let text = format!("{outer:?}");
    let (_, waiting_on) = text.split_once("waiting_on: [").expect(&text);
    assert!(waiting_on.contains(&place), "{text}");
    inner_promise.callback(7);
    assert!(!format!("{outer:?}").contains(&place), "{outer:?}");
}

#[test]
fn b142_a_chain_that_another_one_fires_says_so_until_it_does() {
    let (first, a) = Deferred::<u32>::new();
    let created = line!() - 1;
    let (second, b) = Deferred::<u32>::new();
    a.map(|n| n + 1).chain_deferred(second);
    let text = format!("{b:?}");
    let (_, waiting_on) = text.split_once("waiting_on: [").expect(&text);
    assert!(waiting_on.contains(&format!("chaining.rs:{created}:")), "{text}");
    first.callback(1);
    assert!(!format!("{b:?}").contains("waiting_on"), "{b:?}");
    assert_eq!(result_of(b).unwrap(), 2);
}

#[test]
fn b143_a_chain_that_returns_its_own_end_fails_instead_of_waiting_for_ever() {
    let end = shared(Deferred::succeed(0));
    take(&end).unwrap().detach();
    let slot = end.clone();
    let (promise, deferred) = Deferred::<u32>::new();
    let deferred = deferred.add_callback(move |_| take(&slot).unwrap());
    end.replace(Some(deferred));
    let unhandled = unhandled_in(|| promise.callback(1));
    assert!(unhandled[0].failure().is::<WaitsForItself>());
}

#[test]
fn w26_two_chains_that_wait_for_each_other_fail_instead_of_waiting_for_ever() {
    let (promise_a, a) = Deferred::<u32>::new();
    let (promise_b, b) = returning(a);
    // a is to be fired by b, and b waits for what a brings
    b.chain_deferred(promise_a);
    let unhandled = unhandled_in(|| promise_b.callback(1));
    assert_eq!(unhandled.len(), 1);
    assert!(unhandled[0].failure().is::<WaitsForItself>());
}

#[test]
fn w26_a_chain_given_its_own_promise_fails_at_once() {
    let (promise, deferred) = Deferred::<u32>::new();
    let unhandled = unhandled_in(|| deferred.chain_deferred(promise));
    assert_eq!(unhandled.len(), 1);
    assert!(unhandled[0].failure().is::<WaitsForItself>());
}

#[test]
fn chain_deferred_passes_either_result_on() {
    let (first, a) = Deferred::<u32>::new();
    let (second, b) = Deferred::<u32>::new();
    a.map(|n| n + 1).chain_deferred(second);
    let result = peek(b.map(|n| n * 2));
    first.callback(3);
    assert_eq!(take(&result).unwrap().unwrap(), 8);

    let (first, a) = Deferred::<u32>::new();
    let (second, b) = Deferred::<u32>::new();
    a.chain_deferred(second);
    let unhandled = unhandled_in(|| {
        first.errback(TimedOut);
        assert!(failure_of(b).is::<TimedOut>());
    });
    assert!(unhandled.is_empty());
}

#[test]
fn chain_deferred_of_a_fired_chain_fires_at_once() {
    let (promise, deferred) = Deferred::<u32>::new();
    Deferred::succeed(7).chain_deferred(promise);
    assert_eq!(result_of(deferred).unwrap(), 7);
}

#[test]
fn a_loop_of_returned_deferreds_keeps_nothing_behind() {
    // Each turn's callback returns the next turn's deferred, the way a program polls for ever.
    fn turn(left: u32, next: crate::support::Shared<Promise<()>>) -> Deferred<u32> {
        let (promise, deferred) = Deferred::<()>::new();
        next.replace(Some(promise));
        deferred.add_callback(
            move |()| {
                if left == 0 { Deferred::succeed(7) } else { turn(left - 1, next) }
            },
        )
    }
    let next = shared(Deferred::<()>::new().0);
    let result = peek(turn(10_000, next.clone()));
    while let Some(promise) = take(&next) {
        promise.callback(());
    }
    assert_eq!(take(&result).unwrap().unwrap(), 7);
}

#[test]
fn a_chain_that_has_nothing_left_to_run_is_cut_out_of_the_middle() {
    let (last_promise, last) = Deferred::<u32>::new();
    let created = line!() - 1;
    let (middle_promise, middle) = returning(last);
    let (promise, outer) = returning(middle);
    promise.callback(1);
    middle_promise.callback(1);
    assert!(format!("{outer:?}").contains(&format!("chaining.rs:{created}:")), "{outer:?}");
    last_promise.callback(7);
    assert_eq!(result_of(outer).unwrap(), 7);
}

#[test]
fn a_deferred_of_a_deferred_is_flattened() {
    let given = |text: &'static str, inner: Deferred<u32>| {
        maybe_deferred(move || {
            let n: u32 = text.parse()?;
            Ok(inner.map(move |m| n + m))
        })
        .flatten()
    };
    assert_eq!(given("4", Deferred::succeed(3)).try_take().unwrap().unwrap(), 7);
    let failure = given("four", Deferred::succeed(3)).try_take().unwrap().unwrap_err();
    assert!(failure.is::<std::num::ParseIntError>());
    let failure = given("4", Deferred::fail(TimedOut)).try_take().unwrap().unwrap_err();
    assert!(failure.is::<TimedOut>());
}

/// Whichever of the two is waited for.
#[test]
fn a_cancel_of_what_was_flattened_goes_to_the_inner_or_to_the_outer() {
    let (outer, waits) = Deferred::<Deferred<u32>>::new();
    let flat = waits.flatten();
    let (inner, deferred) = Deferred::new();
    outer.callback(deferred);
    flat.canceller().cancel();
    assert!(flat.try_take().unwrap().unwrap_err().is::<Cancelled>());
    drop(inner);
    let (_outer, waits) = Deferred::<Deferred<u32>>::new();
    let flat = waits.flatten();
    flat.canceller().cancel();
    assert!(flat.try_take().unwrap().unwrap_err().is::<Cancelled>());
}
