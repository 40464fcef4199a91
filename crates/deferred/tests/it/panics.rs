//! Panics of user code: contained where they happen (I3).

use crate::support::{Log, PanicsInDrop, failure_of, peek, result_of, take, unhandled_in};
use crate::unhandled::logged_in;
use ropewalk_deferred::{
    Deferred, Panicked, Promise, TimedOut, clear_unhandled_hook, set_unhandled_hook,
};
use ropewalk_testing::capture_tracing;
use std::panic::{AssertUnwindSafe, Location, catch_unwind, panic_any};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Wake, Waker};

fn panicked(failure: &ropewalk_deferred::Failure) -> &Panicked {
    failure.downcast_ref::<Panicked>().expect("a Panicked")
}

/// B129: as one that fails.
#[test]
fn i3_a_callback_that_panics_gives_the_next_errback_a_panicked() {
    let (promise, deferred) = Deferred::<u32>::new();
    let line = line!() + 1;
    let deferred = deferred.map(|n| 1 / (n - 7)).map(|n| n + 1);
    promise.callback(7);
    let failure = failure_of(deferred);
    assert_eq!(panicked(&failure).message(), "attempt to divide by zero");
    assert_eq!(panicked(&failure).location().file(), file!());
    assert_eq!(panicked(&failure).location().line(), line);
    let text = format!("the code handed over at {}:{line}:", file!());
    assert!(failure.to_string().starts_with(&text), "{failure}");
}

#[test]
fn i3_a_callback_on_a_fired_deferred_that_panics_does_the_same() {
    let line = line!() + 1;
    let failure = failure_of(Deferred::succeed(7).map(|n| assert_eq!(n, 8, "number {n}")));
    assert!(panicked(&failure).message().contains("number 7"));
    assert_eq!(panicked(&failure).location().line(), line);
}

#[test]
fn i3_every_adder_contains_and_knows_its_line() {
    type Attach = fn(Deferred<()>) -> (Deferred<()>, u32);
    let adders: [Attach; 5] = [
        |d| (d.add_callback(|()| panic!("x") as ropewalk_deferred::Result<()>), line!()),
        |d| (d.add_callbacks(|()| panic!("x") as ropewalk_deferred::Result<()>, Err), line!()),
        |d| (d.add_both(|_| panic!("x") as ropewalk_deferred::Result<()>), line!()),
        |d| (d.map(|()| panic!("x")), line!()),
        |d| {
            let failed = d.add_callback(|()| Err(TimedOut.into()));
            (failed.add_errback(|_| panic!("x") as ropewalk_deferred::Result<()>), line!())
        },
    ];
    for attach in adders {
        let (promise, pending) = Deferred::new();
        let (pending, line) = attach(pending);
        promise.callback(());
        for deferred in [pending, attach(Deferred::succeed(())).0] {
            let failure = failure_of(deferred);
            assert_eq!(panicked(&failure).message(), "x");
            assert_eq!(panicked(&failure).location().line(), line);
        }
    }
}

#[test]
fn i3_what_was_attached_after_a_panic_still_runs() {
    let log = Log::default();
    let seen = log.clone();
    let (promise, deferred) = Deferred::<u32>::new();
    deferred
        .map(|_| panic_any(7_u8))
        .add_errback(|failure| {
            assert_eq!(panicked(&failure).message(), "a payload that is not a string");
        })
        .map(move |()| seen.add("recovered"))
        .detach();
    promise.callback(1);
    assert_eq!(log.take(), ["recovered"]);
}

/// W26: in Twisted the deferred stays unfired.
#[test]
fn i3_a_canceller_that_panics_fails_the_chain_with_it() {
    let (_promise, deferred) = Deferred::<u32>::with_canceller(|| panic!("cancelling"));
    deferred.cancel();
    assert_eq!(panicked(&failure_of(deferred)).message(), "cancelling");
}

#[test]
fn i3_a_canceller_that_fires_and_then_panics_is_logged() {
    let slot = crate::support::shared(Deferred::<u32>::new().0);
    let promise = slot.clone();
    let (real, deferred) = Deferred::<u32>::with_canceller(move || {
        take(&promise).unwrap().callback(7);
        panic!("after firing");
    });
    slot.replace(Some(real));
    let text = logged_in(|| deferred.cancel());
    assert!(text.contains("ERROR") && text.contains("after firing"), "{text}");
    assert_eq!(result_of(deferred).unwrap(), 7);
}

#[test]
fn i3_a_skipped_closure_that_panics_in_its_drop_costs_nobody_the_result() {
    let bomb = PanicsInDrop;
    let (promise, deferred) = Deferred::<u32>::new();
    let result = peek(deferred.add_errback(move |_| {
        let _bomb = &bomb;
        Ok(0)
    }));
    let text = logged_in(|| promise.callback(7));
    assert!(text.contains("ERROR") && text.contains("in drop"), "{text}");
    assert_eq!(take(&result).unwrap().unwrap(), 7);
}

#[test]
fn i3_an_unclaimed_value_or_a_canceller_that_panics_in_its_drop_is_logged() {
    let (promise, deferred) = Deferred::<PanicsInDrop>::new();
    deferred.detach();
    let text = logged_in(|| promise.callback(PanicsInDrop));
    assert!(text.contains("in drop"), "{text}");

    let bomb = PanicsInDrop;
    let (promise, deferred) = Deferred::<u32>::with_canceller(move || drop(bomb));
    let text = logged_in(|| promise.callback(7));
    assert!(text.contains("in drop"), "{text}");
    assert_eq!(result_of(deferred).unwrap(), 7);
}

#[test]
fn i3_dropping_a_deferred_with_a_value_that_panics_is_the_users_own_panic() {
    let deferred = Deferred::succeed(PanicsInDrop);
    assert!(catch_unwind(AssertUnwindSafe(|| drop(deferred))).is_err());
    // and everything works as before
    let (promise, deferred) = Deferred::<u32>::new();
    promise.callback(7);
    assert_eq!(result_of(deferred).unwrap(), 7);
}

#[test]
fn i3_a_panic_whose_payload_panics_in_its_drop_is_still_contained() {
    let failure = failure_of(Deferred::succeed(()).map(|()| panic_any(PanicsInDrop)));
    assert_eq!(panicked(&failure).message(), "a payload that is not a string");
}

#[test]
fn i3_a_waker_that_panics_is_logged_and_the_result_is_there() {
    struct Panics;
    impl Wake for Panics {
        fn wake(self: Arc<Self>) {
            panic!("waking");
        }
    }
    let (promise, mut deferred) = Deferred::<u32>::new();
    let waker = Waker::from(Arc::new(Panics));
    assert!(Pin::new(&mut deferred).poll(&mut Context::from_waker(&waker)).is_pending());
    let text = logged_in(|| promise.callback(7));
    assert!(text.contains("waking"), "{text}");
    assert_eq!(result_of(deferred).unwrap(), 7);
}

#[test]
fn i3_a_hook_that_panics_is_logged_and_called_again() {
    set_unhandled_hook(|_| panic!("in the hook"));
    let text = logged_in(|| {
        Deferred::<()>::fail(TimedOut).detach();
        Deferred::<()>::fail(TimedOut).detach();
    });
    clear_unhandled_hook();
    assert_eq!(text.matches("in the hook").count(), 2, "{text}");
}

#[test]
fn a_contained_panic_that_nobody_handles_is_reported_like_any_failure() {
    let unhandled = unhandled_in(|| Deferred::succeed(()).map(|()| panic!("unseen")).detach());
    assert_eq!(panicked(unhandled[0].failure()).message(), "unseen");
}

#[test]
fn a_panicked_can_be_made_of_any_payload() {
    let place = Location::caller();
    assert_eq!(Panicked::from_payload(Box::new("str"), place).message(), "str");
    assert_eq!(Panicked::from_payload(Box::new("string".to_owned()), place).message(), "string");
    assert_eq!(Panicked::from_payload(Box::new(7), place).location(), place);
}

/// As a subscriber of `tracing` that is out of order.
fn unheard(body: impl FnOnce()) {
    let writer = || -> std::io::Sink { panic!("in a subscriber") };
    let subscriber = tracing_subscriber::fmt().with_writer(writer).finish();
    // The first dispatcher of the process may be asked once and for all: see `capture_tracing`.
    capture_tracing(|| ());
    tracing::subscriber::with_default(subscriber, body);
}

/// A panic in the report of another one goes no further than that one does.
#[test]
fn i3_a_chain_outlives_a_subscriber_that_panics() {
    let log = Log::default();
    let (promise, deferred) = Deferred::<u32>::new();
    let (skipped, heard) = (PanicsInDrop, log.clone());
    let skip = move |failure| {
        drop(skipped);
        Err(failure)
    };
    deferred.add_errback(skip).map(move |n| heard.add(n)).detach();
    let reported = log.clone();
    unheard(|| {
        promise.callback(7);
        reported.add("fired");
    });
    assert_eq!(log.take(), ["7", "fired"]);
}

/// It has fired its own promise, so that nobody is told of the panic otherwise.
#[test]
fn i3_a_cancel_outlives_a_subscriber_that_panics() {
    let slot = std::rc::Rc::new(std::cell::Cell::new(None::<Promise<u32>>));
    let own = std::rc::Rc::clone(&slot);
    let (promise, deferred) = Deferred::with_canceller(move || {
        own.take().unwrap().callback(7);
        panic!("in a canceller");
    });
    slot.set(Some(promise));
    unheard(|| deferred.cancel());
    assert_eq!(result_of(deferred).unwrap(), 7);
}
