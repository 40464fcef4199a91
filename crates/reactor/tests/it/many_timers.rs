//! Delayed calls in any number, at any distance.

use crate::fixture::Drops;
use crate::rig::{Rig, secs};
use ropewalk_reactor::{ManualClock, NotPending, Reactor};
use ropewalk_testing::{DEADLINE, within};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

/// Spreads the numbers over the delays, the same in each run.
fn scattered(number: u64, below: u64) -> u64 {
    number.wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(31) % below
}

/// A third is cancelled, a third is moved, all others and the moved ones run, by due time and then
/// in the order in which they were set.
#[test]
fn w15_a_million_timers_are_set_cancelled_moved_and_run_in_order() {
    const TIMERS: u64 = 1_000_000;
    within(DEADLINE, || {
        let (clock, drops) = (ManualClock::new(), Drops::default());
        let reactor = Reactor::builder().manual_clock(&clock).build().unwrap();
        let ran = Rc::new(RefCell::new(Vec::new()));
        let set = |number: u64, milliseconds: u64| {
            let (ran, payload) = (Rc::clone(&ran), drops.payload());
            reactor.call_later(Duration::from_millis(milliseconds), move |_| {
                ran.borrow_mut().push((milliseconds, number));
                drop(payload);
            })
        };
        let calls: Vec<_> = (0..TIMERS).map(|number| set(number, scattered(number, 500))).collect();
        assert_eq!(reactor.stats().pending_timers, 1_000_000);

        let mut expected = Vec::new();
        for (number, call) in (0..).zip(&calls) {
            match number % 3 {
                0 => call.cancel().unwrap(),
                // Backwards or forwards; it runs at another time than its closure says.
                1 => call.reset(Duration::from_millis(scattered(number, 700))).unwrap(),
                _ => expected.push((scattered(number, 500), number)),
            }
        }
        assert_eq!(
            drops.count(),
            calls.len().div_ceil(3),
            "a cancelled closure is dropped at once"
        );
        clock.advance(secs(1));
        expected.sort_unstable();
        let mut ran = ran.take();
        let moved = ran.len() - expected.len();
        assert_eq!(moved, calls.len() / 3);
        ran.retain(|(_, number)| number % 3 == 2);
        assert!(ran == expected, "not in the order of (due time, setting)");
        assert_eq!((reactor.stats().pending_timers, drops.count()), (0, calls.len()));
        assert!(calls.iter().all(|call| call.cancel().is_err()));
    });
}

/// On the machine's clock, those that are cancelled as well as those that run.
#[test]
fn w15_a_hundred_thousand_timers_run_on_the_real_clock() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let late = Rc::new(Cell::new(0));
        for number in 0..100_000 {
            let due = Duration::from_micros(scattered(number, 50_000));
            let late = Rc::clone(&late);
            reactor.call_later(due, move |_| late.set(late.get() + 1));
            reactor.call_later(due, |_| unreachable!("it was cancelled")).cancel().unwrap();
        }
        let count = Rc::clone(&late);
        reactor.call_later(Duration::from_millis(60), move |reactor| {
            // All that was due before has run by now, however late this is.
            count.set(count.get() + 1);
            reactor.stop();
        });
        reactor.run().unwrap();
        assert_eq!((late.get(), reactor.stats().timers), (100_001, 100_001));
        assert_eq!(reactor.stats().panics, 0);
    });
}

/// Nanoseconds and centuries beside each other; the clock jumps over all of them in one step.
#[test]
fn w32_each_sees_its_own_due_time_at_any_scale() {
    const CENTURY: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);
    within(DEADLINE, || {
        let clock = ManualClock::new();
        let reactor = Reactor::builder().manual_clock(&clock).build().unwrap();
        // Off the mark at each power of two, where slots and levels begin.
        let delays: Vec<_> = (0..61_u32)
            .flat_map(|bit| [0, 1, 2].map(|by| Duration::from_nanos((1 << bit) + by)))
            .map(|delay| delay.saturating_sub(Duration::from_nanos(1)))
            .collect();
        let seen = Rc::new(RefCell::new(Vec::new()));
        for delay in delays.iter().rev() {
            let (seen, clock) = (Rc::clone(&seen), clock.clone());
            reactor.call_later(*delay, move |_| seen.borrow_mut().push(clock.elapsed()));
        }
        clock.advance(CENTURY);
        let mut expected = delays;
        expected.sort_unstable();
        assert_eq!(seen.take(), expected);
        assert_eq!((clock.elapsed(), reactor.stats().pending_timers), (CENTURY, 0));
    });
}

/// The clock stands a century later when they are set; what lies beyond its end is never due.
#[test]
fn far_deadlines_saturate_and_keep_their_order() {
    const CENTURY: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);
    let clock = ManualClock::new();
    let reactor = Reactor::builder().manual_clock(&clock).build().unwrap();
    clock.advance(CENTURY);
    let ran = Rc::new(RefCell::new(Vec::new()));
    let set = |delay: Duration| {
        let ran = Rc::clone(&ran);
        reactor.call_later(delay, move |_| ran.borrow_mut().push(delay))
    };
    let never = [Duration::MAX, Duration::from_secs(u64::MAX), 6 * CENTURY].map(&set);
    let far = [3 * CENTURY, 2 * CENTURY, 2 * CENTURY + Duration::from_nanos(1)].map(&set);
    never[0].delay(Duration::MAX).unwrap();
    never[1].reset(Duration::MAX).unwrap();
    assert!(never.iter().all(|call| call.time() > far[0].time()));
    clock.advance(3 * CENTURY);
    assert_eq!(
        ran.take(),
        [2 * CENTURY, 2 * CENTURY + Duration::from_nanos(1), 3 * CENTURY],
        "to the nanosecond"
    );
    // One that is never due can come back.
    never[2].reset(Duration::ZERO).unwrap();
    clock.advance(Duration::ZERO);
    assert_eq!(ran.take(), [6 * CENTURY]);
    assert_eq!(never[2].cancel(), Err(NotPending::AlreadyCalled));
    clock.advance(10 * CENTURY);
    assert_eq!((ran.take().len(), reactor.delayed_calls().len()), (0, 2));
}

/// What is never due is not waited for either.
#[test]
fn i6_a_loop_with_nothing_but_never_sleeps_for_ever() {
    let rig = Rig::new();
    let _never = rig.reactor.call_later(Duration::MAX, |_| unreachable!());
    assert_eq!(rig.reactor.poll_timeout(), None);
    let call = rig.reactor.call_later(secs(5), |_| unreachable!());
    assert_eq!(rig.reactor.poll_timeout(), Some(secs(5)));
    call.reset(Duration::MAX).unwrap();
    assert_eq!(rig.reactor.poll_timeout(), None);
}

/// Ten thousand cancelled or moved ones before the first that counts: one sleep, to its due time.
#[test]
fn w15_nobody_is_woken_for_a_timer_that_was_cancelled_or_moved() {
    within(DEADLINE, || {
        let rig = Rig::new();
        let calls: Vec<_> = (0..20_000)
            .map(|number| {
                let delay = Duration::from_micros(1 + scattered(number, 900_000_000));
                rig.reactor.call_later(delay, |_| unreachable!("it was cancelled or moved"))
            })
            .collect();
        rig.reactor.call_later(secs(1_000), Reactor::stop);
        for (number, call) in calls.iter().enumerate() {
            if number % 2 == 0 {
                call.cancel().unwrap();
            } else {
                call.reset(secs(10_000)).unwrap();
            }
        }
        let clock = rig.clock.clone();
        rig.selector.on_wait(move |time| clock.advance(time.unwrap()));
        rig.reactor.run().unwrap();
        assert_eq!(rig.selector.waits(), [Some(secs(1_000))]);
        assert_eq!((rig.reactor.stats().timers, rig.reactor.stats().pending_timers), (1, 10_000));
    });
}
