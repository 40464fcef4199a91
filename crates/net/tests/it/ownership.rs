//! What is freed, and when: no cycles, no leftovers.

use crate::connecting::Stub;
use crate::fixture::{Probe, own_address, pair, turn_until};
use ropewalk_net::{ConnectionLost, Protocol, ReactorNet as _, Transport};
use ropewalk_reactor::Reactor;
use ropewalk_testing::{DEADLINE, EventLog, failure_of, success_of, within};
use std::net::TcpStream;
use std::rc::Rc;

type Payload = Rc<()>;

/// Keeps everything that it can get hold of, itself included.
struct Hoarder {
    transports: Vec<Transport>,
    _payload: Payload,
}

impl Hoarder {
    fn new(payload: &Payload) -> Self {
        Self { transports: Vec::new(), _payload: Rc::clone(payload) }
    }
}

impl Protocol for Hoarder {
    fn connection_made(&mut self, transport: &Transport) {
        self.transports.push(transport.clone());
        transport.write(&vec![0; 10_000_000]);
        let held = transport.clone();
        transport.flushed().map(move |()| drop(held)).add_errback(|_| ()).detach();
    }

    fn data_received(&mut self, transport: &Transport, _: &[u8]) {
        self.transports.push(transport.clone());
    }

    fn connection_lost(&mut self, transport: &Transport, _: &ConnectionLost) {
        self.transports.push(transport.clone());
    }
}

#[test]
fn a_reactor_that_is_dropped_frees_ports_connections_attempts_and_lookups() {
    within(DEADLINE, || {
        let payload = Payload::default();
        let log = EventLog::new();
        let reactor = Reactor::new().unwrap();
        let given = Rc::clone(&payload);
        let port = reactor.listen_tcp("127.0.0.1:0", move |_| Hoarder::new(&given)).unwrap();
        let address = port.address();
        port.detach();
        let _peers = [(); 3].map(|()| TcpStream::connect(address).unwrap());
        turn_until(&reactor, || Rc::strong_count(&payload) == 5);

        let held = Rc::clone(&payload);
        let probe = Probe::new(&log).made(move |_| drop(Rc::clone(&held)));
        let connecting = reactor.connect_tcp("127.0.0.1", address.port(), probe);
        let held = Rc::clone(&payload);
        let stub = Stub::default();
        reactor.install_resolver(stub.clone());
        let looking = reactor.resolve("slow.example", 80).map(move |_| drop(held));
        assert_eq!(Rc::strong_count(&payload), 7);

        drop(reactor);
        drop(failure_of(connecting));
        drop(failure_of(looking));
        assert_eq!(Rc::strong_count(&payload), 1);
        assert_eq!(Rc::strong_count(&stub.asked), 1, "the resolver is dropped, too");
    });
}

#[test]
fn a_reactor_that_was_never_run_frees_everything() {
    let payload = Payload::default();
    let reactor = Reactor::new().unwrap();
    let given = Rc::clone(&payload);
    let port = reactor.listen_tcp("127.0.0.1:0", move |_| Hoarder::new(&given)).unwrap();
    let attempt = reactor.connect_tcp("127.0.0.1", port.address().port(), Hoarder::new(&payload));
    let stopping = port.stop_listening();
    let given = Rc::clone(&payload);
    let open = reactor.listen_tcp(own_address(), move |_| Hoarder::new(&given)).unwrap();
    drop(reactor);
    drop((failure_of(attempt), failure_of(stopping)));
    assert_eq!(Rc::strong_count(&payload), 1, "although the handles of the ports are held");
    assert!(TcpStream::connect(open.address()).is_err());
    success_of(open.stop_listening());
}

#[test]
fn a_transport_that_is_kept_keeps_neither_its_protocol_nor_its_socket() {
    within(DEADLINE, || {
        let payload = Payload::default();
        let reactor = Reactor::new().unwrap();
        let held = Rc::clone(&payload);
        let probe = Probe::new(&EventLog::new()).made(move |_| drop(Rc::clone(&held)));
        let pair = pair(&reactor, probe);
        drop((pair.port, pair.peer));
        assert_eq!(Rc::strong_count(&payload), 2);
        turn_until(&reactor, || reactor.stats().sources == 0);
        assert_eq!(Rc::strong_count(&payload), 1);
        assert!(!pair.transport.is_connected());
    });
}

/// Although somebody has a reference to it that lasts, and is what is handed in.
#[test]
fn i2_what_is_opened_on_a_reactor_that_is_gone_is_refused() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let gone = Rc::new(reactor.downgrade().upgrade().unwrap());
        drop(reactor);
        let held = Rc::clone(&gone);
        let factory = move |_| {
            drop(Rc::clone(&held));
            Hoarder::new(&Payload::default())
        };
        let refused = gone.listen_tcp("127.0.0.1:0", factory).unwrap_err();
        assert!(refused.to_string().contains("dropped"), "{refused}");
        drop(refused);
        let peers = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let (port, payload) = (peers.local_addr().unwrap().port(), Payload::default());
        for host in ["127.0.0.1", "localhost"] {
            drop(failure_of(gone.connect_tcp(host, port, Hoarder::new(&payload))));
        }
        drop(failure_of(gone.resolve("localhost", port)));
        assert_eq!((Rc::strong_count(&gone), Rc::strong_count(&payload)), (1, 1));
    });
}
