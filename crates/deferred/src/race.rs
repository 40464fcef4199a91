//! The first value wins, and the others are called off.

use crate::Deferred;
use crate::first::first_of;
use crate::group::Kind;

/// Waits for the first value of any of `members`, and cancels the others.
///
/// It fires with the index of the winner and its value, after each of the others has been
/// cancelled, once, as [`Deferred::cancel`] does. What these still bring is dropped, and their
/// failures are no errors; only a panic of one of them is reported as unhandled. A member that
/// fails is out of the race, which goes on with the rest.
///
/// Cancelling cancels every member that has no result yet; so it fails, unless one of them has an
/// answer to that which is a value. To let the others go on instead, use a
/// [`DeferredList`](crate::DeferredList) that fires on one callback.
///
/// # Threads
///
/// The thread of its members only.
///
/// # Errors
///
/// The deferred fails with [`FailureGroup`](crate::FailureGroup) if all members have failed; at
/// once, and with an empty one, if there are none.
///
/// # Examples
///
/// ```
/// use ropewalk_deferred::{Deferred, race};
///
/// let (slow, deferred) = Deferred::new();
/// let (quick, other) = Deferred::new();
/// let first = race([deferred, other]);
/// quick.callback("quick");
/// assert_eq!(first.try_take().unwrap()?, (1, "quick"));
/// assert!(slow.is_cancelled());
/// # Ok::<(), ropewalk_deferred::Failure>(())
/// ```
///
/// Twisted: `defer.race`.
#[track_caller]
pub fn race<T>(members: impl IntoIterator<Item = Deferred<T>>) -> Deferred<(usize, T)> {
    first_of(Kind::Race, members.into_iter().collect(), false, false)
}
