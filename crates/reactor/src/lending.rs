//! References to a reactor that do not own it, and which reactor is the current one of a thread.
//!
//! A [`ReactorRef`] keeps the memory of a reactor and nothing that is pending in it: whoever has one,
//! the owner's drop empties the reactor, and from then on it keeps nothing that it is asked for
//! ([`Core::handed_in`]). So a reference may be kept anywhere, also in what was handed in to its own
//! reactor: the circle opens when the owner goes, and none can be made after that.

use crate::core::Core;
use crate::reactor::Reactor;
use std::cell::RefCell;
use std::fmt;
use std::ops::Deref;
use std::rc::{Rc, Weak};

thread_local! {
    /// The reactor inside whose `run`, `turn` or drop this thread is.
    static CURRENT: RefCell<Option<Weak<Core>>> = const { RefCell::new(None) };
}

impl Reactor {
    /// The reactor that runs on this thread, or is being dropped; `None` if none does.
    ///
    /// For code that runs in a callback but is not given the reactor: the callbacks of a `Deferred`,
    /// futures, `Drop`. If a reactor runs in a callback of another one, it is the inner one. One that
    /// is being dropped drops what it is asked for as well.
    ///
    /// Where it is asked for one thing only, [`with_current`](Self::with_current) is shorter. But a
    /// closure has a line of its own, which is then the one that a log tells: in a function that is
    /// `#[track_caller]`, this leaves it to be the caller's.
    ///
    /// # Threads
    ///
    /// Reactor thread; on any other it is `None`.
    ///
    /// # Examples
    ///
    /// ```
    /// use ropewalk_reactor::Reactor;
    /// use std::time::Duration;
    ///
    /// /// Stops the reactor that calls this, after a while.
    /// #[track_caller]
    /// fn stop_later() -> Option<()> {
    ///     let reactor = Reactor::current()?;
    ///     reactor.call_later(Duration::from_millis(1), |reactor| reactor.stop());
    ///     Some(())
    /// }
    ///
    /// assert!(stop_later().is_none()); // no reactor runs here
    /// let reactor = Reactor::new()?;
    /// reactor.call_soon(|_| stop_later().unwrap());
    /// reactor.run().unwrap();
    /// # std::io::Result::Ok(())
    /// ```
    #[must_use]
    pub fn current() -> Option<ReactorRef> {
        // There is none either when this thread has ended so far that its statics are gone.
        let found = CURRENT.try_with(|current| current.borrow().as_ref().and_then(Weak::upgrade));
        found.ok().flatten().map(ReactorRef::new)
    }

    /// Lends the [current](Self::current) reactor to `f`; `None` if there is none.
    ///
    /// # Threads
    ///
    /// Reactor thread; on any other it is `None`.
    pub fn with_current<R>(f: impl FnOnce(&Self) -> R) -> Option<R> {
        Self::current().map(|reactor| f(&reactor))
    }

    /// A reference that does not keep the reactor alive.
    #[must_use]
    pub fn downgrade(&self) -> WeakReactor {
        WeakReactor(Rc::downgrade(&self.core))
    }
}

/// As long as it lives this reactor is the current one; then the one before it is again.
pub(crate) struct Current {
    outer: Option<Weak<Core>>,
}

impl Current {
    pub(crate) fn set(core: &Rc<Core>) -> Self {
        let core = Rc::downgrade(core);
        let outer = CURRENT.try_with(|current| current.replace(Some(core))).ok().flatten();
        Self { outer }
    }
}

impl Drop for Current {
    fn drop(&mut self) {
        let outer = self.outer.take();
        // Fails only when the thread is at its very end, where nothing was put there either.
        let _ = CURRENT.try_with(|current| current.replace(outer));
    }
}

/// A [`Reactor`] that somebody else owns, for as long as this is at hand.
///
/// Given by [`Reactor::current`] and [`WeakReactor::upgrade`]. It is used like a `&Reactor`, and does
/// not keep what is pending: the reactor ends when its owner drops it, in the middle of a callback, too.
/// From then on it runs no more and keeps nothing: a closure that is handed in is dropped at once, a
/// source and a call of another thread are refused.
///
/// It may be kept, in a task across an `.await` for instance. What is to outlive the reactor better
/// keeps a [`WeakReactor`], or a little memory and the descriptors that the reactor sleeps with stay
/// in use.
///
/// # Threads
///
/// Reactor thread; it is neither `Send` nor `Sync`.
///
/// # Examples
///
/// ```
/// use ropewalk_reactor::Reactor;
/// use std::time::Duration;
///
/// let reactor = Reactor::new()?;
/// let lent = reactor.downgrade().upgrade().unwrap();
/// let timer = lent.call_later(Duration::from_secs(1), |_| println!("never"));
/// drop(reactor); // and with it the timer
/// assert!(!timer.active());
/// assert!(lent.run().is_err());
/// # std::io::Result::Ok(())
/// ```
pub struct ReactorRef(Reactor);

impl ReactorRef {
    fn new(core: Rc<Core>) -> Self {
        Self(Reactor::lent(core))
    }
}

impl Deref for ReactorRef {
    type Target = Reactor;

    fn deref(&self) -> &Reactor {
        &self.0
    }
}

impl fmt::Debug for ReactorRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A reference to a [`Reactor`] that does not keep it alive.
///
/// # Threads
///
/// Reactor thread; it is neither `Send` nor `Sync`.
#[derive(Clone)]
pub struct WeakReactor(Weak<Core>);

impl WeakReactor {
    /// The reactor; `None` if it is gone.
    ///
    /// It is still there while it is being dropped. It is gone when its owner has dropped it, whoever
    /// has a [`ReactorRef`].
    ///
    /// # Examples
    ///
    /// ```
    /// use ropewalk_reactor::{Reactor, WeakReactor};
    ///
    /// struct Pinger {
    ///     reactor: WeakReactor,
    /// }
    ///
    /// impl Pinger {
    ///     /// `None`: there is nobody left to ping.
    ///     fn ping(&self) -> Option<()> {
    ///         let reactor = self.reactor.upgrade()?;
    ///         reactor.call_soon(|_| println!("ping"));
    ///         Some(())
    ///     }
    /// }
    ///
    /// let reactor = Reactor::new()?;
    /// let pinger = Pinger { reactor: reactor.downgrade() };
    /// assert!(pinger.ping().is_some());
    /// drop(reactor);
    /// assert!(pinger.ping().is_none());
    /// # std::io::Result::Ok(())
    /// ```
    #[must_use]
    pub fn upgrade(&self) -> Option<ReactorRef> {
        let core = self.0.upgrade()?;
        if core.gone.get() { None } else { Some(ReactorRef::new(core)) }
    }

    /// Lends the reactor to `f`; `None` if it is [gone](Self::upgrade).
    pub fn with<R>(&self, f: impl FnOnce(&Reactor) -> R) -> Option<R> {
        self.upgrade().map(|reactor| f(&reactor))
    }
}

impl fmt::Debug for WeakReactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WeakReactor")
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::{ReactorRef, WeakReactor};
    use crate::reactor::Reactor;
    use std::cell::RefCell;
    use std::rc::Rc;

    #[derive(Default)]
    struct Slot(RefCell<Vec<Rc<ReactorRef>>>);

    /// Not even the memory is left.
    fn is_freed(weak: &WeakReactor) -> bool {
        weak.0.strong_count() == 0
    }

    #[test]
    fn a_reference_that_was_handed_in_goes_with_the_owner() {
        let reactor = Reactor::new().unwrap();
        let weak = reactor.downgrade();
        let (soon, value) = (weak.upgrade(), weak.upgrade());
        reactor.call_soon(move |_| drop(soon));
        drop(reactor.share(value));
        drop(reactor);
        assert!(is_freed(&weak));
    }

    /// The last reference is where only the reactor itself could drop it.
    #[test]
    fn a_reference_that_is_handed_in_when_the_owner_is_gone_makes_no_circle() {
        let asks: [fn(&Rc<ReactorRef>); 6] = [
            |lent| lent.call_soon(captures(lent)),
            |lent| drop(lent.call_later(std::time::Duration::ZERO, captures(lent))),
            |lent| assert!(lent.call_when_running(captures(lent)).is_some()),
            |lent| drop(lent.share(Rc::clone(lent))),
            |lent| lent.local::<Slot>().0.borrow_mut().push(Rc::clone(lent)),
            |lent| lent.lasting::<Slot>().0.borrow_mut().push(Rc::clone(lent)),
        ];
        for ask in asks {
            let reactor = Reactor::new().unwrap();
            let weak = reactor.downgrade();
            let lent = Rc::new(weak.upgrade().unwrap());
            drop(reactor);
            assert!(!is_freed(&weak));
            ask(&lent);
            drop(lent);
            assert!(is_freed(&weak));
        }
    }

    fn captures(lent: &Rc<ReactorRef>) -> impl FnOnce(&Reactor) + 'static + use<> {
        let lent = Rc::clone(lent);
        move |_| drop(lent)
    }

    #[test]
    fn a_reference_that_is_handed_in_by_the_callback_that_drops_the_owner_makes_no_circle() {
        let reactor = Reactor::new().unwrap();
        let weak = reactor.downgrade();
        let lent = weak.upgrade().unwrap();
        lent.call_soon(move |inside| {
            drop(reactor);
            let current = Reactor::current();
            inside.call_soon(move |_| drop(current));
        });
        lent.run().unwrap();
        drop(lent);
        assert!(is_freed(&weak));
    }
}
