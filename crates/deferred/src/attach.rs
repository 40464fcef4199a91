//! Every way to attach to a deferred.
//!
//! All of them come down to one closure from result to deferred. What is not called on the way is
//! dropped there, on its own, so that its panic cannot cost anybody the result that passes by.

use crate::chain::{self, Chain, Place, Stage};
use crate::context::{capture_context, is_captured};
use crate::debugging::debugging;
use crate::end::{Kept, OnDrop, State, nothing};
use crate::held::{self, Held};
use crate::stretch::AnyStretch;
use crate::tail::{Head, Tail};
use crate::{Deferred, Failure, Outcome, Promise, Result, panics, tail, waiting};
use std::cell::Cell;
use std::panic::Location;

impl<T> Deferred<T> {
    /// Attaches what is to be done with the value; a failure passes it by.
    ///
    /// # Examples
    ///
    /// ```
    /// # use ropewalk_deferred::Deferred;
    /// Deferred::succeed("7")
    ///     .add_callback(|text| Ok(text.parse::<u32>()?))
    ///     .add_callback(|n| println!("{n}"))
    ///     .detach();
    /// ```
    ///
    /// Twisted: `Deferred.addCallback`.
    #[doc(alias = "addCallback")]
    #[inline]
    #[track_caller]
    pub fn add_callback<F, R>(self, callback: F) -> Deferred<R::Value>
    where
        F: FnOnce(T) -> R + 'static,
        R: Outcome,
    {
        self.attach(Location::caller(), |result, attached| match result {
            Ok(value) => callback(value).give().0,
            Err(failure) => {
                skip(callback, attached);
                Held::Ready(Err(failure))
            }
        })
    }

    /// Attaches what is to be done with a failure; a value passes it by.
    ///
    /// What it returns takes the place of the value: the chain has recovered. To pass a failure
    /// on, return `Err(failure)`.
    ///
    /// # Examples
    ///
    /// ```
    /// # use ropewalk_deferred::{Deferred, TimedOut};
    /// let page = Deferred::fail(TimedOut).add_errback(|_| Ok("from the cache"));
    /// assert_eq!(page.try_take().unwrap()?, "from the cache");
    /// # Ok::<(), ropewalk_deferred::Failure>(())
    /// ```
    ///
    /// Twisted: `Deferred.addErrback`.
    #[doc(alias = "addErrback")]
    #[inline]
    #[track_caller]
    pub fn add_errback<F, R>(self, errback: F) -> Self
    where
        F: FnOnce(Failure) -> R + 'static,
        R: Outcome<Value = T>,
    {
        self.attach(Location::caller(), |result, attached| match result {
            Err(failure) => errback(failure).give().0,
            Ok(value) => {
                skip(errback, attached);
                Held::Ready(Ok(value))
            }
        })
    }

    /// Attaches both at one place in the chain: exactly one of them is called.
    ///
    /// So the errback does not see a failure of the callback beside it.
    ///
    /// # Examples
    ///
    /// ```
    /// # use ropewalk_deferred::Deferred;
    /// let next = Deferred::succeed(7).add_callbacks(|n| Ok(n + 1), |_| Ok(0));
    /// assert_eq!(next.try_take().unwrap()?, 8);
    /// # Ok::<(), ropewalk_deferred::Failure>(())
    /// ```
    ///
    /// Twisted: `Deferred.addCallbacks`.
    #[doc(alias = "addCallbacks")]
    #[inline]
    #[track_caller]
    pub fn add_callbacks<F, R, G, S>(self, callback: F, errback: G) -> Deferred<R::Value>
    where
        F: FnOnce(T) -> R + 'static,
        R: Outcome,
        G: FnOnce(Failure) -> S + 'static,
        S: Outcome<Value = R::Value>,
    {
        self.attach(Location::caller(), |result, attached| match result {
            Ok(value) => {
                skip(errback, attached);
                callback(value).give().0
            }
            Err(failure) => {
                skip(callback, attached);
                errback(failure).give().0
            }
        })
    }

    /// Attaches what is to be done with the result, be it a value or a failure.
    ///
    /// # Examples
    ///
    /// ```
    /// # use ropewalk_deferred::Deferred;
    /// let deferred = Deferred::succeed(7).add_both(|result| {
    ///     println!("done");
    ///     result
    /// });
    /// assert_eq!(deferred.try_take().unwrap()?, 7);
    /// # Ok::<(), ropewalk_deferred::Failure>(())
    /// ```
    ///
    /// Twisted: `Deferred.addBoth`.
    #[doc(alias = "addBoth")]
    #[inline]
    #[track_caller]
    pub fn add_both<F, R>(self, both: F) -> Deferred<R::Value>
    where
        F: FnOnce(Result<T>) -> R + 'static,
        R: Outcome,
    {
        self.attach(Location::caller(), |result, _| both(result).give().0)
    }

    /// Attaches a function of the value that returns a plain value and cannot fail.
    ///
    /// # Examples
    ///
    /// ```
    /// # use ropewalk_deferred::Deferred;
    /// let product = Deferred::succeed(7).map(|n| n * 6);
    /// assert_eq!(product.try_take().unwrap()?, 42);
    /// # Ok::<(), ropewalk_deferred::Failure>(())
    /// ```
    #[inline]
    #[track_caller]
    pub fn map<F, U>(self, function: F) -> Deferred<U>
    where
        F: FnOnce(T) -> U + 'static,
        U: 'static,
    {
        self.add_callback(|value| Ok(function(value)))
    }

    /// Ends the chain: a failure goes to `report`, a value is dropped.
    ///
    /// For the last words of a chain, whatever its type of value; whatever `report` does, there
    /// is nobody left to fail to. If it panics, that is reported as an unhandled failure is. To go
    /// on after a failure, use [`add_errback`](Self::add_errback).
    ///
    /// # Examples
    ///
    /// ```
    /// # use ropewalk_deferred::Deferred;
    /// Deferred::succeed("http")
    ///     .add_callback(|text| Ok(text.parse::<u32>()?))
    ///     .on_failure(|failure| eprintln!("no port: {failure:#}"));
    /// ```
    ///
    /// Twisted: `addErrback(log.err)`.
    #[track_caller]
    pub fn on_failure(self, report: impl FnOnce(Failure) + 'static) {
        self.add_callbacks(drop, report).detach();
    }

    /// Fires `promise` with the result of this chain, and so ends this chain in that one.
    ///
    /// From then on the other chain waits for this one: cancelling it cancels this one, unless it
    /// has a canceller of its own. A chain that would so come to wait for itself fails with
    /// [`WaitsForItself`](crate::WaitsForItself).
    ///
    /// # Examples
    ///
    /// ```
    /// # use ropewalk_deferred::Deferred;
    /// let (promise, deferred) = Deferred::new();
    /// Deferred::succeed(7).chain_deferred(promise);
    /// assert_eq!(deferred.try_take().unwrap()?, 7);
    /// # Ok::<(), ropewalk_deferred::Failure>(())
    /// ```
    ///
    /// Twisted: `Deferred.chainDeferred`.
    #[doc(alias = "chainDeferred")]
    #[track_caller]
    pub fn chain_deferred(self, promise: Promise<T>) {
        match self.into_held() {
            Held::Ready(result) => promise.resolve(result),
            Held::Waiting(source) => {
                if let Some(target) = promise.into_chain() {
                    waiting::forward(&source.into_chain(), target);
                }
            }
        }
    }
}

impl<T> Deferred<T> {
    /// What every `add_` method comes down to.
    // Inlined, with the cases in it that are to be quick, and those take everything apart at once:
    // a deferred that is passed on is written to memory in single words, and reading it from there
    // in larger pieces costs more than all the rest.
    #[inline(always)]
    pub(crate) fn attach<U, F>(self, attached: Place, link: F) -> Deferred<U>
    where
        U: 'static,
        F: FnOnce(Result<T>, Place) -> Held<U> + 'static,
    {
        match self.state.into_inner() {
            State::Ready(ready) => {
                let (result, of) = ready.take();
                run_now(result, of, attached, link)
            }
            State::Head(end) => match end.take() {
                Some(chain) => attach_to_head(chain, attached, link),
                None => attach_to(None, attached, link),
            },
            State::Turned(end) => match end.take() {
                Some(turned) if takes_links(&*turned.chain) => {
                    Deferred::chained(Tail::Turned(turned.push(attached, link)))
                }
                turned => attach_to(turned.map(Tail::Turned), attached, link),
            },
            State::Direct(direct) => direct.attach(attached, link),
        }
    }
}

/// Attaches to a chain of one stretch.
#[inline(always)]
pub(crate) fn attach_to_head<T, U, F>(chain: Head<T>, attached: Place, link: F) -> Deferred<U>
where
    T: 'static,
    U: 'static,
    F: FnOnce(Result<T>, Place) -> Held<U> + 'static,
{
    if !takes_links(&*chain) {
        return attach_to(Some(Tail::Head(chain)), attached, link);
    }
    Deferred::chained(tail::push_to_head(chain, attached, link))
}

/// Whether it has no result yet, and links need nothing around them.
#[inline]
fn takes_links(chain: &Chain<dyn AnyStretch>) -> bool {
    chain.bare.set(false);
    chain.stage.get() != Stage::Settled && !is_captured()
}

/// Attaches to any chain, in the context that is captured if it has no result yet.
#[inline(never)]
fn attach_to<T, U, F>(tail: Option<Tail<T>>, attached: Place, link: F) -> Deferred<U>
where
    T: 'static,
    U: 'static,
    F: FnOnce(Result<T>, Place) -> Held<U> + 'static,
{
    let Some(tail) = tail else {
        let of = Kept { created: attached, on_drop: OnDrop::RunOn };
        return run_now(nothing(), of, attached, link);
    };
    if tail.chain().stage.get() != Stage::Settled {
        if let Some(context) = capture_context() {
            return attach_as_it_is(tail, attached, held::within(context, link));
        }
    }
    attach_as_it_is(tail, attached, link)
}

/// Capturing a context is user code, which may have brought the result meanwhile.
fn attach_as_it_is<T, U, F>(tail: Tail<T>, attached: Place, link: F) -> Deferred<U>
where
    T: 'static,
    U: 'static,
    F: FnOnce(Result<T>, Place) -> Held<U> + 'static,
{
    let chain = tail.chain();
    let settled = chain.stage.get() == Stage::Settled;
    if settled && chain.handles.get() == 0 && !debugging() {
        let of = Kept { created: chain.created, on_drop: chain.on_drop.get() };
        return run_now(tail.take_settled(), of, attached, link);
    }
    chain.bare.set(false);
    let tail = tail.push(attached, link);
    if settled {
        // It stays the one that a handle stands for, or that remembers what it is to remember.
        chain::resume(tail.share());
    }
    Deferred::chained(tail)
}

/// Calls what was attached to a result that is there.
#[inline(always)]
pub(crate) fn run_now<T, U, F>(result: Result<T>, of: Kept, attached: Place, link: F) -> Deferred<U>
where
    U: 'static,
    F: FnOnce(Result<T>, Place) -> Held<U>,
{
    let result = match panics::catch(attached, || link(result, attached)) {
        Ok(Held::Ready(result)) => result,
        Ok(Held::Waiting(tail)) => return wait_on(tail, of),
        Err(panicked) => Err(panicked.into()),
    };
    Deferred { state: Cell::new(State::ready(result, of)) }
}

/// Goes on with a chain that a callback has returned.
#[cold]
fn wait_on<T: 'static>(tail: Tail<T>, of: Kept) -> Deferred<T> {
    if tail.chain().handles.get() > 0 {
        return Deferred::chained(waiting::behind(tail.into_chain(), of));
    }
    waiting::hand_on(tail.chain(), of);
    Deferred::chained(tail)
}

/// Drops a closure that is not to be called.
fn skip<F>(closure: F, attached: &'static Location<'static>) {
    panics::discard("dropping a skipped callback", attached, closure);
}
