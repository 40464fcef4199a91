//! A limit to how many do something at the same time.

use crate::gate::{Gate, Pass, Stock};
use crate::{Deferred, Outcome};
use std::cell::Cell;
use std::error::Error;
use std::fmt;
use std::rc::Rc;

/// A number of permits, for as many pieces of work at a time.
///
/// Those who wait get one in the order in which they asked, and a permit comes back by its drop.
///
/// Cheap to clone: all clones are the same semaphore. Who waits is served as long as those who hold
/// permits give them back, even if the semaphore itself is gone by then; so it need not be kept for
/// the sake of what was started through it.
///
/// # Threads
///
/// The thread it was made on only: it is neither `Send` nor `Sync`.
///
/// # Examples
///
/// ```
/// use ropewalk_deferred::{Deferred, DeferredSemaphore};
/// use std::{cell::RefCell, rc::Rc};
///
/// let semaphore = DeferredSemaphore::new(2)?;
/// let running = Rc::new(RefCell::new(Vec::new()));
/// for _ in 0..3 {
///     let running = Rc::clone(&running);
///     let fetch = move || {
///         let (promise, page) = Deferred::<()>::new();
///         running.borrow_mut().push(promise);
///         page
///     };
///     semaphore.run(fetch).detach();
/// }
/// assert_eq!(running.borrow().len(), 2);
/// let first = running.borrow_mut().remove(0);
/// first.callback(());
/// assert_eq!(running.borrow().len(), 2); // the third has taken its place
/// # for promise in running.take() { promise.callback(()) }
/// # Ok::<(), ropewalk_deferred::Failure>(())
/// ```
///
/// Twisted: `DeferredSemaphore`.
#[derive(Clone)]
pub struct DeferredSemaphore {
    gate: Rc<Gate<Tokens>>,
}

/// How many permits there are, and how many of them nobody has.
struct Tokens {
    limit: usize,
    free: Cell<usize>,
}

impl Stock for Tokens {
    type Token = ();
    type Guard = SemaphorePermit;

    fn take(&self) -> Option<()> {
        let left = self.free.get().checked_sub(1)?;
        self.free.set(left);
        Some(())
    }

    fn put_back(&self, _token: ()) {
        self.free.set(self.free.get() + 1);
    }

    fn guard(pass: Pass<Self>) -> SemaphorePermit {
        SemaphorePermit { pass }
    }
}

impl DeferredSemaphore {
    /// A semaphore of `tokens` permits.
    ///
    /// # Errors
    ///
    /// [`NoTokens`] if there are none, since then nobody could ever get one.
    ///
    /// # Examples
    ///
    /// ```
    /// # use ropewalk_deferred::DeferredSemaphore;
    /// assert_eq!(DeferredSemaphore::new(13)?.available(), 13);
    /// assert!(DeferredSemaphore::new(0).is_err());
    /// # Ok::<(), ropewalk_deferred::NoTokens>(())
    /// ```
    ///
    /// Twisted: `DeferredSemaphore(tokens)`.
    pub fn new(tokens: usize) -> Result<Self, NoTokens> {
        if tokens == 0 {
            return Err(NoTokens);
        }
        Ok(Self { gate: Gate::new(Tokens { limit: tokens, free: Cell::new(tokens) }) })
    }

    /// Takes a permit, now or when those who asked before have got theirs and one comes back.
    ///
    /// Cancelling it while it waits gives up its place in the queue, and it fails with
    /// [`Cancelled`](crate::Cancelled); once it has the permit, cancelling has no effect. Its drop
    /// cancels it too, unless it is [detached](Deferred::detach).
    ///
    /// # Examples
    ///
    /// ```
    /// # use ropewalk_deferred::DeferredSemaphore;
    /// let semaphore = DeferredSemaphore::new(1)?;
    /// semaphore
    ///     .acquire()
    ///     .add_callback(|permit| {
    ///         println!("in");
    ///         drop(permit);
    ///     })
    ///     .detach();
    /// assert_eq!(semaphore.available(), 1);
    /// # Ok::<(), ropewalk_deferred::NoTokens>(())
    /// ```
    ///
    /// Twisted: `DeferredSemaphore.acquire`.
    #[track_caller]
    pub fn acquire(&self) -> Deferred<SemaphorePermit> {
        self.gate.acquire()
    }

    /// Takes a permit if there is one.
    ///
    /// # Examples
    ///
    /// ```
    /// # use ropewalk_deferred::DeferredSemaphore;
    /// let semaphore = DeferredSemaphore::new(1)?;
    /// let permit = semaphore.try_acquire();
    /// assert!(permit.is_some());
    /// assert!(semaphore.try_acquire().is_none());
    /// # Ok::<(), ropewalk_deferred::NoTokens>(())
    /// ```
    #[must_use = "what it may have taken is given back at once"]
    pub fn try_acquire(&self) -> Option<SemaphorePermit> {
        self.gate.try_acquire()
    }

    /// Calls `function` with a permit taken, and gives that back when there is a result.
    ///
    /// As [`DeferredLock::run`](crate::DeferredLock::run), with more than one at a time.
    ///
    /// # Examples
    ///
    /// ```
    /// # use ropewalk_deferred::DeferredSemaphore;
    /// let semaphore = DeferredSemaphore::new(2)?;
    /// assert_eq!(semaphore.run(|| Ok(7)).try_take().unwrap()?, 7);
    /// assert_eq!(semaphore.available(), 2);
    /// # Ok::<(), ropewalk_deferred::Failure>(())
    /// ```
    ///
    /// Twisted: `DeferredSemaphore.run`.
    #[track_caller]
    pub fn run<F, R>(&self, function: F) -> Deferred<R::Value>
    where
        F: FnOnce() -> R + 'static,
        R: Outcome,
    {
        self.gate.run(function)
    }

    /// How many permits there are in all.
    ///
    /// # Examples
    ///
    /// ```
    /// # use ropewalk_deferred::DeferredSemaphore;
    /// assert_eq!(DeferredSemaphore::new(13)?.limit(), 13);
    /// # Ok::<(), ropewalk_deferred::NoTokens>(())
    /// ```
    ///
    /// Twisted: `DeferredSemaphore.limit`.
    #[must_use]
    pub fn limit(&self) -> usize {
        self.gate.stock.limit
    }

    /// How many permits nobody has: none while anybody waits.
    ///
    /// # Examples
    ///
    /// ```
    /// # use ropewalk_deferred::DeferredSemaphore;
    /// let semaphore = DeferredSemaphore::new(13)?;
    /// let _permit = semaphore.try_acquire();
    /// assert_eq!(semaphore.available(), 12);
    /// # Ok::<(), ropewalk_deferred::NoTokens>(())
    /// ```
    ///
    /// Twisted: `DeferredSemaphore.tokens`.
    #[must_use]
    #[doc(alias = "tokens")]
    pub fn available(&self) -> usize {
        self.gate.stock.free.get()
    }

    /// How many wait for a permit.
    ///
    /// # Examples
    ///
    /// ```
    /// # use ropewalk_deferred::DeferredSemaphore;
    /// let semaphore = DeferredSemaphore::new(1)?;
    /// let _permit = semaphore.try_acquire();
    /// let _next = semaphore.acquire();
    /// assert_eq!(semaphore.waiting(), 1);
    /// # Ok::<(), ropewalk_deferred::NoTokens>(())
    /// ```
    ///
    /// Twisted: `DeferredSemaphore.waiting`.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.gate.waiters.len()
    }
}

impl fmt::Debug for DeferredSemaphore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeferredSemaphore")
            .field("limit", &self.limit())
            .field("available", &self.available())
            .field("waiting", &self.waiting())
            .finish()
    }
}

/// One permit of a [`DeferredSemaphore`].
///
/// Dropping it hands it to the one who has waited longest: their callbacks run before the drop
/// returns.
///
/// # Threads
///
/// The thread of the semaphore only: it is neither `Send` nor `Sync`.
///
/// # Examples
///
/// ```
/// # use ropewalk_deferred::DeferredSemaphore;
/// let semaphore = DeferredSemaphore::new(1)?;
/// let permit = semaphore.try_acquire();
/// assert_eq!(semaphore.available(), 0);
/// drop(permit);
/// assert_eq!(semaphore.available(), 1);
/// # Ok::<(), ropewalk_deferred::NoTokens>(())
/// ```
///
/// Twisted: `DeferredSemaphore.release` is its drop.
#[doc(alias = "release")]
#[must_use = "the permit is given back when this is dropped"]
pub struct SemaphorePermit {
    pass: Pass<Tokens>,
}

impl fmt::Debug for SemaphorePermit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Gate { stock, waiters } = &*self.pass.gate;
        f.debug_struct("SemaphorePermit")
            .field("limit", &stock.limit)
            .field("available", &stock.free.get())
            .field("waiting", &waiters.len())
            .finish()
    }
}

/// A semaphore was to have no permits.
///
/// Twisted: the `ValueError` of `DeferredSemaphore(0)`.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct NoTokens;

impl fmt::Display for NoTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "a semaphore of no permits would let nobody in: ask for one at least, or hold the \
             only one of a `DeferredLock` for as long as nobody may pass",
        )
    }
}

impl Error for NoTokens {}
