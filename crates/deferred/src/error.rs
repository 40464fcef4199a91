//! The errors that this crate itself puts into a `Failure`.
//!
//! One small public type per reason, each to be found again with `failure.downcast_ref()`. They
//! own no user value, so that cloning and dropping them runs no foreign code.

use crate::panics;
use std::any::Any;
use std::error::Error;
use std::fmt;
use std::panic::Location;

/// The chain was cancelled before its result came.
///
/// # Examples
///
/// ```
/// use ropewalk_deferred::{Cancelled, Deferred};
///
/// let (_promise, deferred) = Deferred::<u32>::new();
/// let deferred = deferred.map(|_| ()).add_errback(|failure| assert!(failure.is::<Cancelled>()));
/// deferred.cancel();
/// # deferred.detach();
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
        f.write_str("no result within the time allowed")
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
/// deferred.add_errback(|failure| assert!(failure.is::<Abandoned>())).detach();
/// ```
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Abandoned;

impl fmt::Display for Abandoned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no result will come: its promise was dropped unfired")
    }
}

impl Error for Abandoned {}

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

/// User code panicked where somebody waited for its result.
///
/// # Examples
///
/// ```
/// use ropewalk_deferred::{Deferred, Panicked};
///
/// Deferred::succeed(0)
///     .map(|n: u32| 1 / n)
///     .map(|_| ())
///     .add_errback(|failure| {
///         let panicked = failure.downcast_ref::<Panicked>().expect("a panic");
///         assert!(panicked.message().contains("divide by zero"));
///         assert_eq!(panicked.location().file(), file!());
///     })
///     .detach();
/// ```
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Panicked {
    message: String,
    location: &'static Location<'static>,
}

impl Panicked {
    /// Makes one of what [`std::panic::catch_unwind`] caught and of the place that the caught
    /// code came from.
    ///
    /// The payload is dropped; if its own drop panics too, that panic is swallowed.
    #[must_use]
    pub fn from_payload(
        payload: Box<dyn Any + Send>,
        location: &'static Location<'static>,
    ) -> Self {
        let message = if let Some(text) = payload.downcast_ref::<&'static str>() {
            (*text).to_owned()
        } else if let Some(text) = payload.downcast_ref::<String>() {
            text.clone()
        } else {
            "a payload that is not a string".to_owned()
        };
        panics::dispose(payload);
        Self { message, location }
    }

    /// What the panic said.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Where the code that panicked was attached or handed over; the panic itself may be anywhere below it.
    #[must_use]
    pub fn location(&self) -> &'static Location<'static> {
        self.location
    }
}

impl fmt::Display for Panicked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the code handed over at {} panicked: {}", self.location, self.message)
    }
}

impl Error for Panicked {}
