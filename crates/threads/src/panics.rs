//! What happens to a panic of user code for whose result nobody waits (I3): it is reported, once.
//!
//! Wakers and the drops of what jobs captured come here; jobs and calls are contained by whoever
//! runs them.

use ropewalk_deferred::Panicked;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};

/// Runs user code in the middle of our own work; gives nothing if it panics.
pub(crate) fn contain<R>(
    what: &str,
    at: &'static Location<'static>,
    user_code: impl FnOnce() -> R,
) -> Option<R> {
    match catch_unwind(AssertUnwindSafe(user_code)) {
        Ok(value) => Some(value),
        Err(payload) => {
            let panicked = Panicked::from_payload(payload, at);
            tracing::error!(location = %at, panic = panicked.message(), "{what} panicked");
            None
        }
    }
}
