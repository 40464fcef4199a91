//! Host names: every lookup ends, with addresses or with a typed error.

use crate::connecting::Stub;
use crate::fixture::{thread, turn_until};
use ropewalk_deferred::{Cancelled, Deferred};
use ropewalk_net::{ReactorNet as _, ResolveError, ResolveErrorKind};
use ropewalk_reactor::{ManualClock, Reactor};
use ropewalk_testing::{DEADLINE, failure_as, no_result, success_of, within};
use std::cell::RefCell;
use std::net::{SocketAddr, ToSocketAddrs as _};
use std::rc::Rc;
use std::sync::mpsc::channel;
use std::time::Duration;

fn wait_for<T: 'static>(
    reactor: &Reactor,
    deferred: Deferred<T>,
) -> Result<T, ropewalk_deferred::Failure> {
    let slot = Rc::new(RefCell::new(None));
    let found = Rc::clone(&slot);
    deferred
        .add_both(move |result| {
            found.replace(Some(result));
        })
        .detach();
    turn_until(reactor, || slot.borrow().is_some());
    slot.take().unwrap()
}

#[test]
fn b193_addresses_of_either_family_are_their_own_answer() {
    let reactor = Reactor::new().unwrap();
    let stub = Stub::default();
    reactor.install_resolver(stub.clone());
    for (host, address) in [("127.0.0.1", "127.0.0.1:7"), ("::1", "[::1]:7"), ("[::1]", "[::1]:7")]
    {
        let expected: SocketAddr = address.parse().unwrap();
        assert_eq!(success_of(reactor.resolve(host, 7)), [expected]);
    }
    assert_eq!(stub.asked.get(), 0);
}

/// B196: `localhost` is found by the resolver of the system.
#[test]
fn b196_localhost_is_found() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let deferred = reactor.resolve("localhost", 80);
        let addresses = wait_for(&reactor, deferred).unwrap();
        assert!(addresses.iter().all(|address| address.ip().is_loopback() && address.port() == 80));
        assert_eq!(reactor.stats().pending_timers, 0);
    });
}

/// The name of an interface is the system's to know.
#[cfg(target_os = "linux")]
#[test]
fn b206_an_address_with_the_name_of_its_interface_has_a_scope() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let found = wait_for(&reactor, reactor.resolve("[fe80::1%lo]", 80)).unwrap();
        let [SocketAddr::V6(address)] = found[..] else { panic!("{found:?}") };
        assert_ne!(address.scope_id(), 0);
        assert_eq!((address.port(), address.ip().segments()[0]), (80, 0xfe80));
        let numbered = format!("fe80::1%{}", address.scope_id());
        assert_eq!(success_of(reactor.resolve(&numbered, 80)), found);
    });
}

#[test]
fn w23_what_cannot_be_a_name_fails_at_once_and_disturbs_nothing() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        for host in ["", ".", "no such host.invalid", "a..b", "\u{301}a.example", &"x".repeat(70)] {
            let error: ResolveError = failure_as(reactor.resolve(host, 80));
            assert_eq!(error.host(), host);
            assert!(matches!(error.kind(), ResolveErrorKind::InvalidName(_)), "{error}");
            assert!(error.to_string().contains(&format!("{host:?}")), "{error}");
        }
        assert!(wait_for(&reactor, reactor.resolve("localhost", 80)).is_ok());
    });
}

/// No such name can exist, and asking for it needs no network: the system answers by itself, or
/// cannot ask anybody. Either is a lookup that ends.
#[test]
fn b193_w23_a_name_that_does_not_exist_is_a_typed_error() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let lookup = reactor.resolve("256.256.256.256", 80);
        let failure = wait_for(&reactor, lookup).unwrap_err();
        let error: &ResolveError = failure.downcast_ref().unwrap();
        assert_eq!(error.host(), "256.256.256.256");
        assert!(error.is_not_found() || error.is_temporary(), "{error:?}");
    });
}

#[test]
fn no_addresses_is_an_error() {
    let reactor = Reactor::new().unwrap();
    reactor.install_resolver(Stub { addresses: Some(Vec::new()), ..Stub::default() });
    let error: ResolveError = failure_as(reactor.resolve("empty.example", 80));
    assert!(matches!(error.kind(), ResolveErrorKind::NoAddress));
}

/// B191: at the time-out and not before, a later answer is ignored, and no timer is left behind.
#[test]
fn b191_a_lookup_has_a_deadline() {
    let clock = ManualClock::new();
    let reactor = Reactor::builder().manual_clock(&clock).build().unwrap();
    let stub = Stub::default();
    reactor.install_resolver(stub.clone());
    let lookup = reactor.resolve("slow.example", 80);
    clock.advance(Duration::from_millis(59_999));
    let lookup = no_result(lookup);
    clock.advance(Duration::from_millis(1));
    let error: ResolveError = failure_as(lookup);
    assert!(matches!(error.kind(), ResolveErrorKind::TimedOut(limit) if limit.as_secs() == 60));
    assert_eq!(stub.cancelled.get(), 1);
    for promise in stub.pending.take() {
        promise.callback(Vec::new());
    }
    assert_eq!(reactor.stats().pending_timers, 0);
}

#[test]
fn b191_no_timer_is_left_behind_in_any_case() {
    let reactor = Reactor::new().unwrap();
    let stub = Stub::default();
    reactor.install_resolver(stub.clone());
    let address = SocketAddr::from(([127, 0, 0, 1], 80));
    let answered = reactor.resolve("a.example", 80);
    stub.pending.borrow_mut().pop().unwrap().callback(vec![address]);
    assert_eq!(success_of(answered), [address]);

    let abandoned = reactor.resolve("a.example", 80);
    drop(stub.pending.borrow_mut().pop());
    let error: ResolveError = failure_as(abandoned);
    let ResolveErrorKind::Resolver(failure) = error.kind() else { panic!("{error}") };
    assert!(failure.is::<ropewalk_deferred::Abandoned>());

    let cancelled = reactor.resolve("a.example", 80);
    cancelled.cancel();
    let _: Cancelled = failure_as(cancelled);
    assert_eq!(stub.cancelled.get(), 1);
    assert_eq!(reactor.stats().pending_timers, 0);
}

#[test]
fn installing_a_resolver_gives_the_old_one_back() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let first = reactor.install_resolver(Stub::default());
        let stub = reactor.install_resolver(first);
        drop(stub);
        assert!(wait_for(&reactor, reactor.resolve("localhost", 80)).is_ok());
    });
}

/// W24: user jobs that fill a pool do not stop names from being found; the resolver has threads of
/// its own.
#[test]
fn w24_blocked_jobs_elsewhere_do_not_stop_names() {
    within(DEADLINE, || {
        let pool = ropewalk_threadpool::ThreadPool::builder().max_threads(1).build().unwrap();
        pool.start().unwrap();
        let (release, blocked) = channel::<()>();
        pool.call_in_thread(move || assert!(blocked.recv().is_err())).unwrap();
        let reactor = Reactor::new().unwrap();
        assert!(wait_for(&reactor, reactor.resolve("localhost", 80)).is_ok());
        drop(release);
        pool.stop();
    });
}

#[test]
fn the_resolver_works_again_in_another_run() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        for _ in 0..3 {
            let found = Rc::new(RefCell::new(Vec::new()));
            let slot = Rc::clone(&found);
            reactor
                .resolve("localhost", 80)
                .add_callback(move |addresses| {
                    slot.replace(addresses);
                    Reactor::with_current(Reactor::stop);
                })
                .detach();
            // The system's answer may be there before the run is.
            for _ in 0..50 {
                assert!(("localhost", 80).to_socket_addrs().is_ok());
            }
            reactor.run().unwrap();
            assert!(!found.borrow().is_empty());
        }
    });
}

#[test]
fn a_name_that_is_asked_for_between_two_runs_is_kept_for_the_next() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        reactor.stop();
        reactor.run().unwrap();
        assert!(!reactor.handle().accepts_calls());
        let found = Rc::new(RefCell::new(None));
        let slot = Rc::clone(&found);
        reactor
            .resolve("localhost", 80)
            .add_both(move |result| {
                slot.replace(Some(result));
                Reactor::with_current(Reactor::stop);
            })
            .detach();
        // Also if the loop is turned by hand meanwhile.
        for _ in 0..5 {
            reactor.turn(Some(Duration::from_millis(20))).unwrap();
        }
        assert!(found.borrow().is_none());
        reactor.run().unwrap();
        assert!(!found.take().unwrap().unwrap().is_empty());
    });
}

#[test]
fn i2_a_lookup_that_is_pending_when_the_reactor_stops_fails() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let stub = Stub::default();
        reactor.install_resolver(stub.clone());
        let lookup = reactor.resolve("slow.example", 80);
        let handle = reactor.handle();
        let stopper = thread(move || handle.stop());
        reactor.run().unwrap();
        stopper.join().unwrap();
        let error: ResolveError = failure_as(lookup);
        assert!(matches!(error.kind(), ResolveErrorKind::Stopped));
        assert_eq!(stub.cancelled.get(), 1);
    });
}
