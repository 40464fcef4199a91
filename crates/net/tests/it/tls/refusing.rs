//! Handshakes that fail: each is one error that says why, and no protocol hears of it.

use super::certificates::{AUTHORITY, STRANGER, client, expired, server, server_that_asks};
use crate::fixture::{Probe, own_address, result_of, thread, turn_a_little, turn_until};
use ropewalk_deferred::Deferred;
use ropewalk_net::tls::rustls::server::{ClientHello, ResolvesServerCert};
use ropewalk_net::tls::rustls::sign::CertifiedKey;
use ropewalk_net::tls::rustls::{AlertDescription, CertificateError};
use ropewalk_net::tls::{TlsClient, TlsError, TlsErrorKind, TlsServer};
use ropewalk_net::{
    ConnectError, ConnectErrorKind, ConnectOptions, ListeningPort, ReactorNet as _,
    ReactorTls as _, Transport,
};
use ropewalk_reactor::{ManualClock, Reactor};
use ropewalk_testing::{DEADLINE, EventLog, capture_tracing, failure_as, no_result, within};
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

fn serve(reactor: &Reactor, tls: &TlsServer, log: &EventLog) -> ListeningPort {
    let log = log.clone();
    reactor.listen_tls(own_address(), tls, move |_| Probe::new(&log).echo()).unwrap()
}

fn connect(
    reactor: &Reactor,
    port: &ListeningPort,
    tls: TlsClient,
    log: &EventLog,
) -> Deferred<Transport> {
    let address = port.address();
    reactor.connect_tls(&address.ip().to_string(), address.port(), tls, Probe::new(log))
}

fn connect_error(reactor: &Reactor, connected: Deferred<Transport>) -> ConnectError {
    result_of(reactor, connected).unwrap_err().downcast().unwrap()
}

/// Why a client and a server do not come together: as the client sees it, when the server, too, has
/// noticed.
fn refusal(server: &TlsServer, client: TlsClient) -> TlsError {
    within(DEADLINE, || {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        let port = serve(&reactor, server, &log);
        let connected = connect(&reactor, &port, client, &log);
        let error = connect_error(&reactor, connected);
        turn_until(&reactor, || server.handshakes().failed == 1);
        assert!(log.is_empty(), "no protocol hears of it: {:?}", log.take());
        assert!(!error.is_timed_out());
        match error.kind() {
            ConnectErrorKind::Tls(tls) => tls.clone(),
            other => panic!("{other:?}"),
        }
    })
}

fn certificate_error(error: &TlsError) -> &CertificateError {
    assert!(error.is_certificate(), "{error}");
    match error.kind() {
        TlsErrorKind::Certificate(certificate) => certificate,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_certificate_for_another_name_is_refused() {
    let error = refusal(&server(), client().for_server("elsewhere.example"));
    assert!(
        matches!(certificate_error(&error), CertificateError::NotValidForNameContext { .. }),
        "{error}"
    );
    assert!(error.to_string().contains("is for another name"), "{error}");
}

#[test]
fn a_certificate_that_has_expired_is_refused() {
    let error = refusal(&expired().server(), client());
    assert!(
        matches!(certificate_error(&error), CertificateError::ExpiredContext { .. }),
        "{error}"
    );
    assert!(error.to_string().contains("has expired"), "{error}");
}

#[test]
fn a_certificate_of_a_stranger_is_refused() {
    let error = refusal(&STRANGER.sign(&["localhost"]).server(), client());
    assert!(matches!(certificate_error(&error), CertificateError::UnknownIssuer), "{error}");
    assert!(error.to_string().contains("add the issuer to the roots"), "{error}");
}

#[test]
fn two_sides_without_an_application_protocol_in_common_do_not_come_together() {
    let error = refusal(&server().alpn(["h2"]), client().alpn(["http/1.1"]));
    assert!(
        matches!(error.kind(), TlsErrorKind::Alert(AlertDescription::NoApplicationProtocol)),
        "{error:?}"
    );
}

/// In TLS 1.3 a client is done before the server has seen its certificate: it hears of the refusal as
/// the end of a connection that was there.
#[test]
fn a_client_without_a_certificate_is_refused_where_one_is_asked_for() {
    within(DEADLINE, || {
        let (reactor, log, seen) = (Reactor::new().unwrap(), EventLog::new(), EventLog::new());
        let own = AUTHORITY.sign(&["localhost"]);
        let tls =
            TlsServer::from_pem_with_client_roots(&own.certificate, &own.key, AUTHORITY.pem());
        let tls = tls.unwrap();
        let port = serve(&reactor, &tls, &log);
        let alerts = EventLog::new();
        let heard = alerts.clone();
        let probe = Probe::new(&seen).lost(move |_, reason| {
            heard.add(format!("{:?}", TlsError::of(reason).unwrap().kind()));
        });
        let address = port.address();
        let (host, port) = (address.ip().to_string(), address.port());
        let _connected = reactor.connect_tls(&host, port, client(), probe);
        turn_until(&reactor, || tls.handshakes().failed == 1 && !alerts.is_empty());
        assert!(log.is_empty());
        assert_eq!(seen.take(), ["made", "secured", "lost broken"]);
        assert_eq!(alerts.take(), ["Alert(CertificateRequired)"]);
    });
}

#[test]
fn a_server_that_speaks_something_else_is_found_out() {
    within(DEADLINE, || {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        let port = reactor.listen_tcp(own_address(), move |_| {
            Probe::new(&EventLog::new()).made(|transport| {
                transport.write(b"220 mail.example, at your service\r\n");
            })
        });
        let port = port.unwrap();
        let connected = connect(&reactor, &port, client(), &log);
        let error = connect_error(&reactor, connected);
        let ConnectErrorKind::Tls(tls) = error.kind() else { panic!("{error:?}") };
        assert!(matches!(tls.kind(), TlsErrorKind::NotTls), "{error}");
        assert!(error.to_string().ends_with("is this the right port?"), "{error}");
        assert!(log.is_empty());
    });
}

/// What it hears is an alert, and an end that is no reset.
#[test]
fn a_client_that_speaks_something_else_is_refused() {
    within(DEADLINE, || {
        let (reactor, log, tls) = (Reactor::new().unwrap(), EventLog::new(), server());
        let port = serve(&reactor, &tls, &log);
        let address = port.address();
        let peer = thread(move || {
            let mut peer = TcpStream::connect(address).unwrap();
            peer.write_all(b"POST / HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
            // More than is read before the refusal: the system would reset a connection on that.
            peer.write_all(&[b'x'; 200_000]).unwrap();
            let mut answer = Vec::new();
            peer.read_to_end(&mut answer).unwrap();
            answer
        });
        turn_until(&reactor, || peer.is_finished());
        let answer = peer.join().unwrap();
        assert_eq!((answer[0], answer.len()), (21, 7), "an alert: {answer:?}");
        assert_eq!(tls.handshakes().failed, 1);
        assert!(log.is_empty());
    });
}

#[test]
fn a_peer_that_goes_away_in_the_middle_fails_the_handshake() {
    within(DEADLINE, || {
        let (reactor, log, tls) = (Reactor::new().unwrap(), EventLog::new(), server());
        let port = serve(&reactor, &tls, &log);
        // The beginning of a record that never ends.
        for beginning in [&b""[..], &[22], &[22, 3, 1, 0, 200, 1, 0]] {
            let before = tls.handshakes().failed;
            let mut peer = TcpStream::connect(port.address()).unwrap();
            peer.write_all(beginning).unwrap();
            turn_until(&reactor, || tls.handshakes().pending == 1);
            drop(peer);
            turn_until(&reactor, || tls.handshakes().failed == before + 1);
        }
        assert!(log.is_empty());
        assert_eq!(reactor.stats().sources, 1, "the port");
        assert_eq!(reactor.stats().pending_timers, 0);
    });
}

#[test]
fn a_server_that_closes_in_the_middle_fails_the_attempt() {
    within(DEADLINE, || {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        let port = reactor.listen_tcp(own_address(), |_| {
            Probe::new(&EventLog::new()).data(|transport, _| transport.lose_connection())
        });
        let port = port.unwrap();
        let connected = connect(&reactor, &port, client(), &log);
        let error = connect_error(&reactor, connected);
        let ConnectErrorKind::Tls(tls) = error.kind() else { panic!("{error:?}") };
        assert!(matches!(tls.kind(), TlsErrorKind::Closed), "{error}");
        assert!(log.is_empty());
    });
}

/// An idle peer cannot hold a connection.
#[test]
fn a_handshake_that_takes_too_long_ends_the_connection() {
    within(DEADLINE, || {
        let (clock, log) = (ManualClock::new(), EventLog::new());
        let reactor = Reactor::builder().manual_clock(&clock).build().unwrap();
        let tls = server();
        let port = serve(&reactor, &tls, &log);
        let mut peer = TcpStream::connect(port.address()).unwrap();
        // It is not altogether idle.
        peer.write_all(&[22, 3]).unwrap();
        turn_until(&reactor, || tls.handshakes().pending == 1);
        clock.advance(Duration::from_millis(9_999));
        peer.write_all(&[1]).unwrap();
        turn_a_little(&reactor);
        assert_eq!(tls.handshakes().pending, 1);
        clock.advance(Duration::from_millis(1));
        turn_until(&reactor, || tls.handshakes().failed == 1);
        let end = peer.read(&mut [0; 10]);
        let is_reset = |error: &std::io::Error| error.kind() == ErrorKind::ConnectionReset;
        assert!(end.as_ref().is_ok_and(|count| *count == 0) || end.as_ref().is_err_and(is_reset));
        assert!(log.is_empty());
        assert_eq!((reactor.stats().sources, reactor.stats().pending_timers), (1, 0));
    });
}

/// The time limit covers the name, the connection and the handshake.
#[test]
fn a_server_that_says_nothing_is_waited_for_as_long_as_was_said() {
    within(DEADLINE, || {
        let (clock, log) = (ManualClock::new(), EventLog::new());
        let reactor = Reactor::builder().manual_clock(&clock).build().unwrap();
        let silent = EventLog::new();
        let (at, heard) = (own_address(), silent.clone());
        let port = reactor.listen_tcp(at, move |_| Probe::new(&heard).data(|_, _| ())).unwrap();
        let options = ConnectOptions::new().timeout(Duration::from_secs(3));
        let address = port.address();
        let (host, number) = (address.ip().to_string(), address.port());
        let connected =
            reactor.connect_tls_with(&host, number, options, client(), Probe::new(&log));
        turn_until(&reactor, || silent.len() == 2);
        clock.advance(Duration::from_millis(2_999));
        turn_a_little(&reactor);
        let connected = no_result(connected);
        clock.advance(Duration::from_millis(1));
        turn_until(&reactor, || silent.len() == 3);
        let error: ConnectError = failure_as(connected);
        assert!(error.is_timed_out());
        let ConnectErrorKind::Tls(tls) = error.kind() else { panic!("{error:?}") };
        assert!(matches!(tls.kind(), TlsErrorKind::TimedOut(limit) if limit.as_secs() == 3));
        assert!(log.is_empty());
    });
}

#[test]
fn cancelling_ends_the_handshake() {
    within(DEADLINE, || {
        let (reactor, log, seen) = (Reactor::new().unwrap(), EventLog::new(), EventLog::new());
        let heard = seen.clone();
        let port = reactor.listen_tcp(own_address(), move |_| Probe::new(&heard).data(|_, _| ()));
        let port = port.unwrap();
        let connected = connect(&reactor, &port, client(), &log);
        turn_until(&reactor, || seen.len() == 2);
        connected.cancel();
        let failure = connected.try_take().unwrap().unwrap_err();
        assert!(failure.is::<ropewalk_deferred::Cancelled>(), "{failure:?}");
        turn_until(&reactor, || seen.len() == 3);
        assert!(log.is_empty());
        assert_eq!(reactor.stats().pending_timers, 0);
    });
}

#[test]
fn what_cannot_be_a_name_is_refused_at_once() {
    let reactor = Reactor::new().unwrap();
    let log = EventLog::new();
    let tls = client().for_server("no such name");
    let error: ConnectError =
        failure_as(reactor.connect_tls("127.0.0.1", 1, tls, Probe::new(&log)));
    let ConnectErrorKind::Tls(tls) = error.kind() else { panic!("{error:?}") };
    assert!(matches!(tls.kind(), TlsErrorKind::InvalidName(name) if name == "no such name"));
}

/// Chooses a certificate with a bug.
#[derive(Debug)]
struct Broken;

impl ResolvesServerCert for Broken {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        panic!("a bug in the choice of certificates")
    }
}

#[test]
fn i3_a_panic_in_a_configuration_ends_that_connection() {
    within(DEADLINE, || {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        let tls = server_that_asks(Broken);
        let port = serve(&reactor, &tls, &log);
        for number in 1..=2 {
            let connected = connect(&reactor, &port, client(), &log);
            connect_error(&reactor, connected);
            turn_until(&reactor, || tls.handshakes().failed == number);
        }
        assert!(log.is_empty());
        assert_eq!((reactor.stats().sources, reactor.stats().pending_timers), (1, 0));
    });
}

#[test]
fn i2_a_reactor_that_stops_fails_the_attempt() {
    within(DEADLINE, || {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        let handle = reactor.handle();
        let port = reactor.listen_tcp(own_address(), move |_| {
            let handle = handle.clone();
            Probe::new(&EventLog::new()).data(move |_, _| handle.stop())
        });
        let port = port.unwrap();
        let connected = connect(&reactor, &port, client(), &log);
        reactor.run().unwrap();
        let error: ConnectError = failure_as(connected);
        assert!(matches!(error.kind(), ConnectErrorKind::Stopped), "{error:?}");
        assert!(log.is_empty());
    });
}

/// Whoever can reach a port could fill the log.
#[test]
fn many_failures_are_one_warning() {
    let events = capture_tracing(|| {
        within(DEADLINE, || {
            let (reactor, log, tls) = (Reactor::new().unwrap(), EventLog::new(), server());
            let port = serve(&reactor, &tls, &log);
            for number in 1..=20 {
                TcpStream::connect(port.address()).unwrap().write_all(b"GET /\r\n").unwrap();
                turn_until(&reactor, || tls.handshakes().failed == number);
            }
        });
    });
    let warnings: Vec<_> = events.iter().filter_map(|event| event.field("count")).collect();
    assert_eq!(warnings, ["1"]);
}
