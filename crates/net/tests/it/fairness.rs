//! No peer can take the loop for itself (I7).

use crate::fixture::{Probe, count, has, pair, turn_until};
use ropewalk_net::carrier::{Carrier, Close};
use ropewalk_net::connection::Connection;
use ropewalk_net::{Address, ReactorNet as _};
use ropewalk_reactor::Reactor;
use ropewalk_testing::{DEADLINE, EventLog, within};
use std::cell::Cell;
use std::io::{self, IoSlice, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::panic::Location;
use std::rc::Rc;
use std::time::Duration;

/// A peer that always has something to say.
struct Endless(Rc<Cell<usize>>);

impl Carrier for Endless {
    fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.set(self.0.get() + 1);
        assert!(self.0.get() < 100, "no end of reading in one event");
        Ok(buffer.len())
    }
    fn write(&self, _: &[IoSlice<'_>]) -> io::Result<usize> {
        Err(io::ErrorKind::WouldBlock.into())
    }
    fn watch(&self, _: bool, _: bool) -> io::Result<()> {
        Ok(())
    }
    fn close(&self, _: &Rc<Connection>, _: Close) {}
    fn later(&self, _: &Rc<Connection>) {}
}

#[test]
fn i7_one_event_reads_only_so_much() {
    let reads = Rc::new(Cell::new(0));
    let end = Address::from(SocketAddr::from(([127, 0, 0, 1], 1)));
    let connection: Rc<Connection> = Rc::new(Connection::new(
        Endless(Rc::clone(&reads)),
        Box::new(Probe::new(&EventLog::new())),
        (end.clone(), end),
        Location::caller(),
    ));
    connection.start();
    connection.ready(true, false, &mut [0; 64]);
    assert_eq!(reads.get(), 4);
}

#[test]
fn i7_one_turn_accepts_only_so_many() {
    within(DEADLINE, || {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        let seen = log.clone();
        let port = reactor.listen_tcp("127.0.0.1:0", move |_| Probe::new(&seen)).unwrap();
        let peers: Vec<_> = (0..100).map(|_| TcpStream::connect(port.address()).unwrap()).collect();
        while count(&log, "made") < peers.len() {
            let before = count(&log, "made");
            reactor.turn(Some(Duration::from_millis(20))).unwrap();
            assert!(count(&log, "made") - before <= 64);
        }
    });
}

/// Every look at the clock finds the time over: one connection in each turn.
#[test]
fn i7_w12_slow_connections_leave_time_for_the_others_and_none_is_forgotten() {
    within(DEADLINE, || {
        let reactor = Reactor::builder().time_budget(Duration::ZERO).build().unwrap();
        let log = EventLog::new();
        let seen = log.clone();
        let port = reactor.listen_tcp("127.0.0.1:0", move |_| Probe::new(&seen)).unwrap();
        let peers: Vec<_> = (0..5).map(|_| TcpStream::connect(port.address()).unwrap()).collect();
        while count(&log, "made") < peers.len() {
            let before = count(&log, "made");
            reactor.turn(None).unwrap();
            assert!(count(&log, "made") - before <= 1);
        }
    });
}

#[test]
fn i7_a_protocol_that_answers_itself_for_ever_starves_nobody() {
    within(DEADLINE, || {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        let probe = || Probe::new(&EventLog::new()).echo();
        // Two ends of one connection, each of which sends back what it gets.
        let mut other = Some(probe());
        let port = reactor.listen_tcp("127.0.0.1:0", move |_| other.take().unwrap()).unwrap();
        let flood = Probe::new(&EventLog::new()).echo().made(|transport| {
            transport.write(&[7; 65_536]);
        });
        reactor.connect_tcp("127.0.0.1", port.address().port(), flood).map(|_| ()).detach();

        let mut quiet = pair(&reactor, Probe::new(&log));
        for round in 0..50 {
            let text = format!("message {round}");
            quiet.peer.write_all(text.as_bytes()).unwrap();
            turn_until(&reactor, || has(&log, &format!("data {text}")));
        }
        let seen = log.clone();
        reactor.call_later(Duration::from_millis(5), move |_| seen.add("timer"));
        turn_until(&reactor, || has(&log, "timer"));
    });
}
