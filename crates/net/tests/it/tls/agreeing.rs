//! What the two sides can agree on: who they are, what they speak, and that they know each other.

use super::certificates::{AUTHORITY, STRANGER, client, server};
use super::peer;
use crate::fixture::{Probe, has, own_address, result_of, thread, turn_until};
use ropewalk_net::tls::rustls::crypto::ring;
use ropewalk_net::tls::rustls::pki_types::pem::PemObject as _;
use ropewalk_net::tls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use ropewalk_net::tls::rustls::server::ResolvesServerCertUsingSni;
use ropewalk_net::tls::rustls::sign::CertifiedKey;
use ropewalk_net::tls::rustls::version::{TLS12, TLS13};
use ropewalk_net::tls::rustls::{ProtocolVersion, ServerConfig};
use ropewalk_net::tls::{TlsClient, TlsError, TlsInfo, TlsServer};
use ropewalk_net::{ListeningPort, ReactorTls as _, Transport};
use ropewalk_reactor::Reactor;
use ropewalk_testing::{DEADLINE, EventLog, within};
use std::cell::RefCell;
use std::io::{Read as _, Write as _};
use std::rc::Rc;
use std::sync::Arc;

/// What the server knows of its clients.
type Known = Rc<RefCell<Vec<TlsInfo>>>;

fn serve(reactor: &Reactor, tls: &TlsServer) -> (ListeningPort, Known, EventLog) {
    let (known, log) = (Known::default(), EventLog::new());
    let (seen, told) = (Rc::clone(&known), log.clone());
    let port = reactor.listen_tls(own_address(), tls, move |_| {
        let seen = Rc::clone(&seen);
        Probe::new(&told)
            .secured(move |transport| seen.borrow_mut().push(transport.tls().unwrap()))
            .echo()
    });
    (port.unwrap(), known, log)
}

/// A connection that both sides know of.
fn connect(
    reactor: &Reactor,
    port: &ListeningPort,
    tls: TlsClient,
) -> ropewalk_deferred::Result<Transport> {
    let address = port.address();
    let probe = Probe::new(&EventLog::new());
    let connected = reactor.connect_tls(&address.ip().to_string(), address.port(), tls, probe);
    result_of(reactor, connected)
}

#[test]
fn both_sides_know_each_other_by_their_certificates() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let (own, friend) = (AUTHORITY.sign(&["localhost"]), AUTHORITY.sign(&["friend"]));
        let roots = AUTHORITY.pem();
        let tls = TlsServer::from_pem_with_client_roots(&own.certificate, &own.key, &roots);
        let (port, known, _) = serve(&reactor, &tls.unwrap());
        let client =
            TlsClient::with_roots_and_certificate(&roots, &friend.certificate, &friend.key);
        let transport = connect(&reactor, &port, client.unwrap().for_server("localhost")).unwrap();
        turn_until(&reactor, || !known.borrow().is_empty());
        let der = |pem: &str| CertificateDer::from_pem_slice(pem.as_bytes()).unwrap();
        assert_eq!(known.borrow()[0].peer_certificates(), [der(&friend.certificate)]);
        let info = transport.tls().unwrap();
        assert_eq!(info.peer_certificates(), [der(&own.certificate)]);
        assert!(!info.is_resumed() && info.version() == ProtocolVersion::TLSv1_3, "{info:?}");
    });
}

/// Who asks with each message copies nothing.
#[test]
fn what_was_agreed_on_is_kept_once() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let (port, _, _) = serve(&reactor, &server());
        let transport = connect(&reactor, &port, client()).unwrap();
        let (one, other) = (transport.tls().unwrap(), transport.tls().unwrap());
        assert!(!one.peer_certificates().is_empty());
        assert!(std::ptr::eq(one.peer_certificates(), other.peer_certificates()));
        assert!(format!("{one:?}").starts_with("TlsInfo { peer_certificates: ["));
    });
}

#[test]
fn a_client_with_the_certificate_of_a_stranger_is_refused() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let (own, foe) = (AUTHORITY.sign(&["localhost"]), STRANGER.sign(&["friend"]));
        let roots = AUTHORITY.pem();
        let tls = TlsServer::from_pem_with_client_roots(&own.certificate, &own.key, &roots);
        let tls = tls.unwrap();
        let (port, known, log) = serve(&reactor, &tls);
        let client = TlsClient::with_roots_and_certificate(&roots, &foe.certificate, &foe.key);
        let _ = connect(&reactor, &port, client.unwrap().for_server("localhost"));
        turn_until(&reactor, || tls.handshakes().failed == 1);
        assert!(known.borrow().is_empty() && log.is_empty());
    });
}

#[test]
fn the_best_protocol_of_the_server_that_the_client_knows_is_spoken() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let (port, known, _) = serve(&reactor, &server().alpn(["h3", "h2", "http/1.1"]));
        let transport = connect(&reactor, &port, client().alpn(["http/1.1", "h2"])).unwrap();
        turn_until(&reactor, || !known.borrow().is_empty());
        assert_eq!(transport.tls().unwrap().alpn(), Some(&b"h2"[..]));
        assert_eq!(known.borrow()[0].alpn(), Some(&b"h2"[..]));
    });
}

#[test]
fn one_port_can_be_several_servers() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let mut names = ResolvesServerCertUsingSni::new();
        let ours = ["one.example", "two.example"].map(|name| {
            let signed = AUTHORITY.sign(&[name]);
            let certificate =
                CertificateDer::from_pem_slice(signed.certificate.as_bytes()).unwrap();
            let key = PrivateKeyDer::from_pem_slice(signed.key.as_bytes()).unwrap();
            let key = ring::sign::any_supported_type(&key).unwrap();
            names.add(name, CertifiedKey::new(vec![certificate.clone()], key)).unwrap();
            (name, certificate)
        });
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(names));
        let (port, known, _) = serve(&reactor, &config.into());
        for (number, (name, certificate)) in ours.into_iter().enumerate() {
            let transport = connect(&reactor, &port, client().for_server(name)).unwrap();
            turn_until(&reactor, || known.borrow().len() == number + 1);
            assert_eq!(transport.tls().unwrap().peer_certificates(), [certificate]);
            assert_eq!(known.borrow()[number].server_name(), Some(name));
        }
        let error = connect(&reactor, &port, client().for_server("three.example")).unwrap_err();
        assert!(error.to_string().contains("the peer refused it"), "{error}");
    });
}

#[test]
fn those_who_have_met_before_are_resumed() {
    for version in [&TLS12, &TLS13] {
        within(DEADLINE, move || {
            let reactor = Reactor::new().unwrap();
            let (port, known, log) = serve(&reactor, &server());
            let (address, config) = (port.address(), peer::config_for(version));
            for round in 1..=2 {
                let config = Arc::clone(&config);
                let peer = thread(move || {
                    let mut peer = peer::connect_as(address, &config);
                    peer.write_all(b"x").unwrap();
                    peer.read_exact(&mut [0]).unwrap();
                    peer.conn.send_close_notify();
                    peer.flush().unwrap();
                });
                turn_until(&reactor, || peer.is_finished());
                peer.join().unwrap();
                turn_until(&reactor, || known.borrow().len() == round);
                assert_eq!(known.borrow()[round - 1].is_resumed(), round == 2);
            }
            turn_until(&reactor, || has(&log, "lost done"));
        });
    }
}

/// Nothing is said to be accepted and then not heard.
#[test]
fn what_a_client_says_before_the_handshake_is_said_again_after_it() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let mut config = (**server().config()).clone();
        config.max_early_data_size = 1024;
        let (port, known, log) = serve(&reactor, &Arc::new(config).into());
        let mut config = (**client().config()).clone();
        config.enable_early_data = true;
        let (address, config) = (port.address(), Arc::new(config));
        let peer = thread(move || {
            let mut peer = peer::connect_as(address, &config);
            peer.write_all(b"first").unwrap();
            peer.read_exact(&mut [0; 5]).unwrap();
            drop(peer);
            let mut peer = peer::connect_as(address, &config);
            if let Some(mut early) = peer.conn.early_data() {
                early.write_all(b"early").unwrap();
            }
            peer.write_all(b"late").unwrap();
            peer.read_exact(&mut [0; 4]).unwrap();
            peer.conn.is_early_data_accepted()
        });
        turn_until(&reactor, || peer.is_finished());
        assert!(!peer.join().unwrap());
        assert!(known.borrow()[1].is_resumed() && has(&log, "data late"));
    });
}

#[test]
fn new_keys_in_the_middle_are_nothing_special() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let (port, _, _) = serve(&reactor, &server());
        let address = port.address();
        let peer = thread(move || {
            let mut peer = peer::connect(address);
            let mut answer = [0; 1000];
            for _ in 0..5 {
                peer.write_all(&[7; 1000]).unwrap();
                peer.read_exact(&mut answer).unwrap();
                assert_eq!(answer, [7; 1000]);
                peer.conn.refresh_traffic_keys().unwrap();
            }
        });
        turn_until(&reactor, || peer.is_finished());
        peer.join().unwrap();
    });
}

/// Each text says what is missing in it.
#[test]
fn texts_that_are_no_certificates_are_refused() {
    let signed = AUTHORITY.sign(&["localhost"]);
    let other = AUTHORITY.sign(&["localhost"]);
    let (certificate, key) = (&signed.certificate, &signed.key);
    let cases = [
        (TlsServer::from_pem("", key).unwrap_err(), "no certificate in the PEM text"),
        (TlsServer::from_pem(key, key).unwrap_err(), "no certificate in the PEM text"),
        (TlsServer::from_pem(certificate, "").unwrap_err(), "no private key in the PEM text"),
        (TlsServer::from_pem(certificate, &other.key).unwrap_err(), "is not that of"),
        (TlsServer::from_pem(&certificate[..100], key).unwrap_err(), "is damaged"),
        (TlsClient::with_roots("nothing").unwrap_err(), "no certificate in the PEM text"),
    ];
    for (error, text) in cases {
        assert!(error.to_string().contains(text), "{error}");
    }
}

#[test]
fn i1_configurations_and_errors_cross_threads() {
    fn crosses_threads<T: Send + Sync + 'static>() {}
    crosses_threads::<TlsServer>();
    crosses_threads::<TlsClient>();
    crosses_threads::<TlsInfo>();
    crosses_threads::<TlsError>();
}
