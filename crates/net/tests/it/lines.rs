//! Lines instead of bytes, on real and on in-memory connections.

use crate::fixture::{thread, turn_until};
use proptest::prelude::{Just, any, prop_assert_eq, proptest};
use proptest::{collection, prop_oneof};
use ropewalk_net::{
    ConnectionLost, LineProtocol, LineReceiver, LineTooLong, ReactorNet as _, Transport, line_text,
};
use ropewalk_reactor::Reactor;
use ropewalk_testing::{DEADLINE, Ending, EventLog, MemoryTransport, within};
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;

/// Logs its lines; some of them are commands.
struct Commands {
    log: EventLog,
    /// Goes on after a line that is too long.
    lenient: bool,
}

impl Commands {
    fn new(log: &EventLog) -> Self {
        Self { log: log.clone(), lenient: false }
    }
}

impl LineProtocol for Commands {
    fn line_received(&mut self, transport: &Transport, line: &[u8]) {
        self.log.add(line_text(line).map_or_else(|error| error.to_string(), str::to_owned));
        match line {
            b"pause" => transport.pause_producing(),
            b"lose" => transport.lose_connection(),
            b"abort" => transport.abort_connection(),
            b"panic" => panic!("a bug"),
            _ => {
                transport.write_sequence(&[line, b"\n"]);
            }
        }
    }

    fn line_length_exceeded(&mut self, transport: &Transport, error: &LineTooLong) {
        self.log.add(format!("more than {}", error.limit()));
        if !self.lenient {
            transport.lose_connection();
        }
    }

    fn connection_lost(&mut self, _: &Transport, _: &ConnectionLost) {
        self.log.add("lost");
    }
}

#[test]
fn lines_go_both_ways() {
    within(DEADLINE, || {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        let seen = log.clone();
        let port = reactor
            .listen_tcp("127.0.0.1:0", move |_| LineReceiver::new(Commands::new(&seen)))
            .unwrap();
        let address = port.address();
        let peer = thread(move || {
            let stream = TcpStream::connect(address).unwrap();
            (&stream).write_all(b"one\r\ntw").unwrap();
            (&stream).write_all("o\nthrée\nlose\nignored\n".as_bytes()).unwrap();
            BufReader::new(stream).lines().map_while(Result::ok).collect::<Vec<_>>()
        });
        turn_until(&reactor, || log.entries().last().is_some_and(|last| last == "lost"));
        assert_eq!(peer.join().unwrap(), ["one", "two", "thrée"]);
        assert_eq!(log.take(), ["one", "two", "thrée", "lose", "lost"]);
    });
}

proptest! {
    #[test]
    fn any_division_of_the_input_gives_the_same_lines(
        text in collection::vec(
            prop_oneof![Just(b'\n'), Just(b'\r'), Just(b'a'), any::<u8>()], 0..200,
        ),
        cuts in collection::vec(1..30_usize, 0..20),
    ) {
        let lines_of = |pieces: &[&[u8]]| {
            let log = EventLog::new();
            let commands = Commands { log: log.clone(), lenient: true };
            let peer = MemoryTransport::connect(LineReceiver::new(commands).max_length(20));
            pieces.iter().for_each(|piece| peer.send(piece));
            log.take()
        };
        let mut pieces = Vec::new();
        let mut rest = text.as_slice();
        for cut in cuts {
            let (piece, left) = rest.split_at(cut.min(rest.len()));
            pieces.push(piece);
            rest = left;
        }
        pieces.push(rest);
        prop_assert_eq!(lines_of(&pieces), lines_of(&[&text]));
    }
}

#[test]
fn the_default_limit_is_16_kib_and_its_end_is_the_end_of_the_connection() {
    let log = EventLog::new();
    let peer = MemoryTransport::connect(LineReceiver::new(Commands::new(&log)));
    peer.send(&[b'x'; 16 * 1024]);
    peer.send(b"\r\n");
    assert_eq!(log.take().len(), 1);
    peer.send(&[b'x'; 16 * 1024 + 1]);
    assert_eq!(log.take(), ["more than 16384", "lost"]);
    assert_eq!(peer.ending(), Some(Ending::Gentle));
}

#[test]
fn a_line_that_is_too_long_may_be_survived() {
    let log = EventLog::new();
    let commands = Commands { log: log.clone(), lenient: true };
    let peer = MemoryTransport::connect(LineReceiver::new(commands).max_length(3));
    peer.send(b"four and ");
    peer.send(b"much more");
    peer.send(b"\nfit\nlonger\nok\n");
    assert_eq!(log.take(), ["more than 3", "fit", "more than 3", "ok"]);
    assert_eq!(peer.ending(), None);
}

#[test]
fn a_pause_keeps_the_lines_that_have_come_until_reading_goes_on() {
    let log = EventLog::new();
    let peer = MemoryTransport::connect(LineReceiver::new(Commands::new(&log)));
    peer.send(b"one\npause\ntwo\npause\nthree\nfo");
    peer.send(b"ur\n");
    assert_eq!(log.take(), ["one", "pause"]);
    peer.transport().resume_producing();
    peer.turn();
    assert_eq!(log.take(), ["two", "pause"]);
    peer.transport().resume_producing();
    peer.turn();
    assert_eq!(log.take(), ["three", "four"]);
}

#[test]
fn no_line_is_given_after_the_connection_was_asked_to_end() {
    for end in ["lose", "abort"] {
        let log = EventLog::new();
        let peer = MemoryTransport::connect(LineReceiver::new(Commands::new(&log)));
        peer.send(format!("{end}\nignored\n").as_bytes());
        assert_eq!(log.take(), [end, "lost"]);
    }
}

#[test]
fn a_line_without_its_end_is_dropped_with_the_connection() {
    let log = EventLog::new();
    let peer = MemoryTransport::connect(LineReceiver::new(Commands::new(&log)));
    peer.send(b"whole\nhalf");
    peer.close();
    assert_eq!(log.take(), ["whole", "lost"]);
}

/// Pauses with each line, and goes on in a later turn; what it owes the peer is large.
struct Paced {
    log: EventLog,
    answer: usize,
}

impl LineProtocol for Paced {
    fn line_received(&mut self, transport: &Transport, line: &[u8]) {
        self.log.add(String::from_utf8_lossy(line).into_owned());
        transport.write(&vec![7; self.answer]);
        transport.pause_producing();
        let transport = transport.clone();
        Reactor::with_current(|reactor| {
            reactor.call_soon(move |_| transport.resume_producing());
        });
    }

    fn connection_lost(&mut self, _: &Transport, reason: &ConnectionLost) {
        self.log.add(reason.to_string());
    }
}

/// I2: a line that came complete is given, although the end of the connection came with it.
#[test]
fn i2_no_line_is_lost_when_the_end_comes_while_reading_is_being_resumed() {
    // Without and with something unsent at the end.
    for answer in [0, 2 * 1024 * 1024] {
        within(DEADLINE, move || {
            let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
            let seen = log.clone();
            let port = reactor
                .listen_tcp("127.0.0.1:0", move |_| {
                    LineReceiver::new(Paced { log: seen.clone(), answer })
                })
                .unwrap();
            let mut stream = TcpStream::connect(port.address()).unwrap();
            stream.write_all(b"1\n2\n3\n4\n5\n").unwrap();
            stream.shutdown(std::net::Shutdown::Write).unwrap();
            turn_until(&reactor, || log.len() >= 5);
            let peer = thread(move || std::io::copy(&mut stream, &mut std::io::sink()).unwrap());
            turn_until(&reactor, || log.len() == 6);
            let end = ConnectionLost::Done.to_string();
            assert_eq!(log.take(), ["1", "2", "3", "4", "5", end.as_str()]);
            assert_eq!(peer.join().unwrap(), 5 * answer as u64);
        });
    }
}

#[test]
fn another_delimiter_is_taken_exactly() {
    let log = EventLog::new();
    let lines = LineReceiver::new(Commands::new(&log)).delimiter(*b"\r\n");
    let peer = MemoryTransport::connect(lines);
    peer.send(b"with a \n inside\r");
    peer.send(b"\n\r\r\n");
    assert_eq!(log.take(), ["with a \n inside", "\r"]);
}

#[test]
#[should_panic(expected = "a line cannot end with nothing")]
fn an_empty_delimiter_is_a_mistake() {
    let _ = LineReceiver::new(Commands::new(&EventLog::new())).delimiter(Vec::new());
}

#[test]
fn bad_utf8_is_an_error_that_says_where() {
    let error = line_text(b"ab\xffcd").unwrap_err();
    assert_eq!(error.valid_up_to(), 2);
    assert!(error.to_string().contains("byte 2"));
}

/// I10: a million lines in one piece are a loop, not a recursion.
#[test]
fn i10_a_million_lines_in_one_go() {
    struct Count(u32, EventLog<u32>);
    impl LineProtocol for Count {
        fn line_received(&mut self, transport: &Transport, _: &[u8]) {
            self.0 += 1;
            if self.0 == 1_000_000 {
                transport.lose_connection();
            }
        }
        fn connection_lost(&mut self, _: &Transport, _: &ConnectionLost) {
            self.1.add(self.0);
        }
    }
    let log = EventLog::default();
    let peer = MemoryTransport::connect(LineReceiver::new(Count(0, log.clone())));
    peer.send(&b"\n".repeat(1_000_000));
    assert_eq!(log.take(), [1_000_000]);
}
