//! The panic policy: what happens when a callback panics (I3).
//!
//! Every piece of user code that the loop runs goes through [`catch`], and so does every drop of
//! a value that user code gave us.

use std::any::Any;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};

/// What a reactor does about a callback that panics.
///
/// In all cases the panic is reported once as a `tracing` error with the place where the callback
/// was handed over.
///
/// Only callbacks whose result nobody waits for come here: calls, timers, triggers, the callbacks of
/// sources. Where somebody waits, the panic becomes that one's error, whatever the policy is. That
/// covers the callbacks of a `Deferred`, blocking calls, tasks, loops and the iterators of a
/// cooperator: a panic of those stops or aborts nothing, and is reported as an unhandled failure if
/// nobody handles it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum PanicPolicy {
    /// Report it and go on. All other callbacks live.
    #[default]
    Log,
    /// Report it and stop the reactor; `run` returns [`RunError::Panicked`](crate::RunError).
    Stop,
    /// Report it and abort the process.
    Abort,
}

/// Runs user code; gives the message of its panic, if it panics.
///
/// `AssertUnwindSafe`: what the closure leaves half-done is the user's own state; ours is
/// consistent, because no borrow of it is alive while user code runs.
#[inline]
pub(crate) fn catch<T>(code: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(code)).map_err(last_words)
}

#[cold]
fn last_words(payload: Box<dyn Any + Send>) -> String {
    let message = message(&*payload);
    discard(payload);
    message
}

/// Drops what a panic threw. That is a user's value too, so its drop may panic in turn.
#[expect(clippy::mem_forget, reason = "a payload whose drop always panics could go on for ever")]
fn discard(payload: Box<dyn Any + Send>) {
    if let Err(again) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        std::mem::forget(again);
    }
}

/// Reports a contained panic.
pub(crate) fn report(what: &str, location: &Location<'_>, message: &str) {
    tell(|| tracing::error!(%location, panic = message, "{what} panicked"));
}

/// Tells the subscriber, who is anybody's code and may panic, too: a report must not do what the
/// panic that it reports was kept from doing.
pub(crate) fn tell(event: impl FnOnce()) {
    let _ = catch(event);
}

fn message(payload: &(dyn Any + Send)) -> String {
    if let Some(text) = payload.downcast_ref::<&str>() {
        (*text).to_owned()
    } else if let Some(text) = payload.downcast_ref::<String>() {
        text.clone()
    } else {
        "a panic without a text".to_owned()
    }
}
