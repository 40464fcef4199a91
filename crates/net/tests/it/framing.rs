//! Strings of bytes instead of a stream, on real and on in-memory connections.

use crate::fixture::{thread, turn_until};
use proptest::prelude::{Just, any, prop_assert_eq, proptest};
use proptest::{collection, prop_oneof, test_runner::Config};
use ropewalk_net::{
    ConnectionLost, FrameError, Framing, LineTooLong, ReactorNet as _, StringProtocol,
    StringReceiver, Transport,
};
use ropewalk_reactor::Reactor;
use ropewalk_testing::{DEADLINE, Ending, EventLog, MemoryTransport, within};
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream};

/// Logs its strings; some of them are commands.
struct Commands {
    log: EventLog,
    framing: Framing,
    /// Goes on after what is not a string.
    lenient: bool,
}

impl StringProtocol for Commands {
    fn string_received(&mut self, transport: &Transport, string: &[u8]) {
        self.log.add(String::from_utf8_lossy(string).into_owned());
        match string {
            b"pause" => transport.pause_producing(),
            b"lose" => transport.lose_connection(),
            b"abort" => transport.abort_connection(),
            b"panic" => panic!("a bug"),
            _ => drop(self.framing.send_string(transport, string)),
        }
    }

    fn framing_failed(&mut self, transport: &Transport, error: &FrameError) {
        self.log.add(error.to_string());
        if !self.lenient {
            transport.lose_connection();
        }
    }

    fn connection_lost(&mut self, _: &Transport, _: &ConnectionLost) {
        self.log.add("lost");
    }
}

fn receiver(log: &EventLog, framing: Framing) -> StringReceiver<Commands> {
    StringReceiver::new(framing, Commands { log: log.clone(), framing, lenient: false })
}

fn connect(log: &EventLog, framing: Framing) -> MemoryTransport {
    MemoryTransport::connect(receiver(log, framing))
}

#[test]
fn each_format_goes_both_ways() {
    let formats: [(Framing, &[u8]); 6] = [
        (Framing::netstrings(), b"5:hello,0:,2:a,,"),
        (Framing::u8(), b"\x05hello\x00\x02a,"),
        (Framing::u16(), b"\x00\x05hello\x00\x00\x00\x02a,"),
        (Framing::u16().little_endian(), b"\x05\x00hello\x00\x00\x02\x00a,"),
        (Framing::u32(), b"\x00\x00\x00\x05hello\x00\x00\x00\x00\x00\x00\x00\x02a,"),
        (
            Framing::u32().little_endian(),
            b"\x05\x00\x00\x00hello\x00\x00\x00\x00\x02\x00\x00\x00a,",
        ),
    ];
    for (framing, wire) in formats {
        let log = EventLog::new();
        let peer = connect(&log, framing);
        peer.send(wire);
        assert_eq!(log.take(), ["hello", "", "a,"], "{framing:?}");
        assert_eq!(peer.take_received(), wire, "{framing:?}");
        for byte in wire {
            peer.send(&[*byte]);
        }
        assert_eq!(log.take(), ["hello", "", "a,"], "{framing:?}, byte by byte");
    }
}

#[test]
fn a_large_string_crosses_a_real_connection() {
    const LENGTH: usize = 3_000_000;
    const FRAMING: Framing = Framing::u32().max_length(LENGTH);
    within(DEADLINE, || {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        let seen = log.clone();
        let port = reactor.listen_tcp("127.0.0.1:0", move |_| receiver(&seen, FRAMING)).unwrap();
        let mut stream = TcpStream::connect(port.address()).unwrap();
        let peer = thread(move || {
            let mut wire = (LENGTH as u32).to_be_bytes().to_vec();
            wire.resize(4 + LENGTH, b'x');
            stream.write_all(&wire).unwrap();
            stream.shutdown(Shutdown::Write).unwrap();
            let mut all = Vec::new();
            stream.read_to_end(&mut all).unwrap();
            assert!(all == wire);
        });
        turn_until(&reactor, || log.entries().last().is_some_and(|last| last == "lost"));
        peer.join().unwrap();
        assert_eq!(log.len(), 2);
    });
}

proptest! {
    #![proptest_config(Config { failure_persistence: None, ..Config::default() })]

    #[test]
    fn any_bytes_in_any_division_are_taken_the_same_way(
        lenient in any::<bool>(),
        framing in prop_oneof![
            Just(Framing::netstrings()), Just(Framing::u8()), Just(Framing::u16().little_endian()),
        ],
        bytes in collection::vec(
            prop_oneof![Just(b'1'), Just(b':'), Just(b','), Just(0), any::<u8>()], 0..200,
        ),
        cuts in collection::vec(0..30_usize, 0..20),
    ) {
        let framing = framing.max_length(15);
        let strings_of = |pieces: &[&[u8]]| {
            let log = EventLog::new();
            let commands = Commands { log: log.clone(), framing, lenient };
            let peer = MemoryTransport::connect(StringReceiver::new(framing, commands));
            pieces.iter().for_each(|piece| peer.send(piece));
            log.take()
        };
        let (mut pieces, mut rest) = (Vec::new(), bytes.as_slice());
        for cut in cuts {
            let (piece, left) = rest.split_at(cut.min(rest.len()));
            pieces.push(piece);
            rest = left;
        }
        pieces.push(rest);
        prop_assert_eq!(strings_of(&pieces), strings_of(&[&bytes]));
    }
}

#[test]
fn a_string_that_is_too_long_ends_the_connection_unless_it_may_go_on() {
    for framing in [Framing::netstrings(), Framing::u16()].map(|framing| framing.max_length(3)) {
        let wire: &[u8] = if framing == Framing::netstrings().max_length(3) {
            b"5:hello,3:abc,"
        } else {
            b"\0\x05hello\0\x03abc"
        };
        let log = EventLog::new();
        let peer = connect(&log, framing);
        peer.send(wire);
        let complaint = "a string of 5 bytes is longer than 3; send shorter ones";
        assert_eq!(log.take(), [complaint, "lost"]);
        assert_eq!(peer.ending(), Some(Ending::Gentle));

        let lenient = Commands { log: log.clone(), framing, lenient: true };
        let peer = MemoryTransport::connect(StringReceiver::new(framing, lenient));
        wire.chunks(3).for_each(|piece| peer.send(piece));
        assert_eq!(log.take(), [complaint, "abc"]);
    }
}

#[test]
fn what_is_no_netstring_ends_the_connection() {
    for (wire, complaint) in [
        (
            &b"hello"[..],
            "a netstring does not begin with a length: digits, without a needless zero, and a colon",
        ),
        (b"1:ab", "a netstring does not end with a comma where its length says"),
    ] {
        let log = EventLog::new();
        let peer = connect(&log, Framing::netstrings());
        peer.send(wire);
        peer.send(b"1:x,");
        assert_eq!(log.take(), [complaint, "lost"]);
        assert_eq!(peer.ending(), Some(Ending::Gentle));
    }
}

#[test]
fn none_is_given_after_a_pause_or_an_end() {
    let log = EventLog::new();
    let peer = connect(&log, Framing::netstrings());
    peer.send(b"5:pause,1:a,5:pause,1:b,4:lose,1:c,");
    assert_eq!(log.take(), ["pause"]);
    peer.transport().resume_producing();
    peer.turn();
    assert_eq!(log.take(), ["a", "pause"]);
    peer.transport().resume_producing();
    peer.turn();
    assert_eq!(log.take(), ["b", "lose", "lost"]);
    let peer = connect(&log, Framing::u8());
    peer.send(b"\x05abort\x01a");
    assert_eq!(log.take(), ["abort", "lost"]);
}

#[test]
fn one_without_an_end_is_dropped_with_the_connection() {
    let log = EventLog::new();
    let peer = connect(&log, Framing::u16());
    peer.send(b"\0\x05whole\0\x05hal");
    peer.close();
    assert_eq!(log.take(), ["whole", "lost"]);
}

#[test]
fn what_is_too_long_to_be_sent_comes_back() {
    let peer = connect(&EventLog::new(), Framing::u8());
    let transport = peer.transport();
    let long = vec![7; 256];
    let refused = Framing::u8().send_string(&transport, &long).unwrap_err();
    assert_eq!(refused.to_string(), "the string has more than 255 bytes; send it in parts");
    assert_eq!((refused.limit(), refused.into_string()), (255, &long));
    let short = Framing::netstrings().max_length(1);
    let refused = short.send_string_owned(&transport, "ab").unwrap_err();
    assert_eq!(refused.to_string(), "the string has more than 1 byte; send it in parts");
    assert_eq!(refused.into_string(), "ab");
    assert!(peer.take_received().is_empty());
    Framing::u8().send_string_owned(&transport, long[1..].to_vec()).unwrap();
    assert_eq!(peer.take_received().len(), 256);
}

/// I10: a million strings in one piece are a loop, and a pause after each moves nothing.
#[test]
fn i10_many_strings_in_one_go_with_a_pause_after_each() {
    struct Paced(u32, EventLog<u32>);
    impl StringProtocol for Paced {
        fn string_received(&mut self, transport: &Transport, _: &[u8]) {
            self.0 += 1;
            self.1.add(self.0);
            if self.0 % 2 == 0 {
                transport.pause_producing();
                transport.resume_producing();
            }
        }
    }
    let log = EventLog::default();
    let peer = MemoryTransport::connect(StringReceiver::new(Framing::u8(), Paced(0, log.clone())));
    peer.send(&[0; 1_000_000]);
    assert_eq!(log.len(), 1_000_000);
}

#[test]
fn one_byte_is_not_one_bytes() {
    let log = EventLog::new();
    struct Lines(EventLog);
    impl ropewalk_net::LineProtocol for Lines {
        fn line_received(&mut self, _: &Transport, _: &[u8]) {}
        fn line_length_exceeded(&mut self, _: &Transport, error: &LineTooLong) {
            self.0.add(error.to_string());
        }
    }
    let lines = ropewalk_net::LineReceiver::new(Lines(log.clone())).max_length(1);
    MemoryTransport::connect(lines).send(b"ab\n");
    assert_eq!(log.take(), ["the line has more than 1 byte; send shorter ones"]);
}
