//! Ports and their factories.

use crate::fixture::{Probe, count, has, own_address, thread, turn_a_little, turn_until};
use ropewalk_deferred::Failure;
use ropewalk_net::{Factory, ListenError, ListenErrorKind, ReactorNet as _};
use ropewalk_reactor::{Phase, Reactor, SystemEvent};
use ropewalk_testing::{DEADLINE, EventLog, capture_tracing, no_result, success_of, within};
use std::io::{ErrorKind, Read as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::panic::panic_any;
use std::rc::Rc;

/// A factory that logs.
struct Logging {
    log: EventLog,
    admits: bool,
}

impl Factory for Logging {
    type Protocol = Probe;

    fn build_protocol(&mut self, _: &Reactor, peer: SocketAddr) -> Option<Probe> {
        self.log.add(format!("build {}", peer.ip()));
        self.admits.then(|| Probe::new(&self.log))
    }

    fn started(&mut self, _: &Reactor) {
        self.log.add("started");
    }

    fn stopped(&mut self, _: &Reactor) {
        self.log.add("stopped");
    }
}

#[test]
fn b210_a_port_in_use_is_an_error_that_names_it_and_gives_the_factory_back() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = taken.local_addr().unwrap();
        let log = EventLog::new();
        let factory = Logging { log: log.clone(), admits: true };
        let error = reactor.listen_tcp(address, factory).unwrap_err();
        assert!(error.error().is_in_use());
        assert_eq!(error.error().address(), address.to_string());
        assert!(error.to_string().contains(&address.to_string()));
        assert!(log.is_empty(), "the factory was not started");
        let _port = reactor.listen_tcp("127.0.0.1:0", error.into_inner()).unwrap();
        assert_eq!(log.take(), ["started"]);
    });
}

#[test]
fn an_error_becomes_a_failure_whatever_the_factory_holds() {
    let reactor = Reactor::new().unwrap();
    let shared = Rc::new(());
    let listen = || -> Result<(), Failure> {
        let log = EventLog::new();
        let port = reactor.listen_tcp("nowhere", move |_| {
            Probe::new(&log).made({
                let shared = Rc::clone(&shared);
                move |_| drop(Rc::clone(&shared))
            })
        })?;
        drop(port);
        Ok(())
    };
    let failure = listen().unwrap_err();
    let error = failure.downcast_ref::<ListenError>().unwrap();
    assert!(matches!(error.kind(), ListenErrorKind::Address));
    assert_eq!(error.address(), "nowhere");
}

#[test]
fn what_is_no_address_is_refused() {
    let reactor = Reactor::new().unwrap();
    let log = EventLog::new();
    for text in ["", "8007", "127.0.0.1", "127.0.0.1:65536", "localhost:http", "host.example:80"] {
        let log = log.clone();
        let error = reactor.listen_tcp(text, move |_| Probe::new(&log)).unwrap_err();
        assert!(matches!(error.error().kind(), ListenErrorKind::Address), "{text}");
    }
    assert_eq!(reactor.stats().sources, 0);
}

#[test]
fn addresses_come_in_several_forms() {
    let reactor = Reactor::new().unwrap();
    let log = EventLog::new();
    let factory = || {
        let log = log.clone();
        move |_| Probe::new(&log)
    };
    let localhost = reactor.listen_tcp("localhost:0", factory()).unwrap();
    assert_eq!(localhost.address().ip(), Ipv4Addr::LOCALHOST);
    assert_ne!(localhost.address().port(), 0);
    let pair = reactor.listen_tcp((Ipv4Addr::LOCALHOST, 0), factory()).unwrap();
    let owned = reactor.listen_tcp(String::from("127.0.0.1:0"), factory()).unwrap();
    assert_ne!(pair.address(), owned.address());
    for host in ["127.0.0.1", "localhost"] {
        let text = reactor.listen_tcp((host, 0), factory()).unwrap();
        assert_eq!(text.address().ip(), Ipv4Addr::LOCALHOST);
        assert_ne!(text.address().port(), 0);
    }
    for host in ["", "host.example", "127.0.0.1:80", "localhost:80", "not one"] {
        let error = reactor.listen_tcp((host, 0), factory()).unwrap_err();
        assert!(matches!(error.error().kind(), ListenErrorKind::Address), "{host}");
        assert_eq!(error.error().address(), format!("{host}:0"));
    }
}

#[test]
fn an_address_of_another_machine_is_an_error_of_the_system() {
    let reactor = Reactor::new().unwrap();
    let log = EventLog::new();
    // One of the addresses that exist in books only; nothing is sent to it.
    let elsewhere = SocketAddr::from(([192, 0, 2, 1], 0));
    let error = reactor.listen_tcp(elsewhere, move |_| Probe::new(&log)).unwrap_err();
    let ListenErrorKind::Io(error) = error.error().kind() else { panic!("{error:?}") };
    assert_eq!(error.kind(), ErrorKind::AddrNotAvailable);
}

#[test]
fn a_port_that_was_stopped_can_be_bound_again() {
    within(DEADLINE, || {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        let port =
            reactor.listen_tcp(own_address(), Logging { log: log.clone(), admits: true }).unwrap();
        let address = port.address();
        let peer = TcpStream::connect(address).unwrap();
        turn_until(&reactor, || has(&log, "made"));

        let first = no_result(port.stop_listening());
        let second = port.stop_listening();
        assert!(!has(&log, "stopped"), "in a later turn");
        turn_until(&reactor, || has(&log, "stopped"));
        success_of(first);
        success_of(second);
        success_of(port.stop_listening());
        let again = reactor.listen_tcp(address, Logging { log: log.clone(), admits: true });
        assert_eq!(again.unwrap().address(), address);

        // The connection that was made before lives on.
        assert_eq!(count(&log, "lost"), 0);
        drop(peer);
        turn_until(&reactor, || has(&log, "lost done"));
        drop(port);
        turn_a_little(&reactor);
        assert_eq!(count(&log, "stopped"), 2);
    });
}

#[test]
fn dropping_a_port_closes_it_and_detaching_does_not() {
    within(DEADLINE, || {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        let make = || {
            let factory = Logging { log: log.clone(), admits: true };
            reactor.listen_tcp(own_address(), factory).unwrap()
        };
        let (dropped, detached) = (make(), make());
        let addresses = [dropped.address(), detached.address()];
        drop(dropped);
        detached.detach();
        turn_a_little(&reactor);
        assert_eq!(count(&log, "stopped"), 1);
        assert!(TcpStream::connect(addresses[0]).is_err());
        let _peer = TcpStream::connect(addresses[1]).unwrap();
        turn_until(&reactor, || has(&log, "made"));
    });
}

#[test]
fn b207_a_factory_may_decline() {
    within(DEADLINE, || {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        let port =
            reactor.listen_tcp("127.0.0.1:0", Logging { log: log.clone(), admits: false }).unwrap();
        let mut peer = TcpStream::connect(port.address()).unwrap();
        turn_until(&reactor, || has(&log, "build 127.0.0.1"));
        assert_eq!(peer.read(&mut [0]).unwrap(), 0, "closed, not reset");
        assert_eq!(log.take(), ["started", "build 127.0.0.1"]);
    });
}

/// B212, as far as it goes here: a factory belongs to one port.
#[test]
fn b212_a_factory_is_started_and_stopped_once() {
    within(DEADLINE, || {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        let port =
            reactor.listen_tcp("127.0.0.1:0", Logging { log: log.clone(), admits: true }).unwrap();
        drop(port.stop_listening().map(|()| ()));
        drop(port);
        turn_a_little(&reactor);
        assert_eq!(log.take(), ["started", "stopped"]);
    });
}

/// Nobody but the loop has the port, and the loop gives it up before the factory can be told.
#[test]
fn the_factory_of_a_detached_port_is_told_of_the_end() {
    within(DEADLINE, || {
        let log = EventLog::new();
        let listening = |crash: bool| {
            let reactor = Reactor::new().unwrap();
            let factory = Logging { log: log.clone(), admits: true };
            reactor.listen_tcp("127.0.0.1:0", factory).unwrap().detach();
            reactor.add_system_event_trigger(
                Phase::Before,
                SystemEvent::Shutdown,
                move |reactor| {
                    if crash {
                        reactor.crash();
                    }
                },
            );
            reactor.stop();
            reactor.run().unwrap();
            log.take()
        };
        assert_eq!(listening(false), ["started", "stopped"]);
        assert_eq!(listening(true), ["started", "stopped"], "in the middle of the shutdown");
    });
}

#[test]
fn i3_a_factory_that_panics_costs_one_connection() {
    within(DEADLINE, || {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        let (seen, mut first) = (log.clone(), true);
        let port = reactor
            .listen_tcp("127.0.0.1:0", move |_| {
                assert!(!std::mem::take(&mut first), "a bug in the factory");
                Probe::new(&seen)
            })
            .unwrap();
        let mut unlucky = TcpStream::connect(port.address()).unwrap();
        let _lucky = TcpStream::connect(port.address()).unwrap();
        turn_until(&reactor, || has(&log, "made"));
        assert_eq!(unlucky.read(&mut [0]).unwrap(), 0);
        assert_eq!(reactor.stats().panics, 1);
    });
}

#[test]
fn many_peers_are_accepted() {
    within(DEADLINE, || {
        const PEERS: usize = 200;
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        let port =
            reactor.listen_tcp("127.0.0.1:0", Logging { log: log.clone(), admits: true }).unwrap();
        let address = port.address();
        let peers = thread(move || {
            (0..PEERS).map(|_| TcpStream::connect(address).unwrap()).collect::<Vec<_>>()
        });
        turn_until(&reactor, || count(&log, "made") == PEERS);
        drop(peers.join().unwrap());
        turn_until(&reactor, || count(&log, "lost done") == PEERS);
        assert_eq!(reactor.stats().sources, 1);
    });
}

/// Panics when it is dropped, as what a factory panics with.
struct Payload;

impl Drop for Payload {
    fn drop(&mut self) {
        panic!("a bug in the payload");
    }
}

#[test]
fn i3_each_factory_that_panics_in_one_turn_is_reported() {
    within(DEADLINE, || {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        let seen = log.clone();
        let mut number = 0;
        let factory = move |_| {
            number += 1;
            match number {
                1..5 => panic!("a bug with number {number}"),
                5 => panic_any(Payload),
                _ => Probe::new(&seen),
            }
        };
        let port = reactor.listen_tcp(own_address(), factory).unwrap();
        let _peers = [(); 6].map(|()| TcpStream::connect(port.address()).unwrap());
        let events = capture_tracing(|| turn_until(&reactor, || has(&log, "made")));
        let panics: Vec<_> = events.iter().filter_map(|event| event.field("panic")).collect();
        for number in 1..5 {
            let said = format!("a bug with number {number}");
            let times = panics.iter().filter(|panic| panic.contains(&said)).count();
            assert_eq!(times, 1, "{said}: {panics:?}");
        }
        assert_eq!(panics.len(), 5);
    });
}
