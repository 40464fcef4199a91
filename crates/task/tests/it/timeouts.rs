//! `timeout`, `timeout_at` and `timeout_or_else`.

use crate::signal::{manual, settle};
use ropewalk_deferred::{Cancelled, Deferred, Panicked, Promise, Result, TimedOut};
use ropewalk_task::{DeferredTimeout, ReactorTask};
use ropewalk_testing::{capture_tracing, failure_as, failure_of, no_result, success_of};
use std::cell::{Cell, RefCell};
use std::future::pending;
use std::rc::Rc;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn b158_the_chain_goes_on_as_the_one_it_was() {
    let (_clock, reactor) = manual();
    let (promise, deferred) = Deferred::<u32>::new();
    let handle = deferred.canceller();
    let deferred = deferred.timeout(&reactor, SECOND).map(|n| n + 1);
    handle.cancel();
    assert!(promise.is_cancelled());
    failure_as::<Cancelled, _>(deferred);
}

#[test]
fn b159_a_result_in_time_passes_and_takes_the_timer_back() {
    let (clock, reactor) = manual();
    let (promise, deferred) = Deferred::new();
    let deferred = deferred.timeout(&reactor, 2 * SECOND);
    clock.advance(SECOND);
    promise.callback(7);
    assert_eq!(success_of(deferred), 7);
    assert_eq!(reactor.delayed_calls(), []);
}

#[test]
fn b159_a_failure_in_time_passes_and_takes_the_timer_back() {
    let (_clock, reactor) = manual();
    let (promise, deferred) = Deferred::<u32>::new();
    let deferred = deferred
        .timeout_or_else(&reactor, SECOND, |_| -> Result<u32> { unreachable!("it was in time") });
    promise.errback(std::fmt::Error);
    failure_as::<std::fmt::Error, _>(deferred);
    assert_eq!(reactor.delayed_calls(), []);
}

#[test]
fn b159_what_a_later_callback_waits_for_is_left_alone() {
    let (clock, reactor) = manual();
    for function in [false, true] {
        let (promise, deferred) = Deferred::new();
        let (inner_promise, inner) = Deferred::<u32>::new();
        let deferred = if function {
            deferred.timeout_or_else(&reactor, SECOND, |_| Ok(()))
        } else {
            deferred.timeout(&reactor, SECOND)
        };
        let deferred = deferred.add_callback(|()| inner);
        promise.callback(());
        clock.advance(2 * SECOND);
        let deferred = no_result(deferred);
        inner_promise.callback(7);
        assert_eq!(success_of(deferred), 7);
    }
}

#[test]
fn b159_a_deferred_that_has_its_result_keeps_it_and_leaves_no_timer() {
    let (clock, reactor) = manual();
    let deferred = Deferred::succeed(7).timeout(&reactor, Duration::ZERO);
    assert_eq!(reactor.delayed_calls(), []);
    settle(&clock);
    assert_eq!(success_of(deferred), 7);
}

#[test]
fn b160_without_a_result_it_is_timed_out_and_says_after_how_long() {
    let (clock, reactor) = manual();
    let (promise, deferred) = Deferred::<u32>::new();
    let deferred = deferred.timeout(&reactor, 1_500 * SECOND / 1_000);
    clock.advance(SECOND);
    let deferred = no_result(deferred);
    clock.advance(SECOND);
    assert!(promise.is_cancelled());
    let failure = failure_of(deferred);
    assert!(failure.is::<TimedOut>());
    assert_eq!(format!("{failure:#}"), "no result within 1.5s: timed out");
    assert_eq!(failure.to_string(), "no result within 1.5s");
    // What comes later is dropped in silence.
    assert_eq!(capture_tracing(|| promise.callback(7)), []);
}

#[test]
fn b160_a_function_of_ones_own_makes_the_result_of_what_the_cancel_gave() {
    let (clock, reactor) = manual();
    let (_promise, deferred) = Deferred::<u32>::new();
    let deferred = deferred.timeout_or_else(&reactor, SECOND, |result| {
        assert!(result.is_err_and(|failure| failure.is::<Cancelled>()));
        Deferred::succeed(0)
    });
    clock.advance(SECOND);
    assert_eq!(success_of(deferred), 0);
}

/// A deferred whose canceller fires it.
fn stubborn(fire: fn(Promise<u32>)) -> Deferred<u32> {
    let slot = Rc::new(RefCell::new(None));
    let takes = Rc::clone(&slot);
    let (promise, deferred) =
        Deferred::with_canceller(move || takes.borrow_mut().take().into_iter().for_each(fire));
    slot.replace(Some(promise));
    deferred
}

#[test]
fn b156_b160_what_the_canceller_brings_when_time_is_up_stands() {
    let (clock, reactor) = manual();
    let value = stubborn(|promise| promise.callback(7)).timeout(&reactor, SECOND);
    let failure = stubborn(|promise| promise.errback(std::fmt::Error)).timeout(&reactor, SECOND);
    clock.advance(SECOND);
    assert_eq!(success_of(value), 7);
    failure_as::<std::fmt::Error, _>(failure);
}

#[test]
fn b162_a_cancel_by_hand_stays_a_cancel_and_is_the_only_one() {
    let (clock, reactor) = manual();
    let cancels = Rc::new(Cell::new(0));
    let count = Rc::clone(&cancels);
    let (promise, deferred) = Deferred::<u32>::with_canceller(move || count.set(count.get() + 1));
    let deferred = deferred.timeout(&reactor, SECOND);
    deferred.cancel();
    assert_eq!(reactor.delayed_calls(), []);
    clock.advance(2 * SECOND);
    failure_as::<Cancelled, _>(deferred);
    assert_eq!(cancels.get(), 1);
    drop(promise);

    let (_promise, deferred) = Deferred::<u32>::new();
    let deferred = deferred.timeout_or_else(&reactor, SECOND, |_| Ok(0));
    deferred.cancel();
    failure_as::<Cancelled, _>(deferred);
}

#[test]
fn the_limit_covers_what_an_earlier_callback_waits_for() {
    let (clock, reactor) = manual();
    let (promise, inner) = Deferred::<u32>::new();
    let deferred = Deferred::succeed(()).add_callback(|()| inner).timeout(&reactor, SECOND);
    clock.advance(SECOND);
    assert!(promise.is_cancelled());
    failure_as::<TimedOut, _>(deferred);
}

#[test]
fn an_earlier_errback_may_handle_the_cancel() {
    let (clock, reactor) = manual();
    let (_promise, deferred) = Deferred::<u32>::new();
    let deferred = deferred.add_errback(|_| Ok(0)).timeout(&reactor, SECOND);
    clock.advance(SECOND);
    assert_eq!(success_of(deferred), 0);
}

#[test]
fn the_shorter_of_two_limits_counts_and_neither_timer_is_left() {
    for (inner, outer, text) in [(5, 3, "3s"), (3, 5, "3s")] {
        let (clock, reactor) = manual();
        let (_promise, deferred) = Deferred::<u32>::new();
        let deferred = deferred.timeout(&reactor, inner * SECOND).timeout(&reactor, outer * SECOND);
        clock.advance(3 * SECOND);
        assert_eq!(failure_of(deferred).to_string(), format!("no result within {text}"));
        assert_eq!(reactor.delayed_calls(), []);
    }
}

#[test]
fn a_time_limit_holds_for_a_deferred_that_nobody_keeps() {
    let (clock, reactor) = manual();
    let (promise, deferred) = Deferred::<u32>::new();
    deferred.timeout(&reactor, SECOND).map(|_| ()).add_errback(|_| ()).detach();
    clock.advance(SECOND);
    assert!(promise.is_cancelled());
}

#[test]
fn a_time_may_be_given_and_may_have_passed() {
    let (clock, reactor) = manual();
    let passed = reactor.now();
    let deadline = passed + 3 * SECOND;
    clock.advance(SECOND);
    let (_promises, [later, at_once]): (Vec<_>, _) = {
        let ((a, later), (b, at_once)) = (Deferred::<u32>::new(), Deferred::<u32>::new());
        let later = later.timeout_at(&reactor, deadline);
        (vec![a, b], [later, at_once.timeout_at(&reactor, passed)])
    };
    let at_once = no_result(at_once);
    settle(&clock);
    let failure = failure_of(at_once);
    assert!(failure.is::<TimedOut>());
    assert_eq!(failure.to_string(), "no result, and no time was left for it");
    clock.advance(2 * SECOND - Duration::from_millis(1));
    let later = no_result(later);
    clock.advance(Duration::from_millis(1));
    assert_eq!(failure_of(later).to_string(), "no result within 2s");
}

#[test]
fn an_endless_limit_is_none() {
    let (clock, reactor) = manual();
    let (promise, deferred) = Deferred::new();
    let deferred = deferred.timeout(&reactor, Duration::MAX);
    clock.advance(1_000_000 * SECOND);
    promise.callback(7);
    assert_eq!(success_of(deferred), 7);
}

#[test]
fn a_task_that_is_timed_out_is_dropped() {
    let (clock, reactor) = manual();
    let payload = Rc::new(());
    let held = Rc::clone(&payload);
    let task = async move {
        let _held = held;
        Ok(pending::<u32>().await)
    };
    let deferred = reactor.spawn(task).timeout(&reactor, SECOND);
    clock.advance(SECOND);
    assert_eq!(Rc::strong_count(&payload), 1);
    failure_as::<TimedOut, _>(deferred);
}

#[test]
fn i3_a_panic_in_the_function_is_the_failure() {
    let (clock, reactor) = manual();
    let (_promise, deferred) = Deferred::<u32>::new();
    let deferred = deferred.timeout_or_else(&reactor, SECOND, |_| -> Result<u32> { panic!("no") });
    clock.advance(SECOND);
    assert_eq!(failure_as::<Panicked, _>(deferred).message(), "no");
}

#[test]
fn the_timer_names_the_line_that_set_the_limit() {
    let (_clock, reactor) = manual();
    let (_promise, deferred) = Deferred::<u32>::new();
    let line = line!() + 1;
    let deferred = deferred.timeout(&reactor, SECOND);
    let location = reactor.delayed_calls()[0].location;
    assert_eq!((location.file(), location.line()), (file!(), line));
    deferred.detach();
}
