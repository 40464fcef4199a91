//! What a task takes along from where it was spawned: the `tracing` span that was current there.
//!
//! So what a future logs is found under the span of whoever spawned it, whichever task is polled
//! before it. As long as the program has never set a subscriber, nothing is asked and nothing kept.

use tracing::{Span, dispatcher};

/// The surroundings of a spawn. A subscriber's code runs in all of this, the drop included.
pub(crate) struct SpawnContext(Option<Box<Span>>);

impl SpawnContext {
    /// That of this place.
    pub(crate) fn here() -> Self {
        if !dispatcher::has_been_set() {
            return Self(None);
        }
        let span = Span::current();
        Self((!span.is_none()).then(|| Box::new(span)))
    }

    /// Runs a piece of the task in it.
    pub(crate) fn within<R>(&self, piece: impl FnOnce() -> R) -> R {
        match &self.0 {
            Some(span) => span.in_scope(piece),
            None => piece(),
        }
    }
}
