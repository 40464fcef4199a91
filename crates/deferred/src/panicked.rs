//! The error that stands for a panic of user code.
//!
//! The payload is not kept: it may be anything, and need not be `Sync`. What it says is.

use crate::panics::{self, PanicTrace};
use std::any::Any;
use std::backtrace::Backtrace;
use std::error::Error;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::panic::Location;
use std::sync::Arc;

/// User code panicked where somebody waited for its result.
///
/// This is the error of a `Deferred`, and of the bridges between threads. The thread pool knows nothing
/// of those and has a type of the same name, which its own callbacks of results are given.
///
/// # Examples
///
/// ```
/// use ropewalk_deferred::{Deferred, Panicked};
///
/// let quotient = Deferred::succeed(0).map(|n: u32| 1 / n);
/// let failure = quotient.try_take().unwrap().unwrap_err();
/// let panicked = failure.downcast_ref::<Panicked>().expect("a panic");
/// assert!(panicked.message().contains("divide by zero"));
/// assert_eq!(panicked.location().file(), file!());
/// ```
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Panicked {
    message: String,
    location: &'static Location<'static>,
    trace: SameAsAny,
}

/// What is remembered of a panic while debugging. Two panics do not differ by it.
#[derive(Clone, Default)]
struct SameAsAny(Option<Arc<PanicTrace>>);

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
        let message = panics::message(&*payload);
        let trace = SameAsAny(panics::take_trace_of(&message).map(Arc::new));
        panics::dispose(payload);
        Self { message, location, trace }
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

    /// Where it panicked, as `file:line:column`, if [debugging](crate::set_debugging) was on.
    #[must_use]
    pub fn panicked_at(&self) -> Option<&str> {
        self.trace.0.as_ref().map(|trace| trace.place.as_str())
    }

    /// The call stack of the panic, on the thread on which it happened, if
    /// [debugging](crate::set_debugging) was on.
    #[must_use]
    pub fn backtrace(&self) -> Option<&Backtrace> {
        self.trace.0.as_ref().map(|trace| &trace.backtrace)
    }
}

impl fmt::Display for Panicked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the code handed over at {} panicked", self.location)?;
        if let Some(place) = self.panicked_at() {
            write!(f, " at {place}")?;
        }
        write!(f, ": {}", self.message)
    }
}

impl Error for Panicked {}

impl PartialEq for SameAsAny {
    fn eq(&self, _other: &Self) -> bool {
        true
    }
}

impl Eq for SameAsAny {}

impl Hash for SameAsAny {
    fn hash<H: Hasher>(&self, _state: &mut H) {}
}

impl fmt::Debug for SameAsAny {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_ref().map_or("none", |trace| trace.place.as_str()))
    }
}
