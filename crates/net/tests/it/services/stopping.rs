//! Each way in which a service stops, and what is left of it.

use super::script::Script;
use super::{Bench, SECOND, is_stopped, plain};
use crate::connecting::Refusing;
use crate::fixture::{Probe, own_address};
use ropewalk_net::{
    Address, ClientService, ConnectError, HostnameEndpoint, NotConnected, ReactorNet as _,
};
use ropewalk_reactor::Reactor;
use ropewalk_testing::{DEADLINE, Ending, EventLog, failure_as, no_result, success_of, within};
use std::cell::{Cell, RefCell};
use std::rc::Rc;

#[test]
fn stopping_ends_the_connection_and_tells_when_it_is_gone() {
    let bench = Bench::new();
    let service = bench.service();
    service.start_service();
    let peer = bench.script.succeed();
    let stopped = no_result(service.stop_service());
    let again = no_result(service.stop_service());
    assert!(!service.is_running());
    assert!(is_stopped(service.when_connected(None)));
    assert_eq!(bench.log.take(), ["made"]);
    peer.turn();
    success_of(stopped);
    success_of(again);
    assert_eq!(bench.log.take(), ["lost done"]);
    assert_eq!(peer.ending(), Some(Ending::Gentle));
    success_of(service.stop_service());
    assert!(is_stopped(service.when_connected(None)));
    bench.assert_idle();
}

#[test]
fn b208_stopping_an_attempt_leaves_nothing_behind() {
    let bench = Bench::new();
    let service = bench.service();
    let never_started = bench.service();
    let waits = never_started.when_connected(None);
    success_of(never_started.stop_service());
    assert!(is_stopped(waits));

    service.start_service();
    let waits = service.when_connected(None);
    success_of(service.stop_service());
    assert!(is_stopped(waits));
    assert_eq!(bench.script.cancelled(), 1);
    bench.assert_idle();

    service.start_service();
    bench.script.fail("refused");
    assert_eq!(bench.reactor.stats().pending_timers, 1);
    let waits = service.when_connected(None);
    success_of(service.stop_service());
    assert!(is_stopped(waits));
    bench.assert_idle();
    bench.clock.advance(100 * SECOND);
    assert_eq!(bench.script.attempts(), 2);
    assert!(bench.log.is_empty());
}

#[test]
fn a_service_can_be_started_again_also_while_it_stops() {
    let bench = Bench::new();
    let service = bench.service();
    service.start_service();
    let peer = bench.script.succeed();
    let stopped = service.stop_service();
    service.start_service();
    assert!(service.is_running());
    let (stopped, waits) = (no_result(stopped), no_result(service.when_connected(None)));
    assert_eq!(bench.script.attempts(), 1, "not before the old one is gone");
    peer.turn();
    success_of(stopped);
    let waits = no_result(waits);
    let peer = bench.script.succeed();
    assert_eq!(success_of(waits), peer.transport());

    let stopped = service.stop_service();
    service.start_service();
    let both = service.stop_service();
    peer.turn();
    success_of(stopped);
    success_of(both);
    bench.assert_idle();
}

#[test]
fn i5_a_service_may_be_stopped_and_started_from_everywhere() {
    for where_to in ["made", "data", "lost", "factory", "prepare", "waiter", "stopped"] {
        let bench = Bench::new();
        let slot = Rc::new(RefCell::new(None::<ClientService>));
        let toggled = Rc::new(Cell::new(0));
        let toggle = {
            let (slot, toggled) = (Rc::clone(&slot), Rc::clone(&toggled));
            move |place: &str| {
                let service = slot.borrow().clone();
                if let Some(service) = service.filter(|_| place == where_to) {
                    service.stop_service().detach();
                    service.start_service();
                    service.stop_service().detach();
                    toggled.set(toggled.get() + 1);
                }
            }
        };
        let (log, all) = (bench.log.clone(), toggle.clone());
        let in_prepare = toggle.clone();
        let service = ClientService::builder(bench.script.clone(), move |_: Address| {
            all("factory");
            let (made, data, lost) = (all.clone(), all.clone(), all.clone());
            Probe::new(&log)
                .made(move |_| made("made"))
                .data(move |_, _| data("data"))
                .lost(move |_, _| lost("lost"))
        })
        .backoff(plain())
        .prepare(move |_| in_prepare("prepare"))
        .build(&bench.reactor);
        slot.replace(Some(service.clone()));
        let waiter = toggle.clone();
        service.when_connected(None).map(move |_| waiter("waiter")).add_errback(|_| ()).detach();
        service.start_service();
        let peer = bench.script.succeed();
        peer.send(b"x");
        let again = toggle.clone();
        service.stop_service().map(move |()| again("stopped")).detach();
        for _ in 0..5 {
            bench.script.turn();
            bench.clock.advance(10 * SECOND);
            if bench.script.is_connecting() {
                bench.script.fail("not now");
            }
        }
        assert!(toggled.get() > 0, "{where_to}");
        success_of(service.stop_service());
        bench.assert_idle();
        assert_eq!(bench.log.entries().iter().filter(|one| *one == "lost done").count(), 1);
        slot.take();
    }
}

#[test]
fn the_end_of_the_reactor_is_the_end_of_the_service() {
    within(DEADLINE, || {
        for situation in ["connecting", "waiting", "connected"] {
            let (reactor, log, script) =
                (Reactor::new().unwrap(), EventLog::new(), Script::default());
            let seen = log.clone();
            let service =
                ClientService::new(&reactor, script.clone(), move |_: Address| Probe::new(&seen));
            service.start_service();
            let waits = (situation != "connected").then(|| service.when_connected(None));
            match situation {
                "waiting" => script.fail("refused"),
                "connected" => drop(script.succeed()),
                _ => {}
            }
            reactor.call_soon(|reactor| reactor.stop());
            reactor.run().unwrap();
            assert!(!service.is_running(), "{situation}");
            assert!(waits.is_none_or(is_stopped), "{situation}");
            script.turn();
            success_of(service.stop_service());
            assert_eq!(reactor.stats().pending_timers, 0);
            assert!(!script.is_connecting());

            // Another run, another start.
            service.start_service();
            let again = service.clone();
            reactor.call_soon(move |reactor| {
                assert!(again.is_running());
                reactor.stop();
            });
            reactor.run().unwrap();
            assert!(!service.is_running());
        }
    });
}

#[test]
fn b209_the_protocol_is_told_first_and_the_reactor_may_be_stopped() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let refusing = Refusing::new();
        let endpoint = HostnameEndpoint::new("127.0.0.1", refusing.address.port());
        let log = EventLog::new();
        let service = ClientService::new(&reactor, endpoint, move |_: Address| Probe::new(&log));
        service.start_service();
        let handle = reactor.handle();
        let failed = service.when_connected(1).add_both(move |result| {
            handle.stop();
            result
        });
        reactor.run().unwrap();
        let error: NotConnected = failure_as(failed);
        let cause = error.last_failure().unwrap().downcast_ref::<ConnectError>().unwrap();
        assert!(cause.is_refused());
        assert!(!service.is_running());

        let bench = Bench::new();
        let service = bench.service();
        service.start_service();
        let peer = bench.script.succeed();
        let told = bench.log.clone();
        service.stop_service().map(move |()| told.add("stopped")).detach();
        peer.turn();
        assert_eq!(bench.log.take(), ["made", "lost done", "stopped"]);
    });
}

#[test]
fn a_service_goes_on_without_its_handles_and_goes_with_the_reactor() {
    for situation in ["connecting", "waiting", "connected"] {
        let bench = Bench::new();
        let payload = Rc::new(());
        let (held, log) = (Rc::clone(&payload), bench.log.clone());
        let clock = bench.clock.clone();
        let refusing = Refusing::new();
        let endpoint = HostnameEndpoint::new("127.0.0.1", refusing.address.port());
        let factory = move |_: Address| {
            let held = Rc::clone(&held);
            Probe::new(&log).made(move |_| drop(Rc::clone(&held)))
        };
        let scripted = bench.script.clone();
        let weak = if situation == "connecting" {
            let service = ClientService::builder(endpoint, factory).build(&bench.reactor);
            service.start_service();
            service.downgrade()
        } else {
            let service =
                ClientService::builder(scripted, factory).backoff(plain()).build(&bench.reactor);
            service.start_service();
            match situation {
                "waiting" => bench.script.fail("refused"),
                _ => drop(bench.script.succeed()),
            }
            service.downgrade()
        };
        assert!(weak.upgrade().is_some_and(|service| service.is_running()), "{situation}");
        if situation == "waiting" {
            clock.advance(SECOND);
            assert!(bench.script.is_connecting(), "it goes on");
            bench.script.fail("refused");
        }
        let Bench { reactor, script, .. } = bench;
        drop(reactor);
        if situation == "connected" {
            // This connection is the test's, and not the reactor's.
            script.connection().close();
        }
        drop(script);
        assert_eq!(Rc::strong_count(&payload), 1, "{situation}");
        assert!(weak.upgrade().is_none(), "{situation}");
    }
}

#[test]
fn what_a_service_has_written_is_sent_when_the_reactor_stops() {
    within(DEADLINE, || {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        let server = EventLog::new();
        let port = reactor.listen_tcp(own_address(), move |_| Probe::new(&server)).unwrap();
        let (host, port_number) = (port.address().ip().to_string(), port.address().port());
        let seen = log.clone();
        let factory = move |_: Address| {
            Probe::new(&seen).made(|transport| {
                transport.write(b"hello");
                Reactor::with_current(Reactor::stop);
            })
        };
        let service =
            ClientService::new(&reactor, HostnameEndpoint::new(host, port_number), factory);
        service.start_service();
        let told = log.clone();
        service.when_connected(None).map(move |_| told.add("connected")).detach();
        reactor.run().unwrap();
        assert_eq!(log.take(), ["made", "connected", "lost done"]);
        assert!(!service.is_running());
        success_of(service.stop_service());
        assert_eq!((reactor.stats().sources, reactor.stats().pending_timers), (0, 0));
    });
}

thread_local! {
    /// A failure can go to another thread, and so knows nothing of a service but by this.
    static SERVICE: RefCell<Option<(ClientService, EventLog)>> = const { RefCell::new(None) };
}

/// Looks at the service when it is dropped.
#[derive(Debug)]
struct Nosy;

impl std::fmt::Display for Nosy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("nosy")
    }
}

impl std::error::Error for Nosy {}

impl Drop for Nosy {
    fn drop(&mut self) {
        SERVICE.with_borrow(|slot| {
            let (service, log) = slot.as_ref().unwrap();
            log.add(format!("{service:?}").split(',').next().unwrap().to_owned());
        });
    }
}

#[test]
fn i5_a_failure_that_is_dropped_finds_the_service_in_order() {
    let bench = Bench::new();
    let probes = EventLog::new();
    let service =
        ClientService::builder(bench.script.clone(), move |_: Address| Probe::new(&probes))
            .backoff(plain())
            .prepare(|_| Err(Nosy.into()))
            .build(&bench.reactor);
    SERVICE.set(Some((service.clone(), bench.log.clone())));
    service.start_service();
    bench.script.fail_with(Nosy.into());
    assert_eq!(bench.log.take(), ["ClientService { state: waiting"]);
    bench.clock.advance(SECOND);
    // It is not prepared; and the service is stopped before that has ended the connection.
    let peer = bench.script.succeed();
    assert!(bench.log.is_empty());
    let stopped = no_result(service.stop_service());
    assert_eq!(bench.log.take(), ["ClientService { state: disconnecting"]);
    peer.turn();
    success_of(stopped);
    SERVICE.take();
}
