//! What errors say, and where the logs point: at the line of the application.

use crate::connecting::Refusing;
use crate::fixture::{Probe, pair, turn_until};
use ropewalk_deferred::Failure;
use ropewalk_net::{
    Address, ConnectionLost, ListenError, ReactorEndpoints as _, ReactorNet as _, ResolveError,
    Transport, client_from_string, server_from_string,
};
use ropewalk_reactor::Reactor;
use ropewalk_testing::{Captured, DEADLINE, EventLog, capture_tracing, within};
use std::cell::{Cell, RefCell};
use std::error::Error;
use std::io;
use std::net::{TcpListener, TcpStream};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Where each panic that was logged came from.
fn panics(events: &[Captured]) -> Vec<String> {
    let locations = events.iter().filter(|event| event.field("panic").is_some());
    locations.map(|event| event.field("location").unwrap().to_owned()).collect()
}

fn here(line: u32, column: u32) -> String {
    format!("{}:{line}:{column}", file!())
}

#[test]
fn i3_a_panic_of_a_factory_names_the_line_that_listens() {
    within(DEADLINE, || {
        let mut expected = String::new();
        let events = capture_tracing(|| {
            let reactor = Reactor::new().unwrap();
            expected = here(line!() + 1, 32);
            let port = reactor.listen_tcp("127.0.0.1:0", |_| -> Probe { panic!("a bug") });
            let _peer = TcpStream::connect(port.as_ref().unwrap().address()).unwrap();
            turn_until(&reactor, || reactor.stats().panics == 1);
        });
        assert_eq!(panics(&events), [expected]);
    });
}

#[test]
fn i3_a_panic_names_the_line_that_uses_an_endpoint() {
    within(DEADLINE, || {
        let mut expected = Vec::new();
        let events = capture_tracing(|| {
            let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
            let endpoint = server_from_string("tcp:0:interface=127.0.0.1").unwrap();
            expected.push(here(line!() + 1, 32));
            let port = reactor.listen(&endpoint, |_: Address| -> Probe { panic!("a bug") });
            let port = port.unwrap();
            let text = format!("tcp:{}", port.address());
            let endpoint = client_from_string(&text).unwrap();
            let probe = Probe::new(&log).made(|_| panic!("another"));
            expected.push(here(line!() + 1, 21));
            reactor.connect(&endpoint, probe).detach();
            turn_until(&reactor, || reactor.stats().panics == 2);
        });
        let mut places = panics(&events);
        places.sort();
        assert_eq!(places, expected);
    });
}

#[test]
fn i3_a_panic_of_a_protocol_names_the_line_that_connects() {
    within(DEADLINE, || {
        let mut expected = String::new();
        let events = capture_tracing(|| {
            let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
            let server = TcpListener::bind("127.0.0.1:0").unwrap();
            let port = server.local_addr().unwrap().port();
            let probe = Probe::new(&log)
                .made(|transport| {
                    transport.pause_producing();
                    transport.resume_producing();
                })
                .resumed(|_| panic!("a bug in what is left for later"))
                .lost(|_, _| panic!("another"));
            expected = here(line!() + 1, 21);
            reactor.connect_tcp("127.0.0.1", port, probe).detach();
            turn_until(&reactor, || reactor.stats().panics == 1);
        });
        let places = panics(&events);
        assert_eq!(places, [expected.clone(), expected], "its own one, and that of its end");
    });
}

#[test]
fn i3_a_panic_of_an_accepted_protocol_names_the_line_that_listens() {
    within(DEADLINE, || {
        let events = capture_tracing(|| {
            let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
            let pair = pair(&reactor, Probe::new(&log).peer_done(|_| panic!("a bug")));
            drop(pair.peer);
            turn_until(&reactor, || reactor.stats().panics == 1);
        });
        let places = panics(&events);
        assert_eq!(places.len(), 1);
        assert!(places[0].starts_with(&file!().replace("diagnosis", "fixture")), "{places:?}");
    });
}

/// What is pending is named by the lines that asked for it, and not by those of the crate.
#[test]
fn b206_what_is_under_way_is_named_by_the_line_that_connects() {
    let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = server.local_addr().unwrap().port();
    let pending = |line: u32| {
        let calls = reactor.delayed_calls();
        let places: Vec<_> =
            calls.iter().map(|call| (call.location.file(), call.location.line())).collect();
        assert_eq!(places, [(file!(), line)]);
    };
    let give_up = |connecting: ropewalk_deferred::Deferred<Transport>| {
        connecting.cancel();
        connecting.on_failure(|_| ());
    };
    let plain = reactor.connect_tcp("127.0.0.1", port, Probe::new(&log));
    pending(line!() - 1);
    give_up(plain);
    let endpoint = client_from_string(&format!("tcp:127.0.0.1:{port}")).unwrap();
    let described = reactor.connect(&endpoint, Probe::new(&log));
    pending(line!() - 1);
    give_up(described);
    #[cfg(feature = "tls")]
    {
        use crate::tls::certificates::client;
        use ropewalk_net::tls::{ReactorTls as _, wrap_client_tls};
        let encrypted = reactor.connect_tls("127.0.0.1", port, client(), Probe::new(&log));
        pending(line!() - 1);
        give_up(encrypted);
        let endpoint = wrap_client_tls(client(), "localhost", endpoint);
        let wrapped = reactor.connect(&endpoint, Probe::new(&log));
        pending(line!() - 1);
        give_up(wrapped);
    }
    let refused = reactor.resolve("a name", 80);
    assert!(format!("{refused:?}").contains(&format!("{}:{}", file!(), line!() - 1)));
    refused.on_failure(|_| ());
}

#[cfg(feature = "tls")]
#[test]
fn a_handshake_is_named_by_the_line_that_connects() {
    use crate::tls::certificates::client;
    use ropewalk_net::tls::ReactorTls as _;
    within(DEADLINE, || {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = server.local_addr().unwrap().port();
        let connecting = reactor.connect_tls("127.0.0.1", port, client(), Probe::new(&log));
        let line = line!() - 1;
        // The handshake has begun when its first words are there.
        let (mut peer, _) = server.accept().unwrap();
        peer.set_nonblocking(true).unwrap();
        turn_until(&reactor, || io::Read::read(&mut peer, &mut [0]).is_ok());
        let calls = reactor.delayed_calls();
        let places: Vec<_> =
            calls.iter().map(|call| (call.location.file(), call.location.line())).collect();
        assert_eq!(places, [(file!(), line)]);
        connecting.cancel();
        connecting.on_failure(|_| ());
    });
}

#[cfg(feature = "tls")]
#[test]
fn i3_a_panic_of_an_encrypted_protocol_names_the_line_that_connects() {
    use crate::tls::certificates::{client, server};
    use ropewalk_net::tls::ReactorTls as _;
    within(DEADLINE, || {
        let mut expected = String::new();
        let events = capture_tracing(|| {
            let (reactor, log, seen) = (Reactor::new().unwrap(), EventLog::new(), EventLog::new());
            let port = reactor.listen_tls("127.0.0.1:0", server(), move |_| Probe::new(&log));
            let port = port.unwrap();
            let (client, number) = (client().for_server("localhost"), port.address().port());
            let probe = Probe::new(&seen).made(|_| panic!("a bug"));
            expected = here(line!() + 1, 21);
            reactor.connect_tls("127.0.0.1", number, client, probe).detach();
            turn_until(&reactor, || reactor.stats().panics == 1);
        });
        assert_eq!(panics(&events), [expected]);
    });
}

/// With its sources, as most programs print it.
fn text(error: impl Into<Failure>) -> String {
    format!("{:#}", error.into())
}

fn times(text: &str, part: &str) -> usize {
    text.matches(part).count()
}

#[test]
fn a_failed_connection_gives_its_reason_once() {
    within(DEADLINE, || {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        let refusing = Refusing::new();
        let slot = Rc::new(RefCell::new(None::<Failure>));
        let seen = Rc::clone(&slot);
        reactor
            .connect_tcp("127.0.0.1", refusing.address.port(), Probe::new(&log))
            .map(|_: Transport| ())
            .add_errback(move |failure| {
                seen.replace(Some(failure));
            })
            .detach();
        turn_until(&reactor, || slot.borrow().is_some());
        let failure = slot.take().unwrap();
        let error: &ropewalk_net::ConnectError = failure.downcast_ref().unwrap();
        let reason = error.attempts()[0].error.to_string();
        assert_eq!(times(&format!("{failure:#}"), &reason), 1, "{failure:#}");
        assert_eq!(times(&format!("{failure}"), &reason), 1, "{failure}");
    });
}

#[test]
fn other_errors_give_their_reason_once_too() {
    let reason = || io::Error::other("the reason");
    let resolve = text(ResolveError::new("a.example", reason().into()));
    assert_eq!(times(&resolve, "the reason"), 1, "{resolve}");
    let lost = text(ConnectionLost::Lost(Arc::new(reason())));
    assert_eq!(times(&lost, "the reason"), 1, "{lost}");

    // The text of this one says it in other words.
    let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let refused = reactor.listen_tcp(taken.local_addr().unwrap(), move |_| Probe::new(&log));
    let error: ListenError = refused.unwrap_err().into_error();
    let in_use = text(error);
    assert_eq!(times(&in_use, "os error"), 1, "in words, and then as the system says: {in_use}");
}

/// Whoever answers: the answer comes in a call from a thread, but that is not whose fault it is.
#[test]
fn what_an_answer_runs_is_named_by_the_line_that_resolves() {
    within(DEADLINE, || {
        let threshold = Duration::from_millis(1);
        let reactor = Reactor::builder().slow_callback(threshold).build().unwrap();
        let mut expected = String::new();
        let events = capture_tracing(|| {
            expected = here(line!() + 1, 37);
            let looked_up = reactor.resolve("localhost", 80).map(move |_| {
                let begun = Instant::now();
                while begun.elapsed() <= threshold {}
            });
            let done = Rc::new(Cell::new(false));
            let is_done = Rc::clone(&done);
            looked_up.map(move |()| done.set(true)).detach();
            turn_until(&reactor, || is_done.get());
        });
        let slow = events.iter().filter(|event| event.field("kind") == Some("result"));
        let places: Vec<_> = slow.map(|event| event.field("location").unwrap()).collect();
        assert_eq!(places, [expected]);
    });
}

/// An error with another one behind it.
#[derive(Debug)]
struct Deep(std::fmt::Error);

impl std::fmt::Display for Deep {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the stream is damaged")
    }
}

impl Error for Deep {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.0)
    }
}

#[test]
fn what_is_behind_a_lost_connection_is_in_its_chain_once() {
    let deep = || Deep(std::fmt::Error);
    for reason in [
        ConnectionLost::Lost(Arc::new(io::Error::other(deep()))),
        ConnectionLost::ProtocolError(Arc::new(deep())),
    ] {
        assert!(reason.source().unwrap().is::<std::fmt::Error>(), "{reason:?}");
        let whole = format!("{:#}", Failure::from(reason));
        assert_eq!(whole.matches("the stream is damaged").count(), 1, "{whole}");
        assert_eq!(whole.matches(&std::fmt::Error.to_string()).count(), 1, "{whole}");
    }
    for reason in [ConnectionLost::Done, ConnectionLost::Aborted] {
        assert!(reason.source().is_none());
    }
}
