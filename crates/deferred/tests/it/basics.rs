//! One result and one chain.

use crate::support::{Log, LogsDrop, failure_of, peek, result_of, take};
use ropewalk_deferred::{Abandoned, Deferred, Panicked, TimedOut, maybe_deferred};
use std::fmt::Error;

#[test]
fn b123_a_callback_gets_the_value_and_the_errback_is_not_called() {
    let log = Log::default();
    let (promise, deferred) = Deferred::<u32>::new();
    let (on_value, on_failure) = (log.clone(), log.clone());
    deferred.add_callbacks(move |n| on_value.add(n), move |f| on_failure.add(f)).detach();
    assert!(log.take().is_empty());
    promise.callback(7);
    assert_eq!(log.take(), ["7"]);
}

#[test]
fn b124_callbacks_run_in_order_each_with_what_the_last_returned() {
    let log = Log::default();
    let (promise, deferred) = Deferred::<u32>::new();
    let (first, second, third) = (log.clone(), log.clone(), log.clone());
    deferred
        .add_callback(move |n| {
            first.add(n);
            Ok(n + 1)
        })
        .map(move |n| {
            second.add(n);
            format!("{n}!")
        })
        .add_callback(move |text| third.add(text))
        .detach();
    promise.callback(1);
    assert_eq!(log.take(), ["1", "2", "2!"]);
}

#[test]
fn b125_what_has_no_errback_passes_the_failure_on() {
    let deferred = Deferred::<u32>::fail(TimedOut).add_callback(|n| Ok(n + 1)).map(|n| n + 1);
    assert!(failure_of(deferred).is::<TimedOut>());
}

#[test]
fn b125_what_has_no_callback_passes_the_value_on() {
    let deferred = Deferred::succeed(7).add_errback(|_| Ok(0)).add_errback(|_| Ok(1));
    assert_eq!(result_of(deferred).unwrap(), 7);
}

#[test]
fn b126_succeed_runs_a_callback_before_it_is_attached() {
    let log = Log::default();
    let seen = log.clone();
    let deferred = Deferred::succeed(7).add_callback(move |n| seen.add(n));
    assert_eq!(log.take(), ["7"]);
    deferred.detach();
}

#[test]
fn b126_a_fired_deferred_runs_a_callback_before_it_is_attached() {
    let log = Log::default();
    let (promise, deferred) = Deferred::new();
    let (early, late) = (log.clone(), log.clone());
    let deferred = deferred.map(move |n: u32| {
        early.add(n);
        n + 1
    });
    promise.callback(7);
    assert_eq!(log.take(), ["7"]);
    let deferred = deferred.add_callback(move |n| late.add(n));
    assert_eq!(log.take(), ["8"]);
    deferred.detach();
}

#[test]
fn b127_fail_runs_an_errback_before_it_is_attached() {
    let log = Log::default();
    let seen = log.clone();
    let deferred = Deferred::<u32>::fail(TimedOut).add_errback(move |failure| {
        seen.add(failure.is::<TimedOut>());
        Ok(7)
    });
    assert_eq!(log.take(), ["true"]);
    assert_eq!(result_of(deferred).unwrap(), 7);
}

#[test]
fn b129_a_callback_that_fails_sends_the_next_stage_to_the_errback() {
    let (promise, deferred) = Deferred::<u32>::new();
    let deferred = deferred.add_callback(|_| Err::<u32, _>(TimedOut.into())).map(|n| n + 1);
    let recovered = deferred.add_errback(|failure| {
        assert!(failure.is::<TimedOut>());
        Ok(7)
    });
    promise.callback(1);
    assert_eq!(result_of(recovered.map(|n| n + 1)).unwrap(), 8);
}

#[test]
fn b129_the_errback_beside_a_failing_callback_does_not_see_it() {
    let deferred = Deferred::succeed(1).add_callbacks(
        |_| Err::<u32, _>(TimedOut.into()),
        |_| unreachable!("the failure is the callback's own") as ropewalk_deferred::Result<u32>,
    );
    assert!(failure_of(deferred).is::<TimedOut>());
}

/// What Twisted has `logError` for.
#[test]
fn b150_an_errback_that_logs_and_returns_the_failure_leaves_it_to_the_next() {
    let log = Log::default();
    let seen = log.clone();
    let (promise, deferred) = Deferred::<u32>::new();
    let deferred = deferred.add_errback(move |failure| {
        seen.add(&failure);
        Err(failure)
    });
    promise.errback(TimedOut);
    assert_eq!(log.take(), [TimedOut.to_string()]);
    assert!(failure_of(deferred.map(|n| n + 1)).is::<TimedOut>());
}

#[test]
fn add_both_sees_either() {
    let value = Deferred::succeed(7).add_both(|result| Ok(result.is_ok()));
    assert!(result_of(value).unwrap());
    let failure = Deferred::<u32>::fail(Error).add_both(|result| Ok(result.is_ok()));
    assert!(!result_of(failure).unwrap());
}

#[test]
fn resolve_fires_with_either() {
    for result in [Ok(7), Err(Error)] {
        let (promise, deferred) = Deferred::<u32>::new();
        promise.resolve(result.map_err(Into::into));
        assert_eq!(result_of(deferred).ok(), result.ok());
    }
}

#[test]
fn b148_maybe_deferred_takes_values_failures_panics_and_deferreds() {
    assert_eq!(result_of(maybe_deferred(|| Ok(7))).unwrap(), 7);
    result_of(maybe_deferred(|| ())).unwrap();
    assert!(failure_of(maybe_deferred(|| Err::<(), _>(TimedOut.into()))).is::<TimedOut>());

    let panicked = failure_of(maybe_deferred(|| -> ropewalk_deferred::Result<()> { panic!("so") }));
    assert_eq!(panicked.downcast_ref::<Panicked>().unwrap().message(), "so");

    let (promise, inner) = Deferred::<u32>::new();
    let result = peek(maybe_deferred(|| inner));
    assert!(take(&result).is_none());
    promise.callback(7);
    assert_eq!(take(&result).unwrap().unwrap(), 7);
    assert!(failure_of(maybe_deferred(|| Deferred::<()>::fail(Error))).is::<Error>());
}

/// W26: in Twisted it never fires.
#[test]
fn i2_a_promise_that_is_dropped_fails_its_deferred_with_abandoned() {
    let (promise, deferred) = Deferred::<u32>::new();
    let result = peek(deferred.map(|n| n + 1));
    drop(promise);
    let failure = take(&result).unwrap().unwrap_err();
    assert!(failure.is::<Abandoned>());
    assert_eq!(failure.to_string(), "no result will come: its promise was dropped unfired");
}

#[test]
fn closures_that_were_not_called_are_dropped_when_the_result_passes_by() {
    let log = Log::default();
    let (promise, deferred) = Deferred::<()>::new();
    let (skipped, after) = (LogsDrop(log.clone(), "skipped dropped"), log.clone());
    let deferred = deferred.add_errback(move |_| drop(skipped)).add_callback(move |()| {
        after.add("next");
    });
    assert!(log.take().is_empty());
    promise.callback(());
    assert_eq!(log.take(), ["skipped dropped", "next"]);
    deferred.detach();
}

#[test]
fn a_closure_and_its_argument_are_gone_before_the_next_callback() {
    let log = Log::default();
    let (promise, deferred) = Deferred::<LogsDrop>::new();
    let (captured, next) = (LogsDrop(log.clone(), "capture dropped"), log.clone());
    deferred
        .add_callback(move |argument| {
            let _captured = &captured;
            drop(argument);
        })
        .add_callback(move |()| next.add("next"))
        .detach();
    promise.callback(LogsDrop(log.clone(), "argument dropped"));
    assert_eq!(log.take(), ["argument dropped", "capture dropped", "next"]);
}

#[test]
fn both_ends_can_be_printed_at_any_stage() {
    let (promise, deferred) = Deferred::<u32>::new();
    assert!(format!("{promise:?} {deferred:?}").contains("basics.rs"));
    let outer = Deferred::succeed(1).add_callback(|_| Ok(2));
    assert!(format!("{outer:?} {:?}", outer.canceller()).contains("Settled"));
    promise.callback(1);
    assert!(format!("{deferred:?}").contains("Settled"));
}

#[test]
fn a_result_can_be_taken_if_it_is_there_and_only_then() {
    let (promise, deferred) = Deferred::<u32>::new();
    let deferred = deferred.map(|n| n + 1).try_take().unwrap_err();
    promise.callback(7);
    assert_eq!(deferred.try_take().unwrap().unwrap(), 8);
    let failed = Deferred::<u32>::fail(TimedOut).try_take().unwrap();
    assert!(failed.unwrap_err().is::<TimedOut>());
}
