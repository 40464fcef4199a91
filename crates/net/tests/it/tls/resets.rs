//! A peer that resets, in each state of an encrypted connection.

use super::certificates::server;
use super::peer::{self, Peer};
use crate::fixture::{Probe, Slot, count, has, own_address, thread, turn_a_little, turn_until};
use ropewalk_net::{ReactorTls as _, Transport};
use ropewalk_reactor::Reactor;
use ropewalk_testing::{DEADLINE, EventLog, within};
use std::io::{Read as _, Write as _};
use std::time::Duration;

/// What is done here when the handshake is complete, until when the peer waits, what is done here until
/// the reset is noticed, and the end.
type State = (fn(&Transport), fn(&Transport, &EventLog) -> bool, fn(&Transport), &'static str);

fn write(transport: &Transport) {
    transport.write(b"still there?");
}

fn fill(transport: &Transport) {
    while !transport.write(&[7; 65_536]).is_high() {}
}

fn fill_and_lose(transport: &Transport) {
    fill(transport);
    transport.lose_connection();
}

const STATES: [State; 6] = [
    (|_| (), |_, _| true, |_| (), "lost broken"),
    (Transport::pause_producing, |_, _| true, Transport::resume_producing, "lost broken"),
    (Transport::pause_producing, |_, _| true, write, "lost broken"),
    (fill, |transport, _| transport.buffered() > 0, |_| (), "lost broken"),
    (fill_and_lose, |transport, _| transport.buffered() > 0, |_| (), "lost broken"),
    // Its goodbye is sent, and the socket waits for the other one.
    (Transport::lose_connection, |_, log| has(log, "lost done"), |_| (), "lost done"),
];

fn reset(peer: &Peer) {
    socket2::SockRef::from(&peer.sock).set_linger(Some(Duration::ZERO)).unwrap();
}

fn play(number: usize, (act, reached, notice, end): State) {
    let (reactor, log, others) = (Reactor::new().unwrap(), EventLog::new(), EventLog::new());
    let slot = Slot::default();
    let mut probes = vec![Probe::new(&others).echo(), Probe::new(&log).secured(act).at(&slot)];
    let port = reactor.listen_tls(own_address(), server(), move |_| probes.pop().unwrap()).unwrap();
    let address = port.address();
    let handshake = move || {
        let mut peer = peer::connect(address);
        peer.conn.complete_io(&mut peer.sock).unwrap();
        peer
    };
    let first = thread(handshake);
    turn_until(&reactor, || has(&log, "secured") && first.is_finished());
    let (first, transport) = (first.join().unwrap(), slot.get());
    turn_until(&reactor, || reached(&transport, &log));
    reset(&first);
    drop(first);
    turn_until(&reactor, || {
        notice(&transport);
        count(&log, "lost") > 0
    });
    let beside = thread(move || {
        let mut peer = handshake();
        peer.write_all(b"ping").unwrap();
        peer.read_exact(&mut [0; 4]).unwrap();
        peer
    });
    turn_until(&reactor, || beside.is_finished());
    let _beside = beside.join().unwrap();
    turn_until(&reactor, || reactor.stats().sources == 2);
    turn_a_little(&reactor);
    assert_eq!(log.entries().last().unwrap(), end, "{number}");
    assert_eq!((count(&log, "made"), count(&log, "lost")), (1, 1), "{number}");
    assert_eq!((reactor.stats().pending_timers, reactor.stats().panics), (0, 0), "{number}");
    assert_eq!(count(&others, "lost"), 0, "{number}");
}

#[test]
fn b201_b215_a_reset_in_any_state_is_one_end() {
    for (number, state) in STATES.into_iter().enumerate() {
        within(DEADLINE, || play(number, state));
    }
}
