//! What happens to a panic of user code: the whole policy.
//!
//! Where somebody waits for the result, the panic becomes its `Panicked`. Everywhere else (the
//! drop of a skipped closure, of an unclaimed value, a waker, a hook) it becomes one `tracing`
//! error, and the code around it carries on.

use crate::Panicked;
use std::any::Any;
use std::mem::{forget, needs_drop};
use std::panic::{AssertUnwindSafe, Location, catch_unwind};

/// Runs user code whose result somebody waits for.
pub(crate) fn catch<R>(
    at: &'static Location<'static>,
    user_code: impl FnOnce() -> R,
) -> Result<R, Panicked> {
    // Nothing of ours is seen half-changed: state is put in order before user code runs.
    catch_unwind(AssertUnwindSafe(user_code)).map_err(|payload| Panicked::from_payload(payload, at))
}

/// Runs user code for whose result nobody waits; its panic is logged.
pub(crate) fn contain<R>(
    what: &'static str,
    at: &'static Location<'static>,
    user_code: impl FnOnce() -> R,
) -> Option<R> {
    match catch(at, user_code) {
        Ok(value) => Some(value),
        Err(panicked) => {
            tracing::error!(location = %at, panic = panicked.message(), "{what} panicked");
            None
        }
    }
}

/// Drops a user's value in the middle of our own work.
pub(crate) fn discard<T>(what: &'static str, at: &'static Location<'static>, value: T) {
    if needs_drop::<T>() {
        contain(what, at, || drop(value));
    }
}

/// Drops what a panic carried.
pub(crate) fn dispose(payload: Box<dyn Any + Send>) {
    if let Err(second) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        #[expect(clippy::mem_forget, reason = "its drop may panic as well, and so on for ever")]
        forget(second);
    }
}
