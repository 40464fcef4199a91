//! One question for all who want a name at the same time.

use crate::fixture::turn_until;
use ropewalk_deferred::{Cancelled, Deferred, Promise};
use ropewalk_net::{
    AddressFamily, NameQuery, ReactorNet as _, ResolveError, ResolveErrorKind, ResolveOptions,
    Resolver,
};
use ropewalk_reactor::{ManualClock, Reactor};
use ropewalk_testing::{DEADLINE, EventLog, failure_as, no_result, success_of, within};
use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

/// Logs what it is asked; the test answers.
#[derive(Clone, Default)]
pub(crate) struct Recorder {
    pub(crate) asked: EventLog,
    pub(crate) cancelled: Rc<Cell<u32>>,
    pub(crate) promises: Rc<RefCell<Vec<Promise<Vec<SocketAddr>>>>>,
}

impl Resolver for Recorder {
    fn resolve(&self, _: &Reactor, query: &NameQuery<'_>) -> Deferred<Vec<SocketAddr>> {
        self.asked.add(format!("{} {:?}", query.name(), query.family()));
        let cancelled = Rc::clone(&self.cancelled);
        let (promise, answer) =
            Deferred::with_canceller(move || cancelled.set(cancelled.get() + 1));
        self.promises.borrow_mut().push(promise);
        answer
    }
}

impl Recorder {
    pub(crate) fn installed(reactor: &Reactor) -> Self {
        let recorder = Self::default();
        reactor.install_resolver(recorder.clone());
        recorder
    }

    /// Answers the question that was put last.
    pub(crate) fn answer(&self, addresses: &[&str]) {
        let promise = self.promises.borrow_mut().pop().unwrap();
        promise.callback(addresses.iter().map(|address| address.parse().unwrap()).collect());
    }
}

fn within_time(seconds: u64) -> ResolveOptions {
    ResolveOptions::new().timeout(Duration::from_secs(seconds))
}

#[test]
fn w24_identical_names_share_one_question_and_each_has_its_port() {
    let reactor = Reactor::new().unwrap();
    let recorder = Recorder::installed(&reactor);
    let lookups = [80, 443, 80].map(|port| reactor.resolve("a.example", port));
    assert_eq!(recorder.asked.take(), ["a.example Any"]);
    recorder.answer(&["127.0.2.1:0", "[::1]:0", "127.0.2.2:8080"]);
    for (lookup, port) in lookups.into_iter().zip([80, 443, 80]) {
        let texts: Vec<_> = success_of(lookup).iter().map(SocketAddr::to_string).collect();
        let expected =
            [format!("127.0.2.1:{port}"), format!("[::1]:{port}"), "127.0.2.2:8080".into()];
        assert_eq!(texts, expected);
    }
    let _again = reactor.resolve("a.example", 80).cancel_on_drop();
    assert_eq!(recorder.asked.take(), ["a.example Any"], "an answer is not kept");
}

#[test]
fn w24_another_name_or_family_is_another_question() {
    let reactor = Reactor::new().unwrap();
    let recorder = Recorder::installed(&reactor);
    let ipv4 = ResolveOptions::new().family(AddressFamily::Ipv4);
    let _all = [
        reactor.resolve("a.example", 80).cancel_on_drop(),
        reactor.resolve("b.example", 80).cancel_on_drop(),
        reactor.resolve_with("a.example", 80, ipv4).cancel_on_drop(),
    ];
    assert_eq!(recorder.asked.take(), ["a.example Any", "b.example Any", "a.example Ipv4"]);
}

#[test]
fn b191_each_has_its_own_deadline() {
    let clock = ManualClock::new();
    let reactor = Reactor::builder().manual_clock(&clock).build().unwrap();
    let recorder = Recorder::installed(&reactor);
    let hasty = reactor.resolve_with("a.example", 80, within_time(1));
    let patient = reactor.resolve_with("a.example", 80, within_time(5));
    clock.advance(Duration::from_secs(1));
    let error: ResolveError = failure_as(hasty);
    assert!(matches!(error.kind(), ResolveErrorKind::TimedOut(limit) if limit.as_secs() == 1));
    assert!(error.is_temporary());
    let patient = no_result(patient);
    assert_eq!(recorder.cancelled.get(), 0, "somebody waits still");
    recorder.answer(&["127.0.2.1:0"]);
    assert_eq!(success_of(patient).len(), 1);
    assert_eq!(reactor.stats().pending_timers, 0);
}

#[test]
fn w23_the_last_one_to_give_up_cancels_the_question() {
    let clock = ManualClock::new();
    let reactor = Reactor::builder().manual_clock(&clock).build().unwrap();
    let recorder = Recorder::installed(&reactor);
    let first = reactor.resolve("a.example", 80);
    let second = reactor.resolve("a.example", 80);
    let third = reactor.resolve_with("a.example", 80, within_time(1));
    for lookup in [first, second] {
        lookup.cancel();
        let _: Cancelled = failure_as(lookup);
        assert_eq!(recorder.cancelled.get(), 0);
    }
    clock.advance(Duration::from_secs(1));
    let _: ResolveError = failure_as(third);
    assert_eq!(recorder.cancelled.get(), 1);
    assert_eq!(reactor.stats().pending_timers, 0);

    let again = reactor.resolve("a.example", 80);
    assert_eq!(recorder.asked.len(), 2, "asked anew");
    recorder.answer(&["127.0.2.1:0"]);
    assert_eq!(success_of(again).len(), 1);
}

#[test]
fn a_failure_is_told_to_all_each_with_the_name_that_it_asked_for() {
    let reactor = Reactor::new().unwrap();
    let recorder = Recorder::installed(&reactor);
    let lookups = [80, 443].map(|port| reactor.resolve("a.example", port));
    let promise = recorder.promises.borrow_mut().pop().unwrap();
    promise.errback(ResolveError::new("of another", ResolveErrorKind::NotFound));
    for lookup in lookups {
        let error: ResolveError = failure_as(lookup);
        assert!(error.is_not_found());
        assert_eq!(error.host(), "a.example");
    }
}

#[test]
fn i5_an_answer_may_ask_again_and_cancel_the_others() {
    let reactor = Rc::new(Reactor::new().unwrap());
    let recorder = Recorder::installed(&reactor);
    let (same, slot) = (Rc::clone(&reactor), Rc::new(RefCell::new(None)));
    let (again, cancel) = (Rc::clone(&slot), Rc::new(RefCell::new(None)));
    let canceller = Rc::clone(&cancel);
    let first = reactor.resolve("a.example", 80).map(move |_| {
        again.replace(Some(same.resolve("a.example", 443)));
        ropewalk_deferred::CancelHandle::cancel(&canceller.take().unwrap());
    });
    let second = reactor.resolve("a.example", 80);
    cancel.replace(Some(second.canceller()));
    recorder.answer(&["127.0.2.1:0"]);
    success_of(first);
    let _: Cancelled = failure_as(second);
    assert_eq!(recorder.asked.len(), 2);
    recorder.answer(&["127.0.2.2:0"]);
    let found = success_of(slot.take().unwrap());
    assert_eq!(found[0].to_string(), "127.0.2.2:443");
}

#[test]
fn a_resolver_that_was_installed_meanwhile_is_asked_too() {
    let reactor = Reactor::new().unwrap();
    let old = Recorder::installed(&reactor);
    let before = reactor.resolve("a.example", 80);
    let new = Recorder::installed(&reactor);
    let after = reactor.resolve("a.example", 80);
    old.answer(&["127.0.2.1:0"]);
    let joined = reactor.resolve("a.example", 80);
    assert_eq!((old.asked.len(), new.asked.len()), (1, 1));
    new.answer(&["127.0.2.2:0"]);
    assert_eq!(success_of(before)[0].to_string(), "127.0.2.1:80");
    assert_eq!(success_of(after)[0].to_string(), "127.0.2.2:80");
    assert_eq!(success_of(joined)[0].to_string(), "127.0.2.2:80");
}

/// Every look at the clock finds the time over: one of those who wait in each turn.
#[test]
fn i7_an_answer_for_many_leaves_time_for_others() {
    within(DEADLINE, || {
        let reactor = Reactor::builder().time_budget(Duration::ZERO).build().unwrap();
        let recorder = Recorder::installed(&reactor);
        let told = Rc::new(Cell::new(0));
        for _ in 0..5 {
            let told = Rc::clone(&told);
            reactor.resolve("a.example", 80).map(move |_| told.set(told.get() + 1)).detach();
        }
        recorder.answer(&["127.0.2.1:0"]);
        assert_eq!(told.get(), 1);
        let mut turns = 0;
        turn_until(&reactor, || {
            turns += 1;
            assert!(told.get() <= turns + 1);
            told.get() == 5
        });
    });
}
