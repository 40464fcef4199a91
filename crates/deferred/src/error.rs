//! The errors that this crate itself puts into a `Failure`.
//!
//! One small public type per reason, each to be found again with `failure.downcast_ref()`. They
//! own no user value, so that cloning and dropping them runs no foreign code.

use std::error::Error;
use std::fmt;

/// The chain was cancelled before its result came.
///
/// # Examples
///
/// ```
/// use ropewalk_deferred::{Cancelled, Deferred};
///
/// let (_promise, deferred) = Deferred::<u32>::new();
/// deferred.cancel();
/// assert!(deferred.try_take().unwrap().unwrap_err().is::<Cancelled>());
/// ```
///
/// Twisted: `CancelledError`.
#[doc(alias = "CancelledError")]
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Cancelled;

impl fmt::Display for Cancelled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("cancelled before there was a result")
    }
}

impl Error for Cancelled {}

/// The result did not come in time.
///
/// Nothing in this crate knows the time; what adds time-outs to a chain fails it with this.
///
/// Twisted: `TimeoutError`.
#[doc(alias = "TimeoutError")]
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct TimedOut;

impl fmt::Display for TimedOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("timed out")
    }
}

impl Error for TimedOut {}

/// The [`Promise`](crate::Promise) was dropped unfired: no result will ever come.
///
/// # Examples
///
/// ```
/// use ropewalk_deferred::{Abandoned, Deferred};
///
/// let (promise, deferred) = Deferred::<()>::new();
/// drop(promise);
/// assert!(deferred.try_take().unwrap().unwrap_err().is::<Abandoned>());
/// ```
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Abandoned;

impl fmt::Display for Abandoned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no result will come: its promise was dropped unfired")
    }
}

impl Error for Abandoned {}

/// The result of this [`Deferred`](crate::Deferred) has been taken already.
///
/// One that has been awaited to its end is left empty, and so is what is attached to it then.
/// Awaiting it again panics, as with any future.
///
/// # Examples
///
/// ```
/// use ropewalk_deferred::{Deferred, ResultTaken};
/// use std::{future::Future, pin::Pin, task::{Context, Waker}};
///
/// let mut deferred = Deferred::succeed(7);
/// let mut context = Context::from_waker(Waker::noop());
/// assert!(Pin::new(&mut deferred).poll(&mut context).is_ready());
/// assert!(deferred.try_take().unwrap().unwrap_err().is::<ResultTaken>());
/// ```
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct ResultTaken;

impl fmt::Display for ResultTaken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the result has been taken: this deferred was awaited before")
    }
}

impl Error for ResultTaken {}

/// A chain was made to wait, directly or through others, for its own result.
///
/// A callback that returns the end of its own chain does this, and so does
/// [`chain_deferred`](crate::Deferred::chain_deferred) into the promise of the same chain. The
/// wait could never end, so that it fails at once instead.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct WaitsForItself;

impl fmt::Display for WaitsForItself {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the chain would wait for its own result; return another deferred")
    }
}

impl Error for WaitsForItself {}
