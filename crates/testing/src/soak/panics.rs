//! Panics: those that are meant, and those that nobody planned.

use std::panic::{self, AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, Ordering};

/// A panic that nobody planned; those that are planned pass by the hook.
static PANICKED: AtomicBool = AtomicBool::new(false);

/// The payload of the panics that are meant.
#[derive(Debug)]
pub struct Planned;

/// Panics as planned; the hook, which prints, is not called.
///
/// # Panics
///
/// Always.
pub fn panic_as_planned() -> ! {
    resume_unwind(Box::new(Planned))
}

/// Calls what may panic as planned; none if it did.
///
/// # Panics
///
/// If the call panics otherwise.
pub fn contained<T>(call: impl FnOnce() -> T) -> Option<T> {
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(value) => Some(value),
        Err(payload) if payload.is::<Planned>() => None,
        Err(payload) => resume_unwind(payload),
    }
}

/// From now on it is noticed if somebody panics, in whatever thread.
pub(super) fn notice_unplanned() {
    let hook = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        PANICKED.store(true, Ordering::SeqCst);
        hook(info);
    }));
}

pub(super) fn was_unplanned() -> bool {
    PANICKED.load(Ordering::SeqCst)
}
