//! Failures that nobody handled: reported once, at the moment when that becomes certain.
//!
//! That moment is the drop of the deferred which holds the failure, or, if it was dropped before,
//! the end of its chain. The hook belongs to a thread, as deferreds do. It is called with no
//! borrow held; what it drops itself is not reported to it again but logged.

use crate::{Abandoned, Failure, panics};
use std::cell::{Cell, RefCell};
use std::fmt;
use std::panic::Location;
use std::rc::Rc;

type Hook = Rc<dyn Fn(Unhandled)>;

thread_local! {
    static HOOK: RefCell<Option<Hook>> = const { RefCell::new(None) };
    static REPORTING: Cell<bool> = const { Cell::new(false) };
}

/// A failure that reached the end of its chain with nobody to handle it.
pub struct Unhandled {
    failure: Failure,
    created: &'static Location<'static>,
}

impl Unhandled {
    /// The failure.
    #[must_use]
    pub fn failure(&self) -> &Failure {
        &self.failure
    }

    /// The failure, to keep.
    #[must_use]
    pub fn into_failure(self) -> Failure {
        self.failure
    }

    /// Where the [`Deferred`](crate::Deferred) was created.
    #[must_use]
    pub fn created(&self) -> &'static Location<'static> {
        self.created
    }
}

impl fmt::Debug for Unhandled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unhandled")
            .field("failure", &self.failure)
            .field("created", &self.created)
            .finish()
    }
}

/// Has `hook` called for each unhandled failure on this thread, instead of one `tracing` error.
///
/// A hook set before is replaced. A panic of the hook is logged and goes no further.
///
/// # Threads
///
/// Any thread; holds for that thread, since a deferred never leaves the one it was made on.
///
/// # Examples
///
/// ```
/// use ropewalk_deferred::{Deferred, clear_unhandled_hook, set_unhandled_hook};
/// use std::{cell::Cell, rc::Rc};
///
/// let count = Rc::new(Cell::new(0));
/// let seen = Rc::clone(&count);
/// set_unhandled_hook(move |_| seen.set(seen.get() + 1));
/// Deferred::<()>::fail(std::fmt::Error).detach();
/// assert_eq!(count.get(), 1);
/// # clear_unhandled_hook();
/// ```
pub fn set_unhandled_hook(hook: impl Fn(Unhandled) + 'static) {
    replace(Some(Rc::new(hook)));
}

/// Goes back to one `tracing` error for each unhandled failure on this thread.
///
/// # Threads
///
/// Any thread; holds for that thread.
///
/// # Examples
///
/// ```
/// ropewalk_deferred::clear_unhandled_hook();
/// ```
pub fn clear_unhandled_hook() {
    replace(None);
}

fn replace(hook: Option<Hook>) {
    // An ending thread has no hook any more and can get none.
    let old = HOOK.try_with(|cell| cell.replace(hook));
    drop(old);
}

/// Reports `failure`, unless it says that a promise was dropped and nobody had attached anything:
/// then both ends were given up, and nothing is missing anywhere.
#[cold]
pub(crate) fn report_of(bare: bool, failure: Failure, created: &'static Location<'static>) {
    if bare && failure.is::<Abandoned>() {
        panics::discard("dropping a failure", created, failure);
    } else {
        report(failure, created);
    }
}

/// Reports `failure`, and drops it.
#[cold]
pub(crate) fn report(failure: Failure, created: &'static Location<'static>) {
    let hook = HOOK.try_with(|cell| cell.borrow().clone()).ok().flatten();
    match hook {
        Some(hook) if !REPORTING.replace(true) => {
            panics::contain("the hook for unhandled failures", created, || {
                hook(Unhandled { failure, created });
            });
            panics::discard("dropping a hook", created, hook);
            REPORTING.set(false);
        }
        _ => {
            panics::contain("reporting an unhandled failure", created, || {
                tracing::error!(%created, "unhandled failure in a deferred: {failure:#}");
                drop(failure);
            });
        }
    }
}
