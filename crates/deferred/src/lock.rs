//! A lock for work that takes its time: a semaphore of one that may own what it protects.

use crate::gate::{Gate, Pass, Stock};
use crate::{Deferred, Outcome};
use std::cell::Cell;
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::rc::Rc;

/// A lock that is held from one callback to a later one, with a value inside if wanted.
///
/// On one thread nothing else runs while a callback does; a lock is for what takes several, such
/// as a request and its answer on a connection that others use too. Those who wait get it in the
/// order in which they asked, and a guard gives it back by its drop.
///
/// Cheap to clone: all clones are the same lock. Who waits is served as long as the one who holds
/// the lock gives it back, even if the lock itself is gone by then.
///
/// # Threads
///
/// The thread it was made on only: it is neither `Send` nor `Sync`.
///
/// # Notes
///
/// A guard owned by a callback that waits for the same lock waits for itself, as with any lock.
///
/// # Examples
///
/// ```
/// use ropewalk_deferred::{Deferred, DeferredLock};
///
/// let log = DeferredLock::with_value(Vec::new());
/// let (saved, disk) = Deferred::<()>::new();
/// log.acquire()
///     .add_callback(move |mut guard| {
///         guard.push("first");
///         // held until the disk has answered
///         disk.map(move |()| drop(guard))
///     })
///     .detach();
/// log.acquire().map(|mut guard| guard.push("second")).detach();
///
/// assert!(log.is_locked());
/// saved.callback(());
/// assert_eq!(*log.try_acquire().unwrap(), ["first", "second"]);
/// ```
///
/// Twisted: `DeferredLock`.
pub struct DeferredLock<T: 'static = ()> {
    gate: Rc<Gate<Value<T>>>,
}

/// The value of a lock that nobody holds.
struct Value<T>(Cell<Option<T>>);

impl<T: 'static> Stock for Value<T> {
    type Token = T;
    type Guard = LockGuard<T>;

    fn take(&self) -> Option<T> {
        self.0.take()
    }

    fn put_back(&self, token: T) {
        self.0.set(Some(token));
    }

    fn guard(pass: Pass<Self>) -> LockGuard<T> {
        LockGuard { pass }
    }
}

impl DeferredLock {
    /// A lock that owns nothing, for what lies elsewhere.
    ///
    /// # Examples
    ///
    /// ```
    /// # use ropewalk_deferred::DeferredLock;
    /// let lock = DeferredLock::new();
    /// assert!(!lock.is_locked());
    /// ```
    ///
    /// Twisted: `DeferredLock()`.
    #[must_use]
    pub fn new() -> Self {
        Self::with_value(())
    }
}

impl<T> DeferredLock<T> {
    /// A lock that owns `value`, which can be reached by its guard alone.
    ///
    /// # Examples
    ///
    /// ```
    /// # use ropewalk_deferred::DeferredLock;
    /// let lock = DeferredLock::with_value(7);
    /// assert_eq!(*lock.try_acquire().unwrap(), 7);
    /// ```
    #[must_use]
    pub fn with_value(value: T) -> Self {
        Self { gate: Gate::new(Value(Cell::new(Some(value)))) }
    }

    /// Takes the lock, now or when all who asked before have given it back.
    ///
    /// Cancelling it while it waits gives up its place in the queue, and it fails with
    /// [`Cancelled`](crate::Cancelled); once it has the lock, cancelling has no effect. Its drop
    /// cancels it too, unless it is [detached](Deferred::detach).
    ///
    /// # Examples
    ///
    /// ```
    /// # use ropewalk_deferred::DeferredLock;
    /// let lock = DeferredLock::new();
    /// lock.acquire()
    ///     .add_callback(|guard| {
    ///         println!("mine");
    ///         drop(guard);
    ///     })
    ///     .detach();
    /// assert!(!lock.is_locked());
    /// ```
    ///
    /// Twisted: `DeferredLock.acquire`.
    #[track_caller]
    pub fn acquire(&self) -> Deferred<LockGuard<T>> {
        self.gate.acquire()
    }

    /// Takes the lock if nobody holds it.
    ///
    /// # Examples
    ///
    /// ```
    /// # use ropewalk_deferred::DeferredLock;
    /// let lock = DeferredLock::new();
    /// let guard = lock.try_acquire();
    /// assert!(guard.is_some());
    /// assert!(lock.try_acquire().is_none());
    /// ```
    #[must_use = "what it may have taken is given back at once"]
    pub fn try_acquire(&self) -> Option<LockGuard<T>> {
        self.gate.try_acquire()
    }

    /// Calls `function` with the lock taken, and gives it back when there is a result.
    ///
    /// That is when the function has returned, or when the deferred that it returned has its
    /// result, be it a value or a failure; after a panic as well. The next one is served before
    /// the result goes on to what is attached here.
    ///
    /// Cancelled while it waits, it gives up its place and `function` is not called; cancelled
    /// later, it cancels what the function returned. Its drop lets all of it go on.
    ///
    /// # Examples
    ///
    /// ```
    /// # use ropewalk_deferred::{Deferred, DeferredLock};
    /// let lock = DeferredLock::new();
    /// let (answer, request) = Deferred::<u32>::new();
    /// let result = lock.run(move || request);
    /// assert!(lock.is_locked());
    /// answer.callback(7);
    /// assert!(!lock.is_locked());
    /// assert_eq!(result.try_take().unwrap()?, 7);
    /// # Ok::<(), ropewalk_deferred::Failure>(())
    /// ```
    ///
    /// Twisted: `DeferredLock.run`.
    #[track_caller]
    pub fn run<F, R>(&self, function: F) -> Deferred<R::Value>
    where
        F: FnOnce() -> R + 'static,
        R: Outcome,
    {
        self.gate.run(function)
    }

    /// Whether somebody holds the lock.
    ///
    /// # Examples
    ///
    /// ```
    /// # use ropewalk_deferred::DeferredLock;
    /// let lock = DeferredLock::new();
    /// let guard = lock.try_acquire();
    /// assert!(lock.is_locked());
    /// drop(guard);
    /// assert!(!lock.is_locked());
    /// ```
    ///
    /// Twisted: `DeferredLock.locked`.
    #[must_use]
    #[doc(alias = "locked")]
    pub fn is_locked(&self) -> bool {
        let value = self.gate.stock.take();
        let locked = value.is_none();
        self.gate.stock.0.set(value);
        locked
    }

    /// How many wait for it.
    ///
    /// # Examples
    ///
    /// ```
    /// # use ropewalk_deferred::DeferredLock;
    /// let lock = DeferredLock::new();
    /// let _guard = lock.try_acquire();
    /// let _next = lock.acquire();
    /// assert_eq!(lock.waiting(), 1);
    /// ```
    ///
    /// Twisted: `DeferredLock.waiting`.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.gate.waiters.len()
    }
}

impl<T> Clone for DeferredLock<T> {
    fn clone(&self) -> Self {
        Self { gate: Rc::clone(&self.gate) }
    }
}

impl<T: Default> Default for DeferredLock<T> {
    fn default() -> Self {
        Self::with_value(T::default())
    }
}

impl<T> fmt::Debug for DeferredLock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeferredLock")
            .field("locked", &self.is_locked())
            .field("waiting", &self.waiting())
            .finish_non_exhaustive()
    }
}

/// A [`DeferredLock`] that is held, and the way to what it owns.
///
/// Dropping it hands the lock, and the value, to the one who has waited longest: their callbacks
/// run before the drop returns.
///
/// # Threads
///
/// The thread of the lock only: it is neither `Send` nor `Sync`.
///
/// # Examples
///
/// ```
/// use ropewalk_deferred::DeferredLock;
///
/// let lock = DeferredLock::with_value(6);
/// lock.acquire().map(|mut guard| *guard += 1).detach();
/// assert_eq!(*lock.try_acquire().unwrap(), 7);
/// ```
///
/// Twisted: `DeferredLock.release` is its drop.
#[doc(alias = "release")]
#[must_use = "the lock is given back when this is dropped"]
pub struct LockGuard<T: 'static = ()> {
    pass: Pass<Value<T>>,
}

impl<T> Deref for LockGuard<T> {
    type Target = T;

    fn deref(&self) -> &T {
        match &self.pass.token {
            Some(value) => value,
            None => unreachable!("a guard has its value until its drop"),
        }
    }
}

impl<T> DerefMut for LockGuard<T> {
    fn deref_mut(&mut self) -> &mut T {
        match &mut self.pass.token {
            Some(value) => value,
            None => unreachable!("a guard has its value until its drop"),
        }
    }
}

impl<T> fmt::Debug for LockGuard<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LockGuard")
            .field("waiting", &self.pass.gate.waiters.len())
            .finish_non_exhaustive()
    }
}
