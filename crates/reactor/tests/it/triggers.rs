//! System event triggers.
//!
//! B107 (a phase that does not exist) cannot be written here: phases are an enum. B116, where the
//! reference warns, is an error here as it is for every trigger that has run.

use crate::fixture::{Log, OnDrop, run_briefly};
use ropewalk_reactor::{Phase, Reactor, RunError, SystemEvent, TriggerId, UnknownTrigger};
use ropewalk_testing::{DEADLINE, within};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

const PHASES: [Phase; 3] = [Phase::Before, Phase::During, Phase::After];

#[test]
fn b69_what_is_called_when_running_runs_in_order_and_at_once_when_it_runs() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let log = Log::default();
        assert!(reactor.call_when_running(log.adds("1")).is_some());
        reactor.call_when_running(log.adds("2"));
        let inner = log.clone();
        reactor.call_when_running(move |reactor| {
            assert!(reactor.call_when_running(inner.adds("now")).is_none());
            inner.add("3");
            reactor.stop();
        });
        reactor.run().unwrap();
        assert_eq!(log.text(), "1 2 now 3");
        // After the run it waits for the next one.
        assert!(reactor.call_when_running(log.adds("next")).is_some());
        run_briefly(&reactor);
        assert_eq!(log.text(), "1 2 now 3 next");
    });
}

/// The reference says that it runs until the *during* of the shutdown begins; here until it ends.
#[test]
fn b70_running_is_true_from_during_startup_to_during_shutdown() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let log = Log::default();
        for event in [SystemEvent::Startup, SystemEvent::Shutdown, SystemEvent::End] {
            for phase in PHASES {
                let log = log.clone();
                reactor.add_system_event_trigger(phase, event, move |reactor| {
                    log.add(u8::from(reactor.running()).to_string());
                });
            }
        }
        assert!(!reactor.running());
        run_briefly(&reactor);
        assert!(!reactor.running());
        assert_eq!(log.text(), "0 1 1 1 1 0 0 0 0");
    });
}

/// It is over when its end is told.
#[test]
fn b70_running_is_false_at_the_end_of_a_run_that_crashed() {
    within(DEADLINE, || {
        let (reactor, log) = (Reactor::new().unwrap(), Log::default());
        for phase in PHASES {
            let log = log.clone();
            reactor.add_system_event_trigger(phase, SystemEvent::End, move |reactor| {
                log.add(reactor.running().to_string());
            });
        }
        reactor.call_soon(Reactor::crash);
        reactor.run().unwrap();
        assert_eq!(log.text(), "false false false");
    });
}

#[test]
fn b72_b108_b109_events_and_phases_have_their_order() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let log = Log::default();
        for (event, name) in
            [(SystemEvent::End, "e"), (SystemEvent::Shutdown, "d"), (SystemEvent::Startup, "u")]
        {
            for phase in [Phase::After, Phase::Before, Phase::During] {
                for number in 1..=2 {
                    let entry = format!("{name}{}{number}", phase as u8);
                    reactor.add_system_event_trigger(phase, event, log.adds(&entry));
                }
            }
        }
        assert_eq!(log.text(), "");
        reactor.call_soon(log.adds("turn"));
        run_briefly(&reactor);
        assert_eq!(
            log.text(),
            "u01 u02 u11 u12 u21 u22 turn d01 d02 d11 d12 d21 d22 e01 e02 e11 e12 e21 e22"
        );
    });
}

#[test]
fn b73_stop_runs_nothing_by_itself() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let log = Log::default();
        reactor.add_system_event_trigger(Phase::Before, SystemEvent::Shutdown, log.adds("before"));
        let inner = log.clone();
        reactor.call_soon(move |reactor| {
            reactor.stop();
            inner.add("stopped");
        });
        reactor.run().unwrap();
        assert_eq!(log.text(), "stopped before");
    });
}

#[test]
fn b112_b113_i3_a_trigger_that_panics_does_not_stop_the_others() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let log = Log::default();
        for event in [SystemEvent::Startup, SystemEvent::Shutdown, SystemEvent::End] {
            for phase in PHASES {
                reactor.add_system_event_trigger(phase, event, |_| panic!("on purpose"));
                reactor.add_system_event_trigger(phase, event, log.adds("x"));
            }
        }
        run_briefly(&reactor);
        assert_eq!(log.text(), ["x"; 9].join(" "));
        assert_eq!(reactor.stats().panics, 9);
    });
}

#[test]
fn b114_b116_a_trigger_can_be_removed_once_and_only_before_it_runs() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let shutdown = |trigger: fn(&Reactor)| {
            reactor.add_system_event_trigger(Phase::Before, SystemEvent::Shutdown, trigger)
        };
        let removed = shutdown(|_| unreachable!());
        assert_eq!(reactor.remove_system_event_trigger(removed), Ok(()));
        assert_eq!(reactor.remove_system_event_trigger(removed), Err(UnknownTrigger));
        let ran = shutdown(|_| ());
        reactor.add_system_event_trigger(Phase::Before, SystemEvent::Shutdown, move |reactor| {
            assert_eq!(reactor.remove_system_event_trigger(ran), Err(UnknownTrigger));
        });
        run_briefly(&reactor);
        assert_eq!(reactor.remove_system_event_trigger(ran), Err(UnknownTrigger));
        assert_eq!(reactor.stats().panics, 0);
    });
}

#[test]
fn w34_b118_of_two_triggers_that_look_alike_the_right_one_is_removed() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let log = Log::default();
        let [_, second, _]: [TriggerId; 3] = ["1", "2", "3"].map(|name| {
            reactor.add_system_event_trigger(Phase::During, SystemEvent::Shutdown, log.adds(name))
        });
        reactor.add_system_event_trigger(Phase::Before, SystemEvent::Shutdown, log.adds("2"));
        reactor.add_system_event_trigger(Phase::Before, SystemEvent::Shutdown, move |reactor| {
            reactor.remove_system_event_trigger(second).unwrap();
        });
        run_briefly(&reactor);
        assert_eq!(log.text(), "2 1 3");
    });
}

#[test]
fn b119_i5_a_trigger_can_remove_a_later_one_of_its_phase() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let later: Rc<Cell<Option<TriggerId>>> = Rc::default();
        let victim = Rc::clone(&later);
        reactor.add_system_event_trigger(Phase::During, SystemEvent::Shutdown, move |reactor| {
            reactor.remove_system_event_trigger(victim.take().unwrap()).unwrap();
        });
        let unwanted = |_: &Reactor| unreachable!();
        later.set(Some(reactor.add_system_event_trigger(
            Phase::During,
            SystemEvent::Shutdown,
            unwanted,
        )));
        run_briefly(&reactor);
        assert_eq!(reactor.stats().panics, 0);
    });
}

/// A trigger that is added to the phase that runs runs with it; one added to an earlier phase waits
/// for the next time.
#[test]
fn b121_triggers_are_used_up_and_may_be_added_while_they_run() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let log = Log::default();
        let inner = log.clone();
        reactor.add_system_event_trigger(Phase::During, SystemEvent::Shutdown, move |reactor| {
            for (phase, entry) in [(Phase::Before, "next"), (Phase::During, "same")] {
                reactor.add_system_event_trigger(phase, SystemEvent::Shutdown, inner.adds(entry));
            }
        });
        reactor.add_system_event_trigger(Phase::During, SystemEvent::Shutdown, log.adds("once"));
        run_briefly(&reactor);
        assert_eq!(log.text(), "once same");
        run_briefly(&reactor);
        assert_eq!(log.text(), "once same next");
    });
}

/// While the startup is held, the shutdown is not, and the other way round.
#[test]
fn b122_events_are_independent() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let log = Log::default();
        let startup = reactor.hold(SystemEvent::Startup);
        let shutdown = reactor.hold(SystemEvent::Shutdown);
        reactor.call_later(Duration::from_millis(1), move |reactor| {
            assert!(!reactor.running(), "the startup waits, and the loop turns");
            drop(startup);
        });
        let inner = log.clone();
        reactor.call_when_running(move |reactor| {
            inner.add("started");
            reactor.stop();
            reactor.call_later(Duration::from_millis(1), |_| drop(shutdown));
        });
        reactor.add_system_event_trigger(Phase::During, SystemEvent::Shutdown, log.adds("stopped"));
        reactor.run().unwrap();
        assert_eq!(log.text(), "started stopped");
    });
}

/// The order of section 0 of the behaviours, with holds in place of deferreds.
#[test]
fn the_start_up_has_its_order() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let log = Log::default();
        reactor.call_soon(log.adds("soon"));
        reactor.call_later(Duration::ZERO, log.adds("later"));
        reactor.share(log.clone()).call_from_thread(|log, _| log.add("call")).unwrap();
        reactor.call_when_running(log.adds("when-running"));
        for (phase, entry) in
            [(Phase::After, "after"), (Phase::During, "during"), (Phase::Before, "before")]
        {
            reactor.add_system_event_trigger(phase, SystemEvent::Startup, log.adds(entry));
        }
        run_briefly(&reactor);
        assert_eq!(log.text(), "before during when-running after call later soon");
    });
}

/// Two reactors number their triggers alike.
#[test]
fn w34_b114_the_id_of_a_trigger_is_unknown_to_another_reactor() {
    within(DEADLINE, || {
        let reactors = [Reactor::new().unwrap(), Reactor::new().unwrap()];
        let log = Log::default();
        let [one, other] = reactors.each_ref().map(|reactor| {
            reactor.add_system_event_trigger(Phase::After, SystemEvent::Startup, log.adds("x"))
        });
        assert_ne!(one, other);
        assert_eq!(reactors[0].remove_system_event_trigger(other), Err(UnknownTrigger));
        assert_eq!(reactors[1].remove_system_event_trigger(one), Err(UnknownTrigger));
        reactors.iter().for_each(run_briefly);
        assert_eq!(log.text(), "x x");
    });
}

/// What is dropped is the caller's, and so is its panic; the trigger is gone all the same.
#[test]
fn i3_a_removed_trigger_that_panics_as_it_is_dropped_panics_in_its_remover() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let bomb = OnDrop(|| panic!("on purpose"));
        let id = reactor.add_system_event_trigger(Phase::After, SystemEvent::Startup, |_| {
            drop(bomb);
            unreachable!()
        });
        let remove = || reactor.remove_system_event_trigger(id);
        assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(remove)).is_err());
        assert_eq!(reactor.remove_system_event_trigger(id), Err(UnknownTrigger));
        run_briefly(&reactor);
        assert_eq!(reactor.stats().panics, 0);
    });
}

/// The one that was lent goes on; whoever it was asked for is gone.
#[test]
fn i2_a_trigger_that_drops_its_reactor_is_the_last_one() {
    for by_hand in [false, true] {
        let ran = Rc::new(Cell::new(0));
        let owner: Rc<RefCell<Option<Reactor>>> = Rc::default();
        let reactor = Reactor::new().unwrap();
        let (count, own) = (Rc::clone(&ran), Rc::clone(&owner));
        reactor.add_system_event_trigger(Phase::Before, SystemEvent::Startup, move |reactor| {
            drop(own.take());
            for event in [SystemEvent::Startup, SystemEvent::Shutdown, SystemEvent::End] {
                for phase in [Phase::Before, Phase::During, Phase::After] {
                    let count = Rc::clone(&count);
                    reactor.add_system_event_trigger(phase, event, move |_| {
                        count.set(count.get() + 1);
                    });
                }
            }
            let count = Rc::clone(&count);
            reactor.call_when_running(move |_| count.set(count.get() + 1));
        });
        let weak = reactor.downgrade();
        owner.replace(Some(reactor));
        let lent = weak.with(|reactor| {
            if by_hand {
                assert!(matches!(reactor.start_running(), Err(RunError::AlreadyRunning)));
            } else {
                reactor.run().unwrap();
            }
            assert!(!reactor.running());
        });
        assert!(lent.is_some());
        assert!(owner.borrow().is_none());
        assert_eq!(ran.get(), 0);
    }
}
