//! Endpoints of any kind, encrypted.

use super::encrypted::host_of;
use crate::fixture::{Probe, count, has, own_address, result_of, turn_until};
use crate::tls::certificates::{self, AUTHORITY};
use ropewalk_deferred::{CancelHandle, Cancelled, Deferred};
use ropewalk_net::tls::{
    ReactorTls as _, TlsClient, TlsError, TlsErrorKind, wrap_client_tls, wrap_server_tls,
};
use ropewalk_net::{
    Address, BoxFactory, ClientEndpoint, ClientService, Factory as _, ListenError, ListeningPort,
    Protocol, ReactorEndpoints as _, ReactorNet as _, ServerEndpoint, Transport, WeakClientService,
};
#[cfg(unix)]
use ropewalk_net::{UnixClientEndpoint, UnixServerEndpoint};
use ropewalk_reactor::Reactor;
use ropewalk_testing::{DEADLINE, Ending, EventLog, MemoryTransport, failure_as, within};
use std::cell::{Cell, RefCell};
use std::rc::Rc;

/// The endpoint of a test that connects in memory, which cannot be encrypted.
#[derive(Clone, Default)]
struct Memory(Rc<RefCell<Option<MemoryTransport>>>);

impl ClientEndpoint for Memory {
    fn connect(&self, _: &Reactor, protocol: Box<dyn Protocol>) -> Deferred<Transport> {
        let memory = MemoryTransport::connect(protocol);
        let transport = memory.transport();
        self.0.replace(Some(memory));
        Deferred::succeed(transport)
    }
}

#[test]
fn any_endpoint_can_be_encrypted() {
    within(DEADLINE, || {
        let (reactor, log, seen) = (Reactor::new().unwrap(), EventLog::new(), EventLog::new());
        let factory = move |_| Probe::new(&log).echo();
        let port = reactor.listen_tls(own_address(), certificates::server(), factory).unwrap();
        let host = host_of(&port);
        let client = TlsClient::with_roots(AUTHORITY.pem()).unwrap();
        let endpoint = wrap_client_tls(&client, "localhost", host.clone());
        let probe = Probe::new(&seen).made(|transport| {
            transport.write(b"hello");
        });
        let transport = result_of(&reactor, reactor.connect(&endpoint, probe)).unwrap();
        assert!(transport.tls().is_some());
        turn_until(&reactor, || has(&seen, "data hello"));
        assert_eq!(seen.take(), ["made", "secured", "data hello"]);

        let refused = |name| {
            let endpoint = wrap_client_tls(&client, name, host.clone());
            let result = result_of(&reactor, reactor.connect(&endpoint, Probe::new(&seen)));
            result.unwrap_err().downcast::<TlsError>().unwrap()
        };
        assert!(refused("other.example").is_certificate());
        assert!(matches!(refused("no name").kind(), TlsErrorKind::InvalidName(_)));

        let memory = Memory::default();
        let endpoint = wrap_client_tls(&client, "localhost", memory.clone());
        let error: TlsError = failure_as(reactor.connect(&endpoint, Probe::new(&seen)));
        assert!(matches!(error.kind(), TlsErrorKind::Unsupported));
        let memory = memory.0.take().unwrap();
        memory.turn();
        assert_eq!(memory.ending(), Some(Ending::Broken), "it is not left open in plain");
        assert!(seen.is_empty(), "the protocols were never told anything");
    });
}

/// What is at the end of a Unix socket may be far away: a program that passes on what it does not look
/// into.
#[cfg(unix)]
#[test]
fn a_unix_socket_can_be_encrypted() {
    within(DEADLINE, || {
        let (reactor, log, seen) = (Reactor::new().unwrap(), EventLog::new(), EventLog::new());
        let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("wrapped.sock");
        let server = certificates::server();
        let endpoint = wrap_server_tls(&server, UnixServerEndpoint::new(&path));
        let probes = log.clone();
        let factory = move |peer: Address| {
            assert!(peer.unix_addr().unwrap().is_unnamed());
            Probe::new(&probes).echo()
        };
        let port = reactor.listen(&endpoint, factory).unwrap();
        assert_eq!(port.address().to_string(), path.to_str().unwrap());

        let endpoint =
            wrap_client_tls(certificates::client(), "localhost", UnixClientEndpoint::new(&path));
        let probe = Probe::new(&seen).made(|transport| {
            transport.write(b"hello");
        });
        let transport = result_of(&reactor, reactor.connect(&endpoint, probe)).unwrap();
        assert!(transport.tls().is_some());
        turn_until(&reactor, || has(&seen, "data hello"));
        assert_eq!(log.entries(), ["made", "secured", "data hello"]);

        // One that knows nothing of it is not let in.
        let mut stranger = std::os::unix::net::UnixStream::connect(&path).unwrap();
        std::io::Write::write_all(&mut stranger, b"GET / HTTP/1.0\r\n\r\n").unwrap();
        turn_until(&reactor, || server.handshakes().failed == 1);
        assert_eq!(server.handshakes().completed, 1);
        assert_eq!(log.len(), 3);

        let refused = reactor
            .listen(&wrap_server_tls(&server, UnixServerEndpoint::new(&path)), |_: Address| {
                Probe::new(&EventLog::new())
            });
        let refused = refused.unwrap_err();
        assert!(refused.error().is_in_use());
        let _factory = refused.into_inner();
        drop(port);
        assert!(!path.exists());
    });
}

/// Has a first connection in memory, which cannot be encrypted.
#[derive(Clone, Default)]
struct FirstInMemory(Memory);

impl ServerEndpoint for FirstInMemory {
    fn listen(
        &self,
        reactor: &Reactor,
        mut factory: BoxFactory,
    ) -> Result<ListeningPort<Address>, ListenError> {
        let protocol = factory.build_protocol(reactor, Address::from(own_address())).unwrap();
        self.0.0.replace(Some(MemoryTransport::connect(protocol)));
        Ok(reactor.listen_tcp(own_address(), factory)?.into())
    }
}

#[test]
fn what_cannot_be_encrypted_is_not_served_in_plain() {
    within(DEADLINE, || {
        let (reactor, log, server) =
            (Reactor::new().unwrap(), EventLog::new(), certificates::server());
        let endpoint = FirstInMemory::default();
        let probes = log.clone();
        let factory = move |_: Address| Probe::new(&probes);
        let port = reactor.listen(&wrap_server_tls(&server, endpoint.clone()), factory).unwrap();
        let memory = endpoint.0.0.take().unwrap();
        memory.turn();
        assert_eq!(memory.ending(), Some(Ending::Broken));
        assert!(log.is_empty());
        assert_eq!(server.handshakes().failed, 1);
        let client = wrap_client_tls(certificates::client(), "localhost", host_of(&port));
        let connected = reactor.connect(&client, Probe::new(&EventLog::new()));
        assert!(result_of(&reactor, connected).is_ok(), "the others are");
    });
}

/// A port for TLS whose protocols write into `log`, and the way to it.
fn encrypted_port(
    reactor: &Reactor,
    log: &EventLog,
) -> (ListeningPort, impl ClientEndpoint + use<>) {
    let log = log.clone();
    let factory = move |_| Probe::new(&log);
    let port = reactor.listen_tls(own_address(), certificates::server(), factory).unwrap();
    let endpoint = wrap_client_tls(certificates::client(), "localhost", host_of(&port));
    (port, endpoint)
}

/// As in plain: also when the handshake is complete, and the protocol has just been told.
#[test]
fn i2_an_encrypted_attempt_that_is_cancelled_in_connection_made_leaves_no_connection() {
    within(DEADLINE, || {
        let (reactor, log, seen) = (Reactor::new().unwrap(), EventLog::new(), EventLog::new());
        let (port, endpoint) = encrypted_port(&reactor, &log);
        for round in 1..=2 {
            let canceller = Rc::new(Cell::new(None::<CancelHandle>));
            let own = Rc::clone(&canceller);
            let probe = Probe::new(&seen).made(move |_| own.take().unwrap().cancel());
            let connecting = match round {
                1 => reactor.connect(&endpoint, probe),
                _ => {
                    let address = port.address();
                    let host = address.ip().to_string();
                    reactor.connect_tls(&host, address.port(), certificates::client(), probe)
                }
            };
            canceller.set(Some(connecting.canceller()));
            turn_until(&reactor, || count(&seen, "lost") == round && count(&log, "lost") == round);
            let _: Cancelled = failure_as(connecting);
        }
    });
}

/// The endpoint is not done with the handshake when the protocol hears of it.
#[test]
fn a_service_that_its_new_protocol_stops_sends_what_was_written() {
    within(DEADLINE, || {
        let (reactor, log, seen) = (Reactor::new().unwrap(), EventLog::new(), EventLog::new());
        let (_port, endpoint) = encrypted_port(&reactor, &log);
        let slot = Rc::<RefCell<Option<WeakClientService>>>::default();
        let (service, clients) = (Rc::clone(&slot), seen.clone());
        let factory = move |_: Address| {
            let (service, told) = (Rc::clone(&service), clients.clone());
            Probe::new(&clients).made(move |transport| {
                transport.write(b"last words");
                let service = service.borrow().as_ref().and_then(WeakClientService::upgrade);
                let told = told.clone();
                service.unwrap().stop_service().map(move |()| told.add("stopped")).detach();
            })
        };
        let service = ClientService::new(&reactor, endpoint, factory);
        slot.replace(Some(service.downgrade()));
        service.start_service();
        turn_until(&reactor, || has(&seen, "stopped") && has(&log, "lost done"));
        assert_eq!(seen.take(), ["made", "secured", "lost done", "stopped"]);
        assert_eq!(log.take(), ["made", "secured", "data last words", "lost done"]);
    });
}
