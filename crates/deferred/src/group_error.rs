//! How a collection of deferreds fails: by one of them, or by all of them.

use crate::Failure;
use std::error::Error;
use std::fmt;
use std::mem::take;

/// How many failures the text of a [`FailureGroup`] tells; a group may have a million.
const TOLD: usize = 3;

/// A collection failed with the first of its members that did.
///
/// The failure of that member is the [source](Error::source) of this error: `{failure:#}` shows
/// both, and `failure.chain()` has them one after the other. If it is a
/// [`Cancelled`](crate::Cancelled) because the collection was cancelled, then that is the context
/// of this error: `failure.is::<Cancelled>()`, as with any deferred.
///
/// # Threads
///
/// `Send + Sync`, as the [`Failure`] in it is.
///
/// # Examples
///
/// ```
/// use ropewalk_deferred::{Deferred, FirstError, TimedOut, gather_results};
///
/// let both = gather_results([Deferred::succeed(7), Deferred::fail(TimedOut)]);
/// let failure = both.try_take().unwrap().unwrap_err();
/// let first = failure.downcast_ref::<FirstError>().expect("nothing else can happen");
/// assert_eq!(first.index(), 1);
/// assert!(first.failure().is::<TimedOut>());
/// // or, not asking which one it was:
/// assert!(failure.chain().any(|cause| cause.is::<TimedOut>()));
/// ```
///
/// Twisted: `FirstError`.
#[derive(Debug)]
pub struct FirstError {
    index: usize,
    /// Taken only by what consumes the error.
    failure: Option<Failure>,
}

impl FirstError {
    pub(crate) fn new(index: usize, failure: Failure) -> Self {
        Self { index, failure: Some(failure) }
    }

    /// The position of the member that failed, counted from 0.
    #[must_use]
    pub fn index(&self) -> usize {
        self.index
    }

    /// What it failed with.
    #[must_use]
    pub fn failure(&self) -> &Failure {
        let Some(failure) = &self.failure else { unreachable!("what took it has consumed us") };
        failure
    }

    /// What it failed with, to keep.
    #[must_use]
    pub fn into_failure(mut self) -> Failure {
        let Some(failure) = self.failure.take() else { unreachable!("this consumes us") };
        failure
    }
}

impl fmt::Display for FirstError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the deferred at index {} failed", self.index)
    }
}

impl Error for FirstError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(self.failure().as_ref())
    }
}

impl Drop for FirstError {
    fn drop(&mut self) {
        dismantle(self.failure.take());
    }
}

/// One value was wanted, and all members failed; or there were none.
///
/// If the collection was cancelled, and members failed with [`Cancelled`](crate::Cancelled), then
/// that is the context of this error: `failure.is::<Cancelled>()`, as with any deferred.
///
/// # Threads
///
/// `Send + Sync`, as the [`Failure`]s in it are.
///
/// # Examples
///
/// ```
/// use ropewalk_deferred::{Cancelled, Deferred, FailureGroup, TimedOut, race};
///
/// let first = race([Deferred::<u32>::fail(TimedOut), Deferred::fail(Cancelled)]);
/// let failure = first.try_take().unwrap().unwrap_err();
/// let group = failure.downcast_ref::<FailureGroup>().expect("nothing else can happen");
/// assert!(group.failures()[0].is::<TimedOut>());
/// assert!(group.failures()[1].is::<Cancelled>());
/// ```
///
/// Twisted: `FailureGroup`.
#[derive(Debug)]
pub struct FailureGroup {
    failures: Vec<Failure>,
}

impl FailureGroup {
    pub(crate) fn new(failures: Vec<Failure>) -> Self {
        Self { failures }
    }

    /// What the members failed with, in the order of the members.
    #[must_use]
    pub fn failures(&self) -> &[Failure] {
        &self.failures
    }

    /// What the members failed with, to keep.
    #[must_use]
    pub fn into_failures(mut self) -> Vec<Failure> {
        take(&mut self.failures)
    }

    /// Whether there was no member that could have brought a value.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.failures.is_empty()
    }
}

impl FailureGroup {
    fn tell_how_many(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.failures.len() {
            0 => f.write_str("there was nothing to wait for: no members"),
            1 => f.write_str("the only deferred failed"),
            count => write!(f, "all {count} deferreds failed"),
        }
    }
}

/// Tells the first few failures, each with its chain: there is no one source that could.
impl fmt::Display for FailureGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.tell_how_many(f)?;
        for (index, failure) in self.failures.iter().enumerate().take(TOLD) {
            f.write_str(if index == 0 { ": " } else { "; " })?;
            tell(failure, f)?;
        }
        match self.failures.len().saturating_sub(TOLD) {
            0 => Ok(()),
            more => write!(f, "; and {more} more"),
        }
    }
}

impl Error for FailureGroup {}

impl Drop for FailureGroup {
    fn drop(&mut self) {
        dismantle(self.failures.drain(..));
    }
}

/// Writes a failure with its chain, down to the next group, which would go on without an end.
fn tell(failure: &Failure, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for (depth, cause) in failure.chain().enumerate() {
        f.write_str(if depth == 0 { "" } else { ": " })?;
        if let Some(group) = cause.downcast_ref::<FailureGroup>() {
            return group.tell_how_many(f);
        }
        write!(f, "{cause}")?;
    }
    Ok(())
}

/// Drops failures that may be those of collections of collections of collections, one by one: the
/// drop that the compiler writes would recurse.
fn dismantle(failures: impl IntoIterator<Item = Failure>) {
    let mut nested = Vec::new();
    let take_apart = |failure: Failure, nested: &mut Vec<Failure>| {
        if failure.is::<FirstError>() {
            nested.extend(failure.downcast().ok().and_then(|mut it: FirstError| it.failure.take()));
        } else if failure.is::<FailureGroup>() {
            nested.extend(
                failure
                    .downcast()
                    .into_iter()
                    .flat_map(|mut it: FailureGroup| take(&mut it.failures)),
            );
        }
    };
    for failure in failures {
        take_apart(failure, &mut nested);
        while let Some(failure) = nested.pop() {
            take_apart(failure, &mut nested);
        }
    }
}
