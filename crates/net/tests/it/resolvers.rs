//! What is done around any resolver: families, encoding, failures, and names while all else blocks.

use crate::fixture::{turn_a_little, turn_until};
use crate::single_flight::Recorder;
use ropewalk_deferred::{Deferred, Failure, Panicked};
use ropewalk_net::{
    AddressFamily, NameQuery, ReactorNet as _, ResolveError, ResolveErrorKind, ResolveOptions,
    Resolver,
};
use ropewalk_reactor::Reactor;
use ropewalk_testing::{DEADLINE, failure_as, success_of, within};
use ropewalk_threads::ReactorThreads as _;
use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::mpsc::channel;

fn only(family: AddressFamily) -> ResolveOptions {
    ResolveOptions::new().family(family)
}

fn texts(addresses: &[SocketAddr]) -> Vec<String> {
    addresses.iter().map(SocketAddr::to_string).collect()
}

/// A resolver that is a closure.
struct Does<F>(F);

impl<F> Resolver for Does<F>
where
    F: Fn(&Reactor, &str) -> Deferred<Vec<SocketAddr>> + 'static,
{
    fn resolve(&self, reactor: &Reactor, query: &NameQuery<'_>) -> Deferred<Vec<SocketAddr>> {
        (self.0)(reactor, query.name())
    }
}

/// B194: both by default, or one of them; also if the resolver does not mind.
#[test]
fn b194_one_family_of_addresses_only() {
    let reactor = Reactor::new().unwrap();
    let recorder = Recorder::installed(&reactor);
    for (family, expected) in [
        (AddressFamily::Any, &["[::1]:80", "127.0.2.1:80"][..]),
        (AddressFamily::Ipv4, &["127.0.2.1:80"]),
        (AddressFamily::Ipv6, &["[::1]:80"]),
    ] {
        let lookup = reactor.resolve_with("a.example", 80, only(family));
        recorder.answer(&["[::1]:0", "127.0.2.1:0"]);
        assert_eq!(texts(&success_of(lookup)), expected);
        assert_eq!(recorder.asked.take(), [format!("a.example {family:?}")]);
    }
    let lookup = reactor.resolve_with("a.example", 80, only(AddressFamily::Ipv6));
    recorder.answer(&["127.0.2.1:0"]);
    let error: ResolveError = failure_as(lookup);
    assert!(matches!(error.kind(), ResolveErrorKind::NoAddress), "{error}");
}

#[test]
fn b194_an_address_of_the_other_family_is_none() {
    let reactor = Reactor::new().unwrap();
    for (host, fits, not) in [
        ("127.0.0.1", AddressFamily::Ipv4, AddressFamily::Ipv6),
        ("[::1]", AddressFamily::Ipv6, AddressFamily::Ipv4),
    ] {
        assert_eq!(success_of(reactor.resolve_with(host, 80, only(fits))).len(), 1);
        let error: ResolveError = failure_as(reactor.resolve_with(host, 80, only(not)));
        assert!(error.is_not_found(), "{error}");
    }
}

#[test]
fn b194_the_system_is_asked_for_one_family() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let found = Rc::new(RefCell::new(None));
        let slot = Rc::clone(&found);
        reactor
            .resolve_with("localhost", 80, only(AddressFamily::Ipv4))
            .map(move |addresses| {
                slot.replace(Some(addresses));
            })
            .detach();
        turn_until(&reactor, || found.borrow().is_some());
        assert_eq!(texts(&found.take().unwrap()), ["127.0.0.1:80"]);
    });
}

#[cfg(feature = "idna")]
#[test]
fn b192_names_are_encoded_before_a_resolver_sees_them() {
    let reactor = Reactor::new().unwrap();
    let recorder = Recorder::installed(&reactor);
    let lookup = reactor.resolve("Bücher.example", 80);
    let same = reactor.resolve("xn--bcher-kva.example", 80);
    let ascii = reactor.resolve("EXAMPLE.example", 80).cancel_on_drop();
    assert_eq!(recorder.asked.take(), ["xn--bcher-kva.example Any", "EXAMPLE.example Any"]);
    drop(ascii);
    drop(recorder.promises.borrow_mut().pop());
    drop(recorder.promises.borrow_mut().pop());
    let error: ResolveError = failure_as(lookup);
    assert_eq!(error.host(), "Bücher.example", "as it was asked for");
    let error: ResolveError = failure_as(same);
    assert_eq!(error.host(), "xn--bcher-kva.example");
}

#[cfg(not(feature = "idna"))]
#[test]
fn b192_without_the_feature_names_must_be_encoded() {
    let reactor = Reactor::new().unwrap();
    let error: ResolveError = failure_as(reactor.resolve("bücher.example", 80));
    assert!(error.to_string().contains("feature `idna`"), "{error}");
}

#[test]
fn i3_a_resolver_that_panics_fails_the_lookup_only() {
    let reactor = Reactor::new().unwrap();
    let resolver = Does(|_: &Reactor, name: &str| match name {
        "at-once.example" => panic!("no such luck"),
        "later.example" => Deferred::succeed(()).map(|()| panic!("no luck later")),
        _ => Deferred::succeed(vec![([127, 0, 2, 1], 0).into()]),
    });
    reactor.install_resolver(resolver);
    for (name, text) in [("at-once.example", "no such luck"), ("later.example", "no luck later")] {
        let error: ResolveError = failure_as(reactor.resolve(name, 80));
        let ResolveErrorKind::Resolver(failure) = error.kind() else { panic!("{error}") };
        assert_eq!(failure.downcast_ref::<Panicked>().unwrap().message(), text);
        assert!(error.to_string().contains(text), "{error}");
    }
    assert_eq!(texts(&success_of(reactor.resolve("a.example", 80))), ["127.0.2.1:80"]);
    assert_eq!(reactor.stats().pending_timers, 0);
}

/// B195: an error that is not about names is told as it is, inside of one that is.
#[test]
fn b195_an_error_of_another_type_can_be_downcast() {
    let reactor = Reactor::new().unwrap();
    reactor.install_resolver(Does(|_: &Reactor, _: &str| Deferred::fail(std::fmt::Error)));
    let error: ResolveError = failure_as(reactor.resolve("a.example", 80));
    let ResolveErrorKind::Resolver(failure) = error.kind() else { panic!("{error}") };
    assert!(failure.is::<std::fmt::Error>());
    assert!(!error.is_not_found() && !error.is_temporary());
}

#[test]
fn a_resolver_may_hand_on_what_it_does_not_know() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let recorder = Recorder::installed(&reactor);
        let before = reactor.resolver();
        let asks = Rc::clone(&before);
        reactor.install_resolver(Does(move |reactor: &Reactor, name: &str| match name {
            "known.example" => Deferred::succeed(vec![([127, 0, 2, 7], 0).into()]),
            _ => asks.resolve(reactor, &NameQuery::new(name, AddressFamily::Ipv6)),
        }));
        assert_eq!(texts(&success_of(reactor.resolve("known.example", 80))), ["127.0.2.7:80"]);
        let other = reactor.resolve("other.example", 80);
        assert_eq!(recorder.asked.take(), ["other.example Ipv6"]);
        recorder.answer(&["[::1]:0"]);
        assert_eq!(texts(&success_of(other)), ["[::1]:80"]);
        assert!(!Rc::ptr_eq(&before, &reactor.resolver()));
    });
}

#[test]
fn i5_a_resolver_may_look_up_other_names_and_install_another() {
    let reactor = Reactor::new().unwrap();
    reactor.install_resolver(Does(|reactor: &Reactor, name: &str| match name {
        "alias.example" => {
            reactor.install_resolver(Does(|_: &Reactor, _: &str| {
                Deferred::succeed(vec![([127, 0, 2, 2], 0).into()])
            }));
            reactor.resolve("real.example", 0)
        }
        _ => Deferred::fail(Failure::msg("the old resolver is asked")),
    }));
    let found = success_of(reactor.resolve("alias.example", 80));
    assert_eq!(texts(&found), ["127.0.2.2:80"]);
}

#[test]
fn i5_an_answer_may_drop_the_reactor() {
    let slot = Rc::new(RefCell::new(Some(Reactor::new().unwrap())));
    let (recorder, lookup) = {
        let reactor = slot.borrow();
        let reactor = reactor.as_ref().unwrap();
        (Recorder::installed(reactor), reactor.resolve("a.example", 80))
    };
    let (owner, dropped) = (Rc::clone(&slot), Rc::new(Cell::new(false)));
    let seen = Rc::clone(&dropped);
    let lookup = lookup.map(move |_| {
        drop(owner.take());
        seen.set(true);
    });
    recorder.answer(&["127.0.2.1:0"]);
    success_of(lookup);
    assert!(dropped.get() && slot.borrow().is_none());
}

/// W24: the pool of the reactor is full of jobs that wait for ever, and more are queued.
#[test]
fn w24_names_are_found_although_the_pool_of_the_reactor_is_full() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let (release, (started, starts)) = (Rc::new(RefCell::new(Vec::new())), channel());
        for _ in 0..20 {
            let (sender, blocked) = channel::<()>();
            release.borrow_mut().push(sender);
            let started = started.clone();
            reactor
                .defer_to_thread(move || {
                    started.send(())?;
                    let _ = blocked.recv();
                    Ok(())
                })
                .on_failure(|failure| panic!("{failure}"));
        }
        let found = Rc::new(Cell::new(0));
        let slot = Rc::clone(&found);
        reactor.call_when_running(move |reactor| {
            // Ten, as many as there are at most, are blocked.
            (0..10).for_each(|_| starts.recv().unwrap());
            reactor
                .resolve("localhost", 80)
                .map(move |addresses| {
                    slot.set(addresses.len());
                    release.take();
                    Reactor::with_current(Reactor::stop);
                })
                .detach();
        });
        reactor.run().unwrap();
        assert!(found.get() > 0);
    });
}

/// A promise is used up by its answer; what is left is a resolver that keeps the deferred of one
/// lookup for another, and that one is asked no more.
#[test]
fn b191_an_answer_after_the_end_finds_nobody() {
    let reactor = Reactor::new().unwrap();
    let recorder = Recorder::installed(&reactor);
    let lookup = reactor.resolve("a.example", 80);
    lookup.cancel();
    drop(lookup);
    recorder.answer(&["127.0.2.1:0"]);
    turn_a_little(&reactor);
    assert_eq!(reactor.stats().pending_timers, 0);
    let next = reactor.resolve("a.example", 80);
    assert_eq!(recorder.asked.len(), 2);
    recorder.answer(&["127.0.2.2:0"]);
    assert_eq!(texts(&success_of(next)), ["127.0.2.2:80"]);
}
