//! Reactors in callbacks of other reactors, and which of them is the current one.

use crate::fixture::{Log, OnDrop, run_briefly};
use ropewalk_reactor::{ManualClock, Phase, Reactor, ReactorHandle, RunError, SystemEvent};
use ropewalk_testing::{DEADLINE, within};
use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

/// Whether that reactor is the current one of this thread.
fn is_current(handle: &ReactorHandle) -> bool {
    Reactor::with_current(|reactor| reactor.handle().same_reactor(handle)) == Some(true)
}

/// Runs `depth` reactors, each in a callback of the one before it, and comes back.
fn nest(depth: usize, log: &Log) {
    let Some(below) = depth.checked_sub(1) else { return };
    let reactor = Reactor::new().unwrap();
    let (handle, inner) = (reactor.handle(), log.clone());
    reactor.call_later(Duration::ZERO, move |reactor| {
        assert!(is_current(&handle));
        nest(below, &inner);
        assert!(is_current(&handle) && reactor.running());
        inner.add(depth.to_string());
        reactor.stop();
    });
    reactor.run().unwrap();
    assert_eq!(reactor.stats().panics, 0);
}

/// One per thread at a time, but a callback may wait for another reactor to come to its end.
#[test]
fn w30_reactors_run_inside_of_each_other() {
    within(DEADLINE, || {
        let log = Log::default();
        nest(5, &log);
        assert_eq!(log.text(), "1 2 3 4 5");
        assert!(Reactor::with_current(|_| ()).is_none());
    });
}

/// The inner run goes on; the outer one ends when its turn is over.
#[test]
fn w30_a_stop_of_the_outer_reactor_does_not_end_the_inner_one() {
    within(DEADLINE, || {
        let (outer, inner) = (Reactor::new().unwrap(), Reactor::new().unwrap());
        let (log, handle) = (Log::default(), outer.handle());
        let ends = [Reactor::stop, Reactor::crash];
        let (adds, weak) = (log.clone(), outer.downgrade());
        inner.call_soon(move |_| {
            handle.stop();
            handle.call_from_thread(|_| ()).unwrap();
            weak.with(|outer| {
                assert!(matches!(outer.run(), Err(RunError::AlreadyRunning)));
                assert!(matches!(outer.turn(None), Err(RunError::AlreadyRunning)));
            });
        });
        inner.call_later(Duration::from_millis(2), move |inner| {
            adds.add("inner");
            inner.stop();
        });
        let adds = log.clone();
        outer.call_soon(move |outer| {
            inner.run().unwrap();
            assert_eq!(inner.stats().panics, 0);
            adds.add("outer");
            assert!(outer.stopping() && outer.running());
            for end in ends {
                inner.call_soon(end);
                inner.run().unwrap();
            }
        });
        outer.run().unwrap();
        assert_eq!((log.text().as_str(), outer.stats().panics), ("inner outer", 0));
    });
}

/// Also where the system waits: the outer one sleeps in nothing while the inner one does.
#[test]
fn w30_what_comes_for_the_outer_reactor_meanwhile_waits_for_it() {
    within(DEADLINE, || {
        // The calls before the timer, however long they take.
        let outer = Reactor::builder().time_budget(Duration::MAX).build().unwrap();
        let inner = Reactor::new().unwrap();
        let log = Log::default();
        let remote = outer.share(log.clone());
        inner.call_soon(move |inner| {
            for number in 0..3 {
                remote.call_from_thread(move |log, _| log.add(number.to_string())).unwrap();
            }
            inner.stop();
        });
        let adds = log.clone();
        outer.call_later(Duration::ZERO, move |outer| {
            outer.call_later(Duration::ZERO, adds.adds("timer"));
            inner.run().unwrap();
            adds.add("over");
            outer.call_later(Duration::from_millis(1), Reactor::stop);
        });
        outer.run().unwrap();
        let text = log.text();
        assert!(text.starts_with("over 0 1 2"), "{text}");
        assert_eq!(text, "over 0 1 2 timer");
    });
}

/// In all that a reactor calls, also outside of its runs.
#[test]
fn with_current_lends_whose_callback_this_is() {
    within(DEADLINE, || {
        let clock = ManualClock::new();
        let reactor = Reactor::builder()
            .manual_clock(&clock)
            .shutdown_deadline(Duration::ZERO)
            .build()
            .unwrap();
        let handle = reactor.handle();
        let seen = Rc::new(Cell::new(0));
        let sees = || {
            let (handle, seen) = (handle.clone(), Rc::clone(&seen));
            move |_: &Reactor| seen.set(seen.get() + u32::from(is_current(&handle)))
        };
        reactor.call_later(Duration::from_secs(1), sees());
        clock.advance(Duration::from_secs(1));
        assert_eq!(seen.get(), 1, "while a clock is moved");
        reactor.call_soon(sees());
        reactor.turn(Some(Duration::ZERO)).unwrap();
        assert_eq!(seen.get(), 2, "in a turn by hand");
        // What is said of a hold that is stuck.
        let (own, told) = (handle.clone(), std::sync::Arc::new(std::sync::Mutex::new(None)));
        let tells = std::sync::Arc::clone(&told);
        let hold = reactor.hold_with(SystemEvent::Shutdown, move || {
            *tells.lock().unwrap() = Some(is_current(&own));
            Vec::new()
        });
        reactor.stop();
        assert!(matches!(reactor.run(), Err(RunError::ShutdownTimedOut(_))));
        assert_eq!(told.lock().unwrap().take(), Some(true), "in a description");
        drop(hold);
        // A value that is let go of in the last run, or by a drop.
        let own = handle.clone();
        let (tells, dropped) = std::sync::mpsc::channel();
        let guard = OnDrop(move || tells.send(is_current(&own)).unwrap());
        reactor.call_when_running(move |reactor| drop(reactor.share(guard)));
        run_briefly(&reactor);
        assert_eq!(dropped.recv(), Ok(true), "in the drop of a shared value");
    });
}

/// A closure that is dropped outside of any callback has none, whatever it is of.
#[test]
fn with_current_lends_nothing_outside_of_callbacks() {
    let reactor = Reactor::new().unwrap();
    let seen = Rc::new(Cell::new(0));
    let looks = || {
        let seen = Rc::clone(&seen);
        let guard = OnDrop(move || {
            seen.set(seen.get() + 1 + 10 * u32::from(Reactor::with_current(|_| ()).is_some()));
        });
        move |_: &Reactor| drop(guard)
    };
    reactor.call_later(DEADLINE, looks()).cancel().unwrap();
    let id = reactor.add_system_event_trigger(Phase::After, SystemEvent::End, looks());
    reactor.remove_system_event_trigger(id).unwrap();
    assert_eq!(seen.get(), 2);
    assert!(reactor.downgrade().with(|_| Reactor::with_current(|_| ())).unwrap().is_none());
}
