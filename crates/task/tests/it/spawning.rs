//! What a task gives, when it runs, and in which order.

use crate::signal::{Signal, manual, settle};
use ropewalk_deferred::{Deferred, Failure, TimedOut};
use ropewalk_reactor::Reactor;
use ropewalk_task::ReactorTask;
use ropewalk_testing::{DEADLINE, EventLog, failure_as, no_result, success_of, within};
use std::future::{pending, poll_fn};
use std::rc::Rc;
use std::task::Poll;

#[test]
fn the_output_is_an_outcome_and_needs_no_annotation() {
    let (clock, reactor) = manual();
    let value = reactor.spawn(async { Ok(1) });
    let nothing = reactor.spawn(async {});
    let parsed = reactor.spawn(async { Ok("x".parse::<u32>()?) });
    let failed = reactor.spawn(async { Err::<u8, _>(Failure::from(TimedOut)) });
    let (promise, inner) = Deferred::new();
    let deferred = reactor.spawn(async { inner.map(|n: u32| n + 1) });
    settle(&clock);
    assert_eq!(success_of(value), 1);
    success_of(nothing);
    failure_as::<std::num::ParseIntError, _>(parsed);
    failure_as::<TimedOut, _>(failed);
    let deferred = no_result(deferred);
    promise.callback(6);
    assert_eq!(success_of(deferred), 7);
}

#[test]
fn a_task_first_runs_in_a_later_turn() {
    let (clock, reactor) = manual();
    let log = EventLog::new();
    let (outer, inner) = (log.clone(), log.clone());
    reactor.call_soon(move |reactor| {
        reactor.spawn(async move { inner.add("polled") }).detach();
        outer.add("spawned");
    });
    assert!(log.is_empty());
    settle(&clock);
    assert_eq!(log.take(), ["spawned", "polled"]);
}

#[test]
fn i8_tasks_start_in_the_order_in_which_they_were_spawned() {
    let (clock, reactor) = manual();
    let log = EventLog::<u32>::default();
    for n in 0..1_000_u32 {
        let log = log.clone();
        reactor.spawn(async move { log.add(n) }).detach();
    }
    settle(&clock);
    assert_eq!(log.take(), (0..1_000).collect::<Vec<_>>());
}

#[test]
fn i8_tasks_go_on_in_the_order_in_which_they_were_woken() {
    let (clock, reactor) = manual();
    let log = EventLog::<usize>::default();
    let signals: Vec<_> = (0..5).map(|_| Signal::default()).collect();
    for (n, signal) in signals.iter().cloned().enumerate() {
        let log = log.clone();
        let task = async move {
            signal.wait().await;
            log.add(n);
        };
        reactor.spawn(task).detach();
    }
    settle(&clock);
    [3, 0, 4, 1, 2].into_iter().for_each(|n| signals[n].set());
    settle(&clock);
    assert_eq!(log.take(), [3, 0, 4, 1, 2]);
}

#[test]
fn a_task_has_the_reactor_at_hand_and_awaits_deferreds_and_tasks() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let main = async {
            let inner = Reactor::with_current(|reactor| {
                reactor.spawn(async {
                    let later = Reactor::with_current(|reactor| {
                        reactor.defer_later(std::time::Duration::from_millis(1), |_| Ok(20))
                    });
                    Ok(later.unwrap().await? + 1)
                })
            });
            let value = inner.unwrap().await?;
            Reactor::with_current(Reactor::stop);
            Ok(value * 2)
        };
        let deferred = reactor.spawn(main);
        reactor.run().unwrap();
        assert_eq!(success_of(deferred), 42);
    });
}

#[test]
fn two_reactors_of_one_thread_run_their_own_tasks() {
    let ((clock_a, a), (clock_b, b)) = (manual(), manual());
    let signal = Signal::default();
    let waits = signal.clone();
    let from_a = a.spawn(async move { waits.wait().await });
    settle(&clock_a);
    let from_b = b.spawn(async move { signal.set() });
    settle(&clock_b);
    success_of(from_b);
    let from_a = no_result(from_a);
    settle(&clock_a);
    success_of(from_a);
}

#[test]
fn i2_the_future_is_gone_before_its_result_is_passed_on() {
    let (clock, reactor) = manual();
    let kept = Rc::new(());
    let held = Rc::clone(&kept);
    // Not an `async` block, which drops what it owns before it has ended.
    let task = poll_fn(move |_| {
        let _held = &held;
        Poll::Ready(Ok(1))
    });
    let counted = reactor.spawn(task).map(move |_| Rc::strong_count(&kept));
    settle(&clock);
    assert_eq!(success_of(counted), 1);
}

#[test]
fn i5_a_task_and_the_callbacks_of_its_result_may_spawn() {
    let (clock, reactor) = manual();
    let spawn_more = || Reactor::with_current(|reactor| reactor.spawn(async { Ok(7) })).unwrap();
    let from_task = reactor.spawn(async move { spawn_more() });
    let from_callback = reactor.spawn(async {}).add_callback(move |()| spawn_more());
    settle(&clock);
    assert_eq!(success_of(from_task), 7);
    assert_eq!(success_of(from_callback), 7);
}

#[test]
fn i9_a_pending_task_does_not_hold_the_stop() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let deferred = reactor.spawn(pending::<()>());
        reactor.call_soon(Reactor::stop);
        reactor.run().unwrap();
        no_result(deferred).detach();
    });
}
