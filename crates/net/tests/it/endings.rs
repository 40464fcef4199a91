//! Each way in which a connection ends: one `connection_lost`, with the right reason.

use crate::fixture::{Pair, Probe, Spiteful, count, has, pair, thread, turn_a_little, turn_until};
use ropewalk_net::{ConnectionLost, Transport};
use ropewalk_reactor::Reactor;
use ropewalk_testing::{DEADLINE, EventLog, within};
use std::cell::RefCell;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::rc::Rc;

#[test]
fn the_peer_closes() {
    within(DEADLINE, || {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        let mut pair = pair(&reactor, Probe::new(&log));
        pair.peer.write_all(b"last words").unwrap();
        drop(pair.peer);
        turn_until(&reactor, || has(&log, "lost done"));
        turn_a_little(&reactor);
        assert_eq!(log.take(), ["made", "data last words", "lost done"]);
    });
}

#[test]
fn the_peer_resets() {
    within(DEADLINE, || {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        let reason = Rc::new(RefCell::new(None));
        let seen = Rc::clone(&reason);
        let probe = Probe::new(&log).lost(move |_, reason| {
            seen.replace(Some(reason.clone()));
        });
        let pair = pair(&reactor, probe);
        pair.transport.write(b"unread"); // so that closing is a reset
        drop(pair.peer);
        turn_until(&reactor, || has(&log, "lost broken"));
        let reason = reason.take();
        let Some(ConnectionLost::Lost(error)) = reason else { panic!("{reason:?}") };
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
        turn_a_little(&reactor);
        assert_eq!(count(&log, "lost"), 1);
    });
}

#[test]
fn this_side_loses_the_connection() {
    within(DEADLINE, || {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        let mut pair = pair(&reactor, Probe::new(&log));
        pair.transport.lose_connection();
        pair.transport.lose_connection();
        assert_eq!(log.entries(), ["made"], "never from inside of lose_connection");
        assert!(!pair.transport.is_connected());
        turn_until(&reactor, || has(&log, "lost done"));
        assert_eq!(pair.peer.read(&mut [0]).unwrap(), 0);
        turn_a_little(&reactor);
        assert_eq!(count(&log, "lost"), 1);
    });
}

#[test]
fn this_side_aborts() {
    within(DEADLINE, || {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        let mut pair = pair(&reactor, Probe::new(&log));
        pair.transport.abort_connection();
        pair.transport.abort_connection();
        pair.transport.lose_connection();
        assert_eq!(log.entries(), ["made"], "never from inside of abort_connection");
        turn_until(&reactor, || has(&log, "lost aborted"));
        let error = pair.peer.read(&mut [0]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
        turn_a_little(&reactor);
        assert_eq!(count(&log, "lost"), 1);
    });
}

#[test]
fn an_abort_overtakes_a_loss_that_waits_for_its_peer() {
    within(DEADLINE, || {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        let pair = pair(&reactor, Probe::new(&log));
        while pair.transport.buffered() == 0 {
            pair.transport.write(&[0; 65_536]);
        }
        pair.transport.lose_connection();
        turn_a_little(&reactor);
        assert_eq!(log.entries(), ["made"]);
        pair.transport.abort_connection();
        assert_eq!(pair.transport.buffered(), 0);
        turn_until(&reactor, || has(&log, "lost aborted"));
    });
}

#[test]
fn i3_a_panic_ends_its_connection_and_no_other() {
    within(DEADLINE, || {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        let reason = Rc::new(RefCell::new(None));
        let seen = Rc::clone(&reason);
        let probe = Probe::new(&log).data(|_, _| panic!("a bug in data_received")).lost(
            move |_, reason| {
                seen.replace(Some(reason.clone()));
            },
        );
        let other = EventLog::new();
        let mut healthy = pair(&reactor, Probe::new(&other).echo());
        let mut sick = pair(&reactor, probe);
        sick.peer.write_all(b"x").unwrap();
        turn_until(&reactor, || has(&log, "lost panicked"));
        let reason = reason.take();
        let Some(ConnectionLost::Panicked(panicked)) = reason else { panic!("{reason:?}") };
        assert_eq!(panicked.message(), "a bug in data_received");
        assert_eq!(panicked.location().file(), file!().replace("endings", "fixture"));
        assert_eq!(reactor.stats().panics, 1, "the reactor's panic policy has seen it");
        assert_eq!(sick.peer.read(&mut [0]).unwrap_or(0), 0);

        healthy.peer.write_all(b"y").unwrap();
        turn_until(&reactor, || has(&other, "data y"));
        assert_eq!(count(&log, "lost"), 1);
    });
}

/// In each method but the last the panic is the reason that `connection_lost` is told.
#[test]
fn i3_a_panic_in_any_other_method_is_contained_too() {
    type Method = (fn(Probe) -> Probe, fn(&Transport), &'static str);
    const PEER_DONE: usize = 4;
    let fill = |transport: &Transport| while !transport.write(&[0; 65_536]).is_high() {};
    let reread = |transport: &Transport| {
        transport.pause_producing();
        transport.resume_producing();
    };
    let methods: [Method; 7] = [
        (|probe| probe.made(|_| panic!("a bug")), |_| (), "lost panicked"),
        (|probe| probe.data(|_, _| panic!("a bug")), |_| (), "lost panicked"),
        (|probe| probe.drained(|_| panic!("a bug")), fill, "lost panicked"),
        (|probe| probe.resumed(|_| panic!("a bug")), reread, "lost panicked"),
        (|probe| probe.peer_done(|_| panic!("a bug")), |_| (), "lost panicked"),
        (
            |probe| probe.write_done(|_| panic!("a bug")),
            Transport::lose_write_connection,
            "lost panicked",
        ),
        (|probe| probe.lost(|_, _| panic!("a bug")), Transport::lose_connection, "lost done"),
    ];
    for (number, (change, act, end)) in methods.into_iter().enumerate() {
        within(DEADLINE, || {
            let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
            let mut pair = pair(&reactor, change(Probe::new(&log)));
            act(&pair.transport);
            let peer = thread(move || {
                // It may be gone already.
                let _ = pair.peer.write_all(b"x");
                if number == PEER_DONE {
                    let _ = pair.peer.shutdown(Shutdown::Write);
                }
                let _ = pair.peer.read_to_end(&mut Vec::new());
            });
            turn_until(&reactor, || count(&log, "lost") > 0);
            turn_until(&reactor, || peer.is_finished());
            turn_a_little(&reactor);
            assert_eq!(log.entries().last().unwrap(), end, "{number}");
            assert_eq!((count(&log, "lost"), reactor.stats().panics), (1, 1), "{number}");
            assert_eq!((reactor.stats().sources, reactor.stats().pending_timers), (1, 0));
            peer.join().unwrap();
        });
    }
}

#[test]
fn i3_a_subscriber_that_panics_does_no_harm() {
    within(DEADLINE, || {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        tracing::subscriber::with_default(Spiteful("connection"), || {
            let pair = pair(&reactor, Probe::new(&log));
            drop(pair.peer);
            pair.transport.lose_write_connection();
            turn_until(&reactor, || has(&log, "lost done"));
        });
        turn_a_little(&reactor);
        assert_eq!(log.entries(), ["made", "write done", "lost done"]);
        assert_eq!(reactor.stats().panics, 0);
    });
}

/// B201: the protocol is dropped. B215: the socket is closed.
#[test]
fn b201_b215_nothing_is_kept_of_a_lost_connection() {
    within(DEADLINE, || {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        let payload = Rc::new(());
        let held = Rc::clone(&payload);
        let probe = Probe::new(&log).data(move |_, _| drop(Rc::clone(&held)));
        let pair = pair(&reactor, probe);
        drop(pair.port);
        assert_eq!(reactor.stats().sources, 1);
        drop(pair.peer);
        turn_until(&reactor, || has(&log, "lost done"));
        assert_eq!(Rc::strong_count(&payload), 1, "although the transport is still held");
        assert_eq!(reactor.stats().sources, 0);
        assert_eq!(reactor.stats().pending_timers, 0);
    });
}

/// A reset would overtake what was sent: the socket waits for the peer, but not for ever.
#[test]
fn lose_connection_delivers_what_was_sent_to_a_peer_that_still_sends() {
    within(DEADLINE, || {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        let probe = Probe::new(&log).data(|transport, _| {
            transport.write(b"error: go away\n");
            transport.lose_connection();
        });
        let mut pair = pair(&reactor, probe);
        drop(pair.port);
        pair.peer.write_all(b"first").unwrap();
        turn_until(&reactor, || has(&log, "lost done"));
        for _ in 0..100 {
            pair.peer.write_all(&[b'x'; 1000]).unwrap();
            reactor.turn(Some(std::time::Duration::ZERO)).unwrap();
        }
        let mut all = String::new();
        pair.peer.read_to_string(&mut all).unwrap();
        assert_eq!(all, "error: go away\n");
        assert_eq!(log.entries(), ["made", "data first", "lost done"]);

        pair.peer.shutdown(Shutdown::Write).unwrap();
        turn_until(&reactor, || reactor.stats().sources == 0);
        assert_eq!(reactor.stats().pending_timers, 0);
    });
}

#[test]
fn a_peer_that_never_closes_does_not_keep_the_socket_for_ever() {
    within(DEADLINE, || {
        let clock = ropewalk_reactor::ManualClock::new();
        let reactor = Reactor::builder().manual_clock(&clock).build().unwrap();
        let log = EventLog::new();
        let pair = pair(&reactor, Probe::new(&log));
        drop(pair.port);
        pair.transport.lose_connection();
        turn_until(&reactor, || has(&log, "lost done"));
        assert_eq!(reactor.stats().sources, 1);
        clock.advance(std::time::Duration::from_secs(3));
        assert_eq!(reactor.stats().sources, 0);
    });
}

#[test]
fn b206_both_ends_agree_on_their_addresses() {
    within(DEADLINE, || {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        let pair = pair(&reactor, Probe::new(&log));
        let ends = |peer: &TcpStream| (peer.local_addr().unwrap(), peer.peer_addr().unwrap());
        let (local, remote) = ends(&pair.peer);
        assert_eq!(pair.transport.peer(), local);
        assert_eq!(pair.transport.host(), remote);
        assert_eq!(pair.transport.host().port(), Some(pair.port.address().port()));
    });
}

/// A regular end would make what has arrived look like everything.
#[test]
fn w18_what_is_thrown_away_is_no_regular_end_for_the_peer() {
    within(DEADLINE, || {
        type End = fn(Reactor, &mut TcpStream, &Transport, &EventLog);
        let ends: [(&str, End); 3] = [
            ("lost aborted", |reactor, _, _, _| drop(reactor)),
            ("lost aborted", |reactor, _, transport, _| {
                transport.abort_connection();
                drop(reactor);
            }),
            ("lost panicked", |reactor, peer, _, log| {
                peer.write_all(b"x").unwrap();
                turn_until(&reactor, || has(log, "lost panicked"));
            }),
        ];
        for (number, (reason, end)) in ends.into_iter().enumerate() {
            let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
            let probe = Probe::new(&log).data(|_, _| panic!("a bug"));
            let Pair { mut peer, transport, .. } = pair(&reactor, probe);
            transport.write_owned(vec![7; 20 << 20]);
            end(reactor, &mut peer, &transport, &log);
            assert_eq!(log.entries().last().unwrap(), reason);
            let read = peer.read_to_end(&mut Vec::new());
            let error = read.expect_err(&number.to_string());
            assert_eq!(error.kind(), ErrorKind::ConnectionReset, "{number}");
        }
    });
}
