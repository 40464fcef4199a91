//! Nothing goes out in plain that was meant to be encrypted, and nothing is obeyed that came so.

use super::certificates::{client, server, server_that_asks};
use super::peer;
use crate::fixture::{Probe, Slot, has, own_address, pair, result_of, thread, turn_until};
use ropewalk_net::tls::rustls::server::{ClientHello, ResolvesServerCert};
use ropewalk_net::tls::rustls::sign::CertifiedKey;
use ropewalk_net::tls::{TlsError, TlsErrorKind, TlsServer, wrap_server_tls};
use ropewalk_net::{
    Address, ConnectionLost, Framing, LineProtocol, LineReceiver, ListenErrorKind, Protocol,
    ReactorEndpoints as _, ReactorNet as _, ReactorTls as _, StringProtocol, StringReceiver,
    Transport, server_from_string,
};
use ropewalk_reactor::Reactor;
use ropewalk_testing::{DEADLINE, EventLog, failure_as, within};
use std::cell::RefCell;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;

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
fn a_port_whose_connections_could_not_be_encrypted_is_refused_or_ends_them() {
    within(DEADLINE, || {
        let (reactor, log, tls) = (Reactor::new().unwrap(), EventLog::new(), refused());
        let address = own_address().to_string();
        let refused = reactor.listen_tls(&*address, &tls, |_| Probe::new(&EventLog::new()));
        let error = refused.unwrap_err().into_error();
        assert!(matches!(error.kind(), ListenErrorKind::Tls(_)), "{error}");
        let text = format!("cannot listen on {address:?}: the configuration cannot be used: ");
        assert!(error.to_string().starts_with(&text), "{error}");

        // An endpoint has its ports by itself.
        let endpoint =
            wrap_server_tls(&tls, server_from_string("tcp:0:interface=127.0.0.1").unwrap());
        let seen = log.clone();
        let port = reactor.listen(&endpoint, move |_: Address| Probe::new(&seen)).unwrap();
        let address = port.address().socket_addr().unwrap();
        let peer = thread(move || heard(TcpStream::connect(address).unwrap()));
        turn_until(&reactor, || peer.is_finished());
        assert_eq!(peer.join().unwrap(), b"");
        assert_eq!((tls.handshakes().pending, tls.handshakes().failed), (0, 1));
        assert!(log.is_empty());
    });
}

/// Pauses after each message that came in plain.
struct Patient(EventLog, Slot);

impl Patient {
    fn made(&self, transport: &Transport) {
        self.1.set(transport);
    }

    fn received(&self, transport: &Transport, message: &[u8]) {
        self.0.add(String::from_utf8_lossy(message));
        if transport.tls().is_none() {
            transport.pause_producing();
        }
    }

    fn lost(&self, reason: &ConnectionLost) {
        self.0.add(if TlsError::of(reason).is_some() { "no TLS" } else { "lost" });
    }
}

impl LineProtocol for Patient {
    fn connection_made(&mut self, transport: &Transport) {
        self.made(transport);
    }

    fn line_received(&mut self, transport: &Transport, line: &[u8]) {
        self.received(transport, line);
    }

    fn connection_lost(&mut self, _: &Transport, reason: &ConnectionLost) {
        self.lost(reason);
    }
}

impl StringProtocol for Patient {
    fn connection_made(&mut self, transport: &Transport) {
        self.made(transport);
    }

    fn string_received(&mut self, transport: &Transport, string: &[u8]) {
        self.received(transport, string);
    }

    fn connection_lost(&mut self, _: &Transport, reason: &ConnectionLost) {
        self.lost(reason);
    }
}

/// Somebody in the middle adds a message behind the one that asks for encryption. The server begins the
/// handshake later, and reads on in the same breath.
fn what_waits_is_not_obeyed<P: Protocol>(sent: &str, protocol: impl Fn(Patient) -> P + 'static) {
    within(DEADLINE, || {
        let (reactor, log, slot) = (Reactor::new().unwrap(), EventLog::new(), Slot::default());
        let (seen, left) = (log.clone(), slot.clone());
        let factory = move |_| protocol(Patient(seen.clone(), left.clone()));
        let port = reactor.listen_tcp(own_address(), factory).unwrap();
        let mut peer = TcpStream::connect(port.address()).unwrap();
        peer.write_all(sent.as_bytes()).unwrap();
        turn_until(&reactor, || !log.is_empty());
        let secured = slot.get().start_tls_server(server());
        slot.get().resume_producing();
        let client = thread(move || {
            // Its handshake fails, sooner or later.
            let _ = peer::over(peer).write_all(b"good\n");
        });
        let failure = result_of(&reactor, secured).unwrap_err();
        assert!(failure.is::<TlsError>(), "{failure}");
        turn_until(&reactor, || log.len() == 2);
        assert_eq!(log.take(), ["STARTTLS", "no TLS"]);
        client.join().unwrap();
    });
}

#[test]
fn a_line_that_waits_is_not_obeyed_when_reading_goes_on_during_the_handshake() {
    for smuggled in ["EVIL\n", "EVIL\nMORE\n", "EV"] {
        what_waits_is_not_obeyed(&format!("STARTTLS\n{smuggled}"), LineReceiver::new);
    }
}

#[test]
fn a_string_that_waits_is_not_obeyed_when_reading_goes_on_during_the_handshake() {
    for smuggled in ["4:EVIL,", "4:EVIL,4:MORE,", "4:EV"] {
        what_waits_is_not_obeyed(&format!("8:STARTTLS,{smuggled}"), |strings| {
            StringReceiver::new(Framing::netstrings(), strings)
        });
    }
}

thread_local! {
    /// The connection that a configuration is at work for.
    static AT_WORK: RefCell<Option<Transport>> = const { RefCell::new(None) };
}

/// Looks at the connection for which it chooses a certificate, and chooses none.
#[derive(Debug)]
struct Curious;

impl ResolvesServerCert for Curious {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        AT_WORK.with_borrow(|transport| {
            let transport = transport.as_ref().unwrap();
            let error: TlsError = failure_as(transport.start_tls_server(server()));
            assert!(matches!(error.kind(), TlsErrorKind::AlreadyTls), "{error}");
            assert!(transport.tls().is_none() && transport.is_connected());
        });
        None
    }
}

#[test]
fn a_configuration_that_looks_at_its_connection_finds_a_handshake() {
    within(DEADLINE, || {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        let pair = pair(&reactor, Probe::new(&log));
        AT_WORK.set(Some(pair.transport.clone()));
        let secured = pair.transport.start_tls_server(server_that_asks(Curious));
        let client = thread(move || peer::over(pair.peer).write_all(b"x").unwrap_err());
        // It is refused because it got no certificate, and not because of a panic.
        let failure = result_of(&reactor, secured).unwrap_err();
        assert!(failure.to_string().contains("no server certificate chain resolved"), "{failure}");
        AT_WORK.take();
        turn_until(&reactor, || client.is_finished());
        client.join().unwrap();
        assert_eq!(log.take(), ["made", "lost broken"]);
    });
}
