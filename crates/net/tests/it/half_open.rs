//! Peers that have sent everything and still read.

use crate::fixture::{Pair, Probe, count, has, pair, turn_a_little, turn_until};
use ropewalk_net::{LineProtocol, LineReceiver, Protocol, ReactorNet as _, Transport};
use ropewalk_reactor::Reactor;
use ropewalk_testing::{DEADLINE, Ending, EventLog, MemoryTransport, within};
use socket2::SockRef;
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

/// A peer that is done, and a protocol that keeps the connection.
fn half_open(reactor: &Reactor, log: &EventLog) -> Pair {
    let pair = pair(reactor, Probe::new(log).peer_done(|_| ()));
    pair.peer.shutdown(Shutdown::Write).unwrap();
    turn_until(reactor, || has(log, "peer done"));
    pair
}

#[test]
fn answers_that_are_still_to_come_reach_a_peer_that_is_done() {
    within(DEADLINE, || {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        let probe = Probe::new(&log).peer_done(|_| ()).data(|transport, _| {
            let transport = transport.clone();
            Reactor::with_current(|reactor| {
                reactor.call_later(Duration::from_millis(20), move |_| {
                    transport.write(b"answer");
                    transport.lose_connection();
                });
            });
        });
        let mut pair = pair(&reactor, probe);
        pair.peer.write_all(b"question").unwrap();
        pair.peer.shutdown(Shutdown::Write).unwrap();
        turn_until(&reactor, || has(&log, "lost done"));
        let mut answer = String::new();
        pair.peer.read_to_string(&mut answer).unwrap();
        assert_eq!(answer, "answer");
        assert_eq!(log.take(), ["made", "data question", "peer done", "lost done"]);
    });
}

#[test]
fn i6_a_half_open_connection_rests() {
    within(DEADLINE, || {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        let pair = half_open(&reactor, &log);
        turn_a_little(&reactor);
        let before = reactor.stats();
        turn_a_little(&reactor);
        // A pause makes no difference to what does not read.
        pair.transport.pause_producing();
        pair.transport.resume_producing();
        turn_until(&reactor, || has(&log, "resumed"));
        turn_a_little(&reactor);
        let after = reactor.stats();
        assert_eq!((after.events, after.timers), (before.events, before.timers));
        assert_eq!(log.entries(), ["made", "peer done", "resumed"]);
        assert!(pair.transport.is_connected());
    });
}

#[test]
fn b213_a_half_open_connection_learns_of_a_reset_by_writing() {
    within(DEADLINE, || {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        let pair = half_open(&reactor, &log);
        SockRef::from(&pair.peer).set_linger(Some(Duration::ZERO)).unwrap();
        drop(pair.peer);
        turn_until(&reactor, || {
            pair.transport.write(b"still there?");
            has(&log, "lost broken")
        });
        turn_a_little(&reactor);
        assert_eq!(count(&log, "lost"), 1);
    });
}

#[test]
fn a_reset_ends_a_half_open_connection_that_has_something_unsent() {
    within(DEADLINE, || {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        let pair = half_open(&reactor, &log);
        while pair.transport.buffered() == 0 {
            pair.transport.write(&[7; 65_536]);
        }
        drop(pair.peer); // with unread data: a reset
        turn_until(&reactor, || has(&log, "lost broken"));
    });
}

#[test]
fn a_boxed_protocol_hears_of_it_too() {
    let log = EventLog::new();
    let boxed: Box<dyn Protocol> = Box::new(Probe::new(&log).peer_done(|_| ()));
    let peer = MemoryTransport::connect(boxed);
    peer.close();
    assert_eq!(log.take(), ["made", "peer done"]);
    peer.transport().write(b"answer");
    peer.transport().lose_connection();
    peer.turn();
    assert_eq!(peer.take_received(), b"answer");
    assert_eq!(peer.ending(), Some(Ending::Gentle));
}

#[test]
fn i3_a_panic_in_peer_done_ends_the_connection() {
    within(DEADLINE, || {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        let pair = pair(&reactor, Probe::new(&log).peer_done(|_| panic!("a bug")));
        pair.peer.shutdown(Shutdown::Write).unwrap();
        turn_until(&reactor, || has(&log, "lost panicked"));
        assert_eq!(reactor.stats().panics, 1);
    });
}

/// Answers when everything was asked.
struct Sum(u32, EventLog);

impl LineProtocol for Sum {
    fn line_received(&mut self, transport: &Transport, line: &[u8]) {
        self.0 += u32::from(line[0] - b'0');
        transport.pause_producing();
        let transport = transport.clone();
        Reactor::with_current(|reactor| {
            reactor.call_soon(move |_| transport.resume_producing());
        });
    }

    fn peer_done(&mut self, transport: &Transport) {
        transport.write(self.0.to_string().as_bytes());
        self.1.add("summed");
        transport.lose_connection();
    }
}

/// Also when each line waits for a pause to end.
#[test]
fn lines_are_complete_when_the_peer_is_done() {
    within(DEADLINE, || {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        let seen = log.clone();
        let port = reactor
            .listen_tcp("127.0.0.1:0", move |_| LineReceiver::new(Sum(0, seen.clone())))
            .unwrap();
        let mut peer = TcpStream::connect(port.address()).unwrap();
        peer.write_all(b"1\n2\n3\n4\n5\n9").unwrap();
        peer.shutdown(Shutdown::Write).unwrap();
        turn_until(&reactor, || has(&log, "summed"));
        turn_a_little(&reactor);
        let mut answer = String::new();
        peer.read_to_string(&mut answer).unwrap();
        assert_eq!(answer, "15", "the line without an end is dropped");
    });
}
