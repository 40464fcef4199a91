//! Protocols without sockets: the in-memory connection keeps the rules of the real one.

use crate::fixture::{Probe, count, has};
use ropewalk_net::Pressure;
use ropewalk_testing::{Ending, EventLog, MemoryTransport};
use std::cell::Cell;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

#[test]
fn each_piece_is_received_by_itself() {
    let log = EventLog::new();
    let peer = MemoryTransport::connect(Probe::new(&log).echo());
    peer.send(b"one");
    peer.send(b"two");
    peer.close();
    assert_eq!(log.take(), ["made", "data one", "data two", "lost done"]);
    assert_eq!(peer.take_received(), b"onetwo");
    assert_eq!(peer.ending(), Some(Ending::Gentle));
}

#[test]
fn addresses_can_be_given() {
    let log = EventLog::new();
    let (host, peer) =
        (SocketAddr::from(([127, 0, 0, 1], 1)), SocketAddr::from(([127, 0, 0, 2], 2)));
    let memory = MemoryTransport::connect_between(Probe::new(&log), host, peer);
    assert_eq!(memory.transport().host(), host);
    assert_eq!(memory.transport().peer(), peer);
    assert_eq!(memory.transport().peer().to_string(), "127.0.0.2:2");
}

#[test]
fn a_slow_peer_is_pressure() {
    let log = EventLog::new();
    let peer = MemoryTransport::connect(Probe::new(&log));
    peer.take_only(10);
    let transport = peer.transport();
    transport.set_write_limits(0, 5);
    assert_eq!(transport.write(b"0123456789abcde"), Pressure::Relaxed);
    assert_eq!(transport.write(b"f"), Pressure::High);
    transport.lose_connection();
    peer.turn();
    assert_eq!(peer.take_received(), b"0123456789");
    assert_eq!((peer.ending(), transport.buffered()), (None, 6));
    peer.take_only(None);
    assert_eq!(peer.take_received(), b"abcdef");
    assert_eq!(log.take(), ["made", "lost done"]);
}

#[test]
fn drained_is_told_once_after_pressure() {
    let log = EventLog::new();
    let peer = MemoryTransport::connect(Probe::new(&log));
    peer.take_only(0);
    peer.transport().set_write_limits(0, 0);
    assert!(peer.transport().write(b"x").is_high());
    assert!(peer.transport().write(b"y").is_high());
    peer.take_only(1);
    assert!(!has(&log, "drained"));
    peer.take_only(None);
    peer.transport().write(b"z");
    peer.turn();
    assert_eq!(log.take(), ["made", "drained"]);
}

#[test]
fn a_pause_inside_data_received_stops_the_reading_there() {
    let log = EventLog::new();
    let peer = MemoryTransport::connect(Probe::new(&log).data(|t, _| t.pause_producing()));
    peer.send(&[b'x'; 200_000]);
    assert_eq!(count(&log, "data"), 1);
    peer.transport().resume_producing();
    peer.turn();
    assert_eq!(count(&log, "data"), 2);
}

#[test]
fn a_broken_connection_and_an_abort() {
    let log = EventLog::new();
    let broken = MemoryTransport::connect(Probe::new(&log));
    broken.break_with(ErrorKind::ConnectionReset);
    assert_eq!(broken.ending(), Some(Ending::Broken));
    let aborted = MemoryTransport::connect(Probe::new(&log).data(|t, _| t.abort_connection()));
    aborted.send(b"x");
    aborted.send(b"y");
    assert_eq!(aborted.ending(), Some(Ending::Aborted));
    assert_eq!(log.take(), ["made", "lost broken", "made", "data x", "lost aborted"]);
}

#[test]
fn a_write_that_fails_is_told_in_a_later_turn() {
    let log = EventLog::new();
    let inside = Rc::new(Cell::new(false));
    let outside = Rc::clone(&inside);
    let probe = Probe::new(&log)
        .data(move |transport, _| {
            inside.set(true);
            transport.write(b"into nothing");
            inside.set(false);
        })
        .lost(move |_, _| assert!(!outside.get()));
    let peer = MemoryTransport::connect(probe);
    peer.transport().pause_producing();
    peer.send(b"x");
    peer.break_with(ErrorKind::BrokenPipe);
    peer.transport().resume_producing();
    peer.turn();
    assert_eq!(log.take(), ["made", "resumed", "data x", "lost broken"]);
}

#[test]
fn i3_a_panic_reaches_the_test_and_ends_the_connection_once() {
    let log = EventLog::new();
    let peer = MemoryTransport::connect(Probe::new(&log).data(|_, _| panic!("a bug")));
    catch_unwind(AssertUnwindSafe(|| peer.send(b"x"))).unwrap_err();
    peer.send(b"y");
    assert_eq!(log.take(), ["made", "data x", "lost panicked"]);
    assert_eq!(peer.ending(), Some(Ending::Broken));
}

#[test]
fn dropping_it_is_an_end_too() {
    let log = EventLog::new();
    drop(MemoryTransport::connect(Probe::new(&log)));
    assert_eq!(log.take(), ["made", "lost done"]);
}
