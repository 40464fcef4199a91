//! What the drop of a deferred means: it lets the chain run on, or cancels what that waits for.

use crate::support::Log;
use ropewalk_deferred::{
    Abandoned, Cancelled, Deferred, Promise, TimedOut, clear_unhandled_hook, set_unhandled_hook,
};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Wake, Waker};

fn poll_once<T>(deferred: &mut Deferred<T>) {
    let mut context = Context::from_waker(Waker::noop());
    assert!(Pin::new(deferred).poll(&mut context).is_pending());
}

fn with_log(log: &Log, name: &'static str) -> (Promise<u32>, Deferred<u32>) {
    let log = log.clone();
    Deferred::with_canceller(move || log.add(format_args!("cancelled {name}")))
}

#[test]
fn a_dropped_deferred_lets_its_chain_run_on() {
    let log = Log::default();
    let (promise, deferred) = with_log(&log, "one");
    let seen = log.clone();
    drop(deferred.map(move |n| seen.add(n)));
    promise.callback(7);
    assert_eq!(log.take(), ["7"]);
}

#[test]
fn a_polled_deferred_is_cancelled_by_its_drop() {
    let log = Log::default();
    let (promise, mut deferred) = with_log(&log, "one");
    poll_once(&mut deferred);
    drop(deferred);
    assert_eq!(log.take(), ["cancelled one"]);
    assert!(promise.is_cancelled());
}

#[test]
fn a_polled_deferred_that_is_detached_is_not_cancelled() {
    let log = Log::default();
    let (promise, mut deferred) = with_log(&log, "one");
    poll_once(&mut deferred);
    deferred.detach();
    assert!(!promise.is_cancelled());
    promise.callback(7);
    assert!(log.take().is_empty());
}

#[test]
fn cancel_on_drop_holds_for_what_is_attached_later() {
    let log = Log::default();
    let (promise, deferred) = with_log(&log, "one");
    let seen = log.clone();
    let deferred = deferred.cancel_on_drop().add_both(move |result| {
        seen.add(format_args!("{:?}", result.map_err(|failure| failure.is::<Cancelled>())));
    });
    drop(deferred);
    assert_eq!(log.take(), ["cancelled one", "Err(true)"]);
    drop(promise);
}

/// Cancelled is what waits now: the promise of the deferred that a callback has returned.
#[test]
fn a_drop_cancels_the_inner_deferred_that_the_chain_waits_for() {
    let log = Log::default();
    let (outer, deferred) = with_log(&log, "outer");
    let (inner, returned) = with_log(&log, "inner");
    let deferred = deferred.cancel_on_drop().add_callback(move |_| returned);
    outer.callback(1);
    assert!(log.take().is_empty());
    drop(deferred);
    assert_eq!(log.take(), ["cancelled inner"]);
    assert!(inner.is_cancelled());
}

/// Handed on, it belongs to another chain, whose drop means what that one was told.
#[test]
fn a_deferred_that_was_handed_on_is_not_dropped() {
    let log = Log::default();
    let (inner, returned) = with_log(&log, "inner");
    let outer = Deferred::succeed(()).add_callback(move |()| returned.cancel_on_drop());
    outer.detach();
    let (other, end) = Deferred::new();
    let (source, deferred) = with_log(&log, "source");
    deferred.cancel_on_drop().chain_deferred(other);
    drop(end);
    assert!(log.take().is_empty());
    assert!(!inner.is_cancelled() && !source.is_cancelled());
    inner.callback(1);
    source.callback(1);
}

#[test]
fn a_cancellation_by_drop_is_not_reported_but_other_failures_are() {
    let log = Log::default();
    let hook = log.clone();
    set_unhandled_hook(move |one| hook.add(one.failure()));
    let (_promise, quiet) = Deferred::<u32>::new();
    drop(quiet.cancel_on_drop());

    let (_promise, loud) = Deferred::<u32>::new();
    drop(loud.cancel_on_drop().add_errback(|_| Err(TimedOut.into())));

    // The promise went first: that is a failure, and nobody has cancelled anything.
    let (promise, left) = Deferred::<u32>::new();
    let left = left.cancel_on_drop().map(|n| n + 1);
    drop(promise);
    drop(left);
    clear_unhandled_hook();
    assert_eq!(log.take(), [TimedOut.to_string(), Abandoned.to_string()]);
}

#[test]
fn a_settled_deferred_has_nothing_to_cancel() {
    let log = Log::default();
    let (promise, mut deferred) = with_log(&log, "one");
    poll_once(&mut deferred);
    promise.callback(7);
    drop(deferred.cancel_on_drop());
    drop(Deferred::succeed(7).cancel_on_drop());
    assert!(log.take().is_empty());
}

/// With a result it has nothing to cancel; but a callback may make it wait again.
#[test]
fn cancel_on_drop_outlives_a_result() {
    for ready in [true, false] {
        let log = Log::default();
        let (inner, returned) = with_log(&log, "inner");
        let (promise, deferred) = Deferred::new();
        let deferred = if ready { Deferred::succeed(1) } else { deferred };
        let deferred = deferred.cancel_on_drop();
        promise.callback(1);
        let deferred = deferred.add_callback(move |_| returned);
        drop(deferred);
        assert_eq!(log.take(), ["cancelled inner"], "ready: {ready}");
        assert!(inner.is_cancelled());
    }
}

/// What its drop means is said by the deferred that is left, not by the one that was returned.
#[test]
fn a_deferred_returned_to_one_that_is_ready_is_handed_on() {
    let log = Log::default();
    let (inner, returned) = with_log(&log, "inner");
    let returned = returned.cancel_on_drop();
    drop(Deferred::succeed(()).add_callback(move |()| returned));
    assert!(log.take().is_empty() && !inner.is_cancelled());
    inner.callback(7);
}

/// The middle one is cut out, since nobody is behind it; that it was given up is not forgotten.
#[test]
fn a_cancellation_by_drop_is_not_reported_through_a_stubborn_chain_either() {
    let log = Log::default();
    let hook = log.clone();
    set_unhandled_hook(move |one| hook.add(one.failure()));
    let (_first, deferred) = Deferred::<u32>::new();
    let (_second, stubborn) = Deferred::<u32>::new();
    let handle = stubborn.canceller();
    drop(deferred.add_errback(move |_| stubborn).cancel_on_drop());
    handle.cancel();
    clear_unhandled_hook();
    assert!(log.take().is_empty());
}

/// I2: the panic is contained, and what was awaited is cancelled all the same.
#[test]
fn i2_a_waker_that_panics_when_it_is_dropped_does_not_keep_the_cancel() {
    struct Sore;
    impl Wake for Sore {
        fn wake(self: Arc<Self>) {}
    }
    impl Drop for Sore {
        fn drop(&mut self) {
            panic!("in drop");
        }
    }
    let (promise, mut deferred) = Deferred::<u32>::new();
    let waker = Waker::from(Arc::new(Sore));
    assert!(Pin::new(&mut deferred).poll(&mut Context::from_waker(&waker)).is_pending());
    drop(waker);
    drop(deferred);
    assert!(promise.is_cancelled());
}
