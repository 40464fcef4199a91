//! Connecting by one family of addresses only.

use crate::fixture::{Probe, result_of};
use crate::single_flight::Recorder;
use ropewalk_net::{
    AddressFamily, ConnectError, ConnectErrorKind, ConnectOptions, HostnameEndpoint,
    ReactorEndpoints as _, ReactorNet as _, ResolveErrorKind, client_from_string,
};
use ropewalk_reactor::Reactor;
use ropewalk_testing::{DEADLINE, EventLog, failure_as, within};
use std::net::{Ipv6Addr, SocketAddr, TcpListener};

const BOTH: &[&str] = &["[::1]:0", "127.0.0.1:0"];

fn own(address: &str) -> SocketAddr {
    format!("{address}:0").parse().unwrap()
}

/// B194, for connections: the resolver is asked for one family, and if it gives more, the rest is not
/// tried.
#[test]
fn b194_a_connection_may_want_one_family() {
    within(DEADLINE, || {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        let recorder = Recorder::installed(&reactor);
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = server.local_addr().unwrap().port();
        let options = ConnectOptions::new().family(AddressFamily::Ipv4);
        let attempt = reactor.connect_tcp_with("a.example", port, options, Probe::new(&log));
        assert_eq!(recorder.asked.take(), ["a.example Ipv4"]);
        recorder.answer(BOTH);
        let transport = result_of(&reactor, attempt).unwrap();
        assert_eq!(transport.peer(), server.local_addr().unwrap());

        let endpoint = client_from_string(&format!("tcp:a.example:{port}:family=ipv6")).unwrap();
        let attempt = reactor.connect(&endpoint, Probe::new(&log));
        assert_eq!(recorder.asked.take(), ["a.example Ipv6"]);
        recorder.answer(BOTH);
        let error: ConnectError = result_of(&reactor, attempt).unwrap_err().downcast().unwrap();
        let tried: Vec<_> = error.attempts().iter().map(|one| one.address.ip()).collect();
        assert_eq!(tried, [Some(Ipv6Addr::LOCALHOST.into())]);
    });
}

/// An address of the other family could not be connected to from there.
#[test]
fn the_address_of_this_end_says_which_family_it_is() {
    within(DEADLINE, || {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        let recorder = Recorder::installed(&reactor);
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = server.local_addr().unwrap().port();
        let endpoint = HostnameEndpoint::new("a.example", port).local_address(own("127.0.0.1"));
        let attempt = reactor.connect(&endpoint, Probe::new(&log));
        assert_eq!(recorder.asked.take(), ["a.example Ipv4"]);
        recorder.answer(BOTH);
        assert!(result_of(&reactor, attempt).is_ok());

        let endpoint = HostnameEndpoint::new("a.example", port).local_address(own("[::1]"));
        drop(reactor.connect(&endpoint, Probe::new(&log)));
        assert_eq!(recorder.asked.take(), ["a.example Ipv6"]);
    });
}

#[test]
fn an_address_of_the_other_family_is_refused_at_once() {
    let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
    for options in [
        ConnectOptions::new().family(AddressFamily::Ipv4),
        ConnectOptions::new().local_address(own("127.0.0.1")),
    ] {
        let attempt = reactor.connect_tcp_with("::1", 80, options, Probe::new(&log));
        let error: ConnectError = failure_as(attempt);
        let ConnectErrorKind::Resolve(error) = error.kind() else { panic!("{error:?}") };
        assert!(matches!(error.kind(), ResolveErrorKind::NoAddress), "{error}");
        assert!(error.to_string().contains("family"), "{error}");
    }
    assert_eq!(reactor.stats().pending_timers, 0);
}
