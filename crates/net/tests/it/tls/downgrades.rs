//! Handshakes that cannot begin: nothing goes out in plain that was meant to be encrypted.

use super::certificates::{client, server};
use crate::fixture::{Probe, has, own_address, pair, thread, turn_until};
use ropewalk_net::ReactorTls as _;
use ropewalk_net::tls::{TlsError, TlsErrorKind, TlsServer};
use ropewalk_reactor::Reactor;
use ropewalk_testing::{DEADLINE, EventLog, failure_as, within};
use std::io::Read as _;
use std::net::TcpStream;

/// A server whose configuration rustls refuses.
fn refused() -> TlsServer {
    let mut config = (**server().config()).clone();
    config.max_fragment_size = Some(16);
    TlsServer::from(config)
}

/// What comes on the wire until the end.
fn heard(mut peer: TcpStream) -> Vec<u8> {
    let mut all = Vec::new();
    peer.read_to_end(&mut all).unwrap();
    all
}

#[test]
fn nothing_goes_out_in_plain_when_the_name_is_none() {
    for name in ["", "my host", "-bad-.example", "mail.example:587"] {
        within(DEADLINE, || {
            let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
            let noted = log.clone();
            let probe = Probe::new(&log).lost(move |_, reason| {
                noted.add(TlsError::of(reason).map_or("not TLS".to_owned(), TlsError::to_string));
            });
            let pair = pair(&reactor, probe);
            let secured = pair.transport.start_tls_client(client(), name);
            assert!(!pair.transport.is_connected());
            pair.transport.write(b"LOGIN secret\n");
            let error: TlsError = failure_as(secured);
            assert!(matches!(error.kind(), TlsErrorKind::InvalidName(it) if it == name), "{error}");
            turn_until(&reactor, || has(&log, "lost broken"));
            assert_eq!(log.take(), ["made", "lost broken", &error.to_string()]);
            assert_eq!(heard(pair.peer), b"");
        });
    }
}

#[test]
fn nothing_goes_out_in_plain_when_the_configuration_is_refused() {
    within(DEADLINE, || {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        let pair = pair(&reactor, Probe::new(&log));
        let error: TlsError = failure_as(pair.transport.start_tls_server(refused()));
        assert!(matches!(error.kind(), TlsErrorKind::Config(_)), "{error}");
        assert!(error.to_string().starts_with("no TLS: the configuration cannot be used: "));
        pair.transport.write(b"secret");
        turn_until(&reactor, || has(&log, "lost broken"));
        assert_eq!(heard(pair.peer), b"");
    });
}

/// It has nothing to do with what is there.
#[test]
fn an_encrypted_connection_is_not_ended_by_a_second_name_that_is_none() {
    within(DEADLINE, || {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        let pair = pair(&reactor, Probe::new(&log));
        pair.transport.start_tls_server(server()).detach();
        let error: TlsError = failure_as(pair.transport.start_tls_client(client(), "my host"));
        assert!(matches!(error.kind(), TlsErrorKind::AlreadyTls), "{error}");
        assert!(pair.transport.is_connected());
    });
}

#[test]
fn a_port_ends_connections_that_it_cannot_encrypt() {
    within(DEADLINE, || {
        let (reactor, log, tls) = (Reactor::new().unwrap(), EventLog::new(), refused());
        let seen = log.clone();
        let port = reactor.listen_tls(own_address(), &tls, move |_| Probe::new(&seen)).unwrap();
        let address = port.address();
        let peer = thread(move || heard(TcpStream::connect(address).unwrap()));
        turn_until(&reactor, || peer.is_finished());
        assert_eq!(peer.join().unwrap(), b"");
        assert_eq!((tls.handshakes().pending, tls.handshakes().failed), (0, 1));
        assert!(log.is_empty());
    });
}
