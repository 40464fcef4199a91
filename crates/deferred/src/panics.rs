//! What happens to a panic of user code: the whole policy.
//!
//! Where somebody waits for the result, the panic becomes its `Panicked`. Everywhere else (the
//! drop of a skipped closure, of an unclaimed value, a waker, a hook) it becomes one `tracing`
//! error, and the code around it carries on.

use crate::{Panicked, debugging};
use std::any::Any;
use std::backtrace::Backtrace;
use std::cell::RefCell;
use std::mem::{forget, needs_drop};
use std::panic::{self, AssertUnwindSafe, Location, catch_unwind};
use std::sync::Once;

/// Runs user code whose result somebody waits for.
#[inline]
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
            tell(|| tracing::error!(location = %at, panic = panicked.message(), "{what} panicked"));
            None
        }
    }
}

/// Tells a `tracing` subscriber of a panic. It is anybody's code and may panic, too; that ends here,
/// so that a report does not do what the panic itself was kept from doing.
pub(crate) fn tell(event: impl FnOnce()) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(event)) {
        dispose(payload);
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

/// So many panics are remembered at most that nobody has asked for.
const REMEMBERED: usize = 8;

thread_local! {
    /// The panics of this thread, the last one at the end: one may happen within another.
    static PANICS: RefCell<Vec<PanicTrace>> = const { RefCell::new(Vec::new()) };
}

/// Where a panic happened.
pub(crate) struct PanicTrace {
    message: String,
    pub(crate) place: String,
    pub(crate) backtrace: Backtrace,
}

/// Has each panic remembered by its thread, for the `Panicked` that is made of it there.
pub(crate) fn remember() {
    static INSTALLED: Once = Once::new();
    if std::thread::panicking() {
        return;
    }
    INSTALLED.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            if debugging() {
                let place = panic.location().map_or_else(String::new, ToString::to_string);
                let (message, backtrace) = (message(panic.payload()), Backtrace::force_capture());
                let trace = PanicTrace { message, place, backtrace };
                // An ending thread has no place for it any more.
                let _ = PANICS.try_with(|panics| push(&mut panics.borrow_mut(), trace));
            }
            before(panic);
        }));
    });
}

fn push(panics: &mut Vec<PanicTrace>, trace: PanicTrace) {
    if panics.len() == REMEMBERED {
        drop(panics.remove(0));
    }
    panics.push(trace);
}

/// What is known of the panic with this message that this thread has just caught. Those that came
/// after it were within it, or nobody was interested in them; no more is known of a panic that does
/// not say the same.
pub(crate) fn take_trace_of(message: &str) -> Option<PanicTrace> {
    let take = |panics: &RefCell<Vec<PanicTrace>>| {
        let mut panics = panics.borrow_mut();
        let place = panics.iter().rposition(|trace| trace.message == message)?;
        panics.drain(place..).next()
    };
    PANICS.try_with(take).ok().flatten()
}

/// What a panic says, as far as it is text.
pub(crate) fn message(payload: &(dyn Any + Send)) -> String {
    if let Some(text) = payload.downcast_ref::<&'static str>() {
        (*text).to_owned()
    } else if let Some(text) = payload.downcast_ref::<String>() {
        text.clone()
    } else {
        "a payload that is not a string".to_owned()
    }
}
