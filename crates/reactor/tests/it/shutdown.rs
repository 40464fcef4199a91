//! Holds, the shutdown deadline, and the last calls.

use crate::fixture::{Drops, Log, foreign, reported, run_briefly};
use crate::rig::{Rig, secs};
use ropewalk_reactor::{Hold, ManualClock, Phase, Reactor, RunError, SystemEvent};
use ropewalk_testing::{DEADLINE, within};
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::time::Duration;

/// The reference waits for the deferreds that *before* triggers return; here each takes a hold.
#[test]
fn b110_the_shutdown_waits_for_all_holds_while_the_loop_turns() {
    within(DEADLINE, || {
        // On time that passes by waiting: a busy machine may take long from one trigger to the next.
        let (rig, log) = (Rig::new(), Log::default());
        let clock = rig.clock.clone();
        rig.selector.on_wait(move |time| clock.advance(time.unwrap()));
        for (delay, entry) in [(4, "slow"), (2, "fast")] {
            let log = log.clone();
            rig.reactor.add_system_event_trigger(
                Phase::Before,
                SystemEvent::Shutdown,
                move |reactor| {
                    let hold = reactor.hold(SystemEvent::Shutdown);
                    reactor.call_later(secs(delay), move |reactor| {
                        assert!(reactor.running() && reactor.stopping());
                        log.add(entry);
                        drop(hold);
                    });
                },
            );
        }
        let during = log.adds("during");
        rig.reactor.add_system_event_trigger(Phase::During, SystemEvent::Shutdown, during);
        run_briefly(&rig.reactor);
        assert_eq!(log.text(), "fast slow during");
    });
}

#[test]
fn a_hold_may_end_on_another_thread_and_wakes_the_loop() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        for _ in 0..200 {
            let hold = reactor.hold(SystemEvent::Shutdown);
            let (stopping, begin) = channel::<()>();
            reactor.add_system_event_trigger(Phase::Before, SystemEvent::Shutdown, move |_| {
                drop(stopping);
            });
            let thread = foreign(move || {
                begin.recv().unwrap_err();
                drop(hold);
            });
            run_briefly(&reactor);
            thread.join().unwrap();
        }
    });
}

/// A worker hands in its result and then lets go of the shutdown.
#[test]
fn what_is_handed_in_before_a_hold_ends_runs_before_the_during_phase() {
    within(DEADLINE, || {
        for round in 0..200 {
            let reactor = Reactor::new().unwrap();
            let log = Log::default();
            let shared = reactor.share(log.clone());
            let hold = reactor.hold(SystemEvent::Shutdown);
            let thread = foreign(move || {
                shared.call_from_thread(|log, _| log.add("result")).unwrap();
                drop(hold);
            });
            reactor.add_system_event_trigger(
                Phase::During,
                SystemEvent::Shutdown,
                log.adds("during"),
            );
            run_briefly(&reactor);
            thread.join().unwrap();
            assert_eq!(log.text(), "result during", "round {round}");
        }
    });
}

/// It is served by a turn of the shutdown, which then has nothing to wait for.
#[test]
fn i9_a_call_that_a_trigger_hands_in_does_not_make_the_shutdown_wait() {
    within(DEADLINE, || {
        let reactor = Reactor::builder().shutdown_deadline(Duration::MAX).build().unwrap();
        let served = Arc::new(AtomicBool::new(false));
        let (sets, before) = (Arc::clone(&served), Arc::clone(&served));
        reactor.add_system_event_trigger(Phase::Before, SystemEvent::Shutdown, move |reactor| {
            let call = move |_: &Reactor| sets.store(true, Ordering::SeqCst);
            reactor.handle().call_from_thread(call).unwrap();
        });
        reactor.add_system_event_trigger(Phase::During, SystemEvent::Shutdown, move |_| {
            assert!(before.load(Ordering::SeqCst), "it comes before the *during* triggers");
        });
        run_briefly(&reactor);
        assert!(served.load(Ordering::SeqCst));
        assert_eq!(reactor.stats().panics, 0);
    });
}

fn stuck_for(reactor: &Reactor) -> Vec<ropewalk_reactor::Stuck> {
    match reactor.run() {
        Err(RunError::ShutdownTimedOut(stuck)) => stuck,
        other => panic!("{other:?}"),
    }
}

#[test]
fn i9_w10_the_deadline_ends_the_shutdown_and_names_what_is_stuck() {
    within(DEADLINE, || {
        let deadline = Duration::from_millis(20);
        let reactor = Reactor::builder().shutdown_deadline(deadline).build().unwrap();
        let log = Log::default();
        let plain = reactor.hold(SystemEvent::Shutdown);
        let told = reactor.hold_with(SystemEvent::Shutdown, || vec!["job 7".to_owned()]);
        let other = reactor.hold(SystemEvent::Startup);
        reactor.call_later(Duration::ZERO, move |_| drop(other));
        for phase in [Phase::During, Phase::After] {
            reactor.add_system_event_trigger(phase, SystemEvent::Shutdown, log.adds("x"));
        }
        reactor.stop();
        // The startup is still held, so the stop ends that too.
        let stuck = stuck_for(&reactor);
        assert_eq!(log.text(), "x x", "the rest of the shutdown is not left out");
        assert_eq!(stuck.len(), 2);
        for one in &stuck {
            assert!(one.location.file().ends_with("shutdown.rs"));
            assert!(one.age >= deadline);
        }
        let details: Vec<_> = stuck.iter().map(|one| one.details.join("+")).collect();
        assert_eq!(details, ["", "job 7"]);
        assert!(stuck[0].to_string().starts_with(&format!("held at {}:", file!())));
        assert_eq!(stuck[1].to_string(), "job 7", "what the owner says comes first, and alone");

        // It is over all the same, and the next run knows nothing of it.
        drop((plain, told));
        run_briefly(&reactor);
    });
}

/// One job of a flood is as good an example as a thousand.
#[test]
fn i9_the_text_of_the_error_does_not_grow_with_the_flood() {
    within(DEADLINE, || {
        let reactor = Reactor::builder().shutdown_deadline(Duration::ZERO).build().unwrap();
        let line = line!() + 1;
        let hold = reactor.hold(SystemEvent::Shutdown);
        let told = reactor
            .hold_with(SystemEvent::Shutdown, || (0..50_000).map(|n| format!("job {n}")).collect());
        reactor.stop();
        let error = reactor.run().unwrap_err();
        let text = error.to_string();
        let RunError::ShutdownTimedOut(stuck) = error else { panic!("{text}") };
        assert!(
            text.starts_with("the shutdown ended with 50001 things unfinished: held at"),
            "{text}"
        );
        assert!(text.contains(&format!("{}:{line}:", file!())), "{text}");
        assert!(text.ends_with("; job 7; job 8; … and 49991 more"), "{text}");
        assert_eq!(stuck[1].details.len(), 50_000, "whoever wants them has them all");
        let text = stuck[1].to_string();
        assert!(
            text.starts_with("job 0; ") && text.ends_with("; job 9; … and 49990 more"),
            "{text}"
        );
        drop((hold, told));
    });
}

/// A deadline that passes and a shutdown that is cut short are two things to who reads the log.
#[test]
fn w17_the_log_says_whether_the_shutdown_was_cut_short() {
    within(DEADLINE, || {
        for cut_short in [false, true] {
            let deadline = if cut_short { Duration::MAX } else { Duration::ZERO };
            let logged = reported(|| {
                let reactor = Reactor::builder().shutdown_deadline(deadline).build().unwrap();
                let hold = reactor.hold(SystemEvent::Shutdown);
                if cut_short {
                    reactor.stop_now();
                } else {
                    reactor.stop();
                }
                assert_eq!(stuck_for(&reactor).len(), 1);
                drop(hold);
            });
            assert_eq!(logged.contains("the shutdown was cut short"), cut_short, "{logged}");
            assert_eq!(logged.contains("the shutdown deadline passed"), !cut_short, "{logged}");
        }
    });
}

/// The shutdown deadline is measured on the reactor's own clock.
#[test]
fn i9_the_deadline_passes_on_a_manual_clock() {
    within(DEADLINE, || {
        let clock = ManualClock::new();
        let reactor = Reactor::builder().manual_clock(&clock).build().unwrap();
        let hold = reactor.hold(SystemEvent::Shutdown);
        reactor.add_system_event_trigger(Phase::Before, SystemEvent::Shutdown, move |_| {
            clock.advance(Duration::from_secs(30));
        });
        reactor.stop();
        assert_eq!(stuck_for(&reactor).len(), 1);
        drop(hold);
    });
}

#[test]
fn w17_stop_now_skips_the_waiting() {
    within(DEADLINE, || {
        let reactor = Reactor::builder().shutdown_deadline(Duration::MAX).build().unwrap();
        let hold = reactor.hold(SystemEvent::Shutdown);
        let handle = reactor.handle();
        let (stopping, begin) = channel::<()>();
        reactor.add_system_event_trigger(Phase::Before, SystemEvent::Shutdown, move |_| {
            drop(stopping);
        });
        let thread = foreign(move || {
            begin.recv().unwrap_err();
            handle.stop();
            handle.stop_now();
        });
        reactor.stop();
        assert_eq!(stuck_for(&reactor).len(), 1);
        thread.join().unwrap();

        // Neither is remembered: the next shutdown waits again.
        let hold = RefCell::new(Some(hold));
        reactor.call_later(Duration::from_millis(2), move |reactor| {
            reactor.stop();
            let hold = hold.take();
            reactor.call_later(Duration::from_millis(2), |_| drop(hold));
        });
        reactor.run().unwrap();
    });
}

#[test]
fn i9_no_deadline_at_all_waits_for_nobody() {
    within(DEADLINE, || {
        let reactor = Reactor::builder().shutdown_deadline(Duration::ZERO).build().unwrap();
        let hold = reactor.hold(SystemEvent::Shutdown);
        reactor.stop();
        assert_eq!(stuck_for(&reactor).len(), 1);
        drop(hold);
        run_briefly(&reactor);
    });
}

/// Somebody who calls all the time: from another thread, and by a call that calls itself.
#[test]
fn i9_a_flood_of_calls_does_not_keep_the_reactor_from_stopping() {
    fn again(reactor: &Reactor) {
        // Refused at the very end.
        let _ = reactor.handle().call_from_thread(again);
    }
    // Well below the deadline of the shutdown.
    within(Duration::from_secs(20), || {
        let reactor = Reactor::builder().shutdown_deadline(Duration::MAX).build().unwrap();
        let handle = reactor.handle();
        let finished = Arc::new(AtomicBool::new(false));
        let ends = Arc::clone(&finished);
        let thread = foreign(move || {
            while !ends.load(Ordering::SeqCst) {
                let _ = handle.call_from_thread(|_| ());
            }
        });
        reactor.handle().call_from_thread(again).unwrap();
        reactor.call_later(Duration::from_millis(5), Reactor::stop);
        reactor.run().unwrap();
        finished.store(true, Ordering::SeqCst);
        thread.join().unwrap();
    });
}

/// They are accepted up to the end, so they run up to the end; what they call in turn is refused.
#[test]
fn i2_calls_made_in_the_last_phase_still_run() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let log = Log::default();
        let shared = reactor.share(log.clone());
        for (phase, entry) in [(Phase::During, "during"), (Phase::After, "after")] {
            let shared = shared.clone();
            reactor.add_system_event_trigger(phase, SystemEvent::Shutdown, move |_| {
                shared
                    .call_from_thread(move |log, reactor| {
                        log.add(entry);
                        assert!(reactor.handle().call_from_thread(|_| ()).is_err());
                    })
                    .unwrap();
            });
        }
        reactor.add_system_event_trigger(Phase::Before, SystemEvent::End, move |_| {
            assert!(shared.call_from_thread(|_, _| ()).is_err());
        });
        run_briefly(&reactor);
        assert_eq!(log.text(), "during after");
        assert_eq!(reactor.stats().panics, 0);
    });
}

#[test]
fn i3_a_description_that_panics_spoils_only_itself() {
    within(DEADLINE, || {
        let reactor = Reactor::builder().shutdown_deadline(Duration::ZERO).build().unwrap();
        let holds = [
            reactor.hold_with(SystemEvent::Shutdown, || panic!("no idea")),
            reactor.hold_with(SystemEvent::Shutdown, || vec!["fine".to_owned()]),
        ];
        reactor.stop();
        let details: Vec<_> = stuck_for(&reactor).into_iter().flat_map(|one| one.details).collect();
        assert_eq!(details, ["its description panicked: no idea", "fine"]);
        drop(holds);
    });
}

/// Also one that takes and drops holds of the same reactor.
#[test]
fn i5_a_description_may_use_the_handle_and_holds() {
    within(DEADLINE, || {
        let reactor = Reactor::builder().shutdown_deadline(Duration::ZERO).build().unwrap();
        let handle = reactor.handle();
        let inner = std::sync::Mutex::new(Some(reactor.hold(SystemEvent::Shutdown)));
        let drops = Drops::default();
        let payload = drops.payload();
        let hold = reactor.hold_with(SystemEvent::Shutdown, move || {
            let _ = &payload;
            let taken: Option<Hold> = inner.lock().unwrap().take();
            drop(taken);
            handle.stop();
            vec![format!("{handle:?}")]
        });
        reactor.stop();
        assert_eq!(stuck_for(&reactor).len(), 2);
        assert_eq!(drops.count(), 0);
        drop(hold);
        assert_eq!(drops.count(), 1);
    });
}

#[test]
fn holds_may_outlive_the_reactor() {
    let reactor = Rc::new(Reactor::new().unwrap());
    let holds = [reactor.hold(SystemEvent::Shutdown), reactor.hold(SystemEvent::End)];
    drop(reactor);
    let thread = foreign(move || drop(holds));
    thread.join().unwrap();
}

#[test]
fn i3_a_hold_whose_description_panics_when_it_goes_is_let_go_all_the_same() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("of a description");
        }
    }
    for event in [SystemEvent::Startup, SystemEvent::Shutdown] {
        within(DEADLINE, move || {
            // Its deadline is never reached: only the nudge ends the sleep of the turn.
            let reactor = Reactor::builder().shutdown_deadline(100 * DEADLINE).build().unwrap();
            let bomb = Bomb;
            let hold = reactor.hold_with(event, move || {
                let _ = &bomb;
                Vec::new()
            });
            reactor.call_later(Duration::from_millis(5), move |_| drop(hold));
            reactor.call_when_running(Reactor::stop);
            reactor.run().unwrap();
            assert_eq!(reactor.stats().panics, 1);
        });
    }
}
