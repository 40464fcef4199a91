//! This side has sent everything, and still reads.

use crate::fixture::{Probe, count, has, pair, thread, turn_a_little, turn_until};
use ropewalk_net::carrier::{Carrier, Close};
use ropewalk_net::connection::Connection;
use ropewalk_net::{Address, LineProtocol, LineReceiver, Transport};
use ropewalk_reactor::Reactor;
use ropewalk_testing::{DEADLINE, Ending, EventLog, MemoryTransport, within};
use socket2::SockRef;
use std::cell::Cell;
use std::io::{self, IoSlice, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr};
use std::panic::Location;
use std::rc::Rc;
use std::time::Duration;

const MANY: usize = 8 * 1024 * 1024;

#[test]
fn b205_everything_is_sent_first_and_the_answer_still_comes() {
    within(DEADLINE, || {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        let pair = pair(&reactor, Probe::new(&log));
        pair.transport.write(&vec![7; MANY]);
        pair.transport.lose_write_connection();
        assert!(pair.transport.is_connected() && !pair.transport.accepts_writes());
        pair.transport.write(b"too late");
        assert_eq!(log.entries(), ["made"], "never from inside of lose_write_connection");
        let mut peer = pair.peer;
        let peer = thread(move || {
            let mut all = Vec::new();
            peer.read_to_end(&mut all).unwrap();
            peer.write_all(b"got it").unwrap();
            all.len()
        });
        turn_until(&reactor, || has(&log, "lost done"));
        assert_eq!(peer.join().unwrap(), MANY);
        assert_eq!(log.entries(), ["made", "write done", "data got it", "lost done"]);
    });
}

#[test]
fn b205_a_double_half_close_is_one() {
    within(DEADLINE, || {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        let probe = Probe::new(&log).write_done(Transport::lose_write_connection);
        let pair = pair(&reactor, probe);
        pair.transport.lose_write_connection();
        pair.transport.lose_write_connection();
        turn_until(&reactor, || has(&log, "write done"));
        pair.transport.lose_write_connection();
        turn_a_little(&reactor);
        drop(pair.peer);
        turn_until(&reactor, || has(&log, "lost done"));
        turn_a_little(&reactor);
        assert_eq!(log.entries(), ["made", "write done", "lost done"]);
    });
}

/// Although the protocol does not end it when the peer is done.
#[test]
fn b205_the_connection_ends_with_its_second_half() {
    within(DEADLINE, || {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        let first = pair(&reactor, Probe::new(&log).peer_done(|_| ()));
        first.transport.lose_write_connection();
        turn_until(&reactor, || has(&log, "write done"));
        turn_a_little(&reactor);
        first.peer.shutdown(Shutdown::Write).unwrap();
        turn_until(&reactor, || has(&log, "lost done"));
        assert_eq!(log.take(), ["made", "write done", "peer done", "lost done"]);

        let second = pair(&reactor, Probe::new(&log).peer_done(|_| ()));
        second.peer.shutdown(Shutdown::Write).unwrap();
        turn_until(&reactor, || has(&log, "peer done"));
        second.transport.lose_write_connection();
        turn_until(&reactor, || has(&log, "lost done"));
        assert_eq!(log.take(), ["made", "peer done", "write done", "lost done"]);
        drop((first.port, second.port));
        assert_eq!(reactor.stats().sources, 0, "b215: both sockets are closed");
    });
}

#[test]
fn b205_half_closing_a_peer_that_is_gone_is_silent() {
    within(DEADLINE, || {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        let first = pair(&reactor, Probe::new(&log));
        drop(first.peer);
        first.transport.lose_write_connection();
        turn_until(&reactor, || has(&log, "lost done"));

        let second = pair(&reactor, Probe::new(&log));
        second.transport.pause_producing();
        SockRef::from(&second.peer).set_linger(Some(Duration::ZERO)).unwrap();
        drop(second.peer);
        second.transport.lose_write_connection();
        turn_until(&reactor, || count(&log, "write done") == 2);
        second.transport.resume_producing();
        turn_until(&reactor, || count(&log, "lost") == 2);
        turn_a_little(&reactor);
        assert_eq!((count(&log, "lost"), reactor.stats().panics), (2, 0));
    });
}

#[test]
fn b205_i3_a_panic_in_write_done_ends_the_connection() {
    within(DEADLINE, || {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        let pair = pair(&reactor, Probe::new(&log).write_done(|_| panic!("a bug")));
        pair.transport.lose_write_connection();
        turn_until(&reactor, || has(&log, "lost panicked"));
        assert_eq!(reactor.stats().panics, 1);
    });
}

#[test]
fn what_ends_the_connection_does_so_in_the_middle_of_a_half_close_too() {
    type End = fn(&Transport);
    let ends: [(End, Ending, &str); 2] = [
        (Transport::lose_connection, Ending::Gentle, "lost done"),
        (Transport::abort_connection, Ending::Aborted, "lost aborted"),
    ];
    for (end, ending, last) in ends {
        let log = EventLog::new();
        let peer = MemoryTransport::connect(Probe::new(&log));
        peer.take_only(0);
        peer.transport().write(b"unsent");
        peer.transport().lose_write_connection();
        peer.turn();
        assert!(!peer.sees_end());
        end(&peer.transport());
        peer.take_only(None);
        assert_eq!(peer.ending(), Some(ending));
        assert_eq!(log.take(), ["made", last]);
    }
}

#[test]
fn lines_go_on_after_a_half_close() {
    struct Last(EventLog);
    impl LineProtocol for Last {
        fn line_received(&mut self, transport: &Transport, line: &[u8]) {
            self.0.add(String::from_utf8_lossy(line).into_owned());
            transport.lose_write_connection();
        }
        fn write_done(&mut self, _: &Transport) {
            self.0.add("write done");
        }
    }
    let log = EventLog::new();
    let peer = MemoryTransport::connect(LineReceiver::new(Last(log.clone())));
    peer.send(b"one\ntwo\nth");
    assert!(peer.sees_end() && peer.ending().is_none());
    peer.send(b"ree\n");
    peer.close();
    assert_eq!(log.take(), ["one", "two", "write done", "three"]);
    assert_eq!(peer.ending(), Some(Ending::Gentle));
}

/// A carrier that says goodbye in its own words, as an encrypted one does.
#[derive(Default)]
struct Polite {
    unsent: Cell<usize>,
    log: EventLog,
}

impl Carrier for Polite {
    fn read(&self, _: &mut [u8]) -> io::Result<usize> {
        Ok(0)
    }
    fn write(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        Ok(slices.iter().map(|slice| slice.len()).sum())
    }
    fn unsent(&self) -> usize {
        self.unsent.get()
    }
    fn forget_unsent(&self) {
        self.unsent.set(0);
    }
    fn advance(&self) -> io::Result<()> {
        self.unsent.set(0);
        Ok(())
    }
    fn say_goodbye(&self) {
        self.log.add("goodbye");
        self.unsent.set(2);
    }
    fn shut_writing(&self) -> io::Result<()> {
        self.log.add(format!("shut with {} unsent", self.unsent.get()));
        Ok(())
    }
    fn watch(&self, _: bool, _: bool) -> io::Result<()> {
        Ok(())
    }
    fn close(&self, _: &Rc<Connection>, _: Close) {
        self.log.add("closed");
    }
    fn later(&self, _: &Rc<Connection>) {}
}

#[test]
fn the_goodbye_of_the_carrier_comes_before_its_end() {
    let (log, seen) = (EventLog::new(), EventLog::new());
    let end = Address::from(SocketAddr::from(([127, 0, 0, 1], 1)));
    let connection: Rc<Connection> = Rc::new(Connection::new(
        Polite { log: log.clone(), ..Polite::default() },
        Box::new(Probe::new(&seen)),
        (end.clone(), end),
        Location::caller(),
    ));
    connection.start();
    Transport::new(Rc::clone(&connection)).lose_write_connection();
    connection.settle();
    assert_eq!((log.entries(), seen.entries()), (vec!["goodbye".into()], vec!["made".into()]));
    connection.ready(false, true, &mut [0; 9]);
    assert_eq!(log.entries(), ["goodbye", "shut with 0 unsent"]);
    connection.ready(true, false, &mut [0; 9]);
    connection.settle();
    assert_eq!(log.entries(), ["goodbye", "shut with 0 unsent", "closed"]);
    assert_eq!(seen.entries(), ["made", "write done", "lost done"]);
}
