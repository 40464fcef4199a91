//! `success_of`, `failure_of`, `failure_as` and `no_result`, each also where it must complain.

use crate::panic_of;
use ropewalk_deferred::{Cancelled, Deferred, TimedOut};
use ropewalk_testing::{capture_tracing, failure_as, failure_of, no_result, success_of};
use std::panic::{set_hook, take_hook};
use std::sync::Mutex;

#[test]
fn success_of_gives_the_value_and_refuses_the_rest() {
    assert_eq!(success_of(Deferred::succeed(7)), 7);
    let said = panic_of(|| success_of(Deferred::<()>::fail(TimedOut)));
    assert!(said.contains("failed: timed out"), "{said}");
    let (promise, deferred) = Deferred::<()>::new();
    let said = panic_of(|| success_of(deferred));
    assert!(said.contains("there is no result yet"), "{said}");
    assert!(said.contains(file!()), "{said}");
    promise.callback(());
}

#[test]
fn failure_of_gives_the_failure_and_refuses_the_rest() {
    assert!(failure_of(Deferred::<u32>::fail(TimedOut)).is::<TimedOut>());
    let said = panic_of(|| drop(failure_of(Deferred::succeed(7_u8))));
    assert!(said.contains("a value of type u8"), "{said}");
    let (_promise, deferred) = Deferred::<()>::new();
    let said = panic_of(|| drop(failure_of(deferred)));
    assert!(said.contains("there is no result yet"), "{said}");
}

#[test]
fn failure_as_finds_the_error_under_its_context_and_names_another_one() {
    let failure = ropewalk_deferred::Failure::from(TimedOut).context("while fetching");
    assert_eq!(failure_as::<TimedOut, _>(Deferred::<u32>::fail(failure)), TimedOut);
    let said = panic_of(|| {
        failure_as::<Cancelled, _>(Deferred::<u32>::fail(TimedOut));
    });
    assert!(said.contains("Cancelled was expected"), "{said}");
    assert!(said.contains("timed out"), "{said}");
}

#[test]
fn no_result_gives_the_deferred_back_and_refuses_results() {
    let (promise, deferred) = Deferred::new();
    let deferred = no_result(no_result(deferred));
    promise.callback(7);
    assert_eq!(success_of(deferred), 7);
    let said = panic_of(|| no_result(Deferred::succeed(7_u8)).detach());
    assert!(said.contains("a value of type u8"), "{said}");
    let said = panic_of(|| no_result(Deferred::<()>::fail(TimedOut)).detach());
    assert!(said.contains("failed: timed out"), "{said}");
}

#[test]
fn what_was_taken_out_is_not_reported_as_unhandled() {
    let events = capture_tracing(|| drop(failure_of(Deferred::<()>::fail(TimedOut))));
    assert_eq!(events, []);
}

#[test]
fn a_complaint_is_at_the_line_of_the_test() {
    static LINES: Mutex<Vec<(String, u32)>> = Mutex::new(Vec::new());
    let chained = take_hook();
    set_hook(Box::new(move |info| {
        let place = info.location().map(|at| (at.file().to_owned(), at.line()));
        LINES.lock().unwrap().extend(place);
        chained(info);
    }));
    let first = line!() + 1;
    panic_of(|| success_of(Deferred::<()>::fail(TimedOut)));
    panic_of(|| drop(failure_of(Deferred::succeed(1))));
    panic_of(|| assert_eq!(failure_as::<TimedOut, _>(Deferred::succeed(1)), TimedOut));
    panic_of(|| no_result(Deferred::succeed(1)).detach());
    for line in first..first + 4 {
        assert!(LINES.lock().unwrap().contains(&(file!().to_owned(), line)), "{line}");
    }
}
