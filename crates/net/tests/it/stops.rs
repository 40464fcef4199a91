//! The end of everything, begun in each callback that there is.
//!
//! Wherever it begins, the run ends, everybody is told of the end once, and nothing is left.

mod scenario;

use crate::fixture::count;
use ropewalk_reactor::{PanicPolicy, Reactor, RunError};
use ropewalk_testing::{DEADLINE, EventLog, within};
use scenario::{POINTS, Trap, begin};
use std::cell::RefCell;
use std::rc::Rc;
use std::thread::Builder;

/// How the end begins.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Way {
    Stop,
    StopNow,
    /// The loop is left, and entered again to be stopped.
    Crash,
    Drop,
    Panic,
}

fn play(point: &'static str, way: Way) {
    let log = EventLog::new();
    let reactor = Reactor::builder().panic_policy(PanicPolicy::Stop).build().unwrap();
    // The loop runs through a reference that lasts: its owner may go in the middle.
    let lent = reactor.downgrade().upgrade().unwrap();
    let owner = Rc::new(RefCell::new(Some(reactor)));
    let owned = Rc::clone(&owner);
    let with = |f: fn(&Reactor)| {
        Reactor::with_current(f);
    };
    let trap = Trap::new(&log, point, move || match way {
        Way::Stop => with(Reactor::stop),
        Way::StopNow => with(Reactor::stop_now),
        Way::Crash => with(Reactor::crash),
        Way::Drop => drop(owned.take()),
        Way::Panic => panic!("a bug"),
    });
    let set = trap.clone();
    lent.call_when_running(move |reactor| begin(reactor, &set));
    match lent.run() {
        Ok(_) => {}
        Err(RunError::Panicked { .. }) => assert_eq!(way, Way::Panic),
        // Some had something unsent.
        Err(RunError::ShutdownTimedOut(_)) => assert_eq!(way, Way::StopNow),
        Err(error) => panic!("{error}"),
    }
    if way == Way::Crash {
        lent.call_when_running(Reactor::stop);
        lent.run().unwrap();
    }
    assert!(count(&log, point) > 0, "{:?}", log.take());
    let stats = lent.stats();
    assert_eq!((stats.sources, stats.pending_timers), (0, 0));
    drop(owner.take());

    for (begun, ended) in [
        ("client begins", "client ends"),
        ("server made", "server lost"),
        ("producer begins", "producer ends"),
        ("udp begins", "udp ends"),
        ("factory started", "factory stopped"),
        ("asked resolved", "resolved"),
        ("asked connected", "connected"),
        ("asked flushed", "flushed"),
        ("asked sent", "sent"),
        ("asked not listening", "not listening"),
        ("asked port closed", "port closed"),
    ] {
        // Where the reactor is gone, or nothing was begun with, nobody is told but by a drop.
        let dropped = ended == "factory stopped"
            && (way == Way::Drop || way == Way::Panic && point == "factory started");
        let (begun, ended) = (count(&log, begun), count(&log, ended));
        assert!(begun == ended || dropped && ended == 0, "{begun} and {ended}: {:?}", log.take());
    }
    assert_eq!(trap.owners(), 0, "{:?}", log.take());
}

fn everywhere(way: Way) {
    for &point in POINTS {
        let played = Builder::new()
            .name(format!("{way:?} in {point}"))
            .spawn(move || within(DEADLINE, || play(point, way)))
            .unwrap();
        assert!(played.join().is_ok(), "{way:?} in {point}");
    }
}

#[test]
fn i2_a_stop_in_each_callback() {
    everywhere(Way::Stop);
}

#[test]
fn i2_a_stop_that_waits_for_nobody_in_each_callback() {
    everywhere(Way::StopNow);
}

#[test]
fn i2_a_crash_in_each_callback_and_a_stop_afterwards() {
    everywhere(Way::Crash);
}

#[test]
fn i2_a_drop_of_the_reactor_in_each_callback() {
    everywhere(Way::Drop);
}

#[test]
fn i3_a_panic_in_each_callback() {
    everywhere(Way::Panic);
}
