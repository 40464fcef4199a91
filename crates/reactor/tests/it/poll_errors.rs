//! What becomes of a reactor whose operating system refuses to wait: the run ends with its error,
//! and the reactor can be run again.

use crate::fixture::Drops;
use crate::rig::{Rig, secs};
use ropewalk_reactor::{Interest, Phase, Reactor, RunError, SystemEvent};
use ropewalk_testing::{DEADLINE, capture_tracing, within};
use std::error::Error as _;
use std::io::{Error, ErrorKind, Stderr};

/// A rig with a trigger that logs in each phase of each event.
fn rig() -> Rig {
    let rig = Rig::new();
    for (event, name) in [
        (SystemEvent::Startup, "start"),
        (SystemEvent::Shutdown, "stop"),
        (SystemEvent::End, "end"),
    ] {
        for phase in [Phase::Before, Phase::During, Phase::After] {
            let entry = format!("{name}-{phase:?}").to_lowercase();
            rig.reactor.add_system_event_trigger(phase, event, rig.adds(&entry));
        }
    }
    rig
}

#[track_caller]
fn is_refused<T: std::fmt::Debug>(ended: Result<T, RunError>) {
    let Err(RunError::Poll(error)) = ended else { panic!("{ended:?}") };
    assert_eq!(error.kind(), ErrorKind::PermissionDenied);
}

fn refuse(rig: &Rig) {
    rig.selector.fail_next_wait(Error::from(ErrorKind::PermissionDenied));
}

/// After the error nothing is left that would hinder the next run.
fn runs_again(rig: &Rig) {
    assert!(!rig.reactor.running() && !rig.reactor.stopping());
    assert!(!rig.reactor.handle().accepts_calls());
    rig.logged();
    rig.reactor.call_soon(rig.adds("again"));
    rig.reactor.call_soon(Reactor::stop);
    rig.reactor.run().unwrap();
    assert!(rig.logged().contains("again"));
}

#[test]
fn w25_an_error_in_a_turn_ends_the_run_without_its_shutdown() {
    within(DEADLINE, || {
        let rig = rig();
        refuse(&rig);
        rig.reactor.call_soon(rig.adds("soon"));
        is_refused(rig.reactor.run());
        assert_eq!(
            rig.logged(),
            "start-before start-during start-after end-before end-during end-after"
                .replace("after end", "after soon end")
        );
        runs_again(&rig);
    });
}

#[test]
fn w25_an_error_while_the_startup_is_held_ends_the_run_before_it_has_begun() {
    within(DEADLINE, || {
        let rig = rig();
        let hold = rig.reactor.hold(SystemEvent::Startup);
        refuse(&rig);
        is_refused(rig.reactor.run());
        assert_eq!(rig.logged(), "start-before end-before end-during end-after");
        drop(hold);
        // What was not reached is still there.
        rig.reactor.stop();
        rig.reactor.call_soon(Reactor::stop);
        rig.reactor.run().unwrap();
        assert_eq!(rig.logged(), "start-during start-after stop-before stop-during stop-after");
    });
}

#[test]
fn w25_i9_an_error_while_the_shutdown_is_held_ends_the_run() {
    within(DEADLINE, || {
        let rig = rig();
        let hold = rig.reactor.hold(SystemEvent::Shutdown);
        rig.reactor.stop();
        let selector = rig.selector.clone();
        let refuses = move |_: &Reactor| {
            selector.fail_next_wait(Error::from(ErrorKind::PermissionDenied));
        };
        rig.reactor.add_system_event_trigger(Phase::Before, SystemEvent::Shutdown, refuses);
        is_refused(rig.reactor.run());
        assert!(rig.logged().ends_with("stop-before end-before end-during end-after"));
        drop(hold);
        runs_again(&rig);
    });
}

#[test]
fn w25_an_error_in_a_turn_by_hand_is_the_result_of_that_turn() {
    let rig = rig();
    let _source = rig.watch("io", Interest::READABLE);
    refuse(&rig);
    rig.reactor.call_soon(rig.adds("soon"));
    is_refused(rig.reactor.turn(None));
    assert_eq!(rig.logged(), "soon", "and nothing else: no triggers");
    assert!(rig.reactor.handle().accepts_calls(), "it was not a run that has ended");
    assert_eq!(rig.turn(), "");
}

/// A reactor that is turned by hand between its startup and its shutdown.
#[test]
fn w25_an_error_does_not_end_a_reactor_that_is_turned_by_another_loop() {
    within(DEADLINE, || {
        let rig = rig();
        let hold = rig.reactor.hold(SystemEvent::Startup);
        refuse(&rig);
        is_refused(rig.reactor.start_running());
        assert_eq!(rig.logged(), "start-before end-before end-during end-after");
        assert!(!rig.reactor.running() && !rig.reactor.handle().accepts_calls());
        drop(hold);

        rig.reactor.start_running().unwrap();
        let _source = rig.watch("io", Interest::READABLE); // so that each turn looks
        refuse(&rig);
        is_refused(rig.reactor.turn(None));
        assert!(rig.reactor.running() && rig.reactor.handle().accepts_calls());
        rig.call(rig.adds("call"));
        rig.reactor.stop();
        rig.reactor.run().unwrap();
        assert_eq!(
            rig.logged(),
            "start-during start-after call stop-before stop-during stop-after"
        );
    });
}

#[test]
fn w25_an_error_while_a_clock_is_moved_is_reported() {
    let rig = rig();
    let _source = rig.watch("io", Interest::READABLE);
    refuse(&rig);
    rig.reactor.call_later(secs(1), rig.adds("timer"));
    let clock = rig.clock.clone();
    let reported = capture_tracing(|| clock.advance(secs(1)));
    assert_eq!(rig.logged(), "timer", "time goes on");
    assert!(format!("{reported:?}").contains("waiting for events failed"), "{reported:?}");
}

/// I3: whoever moves the clock has not written the subscriber.
#[test]
fn i3_w25_time_goes_on_where_a_subscriber_panics() {
    let rig = rig();
    let _source = rig.watch("io", Interest::READABLE);
    refuse(&rig);
    rig.reactor.call_later(secs(1), rig.adds("timer"));
    let clock = rig.clock.clone();
    let fragile = tracing_subscriber::fmt().with_writer(|| -> Stderr { panic!("told") });
    tracing::subscriber::with_default(fragile.finish(), || clock.advance(secs(1)));
    assert_eq!(rig.logged(), "timer");
}

/// An accepted call has one outcome (I2): it is dropped, as in a crash; one that comes later is
/// refused.
#[test]
fn i2_w25_calls_that_wait_when_the_system_fails_are_dropped() {
    within(DEADLINE, || {
        let (rig, drops) = (rig(), Drops::default());
        for _ in 0..300 {
            let payload = drops.payload();
            rig.call(move |_| drop(payload));
        }
        refuse(&rig);
        let _source = rig.watch("io", Interest::READABLE);
        is_refused(rig.reactor.run());
        assert_eq!((rig.reactor.stats().calls, drops.count()), (256, 300));
        rig.reactor.handle().call_from_thread(|_| ()).unwrap_err();
        runs_again(&rig);
    });
}

/// Timers, sources and what was asked for soon are still pending.
#[test]
fn b80_w25_what_was_pending_outlives_the_error() {
    within(DEADLINE, || {
        let rig = rig();
        let timer = rig.reactor.call_later(secs(1), rig.adds("timer"));
        let source = rig.watch("io", Interest::READABLE.edge_triggered());
        let soon = rig.adds("soon");
        rig.reactor.call_soon(|reactor| reactor.call_soon(soon));
        refuse(&rig);
        is_refused(rig.reactor.run());
        assert!(timer.active());
        rig.logged();
        rig.selector.make_ready(&source, ropewalk_reactor::Readiness::READABLE);
        rig.clock.advance(secs(1));
        assert_eq!(rig.logged(), "soon io timer");
    });
}

/// The error is a source of the run's error, whose text says what has failed.
#[test]
fn the_error_of_the_system_is_told() {
    let rig = rig();
    refuse(&rig);
    let error = rig.reactor.turn(None).unwrap_err();
    assert_eq!(error.to_string(), "waiting for events failed");
    let source = error.source().unwrap().downcast_ref::<Error>().unwrap();
    assert_eq!(source.kind(), ErrorKind::PermissionDenied);
}
