//! Many deferreds of one type, waited for as one: the list with its three flags.
//!
//! The rule of the plain list is here: it keeps the results in the order of the members until
//! there are all of them. What it has in common with the other collections is in `group`, and the
//! rule for a list that fires on one callback in `first`.

use crate::first::first_of;
use crate::group::{Group, Kind};
use crate::{Cancelled, Deferred, FirstError, Result};
use std::cell::RefCell;
use std::fmt;
use std::marker::PhantomData;

/// Many [`Deferred`]s of one type that are waited for together.
///
/// A builder: it takes the members, then any of three flags, and
/// [`into_deferred`](Self::into_deferred) gives the deferred that has the result.
///
/// | flags | it fires with | when |
/// |---|---|---|
/// | none | `Vec<Result<T>>`, in the order of the members | all members have a result |
/// | [`fire_on_one_errback`](Self::fire_on_one_errback) | the same | all members have a value |
/// | | [`FirstError`] | one has failed |
/// | [`fire_on_one_callback`](Self::fire_on_one_callback) | `(usize, T)`: its index and value | one has a value |
/// | | [`FailureGroup`](crate::FailureGroup) | all have failed |
/// | both | `(usize, T)` or [`FirstError`] | one has a result |
///
/// The members may have their results already. An empty list has its result at once, `[]`; one
/// that fires on one callback, whatever its other flags, fails at once, with an empty
/// `FailureGroup`.
///
/// The list consumes its members, and they go on whatever becomes of it: a list that has fired
/// before all members have a result, or whose deferred is dropped, leaves them to themselves and
/// drops what they bring. That holds also for members that are cancelled by being dropped. A
/// failure that the list does not pass on to anybody is reported as unhandled, unless it is to
/// [consume errors](Self::consume_errors). A failure in the `Vec` *is* passed on: it is for
/// whoever takes the list to look at.
///
/// Cancelling the deferred of the list cancels every member that has no result yet, each as
/// [`Deferred::cancel`] does, and the list fires with what comes of that by its flags: a plain
/// list with the list of results, one that fires on one errback with a `FirstError`, unless the
/// members have an answer that is a value. A list that fails so says that it was [`Cancelled`],
/// in the context of its error. A member that answers with more to wait for is waited for. A list
/// that has fired is a deferred like any other, and cancelling it cancels what its chain waits for
/// then.
///
/// # Threads
///
/// The thread of its members only: it is neither `Send` nor `Sync`.
///
/// # Notes
///
/// A member with a callback that returns the deferred of its own list waits for itself. Through a
/// list, that is not noticed: both wait until the member is cancelled.
///
/// # Examples
///
/// ```
/// use ropewalk_deferred::{Deferred, DeferredList, TimedOut};
///
/// let (promise, deferred) = Deferred::<u32>::new();
/// let all = DeferredList::new([deferred, Deferred::fail(TimedOut), Deferred::succeed(3)]);
/// let results = all.into_deferred();
/// promise.callback(1);
/// let values: Vec<u32> = results.try_take().unwrap()?.into_iter().flatten().collect();
/// assert_eq!(values, [1, 3]);
/// # Ok::<(), ropewalk_deferred::Failure>(())
/// ```
///
/// Twisted: `DeferredList`.
#[must_use = "a list waits for nothing before `into_deferred`"]
pub struct DeferredList<T: 'static, K = EachResult> {
    members: Vec<Deferred<T>>,
    fire_on_one_errback: bool,
    consume_errors: bool,
    kind: PhantomData<K>,
}

/// The [`DeferredList`] collects the results of its members.
#[derive(Debug)]
#[non_exhaustive]
pub struct EachResult;

/// The [`DeferredList`] fires on one callback.
#[derive(Debug)]
#[non_exhaustive]
pub struct OneValue;

impl<T> DeferredList<T> {
    /// Makes a list of `members`, with none of the flags.
    ///
    /// # Examples
    ///
    /// ```
    /// # use ropewalk_deferred::{Deferred, DeferredList};
    /// let squares = (1..4).map(|n| Deferred::succeed(n * n));
    /// let results = DeferredList::new(squares).into_deferred().try_take().unwrap()?;
    /// assert_eq!(*results[2].as_ref().unwrap(), 9);
    /// # Ok::<(), ropewalk_deferred::Failure>(())
    /// ```
    pub fn new(members: impl IntoIterator<Item = Deferred<T>>) -> Self {
        Self {
            members: members.into_iter().collect(),
            fire_on_one_errback: false,
            consume_errors: false,
            kind: PhantomData,
        }
    }

    /// Has it fire with the first value, and the index of the member that brought it.
    ///
    /// If all members fail, it fails with a [`FailureGroup`](crate::FailureGroup). The other
    /// members go on; to have them cancelled, use [`race`](crate::race()). Failures that came before
    /// the value are reported as unhandled, unless the list is to
    /// [consume errors](Self::consume_errors).
    ///
    /// # Examples
    ///
    /// ```
    /// # use ropewalk_deferred::{Deferred, DeferredList};
    /// let (_promise, slow) = Deferred::new();
    /// let first = DeferredList::new([slow, Deferred::succeed("quick")])
    ///     .fire_on_one_callback()
    ///     .into_deferred();
    /// assert_eq!(first.try_take().unwrap()?, (1, "quick"));
    /// # Ok::<(), ropewalk_deferred::Failure>(())
    /// ```
    ///
    /// Twisted: `DeferredList(fireOnOneCallback=True)`.
    #[doc(alias = "fireOnOneCallback")]
    pub fn fire_on_one_callback(self) -> DeferredList<T, OneValue> {
        DeferredList {
            members: self.members,
            fire_on_one_errback: self.fire_on_one_errback,
            consume_errors: self.consume_errors,
            kind: PhantomData,
        }
    }

    /// Begins to wait, and gives the deferred for the results.
    ///
    /// # Errors
    ///
    /// The deferred fails only if the list [fires on one errback](Self::fire_on_one_errback).
    ///
    /// # Examples
    ///
    /// ```
    /// # use ropewalk_deferred::{Deferred, DeferredList};
    /// let results = DeferredList::new([Deferred::succeed(7)]).into_deferred();
    /// assert_eq!(*results.try_take().unwrap()?[0].as_ref().unwrap(), 7);
    /// # Ok::<(), ropewalk_deferred::Failure>(())
    /// ```
    #[track_caller]
    pub fn into_deferred(self) -> Deferred<Vec<Result<T>>> {
        let results = Results {
            kept: RefCell::new(self.members.iter().map(|_| None).collect()),
            fire_on_one_errback: self.fire_on_one_errback,
        };
        let group = Group::new(Kind::All, self.consume_errors, self.members.len(), results);
        if self.members.is_empty() {
            group.decide(Ok(Vec::new()));
        }
        for (index, member) in self.members.into_iter().enumerate() {
            group.add(index, member, arrived);
        }
        group.start()
    }
}

impl<T> DeferredList<T, OneValue> {
    /// Begins to wait, and gives the deferred for the first value.
    ///
    /// # Errors
    ///
    /// The deferred fails with
    ///
    /// - [`FailureGroup`](crate::FailureGroup) if all members have failed or there are none,
    /// - [`FirstError`] if one has failed and the list is to
    ///   [fire on one errback](Self::fire_on_one_errback) as well.
    ///
    /// # Examples
    ///
    /// ```
    /// # use ropewalk_deferred::{Deferred, DeferredList};
    /// let list = DeferredList::new([Deferred::succeed(7)]).fire_on_one_callback();
    /// assert_eq!(list.into_deferred().try_take().unwrap()?, (0, 7));
    /// # Ok::<(), ropewalk_deferred::Failure>(())
    /// ```
    #[track_caller]
    pub fn into_deferred(self) -> Deferred<(usize, T)> {
        first_of(Kind::First, self.members, self.consume_errors, self.fire_on_one_errback)
    }
}

impl<T, K> DeferredList<T, K> {
    /// Has it fail as soon as one member does, with a [`FirstError`].
    ///
    /// The other members go on.
    ///
    /// # Examples
    ///
    /// ```
    /// # use ropewalk_deferred::{Deferred, DeferredList, FirstError, TimedOut};
    /// let (_promise, slow) = Deferred::<u32>::new();
    /// let values = DeferredList::new([slow, Deferred::fail(TimedOut)])
    ///     .fire_on_one_errback()
    ///     .into_deferred();
    /// assert!(values.try_take().unwrap().unwrap_err().is::<FirstError>());
    /// ```
    ///
    /// Twisted: `DeferredList(fireOnOneErrback=True)`.
    #[doc(alias = "fireOnOneErrback")]
    pub fn fire_on_one_errback(self) -> Self {
        Self { fire_on_one_errback: true, ..self }
    }

    /// Has it drop, in silence, each failure that it does not pass on to anybody.
    ///
    /// Those are the failures that come after it has fired, and, if it fires on one callback, also
    /// those that came before. Without this flag they are reported as unhandled, each once, with
    /// the place where the member was created; but not a [`Cancelled`] that
    /// comes from cancelling the list.
    ///
    /// # Examples
    ///
    /// ```
    /// # use ropewalk_deferred::{Deferred, DeferredList, TimedOut};
    /// let (promise, slow) = Deferred::new();
    /// let first = DeferredList::new([slow, Deferred::succeed("quick")])
    ///     .fire_on_one_callback()
    ///     .consume_errors()
    ///     .into_deferred();
    /// assert_eq!(first.try_take().unwrap()?, (1, "quick"));
    /// promise.errback(TimedOut); // too late, and no news
    /// # Ok::<(), ropewalk_deferred::Failure>(())
    /// ```
    ///
    /// Twisted: `DeferredList(consumeErrors=True)`.
    #[doc(alias = "consumeErrors")]
    pub fn consume_errors(self) -> Self {
        Self { consume_errors: true, ..self }
    }
}

impl<T, K> fmt::Debug for DeferredList<T, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeferredList")
            .field("members", &self.members.len())
            .field("fire_on_one_errback", &self.fire_on_one_errback)
            .field("consume_errors", &self.consume_errors)
            .finish_non_exhaustive()
    }
}

struct Results<T> {
    kept: RefCell<Vec<Option<Result<T>>>>,
    fire_on_one_errback: bool,
}

impl<T> Results<T> {
    fn keep(&self, index: usize, result: Result<T>) {
        self.kept.borrow_mut()[index] = Some(result);
    }
}

fn arrived<T>(
    group: &Group<Results<T>, Vec<Result<T>>>,
    index: usize,
    result: Result<T>,
) -> Result<()> {
    if group.is_decided() {
        return group.late(result);
    }
    match result {
        Err(failure) if group.slots.fire_on_one_errback => {
            let by_cancel = failure.is::<Cancelled>();
            group.fail(FirstError::new(index, failure), by_cancel);
            group.discard(group.slots.kept.take());
        }
        result => {
            group.slots.keep(index, result);
            if group.pending() == 0 {
                group.decide(Ok(group.slots.kept.take().into_iter().flatten().collect()));
            }
        }
    }
    Ok(())
}
