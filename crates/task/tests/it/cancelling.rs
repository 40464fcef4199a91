//! Cancelled while waiting, while running, from inside and from outside.

use crate::signal::{Dropped, Signal, manual, never, settle};
use ropewalk_deferred::{CancelHandle, Cancelled, Deferred, TimedOut};
use ropewalk_task::ReactorTask;
use ropewalk_testing::{EventLog, capture_tracing, failure_as, no_result, success_of};
use std::cell::RefCell;
use std::future::{pending, poll_fn};
use std::rc::Rc;
use std::task::Poll;
use std::thread;

type Log = EventLog<(&'static str, thread::ThreadId)>;

fn names(log: &Log) -> Vec<&'static str> {
    log.take().into_iter().map(|(name, _)| name).collect()
}

#[test]
fn b151_cancelling_drops_a_waiting_future_before_it_returns() {
    let (clock, reactor) = manual();
    let (log, signal) = (Log::default(), Signal::default());
    let (held, waits) = (Dropped("future", log.clone()), signal.clone());
    let deferred = reactor.spawn(async move {
        let _held = held;
        waits.wait().await;
    });
    settle(&clock);
    deferred.cancel();
    assert_eq!(names(&log), ["future"]);
    failure_as::<Cancelled, _>(deferred);
    // Late: it wakes nobody.
    signal.set();
    settle(&clock);
}

#[test]
fn i2_a_task_cancelled_before_its_first_turn_never_runs() {
    let (clock, reactor) = manual();
    let log = Log::default();
    let held = Dropped("future", log.clone());
    let deferred = reactor.spawn(async move {
        drop(held);
        never();
    });
    deferred.cancel();
    assert_eq!(names(&log), ["future"]);
    failure_as::<Cancelled, _>(deferred);
    settle(&clock);
}

#[test]
fn b153_only_the_first_of_several_cancels_has_effect() {
    let (clock, reactor) = manual();
    let deferred = reactor.spawn(pending::<()>());
    let handle = deferred.canceller();
    settle(&clock);
    (0..3).for_each(|_| handle.cancel());
    deferred.cancel();
    failure_as::<Cancelled, _>(deferred);
    handle.cancel();
}

#[test]
fn b155_a_cancel_after_the_result_changes_nothing() {
    let (clock, reactor) = manual();
    let deferred = reactor.spawn(async { Ok(7) });
    settle(&clock);
    deferred.cancel();
    assert_eq!(success_of(deferred), 7);
}

/// Spawns a future that is polled once, cancels itself in that poll and then ends as `end` says.
fn cancels_itself(end: impl FnOnce() -> Poll<u32> + 'static) -> (Vec<&'static str>, Deferred<u32>) {
    let (clock, reactor) = manual();
    let log = Log::default();
    let slot = Rc::new(RefCell::new(None::<CancelHandle>));
    let (held, inside, handle) = (Dropped("future", log.clone()), log.clone(), Rc::clone(&slot));
    let mut end = Some(end);
    let deferred = reactor.spawn(poll_fn(move |_| {
        let _held = &held;
        let handle = handle.borrow_mut().take().unwrap();
        handle.cancel();
        inside.add(("cancelled", thread::current().id()));
        end.take().unwrap()().map(Ok)
    }));
    slot.replace(Some(deferred.canceller()));
    settle(&clock);
    (names(&log), deferred)
}

#[test]
fn i5_a_future_that_cancels_itself_is_dropped_when_its_poll_has_returned() {
    let (log, deferred) = cancels_itself(|| Poll::Pending);
    assert_eq!(log, ["cancelled", "future"]);
    failure_as::<Cancelled, _>(deferred);
}

#[test]
fn i5_a_future_that_cancels_itself_and_ends_is_cancelled() {
    let (log, deferred) = cancels_itself(|| Poll::Ready(7));
    assert_eq!(log, ["cancelled", "future"]);
    failure_as::<Cancelled, _>(deferred);
}

#[test]
fn i3_a_future_that_cancels_itself_and_panics_is_cancelled_in_silence() {
    let mut ended = None;
    let events = capture_tracing(|| ended = Some(cancels_itself(|| panic!("too late"))));
    let (log, deferred) = ended.unwrap();
    assert_eq!(log, ["cancelled", "future"]);
    failure_as::<Cancelled, _>(deferred);
    assert_eq!(events, []);
}

#[test]
fn i5_tasks_may_cancel_each_other_in_polls_and_in_drops() {
    struct CancelOnDrop(CancelHandle);
    impl Drop for CancelOnDrop {
        fn drop(&mut self) {
            self.0.cancel();
        }
    }
    let (clock, reactor) = manual();
    let third = reactor.spawn(pending::<()>());
    let guard = CancelOnDrop(third.canceller());
    let second = reactor.spawn(async move {
        let _guard = guard;
        pending::<()>().await;
    });
    let handle = second.canceller();
    settle(&clock);
    let first = reactor.spawn(async move { handle.cancel() });
    settle(&clock);
    success_of(first);
    failure_as::<Cancelled, _>(second);
    failure_as::<Cancelled, _>(third);
}

#[test]
fn a_cancel_reaches_the_deferred_that_the_future_has_returned() {
    let (clock, reactor) = manual();
    let (promise, inner) = Deferred::<u32>::new();
    let deferred = reactor.spawn(async { inner });
    settle(&clock);
    let deferred = no_result(deferred);
    deferred.cancel();
    assert!(promise.is_cancelled());
    failure_as::<Cancelled, _>(deferred);
}

#[test]
fn dropping_a_future_does_not_cancel_what_it_waits_for() {
    let (clock, reactor) = manual();
    let (promise, inner) = Deferred::<u32>::new();
    let deferred = reactor.spawn(inner);
    settle(&clock);
    deferred.cancel();
    failure_as::<Cancelled, _>(deferred);
    assert!(!promise.is_cancelled());
    promise.errback(TimedOut);
}
