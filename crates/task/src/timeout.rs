//! A time limit for a deferred.
//!
//! The timer holds a cancel handle of the chain and no more. It goes off before the callback that
//! is attached here has run, or not at all, since that callback takes the timer back; so what it
//! cancels is always something that the limit covers.

use ropewalk_deferred::{Cancelled, Deferred, Failure, Outcome, Result, TimedOut};
use ropewalk_reactor::Reactor;
use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, Instant};

mod sealed {
    /// Keeps the deferred the only one to implement the trait.
    #[expect(unnameable_types, reason = "what cannot be named cannot be implemented")]
    pub trait Sealed {}

    impl<T> Sealed for ropewalk_deferred::Deferred<T> {}
}

/// Time limits for a [`Deferred`].
///
/// All of them cover the callbacks attached so far: when the time is up, whatever the chain waits
/// for at that moment is cancelled. What is attached afterwards is not covered, nor is what it
/// waits for. When the result comes in time, the timer is taken back and nothing else happens.
///
/// # Threads
///
/// Reactor thread.
///
/// Twisted: `Deferred.addTimeout`.
#[doc(alias = "addTimeout")]
pub trait DeferredTimeout<T: 'static>: sealed::Sealed {
    /// Fails with [`TimedOut`] if there is no result after `limit`, which the failure tells as its
    /// context.
    ///
    /// The time runs from this call. For a job that was deferred to a thread it includes the wait in
    /// the queue of the pool.
    ///
    /// A chain that was cancelled by somebody else fails with
    /// [`Cancelled`] as ever. If the canceller that is asked because
    /// the time is up brings a result or another failure, that stands.
    ///
    /// # Threads
    ///
    /// Reactor thread.
    ///
    /// # Examples
    ///
    /// ```
    /// use ropewalk_deferred::{Deferred, TimedOut};
    /// use ropewalk_reactor::{ManualClock, Reactor};
    /// use ropewalk_task::DeferredTimeout;
    /// use std::time::Duration;
    ///
    /// let clock = ManualClock::new();
    /// let reactor = Reactor::builder().manual_clock(&clock).build()?;
    /// let (_promise, deferred) = Deferred::<u32>::new();
    /// let deferred = deferred.timeout(&reactor, Duration::from_secs(5));
    /// clock.advance(Duration::from_secs(5));
    /// let failure = deferred.try_take().unwrap().unwrap_err();
    /// assert!(failure.is::<TimedOut>());
    /// assert_eq!(failure.to_string(), "no result within 5s");
    /// assert_eq!(format!("{failure:#}"), "no result within 5s: timed out");
    /// # std::io::Result::Ok(())
    /// ```
    ///
    /// Twisted: `Deferred.addTimeout`.
    #[doc(alias = "addTimeout")]
    #[track_caller]
    fn timeout(self, reactor: &Reactor, limit: Duration) -> Deferred<T>;

    /// As [`timeout`](Self::timeout), with the time at which it is up. A time that has passed
    /// already leaves the rest of this turn.
    ///
    /// # Threads
    ///
    /// Reactor thread.
    ///
    /// # Examples
    ///
    /// ```
    /// use ropewalk_deferred::{Deferred, TimedOut};
    /// use ropewalk_reactor::{ManualClock, Reactor};
    /// use ropewalk_task::DeferredTimeout;
    /// use std::time::Duration;
    ///
    /// let clock = ManualClock::new();
    /// let reactor = Reactor::builder().manual_clock(&clock).build()?;
    /// let both_until = reactor.now() + Duration::from_secs(5);
    /// let (_one, first) = Deferred::<()>::new();
    /// let (_other, second) = Deferred::<()>::new();
    /// let both = [first, second].map(|deferred| deferred.timeout_at(&reactor, both_until));
    /// clock.advance(Duration::from_secs(5));
    /// for deferred in both {
    ///     assert!(deferred.try_take().unwrap().unwrap_err().is::<TimedOut>());
    /// }
    /// # std::io::Result::Ok(())
    /// ```
    #[track_caller]
    fn timeout_at(self, reactor: &Reactor, deadline: Instant) -> Deferred<T>;

    /// As [`timeout`](Self::timeout), and if the time is up, `timed_out` makes the result out of
    /// what the cancelled chain has given.
    ///
    /// It is not called when the result came in time or the chain was cancelled by somebody else.
    ///
    /// # Threads
    ///
    /// Reactor thread.
    ///
    /// # Examples
    ///
    /// ```
    /// use ropewalk_deferred::Deferred;
    /// use ropewalk_reactor::{ManualClock, Reactor};
    /// use ropewalk_task::DeferredTimeout;
    /// use std::time::Duration;
    ///
    /// let clock = ManualClock::new();
    /// let reactor = Reactor::builder().manual_clock(&clock).build()?;
    /// let (_promise, deferred) = Deferred::<u32>::new();
    /// let n = deferred.timeout_or_else(&reactor, Duration::from_secs(5), |_| Ok(0));
    /// clock.advance(Duration::from_secs(5));
    /// assert_eq!(n.try_take().unwrap()?, 0);
    /// # Ok::<(), ropewalk_deferred::Failure>(())
    /// ```
    ///
    /// Twisted: `Deferred.addTimeout` with `onTimeoutCancel`.
    #[doc(alias = "onTimeoutCancel")]
    #[track_caller]
    fn timeout_or_else<F, R>(self, reactor: &Reactor, limit: Duration, timed_out: F) -> Deferred<T>
    where
        F: FnOnce(Result<T>) -> R + 'static,
        R: Outcome<Value = T>;
}

impl<T: 'static> DeferredTimeout<T> for Deferred<T> {
    fn timeout(self, reactor: &Reactor, limit: Duration) -> Self {
        self.timeout_or_else(reactor, limit, move |result| match result {
            Err(failure) if failure.is::<Cancelled>() => {
                Err(Failure::from(TimedOut).context(says(limit)))
            }
            other => other,
        })
    }

    fn timeout_at(self, reactor: &Reactor, deadline: Instant) -> Self {
        let limit = deadline.saturating_duration_since(reactor.now());
        self.timeout(reactor, limit)
    }

    fn timeout_or_else<F, R>(self, reactor: &Reactor, limit: Duration, timed_out: F) -> Self
    where
        F: FnOnce(Result<T>) -> R + 'static,
        R: Outcome<Value = T>,
    {
        let handle = self.canceller();
        let is_up = Rc::new(Cell::new(false));
        let up = Rc::clone(&is_up);
        let timer = reactor.call_later(limit, move |_| {
            up.set(true);
            handle.cancel();
        });
        self.add_both(move |result| {
            if is_up.get() {
                return timed_out(result).into_deferred();
            }
            // Still pending, or dropped with its reactor.
            let _ = timer.cancel();
            result.into_deferred()
        })
    }
}

fn says(limit: Duration) -> String {
    if limit.is_zero() {
        // Also what is left until a time that has passed.
        "no result, and no time was left for it".to_owned()
    } else {
        format!("no result within {limit:?}")
    }
}
