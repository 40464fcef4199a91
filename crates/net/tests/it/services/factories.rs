//! What makes protocols and connections: when it is used, and what its panics do.

use super::{Bench, SECOND, plain};
use crate::fixture::{Probe, Spiteful, has, own_address, turn_until};
use ropewalk_deferred::Deferred;
use ropewalk_net::{
    Address, Backoff, ClientEndpoint, ClientService, Factory, HostnameEndpoint, NoProtocol,
    NotConnected, Protocol, ReactorNet as _, Transport,
};
use ropewalk_reactor::Reactor;
use ropewalk_testing::{DEADLINE, Ending, EventLog, failure_as, success_of, within};
use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

/// Tells the log what happens to it.
struct Diary {
    log: EventLog,
    declines: Rc<Cell<bool>>,
    panics: Rc<Cell<bool>>,
}

impl Factory<Address> for Diary {
    type Protocol = Probe;

    fn build_protocol(&mut self, _: &Reactor, peer: Address) -> Option<Probe> {
        self.log.add(format!("build {}", peer.port().unwrap()));
        assert!(!self.panics.take(), "a bug");
        (!self.declines.take()).then(|| Probe::new(&self.log))
    }

    fn started(&mut self, _: &Reactor) {
        self.log.add("started");
    }

    fn stopped(&mut self, _: &Reactor) {
        self.log.add("stopped");
    }
}

#[test]
fn b212_the_factory_knows_when_it_is_needed() {
    let bench = Bench::new();
    let (declines, panics) = (Rc::<Cell<bool>>::default(), Rc::default());
    let (log, declines_too, panics_too) =
        (bench.log.clone(), Rc::clone(&declines), Rc::clone(&panics));
    let diary = Diary { log, declines: declines_too, panics: panics_too };
    let service =
        ClientService::builder(bench.script.clone(), diary).backoff(plain()).build(&bench.reactor);
    service.start_service();
    assert_eq!(bench.log.take(), ["started"]);

    // B207: a factory may decline. For a service that is an attempt that failed.
    declines.set(true);
    let waits = service.when_connected(1);
    let peer = bench.script.succeed();
    peer.turn();
    let error: NotConnected = failure_as(waits);
    assert!(error.last_failure().unwrap().is::<NoProtocol>(), "{error:?}");
    assert_eq!(peer.ending(), Some(Ending::Aborted));
    assert_eq!(bench.log.take(), ["build 40000"]);

    bench.clock.advance(SECOND);
    bench.script.succeed();
    service.stop_service().detach();
    bench.script.turn();
    assert_eq!(bench.log.take(), ["build 40000", "made", "lost done", "stopped"]);
    service.start_service();
    assert_eq!(bench.log.take(), ["started"]);
}

/// An endpoint that fails by panicking, and then one that never answers.
struct Broken(Rc<Cell<u32>>);

impl ClientEndpoint for Broken {
    fn connect(&self, _: &Reactor, _: Box<dyn Protocol>) -> Deferred<Transport> {
        self.0.set(self.0.get() + 1);
        panic!("a bug in an endpoint")
    }
}

#[test]
fn i3_a_panic_of_the_endpoint_is_an_attempt_that_failed() {
    let bench = Bench::new();
    let calls = Rc::<Cell<u32>>::default();
    let log = bench.log.clone();
    let service =
        ClientService::builder(Broken(Rc::clone(&calls)), move |_: Address| Probe::new(&log))
            .backoff(plain())
            .build(&bench.reactor);
    let waits = service.when_connected(2);
    service.start_service();
    bench.clock.advance(SECOND);
    let error: NotConnected = failure_as(waits);
    let cause = error.last_failure().unwrap().to_string();
    assert!(cause.contains("a bug in an endpoint"), "{cause}");
    assert_eq!(calls.get(), 2);
    success_of(service.stop_service());
    bench.assert_idle();
}

#[test]
fn i3_a_panic_of_the_factory_ends_that_connection_only() {
    within(DEADLINE, || {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        let server = EventLog::new();
        let port = reactor.listen_tcp(own_address(), move |_| Probe::new(&server)).unwrap();
        let panics = Rc::new(Cell::new(true));
        let diary = Diary { log: log.clone(), declines: Rc::default(), panics };
        let endpoint =
            HostnameEndpoint::new(port.address().ip().to_string(), port.address().port());
        let service = ClientService::builder(endpoint, diary)
            .backoff(Backoff::new().initial(Duration::from_millis(1)))
            .build(&reactor);
        service.start_service();
        turn_until(&reactor, || has(&log, "made"));
        assert!(service.transport().is_some());
        let stopped = service.stop_service();
        turn_until(&reactor, || has(&log, "stopped"));
        success_of(stopped);
        assert_eq!(log.entries().iter().filter(|one| one.starts_with("build")).count(), 2);
    });
}

#[test]
fn i3_a_subscriber_that_panics_does_no_harm() {
    let bench = Bench::new();
    let service = bench.service();
    tracing::subscriber::with_default(Spiteful("service"), || {
        service.start_service();
        let waits = service.when_connected(1);
        bench.script.fail("refused");
        let _: NotConnected = failure_as(waits);
        bench.clock.advance(SECOND);
        let waits = service.when_connected(1);
        let peer = bench.script.succeed();
        assert_eq!(success_of(waits), peer.transport());
        peer.close();
        bench.clock.advance(SECOND);
        assert!(bench.script.is_connecting());
        success_of(service.stop_service());
        bench.assert_idle();
    });
}
