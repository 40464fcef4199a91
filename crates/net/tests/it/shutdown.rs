//! What a stop does to ports, connections and attempts: each has its end, and within bounds.

mod counting;
mod deadlines;
mod runs;
mod sending;

use crate::connecting::Stub;
use crate::fixture::{Probe, count, has, pair, thread, turn_until};
use ropewalk_net::{ConnectError, ConnectErrorKind, ListenErrorKind, NetReport, ReactorNet as _};
use ropewalk_reactor::{Phase, Reactor, SystemEvent};
use ropewalk_testing::{DEADLINE, EventLog, failure_as, no_result, within};
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::rc::Rc;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

const MIB: usize = 1024 * 1024;
/// More than a peer's system takes that reads nothing, and less than it and ours do.
const UNREAD: usize = 2 * 65_536;

/// W18: the reference drops what is unsent when it stops.
#[test]
fn w18_what_is_buffered_is_sent_before_the_run_ends() {
    within(DEADLINE, || {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        let mut pair = pair(&reactor, Probe::new(&log));
        pair.transport.write(&vec![7; 20 * MIB]);
        assert!(pair.transport.buffered() > MIB);
        let (begin, begun) = channel();
        let reader = thread(move || {
            begun.recv().unwrap();
            pair.peer.read_to_end(&mut Vec::new()).unwrap()
        });
        reactor.call_when_running(move |reactor| {
            reactor.stop();
            begin.send(()).unwrap();
        });
        let report = NetReport::of(&reactor.run().unwrap());
        assert_eq!((report.closed(), report.aborted(), report.unsent()), (1, 0, 0));
        assert_eq!(reader.join().unwrap(), 20 * MIB);
        assert_eq!(log.take(), ["made", "drained", "lost done"]);
    });
}

/// W18: what work that holds the shutdown writes meanwhile is sent too.
#[test]
fn w18_what_is_written_during_the_shutdown_is_sent() {
    within(DEADLINE, || {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        let mut pair = pair(&reactor, Probe::new(&log));
        let (begin, begun) = channel();
        let reader = thread(move || {
            begun.recv().unwrap();
            pair.peer.read_to_end(&mut Vec::new()).unwrap()
        });
        let transport = pair.transport;
        reactor.add_system_event_trigger(Phase::Before, SystemEvent::Shutdown, move |reactor| {
            let hold = reactor.hold(SystemEvent::Shutdown);
            reactor.call_later(Duration::from_millis(20), move |_| {
                transport.write(&vec![7; 16 * MIB]);
                drop(hold);
                begin.send(()).unwrap();
            });
        });
        reactor.stop();
        let report = NetReport::of(&reactor.run().unwrap());
        assert_eq!((report.closed(), report.aborted(), report.unsent()), (1, 0, 0));
        assert_eq!(reader.join().unwrap(), 16 * MIB);
        assert_eq!(log.take(), ["made", "drained", "lost done"]);
    });
}

#[test]
fn i9_a_peer_that_does_not_read_delays_the_stop_by_a_few_seconds() {
    within(DEADLINE, || {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        let mut pair = pair(&reactor, Probe::new(&log));
        pair.transport.write(&vec![7; 20 * MIB]);
        let unsent = pair.transport.buffered();
        let flushed = pair.transport.flushed();
        reactor.stop();
        let start = Instant::now();
        let report = NetReport::of(&reactor.run().unwrap());
        assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
        assert_eq!(log.take(), ["made", "lost aborted"]);
        assert_eq!((report.aborted(), report.closed()), (1, 0));
        assert!((1..=unsent).contains(&report.unsent()), "{report:?}");
        let _: ropewalk_net::ConnectionLost = failure_as(flushed);
        assert_eq!((reactor.stats().sources, reactor.stats().pending_timers), (0, 0));
        // A regular end would say that this was everything.
        let error = pair.peer.read_to_end(&mut Vec::new()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    });
}

/// A reset would overtake what was sent.
#[test]
fn a_peer_that_still_sends_gets_everything_that_was_sent() {
    within(DEADLINE, || {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        let mut pair = pair(
            &reactor,
            Probe::new(&log).made(|transport| {
                transport.pause_producing();
            }),
        );
        pair.transport.write(&vec![7; UNREAD]);
        let peer = thread(move || {
            pair.peer.write_all(&vec![8; 8 * MIB]).unwrap();
            pair.peer.read_to_end(&mut Vec::new()).unwrap()
        });
        reactor.stop();
        reactor.run().unwrap();
        assert_eq!(peer.join().unwrap(), UNREAD);
        assert_eq!(count(&log, "lost done"), 1);
        assert_eq!((reactor.stats().sources, reactor.stats().pending_timers), (0, 0));
    });
}

/// Also one that was asked to end before, and waits for its peer in the loop.
#[test]
fn a_connection_that_has_just_ended_is_not_reset_by_the_stop() {
    within(DEADLINE, || {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        let mut pair = pair(
            &reactor,
            Probe::new(&log).made(|transport| {
                transport.pause_producing();
            }),
        );
        pair.transport.write(&vec![7; UNREAD]);
        turn_until(&reactor, || pair.transport.buffered() == 0);
        // As much as there is room for in any system, since nobody reads it.
        pair.peer.write_all(&[8; 10_000]).unwrap();
        let transport = pair.transport;
        reactor.add_system_event_trigger(Phase::Before, SystemEvent::Shutdown, move |reactor| {
            transport.lose_connection();
            // For one more turn.
            let hold = reactor.hold(SystemEvent::Shutdown);
            reactor.call_soon(move |_| drop(hold));
        });
        reactor.stop();
        reactor.run().unwrap();
        assert_eq!(pair.peer.read_to_end(&mut Vec::new()).unwrap(), UNREAD);
        assert_eq!((count(&log, "lost done"), count(&log, "lost")), (1, 1));
    });
}

#[test]
fn i9_a_peer_that_floods_delays_the_stop_by_about_a_second() {
    within(DEADLINE, || {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        let mut pair = pair(&reactor, Probe::new(&log).data(|_, _| {}));
        let flood = thread(move || while pair.peer.write_all(&[8; 65_536]).is_ok() {});
        reactor.call_later(Duration::from_millis(20), Reactor::stop);
        let start = Instant::now();
        reactor.run().unwrap();
        assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
        flood.join().unwrap();
        assert_eq!(count(&log, "lost done"), 1);
        assert_eq!((reactor.stats().sources, reactor.stats().pending_timers), (0, 0));
    });
}

#[test]
fn i2_everything_that_is_open_has_one_end() {
    within(DEADLINE, || {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        let first = pair(&reactor, Probe::new(&log));
        let closing = pair(&reactor, Probe::new(&log));
        let aborting = pair(&reactor, Probe::new(&log));
        let stopping = first.port.stop_listening();
        reactor.install_resolver(Stub::default());
        let looking = reactor.connect_tcp("slow.example", 80, Probe::new(&log));
        let (lose, abort) = (closing.transport, aborting.transport);
        reactor.add_system_event_trigger(Phase::Before, SystemEvent::Shutdown, move |_| {
            lose.lose_connection();
            abort.abort_connection();
        });
        reactor.stop();
        reactor.run().unwrap();
        assert_eq!(count(&log, "lost done"), 2);
        assert_eq!(count(&log, "lost aborted"), 1);
        assert_eq!(count(&log, "lost"), 3);
        let error: ConnectError = failure_as(looking);
        assert!(matches!(error.kind(), ConnectErrorKind::Stopped));
        ropewalk_testing::success_of(stopping);
        assert!(TcpStream::connect(closing.port.address()).is_err());
        let stats = reactor.stats();
        assert_eq!((stats.sources, stats.pending_timers), (0, 0));

        // Nothing is left over for another run either.
        reactor.stop();
        let handle = reactor.handle();
        reactor.call_later(Duration::from_millis(5), |reactor| reactor.stop());
        reactor.run().unwrap();
        drop(handle);
        assert_eq!(count(&log, "lost"), 3);
    });
}

#[test]
fn ports_are_closed_first_and_nothing_new_is_opened_until_the_end() {
    within(DEADLINE, || {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        let seen = log.clone();
        let (refusals, probes) = (EventLog::new(), log.clone());
        let noted = refusals.clone();
        let probe = Probe::new(&log).lost(move |_, _| {
            Reactor::with_current(|reactor| {
                let probes = probes.clone();
                let error =
                    reactor.listen_tcp("127.0.0.1:0", move |_| Probe::new(&probes)).unwrap_err();
                assert!(matches!(error.error().kind(), ListenErrorKind::Stopping));
                let attempt = reactor.connect_tcp("127.0.0.1", 1, Probe::new(&seen));
                let error: ConnectError = failure_as(attempt);
                assert!(matches!(error.kind(), ConnectErrorKind::Stopped));
                noted.add("refused");
            });
        });
        let pair = pair(&reactor, probe);
        let address = pair.port.address();
        let hold = reactor.hold(SystemEvent::Shutdown);
        reactor.add_system_event_trigger(Phase::Before, SystemEvent::Shutdown, move |reactor| {
            reactor.call_soon(move |_| {
                assert!(TcpStream::connect(address).is_err(), "no new clients");
                drop(hold);
            });
        });
        reactor.stop();
        reactor.run().unwrap();
        assert_eq!(refusals.take(), ["refused"]);
        assert_eq!(reactor.stats().panics, 0);

        // After the run, a port may be opened for the next one.
        let again = Probe::new(&log).made(|_| {
            Reactor::with_current(Reactor::stop);
        });
        let mut again = Some(again);
        let port = reactor.listen_tcp(address, move |_| again.take().unwrap()).unwrap();
        let _peer = TcpStream::connect(port.address()).unwrap();
        assert_eq!(log.take(), ["made", "lost done"]);
        reactor.run().unwrap();
        assert_eq!(log.take(), ["made", "lost done"]);
    });
}

#[test]
fn i3_a_panic_in_one_end_does_not_keep_the_others_from_theirs() {
    within(DEADLINE, || {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        let _first = pair(&reactor, Probe::new(&log).lost(|_, _| panic!("a bug")));
        let _second = pair(&reactor, Probe::new(&log).lost(|_, _| panic!("another")));
        let _third = pair(&reactor, Probe::new(&log));
        reactor.stop();
        reactor.run().unwrap();
        assert_eq!(count(&log, "lost done"), 3);
    });
}

#[test]
fn connections_outlive_a_crash() {
    within(DEADLINE, || {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        let pair = pair(&reactor, Probe::new(&log));
        reactor.call_when_running(|reactor| reactor.crash());
        reactor.run().unwrap();
        assert!(pair.transport.is_connected());
        drop(pair.peer);
        turn_until(&reactor, || has(&log, "lost done"));
    });
}

#[test]
fn a_crash_in_the_middle_of_a_shutdown_leaves_the_next_one_whole() {
    within(DEADLINE, || {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        let mut pair = pair(&reactor, Probe::new(&log));
        let hold = reactor.hold(SystemEvent::Shutdown);
        reactor.add_system_event_trigger(Phase::Before, SystemEvent::Shutdown, move |reactor| {
            reactor.call_soon(move |reactor| {
                reactor.crash();
                drop(hold);
            });
        });
        reactor.stop();
        reactor.run().unwrap();
        assert_eq!(log.entries(), ["made"]);

        pair.transport.write(&vec![7; 16 * MIB]);
        let reader = thread(move || pair.peer.read_to_end(&mut Vec::new()).unwrap());
        reactor.call_when_running(|reactor| reactor.stop());
        let report = NetReport::of(&reactor.run().unwrap());
        assert_eq!((report.closed(), report.aborted(), report.unsent()), (1, 0, 0));
        assert_eq!(reader.join().unwrap(), 16 * MIB);
        assert_eq!(log.take(), ["made", "drained", "lost done"]);
    });
}

#[test]
fn i2_a_reactor_that_is_dropped_tells_its_protocols() {
    let log = EventLog::new();
    let reactor = Reactor::new().unwrap();
    let open = within(DEADLINE, || pair(&reactor, Probe::new(&log)));
    let looking = no_result(reactor.connect_tcp("127.0.0.1", 1, Probe::new(&log)));
    drop(reactor);
    assert_eq!(log.take(), ["made", "lost done"]);
    assert!(!open.transport.is_connected());
    open.transport.write(b"nobody is there");
    let _: ropewalk_deferred::Abandoned = failure_as(looking);
    drop(Rc::new(open.port));
}
