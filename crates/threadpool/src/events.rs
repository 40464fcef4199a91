//! The events of a pool: what it tells a `tracing` subscriber, who is user code as well.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::job::drop_contained;

/// Tells the subscriber. If it panics, that ends here: who tells of something is in the middle of
/// something else, and has to bring that to its end.
pub(crate) fn tell(event: impl FnOnce()) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(event)) {
        drop_contained(payload);
    }
}
