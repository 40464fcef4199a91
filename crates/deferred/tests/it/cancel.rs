//! Cancelling.

use crate::support::{Log, LogsDrop, failure_of, peek, result_of, shared, take, unhandled_in};
use ropewalk_deferred::{Cancelled, Deferred, Promise, TimedOut};
use std::cell::Cell;
use std::rc::Rc;

/// A pending deferred with a counter of how often its canceller was called.
fn counted() -> (Promise<u32>, Deferred<u32>, Rc<Cell<u32>>) {
    let count = Rc::new(Cell::new(0));
    let calls = Rc::clone(&count);
    let (promise, deferred) = Deferred::with_canceller(move || calls.set(calls.get() + 1));
    (promise, deferred, count)
}

#[test]
fn b151_cancel_without_a_canceller_fails_with_cancelled() {
    let log = Log::default();
    let called = log.clone();
    let (promise, deferred) = Deferred::<u32>::new();
    let deferred = deferred.map(move |_| called.add("called"));
    assert!(!promise.is_cancelled());
    deferred.cancel();
    assert!(promise.is_cancelled());
    assert!(failure_of(deferred).is::<Cancelled>());
    assert!(log.take().is_empty());
}

#[test]
fn b152_what_the_promise_brings_after_a_cancel_is_swallowed() {
    type Fire = fn(Promise<u32>);
    let late: [Fire; 4] = [|p| p.callback(1), |p| p.errback(TimedOut), |p| p.resolve(Ok(1)), drop];
    for fire in late {
        let (promise, deferred) = Deferred::<u32>::new();
        deferred.cancel();
        let unhandled = unhandled_in(|| fire(promise));
        assert!(unhandled.is_empty());
        assert!(failure_of(deferred).is::<Cancelled>());
    }
}

#[test]
fn b152_a_late_value_is_dropped_at_once() {
    let log = Log::default();
    let (promise, deferred) = Deferred::<LogsDrop>::new();
    deferred.cancel();
    promise.callback(LogsDrop(log.clone(), "dropped"));
    assert_eq!(log.take(), ["dropped"]);
    assert!(failure_of(deferred.map(drop)).is::<Cancelled>());
}

#[test]
fn b153_only_the_first_of_several_cancels_has_an_effect() {
    let (promise, deferred, count) = counted();
    deferred.cancel();
    deferred.cancel();
    promise.callback(1);
    deferred.cancel();
    assert_eq!(count.get(), 1);
    assert!(failure_of(deferred).is::<Cancelled>());
}

#[test]
fn b154_a_canceller_is_called_once_and_cancelled_follows() {
    let (promise, deferred, count) = counted();
    let deferred = deferred.map(|n| n + 1);
    deferred.cancel();
    let result = peek(deferred);
    assert_eq!(count.get(), 1);
    assert!(take(&result).unwrap().unwrap_err().is::<Cancelled>());
    // Twisted refuses what comes later; here it is as late as without a canceller.
    assert!(unhandled_in(|| promise.errback(TimedOut)).is_empty());
    assert!(take(&result).is_none());
}

#[test]
fn b155_cancel_after_firing_changes_nothing() {
    for result in [Ok(7), Err(TimedOut)] {
        let (promise, deferred, count) = counted();
        promise.resolve(result.map_err(Into::into));
        deferred.cancel();
        assert_eq!(count.get(), 0);
        assert_eq!(result_of(deferred).ok(), result.ok());
    }
    let ready = Deferred::succeed(7);
    ready.cancel();
    assert_eq!(result_of(ready).unwrap(), 7);
}

#[test]
fn b156_what_a_canceller_fires_stands() {
    for result in [Ok(7), Err(TimedOut)] {
        let slot = shared(Deferred::<u32>::new().0);
        let promise = slot.clone();
        let (real, deferred) = Deferred::<u32>::with_canceller(move || {
            let promise = take(&promise).unwrap();
            assert!(!promise.is_cancelled());
            promise.resolve(result.map_err(Into::into));
        });
        slot.replace(Some(real));
        deferred.cancel();
        let result = result.map_err(|_| true);
        assert_eq!(result_of(deferred).map_err(|failure| failure.is::<TimedOut>()), result);
    }
}

#[test]
fn a_canceller_that_cancels_again_is_not_called_again() {
    let slot = shared(Deferred::<()>::succeed(()).canceller());
    let handle = slot.clone();
    let fired = shared(Deferred::<u32>::new().0);
    let promise = fired.clone();
    let (real, deferred) = Deferred::<u32>::with_canceller(move || {
        take(&handle).unwrap().cancel();
        take(&promise).unwrap().callback(7);
    });
    slot.replace(Some(deferred.canceller()));
    fired.replace(Some(real));
    deferred.cancel();
    assert_eq!(result_of(deferred).unwrap(), 7);
}

#[test]
fn cancel_reaches_a_returned_deferred() {
    let (inner_promise, inner, count) = counted();
    let (promise, outer) = Deferred::<u32>::new();
    let outer = outer.add_callback(|_| inner).map(|n| n + 1);
    promise.callback(1);
    outer.cancel();
    assert_eq!(count.get(), 1);
    assert!(inner_promise.is_cancelled());
    assert!(failure_of(outer).is::<Cancelled>());
}

#[test]
fn cancel_of_a_returned_deferred_may_be_recovered_from_inside() {
    let (_inner_promise, inner) = Deferred::<u32>::new();
    let inner = inner.add_errback(|_| Ok(7));
    let outer = Deferred::succeed(1).add_callback(|_| inner);
    outer.cancel();
    assert_eq!(result_of(outer).unwrap(), 7);
}

#[test]
fn cancel_before_the_deferred_is_returned_leaves_it_alone() {
    let (_inner_promise, inner, count) = counted();
    let (_promise, outer) = Deferred::<u32>::new();
    let outer = outer.add_callback(|_| inner);
    outer.cancel();
    assert_eq!(count.get(), 0);
    assert!(failure_of(outer).is::<Cancelled>());
}

#[test]
fn an_errback_may_answer_a_cancel_with_more_to_wait_for() {
    let (_second_promise, second, count) = counted();
    let (_promise, deferred) = Deferred::<u32>::new();
    let deferred = deferred.add_errback(|_| second);
    deferred.cancel();
    assert_eq!(count.get(), 0);
    deferred.cancel();
    assert_eq!(count.get(), 1);
    assert!(failure_of(deferred).is::<Cancelled>());
}

#[test]
fn cancel_follows_chain_deferred_to_where_the_result_comes_from() {
    let (first, a, count) = counted();
    let (second, b) = Deferred::<u32>::new();
    a.add_errback(|_| Ok(7)).chain_deferred(second);
    let b = b.map(|n| n + 1);
    b.cancel();
    assert_eq!(count.get(), 1);
    assert!(first.is_cancelled());
    assert_eq!(result_of(b).unwrap(), 8);
}

#[test]
fn a_canceller_of_its_own_is_asked_before_chain_deferred_is_followed() {
    let (first, a, upstream) = counted();
    let (second, b, own) = counted();
    a.chain_deferred(second);
    b.cancel();
    assert_eq!((upstream.get(), own.get()), (0, 1));
    assert!(failure_of(b).is::<Cancelled>());
    // and what comes down the chain later is nobody's business
    assert!(unhandled_in(|| first.errback(TimedOut)).is_empty());
}

#[test]
fn a_late_result_is_not_taken_for_the_one_that_is_waited_for_now() {
    let (first, a) = Deferred::<u32>::new();
    let (second, b, _count) = counted();
    a.chain_deferred(second);
    let (third, c) = Deferred::<u32>::new();
    let b = b.add_errback(|_| c);
    b.cancel();
    let result = peek(b.map(|n| n + 1));
    // cancelled by its own canceller, the chain now waits for `third`
    first.callback(1);
    assert!(take(&result).is_none());
    third.callback(7);
    assert_eq!(take(&result).unwrap().unwrap(), 8);
}

#[test]
fn a_late_result_that_has_to_be_waited_for_is_no_business_of_the_chain_either() {
    let (first, a) = Deferred::<u32>::new();
    let (second, b, _count) = counted();
    let (third, c) = Deferred::<u32>::new();
    a.add_callback(|_| c).chain_deferred(second);
    b.cancel();
    first.callback(1);
    third.callback(7);
    assert!(failure_of(b).is::<Cancelled>());
}

#[test]
fn a_promise_cancelled_before_chain_deferred_swallows_the_result() {
    let (second, b) = Deferred::<u32>::new();
    b.cancel();
    let (first, a) = Deferred::<u32>::new();
    let (third, c) = Deferred::<u32>::new();
    let result = peek(b.add_errback(|_| c));
    a.chain_deferred(second);
    assert!(unhandled_in(|| first.errback(TimedOut)).is_empty());
    assert!(take(&result).is_none());
    third.callback(7);
    assert_eq!(take(&result).unwrap().unwrap(), 7);
}

#[test]
fn a_handle_cancels_a_chain_that_was_moved_away() {
    let (promise, deferred, count) = counted();
    let handle = deferred.canceller();
    let result = peek(deferred.map(|n| n + 1));
    let second = handle.clone();
    handle.cancel();
    second.cancel();
    assert_eq!(count.get(), 1);
    assert!(promise.is_cancelled());
    assert!(take(&result).unwrap().unwrap_err().is::<Cancelled>());
}

#[test]
fn a_handle_stands_for_what_is_attached_after_the_result_came() {
    let fired = |fire: bool| {
        if fire {
            let (promise, deferred) = Deferred::<u32>::new();
            promise.callback(1);
            deferred
        } else {
            Deferred::succeed(1)
        }
    };
    for fire in [true, false] {
        let (promise, inner, count) = counted();
        let deferred = fired(fire);
        let handle = deferred.canceller();
        handle.cancel();
        let result = peek(deferred.add_callback(|_| inner));
        handle.cancel();
        assert_eq!(count.get(), 1);
        assert!(promise.is_cancelled());
        assert!(take(&result).unwrap().unwrap_err().is::<Cancelled>());
    }
}

#[test]
fn a_handle_to_a_returned_deferred_follows_what_that_one_returns() {
    let (_last_promise, last, count) = counted();
    let (middle_promise, middle) = Deferred::<u32>::new();
    let middle = middle.add_callback(|_| last);
    let handle = middle.canceller();
    let (outer_promise, outer) = Deferred::<u32>::new();
    let result = peek(outer.add_callback(|_| middle));
    outer_promise.callback(1);
    middle_promise.callback(1);
    handle.cancel();
    assert_eq!(count.get(), 1);
    assert!(take(&result).unwrap().unwrap_err().is::<Cancelled>());
}

#[test]
fn a_handle_keeps_no_value_alive_and_does_nothing_at_the_end() {
    let log = Log::default();
    let (promise, deferred) = Deferred::<LogsDrop>::new();
    let handle = deferred.canceller();
    promise.callback(LogsDrop(log.clone(), "dropped"));
    deferred.detach();
    assert_eq!(log.take(), ["dropped"]);
    handle.cancel();
    assert!(format!("{handle:?}").contains("cancel.rs"));
}

#[test]
fn a_canceller_is_dropped_uncalled_when_the_promise_is_fired() {
    let log = Log::default();
    let (captured, next) = (LogsDrop(log.clone(), "canceller dropped"), log.clone());
    let (promise, deferred) = Deferred::<u32>::with_canceller(move || drop(captured));
    deferred.map(move |_| next.add("next")).detach();
    promise.callback(1);
    assert_eq!(log.take(), ["canceller dropped", "next"]);
}
