//! Values that panic in their last call, and again in their drop: the program survives both (I3).

use crate::fixture::{Pair, Probe, count, has, pair, thread, turn_until};
use bytes::Bytes;
use ropewalk_deferred::Cancelled;
use ropewalk_net::{
    Address, ClientService, ConnectionLost, DatagramProtocol, DatagramTransport, Factory,
    HostnameEndpoint, Producer, Protocol, ReactorNet as _, ReactorUdp as _, StopReason, Transport,
};
use ropewalk_reactor::Reactor;
use ropewalk_testing::{DEADLINE, EventLog, capture_tracing, failure_as, no_result, within};
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Panics in its last call, and in its drop.
struct Bomb(EventLog, &'static str);

impl Bomb {
    fn new(log: &EventLog) -> Self {
        Self(log.clone(), "")
    }

    fn last_call(&self) {
        self.0.add("last call");
        panic!("a bug in the last call");
    }
}

impl Drop for Bomb {
    fn drop(&mut self) {
        self.0.add("drop");
        panic!("a bug in the drop");
    }
}

impl Protocol for Bomb {
    fn data_received(&mut self, _: &Transport, _: &[u8]) {}

    fn connection_lost(&mut self, _: &Transport, _: &ConnectionLost) {
        self.last_call();
    }
}

impl Producer for Bomb {
    fn resume_producing(&mut self, _: &Transport) {}

    fn stop_producing(&mut self, _: &Transport) {
        self.last_call();
    }
}

impl DatagramProtocol for Bomb {
    fn datagram_received(&mut self, _: &DatagramTransport, _: &[u8], _: SocketAddr) {}

    fn stop_protocol(&mut self, _: &DatagramTransport, _: &StopReason) {
        self.last_call();
    }
}

impl<A> Factory<A> for Bomb {
    type Protocol = Producing;

    fn started(&mut self, _: &Reactor) {
        assert_ne!(self.1, "started", "a bug in the beginning");
    }

    fn build_protocol(&mut self, _: &Reactor, _: A) -> Option<Producing> {
        None
    }

    fn stopped(&mut self, _: &Reactor) {
        self.last_call();
    }
}

/// Its producer is a bomb.
struct Producing(EventLog);

impl Protocol for Producing {
    fn connection_made(&mut self, transport: &Transport) {
        transport.register_producer(Bomb::new(&self.0)).ok().unwrap();
    }

    fn data_received(&mut self, _: &Transport, _: &[u8]) {}
}

const TWICE: [&str; 2] = ["last call", "drop"];

fn gone(log: &EventLog) -> bool {
    log.len() == 2
}

#[test]
fn i3_a_protocol_that_panics_again_in_its_drop_ends_its_connection_only() {
    within(DEADLINE, || {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        let seen = log.clone();
        let port = reactor.listen_tcp("127.0.0.1:0", move |_| Bomb::new(&seen)).unwrap();
        for _ in 0..2 {
            drop(TcpStream::connect(port.address()).unwrap());
            turn_until(&reactor, || gone(&log));
            assert_eq!(log.take(), TWICE);
        }
        let _peer = TcpStream::connect(port.address()).unwrap();
        turn_until(&reactor, || reactor.stats().sources == 2);
        drop(reactor);
        assert_eq!(log.take(), TWICE);
    });
}

#[test]
fn i3_a_protocol_of_a_service_may_panic_again_in_its_drop() {
    within(DEADLINE, || {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = HostnameEndpoint::new("127.0.0.1", server.local_addr().unwrap().port());
        let seen = log.clone();
        let service = ClientService::new(&reactor, endpoint, move |_: Address| Bomb::new(&seen));
        service.start_service();
        drop(server.accept().unwrap());
        turn_until(&reactor, || gone(&log));
        assert_eq!(log.take(), TWICE);
        assert!(service.is_running());
    });
}

#[test]
fn i3_a_producer_may_panic_again_in_its_drop() {
    within(DEADLINE, || {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        let seen = log.clone();
        let port = reactor.listen_tcp("127.0.0.1:0", move |_| Producing(seen.clone())).unwrap();
        let _peer = TcpStream::connect(port.address()).unwrap();
        turn_until(&reactor, || reactor.stats().sources == 2);
        reactor.call_soon(Reactor::stop);
        reactor.run().unwrap();
        assert_eq!(log.take(), TWICE);
    });
}

/// There is nobody to stop but the caller, who gets the first of the two panics.
#[test]
fn i3_a_producer_that_comes_too_late_may_panic_again_in_its_drop() {
    within(DEADLINE, || {
        for pulls in [false, true] {
            let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
            let pair = pair(&reactor, Probe::new(&EventLog::new()));
            pair.transport.abort_connection();
            turn_until(&reactor, || reactor.stats().sources == 1);
            let bomb = Bomb::new(&log);
            let registering = AssertUnwindSafe(|| match pulls {
                true => pair.transport.register_pull_producer(bomb).is_ok(),
                false => pair.transport.register_producer(bomb).is_ok(),
            });
            let payload = catch_unwind(registering).unwrap_err();
            assert_eq!(payload.downcast_ref::<&str>(), Some(&"a bug in the last call"));
            assert_eq!(log.take(), TWICE);
        }
    });
}

#[test]
fn i3_a_factory_that_panics_again_in_its_drop_does_no_harm() {
    within(DEADLINE, || {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        drop(reactor.listen_tcp("127.0.0.1:0", Bomb::new(&log)).unwrap());
        turn_until(&reactor, || gone(&log));
        assert_eq!(log.take(), TWICE);
        let failing = Bomb(log.clone(), "started");
        let listening = AssertUnwindSafe(|| reactor.listen_tcp("127.0.0.1:0", failing).map(drop));
        let payload = catch_unwind(listening).unwrap_err();
        assert!(payload.downcast::<String>().unwrap().contains("a bug in the beginning"));
        assert_eq!(log.take(), ["drop"]);
        // Two of them, dropped with their reactor.
        let ports = [(); 2].map(|()| reactor.listen_tcp("127.0.0.1:0", Bomb::new(&log)).unwrap());
        drop(reactor);
        assert_eq!(log.take(), ["drop", "drop"]);
        drop(ports);
    });
}

#[test]
fn i3_a_udp_port_whose_protocol_panics_again_in_its_drop_is_closed() {
    within(DEADLINE, || {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        drop(reactor.listen_udp("127.0.0.1:0", Bomb::new(&log)).unwrap());
        turn_until(&reactor, || gone(&log));
        assert_eq!(log.take(), TWICE);
    });
}

/// Data of the application that panics when it is dropped.
fn data(log: &EventLog, length: usize) -> Bytes {
    struct Data(Vec<u8>, #[expect(dead_code, reason = "it panics when it is dropped")] Bomb);
    impl AsRef<[u8]> for Data {
        fn as_ref(&self) -> &[u8] {
            &self.0
        }
    }
    Bytes::from_owner(Data(vec![7; length], Bomb::new(log)))
}

/// A connection of which so much is unsent, and then twice the same that panics when it is dropped.
fn backed_up(reactor: &Reactor, log: &EventLog, probe: Probe, length: usize) -> Pair {
    let pair = pair(reactor, probe);
    pair.transport.write_owned(vec![0; UNSENT]);
    for _ in 0..2 {
        pair.transport.write_owned(data(log, length));
    }
    pair
}

const UNSENT: usize = 20 << 20;

#[test]
fn i3_data_that_panics_when_it_is_thrown_away_keeps_no_connection_from_its_end() {
    within(DEADLINE, || {
        let (reactor, log, drops) = (Reactor::new().unwrap(), EventLog::new(), EventLog::new());
        let probe = Probe::new(&log).data(|_, _| panic!("a bug"));
        let aborted = backed_up(&reactor, &drops, probe, 5_000);
        aborted.transport.abort_connection();
        assert_eq!(drops.take(), ["drop", "drop"]);
        turn_until(&reactor, || has(&log, "lost aborted"));
        let probe = Probe::new(&log).data(|_, _| panic!("a bug"));
        let mut panicked = backed_up(&reactor, &drops, probe, 5_000);
        panicked.peer.write_all(b"x").unwrap();
        turn_until(&reactor, || has(&log, "lost panicked"));
        assert_eq!(drops.take(), ["drop", "drop"]);
        drop((aborted.port, panicked.port));
        turn_until(&reactor, || reactor.stats().sources == 0);
        assert_eq!(count(&log, "lost"), 2);
    });
}

#[test]
fn i3_data_that_panics_when_it_is_sent_or_copied_is_sent_nevertheless() {
    within(DEADLINE, || {
        for length in [500, 5_000] {
            let (reactor, log, drops) = (Reactor::new().unwrap(), EventLog::new(), EventLog::new());
            let pair = backed_up(&reactor, &drops, Probe::new(&log), length);
            pair.transport.lose_connection();
            let mut peer = pair.peer;
            let reader = thread(move || peer.read_to_end(&mut Vec::new()));
            turn_until(&reactor, || count(&log, "lost") > 0);
            assert_eq!(reader.join().unwrap().unwrap(), UNSENT + 2 * length);
            assert_eq!(log.take(), ["made", "lost done"]);
            assert_eq!(drops.take(), ["drop", "drop"]);
        }
    });
}

#[cfg(feature = "tls")]
#[test]
fn i3_data_that_panics_when_encryption_begins_does_no_harm() {
    use crate::tls::certificates::client;
    within(DEADLINE, || {
        let (reactor, log, drops) = (Reactor::new().unwrap(), EventLog::new(), EventLog::new());
        let pair = backed_up(&reactor, &drops, Probe::new(&log), 5_000);
        pair.transport.start_tls_client(client(), "localhost").detach();
        assert_eq!(drops.take(), ["drop", "drop"]);
        assert!(pair.transport.is_connected() && pair.transport.buffered() > 5_000);
    });
}

/// Whoever cancels has nothing to do with it: the drop is reported.
#[test]
fn i3_a_protocol_that_panics_when_its_attempt_is_cancelled_is_reported() {
    within(DEADLINE, || {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = server.local_addr().unwrap().port();
        let attempt = no_result(reactor.connect_tcp("127.0.0.1", port, Bomb::new(&log)));
        let events = capture_tracing(|| attempt.cancel());
        let _: Cancelled = failure_as(attempt);
        assert_eq!(log.take(), ["drop"]);
        let panics: Vec<_> = events.iter().filter_map(|event| event.field("panic")).collect();
        assert_eq!(panics, ["a bug in the drop"]);
    });
}
