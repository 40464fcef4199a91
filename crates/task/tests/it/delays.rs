//! `sleep` and `defer_later`.

use crate::signal::{manual, never};
use ropewalk_deferred::{Cancelled, Deferred, Panicked, Result, TimedOut};
use ropewalk_task::ReactorTask;
use ropewalk_testing::{failure_as, no_result, success_of};
use std::future::Future as _;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Waker};
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn b180_the_result_comes_after_the_delay() {
    let (clock, reactor) = manual();
    let start = reactor.now();
    let deferred = reactor.defer_later(2 * SECOND, move |reactor| Ok(reactor.now() - start));
    clock.advance(SECOND);
    let deferred = no_result(deferred);
    clock.advance(SECOND);
    assert_eq!(success_of(deferred), 2 * SECOND);
    assert_eq!(reactor.delayed_calls(), []);
}

#[test]
fn b180_a_failing_function_fails_the_deferred() {
    let (clock, reactor) = manual();
    let deferred = reactor.defer_later(SECOND, |_| Ok("x".parse::<u32>()?));
    clock.advance(SECOND);
    failure_as::<std::num::ParseIntError, _>(deferred);

    let line = line!() + 1;
    let deferred = reactor.defer_later(SECOND, |_| -> Result<()> { panic!("too late") });
    clock.advance(SECOND);
    let panicked = failure_as::<Panicked, _>(deferred);
    assert_eq!(panicked.message(), "too late");
    assert_eq!((panicked.location().file(), panicked.location().line()), (file!(), line));
    assert_eq!(reactor.stats().panics, 0);
}

#[test]
fn b180_without_a_function_there_is_nothing_but_the_delay() {
    let (clock, reactor) = manual();
    let deferred = reactor.sleep(SECOND);
    clock.advance(Duration::from_millis(999));
    let deferred = no_result(deferred);
    clock.advance(Duration::from_millis(1));
    success_of(deferred);
}

#[test]
fn b180_a_cancel_prevents_the_call_and_leaves_no_timer() {
    let (clock, reactor) = manual();
    let payload = Rc::new(());
    let held = Rc::clone(&payload);
    let deferred = reactor.defer_later(SECOND, move |_| {
        drop(held);
        never();
    });
    deferred.cancel();
    assert_eq!(reactor.delayed_calls(), []);
    assert_eq!(Rc::strong_count(&payload), 1, "the function is dropped at once");
    failure_as::<Cancelled, _>(deferred);
    clock.advance(2 * SECOND);
}

#[test]
fn b180_no_timer_is_left_when_the_callbacks_of_a_cancel_run() {
    let (_clock, reactor) = manual();
    let weak = reactor.downgrade();
    let left = reactor
        .sleep(SECOND)
        .map(|()| usize::MAX)
        .add_errback(move |_| Ok(weak.with(|reactor| reactor.delayed_calls().len()).unwrap()));
    left.cancel();
    assert_eq!(success_of(left), 0);
}

#[test]
fn a_cancel_after_the_delay_reaches_the_deferred_of_the_function() {
    let (clock, reactor) = manual();
    let (promise, inner) = Deferred::<u32>::new();
    let deferred = reactor.defer_later(SECOND, |_| inner);
    clock.advance(SECOND);
    deferred.cancel();
    assert!(promise.is_cancelled());
    failure_as::<Cancelled, _>(deferred);
}

#[test]
fn i2_a_dropped_deferred_does_not_stop_the_call() {
    let (clock, reactor) = manual();
    let payload = Rc::new(());
    let held = Rc::clone(&payload);
    reactor.defer_later(SECOND, move |_| drop(held)).detach();
    clock.advance(Duration::ZERO);
    assert_eq!(Rc::strong_count(&payload), 2);
    clock.advance(SECOND);
    assert_eq!(Rc::strong_count(&payload), 1);
}

#[test]
fn i8_equal_delays_end_in_the_order_in_which_they_began() {
    let (clock, reactor) = manual();
    let log = ropewalk_testing::EventLog::<u32>::default();
    for n in 0..10_u32 {
        let log = log.clone();
        reactor.sleep(SECOND).map(move |()| log.add(n)).detach();
    }
    clock.advance(SECOND);
    assert_eq!(log.take(), (0..10).collect::<Vec<_>>());
}

#[test]
fn no_delay_is_still_a_later_turn_and_an_endless_one_never_ends() {
    let (clock, reactor) = manual();
    let now = no_result(reactor.defer_later(Duration::ZERO, |_| Ok(1)));
    let never = reactor.sleep(Duration::MAX);
    clock.advance(Duration::ZERO);
    assert_eq!(success_of(now), 1);
    clock.advance(1_000_000 * SECOND);
    no_result(never).detach();
}

#[test]
fn timers_name_the_line_that_asked_for_them() {
    let (_clock, reactor) = manual();
    let first = line!() + 1;
    reactor.sleep(SECOND).detach();
    reactor.defer_later(2 * SECOND, |_| Err::<(), _>(TimedOut.into())).detach();
    let calls = reactor.delayed_calls();
    let places: Vec<_> =
        calls.iter().map(|one| (one.location.file(), one.location.line())).collect();
    assert_eq!(places, [(file!(), first), (file!(), first + 1)]);
}

/// One that has been polled is a future like others; one that has not runs on, unless it is told
/// otherwise.
#[test]
fn a_sleep_that_is_dropped_keeps_its_timer_unless_it_was_polled_or_made_to_cancel() {
    let (_clock, reactor) = manual();
    let timers = || reactor.delayed_calls().len();
    drop(reactor.sleep(SECOND));
    assert_eq!(timers(), 1);
    drop(reactor.sleep(SECOND).cancel_on_drop());
    assert_eq!(timers(), 1);
    let mut polled = reactor.sleep(SECOND);
    let mut context = Context::from_waker(Waker::noop());
    assert!(Pin::new(&mut polled).poll(&mut context).is_pending());
    assert_eq!(timers(), 2);
    drop(polled);
    assert_eq!(timers(), 1);
}
