//! A client that keeps its connection: attempts, waits, preparing, and those who wait.

pub(crate) mod script; // an endpoint that does what the test says

mod factories; // what makes protocols, and what goes wrong with it
mod meanwhile; // stopped and started while something begins
mod stopping; // each way to stop

use crate::fixture::Probe;
use ropewalk_deferred::{Deferred, Failure, Promise};
use ropewalk_net::{Address, Backoff, ClientService, NotConnected, Transport};
use ropewalk_reactor::{ManualClock, Reactor};
use ropewalk_testing::{EventLog, failure_as, no_result, success_of};
use script::Script;
use std::cell::RefCell;
use std::io;
use std::rc::Rc;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

/// Waits of 1, 2, 4 and then 5 seconds.
fn plain() -> Backoff {
    Backoff::new().initial(SECOND).factor(2.0).maximum(5 * SECOND).jitter(0.0)
}

/// A service that has not been started, with time that the test moves.
struct Bench {
    clock: ManualClock,
    reactor: Reactor,
    script: Script,
    log: EventLog,
}

impl Bench {
    fn new() -> Self {
        let clock = ManualClock::new();
        let reactor = Reactor::builder().manual_clock(&clock).build().unwrap();
        Self { clock, reactor, script: Script::default(), log: EventLog::new() }
    }

    fn service(&self) -> ClientService {
        let log = self.log.clone();
        ClientService::builder(self.script.clone(), move |_peer: Address| Probe::new(&log))
            .backoff(plain())
            .build(&self.reactor)
    }

    /// Nothing is left in the reactor.
    fn assert_idle(&self) {
        assert_eq!(self.reactor.stats().pending_timers, 0);
        assert!(!self.script.is_connecting());
    }
}

fn is_stopped(deferred: Deferred<Transport>) -> bool {
    matches!(failure_as(deferred), NotConnected::Stopped)
}

/// Whoever finds fault with a connection ends it, and then wants another one.
#[test]
fn a_connection_that_was_asked_to_end_is_not_given_to_those_who_ask() {
    let bench = Bench::new();
    let service = bench.service();
    service.start_service();
    let first = bench.script.succeed();
    let transport = service.transport().unwrap();
    transport.lose_connection();
    assert_eq!(service.transport(), None);
    let next = no_result(service.when_connected(None));
    first.turn();
    bench.clock.advance(SECOND);
    let second = bench.script.succeed();
    assert_eq!(success_of(next), second.transport());
    assert_eq!(bench.log.take(), ["made", "lost done", "made"]);
}

#[test]
fn a_lost_connection_is_made_again_and_those_who_wait_have_it() {
    let bench = Bench::new();
    let service = bench.service();
    let early = service.when_connected(None);
    assert!(!service.is_running());
    service.start_service();
    service.start_service();
    assert!(service.is_running());
    let (early, other) = (no_result(early), no_result(service.when_connected(None)));
    let peer = bench.script.succeed();
    assert_eq!(bench.script.attempts(), 1);
    assert_eq!(success_of(early), peer.transport());
    assert_eq!(success_of(other), peer.transport());
    assert_eq!(success_of(service.when_connected(1)), peer.transport());
    assert_eq!(service.transport(), Some(peer.transport()));

    peer.break_with(io::ErrorKind::ConnectionReset);
    assert_eq!(service.transport(), None);
    let later = service.when_connected(None);
    bench.clock.advance(SECOND - Duration::from_nanos(1));
    assert_eq!(bench.script.attempts(), 1);
    bench.clock.advance(Duration::from_nanos(1));
    let later = no_result(later);
    let peer = bench.script.succeed();
    assert_eq!(success_of(later), peer.transport());
    peer.send(b"hello");
    assert_eq!(bench.log.take(), ["made", "lost broken", "made", "data hello"]);
    assert_eq!(bench.script.attempts(), 2);
}

#[test]
fn each_method_reaches_the_protocol() {
    let bench = Bench::new();
    let log = bench.log.clone();
    let service = ClientService::new(&bench.reactor, bench.script.clone(), move |_: Address| {
        Probe::new(&log).peer_done(|_| ())
    });
    service.start_service();
    let peer = bench.script.succeed();
    let transport = peer.transport();
    peer.send(b"x");
    transport.pause_producing();
    transport.resume_producing();
    peer.take_only(0);
    transport.write(&[0; 100_000]);
    peer.take_only(None);
    transport.lose_write_connection();
    peer.turn();
    peer.close();
    peer.turn();
    let expected = ["made", "data x", "resumed", "drained", "write done", "peer done", "lost done"];
    assert_eq!(bench.log.take(), expected);
}

#[test]
fn waits_grow_and_a_connection_sets_them_back() {
    let bench = Bench::new();
    let service = bench.service();
    service.start_service();
    for seconds in [1, 2, 4, 5, 5] {
        bench.script.fail("refused");
        bench.clock.advance(seconds * SECOND - Duration::from_nanos(1));
        assert!(!bench.script.is_connecting(), "too early");
        bench.clock.advance(Duration::from_nanos(1));
        assert!(bench.script.is_connecting(), "too late");
    }
    bench.script.succeed().close();
    bench.clock.advance(SECOND);
    bench.script.fail("refused");
    bench.clock.advance(2 * SECOND);
    assert!(bench.script.is_connecting());
}

#[test]
fn who_waits_says_how_many_failures_it_stands() {
    let bench = Bench::new();
    let service = bench.service();
    service.start_service();
    bench.script.fail("first");
    let (patient, two, one) =
        (service.when_connected(None), service.when_connected(2), service.when_connected(1));
    let (patient, two) = (no_result(patient), no_result(two));
    let one = no_result(one);
    bench.clock.advance(SECOND);
    bench.script.fail("second");
    let error: NotConnected = failure_as(one);
    assert!(matches!(error, NotConnected::Failed { attempts: 2, .. }), "{error:?}");
    assert_eq!(error.last_failure().unwrap().to_string(), "second");
    assert_eq!(error.to_string(), "2 attempts to connect have failed");
    let two = no_result(two);
    bench.clock.advance(2 * SECOND);
    bench.script.fail("third");
    let error: Failure = NotConnected::into(failure_as(two));
    assert_eq!(format!("{error:#}"), "3 attempts to connect have failed: third");
    let patient = no_result(patient);
    bench.clock.advance(5 * SECOND);
    let peer = bench.script.succeed();
    assert_eq!(success_of(patient), peer.transport());
}

#[test]
fn who_gives_up_waiting_is_forgotten() {
    let bench = Bench::new();
    let service = bench.service();
    service.start_service();
    for _ in 0..3 {
        service.when_connected(None).cancel();
    }
    let second = service.when_connected(1);
    let cancels = second.canceller();
    // One that is told cancels the next one.
    let first = service.when_connected(1);
    let first = first.add_both(move |result| {
        cancels.cancel();
        result
    });
    assert!(format!("{service:?}").contains("waiting: 2"), "{service:?}");
    bench.script.fail("refused");
    assert!(matches!(failure_as(first), NotConnected::Failed { .. }));
    assert!(format!("{service:?}").contains("waiting: 0"), "{service:?}");
}

#[test]
fn a_connection_is_prepared_before_anybody_has_it() {
    let bench = Bench::new();
    let log = bench.log.clone();
    let work = Rc::new(RefCell::new(None::<Promise<()>>));
    let (shared, cancels) = (Rc::clone(&work), bench.log.clone());
    let service = ClientService::builder(bench.script.clone(), move |_: Address| Probe::new(&log))
        .backoff(plain())
        .prepare(move |transport| {
            transport.write(b"login");
            let cancels = cancels.clone();
            let (promise, deferred) = Deferred::with_canceller(move || cancels.add("cancelled"));
            shared.replace(Some(promise));
            deferred
        })
        .build(&bench.reactor);
    service.start_service();
    let waits = service.when_connected(1);
    let peer = bench.script.succeed();
    assert_eq!(peer.take_received(), b"login");
    let waits = no_result(waits);
    assert_eq!(service.transport(), None);
    // It fails: the connection is closed, and that is an attempt that failed.
    work.take().unwrap().errback(Failure::msg("wrong password"));
    let waits = no_result(waits);
    peer.turn();
    let error: NotConnected = failure_as(waits);
    assert_eq!(error.last_failure().unwrap().to_string(), "wrong password");
    assert_eq!(bench.log.take(), ["made", "lost aborted"]);

    // The connection is lost first.
    bench.clock.advance(SECOND);
    bench.script.succeed().close();
    assert_eq!(bench.log.take(), ["made", "lost done", "cancelled"]);

    // The service is stopped.
    bench.clock.advance(2 * SECOND);
    let peer = bench.script.succeed();
    let stopped = no_result(service.stop_service());
    assert_eq!(bench.log.take(), ["made", "cancelled"]);
    peer.turn();
    success_of(stopped);

    // It is done.
    service.start_service();
    let waits = service.when_connected(1);
    let peer = bench.script.succeed();
    work.take().unwrap().callback(());
    assert_eq!(success_of(waits), peer.transport());
}
