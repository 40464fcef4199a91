//! The receiving end of a chain: making it, cancelling it, and its drop.
//!
//! While there is no result, attaching adds a link to the chain. Once there is one, the callback
//! runs at once and the result needs no chain any more: it lies in the `Deferred` itself. What can
//! be attached, and how, is in `attach`.

use crate::chain::{self, Canceller, Chain, ChainRef, Place};
use crate::debugging::debugging;
use crate::end::{Kept, OnDrop, State};
use crate::held::Held;
use crate::stretch::Stretch;
use crate::tail::{Head, Tail};
use crate::{CancelHandle, Failure, Promise, Result, cancel};
use std::cell::Cell;
use std::panic::Location;
use std::rc::Rc;

/// A result that is not there yet, with the chain of callbacks that wait for it.
///
/// Each `add_` method consumes the deferred and returns one for what the callback makes of the
/// result; so the last one names the whole chain, and there is exactly one who may go on with it.
/// A callback returns an [`Outcome`](crate::Outcome): nothing, a `Result`, or another `Deferred`, for which the
/// chain then waits. If the result is there already, a callback runs before the method that
/// attaches it returns.
///
/// Dropping a deferred does not stop its chain: the callbacks attached so far run when the promise
/// is fired. If it ends in a failure, that is reported once, to the hook of
/// [`set_unhandled_hook`](crate::set_unhandled_hook) or as a `tracing` error.
///
/// It is also a [`Future`], which gives the `Result` to whoever awaits it. Futures are cancelled by
/// dropping them, and so is a deferred that has been polled: dropped before its result is there, it
/// cancels what its chain waits for. [`cancel_on_drop`](Self::cancel_on_drop) gives the same
/// property to any other; [`detach`](Self::detach) lets each of them run on.
///
/// # Threads
///
/// The thread it was made on only: it is neither `Send` nor `Sync`.
///
/// # Examples
///
/// ```
/// use ropewalk_deferred::Deferred;
///
/// let (promise, deferred) = Deferred::new();
/// let port = deferred
///     .add_callback(|text: &str| Ok(text.parse::<u32>()?))
///     .add_errback(|failure| {
///         eprintln!("{failure}: taking 8007");
///         Ok(8007)
///     });
/// promise.callback("http");
/// assert_eq!(port.try_take().unwrap()?, 8007);
/// # Ok::<(), ropewalk_deferred::Failure>(())
/// ```
///
/// Twisted: `Deferred`.
#[must_use = "a failure in it would be lost sight of: attach an errback, await it, or `detach` it"]
pub struct Deferred<T: 'static> {
    pub(crate) state: Cell<State<T>>,
}

impl<T> Deferred<T> {
    /// Makes both ends of a chain.
    ///
    /// # Examples
    ///
    /// ```
    /// # use ropewalk_deferred::Deferred;
    /// let (promise, deferred) = Deferred::<u32>::new();
    /// promise.callback(7);
    /// assert_eq!(deferred.try_take().unwrap()?, 7);
    /// # Ok::<(), ropewalk_deferred::Failure>(())
    /// ```
    ///
    /// Twisted: `Deferred()`.
    #[inline]
    #[track_caller]
    pub fn new() -> (Promise<T>, Self) {
        Self::pair(None, Location::caller())
    }

    /// Makes both ends of a chain, with what is to be done when it is cancelled.
    ///
    /// The canceller is called at most once, and never after the promise has been fired. It stops
    /// the work, and may fire the promise (which it shares with whoever does the work): then that
    /// result stands. If it does not, the deferred fails with [`Cancelled`](crate::Cancelled); if
    /// it panics, with [`Panicked`](crate::Panicked).
    ///
    /// # Examples
    ///
    /// ```
    /// # use ropewalk_deferred::{Cancelled, Deferred};
    /// # use std::{cell::Cell, rc::Rc};
    /// let stopped = Rc::new(Cell::new(false));
    /// let flag = Rc::clone(&stopped);
    /// let (_promise, deferred) = Deferred::<u32>::with_canceller(move || flag.set(true));
    /// deferred.cancel();
    /// assert!(stopped.get());
    /// # deferred.map(|_| ()).add_errback(|_| ()).detach();
    /// ```
    ///
    /// Twisted: `Deferred(canceller)`.
    #[track_caller]
    pub fn with_canceller(canceller: impl FnOnce() + 'static) -> (Promise<T>, Self) {
        Self::pair(Some(chain::canceller(canceller)), Location::caller())
    }

    /// Makes a deferred that has its value already.
    ///
    /// # Examples
    ///
    /// ```
    /// # use ropewalk_deferred::Deferred;
    /// assert_eq!(Deferred::succeed(7).try_take().unwrap()?, 7);
    /// # Ok::<(), ropewalk_deferred::Failure>(())
    /// ```
    ///
    /// Twisted: `defer.succeed`.
    #[track_caller]
    pub fn succeed(value: T) -> Self {
        Self::made(Ok(value), Location::caller())
    }

    /// Makes a deferred that has failed already.
    ///
    /// # Examples
    ///
    /// ```
    /// # use ropewalk_deferred::{Deferred, TimedOut};
    /// let deferred = Deferred::<u32>::fail(TimedOut);
    /// assert!(deferred.try_take().unwrap().unwrap_err().is::<TimedOut>());
    /// ```
    ///
    /// Twisted: `defer.fail`.
    #[track_caller]
    pub fn fail(failure: impl Into<Failure>) -> Self {
        Self::made(Err(failure.into()), Location::caller())
    }

    /// Cancels whatever this chain currently waits for.
    ///
    /// That is its own promise, or, if a callback has returned a deferred that has no result yet,
    /// whatever *that* one waits for. Its canceller is called, and if it has none or does not fire
    /// the promise, it fails with [`Cancelled`](crate::Cancelled), which runs down the chain like
    /// any failure, before this returns. What the promise brings later is dropped.
    ///
    /// Nothing happens if the chain waits for nothing: its result is there, or one of its
    /// callbacks is just being run.
    ///
    /// # Examples
    ///
    /// ```
    /// # use ropewalk_deferred::{Cancelled, Deferred};
    /// let (promise, deferred) = Deferred::<u32>::new();
    /// let deferred = deferred.add_callback(|n| println!("{n}"));
    /// deferred.cancel();
    /// assert!(promise.is_cancelled());
    /// assert!(deferred.try_take().unwrap().unwrap_err().is::<Cancelled>());
    /// ```
    ///
    /// Twisted: `Deferred.cancel`.
    pub fn cancel(&self) {
        self.unfold();
        if let Some(chain) = self.chain() {
            cancel::request(chain);
        }
    }

    /// A handle that can cancel this chain when the deferred itself has been moved away.
    ///
    /// It stands for the chain, and so also for what is attached to it later.
    ///
    /// # Examples
    ///
    /// ```
    /// # use ropewalk_deferred::Deferred;
    /// let (promise, deferred) = Deferred::<u32>::new();
    /// let handle = deferred.canceller();
    /// let doubled = deferred.map(|n| n * 2);
    /// handle.cancel();
    /// assert!(doubled.try_take().unwrap().is_err());
    /// ```
    #[must_use = "the handle cancels only when it is told to"]
    #[track_caller]
    pub fn canceller(&self) -> CancelHandle {
        let at = Location::caller();
        let tail = match self.state.replace(State::taken()) {
            State::Head(end) => end.take().map(Tail::Head),
            State::Turned(end) => end.take().map(Tail::Turned),
            // There is no chain yet that the handle could stand for.
            State::Ready(ready) => {
                let (result, of) = ready.take();
                let chain = Chain::settled(of.created, result);
                chain.on_drop.set(of.on_drop);
                Some(Tail::Head(chain))
            }
            State::Direct(direct) => direct.into_chain().map(Tail::Head),
        };
        let Some(tail) = tail else {
            // The result has been taken: there is nothing that could be cancelled.
            return CancelHandle::new(Chain::<Stretch<T>>::done(at));
        };
        let handle = CancelHandle::new(tail.share());
        self.state.set(State::chained(tail));
        handle
    }

    /// Takes the result if it is there; otherwise gives the deferred back.
    ///
    /// For code that has a quicker way for a result that need not be waited for. A failure that is
    /// taken is the caller's to handle.
    ///
    /// # Errors
    ///
    /// The deferred itself: its result is still to come.
    ///
    /// # Examples
    ///
    /// ```
    /// # use ropewalk_deferred::Deferred;
    /// assert_eq!(Deferred::succeed(7).try_take().unwrap()?, 7);
    ///
    /// let (promise, deferred) = Deferred::<u32>::new();
    /// let deferred = deferred.try_take().unwrap_err();
    /// promise.callback(7);
    /// assert_eq!(deferred.try_take().unwrap()?, 7);
    /// # Ok::<(), ropewalk_deferred::Failure>(())
    /// ```
    ///
    /// Twisted: `called` and `result`.
    pub fn try_take(self) -> std::result::Result<Result<T>, Self> {
        match self.into_held() {
            Held::Ready(result) => Ok(result),
            Held::Waiting(tail) => Err(Self::chained(tail)),
        }
    }

    /// Lets the chain run on its own, whatever its drop would have meant.
    ///
    /// A failure at the end is still reported.
    ///
    /// # Examples
    ///
    /// ```
    /// # use ropewalk_deferred::Deferred;
    /// Deferred::succeed(7).add_callback(|n| println!("{n}")).detach();
    /// ```
    pub fn detach(self) {
        self.set_on_drop(OnDrop::RunOn);
        drop(self);
    }

    /// Makes its drop cancel whatever the chain waits for at that moment.
    ///
    /// For work that is of no use to anybody but the one who holds the deferred. The property stays
    /// with the chain: what is attached afterwards has it too. It ends when the deferred is handed
    /// on: returned from a callback, given to [`chain_deferred`](Self::chain_deferred), or let go
    /// with [`detach`](Self::detach). That the chain then fails with
    /// [`Cancelled`](crate::Cancelled) is reported to nobody, since whoever dropped it knows.
    ///
    /// # Examples
    ///
    /// ```
    /// # use ropewalk_deferred::Deferred;
    /// let (promise, deferred) = Deferred::<u32>::new();
    /// let deferred = deferred.cancel_on_drop().map(|n| n + 1);
    /// drop(deferred);
    /// assert!(promise.is_cancelled());
    /// ```
    pub fn cancel_on_drop(self) -> Self {
        self.set_on_drop(OnDrop::Cancel);
        self
    }
}

impl<T> Deferred<T> {
    #[inline]
    pub(crate) fn ready(result: Result<T>, created: Place) -> Self {
        Self { state: Cell::new(State::ready(result, Kept { created, on_drop: OnDrop::RunOn })) }
    }

    /// A new one that has its result; while debugging, one that is seen.
    #[inline]
    pub(crate) fn made(result: Result<T>, created: Place) -> Self {
        if debugging() {
            return Self::seen(result, created);
        }
        Self::ready(result, created)
    }

    #[cold]
    fn seen(result: Result<T>, created: Place) -> Self {
        Self::of_chain(Chain::settled(created, result))
    }

    /// Of a chain of one stretch.
    #[inline]
    pub(crate) fn of_chain(chain: Head<T>) -> Self {
        Self { state: Cell::new(State::chained(Tail::Head(chain))) }
    }

    #[inline]
    pub(crate) fn chained(tail: Tail<T>) -> Self {
        Self { state: Cell::new(State::chained(tail)) }
    }

    /// Takes the result, or the chain that will have it.
    #[inline]
    pub(crate) fn into_held(self) -> Held<T> {
        self.state.into_inner().into_held()
    }

    #[inline]
    pub(crate) fn pair(canceller: Option<Canceller>, created: Place) -> (Promise<T>, Self) {
        let chain = Chain::new(created, canceller);
        (Promise::new(Rc::clone(&chain)), Self::of_chain(chain))
    }

    pub(crate) fn chain(&self) -> Option<ChainRef> {
        let state = self.state.replace(State::taken());
        let chain = match &state {
            State::Head(end) => end.get().map(|chain| Rc::clone(chain) as ChainRef),
            State::Turned(end) => end.get().map(|turned| Rc::clone(&turned.chain)),
            State::Ready(_) | State::Direct(_) => None,
        };
        self.state.set(state);
        chain
    }

    fn set_on_drop(&self, on_drop: OnDrop) {
        let mut state = self.state.replace(State::taken());
        state.set_on_drop(on_drop);
        self.state.set(state);
    }
}
