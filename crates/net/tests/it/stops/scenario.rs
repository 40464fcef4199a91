//! A short life of a network in which each callback is called, and one of them is a trap.

use crate::fixture::own_address;
use ropewalk_deferred::Deferred;
use ropewalk_net::{
    ConnectionLost, DatagramProtocol, DatagramTransport, Factory, ListeningPort, NameQuery,
    Producer, Protocol, ReactorNet as _, ReactorUdp as _, Resolver, StopReason, Transport,
};
use ropewalk_reactor::Reactor;
use ropewalk_testing::EventLog;
use std::cell::Cell;
use std::net::{SocketAddr, UdpSocket};
use std::rc::Rc;

/// Where the trap can be: all but the last are reached without it.
pub(crate) const POINTS: &[&str] = &[
    "factory started",
    "build",
    "server made",
    "data",
    "resumed",
    "peer done",
    "drained",
    "write done",
    "server lost",
    "client made",
    "client lost",
    "factory stopped",
    "producer pauses",
    "producer resumes",
    "producer stops",
    "udp started",
    "udp data",
    // Others may keep silent.
    #[cfg(target_os = "linux")]
    "udp refused",
    "udp stopped",
    "resolve",
    "resolved",
    "connected",
    "flushed",
    "sent",
    "not listening",
    "port closed",
    "resolver stopped",
];

/// Logs what is called, and does something when a certain point is reached for the first time.
#[derive(Clone)]
pub(crate) struct Trap(Rc<Inner>);

struct Inner {
    log: EventLog,
    point: &'static str,
    action: Cell<Option<Box<dyn FnOnce()>>>,
}

impl Trap {
    pub(crate) fn new(log: &EventLog, point: &'static str, act: impl FnOnce() + 'static) -> Self {
        let action = Cell::new(Some(Box::new(act) as _));
        Self(Rc::new(Inner { log: log.clone(), point, action }))
    }

    /// How many there are who could still call it.
    pub(crate) fn owners(&self) -> usize {
        Rc::strong_count(&self.0) - 1
    }

    fn note(&self, what: impl Into<String>) {
        self.0.log.add(what);
    }

    fn at(&self, point: &'static str) {
        self.note(point);
        let told = self.0.log.entries();
        let (_, all) = POINTS.split_last().unwrap();
        if all.iter().all(|point| told.iter().any(|one| one == point)) {
            Reactor::with_current(Reactor::stop);
        }
        let action = if self.0.point == point { self.0.action.take() } else { None };
        if let Some(act) = action {
            act();
        }
    }

    /// Waits for what will be told of once.
    fn ask<T: 'static>(&self, point: &'static str, deferred: Deferred<T>) {
        self.note(format!("asked {point}"));
        let trap = self.clone();
        deferred.add_both(move |_| trap.at(point)).add_errback(|_| ()).detach();
    }
}

/// Opens everything. The rest follows by itself, and ends with a stop.
pub(crate) fn begin(reactor: &Reactor, trap: &Trap) {
    let silent = UdpSocket::bind(own_address()).unwrap();
    let nobody = silent.local_addr().unwrap();
    drop(silent);
    if let Ok(port) = reactor.listen_udp(own_address(), Datagrams(trap.clone(), Some(nobody))) {
        port.detach();
    }
    if let Ok(port) = reactor.listen_udp(own_address(), Datagrams(trap.clone(), None)) {
        let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
        // It may be closed already.
        let _ = sender.send_to(b"x", port.address());
        port.detach();
    }
    let Ok(port) = reactor.listen_tcp(own_address(), Server(trap.clone())) else { return };
    reactor.install_resolver(Names(trap.clone(), port.address()));
    trap.ask("resolved", reactor.resolve("server.example", 1));
    let brief = reactor.connect_tcp("server.example", 1, Brief(trap.clone()));
    trap.ask("connected", brief);
    let port = Some(port);
    let client = reactor.connect_tcp("server.example", 1, Client(trap.clone(), port));
    trap.ask("connected", client);
}

struct Server(Trap);

impl Factory for Server {
    type Protocol = Self;

    fn started(&mut self, _: &Reactor) {
        self.0.at("factory started");
    }

    fn build_protocol(&mut self, _: &Reactor, _: SocketAddr) -> Option<Self> {
        self.0.at("build");
        Some(Self(self.0.clone()))
    }

    fn stopped(&mut self, _: &Reactor) {
        self.0.at("factory stopped");
    }
}

impl Protocol for Server {
    fn connection_made(&mut self, transport: &Transport) {
        self.0.at("server made");
        transport.pause_producing();
        transport.resume_producing();
        while transport.accepts_writes() && !transport.write(&[7; 65_536]).is_high() {}
        register(&self.0, transport);
        self.0.ask("flushed", transport.flushed());
    }

    fn data_received(&mut self, _: &Transport, _: &[u8]) {
        self.0.at("data");
    }

    fn peer_done(&mut self, transport: &Transport) {
        self.0.at("peer done");
        transport.lose_write_connection();
    }

    fn write_done(&mut self, _: &Transport) {
        self.0.at("write done");
    }

    fn drained(&mut self, _: &Transport) {
        self.0.at("drained");
    }

    fn resumed(&mut self, _: &Transport) {
        self.0.at("resumed");
    }

    fn connection_lost(&mut self, _: &Transport, _: &ConnectionLost) {
        self.0.at("server lost");
    }
}

/// Sends a little, reads everything, and closes the port in the end.
struct Client(Trap, Option<ListeningPort>);

impl Protocol for Client {
    fn connection_made(&mut self, transport: &Transport) {
        self.0.note("client begins");
        self.0.at("client made");
        transport.write(b"x");
        transport.lose_write_connection();
        self.0.ask("sent", transport.flushed());
    }

    fn data_received(&mut self, _: &Transport, _: &[u8]) {}

    fn connection_lost(&mut self, _: &Transport, _: &ConnectionLost) {
        self.0.note("client ends");
        if let Some(port) = self.1.take() {
            self.0.ask("not listening", port.stop_listening());
        }
        self.0.at("client lost");
    }
}

/// Aborts a connection that has a producer.
struct Brief(Trap);

impl Protocol for Brief {
    fn connection_made(&mut self, transport: &Transport) {
        self.0.note("client begins");
        register(&self.0, transport);
        transport.abort_connection();
    }

    fn data_received(&mut self, _: &Transport, _: &[u8]) {}

    fn connection_lost(&mut self, _: &Transport, _: &ConnectionLost) {
        self.0.note("client ends");
    }
}

fn register(trap: &Trap, transport: &Transport) {
    trap.note("producer begins");
    // The only one.
    let _ = transport.register_producer(Source(trap.clone()));
}

struct Source(Trap);

impl Producer for Source {
    fn resume_producing(&mut self, transport: &Transport) {
        self.0.at("producer resumes");
        self.0.note("producer ends");
        transport.unregister_producer();
    }

    fn pause_producing(&mut self, _: &Transport) {
        self.0.at("producer pauses");
    }

    fn stop_producing(&mut self, _: &Transport) {
        self.0.note("producer ends");
        self.0.at("producer stops");
    }
}

/// With an address, it sends something there.
struct Datagrams(Trap, Option<SocketAddr>);

impl Datagrams {
    fn close(&self, transport: &DatagramTransport) {
        self.0.ask("port closed", transport.stop_listening());
    }
}

impl DatagramProtocol for Datagrams {
    fn start_protocol(&mut self, transport: &DatagramTransport) {
        self.0.note("udp begins");
        self.0.at("udp started");
        if let Some(peer) = self.1 {
            // It is heard of later that nobody is there.
            let _ = transport.connect(peer).map(|()| transport.send(b"x"));
        }
    }

    fn datagram_received(&mut self, transport: &DatagramTransport, _: &[u8], _: SocketAddr) {
        self.0.at("udp data");
        self.close(transport);
    }

    fn connection_refused(&mut self, transport: &DatagramTransport) {
        self.0.at("udp refused");
        self.close(transport);
    }

    fn stop_protocol(&mut self, _: &DatagramTransport, _: &StopReason) {
        self.0.note("udp ends");
        self.0.at("udp stopped");
    }
}

/// Knows one address.
struct Names(Trap, SocketAddr);

impl Resolver for Names {
    fn resolve(&self, reactor: &Reactor, _: &NameQuery<'_>) -> Deferred<Vec<SocketAddr>> {
        self.0.at("resolve");
        let (promise, deferred) = Deferred::new();
        let address = self.1;
        reactor.call_soon(move |_| promise.settle(Ok(vec![address])));
        deferred
    }

    fn stopped(&self) {
        self.0.at("resolver stopped");
    }
}
