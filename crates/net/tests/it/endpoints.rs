//! Endpoints: what texts describe, what their errors say, and what the endpoints do.

#[cfg(feature = "tls")]
mod encrypted; // with TLS
mod serving; // listening on them
#[cfg(unix)]
mod unix; // sockets in the file system

use crate::connecting::{Refusing, Stub};
use crate::fixture::{Probe, has, turn_until};
use proptest::prelude::*;
use ropewalk_deferred::Deferred;
use ropewalk_net::{
    AnyClientEndpoint, AnyServerEndpoint, ClientEndpoint, ConnectError, EndpointParseError,
    EndpointParseErrorKind as Kind, HostnameEndpoint, Protocol, ReactorEndpoints as _,
    ReactorNet as _, TcpServerEndpoint, Transport, client_from_string, server_from_string,
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
        (r"tcp:localhost:80:bindAddress=[::1]\:99", plain.local_address(local("[::1]:99"))),
        ("tcp:[::1]:80", HostnameEndpoint::new("::1", 80)),
        (r"tcp:\:\:1:80", HostnameEndpoint::new("[::1]", 80)),
    ] {
        assert_eq!(client(text), endpoint, "{text}");
        assert_eq!(client(&endpoint.to_string()), endpoint, "{endpoint}");
    }
}

/// What is wrong with a text, and in which column.
fn fault<E: std::fmt::Debug>(
    read: fn(&str) -> Result<E, EndpointParseError>,
    text: &str,
) -> (usize, Kind) {
    let error = read(text).unwrap_err();
    assert_eq!(error.text(), text);
    (error.column(), error.kind().clone())
}

#[test]
fn a_fault_is_named_and_has_its_column() {
    let unknown = |field: &str, nearest| Kind::UnknownField {
        field: field.to_owned(),
        known: &["port", "interface", "backlog", "maxConnections"],
        nearest,
    };
    let not_a_number = || Kind::NotANumber { field: "port" };
    for (text, column, kind) in [
        ("", 1, Kind::Empty),
        ("tcp:80:back_log=5", 8, unknown("back_log", Some("backlog"))),
        ("tcp:80:host=a", 8, unknown("host", None)),
        ("tcp:80:=a", 8, unknown("", None)),
        ("tcp:port=1:port=2", 12, Kind::Repeated { field: "port" }),
        ("tcp:port=1:2", 12, Kind::Repeated { field: "port" }),
        ("tcp:backlog=50", 15, Kind::Missing { field: "port", example: "tcp:8080" }),
        ("tcp:80:127.0.0.1", 8, Kind::TooManyPositionals { places: &["port"] }),
        ("tcp:80:interface=", 18, Kind::EmptyValue),
        ("tcp:http", 5, not_a_number()),
        ("tcp:-1", 5, not_a_number()),
        ("tcp:+1", 5, not_a_number()),
        ("tcp:8 0", 5, not_a_number()),
        ("tcp:٣", 5, not_a_number()),
        ("tcp:80:interface=eth0", 18, Kind::NotAnAddress { field: "interface" }),
        (r"tcp:80:interface=\n", 18, Kind::BadEscape),
        ("tcp:80:interface=[::1", 18, Kind::OpenBracket),
    ] {
        assert_eq!(fault(server_from_string, text), (column, kind), "{text}");
    }
    let server = |text| fault(server_from_string, text);
    assert!(matches!(server("tpc:80"), (1, Kind::UnknownScheme { nearest: Some("tcp"), .. })));
    assert!(matches!(server("8080"), (1, Kind::UnknownScheme { nearest: None, .. })));
    assert!(matches!(server("tcp:65536"), (5, Kind::OutOfRange { field: "port", .. })));
    assert!(matches!(server("tcp:99999999999999999999"), (5, Kind::OutOfRange { .. })));
}

/// What has colons of its own is one thing to who writes it.
#[test]
fn a_text_of_another_kind_is_told_as_what_it_is() {
    for (text, column) in [
        ("tcp:80:interface=::1", 18),
        ("tcp:80:interface=fe80::1:backlog=5", 18),
        ("tcp:80:interface=2001:db8:0:0:0:0:0:1", 18),
        ("tcp:é=1:interface=::", 19),
        ("::1:80", 1),
    ] {
        assert_eq!(fault(server_from_string, text), (column, Kind::BareAddress), "{text}");
    }
    for (text, column) in [
        ("tcp:::1:80", 5),
        ("tcp:2001:db8:0:0:0:0:0:1:80", 5),
        ("tcp:host=::1:port=80", 10),
        ("tcp:a:80:bindAddress=::1", 22),
    ] {
        assert_eq!(fault(client_from_string, text), (column, Kind::BareAddress), "{text}");
    }
    for (text, column) in [
        ("http://a.example", 1),
        ("http://a.example:80/", 1),
        ("tcp://a.example:80", 1),
        ("tcp:http://a.example", 5),
        ("tcp:http://a.example:80", 5),
        ("tcp:host=http://a.example:port=80", 10),
    ] {
        assert_eq!(fault(client_from_string, text), (column, Kind::Url), "{text}");
    }
    // A fault that has nothing to do with it stays what it is.
    let (column, kind) = fault(client_from_string, "tcp:a:80:tiemout=5:bindAddress=tcp://a");
    assert!(matches!((column, kind), (10, Kind::UnknownField { nearest: Some("timeout"), .. })));
    assert!(matches!(fault(client_from_string, r"tcp:a\:80:80"), (5, Kind::NotAHost(_))));
}

#[test]
fn a_text_without_a_kind_is_given_one() {
    let meant = |error: EndpointParseError| match error.kind() {
        Kind::UnknownScheme { instead, nearest: None, .. } => instead.clone(),
        other => panic!("{other:?}"),
    };
    for (text, instead) in [
        ("a.example:80", Some("tcp:a.example:80")),
        ("127.0.0.1:80", Some("tcp:127.0.0.1:80")),
        ("[::1]:80", Some("tcp:[::1]:80")),
        ("a.example", None),
        ("a.example:http", None),
        #[cfg(unix)]
        ("/run/app.sock", Some("unix:/run/app.sock")),
    ] {
        assert_eq!(meant(client_from_string(text).unwrap_err()).as_deref(), instead, "{text}");
        assert!(instead.is_none_or(|instead| client_from_string(instead).is_ok()));
    }
    for (text, instead) in [
        ("8080", Some("tcp:8080")),
        ("127.0.0.1:80", Some("tcp:80:interface=127.0.0.1")),
        ("[::1]:80", Some("tcp:80:interface=[::1]")),
        ("a.example:80", None),
    ] {
        assert_eq!(meant(server_from_string(text).unwrap_err()).as_deref(), instead, "{text}");
        assert!(instead.is_none_or(|instead| server_from_string(instead).is_ok()));
    }
    let error = client_from_string("a.example:80").unwrap_err().to_string();
    assert!(error.starts_with(r#"unknown kind of endpoint "a.example", did you mean "tcp:a"#));
    assert!(matches!(
        client_from_string("ssl:a.example:443").unwrap_err().kind(),
        Kind::UnknownScheme { nearest: Some("tls"), .. }
    ));
}

#[test]
fn a_fault_of_a_client_is_named_and_has_its_column() {
    let client = |text| fault(client_from_string, text);
    let timeout = || Kind::NotANumber { field: "timeout" };
    assert!(matches!(client("tcp:a:0"), (7, Kind::OutOfRange { field: "port", .. })));
    assert!(matches!(client("tcp:a b:80"), (5, Kind::NotAHost(_))));
    assert!(matches!(client("tcp:localhost"), (14, Kind::Missing { field: "port", .. })));
    for text in ["tcp:a:80:timeout=x", "tcp:a:80:timeout=.5", "tcp:a:80:timeout=1."] {
        assert_eq!(client(text), (18, timeout()), "{text}");
    }
    for text in ["tcp:a:80:timeout=0.0123456789", "tcp:a:80:timeout=99999999999999999999"] {
        assert!(matches!(client(text), (18, Kind::OutOfRange { .. })), "{text}");
    }
}

#[test]
fn the_text_of_a_fault_shows_where_it_is() {
    let text = |text: &str| server_from_string(text).unwrap_err().to_string();
    assert_eq!(
        text("tcp:8080:interface=lo"),
        "interface is an address of this machine; write 127.0.0.1, or [::1] in brackets (column 20)\n    \
         tcp:8080:interface=lo\n                       ^"
    );
    assert_eq!(
        text("http:80"),
        "unknown kind of endpoint \"http\"; begin with one of tcp, unix, tls (column 1)\n    http:80\n    ^"
    );
    let hostile = text("tcp:1\n2:x");
    assert_eq!(hostile.lines().count(), 3, "{hostile}");
    assert_eq!(text("").lines().count(), 3);
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
    fn no_text_does_harm(text in r"((tcp|unix|tls|x)?[:=\[\]\\a-z0-9.%é\n]{0,40})|\PC{0,40}") {
        for error in [server_from_string(&text).err(), client_from_string(&text).err()].into_iter().flatten() {
            prop_assert!(error.column() >= 1 && error.column() <= text.chars().count() + 1);
            prop_assert_eq!(error.to_string().lines().count(), 3);
        }
    }

    #[test]
    fn a_server_that_is_printed_is_read_again(
        address in addresses(),
        backlog in prop::option::of(any::<u32>()),
        most in prop::option::of(any::<u32>()),
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
        ],
        port in 1..=u16::MAX,
        timeout in prop::option::of(any::<Duration>()),
        local in prop::option::of(addresses()),
    ) {
        let mut endpoint = HostnameEndpoint::new(host, port);
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
