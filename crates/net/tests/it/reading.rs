//! What comes in: pause, resume, and the end of what the peer sends.

use crate::fixture::{Probe, has, pair, thread, turn_a_little, turn_until};
use ropewalk_reactor::Reactor;
use ropewalk_testing::{DEADLINE, EventLog, within};
use std::io::{Read as _, Write as _};
use std::net::Shutdown;

#[test]
fn a_paused_transport_reads_nothing_until_it_is_resumed() {
    within(DEADLINE, || {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        let mut pair =
            pair(&reactor, Probe::new(&log).made(|transport| transport.pause_producing()));
        pair.peer.write_all(b"wait").unwrap();
        turn_a_little(&reactor);
        assert_eq!(log.entries(), ["made"]);
        assert!(pair.transport.is_paused());

        pair.transport.resume_producing();
        pair.transport.resume_producing();
        assert_eq!(log.entries(), ["made"], "not from inside of resume_producing");
        turn_until(&reactor, || has(&log, "data wait") && has(&log, "resumed"));
        assert_eq!(log.len(), 3);
    });
}

#[test]
fn a_pause_inside_data_received_takes_effect_at_once() {
    within(DEADLINE, || {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        let probe = Probe::new(&log).data(|transport, _| transport.pause_producing());
        let mut pair = pair(&reactor, probe);
        pair.peer.write_all(b"one").unwrap();
        turn_until(&reactor, || has(&log, "data one"));
        pair.peer.write_all(b"two").unwrap();
        turn_a_little(&reactor);
        assert!(!has(&log, "data two"));
        pair.transport.resume_producing();
        turn_until(&reactor, || has(&log, "data two"));
    });
}

/// B213: it is not reading, so it learns of the end when it writes.
#[test]
fn b213_a_paused_transport_learns_of_the_end_by_writing() {
    within(DEADLINE, || {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        let pair = pair(&reactor, Probe::new(&log).made(|transport| transport.pause_producing()));
        drop(pair.peer);
        turn_a_little(&reactor);
        assert_eq!(log.entries(), ["made"]);
        turn_until(&reactor, || {
            pair.transport.write(b"still there?");
            has(&log, "lost broken")
        });
    });
}

#[test]
fn i6_a_paused_connection_whose_peer_is_gone_does_not_keep_the_loop_busy() {
    within(DEADLINE, || {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        let pair = pair(&reactor, Probe::new(&log).made(|transport| transport.pause_producing()));
        pair.peer.shutdown(Shutdown::Both).unwrap();
        drop(pair.peer);
        turn_a_little(&reactor);
        let events = reactor.stats().events;
        turn_a_little(&reactor);
        assert_eq!(reactor.stats().events, events);
    });
}

#[test]
fn i6_idle_connections_cost_no_events() {
    within(DEADLINE, || {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        let _pairs: Vec<_> = (0..10).map(|_| pair(&reactor, Probe::new(&log))).collect();
        turn_a_little(&reactor);
        let before = reactor.stats();
        turn_a_little(&reactor);
        let after = reactor.stats();
        assert_eq!((after.events, after.timers), (before.events, before.timers));
        assert_eq!(after.pending_timers, 0);
    });
}

/// The peer sends its request, closes its half, and reads: it gets what was written for it.
#[test]
fn what_was_written_is_still_sent_after_the_peer_has_closed_its_half() {
    within(DEADLINE, || {
        const ANSWER: usize = 16 * 1024 * 1024;
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        let probe = Probe::new(&log).data(|transport, _| {
            transport.write(&vec![7; ANSWER]);
        });
        let mut pair = pair(&reactor, probe);
        pair.peer.write_all(b"request").unwrap();
        pair.peer.shutdown(Shutdown::Write).unwrap();
        turn_until(&reactor, || !pair.transport.is_connected());
        assert!(pair.transport.buffered() > 0);
        assert_eq!(log.entries(), ["made", "data request"]);
        let reader = thread(move || pair.peer.read_to_end(&mut Vec::new()).unwrap());
        turn_until(&reactor, || has(&log, "lost done"));
        assert_eq!(reader.join().unwrap(), ANSWER);
    });
}
