//! Endpoints: what texts describe, what their errors say, and what the endpoints do.

#[cfg(feature = "tls")]
mod encrypted; // with TLS
mod faults; // texts that cannot be read
mod serving; // listening on them
#[cfg(unix)]
mod unix;
#[cfg(feature = "tls")]
mod wrapped; // with TLS, whatever they are // sockets in the file system

use crate::connecting::{Refusing, Stub};
use crate::fixture::{Probe, has, turn_until};
use proptest::prelude::*;
use ropewalk_deferred::Deferred;
use ropewalk_net::{
    AddressFamily, AnyClientEndpoint, AnyServerEndpoint, ClientEndpoint, ConnectError,
    HostnameEndpoint, Protocol, ReactorEndpoints as _, ReactorNet as _, TcpServerEndpoint,
    Transport, client_from_string, server_from_string,
};
use ropewalk_reactor::{ManualClock, Reactor};
use ropewalk_testing::{DEADLINE, EventLog, MemoryTransport, failure_as, no_result, within};
use std::cell::RefCell;
use std::fmt::Display;
use std::net::{IpAddr, SocketAddr, SocketAddrV6, TcpListener};
use std::rc::Rc;
use std::time::Duration;

fn server(text: &str) -> TcpServerEndpoint {
    match server_from_string(text) {
        Ok(AnyServerEndpoint::Tcp(endpoint)) => endpoint,
        other => panic!("{text}: {other:?}"),
    }
}

fn client(text: &str) -> HostnameEndpoint {
    match client_from_string(text) {
        Ok(AnyClientEndpoint::Tcp(endpoint)) => endpoint,
        other => panic!("{text}: {other:?}"),
    }
}

fn at(address: &str) -> TcpServerEndpoint {
    TcpServerEndpoint::new(address.parse::<SocketAddr>().unwrap())
}

#[test]
fn a_port_of_this_machine_can_be_described() {
    for (text, endpoint) in [
        ("tcp:8080", at("0.0.0.0:8080")),
        ("tcp:0", at("0.0.0.0:0")),
        ("tcp:port=8080:backlog=50", at("0.0.0.0:8080").backlog(50)),
        ("tcp:8080:maxConnections=9", at("0.0.0.0:8080").max_connections(9)),
        ("tcp:backlog=50:8080", at("0.0.0.0:8080").backlog(50)),
        ("tcp:8080:interface=127.0.0.1", at("127.0.0.1:8080")),
        ("tcp:8080:interface=localhost", at("127.0.0.1:8080")),
        ("tcp:8080:interface=[::1]", at("[::1]:8080")),
        (r"tcp:8080:interface=\:\:1", at("[::1]:8080")),
        ("tcp:8080:interface=[fe80::1%3]", at("[fe80::1%3]:8080")),
    ] {
        assert_eq!(server(text), endpoint, "{text}");
        assert_eq!(server(&endpoint.to_string()), endpoint, "{endpoint}");
    }
}

#[test]
fn a_port_of_a_host_can_be_described() {
    let (seconds, millis) = (Duration::from_secs, Duration::from_millis);
    let local = |text: &str| text.parse::<SocketAddr>().unwrap();
    let plain = HostnameEndpoint::new("localhost", 80);
    for (text, endpoint) in [
        ("tcp:localhost:80", plain.clone()),
        ("tcp:host=localhost:port=80", plain.clone()),
        ("tcp:80:host=localhost", plain.clone()),
        ("tcp:localhost:port=80:timeout=5", plain.clone().timeout(seconds(5))),
        ("tcp:localhost:80:timeout=0.25", plain.clone().timeout(millis(250))),
        (
            "tcp:localhost:80:bindAddress=127.0.0.1",
            plain.clone().local_address(local("127.0.0.1:0")),
        ),
        (
            r"tcp:localhost:80:bindAddress=127.0.0.1\:99",
            plain.clone().local_address(local("127.0.0.1:99")),
        ),
        (r"tcp:localhost:80:bindAddress=[::1]\:99", plain.clone().local_address(local("[::1]:99"))),
        ("tcp:localhost:80:family=IPv6", plain.family(AddressFamily::Ipv6)),
        ("tcp:[::1]:80", HostnameEndpoint::new("::1", 80)),
        (r"tcp:\:\:1:80", HostnameEndpoint::new("[::1]", 80)),
        ("tcp:[fe80::1%2]:80", HostnameEndpoint::new("fe80::1%2", 80)),
        ("tcp:[fe80::1%eth0]:80", HostnameEndpoint::new("[fe80::1%eth0]", 80)),
    ] {
        assert_eq!(client(text), endpoint, "{text}");
        assert_eq!(client(&endpoint.to_string()), endpoint, "{endpoint}");
    }
}

#[test]
fn an_address_of_one_link_is_printed_as_an_address() {
    for host in ["fe80::1%2", "[fe80::1%2]", "fe80::1%eth0", "[fe80::1%eth0]"] {
        let endpoint = HostnameEndpoint::new(host, 80);
        let bare = host.trim_matches(['[', ']']);
        assert_eq!(endpoint.host(), bare);
        assert_eq!(endpoint.to_string(), format!("tcp:[{bare}]:80"));
    }
}

fn addresses() -> impl Strategy<Value = SocketAddr> {
    let address = (any::<IpAddr>(), any::<u16>(), 0..5_u32);
    address.prop_map(|(ip, port, scope)| match ip {
        IpAddr::V4(ip) => (ip, port).into(),
        IpAddr::V6(ip) => SocketAddrV6::new(ip, port, 0, scope).into(),
    })
}

fn print_and_read<E: Display + std::str::FromStr>(endpoint: &E) -> E
where
    E::Err: std::fmt::Debug,
{
    endpoint.to_string().parse().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_server_that_is_printed_is_read_again(
        address in addresses(),
        backlog in prop::option::of(any::<u32>()),
        most in prop::option::of(1..=u32::MAX),
    ) {
        let mut endpoint = TcpServerEndpoint::new(address);
        if let Some(most) = most {
            endpoint = endpoint.max_connections(most);
        }
        if let Some(backlog) = backlog {
            endpoint = endpoint.backlog(backlog);
        }
        let endpoint = AnyServerEndpoint::from(endpoint);
        prop_assert_eq!(print_and_read(&endpoint), endpoint);
    }

    #[test]
    fn a_client_that_is_printed_is_read_again(
        host in prop_oneof![
            r"[a-z0-9=\[\]\\_-]{1,20}(\.[a-z]{1,9}){0,3}\.?",
            any::<IpAddr>().prop_map(|ip| ip.to_string()),
            r"fe80::[1-9]%[a-z0-9_.-]{1,8}",
        ],
        port in 1..=u16::MAX,
        timeout in prop::option::of(any::<Duration>()),
        family in prop::sample::select(&[AddressFamily::Any, AddressFamily::Ipv4, AddressFamily::Ipv6]),
        local in prop::option::of(addresses()),
    ) {
        let mut endpoint = HostnameEndpoint::new(host, port).family(family);
        if let Some(timeout) = timeout {
            endpoint = endpoint.timeout(timeout);
        }
        if let Some(local) = local {
            endpoint = endpoint.local_address(local);
        }
        let endpoint = AnyClientEndpoint::from(endpoint);
        prop_assert_eq!(print_and_read(&endpoint), endpoint);
    }
}

#[test]
fn what_a_text_describes_can_be_connected_to() {
    within(DEADLINE, || {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = server.local_addr().unwrap().port();
        let text = format!("tcp:127.0.0.1:{port}:bindAddress=127.0.0.1");
        let probe = Probe::new(&log);
        let slot = probe.slot();
        reactor.connect(&client_from_string(&text).unwrap(), probe).map(drop).detach();
        turn_until(&reactor, || has(&log, "made"));
        assert_eq!(slot.get().peer().port(), Some(port));
    });
}

#[test]
fn b210_an_endpoint_that_refuses_is_a_typed_error() {
    within(DEADLINE, || {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        let refusing = Refusing::new();
        let endpoint = HostnameEndpoint::new("127.0.0.1", refusing.address.port());
        let mut attempt = Some(reactor.connect(&endpoint, Probe::new(&log)));
        let mut result = None;
        turn_until(&reactor, || {
            match attempt.take().map(Deferred::try_take) {
                Some(Ok(ended)) => result = Some(ended),
                Some(Err(pending)) => attempt = Some(pending),
                None => {}
            }
            result.is_some()
        });
        let failure = result.unwrap().unwrap_err();
        assert!(failure.downcast_ref::<ConnectError>().unwrap().is_refused());
        assert!(log.is_empty());
    });
}

#[test]
fn the_time_of_an_endpoint_is_for_the_name_and_the_connection() {
    let clock = ManualClock::new();
    let reactor = Reactor::builder().manual_clock(&clock).build().unwrap();
    let (log, stub) = (EventLog::new(), Stub::default());
    reactor.install_resolver(stub.clone());
    let endpoint = client_from_string("tcp:slow.example:80:timeout=2.5").unwrap();
    let attempt = reactor.connect(&endpoint, Probe::new(&log));
    clock.advance(Duration::from_millis(2499));
    let attempt = no_result(attempt);
    clock.advance(Duration::from_millis(1));
    assert!(failure_as::<ConnectError, _>(attempt).is_timed_out());
    assert_eq!(stub.cancelled.get(), 1);
}

/// An endpoint of a test: its connections are in memory.
#[derive(Default)]
struct Memory(RefCell<Vec<MemoryTransport>>);

impl ClientEndpoint for Memory {
    fn connect(&self, _: &Reactor, protocol: Box<dyn Protocol>) -> Deferred<Transport> {
        let memory = MemoryTransport::connect(protocol);
        let transport = memory.transport();
        self.0.borrow_mut().push(memory);
        Deferred::succeed(transport)
    }
}

#[test]
fn a_program_can_have_endpoints_of_its_own() {
    let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
    let memory = Rc::new(Memory::default());
    let endpoint: Box<dyn ClientEndpoint> = Box::new(Rc::clone(&memory));
    reactor.connect(&*endpoint, Probe::new(&log).echo()).map(drop).detach();
    memory.0.borrow()[0].send(b"hello");
    assert_eq!(log.take(), ["made", "data hello"]);
    assert_eq!(memory.0.borrow()[0].take_received(), b"hello");
}
