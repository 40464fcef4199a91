//! What happens to a panic for whose result nobody waits: one `tracing` error, and work goes on.

use ropewalk_deferred::Panicked;
use std::any::Any;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};

/// Runs user code that belongs to the task spawned at `location`.
///
/// `AssertUnwindSafe`: what it leaves half-done is the user's own state; ours is in order, because
/// nothing of it is borrowed or taken apart while user code runs.
#[inline]
pub(crate) fn contain(what: &str, location: &'static Location<'static>, code: impl FnOnce()) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(code)) {
        report(what, location, payload);
    }
}

#[cold]
fn report(what: &str, location: &'static Location<'static>, payload: Box<dyn Any + Send>) {
    let panicked = Panicked::from_payload(payload, location);
    tell(|| tracing::error!(%location, panic = panicked.message(), "{what} panicked"));
}

/// Tells a `tracing` subscriber, whose own panic ends here: work goes on, whoever is told of it.
pub(crate) fn tell(event: impl FnOnce()) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(event)) {
        // Its payload may panic in its drop; a `Panicked` contains that.
        drop(Panicked::from_payload(payload, Location::caller()));
    }
}
