//! Looking for work before sleeping: served without a sleep, and idle all the same.

use crate::fixture::{foreign, sockets};
use ropewalk_reactor::{Interest, Reactor, ReactorHandle};
use ropewalk_testing::{DEADLINE, within};
use std::io::{Read as _, Write as _};
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::Duration;

/// Longer than any test: a reactor that has begun to look around does not sleep again.
const LONG: Duration = Duration::from_secs(3600);

/// Starts a reactor that looks around for ever, and waits until it does.
fn spinning(limit: Duration) -> (ReactorHandle, JoinHandle<u64>) {
    let (told, started) = mpsc::channel();
    let thread = foreign(move || {
        let reactor = Reactor::builder().spin(limit).build().unwrap();
        told.send(reactor.handle()).unwrap();
        reactor.call_soon(|_| ());
        reactor.run().unwrap();
        reactor.stats().sleeps
    });
    (started.recv().unwrap(), thread)
}

#[test]
fn calls_and_a_stop_are_heard_without_a_sleep() {
    within(DEADLINE, || {
        let (handle, thread) = spinning(LONG);
        let (told, heard) = mpsc::channel();
        for number in 0..50 {
            let told = told.clone();
            handle.call_from_thread(move |_| told.send(number).unwrap()).unwrap();
            assert_eq!(heard.recv().unwrap(), number);
        }
        handle.stop();
        assert_eq!(thread.join().unwrap(), 0);
    });
}

/// With a limit that is over at once, and with none.
#[test]
fn i6_who_has_nothing_to_do_sleeps() {
    within(DEADLINE, || {
        for limit in [Duration::from_nanos(1), Duration::ZERO] {
            let (handle, thread) = spinning(limit);
            let (told, heard) = mpsc::channel();
            // It sleeps between two of these, or has just been about to; on a busy machine what is
            // to be waited for may be due at once.
            let mut sleeps = 0;
            while sleeps < 10 {
                let told = told.clone();
                let later = move |reactor: &Reactor| {
                    reactor.call_later(Duration::from_millis(1), move |reactor| {
                        told.send(reactor.stats().sleeps).unwrap();
                    });
                };
                handle.call_from_thread(later).unwrap();
                sleeps = heard.recv().unwrap();
            }
            handle.stop();
            thread.join().unwrap();
        }
    });
}

#[test]
fn timers_and_sources_are_served_while_it_looks_around() {
    within(DEADLINE, || {
        let reactor = Reactor::builder().spin(LONG).build().unwrap();
        let (source, mut peer) = sockets();
        let registration = reactor
            .register(source, Interest::READABLE, |reactor, mut source, _| {
                let mut byte = [0];
                assert_eq!(source.read(&mut byte).unwrap(), 1);
                reactor.stop();
            })
            .unwrap();
        reactor.call_later(Duration::from_millis(5), move |_| peer.write_all(b"!").unwrap());
        reactor.call_soon(|_| ());
        reactor.run().unwrap();
        assert_eq!(reactor.stats().sleeps, 0);
        drop(registration);
    });
}

#[test]
fn there_is_no_longest_limit() {
    within(DEADLINE, || {
        let (handle, thread) = spinning(Duration::MAX);
        let (told, heard) = mpsc::channel();
        handle.call_from_thread(move |_| told.send(()).unwrap()).unwrap();
        heard.recv().unwrap();
        handle.stop();
        assert_eq!(thread.join().unwrap(), 0);
    });
}

#[test]
fn an_event_is_something_done_too() {
    within(DEADLINE, || {
        let reactor = Reactor::builder().spin(LONG).build().unwrap();
        let (source, mut peer) = sockets();
        peer.write_all(b"!").unwrap();
        let registration = reactor
            .register(source, Interest::READABLE, |reactor, mut source, _| {
                assert_eq!(source.read(&mut [0; 8]).unwrap(), 1);
                reactor.call_later(Duration::from_millis(5), Reactor::stop);
            })
            .unwrap();
        reactor.run().unwrap();
        // The first one brought the event. After that it looked around until the timer was due.
        assert_eq!(reactor.stats().sleeps, 1);
        drop(registration);
    });
}

#[test]
fn a_turn_that_must_not_wait_does_not_look_around() {
    within(DEADLINE, || {
        let reactor = Reactor::builder().spin(LONG).build().unwrap();
        for timeout in [Some(Duration::ZERO), None] {
            reactor.call_soon(|_| ());
            reactor.turn(timeout).unwrap();
        }
        assert_eq!(reactor.stats().turns, 2);
    });
}

#[test]
fn i6_it_looks_around_once_for_what_was_done() {
    within(DEADLINE, || {
        let reactor = Reactor::builder().spin(LONG).build().unwrap();
        reactor.call_soon(|_| ());
        reactor.turn(Some(Duration::ZERO)).unwrap();
        for sleeps in [0, 1, 2] {
            reactor.turn(Some(Duration::from_millis(1))).unwrap();
            assert_eq!(reactor.stats().sleeps, sleeps);
        }
    });
}
