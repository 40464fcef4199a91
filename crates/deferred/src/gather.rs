//! All values, or the first failure.

use crate::{Deferred, DeferredList, Result};

/// Waits for the values of all `members`, in their order, or for the first failure.
///
/// The same as a [`DeferredList`] that fires on one errback, but with the values themselves. No
/// members: `[]`, at once.
///
/// Cancelling cancels every member that has no result yet. After the first failure the other
/// members go on; what they bring is dropped, and their failures are reported as unhandled. To
/// have those dropped as well, use a list that
/// [consumes errors](DeferredList::consume_errors); of members of different types,
/// [`join`](crate::join()) makes a tuple.
///
/// # Threads
///
/// The thread of its members only.
///
/// # Errors
///
/// The deferred fails with [`FirstError`](crate::FirstError), which has the position and the
/// failure of the member that failed first.
///
/// # Examples
///
/// ```
/// use ropewalk_deferred::{Deferred, gather_results};
///
/// let (promise, deferred) = Deferred::new();
/// let both = gather_results([deferred, Deferred::succeed(2)]);
/// promise.callback(1);
/// assert_eq!(both.try_take().unwrap()?, [1, 2]);
/// # Ok::<(), ropewalk_deferred::Failure>(())
/// ```
///
/// Twisted: `defer.gatherResults`.
#[doc(alias = "gatherResults")]
#[track_caller]
pub fn gather_results<T>(members: impl IntoIterator<Item = Deferred<T>>) -> Deferred<Vec<T>> {
    DeferredList::new(members)
        .fire_on_one_errback()
        .into_deferred()
        .add_callback(|results| results.into_iter().collect::<Result<Vec<T>>>())
}
