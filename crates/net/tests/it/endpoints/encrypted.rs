//! Endpoints with TLS: what texts describe, and what is in the files.

use crate::fixture::{Probe, has, own_address, result_of, turn_until};
use crate::tls::certificates::{AUTHORITY, server_pem};
use proptest::prelude::*;
use ropewalk_net::tls::{TlsConfigError, TlsErrorKind};
use ropewalk_net::{
    Address, AddressKind, AnyClientEndpoint, AnyServerEndpoint, ClientService, ConnectError,
    ConnectErrorKind, EndpointParseErrorKind as Kind, HostnameEndpoint, ListenErrorKind,
    ListeningPort, ReactorEndpoints as _, TcpServerEndpoint, TlsClientEndpoint, TlsServerEndpoint,
    client_from_string, server_from_string,
};
use ropewalk_reactor::Reactor;
use ropewalk_testing::{DEADLINE, EventLog, failure_as, success_of, within};
use std::path::{Path, PathBuf};

/// Files that are deleted in the end.
struct Files(PathBuf);

impl Files {
    fn new(test: &str) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(test);
        std::fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }

    fn put(&self, name: &str, text: &str) -> String {
        let path = self.0.join(name);
        std::fs::write(&path, text).unwrap();
        path.into_os_string().into_string().unwrap()
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Where a client finds a port.
pub(super) fn host_of<A: AddressKind>(port: &ListeningPort<A>) -> HostnameEndpoint {
    let address = port.address().into().socket_addr().unwrap();
    HostnameEndpoint::new(address.ip().to_string(), address.port())
}

fn server(certificate: &str, key: &str) -> TlsServerEndpoint {
    TlsServerEndpoint::new(TcpServerEndpoint::new(own_address()), certificate, key)
}

#[test]
fn endpoints_with_tls_can_be_described() {
    let tcp = TcpServerEndpoint::new(([0, 0, 0, 0], 8443));
    for (text, endpoint) in [
        ("tls:8443:certificate=a.pem", TlsServerEndpoint::new(tcp.clone(), "a.pem", "a.pem")),
        (
            "tls:port=8443:key=b.pem:certificate=a.pem:trust=c.pem:backlog=5",
            TlsServerEndpoint::new(tcp.backlog(5), "a.pem", "b.pem").trust("c.pem"),
        ),
    ] {
        let endpoint = AnyServerEndpoint::from(endpoint);
        assert_eq!(server_from_string(text), Ok(endpoint.clone()));
        assert_eq!(server_from_string(&endpoint.to_string()), Ok(endpoint));
    }
    let client = TlsClientEndpoint::new(HostnameEndpoint::new("a.example", 443), "ca.pem");
    for (text, endpoint) in [
        ("tls:a.example:443:trust=ca.pem", client.clone()),
        (
            "tls:trust=ca.pem:certificate=a.pem:a.example:443",
            client.clone().certificate("a.pem", "a.pem"),
        ),
        (
            r"tls:a.example:443:trust=ca.pem:certificate=C\:\\a.pem:key=b.pem:name=b.example",
            client.certificate(r"C:\a.pem", "b.pem").name("b.example"),
        ),
    ] {
        let endpoint = AnyClientEndpoint::from(endpoint);
        assert_eq!(client_from_string(text), Ok(endpoint.clone()));
        assert_eq!(client_from_string(&endpoint.to_string()), Ok(endpoint));
    }
    let missing = |error: ropewalk_net::EndpointParseError| match error.kind() {
        Kind::Missing { field, .. } => *field,
        other => panic!("{other:?}"),
    };
    assert_eq!(missing(server_from_string("tls:8443").unwrap_err()), "certificate");
    assert_eq!(missing(client_from_string("tls:a:443").unwrap_err()), "trust");
    let no_certificate = client_from_string("tls:a:443:trust=ca.pem:key=k.pem").unwrap_err();
    assert_eq!(missing(no_certificate.clone()), "certificate");
    let Kind::Missing { example, .. } = no_certificate.kind() else { unreachable!() };
    let has_one = client_from_string(example).unwrap();
    assert!(has_one.to_string().contains(":certificate="), "{example}");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn endpoints_with_tls_that_are_printed_are_read_again(
        files in prop::collection::vec(r"[a-z/:=\[\]\\é ]{1,12}", 4),
        own in any::<bool>(),
        name in prop::option::of("[a-z.:]{1,9}"),
    ) {
        let tcp = TcpServerEndpoint::new(([127, 0, 0, 1], 8443));
        let mut server = TlsServerEndpoint::new(tcp, &files[0], &files[1]);
        let host = HostnameEndpoint::new("::1", 443);
        let mut client = TlsClientEndpoint::new(host, &files[2]);
        if own {
            server = server.trust(&files[3]);
            client = client.certificate(&files[0], &files[3]);
        }
        if let Some(name) = name {
            client = client.name(name);
        }
        let (server, client) = (AnyServerEndpoint::from(server), AnyClientEndpoint::from(client));
        prop_assert_eq!(server_from_string(&server.to_string()), Ok(server));
        prop_assert_eq!(client_from_string(&client.to_string()), Ok(client));
    }
}

#[test]
fn what_texts_describe_talks_encrypted_to_those_who_may() {
    within(DEADLINE, || {
        let (reactor, log, seen) = (Reactor::new().unwrap(), EventLog::new(), EventLog::new());
        let files = Files::new("endpoints-talk");
        let (certificate, key) = server_pem();
        let (certificate, key) = (files.put("cert.pem", certificate), files.put("key.pem", key));
        let trust = files.put("ca.pem", &AUTHORITY.pem());
        let own = AUTHORITY.sign(&["a client"]);
        let own = files.put("own: both.pem", &format!("{}{}", own.certificate, own.key));

        let text = server(&certificate, &key).trust(&trust).to_string();
        let probes = log.clone();
        let factory = move |_: Address| Probe::new(&probes).echo();
        let port = reactor.listen(&server_from_string(&text).unwrap(), factory).unwrap();

        let host = host_of(&port);
        let stranger = TlsClientEndpoint::new(host, trust).name("localhost");
        let text = stranger.clone().certificate(&own, &own).to_string();
        let probe = Probe::new(&seen).made(|transport| {
            transport.write(b"hello");
        });
        let known = client_from_string(&text).unwrap();
        let transport = result_of(&reactor, reactor.connect(&known, probe)).unwrap();
        assert!(transport.tls().is_some());
        turn_until(&reactor, || has(&seen, "data hello"));
        assert!(has(&log, "data hello"));

        // The files are not needed again.
        drop(files);
        let again = result_of(&reactor, reactor.connect(&known, Probe::new(&seen))).unwrap();
        assert!(again.tls().is_some());
        let nobody: TlsConfigError = failure_as(reactor.connect(&stranger, Probe::new(&seen)));
        assert!(nobody.to_string().contains("ca.pem"), "{nobody}");
    });
}

#[test]
fn a_certificate_for_another_name_is_refused() {
    within(DEADLINE, || {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        let files = Files::new("endpoints-name");
        let (certificate, key) = server_pem();
        let both = files.put("both.pem", &format!("{certificate}{key}"));
        let trust = files.put("ca.pem", &AUTHORITY.pem());
        let port = reactor.listen(&server(&both, &both), |_: Address| Probe::new(&EventLog::new()));
        let port = port.unwrap();
        let host = host_of(&port);
        let endpoint = TlsClientEndpoint::new(host, trust).name("other.example");
        let failure = result_of(&reactor, reactor.connect(&endpoint, Probe::new(&log)));
        let error: ConnectError = failure.unwrap_err().downcast().unwrap();
        let ConnectErrorKind::Tls(error) = error.kind() else { panic!("{error:?}") };
        assert!(matches!(error.kind(), TlsErrorKind::Certificate(_)), "{error}");
        assert!(log.is_empty());
    });
}

#[test]
fn files_that_cannot_be_used_are_named() {
    let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
    let files = Files::new("endpoints-files");
    let empty = files.put("empty.pem", "");
    for (path, words) in [("no-such.pem", "cannot be read"), (&*empty, "no certificate")] {
        let seen = log.clone();
        let factory = move |_: Address| Probe::new(&seen);
        let refused = reactor.listen(&server(path, path), factory).unwrap_err();
        assert!(matches!(refused.error().kind(), ListenErrorKind::Tls(_)));
        let text = refused.to_string();
        assert!(text.contains(words) && text.contains(path), "{text}");
        let _ = refused.into_inner();

        let host = HostnameEndpoint::new("127.0.0.1", 443);
        let endpoint = TlsClientEndpoint::new(host, path);
        let error: TlsConfigError = failure_as(reactor.connect(&endpoint, Probe::new(&log)));
        assert!(error.to_string().contains(words), "{error}");
    }
    assert_eq!((reactor.stats().sources, reactor.stats().pending_timers), (0, 0));
}

/// The service is stopped in the middle of a handshake: nothing is left of the connection.
#[test]
fn a_service_is_stopped_in_the_middle_of_a_handshake() {
    within(DEADLINE, || {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        let files = Files::new("endpoints-stop");
        let trust = files.put("ca.pem", &AUTHORITY.pem());
        // A server that says nothing.
        let server = std::net::TcpListener::bind(own_address()).unwrap();
        let address = server.local_addr().unwrap();
        let host = HostnameEndpoint::new(address.ip().to_string(), address.port());
        let seen = log.clone();
        let service = ClientService::new(
            &reactor,
            TlsClientEndpoint::new(host, trust).name("localhost"),
            move |_: Address| Probe::new(&seen),
        );
        service.start_service();
        let (mut peer, _) = server.accept().unwrap();
        let mut first = [0];
        peer.set_nonblocking(true).unwrap();
        turn_until(&reactor, || std::io::Read::read(&mut peer, &mut first).is_ok_and(|n| n == 1));
        success_of(service.stop_service());
        turn_until(&reactor, || reactor.stats().sources == 0);
        assert_eq!(reactor.stats().pending_timers, 0);
        assert!(log.is_empty(), "the factory was never asked");
    });
}

/// Of several files it is the one with the fault that is named; of a pair that is none, both.
#[test]
fn the_file_that_has_the_fault_is_named() {
    let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
    let files = Files::new("endpoints-blame");
    let (certificate, key) = server_pem();
    let (cert, good) = (files.put("cert.pem", certificate), files.put("key.pem", key));
    let (bad, none) = (files.put("bad.pem", "nonsense"), files.put("none.pem", ""));
    let other = files.put("other.pem", &AUTHORITY.sign(&["other"]).key);
    let trust = files.put("ca.pem", &AUTHORITY.pem());
    let all = ["cert.pem", "key.pem", "bad.pem", "none.pem", "other.pem", "ca.pem"];
    let serving = |certificate: &str, key: &str, trust: &str| {
        let endpoint = server(certificate, key).trust(trust);
        let seen = log.clone();
        let refused = reactor.listen(&endpoint, move |_: Address| Probe::new(&seen)).unwrap_err();
        refused.to_string()
    };
    let connecting = |certificate: &str, key: &str, trust: &str| {
        let host = HostnameEndpoint::new("127.0.0.1", 443);
        let endpoint = TlsClientEndpoint::new(host, trust).certificate(certificate, key);
        let error: TlsConfigError = failure_as(reactor.connect(&endpoint, Probe::new(&log)));
        error.to_string()
    };
    for (certificate, key, trust, blamed) in [
        (&cert, &bad, &trust, &["bad.pem"][..]),
        (&none, &good, &trust, &["none.pem"]),
        (&cert, &good, &none, &["none.pem"]),
        (&cert, &other, &trust, &["cert.pem", "other.pem"]),
    ] {
        for text in [serving(certificate, key, trust), connecting(certificate, key, trust)] {
            let named: Vec<_> = all.into_iter().filter(|name| text.contains(name)).collect();
            assert_eq!(named, blamed, "{text}");
        }
    }
}
