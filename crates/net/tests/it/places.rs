//! How many connections a port takes on.

use crate::fixture::{Probe, count, has, own_address, turn_a_little, turn_until};
use ropewalk_net::{ListenOptions, Protocol, ReactorNet as _, Transport};
use ropewalk_reactor::Reactor;
use ropewalk_testing::{DEADLINE, EventLog, within};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;

#[test]
fn more_connections_than_allowed_wait_until_there_is_a_place() {
    within(DEADLINE, || {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        let options = ListenOptions::new().max_connections(2);
        let factory = {
            let log = log.clone();
            move |_| Probe::new(&log).echo()
        };
        let port = reactor.listen_tcp_with(own_address(), options, factory).unwrap();
        let mut peers = [(); 4].map(|()| TcpStream::connect(port.address()).unwrap());
        turn_until(&reactor, || count(&log, "made") == 2);
        // A port whose time was over in that turn has not seen yet that all places are taken.
        turn_a_little(&reactor);
        let events = reactor.stats().events;
        turn_a_little(&reactor);
        assert_eq!(count(&log, "made"), 2);
        assert_eq!(reactor.stats().events, events, "who waits does not keep the loop busy");

        peers[3].write_all(b"hello").unwrap();
        for gone in &peers[..2] {
            gone.shutdown(std::net::Shutdown::Both).unwrap();
        }
        turn_until(&reactor, || has(&log, "data hello"));
        assert_eq!((count(&log, "made"), count(&log, "lost")), (4, 2));
        drop(port);
        turn_a_little(&reactor);
        assert_eq!(count(&log, "lost"), 2, "those who have a place keep it");
    });
}

/// Ends its connection before it is told of anything else.
struct Brief;

impl Protocol for Brief {
    fn connection_made(&mut self, transport: &Transport) {
        transport.abort_connection();
    }

    fn data_received(&mut self, _: &Transport, _: &[u8]) {}
}

#[test]
fn places_come_back_whatever_ends_a_connection() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let options = ListenOptions::new().max_connections(1);
        let mut number = 0;
        let factory = move |_| {
            number += 1;
            assert!(number % 3 != 0, "every third one fails");
            Brief
        };
        let port = reactor.listen_tcp_with(own_address(), options, factory).unwrap();
        let mut peers = [(); 12].map(|()| TcpStream::connect(port.address()).unwrap());
        for peer in &mut peers {
            peer.set_nonblocking(true).unwrap();
            let mut is_over = || match peer.read(&mut [0]) {
                Ok(count) => count == 0,
                Err(error) => error.kind() != std::io::ErrorKind::WouldBlock,
            };
            turn_until(&reactor, &mut is_over);
        }
    });
}
