//! Time that a test moves by hand.

use crate::fixture::Log;
use ropewalk_reactor::{ManualClock, Reactor};
use ropewalk_testing::{DEADLINE, within};
use std::cell::{Cell, RefCell};
use std::num::NonZeroUsize;
use std::rc::Rc;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

fn manual() -> (ManualClock, Reactor) {
    let clock = ManualClock::new();
    let reactor = with_clock(&clock);
    (clock, reactor)
}

fn with_clock(clock: &ManualClock) -> Reactor {
    Reactor::builder().manual_clock(clock).build().unwrap()
}

/// Adds `tag` and the clock's whole seconds to `log`.
fn notes(log: &Log, clock: &ManualClock, tag: &str) -> impl FnOnce(&Reactor) + use<> {
    let (log, clock, tag) = (log.clone(), clock.clone(), tag.to_owned());
    move |_| log.add(format!("{tag}@{}", clock.elapsed().as_secs()))
}

#[test]
fn b101_a_clock_starts_at_nothing_and_follows_advance() {
    let (clock, reactor) = manual();
    let start = clock.now();
    assert_eq!((clock.elapsed(), reactor.now()), (Duration::ZERO, start));
    clock.advance(3 * SECOND);
    assert_eq!((clock.elapsed(), reactor.now()), (3 * SECOND, start + 3 * SECOND));
    let same = clock.clone();
    same.advance(SECOND);
    assert_eq!(clock.elapsed(), 4 * SECOND);
}

#[test]
fn w32_a_callback_sees_its_own_due_time() {
    let (clock, reactor) = manual();
    let log = Log::default();
    for due in [7, 2, 5] {
        reactor.call_later(due * SECOND, notes(&log, &clock, "a"));
    }
    clock.advance(10 * SECOND);
    assert_eq!(log.text(), "a@2 a@5 a@7");
    assert_eq!(clock.elapsed(), 10 * SECOND);
}

#[test]
fn what_callbacks_set_runs_in_the_same_advance_if_it_is_due_by_then() {
    fn tick(log: Log, clock: ManualClock, reactor: &Reactor) {
        log.add(clock.elapsed().as_secs().to_string());
        reactor.call_later(2 * SECOND, move |reactor| tick(log, clock, reactor));
    }
    let (clock, reactor) = manual();
    let log = Log::default();
    let (ticks, time) = (log.clone(), clock.clone());
    reactor.call_later(SECOND, move |reactor| tick(ticks, time, reactor));
    clock.advance(8 * SECOND);
    assert_eq!(log.text(), "1 3 5 7");
    assert_eq!(reactor.delayed_calls().len(), 1);
}

#[test]
fn calls_soon_and_calls_from_threads_are_served_too() {
    let (clock, reactor) = manual();
    let log = Log::default();
    reactor.call_soon(log.adds("soon"));
    let shared = reactor.share(log.clone());
    shared.call_from_thread(|log, _| log.add("call")).unwrap();
    clock.advance(Duration::ZERO);
    assert_eq!(log.text(), "call soon");
}

#[test]
fn an_advance_inside_of_a_callback_moves_the_end() {
    let (clock, reactor) = manual();
    let log = Log::default();
    let (inner, time) = (log.clone(), clock.clone());
    reactor.call_later(SECOND, move |_| {
        time.advance(5 * SECOND);
        inner.add(format!("first@{}", time.elapsed().as_secs()));
    });
    reactor.call_later(6 * SECOND, notes(&log, &clock, "second"));
    clock.advance(SECOND);
    assert_eq!(log.text(), "first@1 second@6");
    assert_eq!(clock.elapsed(), 6 * SECOND);
}

#[test]
fn an_advance_inside_of_a_run_is_passed_by_its_turns() {
    within(DEADLINE, || {
        let (clock, reactor) = manual();
        let log = Log::default();
        let time = clock.clone();
        reactor.call_soon(move |_| time.advance(10 * SECOND));
        reactor.call_later(2 * SECOND, notes(&log, &clock, "a"));
        reactor.call_later(4 * SECOND, notes(&log, &clock, "b"));
        reactor.call_later(10 * SECOND, Reactor::stop);
        reactor.run().unwrap();
        assert_eq!((log.text().as_str(), clock.elapsed()), ("a@2 b@4", 10 * SECOND));
    });
}

#[test]
fn reactors_of_one_clock_take_turns_in_time() {
    let clock = ManualClock::new();
    let (one, other) = (with_clock(&clock), with_clock(&clock));
    let log = Log::default();
    for due in [1, 3] {
        one.call_later(due * SECOND, notes(&log, &clock, "one"));
    }
    for due in [2, 4] {
        other.call_later(due * SECOND, notes(&log, &clock, "other"));
    }
    clock.advance(3 * SECOND);
    assert_eq!(log.text(), "one@1 other@2 one@3");
    drop(other);
    clock.advance(SECOND);
    assert_eq!(log.text(), "one@1 other@2 one@3");
}

/// The other one has something due for ever, because it does not run.
#[test]
fn a_reactor_that_rests_does_not_hold_up_one_that_runs() {
    within(DEADLINE, || {
        let clock = ManualClock::new();
        let (runs, rests) = (with_clock(&clock), with_clock(&clock));
        let late = rests.call_later(SECOND, |_| ());
        let time = clock.clone();
        runs.call_soon(move |_| time.advance(5 * SECOND));
        runs.call_later(5 * SECOND, Reactor::stop);
        runs.run().unwrap();
        assert!(late.active());
        clock.advance(Duration::ZERO);
        assert!(!late.active());
    });
}

fn again_and_again(count: Rc<Cell<u32>>, reactor: &Reactor) {
    count.set(count.get() + 1);
    reactor.call_later(Duration::ZERO, move |reactor| again_and_again(count, reactor));
}

#[test]
fn a_timer_that_sets_itself_again_at_once_does_not_hold_the_clock() {
    within(DEADLINE, || {
        let (clock, reactor) = manual();
        let (count, log) = (Rc::new(Cell::new(0)), Log::default());
        let counts = Rc::clone(&count);
        reactor.call_later(SECOND, move |reactor| again_and_again(counts, reactor));
        reactor.call_later(2 * SECOND, notes(&log, &clock, "other"));
        clock.advance(3 * SECOND);
        assert_eq!((log.text().as_str(), clock.elapsed()), ("other@2", 3 * SECOND));
        assert!(count.get() >= 1_000);
    });
}

#[test]
fn nor_does_it_inside_of_a_run() {
    within(DEADLINE, || {
        let (clock, reactor) = manual();
        let time = clock.clone();
        reactor.call_soon(move |reactor| {
            time.advance(2 * SECOND);
            again_and_again(Rc::default(), reactor);
        });
        reactor.call_later(2 * SECOND, Reactor::stop);
        reactor.run().unwrap();
        assert_eq!(clock.elapsed(), 2 * SECOND);
    });
}

/// A backlog takes many passes, but each gets somewhere; so does a long way.
#[test]
fn a_long_backlog_is_worked_off_at_its_instant() {
    within(DEADLINE, || {
        let clock = ManualClock::new();
        let reactor = Reactor::builder()
            .manual_clock(&clock)
            .budget(NonZeroUsize::new(2).unwrap())
            .build()
            .unwrap();
        let late = Rc::new(RefCell::new(Vec::new()));
        // More steps than one instant may have passes ...
        for step in 1..=3_000 {
            reactor.call_later(step * SECOND, |_| ());
        }
        // ... and then more passes than that at one instant, in the middle and at the end.
        for due in [3_001, 3_002] {
            for _ in 0..3_000 {
                let (late, clock) = (Rc::clone(&late), clock.clone());
                reactor.call_later(due * SECOND, move |_| {
                    late.borrow_mut().push(clock.elapsed().as_secs() - u64::from(due));
                });
            }
        }
        clock.advance(3_002 * SECOND);
        assert_eq!(late.borrow().len(), 6_000);
        assert!(late.borrow().iter().all(|late| *late == 0));
    });
}

/// What gets nowhere is counted for each instant by itself: a clock that has ticked often is not
/// in a hurry.
#[test]
fn a_long_way_leaves_each_instant_its_passes() {
    fn tick(late: Rc<Cell<u64>>, clock: ManualClock, reactor: &Reactor) {
        let (now, count, time) = (clock.elapsed(), Rc::clone(&late), clock.clone());
        reactor.call_later(Duration::ZERO, move |_| {
            count.set(count.get() + u64::from(time.elapsed() != now));
        });
        reactor.call_later(SECOND, move |reactor| tick(late, clock, reactor));
    }
    within(DEADLINE, || {
        let (clock, reactor) = manual();
        let late = Rc::new(Cell::new(0));
        tick(Rc::clone(&late), clock.clone(), &reactor);
        clock.advance(3_000 * SECOND);
        assert_eq!((late.get(), reactor.stats().timers), (0, 6_001));
    });
}

#[test]
fn an_endless_advance_ends() {
    within(DEADLINE, || {
        let (clock, reactor) = manual();
        let call = reactor.call_later(SECOND, |_| ());
        clock.advance(Duration::MAX);
        clock.advance(Duration::MAX);
        assert!(!call.active());
        assert!(clock.elapsed() > Duration::from_secs(60 * 60 * 24 * 365));
        assert_eq!(clock.now(), reactor.now());
    });
}

/// The clock and the remaining timers survive a panic in one of them.
#[test]
fn i3_a_panic_does_not_leave_advance() {
    let (clock, reactor) = manual();
    let log = Log::default();
    reactor.call_later(SECOND, |_| panic!("on purpose"));
    reactor.call_later(2 * SECOND, notes(&log, &clock, "next"));
    clock.advance(2 * SECOND);
    assert_eq!((log.text().as_str(), reactor.stats().panics), ("next@2", 1));
}

#[test]
fn a_reactor_may_be_dropped_while_its_clock_advances() {
    within(DEADLINE, || {
        let clock = ManualClock::new();
        let kept = Rc::new(RefCell::new(None));
        let reactor = with_clock(&clock);
        let own = Rc::clone(&kept);
        reactor.call_later(SECOND, move |reactor| {
            drop(own.take());
            reactor.call_later(SECOND, |_| unreachable!("handed in after the end"));
        });
        reactor.call_later(2 * SECOND, |_| unreachable!("its reactor is gone"));
        kept.replace(Some(reactor));
        clock.advance(3 * SECOND);
        assert_eq!(clock.elapsed(), 3 * SECOND);
    });
}

/// An advance by nothing, or of a clock without reactors, is fine.
#[test]
fn a_clock_without_reactors_moves() {
    let clock = ManualClock::default();
    clock.advance(Duration::ZERO);
    clock.advance(Duration::from_secs(5));
    drop(Reactor::builder().manual_clock(&clock).build().unwrap());
    clock.advance(Duration::from_secs(5));
    assert_eq!(clock.elapsed(), Duration::from_secs(10));
}
