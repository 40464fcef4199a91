//! What a reactor that has stopped says to those who ask it for something.

use std::error::Error;
use std::fmt;
use std::sync::{Mutex, PoisonError};

/// The reactor has stopped (or was dropped) and takes no more calls; the closure comes back inside.
///
/// Given by [`ReactorHandle::call_from_thread`](crate::ReactorHandle::call_from_thread). A reactor
/// that has not run yet does take calls: it runs them in its first turn. The same error, without a
/// closure, is given to who waits for something that a reactor will not do any more; its text says
/// which of the two it is.
///
/// [`into_inner`](Self::into_inner) gives the closure back. The error converts with `?` into any
/// boxed error; `.map_err(ReactorStopped::without_call)` before that drops the closure, and gives it
/// a type that the boxed error can be downcast to.
///
/// # Examples
///
/// ```
/// use ropewalk_reactor::Reactor;
///
/// let reactor = Reactor::new()?;
/// let handle = reactor.handle();
/// drop(reactor);
/// let error = handle.call_from_thread(|_| ()).unwrap_err();
/// let _closure = error.into_inner();
/// # std::io::Result::Ok(())
/// ```
pub struct ReactorStopped<F = ()> {
    why: Why,
    /// In a lock only so that the error is `Sync`, as most boxed errors must be: few closures are.
    call: Mutex<F>,
}

#[derive(Clone, Copy)]
enum Why {
    Refused,
    Unanswered,
    Unfinished,
    Unstarted,
}

impl ReactorStopped {
    /// The error of a call that was refused, for crates above this one that have no closure to hand
    /// back.
    #[must_use]
    pub const fn new() -> Self {
        Self::because(Why::Refused)
    }

    /// The error of who waits for an answer, or comes too late to be given one. For crates that
    /// extend the reactor.
    #[doc(hidden)]
    #[must_use]
    pub const fn unanswered() -> Self {
        Self::because(Why::Unanswered)
    }

    /// The error of who waits for work that the run has not waited for. For crates that extend the
    /// reactor.
    #[doc(hidden)]
    #[must_use]
    pub const fn unfinished() -> Self {
        Self::because(Why::Unfinished)
    }

    /// The error of who waits for work on a pool that nobody has started. For crates that extend the
    /// reactor.
    #[doc(hidden)]
    #[must_use]
    pub const fn unstarted() -> Self {
        Self::because(Why::Unstarted)
    }

    const fn because(why: Why) -> Self {
        Self { why, call: Mutex::new(()) }
    }
}

impl Default for ReactorStopped {
    fn default() -> Self {
        Self::new()
    }
}

impl<F> ReactorStopped<F> {
    pub(crate) const fn refused(call: F) -> Self {
        Self { why: Why::Refused, call: Mutex::new(call) }
    }

    /// Gives the closure back.
    pub fn into_inner(self) -> F {
        self.call.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    /// Drops the closure and keeps the error, which can then be named: that of a closure has a type
    /// that nobody can downcast to.
    #[must_use]
    pub fn without_call(self) -> ReactorStopped {
        ReactorStopped::because(self.why)
    }
}

impl<F> fmt::Debug for ReactorStopped<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ReactorStopped(..)")
    }
}

impl<F> fmt::Display for ReactorStopped<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.why {
            Why::Refused => {
                "the reactor has stopped and takes no more calls: hand them in while it runs, \
                 or announce another run with `accept_calls`"
            }
            Why::Unanswered => {
                "the reactor has stopped, and no answer comes any more: ask while it runs, and \
                 hold its shutdown (`Reactor::hold`) for as long as an answer is being made"
            }
            Why::Unfinished => {
                "the run of the reactor ended, or it was dropped, before this job was done: give \
                 its shutdown a longer deadline (`shutdown_deadline`), or have the job look at its \
                 `CancelToken`"
            }
            Why::Unstarted => {
                "the reactor has stopped, and the pool of this job was never started, so that it \
                 could not run: call `start` on the pool"
            }
        })
    }
}

impl<F> Error for ReactorStopped<F> {}
