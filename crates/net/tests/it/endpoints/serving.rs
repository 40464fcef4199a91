//! Listening on endpoints: what the port is, and who has the factory.

use crate::fixture::{Probe, count, has, own_address, turn_a_little, turn_until};
use ropewalk_net::{
    Address, BoxFactory, Factory, ListenError, ListeningPort, Protocol, ReactorEndpoints as _,
    ReactorNet as _, ServerEndpoint, TcpServerEndpoint, Transport, server_from_string,
};
use ropewalk_reactor::Reactor;
use ropewalk_testing::{DEADLINE, EventLog, success_of, within};
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::rc::Rc;

fn connected(port: &ListeningPort<Address>) -> TcpStream {
    TcpStream::connect(port.address().socket_addr().unwrap()).unwrap()
}

#[test]
fn b206_what_a_text_describes_can_be_listened_on() {
    within(DEADLINE, || {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        let text = format!("tcp:0:interface={}:backlog=5", own_address().ip());
        let (seen, probes) = (log.clone(), log.clone());
        let factory = move |peer: Address| {
            seen.add(format!("peer {peer}"));
            Probe::new(&probes).echo()
        };
        let port = reactor.listen(&server_from_string(&text).unwrap(), factory).unwrap();
        assert_ne!(port.address().port(), Some(0));
        let mut peer = connected(&port);
        peer.write_all(b"hello").unwrap();
        turn_until(&reactor, || has(&log, "data hello"));
        let mut answer = [0; 5];
        peer.read_exact(&mut answer).unwrap();
        assert_eq!(&answer, b"hello");
        let from = peer.local_addr().unwrap();
        assert_eq!(log.entries()[0], format!("peer {from}"));

        let stopped = port.stop_listening();
        let told = Rc::new(std::cell::Cell::new(false));
        let tell = Rc::clone(&told);
        stopped.map(move |()| tell.set(true)).detach();
        turn_until(&reactor, || told.get());
        assert!(TcpStream::connect(port.address().socket_addr().unwrap()).is_err());
        success_of(port.stop_listening());
    });
}

#[test]
fn b210_an_endpoint_that_is_in_use_gives_the_factory_back() {
    let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
    let taken = TcpListener::bind(own_address()).unwrap();
    let endpoint = TcpServerEndpoint::new(taken.local_addr().unwrap());
    let refused = reactor.listen(&endpoint, Diary(log.clone())).unwrap_err();
    assert!(refused.error().is_in_use());
    assert!(log.is_empty(), "it was not told anything");
    let factory = refused.into_inner();
    drop(taken);
    drop(reactor.listen(&TcpServerEndpoint::new(own_address()), factory).unwrap());
    assert_eq!(log.take(), ["started"]);
}

/// A factory that tells the log what happens to it. Its second protocol is a bug.
struct Diary(EventLog);

impl Factory<Address> for Diary {
    type Protocol = Probe;

    fn build_protocol(&mut self, _: &Reactor, _: Address) -> Option<Probe> {
        self.0.add("build");
        assert_ne!(count(&self.0, "build"), 2, "a bug");
        Some(Probe::new(&self.0))
    }

    fn started(&mut self, _: &Reactor) {
        self.0.add("started");
    }

    fn stopped(&mut self, _: &Reactor) {
        self.0.add("stopped");
    }
}

impl Drop for Diary {
    fn drop(&mut self) {
        self.0.add("dropped");
    }
}

#[test]
fn b212_a_lent_factory_is_started_once_and_outlives_its_panics() {
    within(DEADLINE, || {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        let endpoint = TcpServerEndpoint::new(own_address());
        let port = reactor.listen(&endpoint, Diary(log.clone())).unwrap();
        let peers = [(); 3].map(|()| connected(&port));
        turn_until(&reactor, || count(&log, "build") == 3);
        assert_eq!(count(&log, "made"), 2);
        let mut ended = 0;
        for mut peer in peers {
            peer.set_nonblocking(true).unwrap();
            ended += usize::from(peer.read(&mut [0]).is_ok());
        }
        assert_eq!(ended, 1, "the one without a protocol is closed");
        drop(port);
        turn_until(&reactor, || has(&log, "dropped"));
        assert_eq!((count(&log, "started"), count(&log, "stopped")), (1, 1));
    });
}

/// The first of two addresses that is free.
struct Either(SocketAddr, SocketAddr);

impl ServerEndpoint for Either {
    fn listen(
        &self,
        reactor: &Reactor,
        factory: BoxFactory,
    ) -> Result<ListeningPort<Address>, ListenError> {
        match reactor.listen_tcp(self.0, factory) {
            Ok(port) => Ok(port.into()),
            Err(refused) => Ok(reactor.listen_tcp(self.1, refused.into_inner())?.into()),
        }
    }
}

#[test]
fn a_program_can_have_server_endpoints_of_its_own() {
    within(DEADLINE, || {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        let taken = TcpListener::bind(own_address()).unwrap();
        let both = Either(taken.local_addr().unwrap(), own_address());
        let endpoint: Rc<dyn ServerEndpoint> = Rc::new(both);
        let seen = log.clone();
        let greeting = move |_: Address| {
            Probe::new(&seen).made(|transport: &Transport| {
                transport.write(b"welcome");
                transport.lose_connection();
            })
        };
        let port = reactor.listen(&endpoint, greeting).unwrap();
        let mut peer = connected(&port);
        turn_until(&reactor, || has(&log, "lost done"));
        let mut text = String::new();
        peer.read_to_string(&mut text).unwrap();
        assert_eq!(text, "welcome");

        let neither = Either(taken.local_addr().unwrap(), taken.local_addr().unwrap());
        let quiet = |_: Address| Box::new(Probe::new(&EventLog::new())) as Box<dyn Protocol>;
        let refused = reactor.listen(&neither, quiet).unwrap_err();
        assert!(refused.error().is_in_use());
        drop(refused.into_inner()(Address::from(own_address())));
    });
}

#[test]
fn a_text_can_limit_the_connections() {
    within(DEADLINE, || {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        let text = format!("tcp:0:interface={}:maxConnections=1", own_address().ip());
        let probes = log.clone();
        let factory = move |_: Address| Probe::new(&probes);
        let port = reactor.listen(&server_from_string(&text).unwrap(), factory).unwrap();
        let (first, _second) = (connected(&port), connected(&port));
        turn_until(&reactor, || has(&log, "made"));
        turn_a_little(&reactor);
        assert_eq!(log.take(), ["made"]);
        drop(first);
        turn_until(&reactor, || has(&log, "made"));
        assert_eq!(log.take(), ["lost done", "made"]);
    });
}
