//! What a task takes along from where it was spawned: the `tracing` span that was current there,
//! and whatever else the program has captured.
//!
//! So what a future logs is found under the span of whoever spawned it, whichever task is polled
//! before it. As long as the program has never set a subscriber, nothing is asked and nothing kept.

use ropewalk_deferred::{CallbackContext, capture_context, within_context};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;
use tracing::{Span, dispatcher};

/// The surroundings of a spawn, in a word: most have none. A subscriber's code runs in all of this,
/// the drop included.
pub(crate) struct SpawnContext(Option<Box<Surroundings>>);

struct Surroundings {
    span: Option<Span>,
    /// What the hook of the thread has given.
    captured: Option<Rc<dyn CallbackContext>>,
}

impl SpawnContext {
    pub(crate) const fn none() -> Self {
        Self(None)
    }

    #[inline]
    pub(crate) fn is_there(&self) -> bool {
        self.0.is_some()
    }

    /// That of this place.
    #[inline]
    pub(crate) fn here() -> Self {
        let span = dispatcher::has_been_set().then(Span::current).filter(|span| !span.is_none());
        let captured = capture_context();
        if span.is_none() && captured.is_none() {
            return Self::none();
        }
        Self(Some(Box::new(Surroundings { span, captured })))
    }

    /// Runs a piece of the task in it; nothing, if what was captured did not run it.
    #[inline]
    pub(crate) fn within<R>(&self, piece: impl FnOnce() -> R) -> Option<R> {
        match &self.0 {
            None => Some(piece()),
            Some(around) => around.run(piece),
        }
    }
}

impl Surroundings {
    #[cold]
    fn run<R>(&self, piece: impl FnOnce() -> R) -> Option<R> {
        match &self.span {
            Some(span) => span.in_scope(|| self.run_captured(piece)),
            None => self.run_captured(piece),
        }
    }

    fn run_captured<R>(&self, piece: impl FnOnce() -> R) -> Option<R> {
        let Some(context) = &self.captured else { return Some(piece()) };
        // A panic goes round the context, which puts back what was current before.
        let caught = || catch_unwind(AssertUnwindSafe(piece));
        match within_context(&**context, caught)? {
            Ok(done) => Some(done),
            Err(panic) => resume_unwind(panic),
        }
    }
}
