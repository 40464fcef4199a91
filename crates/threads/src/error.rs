//! The errors of the bridges that are not those of the crates below.

use std::error::Error;
use std::fmt;

/// A blocking call was made on the reactor thread, which would have waited for itself.
///
/// Nothing was queued. On the reactor thread call the function directly, or use
/// `defer_to_thread` and a callback.
///
/// The pool has an error of the same name for a job that would wait for itself,
/// [`ropewalk_threadpool::WouldDeadlock`]. It is another type, with other advice.
///
/// Twisted: `blockingCallFromThread` on the reactor thread never returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WouldDeadlock;

impl fmt::Display for WouldDeadlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "a blocking call on the reactor thread would wait for itself: \
             call the function directly, or add a callback to its Deferred",
        )
    }
}

impl Error for WouldDeadlock {}
