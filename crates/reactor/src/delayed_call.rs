//! The handle of a timer.

use crate::core::Core;
use crate::error::NotPending;
use crate::later::Later;
use crate::timers::TimerKey;
use std::cell::Cell;
use std::fmt;
use std::panic::Location;
use std::rc::{Rc, Weak};
use std::time::{Duration, Instant};

/// A call that will be made later; made by [`Reactor::call_later`](crate::Reactor::call_later).
///
/// Dropping it changes nothing: the call stays pending.
///
/// # Threads
///
/// Reactor thread; it is neither `Send` nor `Sync`.
///
/// # Examples
///
/// ```
/// use ropewalk_reactor::{ManualClock, NotPending, Reactor};
/// use std::time::Duration;
///
/// let clock = ManualClock::new();
/// let reactor = Reactor::builder().manual_clock(&clock).build()?;
/// let call = reactor.call_later(Duration::from_secs(5), |_| println!("late"));
/// call.reset(Duration::from_secs(1)).unwrap();
/// clock.advance(Duration::from_secs(1)); // prints "late"
/// assert_eq!(call.cancel(), Err(NotPending::AlreadyCalled));
/// # std::io::Result::Ok(())
/// ```
///
/// Twisted: `IDelayedCall`.
#[doc(alias = "IDelayedCall")]
pub struct DelayedCall {
    core: Weak<Core>,
    /// Another one after each move; [`TimerKey::NONE`] after it was cancelled.
    key: Cell<TimerKey>,
}

impl DelayedCall {
    /// Hands `call` in. It is no part of [`call_later_at`](crate::Reactor::call_later_at), of which
    /// there is one for each type of closure.
    pub(crate) fn set(core: &Rc<Core>, delay: Duration, call: Box<dyn Later>) -> Self {
        let now = core.clock.now();
        let key = core.timers.borrow_mut().insert(now, delay, call);
        core.changed();
        core.handed_in();
        Self { core: Rc::downgrade(core), key: Cell::new(key) }
    }

    /// Takes the call back; its closure is dropped now.
    ///
    /// # Errors
    ///
    /// [`NotPending`]: it has run, is running, or was cancelled.
    ///
    /// Twisted: `cancel`.
    pub fn cancel(&self) -> Result<(), NotPending> {
        let core = self.core.upgrade().ok_or_else(|| self.why_not())?;
        let removed = core.timers.borrow_mut().remove(self.key.get());
        if removed.is_none() {
            return Err(self.why_not());
        }
        self.key.set(TimerKey::NONE);
        // Nobody is to be woken for it.
        core.changed();
        drop(removed);
        Ok(())
    }

    /// Makes the call due `delay` from now, whether that is earlier or later than before.
    ///
    /// # Errors
    ///
    /// [`NotPending`]: it has run, is running, or was cancelled.
    ///
    /// Twisted: `reset`.
    pub fn reset(&self, delay: Duration) -> Result<(), NotPending> {
        self.move_to(|now, _| (now, delay))
    }

    /// Makes the call due `extra` later than it is due now.
    ///
    /// # Errors
    ///
    /// [`NotPending`]: it has run, is running, or was cancelled.
    ///
    /// Twisted: `delay` with a positive number.
    pub fn delay(&self, extra: Duration) -> Result<(), NotPending> {
        self.move_to(|_, due| (due, extra))
    }

    /// Makes the call due `less` earlier than it is due now, but not before now.
    ///
    /// # Errors
    ///
    /// [`NotPending`]: it has run, is running, or was cancelled.
    ///
    /// Twisted: `delay` with a negative number.
    pub fn hasten(&self, less: Duration) -> Result<(), NotPending> {
        self.move_to(|now, due| (due.checked_sub(less).unwrap_or(now).max(now), Duration::ZERO))
    }

    /// Whether the call is still to be made. It is not, inside of its own callback.
    ///
    /// Twisted: `active`.
    #[must_use]
    pub fn active(&self) -> bool {
        self.time().is_some()
    }

    /// When the call is due; `None` if it is not pending.
    ///
    /// Twisted: `getTime`.
    #[doc(alias = "getTime")]
    #[must_use]
    pub fn time(&self) -> Option<Instant> {
        self.core.upgrade()?.timers.borrow().deadline(self.key.get())
    }

    /// `to` is told what is now and when the call is due, and says so long after which time it is to
    /// be due.
    fn move_to(
        &self,
        to: impl FnOnce(Instant, Instant) -> (Instant, Duration),
    ) -> Result<(), NotPending> {
        let core = self.core.upgrade().ok_or_else(|| self.why_not())?;
        let mut timers = core.timers.borrow_mut();
        let due = timers.deadline(self.key.get()).ok_or_else(|| self.why_not())?;
        let (from, delay) = to(core.clock.now(), due);
        let moved = timers.set_deadline(self.key.get(), from, delay);
        self.key.set(moved.ok_or_else(|| self.why_not())?);
        drop(timers);
        core.changed();
        Ok(())
    }

    fn why_not(&self) -> NotPending {
        let is_gone = || self.core.upgrade().is_none_or(|core| core.dropped.get());
        if self.key.get() == TimerKey::NONE || is_gone() {
            NotPending::AlreadyCancelled
        } else {
            NotPending::AlreadyCalled
        }
    }
}

impl fmt::Debug for DelayedCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let due = self.core.upgrade().and_then(|core| {
            let due = core.timers.borrow().deadline(self.key.get())?;
            Some(due.saturating_duration_since(core.clock.now()))
        });
        match due {
            Some(due) => write!(f, "DelayedCall(due in {due:?})"),
            None => write!(f, "DelayedCall({:?})", self.why_not()),
        }
    }
}

/// One pending call, as listed by [`Reactor::delayed_calls`](crate::Reactor::delayed_calls).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PendingCall {
    /// When it is due.
    pub time: Instant,
    /// Where `call_later` was called.
    pub location: &'static Location<'static>,
}
