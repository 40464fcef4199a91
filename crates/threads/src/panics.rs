//! What happens to a panic of user code for whose result nobody waits (I3): it is reported, once.
//!
//! Wakers and the drops of what jobs captured come here; jobs and calls are contained by whoever
//! runs them.

use ropewalk_deferred::Panicked;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};

/// Tells a `tracing` subscriber of something, who is user code as well: a panic of it ends here,
/// because who tells is in the middle of what has to be brought to its end.
pub(crate) fn tell(event: impl FnOnce()) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(event)) {
        drop(Panicked::from_payload(payload, Location::caller()));
    }
}

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
            let panic = panicked.message();
            tell(|| tracing::error!(location = %at, panic, "{what} panicked"));
            None
        }
    }
}
