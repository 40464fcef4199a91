//! Limits on what a port takes on: connections, and descriptors.

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

#[cfg(unix)]
mod descriptors {
    use super::{Probe, has, turn_until};
    use ropewalk_net::ReactorNet as _;
    use ropewalk_reactor::Reactor;
    use ropewalk_testing::{DEADLINE, EventLog, within};
    use std::env;
    use std::fs::File;
    use std::io::{ErrorKind, Read as _, Write as _};
    use std::net::TcpStream;
    use std::process::Command;
    use std::thread::Builder;

    const CHILD: &str = "ROPEWALK_DESCRIPTORS_CHILD";
    const TEST: &str =
        "places::descriptors::without_descriptors_the_port_lives_and_those_who_wait_are_told";

    /// In a process of its own, with few descriptors, so that no other test lacks them.
    #[test]
    fn without_descriptors_the_port_lives_and_those_who_wait_are_told() {
        if env::var_os(CHILD).is_some() {
            return within(DEADLINE, exhaust);
        }
        let mut child = Command::new("sh");
        child.args(["-c", "ulimit -n 64; exec \"$0\" \"$@\""]);
        child.arg(env::current_exe().unwrap()).args(["--exact", TEST, "--nocapture"]);
        let output = child.env(CHILD, "1").output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
        assert!(text.contains("1 passed"), "{text}");
    }

    fn exhaust() {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        let factory = {
            let log = log.clone();
            move |_| Probe::new(&log).echo()
        };
        let port = reactor.listen_tcp("127.0.0.1:0", factory).unwrap();
        let waiting = [(); 3].map(|()| TcpStream::connect(port.address()).unwrap());
        let mut files = Vec::new();
        while let Ok(file) = File::open("/dev/null") {
            files.push(file);
        }
        assert!(files.len() > 20);
        // The first one of them finds no descriptor, and a moment later they are all told.
        for mut peer in waiting {
            peer.set_nonblocking(true).unwrap();
            turn_until(&reactor, || match peer.read(&mut [0]) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => false,
                answer => {
                    assert_eq!(answer.unwrap_err().kind(), ErrorKind::ConnectionReset);
                    true
                }
            });
        }
        assert_eq!(log.len(), 0);

        drop(files);
        let address = port.address();
        let client = move || {
            let mut peer = TcpStream::connect(address).unwrap();
            peer.write_all(b"hello").unwrap();
            let mut answer = [0; 5];
            peer.read_exact(&mut answer).unwrap();
            answer
        };
        let client = Builder::new().spawn(client).unwrap();
        turn_until(&reactor, || has(&log, "lost done"));
        assert_eq!(client.join().unwrap(), *b"hello");
    }
}
