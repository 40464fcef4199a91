//! No peer can take the loop for itself (I7).

use crate::fixture::{Probe, count, has, pair, turn_until};
use ropewalk_net::{ReactorNet as _, Transport};
use ropewalk_reactor::Reactor;
use ropewalk_testing::{DEADLINE, EventLog, within};
use std::cell::Cell;
use std::io::Write as _;
use std::net::TcpStream;
use std::rc::Rc;
use std::time::Duration;

#[test]
fn i7_one_turn_reads_only_so_much_of_one_connection() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let received = Rc::new(Cell::new(0));
        let sum = Rc::clone(&received);
        let probe = Probe::new(&EventLog::new())
            .made(Transport::pause_producing)
            .data(move |_, data| sum.set(sum.get() + data.len()));
        let mut pair = pair(&reactor, probe);
        pair.peer.set_nonblocking(true).unwrap();
        let mut sent = 0;
        while let Ok(count) = pair.peer.write(&[7; 65_536]) {
            sent += count;
        }
        assert!(sent > 512 * 1024, "the system buffers too little for this test: {sent}");
        pair.transport.resume_producing();
        while received.get() < sent {
            let before = received.get();
            reactor.turn(Some(Duration::from_millis(20))).unwrap();
            assert!(received.get() - before <= 256 * 1024);
        }
    });
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
