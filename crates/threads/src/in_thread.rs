//! The bridges as extension traits: what a `Reactor` and its handle gain with this crate.

use crate::defer_to_thread::{defer_to_pool, defer_to_private_pool};
use crate::eventual::Eventual;
use crate::outcome::JobOutcome;
use crate::reactor_pool::ReactorPool;
use ropewalk_deferred::{Deferred, Failure, Outcome, Result, TimedOut};
use ropewalk_reactor::{Reactor, ReactorHandle};
use ropewalk_threadpool::{InvalidSize, JobHandle, SubmitError, ThreadPool};
use std::time::Duration;

/// A closure of a job, boxed, for a list of different ones.
pub type BoxedJob = Box<dyn FnOnce() + Send>;

/// The bridges from the reactor thread.
///
/// # Examples
///
/// ```
/// use ropewalk_reactor::Reactor;
/// use ropewalk_threads::ReactorThreads as _;
///
/// let reactor = Reactor::new()?;
/// reactor
///     .defer_to_thread(|| Ok("3".parse::<u32>()?))
///     .add_callback(|number| {
///         println!("{number}");
///         Reactor::with_current(|reactor| reactor.stop());
///     })
///     .detach();
/// reactor.run().unwrap();
/// # std::io::Result::Ok(())
/// ```
///
/// Twisted: `IReactorInThreads`, `twisted.internet.threads`.
#[doc(alias = "IReactorInThreads")]
pub trait ReactorThreads: sealed::Sealed {
    /// Runs `job` in the reactor's pool; nobody waits for a result.
    ///
    /// Before the reactor runs, jobs are kept. A panic is contained and reported with the place of
    /// this call.
    ///
    /// # Threads
    ///
    /// Reactor thread.
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
    /// Reactor thread.
    ///
    /// # Errors
    ///
    /// `SubmitError`, with one closure inside that runs them all.
    ///
    /// Twisted: `callMultipleInThread`.
    #[doc(alias = "callMultipleInThread")]
    #[track_caller]
    fn call_multiple_in_thread(
        &self,
        jobs: Vec<BoxedJob>,
    ) -> std::result::Result<JobHandle, SubmitError<BoxedJob>>;

    /// Runs `job` in the reactor's pool and brings its result back as a `Deferred`.
    ///
    /// Cancelling the `Deferred` takes back a job that is queued; a job that runs can see it with
    /// `CancelToken::current()`. The result of a cancelled job is dropped.
    ///
    /// # Threads
    ///
    /// Reactor thread.
    ///
    /// # Errors
    ///
    /// The `Deferred` fails with what the job returned; `Panicked`, if it panicked;
    /// `SubmitError<()>`, if the pool refused it; `ReactorStopped`, if the reactor stopped first.
    ///
    /// Twisted: `deferToThread`.
    #[doc(alias = "deferToThread")]
    #[track_caller]
    fn defer_to_thread<F, R>(&self, job: F) -> Deferred<R::Value>
    where
        F: FnOnce() -> R + Send + 'static,
        R: JobOutcome;

    /// As [`defer_to_thread`](Self::defer_to_thread), in a pool of your own.
    ///
    /// The queue limit of that pool is respected. Starting and stopping it is your business: until
    /// [`ThreadPool::start`] is called, jobs wait in it. The reactor's shutdown does wait for the
    /// results that are owed, but not for those of a pool that was never started: these jobs are
    /// dropped, and their `Deferred`s fail with `ReactorStopped`.
    ///
    /// # Threads
    ///
    /// Reactor thread.
    ///
    /// # Errors
    ///
    /// As for [`defer_to_thread`](Self::defer_to_thread).
    ///
    /// Twisted: `deferToThreadPool`.
    #[doc(alias = "deferToThreadPool")]
    #[track_caller]
    fn defer_to_thread_pool<F, R>(&self, pool: &ThreadPool, job: F) -> Deferred<R::Value>
    where
        F: FnOnce() -> R + Send + 'static,
        R: JobOutcome;

    /// Sets the maximum size of the reactor's pool, now and for later runs. Raising it starts
    /// waiting jobs at once; lowering it retires threads as they finish. The minimum gives way to a
    /// smaller maximum, and comes back with a larger one.
    ///
    /// # Threads
    ///
    /// Reactor thread.
    ///
    /// # Errors
    ///
    /// `InvalidSize`: a pool of no threads would never run anything.
    ///
    /// Twisted: `suggestThreadPoolSize`.
    #[doc(alias = "suggestThreadPoolSize")]
    fn suggest_thread_pool_size(&self, threads: usize) -> std::result::Result<(), InvalidSize>;

    /// The reactor's pool: 5 to 10 threads, started with the first need. It is made now if need
    /// be, starts with the reactor and stops with it: it takes no more jobs once the *before*
    /// triggers of the shutdown have run, and has run all others when `run` returns. A crash
    /// leaves it running, for the next run. A program that only ever calls [`Reactor::turn`] starts
    /// it itself.
    ///
    /// # Threads
    ///
    /// Reactor thread.
    ///
    /// Twisted: `getThreadPool`.
    #[doc(alias = "getThreadPool")]
    fn thread_pool(&self) -> ThreadPool;

    /// Makes `pool` the pool of this reactor, for the present or the next run: one with another
    /// size, name, queue limit or stall diagnosis. The reactor starts and stops it. A later run
    /// gets a pool of the default kind, with the sizes of this one. Between two runs it keeps the
    /// jobs that it is given for the next one.
    ///
    /// # Threads
    ///
    /// Reactor thread.
    ///
    /// # Errors
    ///
    /// `pool` comes back if the reactor has one already: install it before the first job.
    fn install_thread_pool(&self, pool: ThreadPool) -> std::result::Result<(), ThreadPool>;
}

impl ReactorThreads for Reactor {
    fn call_in_thread<F>(&self, job: F) -> std::result::Result<JobHandle, SubmitError<F>>
    where
        F: FnOnce() + Send + 'static,
    {
        ReactorPool::of(self).call_in_thread(job)
    }

    fn call_multiple_in_thread(
        &self,
        jobs: Vec<BoxedJob>,
    ) -> std::result::Result<JobHandle, SubmitError<BoxedJob>> {
        ReactorPool::of(self).call_in_thread(in_order(jobs))
    }

    fn defer_to_thread<F, R>(&self, job: F) -> Deferred<R::Value>
    where
        F: FnOnce() -> R + Send + 'static,
        R: JobOutcome,
    {
        defer_to_pool(self, &ReactorPool::of(self), job, |_| ())
    }

    fn defer_to_thread_pool<F, R>(&self, pool: &ThreadPool, job: F) -> Deferred<R::Value>
    where
        F: FnOnce() -> R + Send + 'static,
        R: JobOutcome,
    {
        defer_to_private_pool(self, pool, job)
    }

    fn suggest_thread_pool_size(&self, threads: usize) -> std::result::Result<(), InvalidSize> {
        self.handle().suggest_thread_pool_size(threads)
    }

    fn thread_pool(&self) -> ThreadPool {
        ReactorPool::of(self)
    }

    fn install_thread_pool(&self, pool: ThreadPool) -> std::result::Result<(), ThreadPool> {
        ReactorPool::install(self, pool)
    }
}

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
pub trait HandleThreads: sealed::Sealed {
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

    /// As [`ReactorThreads::suggest_thread_pool_size`], from any thread.
    ///
    /// # Errors
    ///
    /// `InvalidSize`: a pool of no threads would never run anything.
    fn suggest_thread_pool_size(&self, threads: usize) -> std::result::Result<(), InvalidSize>;

    /// As [`ReactorThreads::thread_pool`], from any thread.
    fn thread_pool(&self) -> ThreadPool;

    /// Calls `f` on the reactor thread and waits here for its result, or for the result of the
    /// `Deferred` that it returns.
    ///
    /// It never waits for a reactor that cannot answer. Before the first run it waits for it. A
    /// job of a pool waits inside of [`blocking`](ropewalk_threadpool::blocking()), so that the
    /// pool may have another thread for what it waits for. To keep the jobs of a pool of one thread
    /// apart even then, set its `max_spare_threads` to 0.
    ///
    /// # Threads
    ///
    /// Any but the reactor thread.
    ///
    /// # Errors
    ///
    /// - the failure of `f`, or of its `Deferred`;
    /// - `Panicked`: `f` panicked;
    /// - [`WouldDeadlock`](crate::WouldDeadlock): this is the reactor thread; nothing was queued;
    /// - `ReactorStopped`: the reactor has stopped, or stopped before there was a result. Once a
    ///   shutdown has begun, a `Deferred` is not waited for any more.
    ///
    /// Twisted: `blockingCallFromThread`.
    #[doc(alias = "blockingCallFromThread")]
    #[track_caller]
    fn blocking_call_from_thread<F, R>(&self, f: F) -> Result<R::Value>
    where
        F: FnOnce(&Reactor) -> R + Send + 'static,
        R: Outcome<Value: Send>;

    /// As [`blocking_call_from_thread`](Self::blocking_call_from_thread), for at most `limit`.
    ///
    /// # Errors
    ///
    /// As there, and `TimedOut`: a call that has not begun then never runs, and a `Deferred` that
    /// is waited for is cancelled.
    #[track_caller]
    fn blocking_call_from_thread_timeout<F, R>(&self, limit: Duration, f: F) -> Result<R::Value>
    where
        F: FnOnce(&Reactor) -> R + Send + 'static,
        R: Outcome<Value: Send>;

    /// Calls `f` on the reactor thread and gives its result later, to whoever waits for it.
    ///
    /// # Threads
    ///
    /// Any thread.
    #[track_caller]
    fn eventually<F, R>(&self, f: F) -> Eventual<R::Value>
    where
        F: FnOnce(&Reactor) -> R + Send + 'static,
        R: Outcome<Value: Send>;
}

impl HandleThreads for ReactorHandle {
    fn call_in_thread<F>(&self, job: F) -> std::result::Result<JobHandle, SubmitError<F>>
    where
        F: FnOnce() + Send + 'static,
    {
        ReactorPool::of_handle(self).call_in_thread(job)
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
        R: Outcome<Value: Send>,
    {
        refuse_on_the_reactor_thread(self)?;
        self.eventually(f).wait()
    }

    fn blocking_call_from_thread_timeout<F, R>(&self, limit: Duration, f: F) -> Result<R::Value>
    where
        F: FnOnce(&Reactor) -> R + Send + 'static,
        R: Outcome<Value: Send>,
    {
        refuse_on_the_reactor_thread(self)?;
        self.eventually(f).wait_timeout(limit).unwrap_or_else(|late| {
            late.cancel();
            Err(Failure::new(TimedOut))
        })
    }

    fn eventually<F, R>(&self, f: F) -> Eventual<R::Value>
    where
        F: FnOnce(&Reactor) -> R + Send + 'static,
        R: Outcome<Value: Send>,
    {
        Eventual::ask(self, f)
    }
}

fn refuse_on_the_reactor_thread(handle: &ReactorHandle) -> Result<()> {
    if handle.is_reactor_thread() {
        tracing::warn!("a blocking call on the reactor thread was refused");
        return Err(Failure::new(crate::WouldDeadlock));
    }
    Ok(())
}

fn in_order(jobs: Vec<BoxedJob>) -> BoxedJob {
    Box::new(move || jobs.into_iter().for_each(|job| job()))
}

mod sealed {
    #[expect(unnameable_types, reason = "this is what seals the trait")]
    pub trait Sealed {}
    impl Sealed for ropewalk_reactor::Reactor {}
    impl Sealed for ropewalk_reactor::ReactorHandle {}
}
