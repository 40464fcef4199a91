//! Stops and crashes from every place from which one may come.

use crate::fixture::{Log, foreign, run_briefly};
use ropewalk_reactor::{PanicPolicy, Phase, Reactor, RunError, SystemEvent};
use ropewalk_testing::{DEADLINE, within};
use std::sync::mpsc::channel;
use std::time::Duration;

const PHASES: [(Phase, &str); 3] =
    [(Phase::Before, "before"), (Phase::During, "during"), (Phase::After, "after")];
const EVENTS: [(SystemEvent, &str); 3] =
    [(SystemEvent::Startup, "up"), (SystemEvent::Shutdown, "down"), (SystemEvent::End, "end")];

/// What all triggers of a run tell, in order, if `act` comes with the one of `event` and `phase`.
fn story(event: SystemEvent, phase: Phase, act: fn(&Reactor)) -> String {
    let reactor = Reactor::new().unwrap();
    let log = Log::default();
    for (of, name) in EVENTS {
        for (at, place) in PHASES {
            let entry = log.adds(&format!("{place}-{name}"));
            reactor.add_system_event_trigger(at, of, move |reactor| {
                entry(reactor);
                if (of, at) == (event, phase) {
                    act(reactor);
                }
            });
        }
    }
    // Nothing else would end a run in which the stop comes too late.
    if event == SystemEvent::Startup {
        reactor.call_soon(log.adds("turn"));
    } else {
        reactor.call_soon(Reactor::stop);
    }
    reactor.run().unwrap();
    assert!(!reactor.running() && !reactor.stopping() && !reactor.handle().accepts_calls());
    // Another run is not ended by what came in this one.
    let (ran, is_run) = channel();
    reactor.call_later(Duration::from_millis(1), move |reactor| {
        ran.send(()).unwrap();
        reactor.stop();
    });
    let text = log.text();
    reactor.run().unwrap();
    is_run.try_recv().unwrap();
    assert_eq!(reactor.stats().panics, 0);
    text
}

/// The startup is finished, one turn is made, and the shutdown goes its way.
#[test]
fn b72_w17_a_stop_from_a_trigger_of_any_phase_changes_no_order() {
    const DOWN: &str = "before-down during-down after-down before-end during-end after-end";
    within(DEADLINE, || {
        for stop in [Reactor::stop, Reactor::stop_now, |reactor: &Reactor| reactor.handle().stop()]
        {
            for (phase, _) in PHASES {
                let up = story(SystemEvent::Startup, phase, stop);
                assert_eq!(up, format!("before-up during-up after-up turn {DOWN}"), "{phase:?}");
                for event in [SystemEvent::Shutdown, SystemEvent::End] {
                    let down = story(event, phase, stop);
                    assert_eq!(down, format!("before-up during-up after-up {DOWN}"), "{phase:?}");
                }
            }
        }
    });
}

/// Whatever of the shutdown has not come yet is left out if it is the loop that ends.
#[test]
fn b78_a_crash_from_a_trigger_of_any_phase_ends_the_run() {
    const END: &str = "before-end during-end after-end";
    within(DEADLINE, || {
        for (phase, _) in PHASES {
            let up = story(SystemEvent::Startup, phase, Reactor::crash);
            assert_eq!(up, format!("before-up during-up after-up turn {END}"), "{phase:?}");
            let end = story(SystemEvent::End, phase, Reactor::crash);
            assert!(end.ends_with(&format!("after-down {END}")), "{end}");
        }
        let before = story(SystemEvent::Shutdown, Phase::Before, Reactor::crash);
        assert_eq!(before, format!("before-up during-up after-up before-down {END}"));
        // The loop has ended already.
        for phase in [Phase::During, Phase::After] {
            let late = story(SystemEvent::Shutdown, phase, Reactor::crash);
            assert!(late.ends_with(&format!("during-down after-down {END}")), "{late}");
        }
    });
}

/// W16: in the reference a stop from another thread is seen at the next event only. Here the loop
/// sleeps without end in each of the places where it can.
#[test]
fn w16_w17_a_stop_from_another_thread_wakes_a_loop_that_sleeps() {
    #[derive(Clone, Copy, Debug, PartialEq)]
    enum In {
        HeldStartup,
        Turn,
        HeldShutdown,
    }
    within(DEADLINE, || {
        for place in [In::HeldStartup, In::Turn, In::HeldShutdown] {
            let reactor = Reactor::builder().shutdown_deadline(Duration::MAX).build().unwrap();
            let _hold = match place {
                In::HeldStartup => Some(reactor.hold(SystemEvent::Startup)),
                In::Turn => None,
                In::HeldShutdown => Some(reactor.hold(SystemEvent::Shutdown)),
            };
            let (sent, is_there) = channel();
            let handle = reactor.handle();
            let thread = foreign(move || {
                is_there.recv().unwrap();
                match place {
                    In::HeldShutdown => handle.stop_now(),
                    _ => handle.stop(),
                }
            });
            if place == In::HeldShutdown {
                reactor.stop();
            }
            // The last thing that runs before the loop falls asleep there.
            let event = match place {
                In::HeldStartup => Some((Phase::Before, SystemEvent::Startup)),
                In::Turn => Some((Phase::After, SystemEvent::Startup)),
                In::HeldShutdown => Some((Phase::Before, SystemEvent::Shutdown)),
            };
            let (phase, event) = event.unwrap();
            reactor.add_system_event_trigger(phase, event, move |_| sent.send(()).unwrap());
            let ended = reactor.run();
            let is_cut_short = matches!(ended, Err(RunError::ShutdownTimedOut(_)));
            assert_eq!(is_cut_short, place == In::HeldShutdown, "{place:?}");
            thread.join().unwrap();
        }
    });
}

/// The reference raises at the second; its second Ctrl-C cannot end a shutdown that hangs.
#[test]
fn b68_w17_a_stop_now_after_a_stop_ends_the_waiting_and_the_other_way_round_changes_nothing() {
    within(DEADLINE, || {
        let stops: [[fn(&Reactor); 2]; 2] =
            [[Reactor::stop, Reactor::stop_now], [Reactor::stop_now, Reactor::stop]];
        for [first, second] in stops {
            let reactor = Reactor::builder().shutdown_deadline(Duration::MAX).build().unwrap();
            let _hold = reactor.hold(SystemEvent::Shutdown);
            reactor.call_soon(first);
            reactor.call_soon(second);
            assert!(
                matches!(reactor.run(), Err(RunError::ShutdownTimedOut(stuck)) if stuck.len() == 1)
            );
        }
    });
}

#[test]
fn b78_a_crash_in_a_held_shutdown_leaves_out_the_rest_of_it() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let log = Log::default();
        let _hold = reactor.hold(SystemEvent::Shutdown);
        reactor.add_system_event_trigger(Phase::During, SystemEvent::Shutdown, log.adds("during"));
        reactor.add_system_event_trigger(Phase::Before, SystemEvent::Shutdown, |reactor| {
            reactor.call_soon(Reactor::crash);
        });
        reactor.stop();
        reactor.run().unwrap();
        assert_eq!(log.text(), "");
        assert!(!reactor.stopping(), "the stop was for the run that has ended");
    });
}

/// A crash between two runs ends nothing, and a turn by hand neither.
#[test]
fn b78_a_crash_outside_of_a_run_is_nothing() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let log = Log::default();
        reactor.crash();
        reactor.call_soon(Reactor::crash);
        reactor.handle().call_from_thread(|_| ()).unwrap();
        reactor.turn(Some(Duration::ZERO)).unwrap();
        assert_eq!(reactor.stats().calls, 1);
        reactor.handle().call_from_thread(|_| ()).unwrap();
        reactor.add_system_event_trigger(Phase::After, SystemEvent::Shutdown, log.adds("orderly"));
        run_briefly(&reactor);
        assert_eq!((log.text().as_str(), reactor.stats().calls), ("orderly", 2));
    });
}

/// Crashed or stopped at random, it runs again; each run has its own triggers.
#[test]
fn b78_b80_a_reactor_runs_again_after_each_kind_of_end() {
    within(DEADLINE, || {
        let reactor = Reactor::builder().panic_policy(PanicPolicy::Stop).build().unwrap();
        let ends: [fn(&Reactor); 4] =
            [Reactor::stop, Reactor::stop_now, Reactor::crash, |_| panic!("on purpose")];
        let log = Log::default();
        for (number, end) in ends.into_iter().cycle().take(40).enumerate() {
            reactor.add_system_event_trigger(Phase::During, SystemEvent::Startup, log.adds("x"));
            reactor.call_when_running(move |reactor| {
                assert!(reactor.running());
                let (kind, delay) = (number % 3, Duration::from_micros(10));
                match kind {
                    0 => drop(reactor.call_later(delay, end)),
                    1 => reactor.call_soon(end),
                    _ => reactor.handle().call_from_thread(end).unwrap(),
                }
            });
            let ended = reactor.run();
            assert_eq!(ended.is_err(), number % 4 == 3, "run {number}");
            assert!(!reactor.running() && !reactor.handle().accepts_calls());
        }
        assert_eq!(log.text().matches('x').count(), 40);
    });
}

/// `call_when_running` of a reactor that runs is an ordinary call: its panic is the caller's.
#[test]
fn b69_i3_what_is_called_at_once_panics_in_its_caller() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let log = Log::default();
        let inner = log.clone();
        reactor.call_soon(move |reactor| {
            let call = || reactor.call_when_running(|_| panic!("on purpose"));
            let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(call));
            inner.add(if caught.is_err() { "caught" } else { "not caught" });
            assert!(reactor.call_when_running(|reactor| assert!(reactor.running())).is_none());
        });
        run_briefly(&reactor);
        assert_eq!((log.text().as_str(), reactor.stats().panics), ("caught", 0));
    });
}

/// Both in one turn, in either order: it is a crash.
#[test]
fn b78_a_crash_and_a_stop_at_once_are_a_crash() {
    within(DEADLINE, || {
        let both: [fn(&Reactor); 2] = [
            |reactor| {
                reactor.stop();
                reactor.crash();
            },
            |reactor| {
                reactor.crash();
                reactor.stop_now();
            },
        ];
        for both in both {
            let (reactor, log) = (Reactor::new().unwrap(), Log::default());
            for (event, name) in EVENTS {
                for (phase, _) in PHASES {
                    reactor.add_system_event_trigger(phase, event, log.adds(name));
                }
            }
            reactor.call_later(Duration::ZERO, both);
            reactor.run().unwrap();
            assert_eq!(log.text(), "up up up end end end");
        }
    });
}
