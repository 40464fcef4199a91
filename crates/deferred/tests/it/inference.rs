//! What a closure may return with no annotation: these tests are that it compiles.

use crate::support::{failure_of, result_of};
use ropewalk_deferred::{Deferred, Failure, Outcome, Result};
use std::num::ParseIntError;

#[test]
#[expect(clippy::print_stdout, reason = "the shape of the very first example")]
fn a_closure_may_return_nothing() {
    result_of(Deferred::succeed(7).add_callback(|n| println!("{n}"))).unwrap();
}

#[test]
fn a_closure_may_end_in_a_bare_ok() {
    let n = Deferred::succeed("7").add_callback(|s| Ok(s.len()));
    assert_eq!(result_of(n).unwrap(), 1);
}

#[test]
fn a_closure_may_use_the_question_mark() {
    let n = Deferred::succeed("7").add_callback(|s| Ok(s.parse::<u32>()?));
    assert_eq!(result_of(n).unwrap(), 7);
    let n = Deferred::succeed("seven").add_callback(|s| Ok(s.parse::<u32>()?));
    assert!(failure_of(n).is::<ParseIntError>());
}

#[test]
fn a_closure_may_return_a_deferred() {
    let n = Deferred::succeed("7")
        .add_callback(|s| Deferred::succeed(s.len()).add_callback(|n| Ok(n + 1)))
        .map(|n| n * 2);
    assert_eq!(result_of(n).unwrap(), 4);
}

#[test]
fn an_errback_infers_from_the_value_that_it_replaces() {
    result_of(Deferred::<()>::fail(std::fmt::Error).add_errback(drop)).unwrap();
    let n = Deferred::<u8>::fail(std::fmt::Error).add_errback(|_| Ok("7".parse()?));
    assert_eq!(result_of(n).unwrap(), 7);
    let n = Deferred::<u8>::fail(std::fmt::Error).add_errback(|_| Deferred::succeed(7));
    assert_eq!(result_of(n).unwrap(), 7);
    let passed_on = Deferred::<u8>::fail(std::fmt::Error).add_errback(Err);
    assert!(failure_of(passed_on).is::<std::fmt::Error>());
}

#[test]
fn both_sides_of_a_pair_may_return_different_outcomes() {
    let n = Deferred::succeed("7")
        .add_callbacks(|s| Ok(s.parse::<u32>()?), |_| Deferred::succeed(0))
        .add_both(|result| result)
        .add_both(|result| Ok(result?.to_string()));
    assert_eq!(result_of(n).unwrap(), "7");
}

#[test]
fn the_first_program_of_the_manual_compiles() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    let read = || Ok(std::fs::read_to_string(file)?);
    ropewalk_deferred::maybe_deferred(read)
        .add_callback(|text| assert!(!text.is_empty()))
        .add_errback(|failure| assert!(failure.to_string().is_empty(), "{failure:#}"))
        .detach();
}

#[test]
fn an_outcome_can_be_turned_into_a_deferred_by_hand() {
    fn value_of<R: Outcome>(outcome: R) -> Result<R::Value> {
        result_of(outcome.into_deferred())
    }
    value_of(()).unwrap();
    assert_eq!(value_of(Ok(7)).unwrap(), 7);
    assert_eq!(value_of(Deferred::succeed(7)).unwrap(), 7);
    assert!(value_of(Err::<(), Failure>(std::fmt::Error.into())).is_err());
}

#[test]
fn a_deferred_may_carry_a_deferred_as_a_plain_value() {
    let inner = result_of(Deferred::succeed(Deferred::succeed(7))).unwrap();
    assert_eq!(result_of(inner).unwrap(), 7);
}

#[test]
fn i1_a_failure_crosses_threads() {
    fn assert_both<T: Send + Sync>() {}
    assert_both::<Failure>();
    assert_both::<ropewalk_deferred::Panicked>();
    assert_both::<ropewalk_deferred::Unhandled>();
}
