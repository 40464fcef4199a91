//! Connections that their protocol gives up, because of what the peer sends.

use crate::fixture::{Probe, Slot, count, has, pair, thread, turn_until};
use ropewalk_net::{
    ConnectionLost, FrameError, Framing, LineProtocol, LineReceiver, LineTooLong, NetReport,
    Producer, ReactorNet as _, StringProtocol, StringReceiver, Transport,
};
use ropewalk_reactor::{Phase, Reactor, SystemEvent};
use ropewalk_testing::{DEADLINE, Ending, EventLog, MemoryTransport, within};
use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

const MIB: usize = 1024 * 1024;

/// Has the defaults, and logs how it ended.
struct Plain(EventLog);

impl Plain {
    fn ended(&self, reason: &ConnectionLost) {
        assert!(!reason.is_clean());
        self.0.add(reason.to_string());
        if let Some(error) = reason.protocol_error::<LineTooLong>() {
            self.0.add(error.limit().to_string());
        }
        if let Some(error) = reason.protocol_error::<FrameError>() {
            self.0.add(format!("{error:?}"));
        }
    }
}

impl LineProtocol for Plain {
    fn line_received(&mut self, _: &Transport, line: &[u8]) {
        self.0.add(String::from_utf8_lossy(line).into_owned());
    }

    fn connection_lost(&mut self, _: &Transport, reason: &ConnectionLost) {
        self.ended(reason);
    }
}

impl StringProtocol for Plain {
    fn string_received(&mut self, _: &Transport, string: &[u8]) {
        self.0.add(String::from_utf8_lossy(string).into_owned());
    }

    fn connection_lost(&mut self, _: &Transport, reason: &ConnectionLost) {
        self.ended(reason);
    }
}

#[test]
fn a_line_that_is_too_long_is_the_reason() {
    let log = EventLog::new();
    let peer = MemoryTransport::connect(LineReceiver::new(Plain(log.clone())).max_length(4));
    peer.send(b"good\nworse\ngood\n");
    let text = "the protocol has given up: the line has more than 4 bytes; send shorter ones";
    assert_eq!(log.take(), ["good", text, "4"]);
    assert_eq!(peer.ending(), Some(Ending::Gentle));
}

#[test]
fn what_is_no_string_is_the_reason() {
    for (framing, said, reason) in [
        (Framing::netstrings(), &b"2:ok,hello"[..], "BadLength"),
        (Framing::netstrings(), b"2:ok,1:ab", "MissingEnd"),
        (Framing::netstrings().max_length(3), b"2:ok,4:", "TooLong { length: 4, limit: 3 }"),
        (Framing::u32(), b"\0\0\0\x02ok\xff\0\0\0", "TooLong { length: 4278190080, limit: 65536 }"),
    ] {
        let log = EventLog::new();
        let peer = MemoryTransport::connect(StringReceiver::new(framing, Plain(log.clone())));
        peer.send(said);
        let told = log.take();
        assert_eq!((told.len(), &*told[0], &*told[2]), (3, "ok", reason));
        assert!(told[1].starts_with("the protocol has given up: a "), "{}", told[1]);
        assert_eq!(peer.ending(), Some(Ending::Gentle));
    }
}

/// Says what is wrong, and gives up.
fn picky(log: &EventLog) -> Probe {
    Probe::new(log).data(|transport, _| {
        transport.write(b"no");
        transport.fail_connection(io::Error::other("a mistake"));
    })
}

/// A reset would overtake it.
#[test]
fn the_answer_arrives_whatever_the_peer_still_sends() {
    within(DEADLINE, || {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        let mut pair = pair(&reactor, picky(&log));
        let peer = thread(move || {
            pair.peer.write_all(&vec![7; 8 * MIB]).unwrap();
            let mut answer = String::new();
            pair.peer.read_to_string(&mut answer).unwrap();
            answer
        });
        turn_until(&reactor, || peer.is_finished());
        assert_eq!(peer.join().unwrap(), "no");
        assert_eq!(count(&log, "lost protocol error"), 1);
        turn_until(&reactor, || reactor.stats().sources == 1);
    });
}

#[test]
fn the_first_reason_counts() {
    type Ask = fn(&Transport);
    let [lose, fail, abort]: [Ask; 3] = [
        Transport::lose_connection,
        |transport| transport.fail_connection("a mistake"),
        Transport::abort_connection,
    ];
    for (first, second, reason) in [
        (lose, fail, "lost done"),
        (fail, lose, "lost protocol error"),
        (fail, fail, "lost protocol error"),
        (abort, fail, "lost aborted"),
        // It is in a hurry.
        (fail, abort, "lost aborted"),
    ] {
        let log = EventLog::new();
        let peer = MemoryTransport::connect(Probe::new(&log).data(move |transport, _| {
            first(transport);
            second(transport);
            assert!(!transport.is_connected());
        }));
        peer.send(b"x");
        assert_eq!(log.take(), ["made", "data x", reason]);
        peer.transport().fail_connection("too late");
    }
}

struct Silent;

impl Producer for Silent {
    fn resume_producing(&mut self, _: &Transport) {}
}

/// As any other end.
#[test]
fn a_producer_is_waited_for() {
    let log = EventLog::new();
    let peer = MemoryTransport::connect(picky(&log).made(|transport| {
        transport.register_producer(Silent).ok().unwrap();
    }));
    peer.send(b"x");
    assert_eq!(log.take(), ["made", "data x"]);
    peer.transport().write(b", really");
    peer.transport().unregister_producer();
    peer.turn();
    assert_eq!(peer.take_received(), b"no, really");
    assert_eq!(log.take(), ["lost protocol error"]);
}

#[test]
fn i9_a_stop_leaves_it_its_reason_if_everything_is_sent() {
    within(DEADLINE, || {
        for (unsent, expected, counts) in
            [(2, "lost protocol error", (1, 0)), (20 * MIB, "lost aborted", (0, 1))]
        {
            let deadline = Duration::from_millis(200);
            let reactor = Reactor::builder().shutdown_deadline(deadline).build().unwrap();
            let (log, slot) = (EventLog::new(), Slot::default());
            let giving_up = slot.clone();
            // Before that of the network.
            reactor.add_system_event_trigger(Phase::During, SystemEvent::Shutdown, move |_| {
                giving_up.get().fail_connection("a mistake");
            });
            let pair = pair(&reactor, Probe::new(&log).at(&slot));
            pair.transport.write_owned(vec![7; unsent]);
            reactor.stop();
            let report = NetReport::of(&reactor.run().unwrap());
            assert_eq!((report.closed(), report.aborted()), counts);
            assert_eq!(log.take(), ["made", expected]);
        }
    });
}

#[test]
fn it_is_not_taken_for_a_regular_end() {
    within(DEADLINE, || {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        let pair = pair(&reactor, picky(&log));
        (&pair.peer).write_all(b"x").unwrap();
        turn_until(&reactor, || has(&log, "lost protocol error"));
        let error = pair.transport.flushed().try_take().unwrap().unwrap_err();
        let reason = error.downcast::<ConnectionLost>().unwrap();
        assert_eq!(reason.protocol_error::<io::Error>().unwrap().to_string(), "a mistake");
        assert!(reason.protocol_error::<LineTooLong>().is_none());
        assert_eq!(io::Error::from(reason).kind(), io::ErrorKind::InvalidData);
    });
}

#[test]
fn w18_what_was_written_before_is_sent_however_slowly() {
    within(DEADLINE, || {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        let seen = log.clone();
        let port = reactor.listen_tcp("127.0.0.1:0", move |_| {
            Probe::new(&seen).made(|transport| {
                transport.write_owned(vec![7; 20 * MIB]);
                transport.fail_connection("a mistake");
            })
        });
        let mut peer = TcpStream::connect(port.as_ref().unwrap().address()).unwrap();
        turn_until(&reactor, || has(&log, "made"));
        let peer = thread(move || peer.read_to_end(&mut Vec::new()).unwrap());
        turn_until(&reactor, || has(&log, "lost protocol error"));
        assert_eq!(peer.join().unwrap(), 20 * MIB);
    });
}

#[cfg(feature = "tls")]
#[test]
fn an_encrypted_connection_says_goodbye() {
    use crate::fixture::own_address;
    use crate::tls::{certificates::server, peer};
    use ropewalk_net::ReactorTls as _;
    within(DEADLINE, || {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        let mut probe = Some(picky(&log));
        let port = reactor.listen_tls(own_address(), server(), move |_| probe.take().unwrap());
        let port = port.unwrap();
        let address = port.address();
        let peer = thread(move || {
            let mut peer = peer::connect(address);
            peer.write_all(b"x").unwrap();
            let mut answer = String::new();
            peer.read_to_string(&mut answer).unwrap();
            answer
        });
        turn_until(&reactor, || peer.is_finished() && has(&log, "lost protocol error"));
        assert_eq!(peer.join().unwrap(), "no");
    });
}
