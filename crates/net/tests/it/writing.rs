//! What goes out: at once if nothing waits, buffered otherwise, with a word about pressure.

use crate::fixture::{Pair, Probe, count, has, pair, thread, turn_a_little, turn_until};
use ropewalk_net::{ConnectionLost, KeepAlive, Pressure};
use ropewalk_reactor::Reactor;
use ropewalk_testing::{DEADLINE, EventLog, failure_as, success_of, within};
use std::io::{Read as _, Write as _};
use std::time::Duration;

const MIB: usize = 1024 * 1024;

/// Bytes without a period that a buffer could share.
fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|n| (n % 251) as u8).collect()
}

#[test]
fn what_is_echoed_comes_back() {
    within(DEADLINE, || {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        let mut pair = pair(&reactor, Probe::new(&log).echo());
        pair.peer.write_all(b"hello").unwrap();
        turn_until(&reactor, || has(&log, "data hello"));
        let mut answer = [0; 5];
        pair.peer.read_exact(&mut answer).unwrap();
        assert_eq!(&answer, b"hello");
        assert_eq!(log.take(), ["made", "data hello"]);
    });
}

#[test]
fn w31_a_write_is_sent_at_once_when_nothing_waits() {
    within(DEADLINE, || {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        let mut pair = pair(&reactor, Probe::new(&log));
        assert_eq!(pair.transport.write(b"now"), Pressure::Relaxed);
        assert_eq!(pair.transport.buffered(), 0);
        // No turn of the loop was needed.
        let mut answer = [0; 3];
        pair.peer.read_exact(&mut answer).unwrap();
        assert_eq!(&answer, b"now");
    });
}

#[test]
fn b213_large_writes_arrive_completely_and_i8_in_order() {
    within(DEADLINE, || {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        let pair = pair(&reactor, Probe::new(&log));
        let sent = pattern(16 * MIB);
        for piece in sent.chunks(10_000) {
            pair.transport.write(piece);
        }
        pair.transport.write_sequence(&[b"the ", b"", b"end"]);
        assert!(pair.transport.buffered() > MIB);
        pair.transport.lose_connection();
        let mut peer = pair.peer;
        let reader = thread(move || {
            let mut all = Vec::new();
            peer.read_to_end(&mut all).map(|_| all).unwrap()
        });
        turn_until(&reactor, || has(&log, "lost done"));
        let received = reader.join().unwrap();
        assert!(received[..16 * MIB] == sent);
        assert_eq!(&received[16 * MIB..], b"the end");
    });
}

#[test]
fn b199_w7_a_slow_reader_is_pressure_and_no_error_and_then_drained() {
    within(DEADLINE, || {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        let pair = pair(&reactor, Probe::new(&log));
        let block = pattern(256 * 1024);
        let mut written = 0;
        while !pair.transport.write(&block).is_high() {
            written += block.len();
            assert!(written < 64 * MIB, "no pressure, whatever is written");
        }
        written += block.len();
        assert!(pair.transport.buffered() > pair.transport.write_limits().1);
        turn_a_little(&reactor);
        assert_eq!(count(&log, "drained"), 0);
        let flushed = pair.transport.flushed();

        let mut peer = pair.peer;
        let reader = thread(move || {
            let mut all = vec![0; written];
            peer.read_exact(&mut all).map(|()| peer).unwrap()
        });
        turn_until(&reactor, || has(&log, "drained"));
        success_of(flushed);
        assert_eq!(pair.transport.buffered(), 0);
        drop(reader.join().unwrap());
    });
}

#[test]
fn the_write_limit_can_be_moved() {
    within(DEADLINE, || {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        let pair = pair(&reactor, Probe::new(&log));
        while pair.transport.buffered() == 0 {
            pair.transport.write(&[0; 65_536]);
        }
        pair.transport.set_write_limits(0, usize::MAX);
        assert_eq!(pair.transport.write(&[0; 1_000_000]), Pressure::Relaxed);
        pair.transport.set_write_limits(0, 0);
        assert_eq!(pair.transport.write(b""), Pressure::High);
    });
}

#[test]
fn flushed_fires_at_once_when_nothing_waits_and_fails_with_the_connection() {
    within(DEADLINE, || {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        let pair = pair(&reactor, Probe::new(&log));
        success_of(pair.transport.flushed());
        while pair.transport.buffered() == 0 {
            pair.transport.write(&[0; 65_536]);
        }
        let never = pair.transport.flushed();
        drop(pair.peer); // with unread data: a reset
        turn_until(&reactor, || has(&log, "lost broken"));
        assert!(matches!(failure_as::<ConnectionLost, _>(never), ConnectionLost::Lost(_)));
        let _: ConnectionLost = failure_as(pair.transport.flushed());
    });
}

#[test]
fn b200_writes_after_the_end_are_dropped() {
    within(DEADLINE, || {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        let pair = pair(&reactor, Probe::new(&log));
        drop(pair.peer);
        turn_until(&reactor, || has(&log, "lost done"));
        assert_eq!(pair.transport.write(&[0; 1_000_000]), Pressure::Relaxed);
        pair.transport.write_sequence(&[b"a", b"b"]);
        assert_eq!(pair.transport.buffered(), 0);
        assert!(!pair.transport.is_connected());
        pair.transport.lose_connection();
        pair.transport.abort_connection();
        pair.transport.pause_producing();
        pair.transport.resume_producing();
        pair.transport.set_nodelay(true).unwrap();
        pair.transport.set_keepalive(true).unwrap();
        turn_a_little(&reactor);
        assert_eq!(log.take(), ["made", "lost done"]);
    });
}

#[test]
fn writes_after_lose_connection_are_dropped() {
    within(DEADLINE, || {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        let mut pair = pair(&reactor, Probe::new(&log));
        pair.transport.write(b"before");
        pair.transport.lose_connection();
        pair.transport.write(b"after");
        turn_until(&reactor, || has(&log, "lost done"));
        let mut all = Vec::new();
        pair.peer.read_to_end(&mut all).unwrap();
        assert_eq!(all, b"before");
    });
}

#[test]
fn socket_options_are_set_and_can_be_asked_for() {
    within(DEADLINE, || {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        let Pair { peer, transport, port: _port } = pair(&reactor, Probe::new(&log));
        for on in [true, false, true] {
            transport.set_nodelay(on).unwrap();
            transport.set_keepalive(on).unwrap();
            assert_eq!((transport.nodelay().unwrap(), transport.keepalive().unwrap()), (on, on));
        }
        transport.set_keepalive(false).unwrap();
        let short = Duration::from_millis(1);
        let keep_alive = KeepAlive::new().idle(short).interval(short).probes(2);
        transport.set_keepalive_with(keep_alive).unwrap();
        assert!(transport.keepalive().unwrap());
        drop(peer);
        turn_until(&reactor, || has(&log, "lost done"));
        transport.set_keepalive_with(keep_alive).unwrap();
        assert!(!transport.keepalive().unwrap() && !transport.nodelay().unwrap());
    });
}

/// What is refused is said: a time that no system has room for.
#[test]
#[cfg(target_os = "linux")]
fn a_setting_that_the_system_refuses_is_an_error() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let Pair { peer: _peer, transport, port: _port } =
            pair(&reactor, Probe::new(&EventLog::new()));
        let never = KeepAlive::new().idle(Duration::MAX);
        assert_eq!(
            transport.set_keepalive_with(never).unwrap_err().kind(),
            std::io::ErrorKind::InvalidInput,
        );
    });
}

/// The system takes 1024 pieces in one call, and refuses more as a whole.
#[test]
fn b213_any_number_of_pieces_is_sent() {
    within(DEADLINE, || {
        for owned in [false, true] {
            let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
            let Pair { mut peer, transport, .. } = pair(&reactor, Probe::new(&log));
            let sent = pattern(5_000);
            // The first of them say nothing.
            let pieces: Vec<&[u8]> =
                std::iter::repeat_n(&[][..], 3_000).chain(sent.chunks(2)).collect();
            match owned {
                true => transport.write_owned_sequence(pieces.into_iter().map(<[u8]>::to_vec)),
                false => transport.write_sequence(&pieces),
            };
            transport.lose_connection();
            turn_until(&reactor, || has(&log, "lost done"));
            let mut received = Vec::new();
            peer.read_to_end(&mut received).unwrap();
            assert!(received == sent, "{} bytes", received.len());
        }
    });
}
