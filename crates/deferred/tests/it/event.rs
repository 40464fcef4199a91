//! The event: who waits for it, and what those who are fired may do.

use crate::support::{
    Log, LogsDrop, Shared, failure_of, peek, result_of, shared, small_stack, take, unhandled_in,
    without_backtraces,
};
use ropewalk_deferred::{Abandoned, Cancelled, Deferred, DeferredEvent};
use std::cell::Cell;
use std::rc::Rc;

mod model;

const MILLION: usize = crate::support::MILLION as usize;

/// Waits, and writes `name` when that is over.
fn wait(event: &DeferredEvent, log: &Log, name: &'static str) -> Deferred<()> {
    let log = log.clone();
    event.wait().map(move |()| log.add(name))
}

#[test]
fn all_who_wait_are_fired_in_order_and_later_ones_at_once() {
    let (event, log) = (DeferredEvent::new(), Log::default());
    let waiting = [wait(&event, &log, "one"), wait(&event, &log, "two")];
    assert_eq!((event.is_set(), event.waiting()), (false, 2));
    event.set();
    assert_eq!((event.is_set(), event.waiting()), (true, 0));
    wait(&event, &log, "three").detach();
    assert_eq!(log.take(), ["one", "two", "three"]);
    event.set();
    event.clear();
    assert!(!event.is_set());
    wait(&event, &log, "four").detach();
    assert_eq!((event.waiting(), log.take().len()), (1, 0));
    event.set();
    assert_eq!(log.take(), ["four"]);
    waiting.into_iter().for_each(|deferred| assert!(result_of(deferred).is_ok()));
}

#[test]
fn who_waits_after_a_clear_in_a_callback_waits_for_the_next_time() {
    let (event, log) = (DeferredEvent::new(), Log::default());
    let (same, seen) = (event.clone(), log.clone());
    let first = event.wait().map(move |()| {
        wait(&same, &seen, "while set").detach();
        same.clear();
        wait(&same, &seen, "next time").detach();
    });
    wait(&event, &log, "present").detach();
    event.set();
    assert_eq!(log.take(), ["while set", "present"]);
    assert_eq!((event.is_set(), event.waiting()), (false, 1));
    event.set();
    assert_eq!(log.take(), ["next time"]);
    assert!(result_of(first).is_ok());
}

/// Those of the first time are before those of the second, also if the second begins meanwhile.
#[test]
fn i8_a_set_in_a_callback_does_not_change_the_order() {
    let (event, log) = (DeferredEvent::new(), Log::default());
    let (same, seen) = (event.clone(), log.clone());
    let first = event.wait().map(move |()| {
        same.set();
        seen.add("it was set");
        same.clear();
        wait(&same, &seen, "third").detach();
        same.set();
        seen.add("all fired");
    });
    wait(&event, &log, "second").detach();
    event.set();
    assert_eq!(log.take(), ["it was set", "second", "third", "all fired"]);
    assert!(event.is_set() && result_of(first).is_ok());
}

#[test]
fn cancelled_and_dropped_waiters_are_skipped() {
    let (event, log) = (DeferredEvent::new(), Log::default());
    let unhandled = unhandled_in(|| {
        let cancelled = wait(&event, &log, "cancelled");
        drop(wait(&event, &log, "dropped"));
        wait(&event, &log, "detached").detach();
        cancelled.cancel();
        assert_eq!(event.waiting(), 1);
        event.set();
        cancelled.cancel();
        assert!(failure_of(cancelled).is::<Cancelled>());
    });
    assert!(unhandled.is_empty());
    assert_eq!(log.take(), ["detached"]);
}

#[test]
fn i5_a_callback_may_cancel_one_that_is_to_be_fired_next() {
    let (event, log) = (DeferredEvent::new(), Log::default());
    let next: Shared<Deferred<()>> = Rc::default();
    let (end, seen) = (Rc::clone(&next), log.clone());
    let first = event.wait().map(move |()| {
        let next = take(&end).unwrap();
        next.cancel();
        seen.add(failure_of(next));
    });
    next.replace(Some(wait(&event, &log, "cancelled")));
    wait(&event, &log, "last").detach();
    event.set();
    assert_eq!(log.take(), [Cancelled.to_string(), "last".to_owned()]);
    assert!(result_of(first).is_ok());
}

#[test]
fn i2_who_waits_is_told_when_nobody_can_set_it_any_more() {
    let (event, log) = (DeferredEvent::new(), Log::default());
    let results: Vec<_> = (0..3).map(|_| peek(event.wait())).collect();
    let captured = LogsDrop(log.clone(), "freed");
    event.wait().add_errback(move |_| drop(captured)).detach();
    drop(event.clone());
    assert_eq!(event.waiting(), 4);
    drop(event);
    for result in results {
        assert!(take(&result).unwrap().unwrap_err().is::<Abandoned>());
    }
    assert_eq!(log.take(), ["freed"]);
}

#[test]
fn i5_a_callback_may_drop_the_last_of_the_event_and_cancel_who_waits() {
    let log = Log::default();
    let event = shared(DeferredEvent::new());
    let held = Rc::clone(&event);
    let ends = shared(Vec::new());
    let others = Rc::clone(&ends);
    let seen = log.clone();
    let waits = || event.borrow().as_ref().unwrap().wait();
    let first = waits().add_errback(move |failure| {
        seen.add(failure);
        let mut ends = take(&others).unwrap();
        let cancelled: Deferred<()> = ends.remove(0);
        cancelled.cancel();
        seen.add(failure_of(cancelled));
        drop(ends);
    });
    ends.borrow_mut().as_mut().unwrap().extend([waits(), waits()]);
    let (trigger, fired) = Deferred::<()>::new();
    fired.map(move |()| drop(take(&held))).detach();
    assert!(unhandled_in(|| trigger.callback(())).is_empty());
    assert_eq!(log.take(), [Abandoned.to_string(), Cancelled.to_string()]);
    assert!(result_of(first).is_ok());
}

#[test]
fn debug_tells_who_waits() {
    let event = DeferredEvent::new();
    let _waits = event.wait();
    assert_eq!(format!("{event:?}"), "DeferredEvent { set: false, waiting: 1 }");
}

#[test]
fn i10_a_million_wait_and_wait_again() {
    small_stack(|| {
        let event = DeferredEvent::new();
        let fired = Rc::new(Cell::new(0));
        for _ in 0..MILLION {
            let (fired, same) = (Rc::clone(&fired), event.clone());
            let again = move |()| {
                fired.set(fired.get() + 1);
                same.clear();
                same.wait()
            };
            event.wait().add_callback(again).detach();
        }
        event.set();
        assert_eq!((fired.get(), event.waiting()), (MILLION, MILLION));
        event.set();
        assert_eq!((fired.get(), event.waiting()), (MILLION, 0));
    });
}

#[test]
fn i10_a_million_abandoned() {
    without_backtraces(|| {
        let event = DeferredEvent::new();
        let failed = Rc::new(Cell::new(0));
        for _ in 0..MILLION {
            let failed = Rc::clone(&failed);
            event.wait().on_failure(move |_| failed.set(failed.get() + 1));
        }
        drop(event);
        assert_eq!(failed.get(), MILLION);
    });
}
