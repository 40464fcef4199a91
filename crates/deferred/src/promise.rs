//! The firing end of a chain.
//!
//! Firing consumes it, so that firing twice cannot be written; dropping it fires too, so that no
//! chain waits for a result that nobody can bring any more.

use crate::chain::{self, Chain};
use crate::stretch::Stretch;
use crate::{Failure, Result};
use std::fmt;
use std::panic::Location;
use std::rc::Rc;

/// The obligation to bring the result of one [`Deferred`](crate::Deferred).
///
/// Fired with [`callback`](Self::callback), [`errback`](Self::errback) or
/// [`resolve`](Self::resolve), each of which runs the callbacks attached so far before it returns.
/// Dropped unfired, it fails the deferred with [`Abandoned`](crate::Abandoned). If that deferred is dropped too, and
/// nothing was ever attached to it, there is nothing to report: both ends were given up.
///
/// If the deferred was cancelled before, the result is dropped: see
/// [`is_cancelled`](Self::is_cancelled).
///
/// # Threads
///
/// The thread it was made on only: it is neither `Send` nor `Sync`.
///
/// # Notes
///
/// A promise that is captured by a callback of its own chain keeps itself alive for ever, as does
/// any value in Rust that owns a counted reference to itself.
///
/// Where firing, cancelling and dropping cause one another many levels deep (not guaranteed: more
/// than 32), the callbacks of the deeper ones run as soon as the innermost has returned instead of
/// before it returns. So no nesting exhausts the stack.
///
/// # Examples
///
/// ```
/// use ropewalk_deferred::Deferred;
///
/// let (promise, deferred) = Deferred::new();
/// deferred.add_callback(|n: u32| println!("{n}")).detach();
/// promise.callback(7);
/// ```
///
/// Twisted: the `callback` and `errback` of a `Deferred`.
#[must_use = "a promise that is dropped fails its deferred with `Abandoned`"]
pub struct Promise<T: 'static> {
    /// Taken by firing; what drops with a chain still in it was abandoned.
    chain: Option<Rc<Chain<Stretch<T>>>>,
}

impl<T> Promise<T> {
    pub(crate) fn new(chain: Rc<Chain<Stretch<T>>>) -> Self {
        Self { chain: Some(chain) }
    }

    #[inline]
    pub(crate) fn into_chain(mut self) -> Option<Rc<Chain<Stretch<T>>>> {
        self.chain.take()
    }

    /// Fires the deferred with a value.
    ///
    /// The callbacks attached so far run before this returns, on this thread.
    ///
    /// # Examples
    ///
    /// ```
    /// # use ropewalk_deferred::Deferred;
    /// let (promise, deferred) = Deferred::new();
    /// promise.callback("in time");
    /// assert_eq!(deferred.try_take().unwrap()?, "in time");
    /// # Ok::<(), ropewalk_deferred::Failure>(())
    /// ```
    ///
    /// Twisted: `Deferred.callback`.
    #[track_caller]
    pub fn callback(self, value: T) {
        self.resolve(Ok(value));
    }

    /// Fires the deferred with a failure.
    ///
    /// The errbacks attached so far run before this returns, on this thread.
    ///
    /// # Examples
    ///
    /// ```
    /// # use ropewalk_deferred::{Deferred, TimedOut};
    /// let (promise, deferred) = Deferred::<()>::new();
    /// promise.errback(TimedOut);
    /// assert!(deferred.try_take().unwrap().unwrap_err().is::<TimedOut>());
    /// ```
    ///
    /// Twisted: `Deferred.errback`.
    #[track_caller]
    pub fn errback(self, failure: impl Into<Failure>) {
        self.resolve(Err(failure.into()));
    }

    /// Fires the deferred with a result of either kind.
    ///
    /// # Examples
    ///
    /// ```
    /// # use ropewalk_deferred::Deferred;
    /// let (promise, deferred) = Deferred::<u16>::new();
    /// promise.resolve("8007".parse().map_err(Into::into));
    /// assert_eq!(deferred.try_take().unwrap()?, 8007);
    /// # Ok::<(), ropewalk_deferred::Failure>(())
    /// ```
    #[track_caller]
    pub fn resolve(self, result: Result<T>) {
        if let Some(chain) = self.into_chain() {
            chain.resolve(result, Some(Location::caller()));
        }
    }

    /// As [`resolve`](Self::resolve), for a library that fires it on behalf of somebody: a place in
    /// that library tells its users nothing.
    #[doc(hidden)]
    pub fn settle(self, result: Result<T>) {
        if let Some(chain) = self.into_chain() {
            chain.resolve(result, None);
        }
    }

    /// Whether the deferred was cancelled, so that any result will be dropped.
    ///
    /// Worth asking before work that nobody waits for any more. Still false while the canceller
    /// itself runs: what it fires counts.
    ///
    /// # Examples
    ///
    /// ```
    /// # use ropewalk_deferred::Deferred;
    /// let (promise, deferred) = Deferred::<u32>::new();
    /// let deferred = deferred.add_errback(|_| Ok(0));
    /// deferred.cancel();
    /// assert!(promise.is_cancelled());
    /// promise.callback(7); // too late, and harmless
    /// assert_eq!(deferred.try_take().unwrap()?, 0);
    /// # Ok::<(), ropewalk_deferred::Failure>(())
    /// ```
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.chain.as_ref().is_some_and(|chain| chain.cancelled.get())
    }
}

impl<T: 'static> Drop for Promise<T> {
    #[inline]
    fn drop(&mut self) {
        if let Some(chain) = self.chain.take() {
            chain::abandon(chain);
        }
    }
}

impl<T> fmt::Debug for Promise<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Promise")
            .field("created", &self.chain.as_ref().map(|chain| format!("{}", chain.created)))
            .field("cancelled", &self.is_cancelled())
            .finish()
    }
}
