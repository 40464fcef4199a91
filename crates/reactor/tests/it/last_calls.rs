//! When nothing holds the shutdown any more: what it still waits for, and what not.

use crate::fixture::{Log, run_briefly};
use crate::rig::{Rig, secs};
use ropewalk_reactor::{Phase, Reactor, RunError, SystemEvent};
use ropewalk_testing::{DEADLINE, within};
use std::time::Duration;

type Callback = Box<dyn FnOnce(&Reactor)>;

/// What a shutdown logs whose last call takes a hold, and hands its result in and lets go in what
/// `later` runs.
fn held_by_a_last_call(later: fn(&Reactor, Callback)) -> String {
    let (reactor, log) = (Reactor::new().unwrap(), Log::default());
    let shared = reactor.share(log.clone());
    let last_call = move |reactor: &Reactor| {
        let hold = reactor.hold(SystemEvent::Shutdown);
        let let_go = move |_: &Reactor| {
            shared.call_from_thread(|log, _| log.add("result")).unwrap();
            drop(hold);
        };
        later(reactor, Box::new(let_go));
    };
    reactor.add_system_event_trigger(Phase::Before, SystemEvent::Shutdown, |reactor| {
        reactor.handle().call_from_thread(last_call).unwrap();
    });
    let during = log.adds("during");
    reactor.add_system_event_trigger(Phase::During, SystemEvent::Shutdown, during);
    run_briefly(&reactor);
    log.text()
}

/// The last calls may need more time: what they wait for then is handed in before their hold ends,
/// too.
#[test]
fn a_hold_that_a_last_call_takes_is_waited_for() {
    within(DEADLINE, || {
        let log = held_by_a_last_call(|reactor, let_go| {
            reactor.call_later(Duration::from_millis(1), let_go);
        });
        assert_eq!(log, "result during");
    });
}

/// Whether a turn goes by meanwhile is a matter of how busy the machine is.
#[test]
fn a_hold_that_comes_and_goes_in_one_turn_is_waited_for() {
    within(DEADLINE, || {
        let log = held_by_a_last_call(|reactor, let_go| reactor.call_soon(let_go));
        assert_eq!(log, "result during");
    });
}

/// It asks for a turn more each time, but not for ever.
#[test]
fn calls_that_hold_for_themselves_do_not_keep_the_reactor_from_stopping() {
    fn again(reactor: &Reactor) {
        let _hold = reactor.hold(SystemEvent::Shutdown);
        // Refused in the end, which ends this.
        let _ = reactor.handle().call_from_thread(again);
    }
    within(DEADLINE, || {
        let reactor = Reactor::builder().shutdown_deadline(2 * DEADLINE).build().unwrap();
        reactor.call_soon(again);
        reactor.stop();
        reactor.run().unwrap();
        assert!(reactor.stats().turns < 1_000, "{:?}", reactor.stats());
    });
}

/// As a worker rings whose result is no call.
#[test]
fn the_bell_that_was_rung_before_a_hold_ends_is_heard_before_the_during_phase() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        reactor.on_bell(|reactor| reactor.local::<Log>().add("bell"));
        reactor.add_system_event_trigger(Phase::Before, SystemEvent::Shutdown, |reactor| {
            let hold = reactor.hold(SystemEvent::Shutdown);
            reactor.handle().ring();
            drop(hold);
        });
        let during = reactor.local::<Log>().adds("during");
        reactor.add_system_event_trigger(Phase::During, SystemEvent::Shutdown, during);
        run_briefly(&reactor);
        assert_eq!(reactor.local::<Log>().text(), "bell during");
    });
}

/// A call of the shutdown itself lets the time pass: nobody sleeps for what is over.
#[test]
fn i9_a_deadline_that_passes_in_a_turn_of_the_shutdown_ends_it_at_once() {
    within(DEADLINE, || {
        let rig = Rig::with(|builder| builder.shutdown_deadline(secs(20)));
        let hold = rig.reactor.hold(SystemEvent::Shutdown);
        rig.reactor.stop();
        let (clock, remote) = (rig.clock.clone(), rig.reactor.share(rig.clock.clone()));
        rig.selector.on_wait(move |_| {
            assert_eq!(clock.elapsed(), secs(0), "it has slept once");
            remote.call_from_thread(|clock, _| clock.advance(secs(30))).unwrap();
        });
        let ended = rig.reactor.run();
        assert!(matches!(ended, Err(RunError::ShutdownTimedOut(_))), "{ended:?}");
        // For as long as the log says nothing; the deadline is later.
        assert_eq!(rig.selector.waits(), [Some(secs(1))]);
        drop(hold);
    });
}
