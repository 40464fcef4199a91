//! How a stop ends for those who are not done in time: well, with their number in its report (I9, W18).

use super::MIB;
use crate::fixture::{Pair, Probe, count, pair, thread};
use bytes::Bytes;
use ropewalk_net::{NetReport, Pressure, Producer, Transport};
use ropewalk_reactor::{ManualClock, Phase, Reactor, RunError, SystemEvent};
use ropewalk_testing::{DEADLINE, EventLog, within};
use std::io::{self, ErrorKind, Read as _};
use std::net::TcpStream;
use std::rc::Rc;
use std::sync::mpsc::channel;
use std::thread::JoinHandle;
use std::time::Duration;

const SLOW: usize = 20 * MIB;

/// Stops a reactor with 20 MiB unsent, of which the peer takes 64 KiB in a step of its clock: the system
/// tells of room to write much later. After so many steps the peer takes all the rest; what it got, and
/// what there was to say.
fn stop_with_a_slow_reader(
    deadline: Duration,
    (steps, step): (usize, Duration),
    log: &EventLog,
) -> (io::Result<usize>, NetReport) {
    let clock = ManualClock::new();
    let reactor =
        Reactor::builder().manual_clock(&clock).shutdown_deadline(deadline).build().unwrap();
    let mut pair = pair(&reactor, Probe::new(log));
    pair.transport.write(&vec![7; SLOW]);
    let clock = reactor.share(clock);
    let (begin, begun) = channel();
    let reader = thread(move || {
        begun.recv().unwrap();
        let (mut part, mut all) = (vec![0; 64 * 1024], 0);
        for _ in 0..steps {
            pair.peer.read_exact(&mut part)?;
            all += part.len();
            let (done, moved) = channel();
            let on = move |clock: &Rc<ManualClock>, _: &Reactor| {
                clock.advance(step);
                done.send(()).unwrap();
            };
            if clock.call_from_thread(on).is_err() || moved.recv().is_err() {
                break;
            }
        }
        Ok(all + pair.peer.read_to_end(&mut Vec::new())?)
    });
    reactor.add_system_event_trigger(Phase::Before, SystemEvent::Shutdown, move |_| {
        begin.send(()).unwrap();
    });
    reactor.stop();
    let report = NetReport::of(&reactor.run().unwrap());
    (reader.join().unwrap(), report)
}

const QUARTER: Duration = Duration::from_millis(250);

#[test]
fn a_peer_that_reads_slowly_is_waited_for() {
    within(DEADLINE, || {
        let log = EventLog::new();
        let deadline = Duration::from_secs(30);
        let (read, report) = stop_with_a_slow_reader(deadline, (60, QUARTER), &log);
        assert_eq!(read.unwrap(), SLOW);
        assert_eq!((report.closed(), report.aborted()), (1, 0));
        assert_eq!(log.take(), ["made", "drained", "lost done"]);
    });
}

#[test]
fn w18_a_peer_that_is_too_slow_for_the_deadline_is_aborted_and_counted() {
    within(DEADLINE, || {
        for (deadline, step) in [(Duration::from_secs(5), QUARTER), (QUARTER, QUARTER / 20)] {
            let log = EventLog::new();
            let (read, report) = stop_with_a_slow_reader(deadline, (100, step), &log);
            assert_eq!(read.unwrap_err().kind(), ErrorKind::ConnectionReset);
            assert_eq!((report.closed(), report.aborted()), (0, 1));
            assert_eq!(log.take(), ["made", "lost aborted"]);
        }
    });
}

/// Most of it is for those who read.
#[test]
fn w18_a_short_deadline_is_used_too() {
    within(DEADLINE, || {
        for millis in [4, 100, 500, 740] {
            let (log, deadline) = (EventLog::new(), Duration::from_millis(millis));
            let (read, report) = stop_with_a_slow_reader(deadline, (14, deadline / 20), &log);
            assert_eq!(read.unwrap(), SLOW, "{deadline:?}");
            assert_eq!((report.closed(), report.aborted()), (1, 0));
            assert_eq!(log.take(), ["made", "drained", "lost done"]);
        }
    });
}

#[test]
fn i9_w18_with_no_time_at_all_the_run_says_so() {
    within(DEADLINE, || {
        let reactor = Reactor::builder().shutdown_deadline(Duration::ZERO).build().unwrap();
        let log = EventLog::new();
        let pair = pair(&reactor, Probe::new(&log));
        pair.transport.write(&vec![7; SLOW]);
        reactor.stop();
        let error = reactor.run().unwrap_err();
        assert!(matches!(error, RunError::ShutdownTimedOut(_)), "{error}");
        assert!(error.to_string().contains("connections have something unsent"), "{error}");
        assert_eq!(NetReport::of(&reactor.run_report()).aborted(), 1);
        assert_eq!(log.take(), ["made", "lost aborted"]);
    });
}

/// Writes a piece each time that it is asked, or as many as are taken; and never says that this was all.
struct Endless(Bytes);

impl Producer for Endless {
    fn resume_producing(&mut self, transport: &Transport) {
        transport.write_owned(self.0.clone());
    }
}

struct EndlessPush(Bytes);

impl Producer for EndlessPush {
    fn resume_producing(&mut self, transport: &Transport) {
        while transport.write_owned(self.0.clone()) == Pressure::Relaxed {}
    }
}

/// Reads everything, so that there is progress all the time; how it ended.
fn read_all(mut peer: TcpStream) -> JoinHandle<Option<ErrorKind>> {
    thread(move || {
        let mut buffer = vec![0; MIB];
        loop {
            match peer.read(&mut buffer) {
                Ok(0) => return None,
                Ok(_) => {}
                Err(error) => return Some(error.kind()),
            }
        }
    })
}

fn stop_with_an_endless_producer(register: impl FnOnce(&Transport)) {
    let deadline = Duration::from_millis(600);
    let reactor = Reactor::builder().shutdown_deadline(deadline).build().unwrap();
    let log = EventLog::new();
    let Pair { peer, transport, port: _port } = pair(&reactor, Probe::new(&log));
    register(&transport);
    let reader = read_all(peer);
    reactor.stop();
    let report = NetReport::of(&reactor.run().unwrap());
    assert_eq!((report.closed(), report.aborted()), (0, 1));
    assert_eq!(reader.join().unwrap(), Some(ErrorKind::ConnectionReset));
    assert_eq!(count(&log, "lost"), 1);
    assert_eq!(count(&log, "lost aborted"), 1);
    assert_eq!((reactor.stats().sources, reactor.stats().pending_timers), (0, 0));
}

#[test]
fn i9_w18_a_pull_producer_without_an_end_is_cut_off_at_the_deadline() {
    within(DEADLINE, || {
        for piece in [1, 1000, MIB] {
            let endless = Endless(Bytes::from(vec![7; piece]));
            stop_with_an_endless_producer(|transport| {
                assert!(transport.register_pull_producer(endless).is_ok());
            });
        }
    });
}

#[test]
fn i9_w18_a_push_producer_without_an_end_is_cut_off_at_the_deadline() {
    within(DEADLINE, || {
        let piece = Bytes::from(vec![7; 100_000]);
        let mut endless = EndlessPush(piece);
        stop_with_an_endless_producer(|transport| {
            endless.resume_producing(transport);
            assert!(transport.register_producer(endless).is_ok());
        });
    });
}

/// A session takes some, and the connection keeps the rest: neither is thrown away in silence.
#[cfg(feature = "tls")]
#[test]
fn w18_an_encrypted_connection_whose_peer_takes_nothing_is_aborted_and_counted() {
    use crate::fixture::{Slot, has, own_address, turn_until};
    use crate::tls::{certificates::server, peer};
    use ropewalk_net::ReactorTls as _;
    use std::io::Write as _;
    within(DEADLINE, || {
        // Less than the patience with peers that take nothing.
        let deadline = Duration::from_millis(400);
        let reactor = Reactor::builder().shutdown_deadline(deadline).build().unwrap();
        let (log, slot) = (EventLog::new(), Slot::default());
        let mut probe = Some(Probe::new(&log).at(&slot).data(|transport, _| {
            transport.write(&vec![7; SLOW]);
        }));
        let port = reactor.listen_tls(own_address(), server(), move |_| probe.take().unwrap());
        let port = port.unwrap();
        let address = port.address();
        let (end, ended) = channel::<()>();
        let peer = thread(move || {
            let mut peer = peer::connect(address);
            peer.write_all(b"x").unwrap();
            peer.flush().unwrap();
            // Nothing is read until the run is over.
            let _ = ended.recv();
            peer.read_to_end(&mut Vec::new()).unwrap_err().kind()
        });
        turn_until(&reactor, || has(&log, "data x"));
        let unsent = slot.get().buffered();
        reactor.stop();
        let report = NetReport::of(&reactor.run().unwrap());
        assert_eq!((report.closed(), report.aborted()), (0, 1));
        assert!((1..=unsent).contains(&report.unsent()), "{report:?} of {unsent}");
        assert_eq!(log.take(), ["made", "secured", "data x", "lost aborted"]);
        assert_eq!((reactor.stats().sources, reactor.stats().pending_timers), (0, 0));
        drop(end);
        assert_eq!(peer.join().unwrap(), ErrorKind::ConnectionReset);
    });
}
