//! Tests of the test support, by topic.

// What a deferred holds, and what is said where that is not what was expected.
mod results;
// What happened, in order, and waiting for it.
mod event_log;
// What was logged, by this thread alone.
mod tracing_capture;
// What was logged, by whatever thread.
mod log_lines;
// What the soaks of the crates have in common.
mod soak;

use std::panic::{AssertUnwindSafe, catch_unwind};

/// What a panic of `body` said.
fn panic_of(body: impl FnOnce()) -> String {
    match catch_unwind(AssertUnwindSafe(body)).map_err(|payload| payload.downcast::<String>()) {
        Err(Ok(said)) => *said,
        other => panic!("a panic with a text was expected: {other:?}"),
    }
}
