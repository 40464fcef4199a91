//! What is in a deferred, now.
//!
//! A test that has fired every promise and moved every clock knows that a deferred has its result,
//! or that it has none yet. These functions say so; where that is wrong they panic, at the line of
//! the test, with what there was instead. They look at a deferred by polling it once, and wait for
//! nothing.

use ropewalk_deferred::{Deferred, Failure, Result};
use std::any::type_name;
use std::error::Error;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

/// Takes the value out of a deferred that has succeeded.
///
/// # Threads
///
/// The thread of the deferred.
///
/// # Panics
///
/// If it has failed, or has no result yet.
///
/// # Examples
///
/// ```
/// use ropewalk_deferred::Deferred;
/// use ropewalk_testing::success_of;
///
/// let (promise, deferred) = Deferred::new();
/// promise.callback(6);
/// assert_eq!(success_of(deferred.map(|n| n * 7)), 42);
/// ```
///
/// Twisted: trial's `successResultOf`.
#[doc(alias = "successResultOf")]
#[track_caller]
pub fn success_of<T>(mut deferred: Deferred<T>) -> T {
    match look(&mut deferred) {
        Some(Ok(value)) => value,
        Some(Err(failure)) => panic!("a value was expected, but the deferred failed: {failure:?}"),
        None => panic!("a value was expected, but there is no result yet: {deferred:?}"),
    }
}

/// Takes the failure out of a deferred that has failed.
///
/// # Threads
///
/// The thread of the deferred.
///
/// # Panics
///
/// If it has succeeded, or has no result yet.
///
/// # Examples
///
/// ```
/// use ropewalk_deferred::{Deferred, TimedOut};
/// use ropewalk_testing::failure_of;
///
/// let failure = failure_of(Deferred::<u32>::fail(TimedOut));
/// assert!(failure.is::<TimedOut>());
/// ```
///
/// Twisted: trial's `failureResultOf`.
#[doc(alias = "failureResultOf")]
#[track_caller]
pub fn failure_of<T>(mut deferred: Deferred<T>) -> Failure {
    match look(&mut deferred) {
        Some(Err(failure)) => failure,
        Some(Ok(_)) => {
            panic!("a failure was expected, but there is a value of type {}", type_name::<T>())
        }
        None => panic!("a failure was expected, but there is no result yet: {deferred:?}"),
    }
}

/// Takes the error of type `E` out of a deferred that has failed with it.
///
/// # Threads
///
/// The thread of the deferred.
///
/// # Panics
///
/// If it has failed with something else, has succeeded, or has no result yet.
///
/// # Examples
///
/// ```
/// use ropewalk_deferred::Deferred;
/// use ropewalk_testing::failure_as;
/// use std::num::ParseIntError;
///
/// let deferred = Deferred::succeed("x").add_callback(|text| Ok(text.parse::<u32>()?));
/// let error = failure_as::<ParseIntError, _>(deferred);
/// assert_eq!(error.to_string(), "invalid digit found in string");
/// ```
///
/// Twisted: trial's `failureResultOf` with an error type.
#[doc(alias = "failureResultOf")]
#[track_caller]
pub fn failure_as<E, T>(deferred: Deferred<T>) -> E
where
    E: Error + Send + Sync + 'static,
{
    match failure_of(deferred).downcast() {
        Ok(error) => error,
        Err(other) => {
            panic!("a failure of type {} was expected, but it is: {other:?}", type_name::<E>())
        }
    }
}

/// Gives a deferred back that has no result yet.
///
/// # Threads
///
/// The thread of the deferred.
///
/// # Panics
///
/// If it has succeeded or failed.
///
/// # Examples
///
/// ```
/// use ropewalk_deferred::Deferred;
/// use ropewalk_testing::{no_result, success_of};
///
/// let (promise, deferred) = Deferred::new();
/// let deferred = no_result(deferred);
/// promise.callback(7);
/// assert_eq!(success_of(deferred), 7);
/// ```
///
/// Twisted: trial's `assertNoResult`.
#[doc(alias = "assertNoResult")]
#[track_caller]
pub fn no_result<T>(mut deferred: Deferred<T>) -> Deferred<T> {
    match look(&mut deferred) {
        None => deferred,
        Some(Ok(_)) => {
            panic!("no result was expected, but there is a value of type {}", type_name::<T>())
        }
        Some(Err(failure)) => {
            panic!("no result was expected, but the deferred failed: {failure:?}")
        }
    }
}

fn look<T>(deferred: &mut Deferred<T>) -> Option<Result<T>> {
    match Pin::new(deferred).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => Some(result),
        Poll::Pending => None,
    }
}
