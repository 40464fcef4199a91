//! Delayed calls, on the real clock and on a manual one.

use crate::fixture::Log;
use ropewalk_reactor::{DelayedCall, ManualClock, NotPending, Reactor, seconds};
use ropewalk_testing::{DEADLINE, within};
use std::cell::{Cell, RefCell};
use std::num::NonZeroUsize;
use std::rc::Rc;
use std::time::{Duration, Instant};

const SECOND: Duration = Duration::from_secs(1);

fn manual() -> (ManualClock, Reactor) {
    let clock = ManualClock::new();
    let reactor = Reactor::builder().manual_clock(&clock).build().unwrap();
    (clock, reactor)
}

#[test]
fn b77_b82_a_turn_waits_for_the_first_timer_or_for_its_own_time() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let ran = Rc::new(Cell::new(0));
        let runs = Rc::clone(&ran);
        let far = reactor.call_later(20 * DEADLINE, |_| unreachable!());
        reactor.turn(Some(Duration::ZERO)).unwrap();
        reactor.turn(Some(Duration::from_millis(1))).unwrap();

        let before = Instant::now();
        reactor.call_later(Duration::from_millis(20), move |_| runs.set(runs.get() + 1));
        while ran.get() == 0 {
            reactor.turn(None).unwrap();
        }
        assert!(before.elapsed() >= Duration::from_millis(20));
        assert!(far.active());
        assert!(reactor.stats().turns < 10, "{:?}", reactor.stats());
    });
}

/// After a move the wait follows the new time, not the old one.
#[test]
fn b83_the_wait_follows_a_moved_timer() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let sooner = reactor.call_later(20 * DEADLINE, Reactor::stop);
        let later = reactor.call_later(Duration::from_millis(1), |_| unreachable!());
        later.delay(20 * DEADLINE).unwrap();
        sooner.reset(Duration::from_millis(2)).unwrap();
        reactor.run().unwrap();
        assert!(later.active());
        assert!(reactor.stats().turns < 10, "{:?}", reactor.stats());
    });
}

#[test]
fn b85_b91_a_delayed_call_of_no_delay_runs_and_can_stop_the_reactor() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        reactor.call_later(Duration::ZERO, Reactor::stop);
        reactor.run().unwrap();
        assert_eq!(reactor.stats().timers, 1);
    });
}

#[test]
fn i11_w13_b89_time_is_monotonic() {
    let reactor = Reactor::new().unwrap();
    let mut last = reactor.now();
    for _ in 0..1_000 {
        let now: Instant = reactor.now();
        assert!(now >= last);
        last = now;
    }
}

#[test]
fn b90_b102_a_call_is_due_at_now_plus_its_delay_of_its_own_clock() {
    let (clock, reactor) = manual();
    let start = reactor.now();
    clock.advance(100 * SECOND);
    let call = reactor.call_later(5 * SECOND, |_| ());
    assert_eq!(call.time(), Some(start + 105 * SECOND));
    clock.advance(5 * SECOND - Duration::from_nanos(1));
    assert!(call.active());
    clock.advance(Duration::from_nanos(1));
    assert!(!call.active());
}

#[test]
fn b92_b96_reset_counts_from_now_whatever_the_time_was() {
    let (clock, reactor) = manual();
    let start = reactor.now();
    let (early, late) = (
        reactor.call_later(12 * SECOND, |_| ()),
        reactor.call_later(100 * SECOND, |_| unreachable!()),
    );
    clock.advance(10 * SECOND);
    early.reset(3 * SECOND).unwrap();
    late.reset(3 * SECOND).unwrap();
    assert_eq!(early.time(), Some(start + 13 * SECOND));
    assert_eq!(late.time(), Some(start + 13 * SECOND));
    late.reset(SECOND * 50).unwrap();
    clock.advance(3 * SECOND);
    assert!(!early.active() && late.active());
}

#[test]
fn b93_b94_b103_a_cancelled_call_never_runs_and_says_so() {
    let (clock, reactor) = manual();
    let call = reactor.call_later(SECOND, |_| unreachable!());
    assert_eq!(call.cancel(), Ok(()));
    assert_eq!(reactor.delayed_calls(), []);
    assert_eq!(call.cancel(), Err(NotPending::AlreadyCancelled));
    assert_eq!(call.reset(SECOND), Err(NotPending::AlreadyCancelled));
    assert_eq!(call.delay(SECOND), Err(NotPending::AlreadyCancelled));
    assert_eq!(call.hasten(SECOND), Err(NotPending::AlreadyCancelled));
    clock.advance(2 * SECOND);
    assert_eq!((call.active(), call.time(), reactor.stats().timers), (false, None, 0));
}

#[test]
fn b95_b99_b104_a_call_is_not_pending_inside_of_itself_nor_after() {
    let (clock, reactor) = manual();
    let call: Rc<RefCell<Option<DelayedCall>>> = Rc::default();
    let own = Rc::clone(&call);
    let made = reactor.call_later(SECOND, move |_| {
        let call = own.borrow();
        let call = call.as_ref().unwrap();
        assert_eq!(call.cancel(), Err(NotPending::AlreadyCalled));
        assert_eq!(call.reset(SECOND), Err(NotPending::AlreadyCalled));
        assert!(!call.active());
    });
    assert!(made.active());
    call.replace(Some(made));
    clock.advance(SECOND);
    assert_eq!(call.borrow().as_ref().unwrap().cancel(), Err(NotPending::AlreadyCalled));
    assert_eq!((reactor.stats().timers, reactor.stats().panics), (1, 0));
}

/// The reference also shows the function; a closure has no name, so `PendingCall` has the place.
#[test]
fn b97_the_text_form_of_a_call_never_fails() {
    let (clock, reactor) = manual();
    let text = |call: &DelayedCall| format!("{call:?}");
    let called = reactor.call_later(SECOND, |_| ());
    let cancelled = reactor.call_later(SECOND, |_| ());
    assert_eq!(text(&called), "DelayedCall(due in 1s)");
    called.reset(2 * SECOND).unwrap();
    assert_eq!(text(&called), "DelayedCall(due in 2s)");
    cancelled.cancel().unwrap();
    assert_eq!(text(&cancelled), "DelayedCall(AlreadyCancelled)");
    clock.advance(2 * SECOND);
    assert_eq!(text(&called), "DelayedCall(AlreadyCalled)");
    let orphan = reactor.call_later(SECOND, |_| ());
    drop(reactor);
    assert_eq!(text(&orphan), "DelayedCall(AlreadyCancelled)");
}

#[test]
fn b98_delayed_calls_lists_what_is_pending_with_where_it_was_asked_for() {
    let (clock, reactor) = manual();
    let start = reactor.now();
    reactor.call_later(3 * SECOND, |_| ());
    reactor.call_later(SECOND, |reactor| {
        reactor.call_later(SECOND, |_| ());
    });
    reactor.call_later(2 * SECOND, |_| ()).cancel().unwrap();
    let times = |reactor: &Reactor| -> Vec<_> {
        reactor.delayed_calls().iter().map(|call| (call.time - start).as_secs()).collect()
    };
    assert_eq!(times(&reactor), [1, 3]);
    clock.advance(SECOND);
    assert_eq!(times(&reactor), [2, 3]);
    assert!(reactor.delayed_calls().iter().all(|call| call.location.file().ends_with("timers.rs")));
}

/// The reference compares handles by due time (B100); here the list is in that order already.
#[test]
fn b105_delay_and_hasten_move_from_the_time_that_is_set() {
    let (clock, reactor) = manual();
    let start = reactor.now();
    let call = reactor.call_later(10 * SECOND, |_| ());
    call.delay(5 * SECOND).unwrap();
    assert_eq!(call.time(), Some(start + 15 * SECOND));
    call.hasten(12 * SECOND).unwrap();
    assert_eq!(call.time(), Some(start + 3 * SECOND));
    clock.advance(SECOND);
    call.hasten(DEADLINE).unwrap();
    assert_eq!(call.time(), Some(start + SECOND), "not before now");
    clock.advance(Duration::ZERO);
    assert!(!call.active());
}

#[test]
fn w14_i8_equal_deadlines_run_in_the_order_in_which_they_were_set() {
    let (clock, reactor) = manual();
    let log = Log::default();
    let calls: Vec<_> =
        (0..12).map(|number| reactor.call_later(SECOND, log.adds(&number.to_string()))).collect();
    calls[3].reset(SECOND).unwrap();
    clock.advance(SECOND);
    assert_eq!(log.text(), "0 1 2 4 5 6 7 8 9 10 11 3");
}

#[test]
fn i8_timers_of_no_delay_run_in_order_on_the_real_clock() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let seen = Rc::new(RefCell::new(Vec::new()));
        for number in 0..1_000 {
            let seen = Rc::clone(&seen);
            reactor.call_later(Duration::ZERO, move |_| seen.borrow_mut().push(number));
        }
        reactor.call_later(Duration::ZERO, Reactor::stop);
        reactor.run().unwrap();
        assert_eq!(*seen.borrow(), (0..1_000).collect::<Vec<_>>());
    });
}

/// What has ended one sleep does not begin another one: the second is due at the very same time, and
/// the budget leaves it over.
#[test]
fn i7_a_timer_that_is_left_over_after_a_sleep_is_not_slept_for() {
    within(DEADLINE, || {
        let builder = Reactor::builder().budget(NonZeroUsize::MIN);
        let reactor = builder.build().unwrap();
        let second = reactor.call_later(Duration::from_millis(5), Reactor::stop);
        let first = reactor.call_later(Duration::from_millis(5), |_| ());
        second.delay(first.time().unwrap() - second.time().unwrap()).unwrap();
        assert_eq!(first.time(), second.time());
        reactor.run().unwrap();
        assert_eq!(reactor.stats().timers, 2);
    });
}

/// It holds up neither the loop nor the other timers.
#[test]
fn delays_beyond_the_clock_mean_never() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let never = reactor.call_later(Duration::MAX, |_| unreachable!());
        never.delay(Duration::MAX).unwrap();
        never.reset(Duration::MAX).unwrap();
        reactor.call_later(Duration::from_millis(1), Reactor::stop);
        reactor.run().unwrap();
        assert!(never.active());
    });
}

/// However the call was moved there; and from there it comes back.
#[test]
fn a_call_that_is_moved_beyond_the_clock_is_never_due() {
    const CENTURY: Duration = Duration::from_secs(101 * 366 * 24 * 3600);
    let moves: [fn(&DelayedCall); 3] = [
        |call| call.reset(Duration::MAX).unwrap(),
        |call| call.delay(Duration::MAX).unwrap(),
        |call| (0..2).for_each(|_| call.delay(Duration::MAX / 2).unwrap()),
    ];
    for moves in moves {
        let reactor = Reactor::new().unwrap();
        let call = reactor.call_later(SECOND, |_| unreachable!());
        moves(&call);
        assert_eq!(reactor.poll_timeout(), None);
        call.reset(SECOND).unwrap();
        assert!(reactor.poll_timeout().is_some_and(|left| left <= SECOND));

        let (clock, reactor) = manual();
        let call = reactor.call_later(SECOND, |_| ());
        moves(&call);
        clock.advance(CENTURY);
        assert!(call.active() && reactor.stats().timers == 0);
        call.reset(SECOND).unwrap();
        clock.advance(SECOND);
        assert_eq!(reactor.stats().timers, 1);
    }
}

#[test]
fn numbers_that_are_no_delay_are_refused_with_the_number() {
    for bad in [-1.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let error = seconds(bad).unwrap_err();
        assert_eq!(error.seconds().to_bits(), bad.to_bits());
        assert!(error.to_string().contains(&bad.to_string()), "{error}");
    }
    assert_eq!(seconds(0.0), Ok(Duration::ZERO));
    assert_eq!(seconds(1e19).unwrap().as_secs(), 10_000_000_000_000_000_000);
}

/// The reference takes delays of 2^128 seconds, and its loop goes on.
#[test]
fn numbers_beyond_all_times_mean_never() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        for many in [2e19, 2_f64.powi(128) + 1.0, f64::MAX] {
            assert_eq!(seconds(many), Ok(Duration::MAX));
            reactor.call_later(seconds(many).unwrap(), |_| unreachable!());
        }
        reactor.call_later(Duration::from_millis(1), Reactor::stop);
        reactor.run().unwrap();
        assert_eq!((reactor.stats().timers, reactor.stats().pending_timers), (1, 3));
    });
}

/// What is served at the beginning of a turn may be what one waits for.
#[test]
fn a_turn_that_has_served_something_does_not_wait() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let done = Rc::new(Cell::new(0));
        let counts = || {
            let done = Rc::clone(&done);
            move |_: &Reactor| done.set(done.get() + 1)
        };
        reactor.call_soon(counts());
        reactor.turn(None).unwrap();
        reactor.call_later(Duration::ZERO, counts());
        reactor.turn(None).unwrap();
        let remote = reactor.share(counts());
        remote.call_from_thread(|counts, reactor| counts(reactor)).unwrap();
        reactor.turn(None).unwrap();
        assert_eq!((done.get(), reactor.stats().turns), (3, 3));
    });
}

/// The call is due a minute before the end of what the clock can express.
#[test]
fn a_delay_added_to_a_call_at_the_end_of_time_does_not_overflow() {
    let reactor = Reactor::new().unwrap();
    let (start, mut far) = (reactor.now(), 0);
    for bit in (0..63).rev() {
        let further = far | 1 << bit;
        if start.checked_add(Duration::from_secs(further)).is_some() {
            far = further;
        }
    }
    let call = reactor.call_later(Duration::from_secs(far - 60), |_| unreachable!());
    let due = call.time();
    assert_eq!(call.delay(120 * SECOND), Ok(()));
    assert_eq!(call.delay(Duration::MAX), Ok(()));
    assert_eq!(call.time(), due, "there is no later");
    reactor.turn(Some(Duration::ZERO)).unwrap();
    assert!(call.active());
}
