//! The bridges as an extension trait: what a `Reactor` gains with this crate.

use crate::boxed_job::{BoxedJob, in_order};
use crate::defer_to_thread::defer_to_private_pool;
use crate::error::InstallError;
use crate::from_thread::HandleThreads as _;
use crate::outcome::JobOutcome;
use crate::progress::{self, ReportingJob};
use crate::reactor_pool::ReactorPool;
use ropewalk_deferred::Deferred;
use ropewalk_reactor::Reactor;
use ropewalk_threadpool::{AlreadyStopped, InvalidSize, JobHandle, SubmitError, ThreadPool};

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
    fn call_in_thread<F>(&self, job: F) -> Result<JobHandle, SubmitError<F>>
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
    fn call_multiple_in_thread<I>(&self, jobs: I) -> Result<JobHandle, SubmitError<BoxedJob>>
    where
        I: IntoIterator<Item = BoxedJob>;

    /// Runs `job` in the reactor's pool and brings its result back as a `Deferred`.
    ///
    /// Cancelling the `Deferred` takes back a job that is queued; one that runs can see it with
    /// `CancelToken::current()`, and be interrupted: see
    /// [`on_cancel`](ropewalk_threadpool::CancelToken::on_cancel). Its result is dropped. A `timeout`
    /// of the `Deferred` counts the wait in the queue, too.
    ///
    /// # Threads
    ///
    /// Reactor thread.
    ///
    /// # Errors
    ///
    /// The `Deferred` fails with what the job returned; `Panicked`, if it panicked;
    /// `SubmitError<()>`, if the pool refused it; [`JobDropped`](crate::JobDropped), if the pool took
    /// it and nobody runs it any more; `ReactorStopped`, if the reactor stopped first.
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

    /// As [`defer_to_thread`](Self::defer_to_thread), for a job that tells how far it has come.
    ///
    /// `on_progress` is called on the reactor thread with what the job
    /// [reports](ReportingJob::report), until the `Deferred` is settled:
    ///
    /// - in order, in a later turn, and at most once a turn: a value that the reactor has not come
    ///   to is replaced by the next one;
    /// - with the last value before the callbacks of the result, also if the job fails or panics;
    /// - not any more once there is a result, the `Deferred` is cancelled or the run has ended.
    ///
    /// It may do anything: cancel the `Deferred`, ask for further jobs, stop the reactor. If it
    /// panics, that is reported as for any call
    /// ([`PanicPolicy`](ropewalk_reactor::PanicPolicy)), it is not called again, and the job goes
    /// on. It is dropped on the reactor thread when the `Deferred` is settled, with all that it
    /// captures; it need not be `Send`.
    ///
    /// # Threads
    ///
    /// Reactor thread. The job gets a [`ReportingJob`] on its worker.
    ///
    /// # Errors
    ///
    /// As for [`defer_to_thread`](Self::defer_to_thread).
    ///
    /// # Examples
    ///
    /// ```
    /// # use ropewalk_reactor::Reactor;
    /// # use ropewalk_threads::ReactorThreads as _;
    /// let reactor = Reactor::new()?;
    /// reactor
    ///     .defer_to_thread_with(
    ///         |_, percent: u32| println!("{percent} %"),
    ///         |job| {
    ///             for percent in 0..=100 {
    ///                 job.check_cancelled()?;
    ///                 job.report(percent);
    ///             }
    ///             Ok("done")
    ///         },
    ///     )
    ///     .add_callback(|result| {
    ///         println!("{result}"); // after "100 %"
    ///         Reactor::with_current(|reactor| reactor.stop());
    ///     })
    ///     .detach();
    /// reactor.run().unwrap();
    /// # std::io::Result::Ok(())
    /// ```
    #[track_caller]
    fn defer_to_thread_with<P, C, F, R>(&self, on_progress: C, job: F) -> Deferred<R::Value>
    where
        P: Send + 'static,
        C: FnMut(&Reactor, P) + 'static,
        F: FnOnce(&ReportingJob<P>) -> R + Send + 'static,
        R: JobOutcome;

    /// As [`defer_to_thread_with`](Self::defer_to_thread_with), in a pool of your own, which is
    /// treated as by [`defer_to_thread_pool`](Self::defer_to_thread_pool).
    ///
    /// # Threads
    ///
    /// Reactor thread.
    ///
    /// # Errors
    ///
    /// As for [`defer_to_thread`](Self::defer_to_thread).
    #[track_caller]
    fn defer_to_thread_pool_with<P, C, F, R>(
        &self,
        pool: &ThreadPool,
        on_progress: C,
        job: F,
    ) -> Deferred<R::Value>
    where
        P: Send + 'static,
        C: FnMut(&Reactor, P) + 'static,
        F: FnOnce(&ReportingJob<P>) -> R + Send + 'static,
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
    fn suggest_thread_pool_size(&self, threads: usize) -> Result<(), InvalidSize>;

    /// The reactor's pool: 5 to 10 threads, started with the first need, unless another was
    /// [installed](Self::install_thread_pool) or is [shared](Self::share_thread_pool). It is made now
    /// if need be, starts with the reactor and stops with it: it takes no more jobs once the *before*
    /// triggers of the shutdown have run and nobody holds it any more, and has run all others when
    /// `run` returns. A crash leaves it running, for the next run; the drop of the reactor closes it,
    /// and what it has runs. A program that only ever calls [`Reactor::turn`] starts it itself.
    ///
    /// # Threads
    ///
    /// Reactor thread.
    ///
    /// Twisted: `getThreadPool`.
    #[doc(alias = "getThreadPool")]
    #[must_use]
    fn thread_pool(&self) -> ThreadPool;

    /// Makes `pool` the pool of this reactor, at once: one with another size, name, queue limit or
    /// stall diagnosis. The reactor starts and stops it. A later run gets a pool of the default kind,
    /// with the sizes of this one. Between two runs it keeps the jobs that it is given for the next
    /// one.
    ///
    /// The pool before it takes no more jobs: a handle of it that was kept gives `SubmitError`s of
    /// kind `Stopped`. It runs the jobs that it has, without waiting for a run, and then its threads
    /// end. Results are delivered, and the shutdown waits for them, too. A
    /// [shared](Self::share_thread_pool) pool goes on for its other users.
    ///
    /// A pool that is started already is taken as it is; one that is this reactor's already stays.
    ///
    /// # Threads
    ///
    /// Reactor thread, at any time but in the shutdown.
    ///
    /// # Errors
    ///
    /// [`InstallError`], with `pool` inside: it was stopped, or belongs to another reactor, or this
    /// reactor is in its shutdown and takes no more jobs.
    ///
    /// # Examples
    ///
    /// ```
    /// use ropewalk_reactor::Reactor;
    /// use ropewalk_threadpool::ThreadPool;
    /// use ropewalk_threads::ReactorThreads as _;
    ///
    /// let reactor = Reactor::new()?;
    /// let first = reactor.thread_pool();
    /// reactor.call_in_thread(|| println!("accepted, so it runs"))?;
    /// reactor.install_thread_pool(ThreadPool::builder().name("small").max_threads(2).build()?)?;
    /// assert_eq!(reactor.thread_pool().name(), "small");
    /// assert!(first.call_in_thread(|| ()).is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    fn install_thread_pool(&self, pool: ThreadPool) -> Result<(), InstallError>;

    /// Gives the jobs of this reactor, from now on, to a `pool` that others may use as well. Who
    /// made it starts it and stops it: this reactor does neither, in whatever run, until another
    /// pool comes in its place.
    ///
    /// The shutdown waits for the results that are owed to `Deferred`s of this reactor, not for other
    /// jobs; those that wait for a start are given up, as by
    /// [`defer_to_thread_pool`](Self::defer_to_thread_pool). Between two runs
    /// [`defer_to_thread`](Self::defer_to_thread) fails as ever, but
    /// [`call_in_thread`](Self::call_in_thread), which needs no reactor, does not. Once the pool is
    /// stopped it refuses all jobs.
    ///
    /// [`suggest_thread_pool_size`](Self::suggest_thread_pool_size) changes the pool for all. An own
    /// pool that it comes in place of ends as [`install_thread_pool`](Self::install_thread_pool)
    /// says; if it is `pool` itself it lives on, and is now its user's to stop.
    ///
    /// # Threads
    ///
    /// Reactor thread.
    ///
    /// # Errors
    ///
    /// `AlreadyStopped`: nothing has changed.
    ///
    /// # Examples
    ///
    /// ```
    /// use ropewalk_reactor::Reactor;
    /// use ropewalk_threadpool::ThreadPool;
    /// use ropewalk_threads::ReactorThreads as _;
    ///
    /// let pool = ThreadPool::builder().name("everybody's").build()?;
    /// pool.start()?;
    /// for reactor in [Reactor::new()?, Reactor::new()?] {
    ///     reactor.share_thread_pool(&pool)?;
    ///     reactor.call_in_thread(|| println!("in one of the same threads"))?;
    /// }
    /// pool.stop();
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    fn share_thread_pool(&self, pool: &ThreadPool) -> Result<(), AlreadyStopped>;
}

impl ReactorThreads for Reactor {
    fn call_in_thread<F>(&self, job: F) -> Result<JobHandle, SubmitError<F>>
    where
        F: FnOnce() + Send + 'static,
    {
        ReactorPool::of(self).call_in_thread(job)
    }

    fn call_multiple_in_thread<I>(&self, jobs: I) -> Result<JobHandle, SubmitError<BoxedJob>>
    where
        I: IntoIterator<Item = BoxedJob>,
    {
        ReactorPool::of(self).call_in_thread(in_order(jobs))
    }

    fn defer_to_thread<F, R>(&self, job: F) -> Deferred<R::Value>
    where
        F: FnOnce() -> R + Send + 'static,
        R: JobOutcome,
    {
        ReactorPool::defer::<F, _, _>(self, job)
    }

    fn defer_to_thread_pool<F, R>(&self, pool: &ThreadPool, job: F) -> Deferred<R::Value>
    where
        F: FnOnce() -> R + Send + 'static,
        R: JobOutcome,
    {
        defer_to_private_pool::<F, _, _>(self, pool, job)
    }

    fn defer_to_thread_with<P, C, F, R>(&self, on_progress: C, job: F) -> Deferred<R::Value>
    where
        P: Send + 'static,
        C: FnMut(&Self, P) + 'static,
        F: FnOnce(&ReportingJob<P>) -> R + Send + 'static,
        R: JobOutcome,
    {
        progress::defer(self, None, on_progress, job)
    }

    fn defer_to_thread_pool_with<P, C, F, R>(
        &self,
        pool: &ThreadPool,
        on_progress: C,
        job: F,
    ) -> Deferred<R::Value>
    where
        P: Send + 'static,
        C: FnMut(&Self, P) + 'static,
        F: FnOnce(&ReportingJob<P>) -> R + Send + 'static,
        R: JobOutcome,
    {
        progress::defer(self, Some(pool), on_progress, job)
    }

    fn suggest_thread_pool_size(&self, threads: usize) -> Result<(), InvalidSize> {
        self.handle().suggest_thread_pool_size(threads)
    }

    fn thread_pool(&self) -> ThreadPool {
        ReactorPool::of(self)
    }

    fn install_thread_pool(&self, pool: ThreadPool) -> Result<(), InstallError> {
        ReactorPool::install(self, pool)
    }

    fn share_thread_pool(&self, pool: &ThreadPool) -> Result<(), AlreadyStopped> {
        ReactorPool::share(self, pool)
    }
}

pub(crate) mod sealed {
    #[expect(unnameable_types, reason = "this is what seals the trait")]
    pub trait Sealed {}
    impl Sealed for ropewalk_reactor::Reactor {}
    impl Sealed for ropewalk_reactor::ReactorHandle {}
}
