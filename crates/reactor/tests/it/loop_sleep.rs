//! For how long the loop sleeps, and what wakes it: exactly, with time and readiness made by hand.

use crate::fixture::reported;
use crate::rig::{Rig, secs};
use ropewalk_reactor::{Interest, Reactor, Readiness, RunError, SystemEvent};
use ropewalk_testing::{DEADLINE, within};
use std::io::{Error, ErrorKind};
use std::time::Duration;

const ZERO: Option<Duration> = Some(Duration::ZERO);

#[test]
fn b77_a_turn_that_may_not_wait_does_not() {
    let rig = Rig::new();
    rig.reactor.call_later(secs(5), |_| ());
    rig.turn();
    assert_eq!(rig.selector.waits(), [], "without sources there is nothing to look at");
    let _source = rig.watch("io", Interest::READABLE);
    rig.turn();
    assert_eq!(rig.selector.waits(), [ZERO]);
    rig.reactor.turn(Some(secs(0))).unwrap();
    rig.selector.on_wait(|_| ());
    rig.reactor.turn(Some(secs(2))).unwrap();
    rig.reactor.turn(Some(secs(9))).unwrap();
    rig.reactor.turn(None).unwrap();
    let five = Some(secs(5));
    assert_eq!(rig.selector.waits(), [ZERO, Some(secs(2)), five, five], "the shorter one");
}

/// The times for which `turns` turns want to wait; nothing happens meanwhile.
fn waits(rig: &Rig, turns: usize) -> Vec<Option<Duration>> {
    rig.selector.on_wait(|_| ());
    for _ in 0..turns {
        rig.reactor.turn(None).unwrap();
    }
    rig.selector.waits()
}

#[test]
fn b81_with_no_timers_the_loop_waits_for_ever() {
    let rig = Rig::new();
    let _source = rig.watch("io", Interest::READABLE);
    assert_eq!(waits(&rig, 1), [None]);
    rig.reactor.call_later(secs(1), |_| ()).cancel().unwrap();
    assert_eq!(waits(&rig, 1), [None]);
}

#[test]
fn b82_with_timers_it_waits_until_the_first_and_less_as_time_passes() {
    let rig = Rig::new();
    rig.reactor.call_later(secs(10), |_| ());
    assert_eq!(waits(&rig, 1), [Some(secs(10))]);
    rig.clock.advance(secs(4));
    assert_eq!(waits(&rig, 1), [Some(secs(6))]);
    rig.reactor.call_later(secs(20), |_| ());
    rig.reactor.call_later(Duration::from_nanos(5_000_000_001), |_| ());
    assert_eq!(waits(&rig, 1), [Some(Duration::from_nanos(5_000_000_001))], "to the nanosecond");
    assert_eq!(rig.reactor.poll_timeout(), Some(Duration::from_nanos(5_000_000_001)));
    rig.clock.advance(secs(6));
    assert_eq!(waits(&rig, 1), [Some(secs(14))], "what has run counts no more");
    rig.clock.advance(secs(14));
    assert_eq!(waits(&rig, 1), [None]);
}

#[test]
fn b83_w15_the_wait_follows_a_timer_that_is_moved_or_cancelled() {
    let rig = Rig::new();
    let timer = rig.reactor.call_later(secs(10), |_| ());
    let later = rig.reactor.call_later(secs(30), |_| ());
    timer.reset(secs(3)).unwrap();
    assert_eq!(waits(&rig, 1), [Some(secs(3))]);
    timer.delay(secs(2)).unwrap();
    assert_eq!(waits(&rig, 1), [Some(secs(5))]);
    rig.clock.advance(secs(1));
    timer.reset(secs(40)).unwrap();
    assert_eq!(waits(&rig, 1), [Some(secs(29))], "there is no waking up for where it was");
    later.cancel().unwrap();
    assert_eq!(waits(&rig, 1), [Some(secs(40))]);
    timer.cancel().unwrap();
    assert_eq!(waits(&rig, 1), [None]);
    rig.reactor.call_later(Duration::MAX, |_| ());
    assert!(waits(&rig, 1)[0].is_none_or(|time| time > secs(1 << 30)), "never, or in a lifetime");
}

/// Work that is there, or comes from the turn itself, lets the loop look around without waiting.
#[test]
fn b91_with_work_to_do_the_loop_does_not_wait() {
    let rig = Rig::new();
    let source = rig.watch_with("io", Interest::READABLE.edge_triggered(), |reactor| {
        reactor.call_soon(|_| ());
    });
    rig.selector.make_ready(&source, Readiness::READABLE);
    assert_eq!(waits(&rig, 3), [None, ZERO, None], "asked for by I/O");
    rig.reactor.call_soon(|reactor| drop(reactor.call_later(Duration::ZERO, |_| ())));
    assert_eq!(waits(&rig, 3), [ZERO, ZERO, None], "a timer without a delay");
    rig.call(|reactor| drop(reactor.handle().call_from_thread(|_| ())));
    assert_eq!(waits(&rig, 3), [ZERO, ZERO, None], "a call that calls");
}

/// A wait that ends for nothing, by a signal or by itself, is gone into again with what is left.
#[test]
fn i6_a_wait_that_ends_too_early_is_waited_on() {
    within(DEADLINE, || {
        let rig = Rig::new();
        let _source = rig.watch("io", Interest::READABLE);
        rig.reactor.call_later(secs(10), rig.adds("timer"));
        rig.reactor.call_later(secs(10), Reactor::stop);
        rig.selector.fail_next_wait(Error::from(ErrorKind::Interrupted));
        let (clock, mut naps) = (rig.clock.clone(), vec![secs(7), secs(3), secs(0)]);
        rig.selector.on_wait(move |_| clock.advance(naps.pop().unwrap()));
        rig.reactor.run().unwrap();
        let ten = Some(secs(10));
        assert_eq!(rig.selector.waits(), [ten, ten, ten, Some(secs(7)), ZERO]);
        assert_eq!((rig.logged().as_str(), rig.reactor.stats().turns), ("timer", 5));
    });
}

/// Waking up for a call that is taken by the turn before it sleeps costs no turn.
#[test]
fn i6_a_wake_up_is_heard_once() {
    let rig = Rig::new();
    rig.selector.on_wait(|_| ());
    rig.call(rig.adds("call"));
    rig.reactor.turn(None).unwrap();
    rig.reactor.turn(None).unwrap();
    assert_eq!(rig.selector.waits(), [None], "the first one had a call, and nothing to look at");
    // One that comes while it sleeps.
    let handle = rig.reactor.handle();
    let log = rig.log.clone();
    rig.selector.on_wait(move |_| {
        let log = log.clone();
        handle.call_from_thread(move |_| log.add("call")).unwrap();
    });
    rig.reactor.turn(None).unwrap();
    rig.reactor.turn(None).unwrap();
    rig.selector.on_wait(|_| ());
    rig.reactor.turn(None).unwrap();
    assert_eq!((rig.logged().as_str(), rig.selector.waits().len()), ("call call", 2));
}

/// A whole run of an hour: it sleeps exactly as often as something is due.
#[test]
fn i6_an_hour_of_timers_takes_a_sleep_for_each_time() {
    within(DEADLINE, || {
        let rig = Rig::new();
        for minute in 1..=60 {
            for _ in 0..minute % 3 {
                rig.reactor.call_later(secs(60 * minute), |_| ());
            }
        }
        rig.reactor.call_later(secs(3600), Reactor::stop);
        let clock = rig.clock.clone();
        rig.selector.on_wait(move |time| clock.advance(time.unwrap()));
        rig.reactor.run().unwrap();
        let waits = rig.selector.waits();
        assert_eq!(waits.len(), 41, "40 minutes that do not divide by three, and the end");
        assert_eq!(waits.iter().flatten().sum::<Duration>(), secs(3600));
        assert_eq!(rig.reactor.stats().turns, 42);
    });
}

/// The shutdown waits for a hold, at most until its deadline, on the clock of the reactor.
#[test]
fn i9_a_held_shutdown_waits_until_its_deadline() {
    within(DEADLINE, || {
        let rig = Rig::with(|builder| builder.shutdown_deadline(secs(20)));
        let hold = rig.reactor.hold(SystemEvent::Shutdown);
        rig.reactor.stop();
        rig.reactor.call_later(secs(5), |_| ());
        let clock = rig.clock.clone();
        rig.selector.on_wait(move |time| clock.advance(time.unwrap()));
        let ended = rig.reactor.run();
        assert!(matches!(ended, Err(RunError::ShutdownTimedOut(_))), "{ended:?}");
        let spent: Duration = rig.selector.waits().into_iter().flatten().sum();
        assert_eq!(spent, secs(20));
        drop(hold);
    });
}

/// Whoever sits before a program that does not end is told after a second what it waits for, once.
#[test]
fn i9_a_shutdown_that_takes_long_says_what_it_waits_for() {
    within(DEADLINE, || {
        for (seconds, reports) in [(0, 0), (1, 1), (15, 1)] {
            let logged = reported(|| {
                let rig = Rig::with(|builder| builder.shutdown_deadline(secs(20)));
                let hold = rig.reactor.hold_named(SystemEvent::Shutdown, "the last upload");
                let let_go = secs(seconds) + Duration::from_millis(500);
                rig.reactor.call_later(let_go, move |_| drop(hold));
                rig.reactor.stop();
                let clock = rig.clock.clone();
                rig.selector.on_wait(move |time| clock.advance(time.unwrap()));
                rig.reactor.run().unwrap();
            });
            let told = logged.matches("the shutdown waits").count();
            assert_eq!(told, reports, "{logged}");
            assert_eq!(logged.contains("the last upload, held at "), told > 0, "{logged}");
        }
    });
}

/// A callback of a source sees the time at which its event has ended the sleep.
#[test]
fn b82_time_passes_while_the_loop_sleeps() {
    within(DEADLINE, || {
        let rig = Rig::new();
        let (clock, log) = (rig.clock.clone(), rig.log.clone());
        let source = rig.watch_with("io", Interest::READABLE.edge_triggered(), move |_| {
            log.add(format!("{:?}", clock.elapsed()));
        });
        for seconds in [5, 6] {
            let (clock, log) = (rig.clock.clone(), rig.log.clone());
            rig.reactor.call_later(secs(seconds), move |reactor| {
                log.add(format!("timer {:?}", clock.elapsed()));
                if seconds == 6 {
                    reactor.stop();
                }
            });
        }
        let (clock, selector, mut sleeps) = (rig.clock.clone(), rig.selector.clone(), 0);
        rig.selector.on_wait(move |_| {
            sleeps += 1;
            // The second sleep is for two seconds, in which two timers fall due.
            clock.advance(secs(if sleeps == 1 { 4 } else { 2 }));
            selector.make_ready(&source, Readiness::READABLE);
        });
        rig.reactor.run().unwrap();
        assert_eq!(rig.logged(), "io 4s io 5s timer 5s timer 6s");
        assert_eq!(rig.selector.waits()[..2], [Some(secs(5)), Some(secs(1))]);
    });
}
