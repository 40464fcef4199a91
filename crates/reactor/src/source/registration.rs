//! Who holds a source that is watched.

use super::Interest;
use crate::core::Core;
use crate::selector::Armed;
use polling::AsSource;
use std::fmt;
use std::io;
use std::rc::{Rc, Weak};

/// A watched source, and the right to stop watching it.
///
/// It owns the source and lends it with [`source`](Self::source). Dropping it ends the watching and
/// then closes the source, at any time, also from inside its own callback.
///
/// Twisted: what `addReader` and `addWriter` keep in the reactor.
pub struct Registration<S: AsSource> {
    core: Weak<Core>,
    key: usize,
    armed: Rc<Armed<S>>,
}

impl<S: AsSource> Registration<S> {
    pub(super) fn new(core: &Rc<Core>, key: usize, armed: Rc<Armed<S>>) -> Self {
        Self { core: Rc::downgrade(core), key, armed }
    }

    /// The source.
    pub fn source(&self) -> &S {
        self.armed.source()
    }

    pub(crate) fn armed(&self) -> &Armed<S> {
        &self.armed
    }

    /// Changes what the source is watched for.
    ///
    /// # Errors
    ///
    /// What the operating system says.
    pub fn set_interest(&self, interest: Interest) -> io::Result<()> {
        self.armed.set_interest(interest)
    }
}

impl<S: AsSource> Drop for Registration<S> {
    fn drop(&mut self) {
        self.armed.disarm();
        if let Some(core) = self.core.upgrade() {
            // Out of the borrow first: the callback and what it captured are the user's.
            let removed = core.sources.borrow_mut().remove(self.key);
            drop(removed);
        }
    }
}

impl<S: AsSource> fmt::Debug for Registration<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registration").field("key", &self.key).finish_non_exhaustive()
    }
}
