//! The events of this crate: what it tells a `tracing` subscriber, who is user code as well.

use ropewalk_deferred::Panicked;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};

/// Tells the subscriber. If it panics, that ends here: who tells of something is in the middle of
/// something else, and has to bring that to its end.
pub(crate) fn tell(event: impl FnOnce()) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(event)) {
        // Its payload may panic in its drop; a `Panicked` contains that.
        drop(Panicked::from_payload(payload, Location::caller()));
    }
}
