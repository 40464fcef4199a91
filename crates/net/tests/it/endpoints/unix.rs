//! Endpoints of Unix sockets.

use crate::fixture::{Probe, has, turn_until};
use proptest::prelude::*;
use ropewalk_net::{
    Address, AnyClientEndpoint, AnyServerEndpoint, ClientService, EndpointParseErrorKind as Kind,
    ReactorEndpoints as _, UnixClientEndpoint, UnixServerEndpoint, client_from_string,
    server_from_string,
};
use ropewalk_reactor::Reactor;
use ropewalk_testing::{DEADLINE, EventLog, success_of, within};
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::time::Duration;

#[test]
fn unix_sockets_can_be_described() {
    let server = UnixServerEndpoint::new("/run/app.sock");
    for (text, endpoint) in [
        ("unix:/run/app.sock", server.clone()),
        ("unix:path=/run/app.sock:mode=660", server.clone().mode(0o660)),
        ("unix:mode=007:backlog=5:/run/app.sock", server.clone().mode(7).backlog(5)),
        ("unix:/run/app.sock:maxConnections=7", server.max_connections(7)),
        (r"unix:/run/a\:b\=c\\d", UnixServerEndpoint::new(r"/run/a:b=c\d")),
        ("unix:[a:b]", UnixServerEndpoint::new("[a:b]")),
    ] {
        let endpoint = AnyServerEndpoint::from(endpoint);
        assert_eq!(server_from_string(text), Ok(endpoint.clone()), "{text}");
        assert_eq!(server_from_string(&endpoint.to_string()), Ok(endpoint));
    }
    let client = UnixClientEndpoint::new("app.sock");
    for (text, endpoint) in [
        ("unix:app.sock", client.clone()),
        ("unix:path=app.sock:timeout=2.5", client.timeout(Duration::from_millis(2500))),
    ] {
        let endpoint = AnyClientEndpoint::from(endpoint);
        assert_eq!(client_from_string(text), Ok(endpoint.clone()), "{text}");
        assert_eq!(client_from_string(&endpoint.to_string()), Ok(endpoint));
    }
    let fault = |text| server_from_string(text).unwrap_err().kind().clone();
    assert!(matches!(fault("unix:mode=660"), Kind::Missing { field: "path", .. }));
    assert_eq!(fault("unix:a:mode=rw"), Kind::NotANumber { field: "mode" });
    for text in ["unix:a:mode=888", "unix:a:mode=7777"] {
        assert!(matches!(fault(text), Kind::OutOfRange { field: "mode", .. }), "{text}");
    }
    assert_eq!(fault("unix:a:b"), Kind::TooManyPositionals { places: &["path"] });
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_unix_socket_that_is_printed_is_read_again(
        path in r"[a-z/:=\[\]\\é .]{1,20}",
        mode in prop::option::of(any::<u32>()),
        backlog in prop::option::of(any::<u32>()),
        timeout in any::<Duration>(),
    ) {
        let mut server = UnixServerEndpoint::new(&path);
        if let Some(bits) = mode {
            server = server.mode(bits);
        }
        if let Some(connections) = backlog {
            server = server.backlog(connections);
        }
        let server = AnyServerEndpoint::from(server);
        prop_assert_eq!(server_from_string(&server.to_string()), Ok(server));
        let client = AnyClientEndpoint::from(UnixClientEndpoint::new(path).timeout(timeout));
        prop_assert_eq!(client_from_string(&client.to_string()), Ok(client));
    }
}

#[test]
fn the_same_program_talks_over_a_unix_socket() {
    within(DEADLINE, || {
        let (reactor, log, seen) = (Reactor::new().unwrap(), EventLog::new(), EventLog::new());
        let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("endpoints: app.sock");
        let text = UnixServerEndpoint::new(&path).mode(0o600).backlog(5).to_string();
        let probes = log.clone();
        let factory = move |_: Address| Probe::new(&probes).echo();
        let port = reactor.listen(&server_from_string(&text).unwrap(), factory).unwrap();
        assert_eq!(port.address().to_string(), path.to_str().unwrap());
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);

        let taken = server_from_string(&text).unwrap();
        let refused = reactor.listen(&taken, |_: Address| Probe::new(&EventLog::new()));
        assert!(refused.unwrap_err().error().is_in_use());

        let endpoint = client_from_string(&UnixClientEndpoint::new(&path).to_string()).unwrap();
        let probes = seen.clone();
        let service = ClientService::new(&reactor, endpoint, move |_: Address| {
            Probe::new(&probes).made(|transport| {
                transport.write(b"hello");
            })
        });
        service.start_service();
        turn_until(&reactor, || has(&seen, "data hello"));
        let stopped = service.stop_service();
        turn_until(&reactor, || has(&seen, "lost done") && has(&log, "lost done"));
        success_of(stopped);
        drop(port);
        assert!(!path.exists(), "the file goes with the port");
    });
}
