//! Encrypted connections beside others, and beside themselves: nobody is starved, nothing is kept
//! busy, and what has been decrypted waits for nobody else.

use super::certificates::{client, server};
use super::peer;
use crate::fixture::{
    Probe, Slot, count, has, many, own_address, pair, result_of, stop_and_read, thread,
    turn_a_little, turn_until,
};
use ropewalk_net::{ListeningPort, ReactorNet as _, ReactorTls as _};
use ropewalk_reactor::Reactor;
use ropewalk_testing::{DEADLINE, EventLog, within};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::mpsc::channel;
use std::time::Duration;

fn port_of(reactor: &Reactor, probe: Probe) -> (ListeningPort, Slot) {
    let (slot, mut probe) = (probe.slot(), Some(probe));
    let port = reactor.listen_tls(own_address(), server(), move |_| probe.take().unwrap());
    (port.unwrap(), slot)
}

/// They have begun and do not go on.
#[test]
fn i7_a_thousand_handshakes_that_rest_disturb_nobody() {
    within(2 * DEADLINE, || {
        let all = many("handshakes");
        let (reactor, log, tls) = (Reactor::new().unwrap(), EventLog::new(), server());
        let seen = log.clone();
        let port =
            reactor.listen_tls(own_address(), &tls, move |_| Probe::new(&seen).echo()).unwrap();
        let mut slow = Vec::new();
        for _ in 0..all {
            let mut peer = TcpStream::connect(port.address()).unwrap();
            peer.write_all(&[22, 3, 1]).unwrap();
            slow.push(peer);
            reactor.turn(Some(Duration::ZERO)).unwrap();
        }
        turn_until(&reactor, || tls.handshakes().pending == all as u64);
        turn_a_little(&reactor);
        let before = reactor.stats().events;
        let address = port.address();
        let quick = thread(move || {
            let mut peer = peer::connect(address);
            peer.write_all(b"x").unwrap();
            peer.read_exact(&mut [0]).unwrap();
        });
        turn_until(&reactor, || quick.is_finished());
        quick.join().unwrap();
        let events = reactor.stats().events - before;
        assert!(events < 20, "they keep the loop busy: {events} events");
        drop(slow);
        turn_until(&reactor, || tls.handshakes().failed == all as u64);
        assert_eq!(count(&log, "made"), 1);
    });
}

/// Something waits to be sent and the socket has room: but the peer has its turn.
#[test]
fn i6_a_handshake_that_waits_for_its_peer_does_not_keep_the_loop_busy() {
    within(DEADLINE, || {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        let pair = pair(&reactor, Probe::new(&log));
        let secured = pair.transport.start_tls_client(client(), "localhost");
        pair.transport.write(&vec![7; 1_000_000]);
        turn_a_little(&reactor);
        let before = reactor.stats().events;
        turn_a_little(&reactor);
        assert_eq!(reactor.stats().events, before);
        assert!(pair.transport.buffered() >= 1_000_000);
        drop(secured);
    });
}

/// It came in the same piece as the end of the handshake, and no event tells of it again.
#[test]
fn what_has_been_decrypted_is_not_forgotten_during_a_pause() {
    within(DEADLINE, || {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        let probe = Probe::new(&log).made(|transport| transport.pause_producing());
        let (port, slot) = port_of(&reactor, probe);
        let address = port.address();
        let (done, wait) = channel::<()>();
        let peer = thread(move || {
            let mut peer = peer::connect(address);
            peer.write_all(b"at once").unwrap();
            peer.conn.send_close_notify();
            peer.flush().unwrap();
            // The connection is still there.
            let _ = wait.recv();
        });
        turn_until(&reactor, || has(&log, "secured"));
        turn_a_little(&reactor);
        assert_eq!(log.entries(), ["made", "secured"]);
        slot.get().resume_producing();
        turn_until(&reactor, || has(&log, "lost done"));
        assert_eq!(log.take(), ["made", "secured", "resumed", "data at once", "lost done"]);
        drop(done);
        peer.join().unwrap();
    });
}

/// A goodbye that came with the last data, on a connection that stays open below.
#[test]
fn a_goodbye_behind_data_is_heard() {
    within(DEADLINE, || {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        let (port, _) = port_of(&reactor, Probe::new(&log).peer_done(|_| ()));
        let address = port.address();
        let peer = thread(move || {
            let mut peer = peer::connect(address);
            peer.conn.complete_io(&mut peer.sock).unwrap();
            // Nothing is sent before both are there.
            peer.conn.writer().write_all(b"the last").unwrap();
            peer.conn.send_close_notify();
            peer.flush().unwrap();
            peer
        });
        turn_until(&reactor, || has(&log, "peer done"));
        assert_eq!(log.take(), ["made", "secured", "data the last", "peer done"]);
        drop(peer.join().unwrap());
    });
}

/// A peer that sends without end has its share, and no more.
#[test]
fn i7_an_encrypted_flood_starves_nobody() {
    within(DEADLINE, || {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        let (port, slot) = port_of(&reactor, Probe::new(&EventLog::new()).data(|_, _| ()));
        let address = port.address();
        let flood = thread(move || {
            let mut peer = peer::connect(address);
            while peer.write_all(&[7; 100_000]).is_ok() {}
        });
        let seen = log.clone();
        reactor.call_later(Duration::from_millis(50), move |_| seen.add("timer"));
        let echo = reactor.listen_tcp(own_address(), |_| Probe::new(&EventLog::new()).echo());
        let echo = echo.unwrap();
        let address = echo.address();
        let other = thread(move || {
            let mut peer = TcpStream::connect(address).unwrap();
            for _ in 0..100 {
                peer.write_all(b"x").unwrap();
                peer.read_exact(&mut [0]).unwrap();
            }
        });
        turn_until(&reactor, || has(&log, "timer") && other.is_finished());
        other.join().unwrap();
        slot.get().abort_connection();
        turn_until(&reactor, || flood.is_finished());
        flood.join().unwrap();
    });
}

/// The ends of the session and of all that it holds are those of the connection.
#[test]
fn b201_nothing_is_kept_of_a_lost_connection() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let tls = server();
        let port = reactor.listen_tls(own_address(), &tls, |_| Probe::new(&EventLog::new()));
        let port = port.unwrap();
        let address = port.address();
        let (host, number) = (address.ip().to_string(), address.port());
        let connected = reactor.connect_tls(&host, number, client(), Probe::new(&EventLog::new()));
        let transport = result_of(&reactor, connected).unwrap();
        turn_until(&reactor, || tls.handshakes().completed == 1);
        let shared = std::sync::Arc::strong_count(tls.config());
        transport.lose_connection();
        turn_until(&reactor, || reactor.stats().sources == 1);
        assert!(std::sync::Arc::strong_count(tls.config()) < shared);
        assert_eq!(reactor.stats().pending_timers, 0);
        // The transport is still here; its session is not.
        assert!(transport.tls().is_none());
    });
}

/// It ends in the middle of a write: what of that the session has taken is nobody else's.
#[test]
fn w18_one_whose_peer_is_too_slow_keeps_no_stop_from_sending_what_others_have() {
    const ALL: usize = 20 << 20;
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let (log, others) = (EventLog::new(), EventLog::new());
        let beside = pair(&reactor, Probe::new(&others));
        beside.transport.write_owned(vec![7; ALL]);
        let (port, slot) = port_of(&reactor, Probe::new(&log));
        let address = port.address();
        let deaf = thread(move || {
            let mut deaf = peer::connect(address);
            deaf.conn.complete_io(&mut deaf.sock).unwrap();
            deaf
        });
        turn_until(&reactor, || has(&log, "secured") && deaf.is_finished());
        let _deaf = deaf.join().unwrap();
        let slow = slot.get();
        slow.set_max_buffered(1_000);
        while slow.is_connected() {
            slow.write(&vec![7; 250_000]);
        }
        turn_until(&reactor, || has(&log, "lost too slow"));
        let (read, report) = stop_and_read(&reactor, beside.peer);
        assert_eq!((report.closed(), report.aborted(), report.unsent()), (1, 0, 0));
        assert_eq!(read, ALL);
    });
}
