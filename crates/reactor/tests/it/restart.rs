//! Stop, crash, errors, and running again.

use crate::fixture::{Log, OnDrop, foreign, run_briefly};
use ropewalk_reactor::{PanicPolicy, Phase, Reactor, RunError, SystemEvent};
use ropewalk_testing::{DEADLINE, within};
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::mpsc::channel;
use std::time::Duration;

/// The reference raises; here a stop before the first run is kept for it, and one after it is
/// nothing to do.
#[test]
fn b68_a_stop_before_the_first_run_ends_it_after_one_turn_and_one_after_it_is_nothing() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let log = Log::default();
        reactor.stop();
        reactor.stop();
        reactor.call_soon(log.adds("turn"));
        reactor.run().unwrap();
        assert_eq!(log.text(), "turn");

        reactor.stop();
        reactor.stop_now();
        reactor.handle().stop();
        reactor.call_later(Duration::from_millis(2), log.adds("again"));
        reactor.call_later(Duration::from_millis(3), Reactor::stop);
        assert!(!reactor.stopping());
        reactor.run().unwrap();
        assert_eq!(log.text(), "turn again");
    });
}

#[test]
fn b75_i5_a_run_inside_of_a_run_is_refused_and_disturbs_nothing() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let log = Log::default();
        let inner = log.clone();
        reactor.call_soon(move |reactor| {
            assert!(matches!(reactor.run(), Err(RunError::AlreadyRunning)));
            assert!(matches!(reactor.turn(None), Err(RunError::AlreadyRunning)));
            inner.add("refused");
        });
        reactor.call_soon(log.adds("goes on"));
        run_briefly(&reactor);
        assert_eq!(log.text(), "refused goes on");
        // The same inside of a turn.
        reactor.call_soon(|reactor| {
            assert!(matches!(reactor.run(), Err(RunError::AlreadyRunning)));
        });
        reactor.turn(Some(Duration::ZERO)).unwrap();
        assert_eq!(reactor.stats().panics, 0);
    });
}

#[test]
fn b78_crash_ends_the_run_without_shutdown_triggers() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let log = Log::default();
        for phase in [Phase::Before, Phase::During, Phase::After] {
            reactor.add_system_event_trigger(phase, SystemEvent::Shutdown, log.adds("shutdown"));
        }
        reactor.add_system_event_trigger(Phase::During, SystemEvent::End, log.adds("end"));
        let inner = log.clone();
        reactor.call_later(Duration::ZERO, move |reactor| {
            reactor.crash();
            // The turn is finished, the next one is not begun.
            reactor.call_soon(inner.adds("this turn"));
            let unwanted = |_: &Reactor| unreachable!();
            reactor.handle().call_from_thread(unwanted).unwrap();
        });
        reactor.run().unwrap();
        assert!(!reactor.running() && !reactor.handle().accepts_calls());
        assert_eq!(log.text(), "this turn end");
        // The triggers are still there for an orderly end.
        run_briefly(&reactor);
        assert_eq!(log.text(), "this turn end shutdown shutdown shutdown");
    });
}

/// The reference refuses to run again.
#[test]
fn b80_a_reactor_runs_again_and_what_was_pending_is_still_pending() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let log = Log::default();
        reactor.call_later(Duration::ZERO, Reactor::stop);
        let kept = reactor.call_later(20 * DEADLINE, log.adds("kept"));
        reactor.run().unwrap();
        for round in 0..100 {
            assert!(kept.active());
            reactor.handle().call_from_thread(|_| ()).unwrap_err();
            let log = log.clone();
            reactor.call_when_running(move |reactor| {
                reactor.handle().call_from_thread(Reactor::stop).unwrap();
                if round == 0 {
                    reactor.call_soon(log.adds("first"));
                }
            });
            reactor.run().unwrap();
        }
        kept.reset(Duration::ZERO).unwrap();
        while kept.active() {
            reactor.turn(None).unwrap();
        }
        assert_eq!(log.text(), "first kept");
    });
}

#[test]
fn b80_not_even_a_shutdown_trigger_can_run_it_inside_of_its_run() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        for event in [SystemEvent::Shutdown, SystemEvent::End] {
            reactor.add_system_event_trigger(Phase::After, event, |reactor| {
                assert!(matches!(reactor.run(), Err(RunError::AlreadyRunning)));
                reactor.stop();
            });
        }
        run_briefly(&reactor);
        // The stops in there were for a run that was over.
        let (sender, receiver) = channel();
        reactor.call_later(Duration::from_millis(2), move |reactor| {
            sender.send(()).unwrap();
            reactor.stop();
        });
        reactor.run().unwrap();
        assert_eq!(receiver.try_recv(), Ok(()));
        assert_eq!(reactor.stats().panics, 0);
    });
}

/// From a thread that does not know whether the reactor runs, stops or starts. No stop that comes
/// while it runs is lost: each run would last for ever.
#[test]
fn i9_stop_comes_from_anywhere_any_number_of_times() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let handle = reactor.handle();
        let (done, finished) = channel::<()>();
        let thread = foreign(move || {
            while finished.try_recv() != Err(std::sync::mpsc::TryRecvError::Disconnected) {
                handle.stop();
                std::thread::yield_now();
            }
        });
        for _ in 0..500 {
            reactor.run().unwrap();
        }
        drop(done);
        thread.join().unwrap();
    });
}

#[test]
fn i3_a_panic_under_the_policy_stop_is_the_result_of_the_run() {
    within(DEADLINE, || {
        let reactor = Reactor::builder().panic_policy(PanicPolicy::Stop).build().unwrap();
        let log = Log::default();
        reactor.call_soon(|_| panic!("the reason"));
        reactor.call_soon(log.adds("the turn is finished"));
        reactor.add_system_event_trigger(Phase::Before, SystemEvent::Shutdown, |_| {
            panic!("not the reason");
        });
        reactor.add_system_event_trigger(Phase::After, SystemEvent::Shutdown, log.adds("in order"));
        let Err(RunError::Panicked { message, location }) = reactor.run() else {
            panic!("the run knows nothing of it");
        };
        assert_eq!(message, "the reason");
        assert!(location.file().ends_with("restart.rs"));
        assert_eq!(log.text(), "the turn is finished in order");
        run_briefly(&reactor);
    });
}

/// What panicked between two runs, in a turn by hand, is not the result of the second.
#[test]
fn a_panic_after_a_run_is_not_remembered_for_the_next() {
    within(DEADLINE, || {
        let reactor = Reactor::builder().panic_policy(PanicPolicy::Stop).build().unwrap();
        run_briefly(&reactor);
        reactor.call_soon(|_| panic!("on purpose"));
        reactor.turn(Some(Duration::ZERO)).unwrap();
        assert_eq!(reactor.stats().panics, 1);
        run_briefly(&reactor);
    });
}

#[test]
fn a_crash_in_each_phase_ends_the_run() {
    within(DEADLINE, || {
        for (event, phase) in [
            (SystemEvent::Startup, Phase::Before),
            (SystemEvent::Startup, Phase::During),
            (SystemEvent::Startup, Phase::After),
            (SystemEvent::Shutdown, Phase::Before),
            (SystemEvent::Shutdown, Phase::During),
            (SystemEvent::Shutdown, Phase::After),
            (SystemEvent::End, Phase::During),
        ] {
            let reactor = Reactor::new().unwrap();
            reactor.add_system_event_trigger(phase, event, |reactor| {
                reactor.crash();
                // Held and let go at once: nobody waits for it.
                drop(reactor.hold(SystemEvent::Shutdown));
            });
            if event != SystemEvent::Startup {
                reactor.stop();
            }
            reactor.run().unwrap();
            assert!(!reactor.running());
            run_briefly(&reactor);
        }
    });
}

#[test]
fn a_startup_that_is_held_ends_with_a_stop() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let hold = reactor.hold(SystemEvent::Startup);
        let handle = reactor.handle();
        let thread = foreign(move || handle.stop());
        reactor.run().unwrap();
        thread.join().unwrap();
        drop(hold);
    });
}

/// A run that is to come is announced; without that, calls are refused between two runs.
#[test]
fn i2_calls_for_an_announced_run_are_kept_for_it() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let handle = reactor.handle();
        reactor.add_system_event_trigger(Phase::After, SystemEvent::End, |reactor| {
            reactor.accept_calls();
            assert!(!reactor.handle().accepts_calls(), "not while the last run ends");
        });
        reactor.stop();
        reactor.run().unwrap();
        handle.call_from_thread(|_| ()).unwrap_err();
        reactor.accept_calls();
        handle.call_from_thread(|reactor| reactor.stop()).unwrap();
        reactor.run().unwrap();
        assert_eq!(reactor.stats().calls, 1);
    });
}

/// Dropping a reactor ends it: what it drops cannot bring it to life again.
#[test]
fn i9_a_reactor_does_not_run_while_it_is_dropped() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let (weak, handle) = (reactor.downgrade(), reactor.handle());
        // Looked at outside: a panic in there would be contained.
        let seen = Rc::new(RefCell::new(None));
        let sees = Rc::clone(&seen);
        let guard = OnDrop(move || {
            let ran = weak.with(Reactor::run);
            weak.with(Reactor::accept_calls);
            sees.replace(Some((ran, handle.accepts_calls())));
        });
        reactor.call_soon(move |_| drop(guard));
        drop(reactor);
        let seen = seen.take();
        assert!(matches!(seen, Some((Some(Err(RunError::AlreadyRunning)), false))), "{seen:?}");
    });
}

/// What ends the waiting of the startup has woken the loop for that: the first turn after it must
/// not sleep.
#[test]
fn i9_what_ends_a_held_startup_ends_the_run_that_has_nothing_else_to_do() {
    within(DEADLINE, || {
        for ends in [Reactor::stop, Reactor::stop_now, Reactor::crash] {
            let reactor = Reactor::new().unwrap();
            let hold = reactor.hold(SystemEvent::Startup);
            reactor.call_later(Duration::from_millis(1), ends);
            reactor.run().unwrap();
            drop(hold);
        }
    });
}
