//! A call whose outcome is a deferred in any case.

use crate::held::Held;
use crate::{Deferred, Outcome, panics};
use std::panic::Location;

/// Calls `function` now and makes a deferred of whatever it does.
///
/// A result becomes a deferred that has it already, a deferred is passed on, and a panic becomes
/// [`Panicked`](crate::Panicked).
///
/// # Examples
///
/// ```
/// use ropewalk_deferred::maybe_deferred;
///
/// let port = maybe_deferred(|| Ok("8007".parse::<u16>()?));
/// assert_eq!(port.try_take().unwrap()?, 8007);
/// # Ok::<(), ropewalk_deferred::Failure>(())
/// ```
///
/// Twisted: `defer.maybeDeferred`.
#[doc(alias = "maybeDeferred")]
#[track_caller]
pub fn maybe_deferred<F, R>(function: F) -> Deferred<R::Value>
where
    F: FnOnce() -> R,
    R: Outcome,
{
    let at = Location::caller();
    match panics::catch(at, || function().give().0) {
        Ok(Held::Ready(result)) => Deferred::made(result, at),
        Ok(Held::Waiting(tail)) => Deferred::chained(tail),
        Err(panicked) => Deferred::made(Err(panicked.into()), at),
    }
}
