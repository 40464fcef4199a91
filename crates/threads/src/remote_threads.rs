//! The bridges as an extension trait: what a reference to a value of a reactor gains with this crate.
//!
//! The questions are those of [`HandleThreads`](crate::HandleThreads); the closure gets the value
//! too. It holds a `Remote`, so the value is there for as long as the reactor is.

use crate::eventual::Eventual;
use crate::from_thread::HandleThreads as _;
use crate::in_thread::sealed::Sealed;
use crate::outcome::Answer;
use ropewalk_deferred::{Deferred, Failure, Outcome, Result};
use ropewalk_reactor::{Reactor, ReactorStopped, Remote};
use std::rc::Rc;
use std::time::Duration;

/// The bridges from any other thread to a value that lives with a reactor.
///
/// The closures get the value as an `&Rc`, as those of [`Remote::call_from_thread`] do: what they
/// start, a timer or a callback, can keep the value by a clone of that.
///
/// # Examples
///
/// ```
/// use ropewalk_threads::{ReactorThread, RemoteThreads as _};
/// use std::cell::Cell;
/// use std::time::Duration;
///
/// // A state that lives in the thread of the reactor; a `Cell` is not for two threads.
/// let (reactor, counter) = ReactorThread::spawn_sharing(|_| Ok(Cell::new(0)))?;
/// let count = counter.blocking_call_from_thread(|counter, _| {
///     counter.set(counter.get() + 1);
///     Ok(counter.get())
/// });
/// assert_eq!(count.unwrap(), 1);
/// reactor.join().unwrap();
/// # std::io::Result::Ok(())
/// ```
///
/// Twisted: `blockingCallFromThread(reactor, something.method)`.
pub trait RemoteThreads: Sealed {
    /// What lives with the reactor.
    type Value: 'static;

    /// Calls `f` on the reactor thread with the value and waits here for its result, or for the
    /// result of the `Deferred` that it returns.
    ///
    /// As [`HandleThreads::blocking_call_from_thread`](crate::HandleThreads::blocking_call_from_thread)
    /// in everything else.
    ///
    /// # Threads
    ///
    /// Any but the reactor thread; there, [`get`](Remote::get) gives the value.
    ///
    /// # Errors
    ///
    /// As there. The value goes only with its reactor, so `ReactorStopped` says that, too.
    #[track_caller]
    fn blocking_call_from_thread<F, R>(&self, f: F) -> Result<R::Value>
    where
        F: FnOnce(&Rc<Self::Value>, &Reactor) -> R + Send + 'static,
        R: Outcome<Value: Answer>;

    /// As [`blocking_call_from_thread`](Self::blocking_call_from_thread), for at most `limit`.
    ///
    /// # Errors
    ///
    /// As there, and `TimedOut`: a call that has not begun then never runs, and a `Deferred` that
    /// is waited for is cancelled.
    #[track_caller]
    fn blocking_call_from_thread_timeout<F, R>(&self, limit: Duration, f: F) -> Result<R::Value>
    where
        F: FnOnce(&Rc<Self::Value>, &Reactor) -> R + Send + 'static,
        R: Outcome<Value: Answer>;

    /// Calls `f` on the reactor thread with the value and gives its result later, to whoever waits
    /// for it.
    ///
    /// # Threads
    ///
    /// Any thread.
    #[track_caller]
    fn eventually<F, R>(&self, f: F) -> Eventual<R::Value>
    where
        F: FnOnce(&Rc<Self::Value>, &Reactor) -> R + Send + 'static,
        R: Outcome<Value: Answer>;
}

impl<T> Sealed for Remote<T> {}

impl<T: 'static> RemoteThreads for Remote<T> {
    type Value = T;

    fn blocking_call_from_thread<F, R>(&self, f: F) -> Result<R::Value>
    where
        F: FnOnce(&Rc<T>, &Reactor) -> R + Send + 'static,
        R: Outcome<Value: Answer>,
    {
        self.handle().blocking_call_from_thread(with_value(self, f))
    }

    fn blocking_call_from_thread_timeout<F, R>(&self, limit: Duration, f: F) -> Result<R::Value>
    where
        F: FnOnce(&Rc<T>, &Reactor) -> R + Send + 'static,
        R: Outcome<Value: Answer>,
    {
        self.handle().blocking_call_from_thread_timeout(limit, with_value(self, f))
    }

    fn eventually<F, R>(&self, f: F) -> Eventual<R::Value>
    where
        F: FnOnce(&Rc<T>, &Reactor) -> R + Send + 'static,
        R: Outcome<Value: Answer>,
    {
        self.handle().eventually(with_value(self, f))
    }
}

/// The question as one to the reactor. It keeps the value until it has been asked.
fn with_value<T, F, R>(
    remote: &Remote<T>,
    f: F,
) -> impl FnOnce(&Reactor) -> Deferred<R::Value> + Send + 'static
where
    T: 'static,
    F: FnOnce(&Rc<T>, &Reactor) -> R + Send + 'static,
    R: Outcome<Value: Answer>,
{
    let remote = remote.clone();
    move |reactor| match remote.get(reactor) {
        Some(value) => f(&value, reactor).into_deferred(),
        // The reactor is about to be dropped, and its values have gone already.
        None => Deferred::fail(Failure::new(ReactorStopped::new())),
    }
}
