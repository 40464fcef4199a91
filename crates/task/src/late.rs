//! A result that comes when nobody waits for it any more.

use ropewalk_deferred::{Abandoned, Cancelled, Result};

/// Drops a value, and gives a failure to whoever reports those that are unhandled; but not one that
/// only says that the wait was given up, which is no news to those who gave it up.
pub(crate) fn late<T>(result: Result<T>) -> Result<()> {
    match result {
        Err(failure) if !failure.is::<Cancelled>() && !failure.is::<Abandoned>() => Err(failure),
        _ => Ok(()),
    }
}
