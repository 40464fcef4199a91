//! Every way to attach to a deferred.
//!
//! All of them come down to one closure from result to deferred. What is not called on the way is
//! dropped there, on its own, so that its panic cannot cost anybody the result that passes by.

use crate::held::Held;
use crate::{Deferred, Failure, Outcome, Promise, Result, panics, waiting};
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
    /// Deferred::fail(TimedOut)
    ///     .add_errback(|_| Ok("from the cache"))
    ///     .add_callback(|page| assert_eq!(page, "from the cache"))
    ///     .detach();
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
    /// Deferred::succeed(7)
    ///     .add_callbacks(|n| Ok(n + 1), |_| Ok(0))
    ///     .add_callback(|n| assert_eq!(n, 8))
    ///     .detach();
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
    /// Deferred::succeed(7)
    ///     .add_both(|result| {
    ///         println!("done");
    ///         result
    ///     })
    ///     .add_callback(|n| assert_eq!(n, 7))
    ///     .detach();
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
    /// Deferred::succeed(7).map(|n| n * 6).add_callback(|n| assert_eq!(n, 42)).detach();
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
    /// deferred.add_callback(|n| assert_eq!(n, 7)).detach();
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

/// Drops a closure that is not to be called.
fn skip<F>(closure: F, attached: &'static Location<'static>) {
    panics::discard("dropping a skipped callback", attached, closure);
}
