//! Services that are stopped and started while something of theirs begins.

use super::{Bench, SECOND, plain};
use crate::fixture::Probe;
use ropewalk_deferred::{Deferred, Promise};
use ropewalk_net::{
    Address, ClientEndpoint, ClientService, Factory, NotConnected, Protocol, Transport,
    WeakClientService,
};
use ropewalk_reactor::Reactor;
use ropewalk_testing::{Ending, EventLog, MemoryTransport, failure_as, no_result, success_of};
use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

/// A service that its own callbacks can reach.
#[derive(Clone, Default)]
struct Slot(Rc<RefCell<Option<WeakClientService>>>);

impl Slot {
    fn set(&self, service: &ClientService) {
        self.0.replace(Some(service.downgrade()));
    }

    fn get(&self) -> ClientService {
        self.0.borrow().as_ref().and_then(WeakClientService::upgrade).unwrap()
    }
}

/// A factory that does something when it is told that it is needed.
struct Fickle {
    slot: Slot,
    log: EventLog,
    acts: &'static [&'static str],
}

impl Factory<Address> for Fickle {
    type Protocol = Probe;

    fn build_protocol(&mut self, _: &Reactor, _: Address) -> Option<Probe> {
        Some(Probe::new(&self.log))
    }

    fn started(&mut self, _: &Reactor) {
        self.log.add("started");
        for act in self.acts {
            let service = self.slot.get();
            match *act {
                "start" => service.start_service(),
                "stop" => {
                    let told = self.log.clone();
                    service.stop_service().map(move |()| told.add("stop fired")).detach();
                }
                other => panic!("{other}"),
            }
            self.log.add(if service.is_running() { "on" } else { "off" });
        }
    }

    fn stopped(&mut self, _: &Reactor) {
        self.log.add("stopped");
    }
}

/// The service, which has been started, and what its factory was told.
fn fickle(bench: &Bench, acts: &'static [&'static str]) -> ClientService {
    let slot = Slot::default();
    let factory = Fickle { slot: slot.clone(), log: bench.log.clone(), acts };
    let service = ClientService::builder(bench.script.clone(), factory)
        .backoff(plain())
        .build(&bench.reactor);
    slot.set(&service);
    let _ = catch_unwind(AssertUnwindSafe(|| service.start_service()));
    service
}

#[test]
fn a_factory_may_stop_the_service_when_it_is_told_that_it_is_needed() {
    let bench = Bench::new();
    let service = fickle(&bench, &["stop"]);
    assert_eq!(bench.log.take(), ["started", "off", "stopped", "stop fired"]);
    assert!(!service.is_running());
    assert_eq!(bench.script.attempts(), 0);
    let _: NotConnected = failure_as(service.when_connected(None));
    service.start_service();
    assert_eq!(bench.log.take(), ["started", "off", "stopped", "stop fired"]);

    let bench = Bench::new();
    let service = fickle(&bench, &["stop", "start"]);
    assert_eq!(bench.log.take(), ["started", "off", "on", "stop fired"]);
    assert!(service.is_running());
    assert_eq!(bench.script.attempts(), 1);
    success_of(service.stop_service());
    assert_eq!(bench.log.take(), ["stopped"]);

    let bench = Bench::new();
    let service = fickle(&bench, &["start", "stop", "start", "stop"]);
    let told = ["started", "on", "off", "on", "off", "stopped", "stop fired", "stop fired"];
    assert_eq!(bench.log.take(), told);
    assert!(!service.is_running());
    bench.assert_idle();
}

#[test]
fn i3_a_factory_that_panics_then_leaves_the_service_off() {
    let bench = Bench::new();
    let service = fickle(&bench, &["stop", "a bug"]);
    assert_eq!(bench.log.take(), ["started", "off", "stop fired"]);
    assert!(!service.is_running());
    success_of(service.stop_service());

    let bench = Bench::new();
    let service = fickle(&bench, &["a bug"]);
    assert!(!service.is_running());
    // It was never started, so it is waited for.
    let waits = no_result(service.when_connected(None));
    success_of(service.stop_service());
    let _: NotConnected = failure_as(waits);
    assert_eq!(bench.script.attempts(), 0);
    bench.assert_idle();
}

#[test]
fn a_service_that_is_started_while_it_stops_begins_with_the_first_wait() {
    let bench = Bench::new();
    let log = bench.log.clone();
    let prepared = Rc::<RefCell<Vec<Promise<()>>>>::default();
    let service = ClientService::builder(bench.script.clone(), move |_: Address| Probe::new(&log))
        .backoff(plain())
        .prepare(move |_| {
            let (promise, deferred) = Deferred::new();
            prepared.borrow_mut().push(promise);
            deferred
        })
        .build(&bench.reactor);
    service.start_service();
    for seconds in [1, 2, 4] {
        bench.script.fail("not now");
        bench.clock.advance(seconds * SECOND);
    }
    let peer = bench.script.succeed();
    service.stop_service().detach();
    service.start_service();
    peer.turn();
    let waits = service.when_connected(1);
    bench.script.fail("not now");
    let error: NotConnected = failure_as(waits);
    assert!(matches!(error, NotConnected::Failed { attempts: 1, .. }), "{error:?}");
    bench.clock.advance(SECOND);
    assert!(bench.script.is_connecting(), "not after eight seconds");
}

/// Connects at once, and takes its time to say so.
#[derive(Clone, Default)]
struct Eager {
    memory: Rc<RefCell<Option<MemoryTransport>>>,
    promise: Rc<Cell<Option<Promise<Transport>>>>,
    cancelled: Rc<Cell<bool>>,
    /// The service, if it is stopped before there is a deferred that could be cancelled.
    stops: Option<Slot>,
}

impl ClientEndpoint for Eager {
    fn connect(&self, _: &Reactor, protocol: Box<dyn Protocol>) -> Deferred<Transport> {
        let memory = MemoryTransport::connect(protocol);
        // The connection does not end before its peer has taken all.
        memory.take_only(0);
        let (transport, cancelled) = (memory.transport(), Rc::clone(&self.cancelled));
        transport.write(b"last words");
        if let Some(slot) = &self.stops {
            slot.get().stop_service().detach();
        }
        self.memory.replace(Some(memory));
        let (promise, deferred) = Deferred::with_canceller(move || {
            cancelled.set(true);
            transport.abort_connection();
        });
        self.promise.set(Some(promise));
        deferred
    }
}

#[test]
fn what_is_written_before_the_endpoint_is_done_is_sent_when_the_service_stops() {
    for stops in [None, Some(Slot::default())] {
        let bench = Bench::new();
        let endpoint = Eager { stops: stops.clone(), ..Eager::default() };
        let log = bench.log.clone();
        let factory = move |_: Address| Probe::new(&log);
        let service = ClientService::new(&bench.reactor, endpoint.clone(), factory);
        if let Some(slot) = &stops {
            slot.set(&service);
        }
        service.start_service();
        let stopped = no_result(service.stop_service());
        let memory = endpoint.memory.take().unwrap();
        memory.take_only(None);
        memory.turn();
        success_of(stopped);
        assert!(!endpoint.cancelled.get());
        assert_eq!(memory.take_received(), b"last words");
        assert_eq!(memory.ending(), Some(Ending::Gentle));
        // And what the endpoint says then matters to nobody.
        endpoint.promise.take().unwrap().callback(memory.transport());
        assert_eq!(bench.log.take(), ["made", "lost done"]);
        assert!(!service.is_running());
    }
}
