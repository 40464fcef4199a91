//! The bridges as an extension trait: what a reactor's handle gains with this crate.

use crate::boxed_job::{BoxedJob, in_order};
use crate::eventual::Eventual;
use crate::in_thread::sealed::Sealed;
use crate::outcome::Answer;
use crate::reactor_pool::ReactorPool;
use ropewalk_deferred::{Outcome, Result};
use ropewalk_reactor::{Reactor, ReactorHandle};
use ropewalk_threadpool::{InvalidSize, JobHandle, SubmitError, ThreadPool};
use std::time::Duration;

/// The bridges from any other thread.
///
/// # Examples
///
/// ```
/// use ropewalk_reactor::Reactor;
/// use ropewalk_threads::HandleThreads as _;
///
/// let reactor = Reactor::new()?;
/// let handle = reactor.handle();
/// let foreign = std::thread::Builder::new().spawn(move || {
///     let timers = handle.blocking_call_from_thread(|reactor| Ok(reactor.delayed_calls().len()));
///     handle.stop();
///     timers
/// })?;
/// reactor.run().unwrap();
/// assert_eq!(foreign.join().unwrap().unwrap(), 0);
/// # std::io::Result::Ok(())
/// ```
///
/// Twisted: `twisted.internet.threads`.
pub trait HandleThreads: Sealed {
    /// Runs `job` in the reactor's pool; nobody waits for a result.
    ///
    /// # Threads
    ///
    /// Any thread.
    ///
    /// # Errors
    ///
    /// `SubmitError`, with `job` inside: the reactor has stopped, or no thread can be started.
    ///
    /// Twisted: `callInThread`.
    #[doc(alias = "callInThread")]
    #[track_caller]
    fn call_in_thread<F>(&self, job: F) -> std::result::Result<JobHandle, SubmitError<F>>
    where
        F: FnOnce() + Send + 'static;

    /// Runs `jobs` in the reactor's pool, one after the other, in one thread. A panic ends the
    /// rest.
    ///
    /// # Threads
    ///
    /// Any thread.
    ///
    /// # Errors
    ///
    /// `SubmitError`, with one closure inside that runs them all.
    ///
    /// # Examples
    ///
    /// ```
    /// use ropewalk_reactor::Reactor;
    /// use ropewalk_threads::{BoxedJob, HandleThreads as _};
    ///
    /// let reactor = Reactor::new()?;
    /// let (handle, stopping) = (reactor.handle(), reactor.handle());
    /// let [unpack, install]: [BoxedJob; 2] = [
    ///     Box::new(|| println!("unpacked")),
    ///     Box::new(move || stopping.stop()),
    /// ];
    /// handle.call_multiple_in_thread([unpack, install])?;
    /// reactor.run()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// Twisted: `callMultipleInThread`.
    #[doc(alias = "callMultipleInThread")]
    #[track_caller]
    fn call_multiple_in_thread<I>(
        &self,
        jobs: I,
    ) -> std::result::Result<JobHandle, SubmitError<BoxedJob>>
    where
        I: IntoIterator<Item = BoxedJob>;

    /// As [`ReactorThreads::suggest_thread_pool_size`](crate::ReactorThreads::suggest_thread_pool_size), from any thread.
    ///
    /// # Errors
    ///
    /// `InvalidSize`: a pool of no threads would never run anything.
    fn suggest_thread_pool_size(&self, threads: usize) -> std::result::Result<(), InvalidSize>;

    /// As [`ReactorThreads::thread_pool`](crate::ReactorThreads::thread_pool), from any thread.
    #[must_use]
    fn thread_pool(&self) -> ThreadPool;

    /// Calls `f` on the reactor thread and waits here for its result, or for the result of the
    /// `Deferred` that it returns.
    ///
    /// It never waits for a reactor that has stopped, for the one of this very thread, or in a
    /// circle of reactor threads that block. Before the first run it waits for it. Other circles are
    /// not seen: a callback of another reactor should not wait here at all, and never without a
    /// [limit](Self::blocking_call_from_thread_timeout). A job of a pool waits inside of [`blocking`](ropewalk_threadpool::blocking()), so that the
    /// pool may have another thread for what it waits for. To keep the jobs of a pool of one thread
    /// apart even then, set its `max_spare_threads` to 0; a job that waits for a further job of the
    /// same pool then waits until its limit, or until the reactor stops.
    ///
    /// An `f` that uses `?` and ends in a `Deferred` cannot return `Ok(deferred)`, which would have to
    /// cross threads (see [`Answer`]):
    /// `|reactor| maybe_deferred(|| { …?; Ok(deferred) }).flatten()` can.
    ///
    /// # Threads
    ///
    /// Any but the reactor thread.
    ///
    /// # Errors
    ///
    /// - the failure of `f`, or of its `Deferred`;
    /// - `Panicked`: `f` panicked;
    /// - [`WouldDeadlock`](crate::WouldDeadlock): this is the thread of the reactor, or of one for
    ///   which it waits in its turn; nothing was queued;
    /// - `ReactorStopped`: the reactor has stopped, or stopped before there was a result. Once a
    ///   shutdown has begun, a `Deferred` is not waited for any more;
    /// - `Cancelled`: this is a callback of another reactor, which is to stop: after its shutdown
    ///   deadline, or at once with [`stop_now`](ReactorHandle::stop_now).
    ///
    /// Twisted: `blockingCallFromThread`.
    #[doc(alias = "blockingCallFromThread")]
    #[track_caller]
    fn blocking_call_from_thread<F, R>(&self, f: F) -> Result<R::Value>
    where
        F: FnOnce(&Reactor) -> R + Send + 'static,
        R: Outcome<Value: Answer>;

    /// As [`blocking_call_from_thread`](Self::blocking_call_from_thread), for at most `limit`.
    ///
    /// # Errors
    ///
    /// As there, and `TimedOut`, with the limit as its context. After that, as after `Cancelled`, a
    /// call that has not begun never runs, and a `Deferred` that is waited for is cancelled.
    #[track_caller]
    fn blocking_call_from_thread_timeout<F, R>(&self, limit: Duration, f: F) -> Result<R::Value>
    where
        F: FnOnce(&Reactor) -> R + Send + 'static,
        R: Outcome<Value: Answer>;

    /// Calls `f` on the reactor thread and gives its result later, to whoever waits for it. What `f`
    /// may return is as for [`blocking_call_from_thread`](Self::blocking_call_from_thread).
    ///
    /// # Threads
    ///
    /// Any thread.
    #[track_caller]
    fn eventually<F, R>(&self, f: F) -> Eventual<R::Value>
    where
        F: FnOnce(&Reactor) -> R + Send + 'static,
        R: Outcome<Value: Answer>;
}

impl HandleThreads for ReactorHandle {
    fn call_in_thread<F>(&self, job: F) -> std::result::Result<JobHandle, SubmitError<F>>
    where
        F: FnOnce() + Send + 'static,
    {
        ReactorPool::submit(self, job)
    }

    fn call_multiple_in_thread<I>(
        &self,
        jobs: I,
    ) -> std::result::Result<JobHandle, SubmitError<BoxedJob>>
    where
        I: IntoIterator<Item = BoxedJob>,
    {
        ReactorPool::submit(self, in_order(jobs))
    }

    fn suggest_thread_pool_size(&self, threads: usize) -> std::result::Result<(), InvalidSize> {
        self.shared::<ReactorPool>().suggest(threads)
    }

    fn thread_pool(&self) -> ThreadPool {
        ReactorPool::of_handle(self)
    }

    fn blocking_call_from_thread<F, R>(&self, f: F) -> Result<R::Value>
    where
        F: FnOnce(&Reactor) -> R + Send + 'static,
        R: Outcome<Value: Answer>,
    {
        Eventual::ask_and_wait(self, f)
    }

    fn blocking_call_from_thread_timeout<F, R>(&self, limit: Duration, f: F) -> Result<R::Value>
    where
        F: FnOnce(&Reactor) -> R + Send + 'static,
        R: Outcome<Value: Answer>,
    {
        Eventual::ask_to_wait(self, f)?.wait_or_cancel(limit)
    }

    fn eventually<F, R>(&self, f: F) -> Eventual<R::Value>
    where
        F: FnOnce(&Reactor) -> R + Send + 'static,
        R: Outcome<Value: Answer>,
    {
        Eventual::ask(self, f)
    }
}
