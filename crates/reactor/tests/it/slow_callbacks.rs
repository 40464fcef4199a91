//! What keeps the loop is named: its kind, its place, its time.
//!
//! Time is real here, and other processes may take any amount of it. So what is to be slow keeps
//! the thread busy for as long as it takes, and what is not has an hour.

use crate::fixture::{foreign, run_briefly, sockets};
use ropewalk_reactor::{Interest, ManualClock, Phase, Reactor, SystemEvent};
use ropewalk_testing::{Captured, DEADLINE, capture_tracing, within};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::panic::Location;
use std::time::{Duration, Instant};
use tracing::Level;

const THRESHOLD: Duration = Duration::from_millis(1);
const HOUR: Duration = Duration::from_secs(3600);

/// Keeps the thread until the time that is slow is over.
fn busy() {
    let begun = Instant::now();
    while begun.elapsed() <= THRESHOLD {}
}

fn slow(_: &Reactor) {
    busy();
}

/// The kinds of what `code` reports as slow and has handed over in this file from `line` on, in
/// order; all else is chance.
fn slow_in(line: u32, code: impl FnOnce()) -> Vec<String> {
    let warnings = capture_tracing(code).into_iter().filter(|one| one.level == Level::WARN);
    let ours = warnings.filter(|one| line_of(one).is_some_and(|at| at >= line));
    ours.map(|one| one.field("kind").unwrap().to_owned()).collect()
}

fn line_of(warning: &Captured) -> Option<u32> {
    let location = warning.field("location")?.strip_prefix(file!())?;
    location.split(':').nth(1)?.parse().ok()
}

#[test]
fn each_kind_of_callback_is_named_with_its_place() {
    within(DEADLINE, || {
        let reactor = Reactor::builder().slow_callback(THRESHOLD).build().unwrap();
        let (server, mut client) = sockets();
        client.write_all(b"x").unwrap();
        let first = line!();
        reactor.handle().call_from_thread(slow).unwrap();
        let timer = reactor.call_later(Duration::ZERO, slow);
        reactor.call_soon(slow);
        reactor.add_system_event_trigger(Phase::Before, SystemEvent::Startup, slow);
        let callback = |reactor: &Reactor, mut server: &TcpStream, _| {
            assert_eq!(server.read(&mut [0]).unwrap(), 1);
            busy();
            reactor.stop();
        };
        let registration = reactor.register(server, Interest::READABLE, callback).unwrap();
        let events = capture_tracing(|| drop(reactor.run().unwrap()));
        let slow: Vec<_> = events.iter().filter(|one| one.level == Level::WARN).collect();
        let found: Vec<_> = slow.iter().map(|one| one.field("kind").unwrap()).collect();
        assert_eq!(found, ["trigger", "call", "timer", "soon", "source"]);
        let lines: Vec<_> = slow.iter().map(|one| line_of(one).unwrap() - first).collect();
        assert_eq!(lines, [4, 1, 2, 3, 10]);
        assert!(slow.iter().all(|one| one.message == "a slow callback kept the loop busy"));
        assert!(slow.iter().all(|one| one.field("took").is_some()));
        let stats = reactor.stats();
        assert_eq!(stats.slow_callbacks, 5);
        assert!(stats.longest_callback > THRESHOLD && stats.longest_callback < HOUR);
        drop((registration, timer));
    });
}

/// The callback of the source follows upon the wait with nothing in between. Time that others take
/// of the machine then is the callback's, so there is more than one attempt.
#[test]
fn i6_waiting_is_nobodys_time() {
    let wait = Duration::from_millis(300);
    let attempt = || {
        let reactor = Reactor::builder().slow_callback(HOUR).build().unwrap();
        let (server, mut client) = sockets();
        let callback = |reactor: &Reactor, _: &TcpStream, _| reactor.stop();
        let registration = reactor.register(server, Interest::READABLE, callback).unwrap();
        let writer = foreign(move || {
            let there = Reactor::new().unwrap();
            there.call_later(wait, move |there| {
                client.write_all(b"x").unwrap();
                there.stop();
            });
            there.run().unwrap();
        });
        reactor.run().unwrap();
        writer.join().unwrap();
        let stats = reactor.stats();
        assert_eq!(stats.slow_callbacks, 0);
        assert!(stats.longest_callback > Duration::ZERO);
        drop(registration);
        stats.longest_callback < wait
    };
    within(DEADLINE, || assert!((0..10).any(|_| attempt()), "it counts as the callback's"));
}

#[test]
fn without_a_threshold_nothing_is_looked_at() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        assert!(!reactor.times_callbacks());
        let line = line!();
        let found = slow_in(line, || {
            reactor.call_soon(|reactor| reactor.timed("piece", Location::caller(), busy));
            run_briefly(&reactor);
        });
        assert_eq!(found, [""; 0]);
        assert_eq!(reactor.stats().slow_callbacks, 0);
        assert_eq!(reactor.stats().longest_callback, Duration::ZERO);
    });
}

#[test]
fn a_piece_inside_of_a_callback_is_named_in_its_place() {
    within(DEADLINE, || {
        let reactor = Reactor::builder().slow_callback(THRESHOLD).build().unwrap();
        assert!(reactor.times_callbacks());
        let line = line!();
        let here = Location::caller();
        let events = capture_tracing(|| {
            reactor.call_soon(move |reactor| {
                let seven = reactor.timed("inner", here, || {
                    busy();
                    7
                });
                assert_eq!(seven, 7);
            });
            run_briefly(&reactor);
        });
        let slow: Vec<_> = events.iter().filter(|one| one.level == Level::WARN).collect();
        assert_eq!(slow[0].field("kind"), Some("inner"));
        assert_eq!(line_of(slow[0]), Some(line + 1));
        // The callback around it may have been slow by chance, but not for that reason.
        assert_eq!(slow.iter().filter(|one| one.field("kind") == Some("inner")).count(), 1);
    });
}

#[test]
fn i3_a_piece_that_panics_ends_as_any() {
    within(DEADLINE, || {
        let reactor = Reactor::builder().slow_callback(THRESHOLD).build().unwrap();
        let line = line!();
        let found = slow_in(line, || {
            let here = Location::caller();
            reactor.call_soon(move |reactor| {
                reactor.timed("inner", here, || {
                    busy();
                    panic!("on purpose");
                });
            });
            reactor.call_soon(slow);
            run_briefly(&reactor);
        });
        assert_eq!(found.iter().filter(|kind| *kind == "inner").count(), 1);
        assert_eq!(found.last().map(String::as_str), Some("soon"));
        assert_eq!(reactor.stats().panics, 1);
    });
}

/// Also where the callbacks see a time that stands still.
#[test]
fn under_a_manual_clock_it_is_still_the_real_time_that_counts() {
    within(DEADLINE, || {
        let clock = ManualClock::new();
        let builder = Reactor::builder().manual_clock(&clock).slow_callback(THRESHOLD);
        let reactor = builder.build().unwrap();
        let line = line!();
        let found = slow_in(line, || {
            reactor.call_later(HOUR, slow);
            clock.advance(2 * HOUR);
        });
        assert_eq!(found, ["timer"]);
        assert!(reactor.stats().longest_callback < HOUR, "the hour was waited for by nobody");
    });
}
