//! What a stop does with what is still to be sent, by whatever kind of connection (W18).

use super::MIB;
use crate::fixture::{
    Probe, Slot, count, has, own_address, pair, stop_and_read, turn_a_little, turn_until,
};
#[cfg(unix)]
use crate::unix::Directory;
use ropewalk_net::{Bytes, NetReport, Producer, ReactorNet as _, Transport};
use ropewalk_reactor::{ManualClock, Reactor};
use ropewalk_testing::{DEADLINE, EventLog, within};
use std::io::{ErrorKind, Read};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

const ALL: usize = 20 * MIB;

#[cfg(unix)]
#[test]
fn w18_a_unix_socket_is_sent_everything_too() {
    use ropewalk_net::ReactorUnix as _;
    use std::os::unix::net::UnixStream;
    within(DEADLINE, || {
        let (reactor, log, directory) =
            (Reactor::new().unwrap(), EventLog::new(), Directory::new());
        let (path, seen) = (directory.path("a.sock"), log.clone());
        let _port = reactor.listen_unix(&path, move |_| {
            Probe::new(&seen).made(|transport| {
                transport.write_owned(vec![7; ALL]);
            })
        });
        let peer = UnixStream::connect(&path).unwrap();
        turn_until(&reactor, || has(&log, "made"));
        let (read, report) = stop_and_read(&reactor, peer);
        assert_eq!((read, report.closed(), report.aborted()), (ALL, 1, 0));
        assert_eq!(log.take(), ["made", "drained", "lost done"]);
    });
}

/// Each half that has ended before makes no difference.
#[test]
fn w18_a_connection_that_is_half_closed_sends_everything_too() {
    within(DEADLINE, || {
        for (ours, theirs) in [(true, false), (false, true), (true, true)] {
            let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
            let pair = pair(&reactor, Probe::new(&log).peer_done(|_| ()));
            pair.transport.write_owned(vec![7; ALL]);
            if theirs {
                pair.peer.shutdown(Shutdown::Write).unwrap();
                turn_until(&reactor, || has(&log, "peer done"));
            }
            if ours {
                pair.transport.lose_write_connection();
            }
            let (read, report) = stop_and_read(&reactor, pair.peer);
            // One whose two halves have ended has done so before it could be closed.
            let closed = usize::from(!(ours && theirs));
            assert_eq!((read, report.closed(), report.aborted()), (ALL, closed, 0));
            assert_eq!((count(&log, "lost done"), count(&log, "lost")), (1, 1));
        }
    });
}

/// Writes so many pieces.
struct Pieces(Bytes, usize);

impl Producer for Pieces {
    fn resume_producing(&mut self, transport: &Transport) {
        self.1 -= 1;
        transport.write_owned(self.0.clone());
        if self.1 == 0 {
            transport.unregister_producer();
        }
    }
}

fn connect(reactor: &Reactor, log: &EventLog) -> (TcpStream, Transport) {
    let (mut probe, slot) = (Some(Probe::new(log)), Slot::default());
    probe = probe.map(|probe| probe.at(&slot));
    let port = reactor.listen_tcp(own_address(), move |_| probe.take().unwrap()).unwrap();
    let peer = TcpStream::connect(port.address()).unwrap();
    turn_until(reactor, || has(log, "made"));
    (peer, slot.get())
}

#[test]
fn w18_what_a_producer_has_still_to_give_is_sent() {
    within(DEADLINE, || {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        let (peer, transport) = connect(&reactor, &log);
        let pieces = Pieces(Bytes::from(vec![7; MIB]), ALL / MIB);
        assert!(transport.register_pull_producer(pieces).is_ok());
        turn_until(&reactor, || transport.buffered() > 0);
        let (read, report) = stop_and_read(&reactor, peer);
        assert_eq!((read, report.closed(), report.aborted()), (ALL, 1, 0));
    });
}

/// Writes from outside of its connection, now and then.
struct Slow;

impl Producer for Slow {
    fn resume_producing(&mut self, _: &Transport) {}
}

fn write_later(reactor: &Reactor, transport: Transport, pieces: usize) {
    reactor.call_later(Duration::from_millis(5), move |reactor| {
        transport.write(b"piece");
        match pieces {
            1 => transport.unregister_producer(),
            _ => write_later(reactor, transport, pieces - 1),
        }
    });
}

type Ask = fn(&Transport);

/// Its connection was asked to end: with nothing more than what there is it would look like a whole.
#[test]
fn w18_a_producer_that_the_end_waits_for_is_waited_for() {
    within(DEADLINE, || {
        for pulls in [false, true] {
            for end in [Transport::lose_connection as Ask, Transport::lose_write_connection] {
                let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
                let (peer, transport) = connect(&reactor, &log);
                match pulls {
                    true => transport.register_pull_producer(Slow).ok().unwrap(),
                    false => transport.register_producer(Slow).ok().unwrap(),
                }
                end(&transport);
                write_later(&reactor, transport, 5);
                let (read, report) = stop_and_read(&reactor, peer);
                assert_eq!((read, report.aborted()), (25, 0));
                assert_eq!((count(&log, "lost done"), count(&log, "lost")), (1, 1));
            }
        }
    });
}

#[test]
fn i9_w18_a_producer_that_is_silent_when_the_end_waits_for_it_is_cut_off() {
    within(DEADLINE, || {
        for end in [Transport::lose_connection as Ask, Transport::lose_write_connection] {
            let deadline = Duration::from_millis(200);
            let reactor = Reactor::builder().shutdown_deadline(deadline).build().unwrap();
            let log = EventLog::new();
            let (mut peer, transport) = connect(&reactor, &log);
            transport.write(b"a part");
            transport.register_producer(Slow).ok().unwrap();
            end(&transport);
            reactor.stop();
            let report = NetReport::of(&reactor.run().unwrap());
            assert_eq!((report.closed(), report.aborted(), report.unsent()), (0, 1, 0));
            assert_eq!(log.take(), ["made", "lost aborted"]);
            let error = peer.read_to_end(&mut Vec::new()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ConnectionReset);
        }
    });
}

/// One that nobody has asked to come to an end, as a source of news, has nothing that it owes.
#[test]
fn a_producer_of_an_open_connection_does_not_delay_a_stop() {
    within(DEADLINE, || {
        let clock = ManualClock::new();
        let reactor = Reactor::builder().manual_clock(&clock).build().unwrap();
        let log = EventLog::new();
        let (peer, transport) = connect(&reactor, &log);
        transport.write(b"news");
        transport.register_producer(Slow).ok().unwrap();
        let (read, report) = stop_and_read(&reactor, peer);
        assert_eq!((read, report.closed(), report.aborted()), (4, 1, 0));
        assert_eq!(log.take(), ["made", "lost done"]);
    });
}

/// It is registered, and its reactor stopped, before anybody has called it.
#[test]
fn w18_what_a_producer_has_to_give_that_was_never_asked_is_sent() {
    const COUNT: usize = 3;
    within(DEADLINE, || {
        for iterates in [false, true] {
            let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
            let (peer, transport) = connect(&reactor, &log);
            let piece = Bytes::from_static(b"piece ");
            reactor.call_soon(move |reactor| {
                if iterates {
                    let pieces = std::iter::repeat_n(piece, COUNT);
                    transport.write_pieces(pieces).unwrap().detach();
                } else {
                    assert!(transport.register_pull_producer(Pieces(piece, COUNT)).is_ok());
                }
                reactor.stop();
            });
            let (read, report) = stop_and_read(&reactor, peer);
            assert_eq!(read, 6 * COUNT);
            assert_eq!(report.aborted(), 0);
            assert_eq!(log.take(), ["made", "lost done"]);
        }
    });
}

/// It had nothing when it was asked. What somebody else writes is the sign to ask it again.
#[test]
fn w18_what_a_producer_has_to_give_that_is_to_be_asked_again_is_sent() {
    struct Late(bool, Pieces);
    impl Producer for Late {
        fn resume_producing(&mut self, transport: &Transport) {
            if std::mem::replace(&mut self.0, true) {
                self.1.resume_producing(transport);
            }
        }
    }
    within(DEADLINE, || {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        let (peer, transport) = connect(&reactor, &log);
        let pieces = Pieces(Bytes::from_static(b"piece "), 3);
        assert!(transport.register_pull_producer(Late(false, pieces)).is_ok());
        turn_a_little(&reactor);
        reactor.call_soon(move |_| {
            transport.write(b"now ");
        });
        let (read, report) = stop_and_read(&reactor, peer);
        assert_eq!((read, report.aborted()), (4 + 3 * 6, 0));
        assert_eq!(log.take(), ["made", "lost done"]);
    });
}

/// Whoever does not wait says so to the peer.
#[test]
fn w18_what_a_producer_has_to_give_is_no_regular_end_if_nobody_waits() {
    within(DEADLINE, || {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        let (mut peer, transport) = connect(&reactor, &log);
        reactor.call_soon(move |reactor| {
            let pieces = Pieces(Bytes::from_static(b"piece "), 3);
            assert!(transport.register_pull_producer(pieces).is_ok());
            reactor.stop_now();
        });
        reactor.run().unwrap_err();
        assert_eq!(NetReport::of(&reactor.run_report()).aborted(), 1);
        assert_eq!(log.take(), ["made", "lost aborted"]);
        let read = peer.read_to_end(&mut Vec::new());
        assert_eq!(read.unwrap_err().kind(), ErrorKind::ConnectionReset);
    });
}
