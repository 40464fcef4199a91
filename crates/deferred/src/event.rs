//! Something that has happened or not, and those who wait for it.
//!
//! Borrow rule: there is nothing but a flag and the list of waiters, from which one is taken at a
//! time; so the callbacks of one may set, clear, wait, or cancel the others (I5).

use crate::Deferred;
use crate::waiters::Waiters;
use std::cell::Cell;
use std::fmt;
use std::rc::Rc;

/// A flag that can be waited for.
///
/// Once it is [`set`](Self::set), every [`wait`](Self::wait) has its result at once, until it is
/// [`clear`](Self::clear)ed.
///
/// Cheap to clone: all clones are the same event. When the last one is dropped, nobody can set it
/// any more, and who still waits gets [`Abandoned`](crate::Abandoned).
///
/// # Threads
///
/// The thread it was made on only: it is neither `Send` nor `Sync`.
///
/// # Examples
///
/// ```
/// use ropewalk_deferred::DeferredEvent;
///
/// let connected = DeferredEvent::new();
/// connected.wait().map(|()| println!("first")).detach();
/// connected.wait().map(|()| println!("second")).detach();
/// connected.set();
/// connected.wait().map(|()| println!("at once")).detach();
/// ```
#[derive(Clone, Default)]
pub struct DeferredEvent {
    state: Rc<State>,
}

#[derive(Default)]
struct State {
    set: Cell<bool>,
    waiters: Waiters<()>,
}

impl DeferredEvent {
    /// An event that is not set.
    ///
    /// # Examples
    ///
    /// ```
    /// # use ropewalk_deferred::DeferredEvent;
    /// assert!(!DeferredEvent::new().is_set());
    /// ```
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the event and fires all who wait for it, in the order in which they began to.
    ///
    /// Their callbacks run before this returns. All who wait now are fired, also if one of them
    /// clears the event; who begins to wait after that waits for the next time. Nothing happens if
    /// it is set already.
    ///
    /// # Examples
    ///
    /// ```
    /// # use ropewalk_deferred::DeferredEvent;
    /// let event = DeferredEvent::new();
    /// let again = event.clone();
    /// event.wait().map(move |()| again.clear()).detach();
    /// event.set();
    /// assert!(!event.is_set());
    /// ```
    pub fn set(&self) {
        if self.state.set.replace(true) {
            return;
        }
        let present = self.state.waiters.present();
        while let Some(promise) = self.state.waiters.next_of(present) {
            promise.settle(Ok(()));
        }
    }

    /// Makes it not set, so that who begins to wait from now on waits.
    ///
    /// # Examples
    ///
    /// ```
    /// # use ropewalk_deferred::DeferredEvent;
    /// let event = DeferredEvent::new();
    /// event.set();
    /// event.clear();
    /// let _next = event.wait();
    /// assert_eq!(event.waiting(), 1);
    /// ```
    pub fn clear(&self) {
        self.state.set.set(false);
    }

    /// Whether it is set.
    ///
    /// # Examples
    ///
    /// ```
    /// # use ropewalk_deferred::DeferredEvent;
    /// let event = DeferredEvent::new();
    /// event.set();
    /// assert!(event.is_set());
    /// ```
    #[must_use]
    pub fn is_set(&self) -> bool {
        self.state.set.get()
    }

    /// Waits until it is set, which it may be already.
    ///
    /// Cancelling it while it waits makes it fail with [`Cancelled`](crate::Cancelled). Its drop
    /// cancels it too, unless it is [detached](Deferred::detach).
    ///
    /// # Examples
    ///
    /// ```
    /// # use ropewalk_deferred::DeferredEvent;
    /// let event = DeferredEvent::new();
    /// event.wait().map(|()| println!("it has happened")).detach();
    /// event.set();
    /// ```
    #[track_caller]
    pub fn wait(&self) -> Deferred<()> {
        if self.is_set() {
            return Deferred::succeed(());
        }
        Waiters::wait(&self.state, |state| &state.waiters).cancel_on_drop()
    }

    /// How many wait for it.
    ///
    /// # Examples
    ///
    /// ```
    /// # use ropewalk_deferred::DeferredEvent;
    /// let event = DeferredEvent::new();
    /// let _waits = event.wait();
    /// assert_eq!(event.waiting(), 1);
    /// ```
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.state.waiters.len()
    }
}

impl fmt::Debug for DeferredEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeferredEvent")
            .field("set", &self.is_set())
            .field("waiting", &self.waiting())
            .finish()
    }
}
