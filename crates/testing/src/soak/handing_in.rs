//! What is handed in must not run before the call that does so has returned.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

thread_local! {
    static HANDING_IN: Cell<bool> = const { Cell::new(false) };
}

/// Calls what hands something in that must not run here and now.
///
/// # Panics
///
/// If the call does.
pub fn handing_in<T>(call: impl FnOnce() -> T) -> T {
    let before = HANDING_IN.replace(true);
    let result = catch_unwind(AssertUnwindSafe(call));
    HANDING_IN.set(before);
    result.unwrap_or_else(|payload| resume_unwind(payload))
}

/// Whether this thread is inside of such a call.
#[must_use]
pub fn is_handing_in() -> bool {
    HANDING_IN.get()
}
