//! Cancelled while waiting, while running, from inside and from outside.

use crate::signal::{Dropped, Signal, manual, never, settle};
use ropewalk_deferred::{Abandoned, CancelHandle, Cancelled, Deferred, Promise, TimedOut};
use ropewalk_task::ReactorTask;
use ropewalk_testing::{EventLog, capture_tracing, failure_as, no_result, success_of};
use std::cell::{Cell, RefCell};
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

/// A deferred that counts how often its canceller is called, with its promise.
fn counted() -> (Rc<Cell<u32>>, Promise<u32>, Deferred<u32>) {
    let asked = Rc::new(Cell::new(0));
    let counts = Rc::clone(&asked);
    let (promise, deferred) = Deferred::with_canceller(move || counts.set(counts.get() + 1));
    (asked, promise, deferred)
}

/// Of `inlineCallbacks`: cancelling the outer one cancels the awaited one.
#[test]
fn b154_cancelling_a_task_calls_the_canceller_of_what_it_awaits_once() {
    let (clock, reactor) = manual();
    let (asked, promise, awaited) = counted();
    let deferred = reactor.spawn(async { Ok(awaited.await? + 1) });
    settle(&clock);
    deferred.cancel();
    assert_eq!(asked.get(), 1);
    assert!(promise.is_cancelled());
    failure_as::<Cancelled, _>(deferred);
    // Late: nobody hears of it.
    promise.errback(TimedOut);
}

#[test]
fn b154_a_cancel_goes_down_a_line_of_tasks_that_await_each_other() {
    let (clock, reactor) = manual();
    let (asked, promise, awaited) = counted();
    let line = (0..5)
        .fold(reactor.spawn(awaited), |before, _| reactor.spawn(async { Ok(before.await? + 1) }));
    settle(&clock);
    line.cancel();
    assert_eq!(asked.get(), 1);
    assert!(promise.is_cancelled());
    failure_as::<Cancelled, _>(line);
}

#[test]
fn a_deferred_that_a_cancelled_task_has_not_yet_awaited_is_let_go() {
    let (clock, reactor) = manual();
    let (asked, promise, owned) = counted();
    let deferred = reactor.spawn(async {
        pending::<()>().await;
        owned.await
    });
    settle(&clock);
    deferred.cancel();
    failure_as::<Cancelled, _>(deferred);
    assert_eq!(asked.get(), 0, "it runs on, as any other that is dropped");
    assert!(!promise.is_cancelled());
}

#[test]
fn dropping_the_reactor_cancels_the_deferred_that_a_task_awaits() {
    let (clock, reactor) = manual();
    let (asked, promise, awaited) = counted();
    let deferred = reactor.spawn(awaited);
    settle(&clock);
    drop(reactor);
    assert_eq!(asked.get(), 1);
    assert!(promise.is_cancelled());
    failure_as::<Abandoned, _>(deferred);
}

/// Drops the deferred of a task that was polled once, in the way that `drop` says; the log.
fn dropped(drop: impl FnOnce(Deferred<()>)) -> Vec<&'static str> {
    let (clock, reactor) = manual();
    let (log, signal) = (Log::default(), Signal::default());
    let (held, waits) = (Dropped("future", log.clone()), signal.clone());
    let done = log.clone();
    let deferred = reactor.spawn(async move {
        let _held = held;
        waits.wait().await;
        done.add(("done", thread::current().id()));
    });
    settle(&clock);
    drop(deferred);
    let before = names(&log);
    signal.set();
    settle(&clock);
    if before.is_empty() { names(&log) } else { before }
}

#[test]
fn dropping_the_deferred_of_a_task_cancels_the_task_without_a_report() {
    let events = capture_tracing(|| {
        assert_eq!(dropped(drop), ["future"]);
        assert_eq!(dropped(|deferred| drop(deferred.map(|()| 7))), ["future"]);
    });
    assert_eq!(events, []);
}

#[test]
fn i2_a_detached_task_runs_on() {
    assert_eq!(dropped(Deferred::detach), ["done", "future"]);
    assert_eq!(dropped(|deferred| deferred.map(|()| 7).detach()), ["done", "future"]);
}

#[test]
fn dropping_the_deferred_of_a_task_that_returned_a_deferred_cancels_that_one() {
    let (clock, reactor) = manual();
    let (asked, promise, inner) = counted();
    let deferred = reactor.spawn(async { inner });
    settle(&clock);
    drop(deferred);
    assert_eq!(asked.get(), 1);
    assert!(promise.is_cancelled());

    let (asked, promise, inner) = counted();
    reactor.spawn(async { inner }).detach();
    settle(&clock);
    assert_eq!(asked.get(), 0);
    assert!(!promise.is_cancelled());
}

#[test]
fn a_task_may_drop_its_own_deferred() {
    let (clock, reactor) = manual();
    let slot = Rc::new(RefCell::new(None::<Deferred<()>>));
    let (log, mine) = (Log::default(), Rc::clone(&slot));
    let (held, inside) = (Dropped("future", log.clone()), log.clone());
    let deferred = reactor.spawn(async move {
        let _held = held;
        drop(mine.take());
        inside.add(("dropped", thread::current().id()));
        pending::<()>().await;
    });
    slot.replace(Some(deferred));
    settle(&clock);
    assert_eq!(names(&log), ["dropped", "future"]);
}
