//! Connecting: a name, its addresses, one deadline, and every way to fail.

use crate::fixture::{Probe, has, turn_a_little, turn_until};
use ropewalk_deferred::{CancelHandle, Cancelled, Deferred, Failure, Panicked};
use ropewalk_net::{
    Address, ConnectError, ConnectErrorKind, ConnectOptions, NameQuery, ReactorNet as _,
    ResolveErrorKind, Resolver, Transport,
};
use ropewalk_reactor::{ManualClock, Reactor};
use ropewalk_testing::{DEADLINE, EventLog, failure_as, no_result, within};
use std::cell::{Cell, RefCell};
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::rc::Rc;
use std::time::Duration;

/// Answers each name with what the test says, or never.
#[derive(Clone, Default)]
pub(crate) struct Stub {
    pub(crate) addresses: Option<Vec<SocketAddr>>,
    pub(crate) asked: Rc<Cell<u32>>,
    pub(crate) cancelled: Rc<Cell<u32>>,
    /// Promises of names that are never answered.
    pub(crate) pending: Rc<RefCell<Vec<ropewalk_deferred::Promise<Vec<SocketAddr>>>>>,
}

impl Resolver for Stub {
    fn resolve(&self, _: &Reactor, _: &NameQuery<'_>) -> Deferred<Vec<SocketAddr>> {
        self.asked.set(self.asked.get() + 1);
        if let Some(addresses) = &self.addresses {
            return Deferred::succeed(addresses.clone());
        }
        let cancelled = Rc::clone(&self.cancelled);
        let (promise, deferred) =
            Deferred::with_canceller(move || cancelled.set(cancelled.get() + 1));
        self.pending.borrow_mut().push(promise);
        deferred
    }
}

type Outcome = Rc<RefCell<Option<Result<Transport, Failure>>>>;

/// Where the result of a connection attempt will be.
fn outcome_of(deferred: Deferred<Transport>) -> Outcome {
    let outcome = Outcome::default();
    let slot = Rc::clone(&outcome);
    deferred
        .add_both(move |result| {
            slot.replace(Some(result));
        })
        .detach();
    outcome
}

fn error_of(reactor: &Reactor, deferred: Deferred<Transport>) -> ConnectError {
    let outcome = outcome_of(deferred);
    turn_until(reactor, || outcome.borrow().is_some());
    outcome.take().unwrap().unwrap_err().downcast().unwrap()
}

/// A port on which nobody listens, and which nobody else gets while this lives: this end of a
/// connection has it.
pub(crate) struct Refusing {
    _ends: (TcpStream, TcpListener),
    pub(crate) address: SocketAddr,
}

impl Refusing {
    pub(crate) fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let address = stream.local_addr().unwrap();
        Self { _ends: (stream, listener), address }
    }
}

#[test]
fn a_connection_is_made_and_used() {
    within(DEADLINE, || {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = server.local_addr().unwrap();
        let seen = log.clone();
        let deferred = reactor.connect_tcp("127.0.0.1", address.port(), Probe::new(&log)).map(
            move |transport| {
                seen.add("fired");
                transport
            },
        );
        let outcome = outcome_of(deferred);
        turn_until(&reactor, || outcome.borrow().is_some());
        let transport = outcome.take().unwrap().unwrap();
        assert_eq!(log.take(), ["made", "fired"], "the protocol first");
        let (mut peer, from) = server.accept().unwrap();
        assert_eq!(transport.peer(), address);
        assert_eq!(transport.host(), from);

        peer.write_all(b"welcome").unwrap();
        transport.write(b"hello");
        transport.lose_connection();
        turn_until(&reactor, || has(&log, "lost done"));
        let mut all = String::new();
        peer.read_to_string(&mut all).unwrap();
        assert_eq!(all, "hello");
        drop(peer);
        turn_until(&reactor, || reactor.stats().sources == 0);
        assert_eq!(reactor.stats().pending_timers, 0);
    });
}

#[test]
fn b210_a_refused_connection_is_a_typed_error() {
    within(DEADLINE, || {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        let refusing = Refusing::new();
        let port = refusing.address.port();
        let error = error_of(&reactor, reactor.connect_tcp("127.0.0.1", port, Probe::new(&log)));
        assert!(error.is_refused());
        assert_eq!((error.host(), error.port()), (Some("127.0.0.1"), Some(port)));
        assert_eq!(error.attempts().len(), 1);
        assert_eq!(error.attempts()[0].address, refusing.address);
        assert_eq!(error.attempts()[0].error.kind(), ErrorKind::ConnectionRefused);
        assert!(std::error::Error::source(&error).is_none(), "its text has the reason");
        assert!(log.is_empty(), "the protocol was never told anything");
        assert_eq!((reactor.stats().sources, reactor.stats().pending_timers), (0, 0));
    });
}

#[test]
fn the_addresses_of_a_name_are_tried_in_turn() {
    within(DEADLINE, || {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let good = server.local_addr().unwrap();
        let refusing = Refusing::new();
        let stub = Stub { addresses: Some(vec![refusing.address, good]), ..Stub::default() };
        reactor.install_resolver(stub);
        let outcome = outcome_of(reactor.connect_tcp("two.example", 1, Probe::new(&log)));
        turn_until(&reactor, || outcome.borrow().is_some());
        assert_eq!(outcome.take().unwrap().unwrap().peer(), good);
    });
}

#[test]
fn all_addresses_that_failed_are_in_the_error() {
    within(DEADLINE, || {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        let refusing = [(); 3].map(|()| Refusing::new());
        let bad: Vec<_> = refusing.iter().map(|one| one.address).collect();
        reactor.install_resolver(Stub { addresses: Some(bad.clone()), ..Stub::default() });
        let error = error_of(&reactor, reactor.connect_tcp("three.example", 1, Probe::new(&log)));
        let tried: Vec<_> = error.attempts().iter().map(|one| one.address.clone()).collect();
        assert_eq!(tried, bad.iter().copied().map(Address::from).collect::<Vec<_>>());
        assert!(matches!(error.kind(), ConnectErrorKind::Unreachable));
    });
}

#[test]
fn a_name_without_an_answer_runs_into_the_one_deadline() {
    within(DEADLINE, || {
        let clock = ManualClock::new();
        let reactor = Reactor::builder().manual_clock(&clock).build().unwrap();
        let (log, stub) = (EventLog::new(), Stub::default());
        reactor.install_resolver(stub.clone());
        let deferred = reactor.connect_tcp("slow.example", 80, Probe::new(&log));
        clock.advance(Duration::from_millis(29_999));
        let deferred = no_result(deferred);
        clock.advance(Duration::from_millis(1));
        let error: ConnectError = failure_as(deferred);
        assert!(error.is_timed_out());
        assert_eq!(stub.cancelled.get(), 1, "the resolver may stop");
        assert_eq!(reactor.stats().pending_timers, 0);

        // An answer that comes too late finds nobody.
        for promise in stub.pending.take() {
            promise.callback(vec![SocketAddr::from(([127, 0, 0, 1], 1))]);
        }
        turn_a_little(&reactor);
        assert_eq!((reactor.stats().sources, log.len()), (0, 0));
    });
}

#[test]
fn the_deadline_can_be_chosen() {
    let clock = ManualClock::new();
    let reactor = Reactor::builder().manual_clock(&clock).build().unwrap();
    let log = EventLog::new();
    reactor.install_resolver(Stub::default());
    let options = ConnectOptions::new().timeout(Duration::from_secs(3));
    let short = reactor.connect_tcp_with("a.example", 80, options, Probe::new(&log));
    let options = ConnectOptions::new().timeout(Duration::MAX);
    let never = reactor.connect_tcp_with("a.example", 80, options, Probe::new(&log));
    clock.advance(Duration::from_secs(3));
    assert!(failure_as::<ConnectError, _>(short).is_timed_out());
    clock.advance(Duration::from_secs(1_000_000));
    no_result(never).cancel();
}

#[test]
fn i2_cancelling_ends_the_attempt() {
    within(DEADLINE, || {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        let payload = Rc::new(());
        let holding = || {
            let held = Rc::clone(&payload);
            Probe::new(&log).made(move |_| drop(Rc::clone(&held)))
        };
        let stub = Stub::default();
        let before = reactor.install_resolver(stub.clone());
        let looking = reactor.connect_tcp("slow.example", 80, holding());
        looking.cancel();
        let _: Cancelled = failure_as(looking);
        assert_eq!(stub.cancelled.get(), 1);

        reactor.install_resolver(before);
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = server.local_addr().unwrap().port();
        let connecting = reactor.connect_tcp("127.0.0.1", port, holding());
        assert_eq!(reactor.stats().sources, 1);
        connecting.cancel();
        let _: Cancelled = failure_as(connecting);
        assert_eq!((reactor.stats().sources, reactor.stats().pending_timers), (0, 0));
        assert_eq!(Rc::strong_count(&payload), 1, "the protocols are dropped");
        turn_a_little(&reactor);
        assert!(log.is_empty());
    });
}

/// Who wins a race calls the others off, and may do so as soon as it has a connection; also itself.
#[test]
fn i2_an_attempt_that_is_cancelled_in_connection_made_leaves_no_connection() {
    within(DEADLINE, || {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = server.local_addr().unwrap().port();
        let canceller = Rc::new(Cell::new(None::<CancelHandle>));
        let own = Rc::clone(&canceller);
        let probe = Probe::new(&log).made(move |transport| {
            transport.write(b"said before");
            own.take().unwrap().cancel();
        });
        let connecting = reactor.connect_tcp("127.0.0.1", port, probe);
        canceller.set(Some(connecting.canceller()));
        turn_until(&reactor, || has(&log, "lost done"));
        let _: Cancelled = failure_as(connecting);
        let mut said = String::new();
        server.accept().unwrap().0.read_to_string(&mut said).unwrap();
        assert_eq!(said, "said before");
        turn_until(&reactor, || reactor.stats().sources == 0);
        assert_eq!(reactor.stats().pending_timers, 0);
    });
}

#[test]
fn what_cannot_be_is_refused_at_once() {
    let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
    let error: ConnectError = failure_as(reactor.connect_tcp("127.0.0.1", 0, Probe::new(&log)));
    assert!(matches!(error.kind(), ConnectErrorKind::Port));
    for host in ["", "no such host.invalid", "a..b", &"x".repeat(70)] {
        let error: ConnectError = failure_as(reactor.connect_tcp(host, 80, Probe::new(&log)));
        assert_eq!(error.host(), Some(host));
        let ConnectErrorKind::Resolve(error) = error.kind() else { panic!("{error:?}") };
        assert!(matches!(error.kind(), ResolveErrorKind::InvalidName(_)));
    }
    assert_eq!((reactor.stats().sources, reactor.stats().pending_timers), (0, 0));
}

#[test]
fn this_end_can_be_chosen_and_b210_may_be_taken() {
    within(DEADLINE, || {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = server.local_addr().unwrap().port();
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let options = ConnectOptions::new().local_address(taken.local_addr().unwrap());
        let deferred = reactor.connect_tcp_with("127.0.0.1", port, options, Probe::new(&log));
        let error: ConnectError = failure_as(deferred);
        assert_eq!(error.attempts()[0].error.kind(), ErrorKind::AddrInUse);
        assert!(error.to_string().contains("has the port of this end"), "{error}");
        let foreign = ConnectOptions::new().local_address(([192, 0, 2, 1], 0).into());
        let deferred = reactor.connect_tcp_with("127.0.0.1", port, foreign, Probe::new(&log));
        let error: ConnectError = failure_as(deferred);
        assert!(error.to_string().contains("to connect from"), "{error}");

        let options = ConnectOptions::new().local_address(([127, 0, 0, 1], 0).into());
        let deferred = reactor.connect_tcp_with("127.0.0.1", port, options, Probe::new(&log));
        let outcome = outcome_of(deferred);
        turn_until(&reactor, || outcome.borrow().is_some());
        let transport = outcome.take().unwrap().unwrap();
        assert_eq!(server.accept().unwrap().1, transport.host().socket_addr().unwrap());
    });
}

/// B208: what connects may connect again when it is lost.
#[test]
fn b208_connection_lost_may_connect_again() {
    within(DEADLINE, || {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = server.local_addr().unwrap().port();
        let again = log.clone();
        let probe = Probe::new(&log).lost(move |_, _| {
            let second = Probe::new(&again);
            Reactor::with_current(|reactor| {
                reactor.connect_tcp("127.0.0.1", port, second).map(|_| ()).detach();
            });
        });
        let outcome = outcome_of(reactor.connect_tcp("127.0.0.1", port, probe));
        turn_until(&reactor, || outcome.borrow().is_some());
        drop(server.accept().unwrap());
        turn_until(&reactor, || log.entries() == ["made", "lost done", "made"]);
    });
}

#[test]
fn i3_a_panic_in_connection_made_is_what_the_connect_fails_with() {
    within(DEADLINE, || {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = server.local_addr().unwrap().port();
        let probe = Probe::new(&log).made(|_| panic!("a bug"));
        let outcome = outcome_of(reactor.connect_tcp("127.0.0.1", port, probe));
        turn_until(&reactor, || outcome.borrow().is_some());
        let failure = outcome.take().unwrap().unwrap_err();
        assert_eq!(failure.downcast_ref::<Panicked>().unwrap().message(), "a bug");
        assert_eq!(log.take(), ["made", "lost panicked"]);
        assert_eq!((reactor.stats().sources, reactor.stats().panics), (0, 1));
    });
}
