//! The ways for a job into the pool.
//!
//! The closure's type is known here and nowhere behind: a job that is refused is taken out of its
//! cell again and handed back as what it was.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::context::Around;
use crate::error::{Panicked, Rejection, SubmitError, SubmitErrorKind};
use crate::events::tell;
use crate::handle::JobHandle;
use crate::job::{Job, Plain, Run, WithCallback, WithHandover, Work};
use crate::pool::ThreadPool;

/// How to come in.
#[derive(Clone, Copy)]
enum Entry {
    /// In any case.
    Always,
    /// If there is room.
    IfRoom,
    /// When there is room, or not after all at that time.
    WhenRoom(Option<Instant>),
}

impl ThreadPool {
    /// Queues `job` to be run on a thread of the pool.
    ///
    /// Accepts any number of jobs. A panic in the job is contained, counted, and logged once with
    /// where the job was submitted. What the job captured is released when it has run.
    ///
    /// # Errors
    ///
    /// - [`Stopped`](crate::SubmitErrorKind::Stopped) — the pool was stopped or closed.
    /// - [`NoThread`](crate::SubmitErrorKind::NoThread) — there is no thread and none could be
    ///   started; with threads at work the job waits for one of them.
    ///
    /// Each gives the job back.
    ///
    /// Twisted: `ThreadPool.callInThread`.
    #[doc(alias = "callInThread")]
    #[track_caller]
    pub fn call_in_thread<F>(&self, job: F) -> Result<JobHandle, SubmitError<F>>
    where
        F: FnOnce() + Send + 'static,
    {
        self.submit(Plain(job), Entry::Always, |Plain(job)| job)
    }

    /// Queues `job` if the queue has room for it.
    ///
    /// # Errors
    ///
    /// - [`Full`](crate::SubmitErrorKind::Full) — as many jobs wait as
    ///   [`queue_limit`](crate::Builder::queue_limit) allows.
    /// - those of [`call_in_thread`](Self::call_in_thread).
    ///
    /// Each gives the job back.
    #[track_caller]
    pub fn try_call_in_thread<F>(&self, job: F) -> Result<JobHandle, SubmitError<F>>
    where
        F: FnOnce() + Send + 'static,
    {
        self.submit(Plain(job), Entry::IfRoom, |Plain(job)| job)
    }

    /// Queues `job`, and waits for room in the queue if there is none.
    ///
    /// For a foreign thread that makes jobs faster than the pool can do them: it is slowed down to
    /// their speed. Several that wait come in one after the other, about in the order in which they
    /// came. In a pool that has not been started there is room up to
    /// [`queue_limit`](crate::Builder::queue_limit), and no more until it is.
    ///
    /// # Threads
    ///
    /// Any but a reactor thread, which it would block.
    ///
    /// # Errors
    ///
    /// - [`WouldDeadlock`](crate::SubmitErrorKind::WouldDeadlock) — the queue is full, and this is
    ///   a thread of the same pool.
    /// - those of [`call_in_thread`](Self::call_in_thread), also if the pool is stopped meanwhile.
    ///
    /// Each gives the job back.
    ///
    /// # Examples
    ///
    /// ```
    /// use ropewalk_threadpool::ThreadPool;
    ///
    /// let pool = ThreadPool::builder().max_threads(1).queue_limit(2).build()?;
    /// pool.start()?;
    /// for _ in 0..100 {
    ///     pool.call_in_thread_when_room(|| ())?; // at no time do more than two wait
    /// }
    /// pool.stop();
    /// assert_eq!(pool.stats().completed, 100);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    pub fn call_in_thread_when_room<F>(&self, job: F) -> Result<JobHandle, SubmitError<F>>
    where
        F: FnOnce() + Send + 'static,
    {
        self.submit(Plain(job), Entry::WhenRoom(None), |Plain(job)| job)
    }

    /// Does as [`call_in_thread_when_room`](Self::call_in_thread_when_room), but waits no longer
    /// than `limit`.
    ///
    /// # Threads
    ///
    /// Any but a reactor thread, which it would block.
    ///
    /// # Errors
    ///
    /// - [`TimedOut`](crate::SubmitErrorKind::TimedOut) — there was no room in time.
    /// - those of [`call_in_thread_when_room`](Self::call_in_thread_when_room).
    ///
    /// Each gives the job back.
    #[track_caller]
    pub fn call_in_thread_within<F>(
        &self,
        limit: Duration,
        job: F,
    ) -> Result<JobHandle, SubmitError<F>>
    where
        F: FnOnce() + Send + 'static,
    {
        let deadline = Instant::now().checked_add(limit);
        self.submit(Plain(job), Entry::WhenRoom(deadline), |Plain(job)| job)
    }

    /// Queues `job` and has its value, or its panic, given to `on_result` on the same thread.
    ///
    /// What the job captured is released before `on_result` runs. A panic in `on_result` is
    /// logged once and harms nothing else. If the job is cancelled while it waits, both are
    /// dropped uncalled.
    ///
    /// # Errors
    ///
    /// Those of [`call_in_thread`](Self::call_in_thread); each gives the callback and the job
    /// back.
    ///
    /// # Examples
    ///
    /// ```
    /// use ropewalk_threadpool::ThreadPool;
    ///
    /// let pool = ThreadPool::builder().build()?;
    /// pool.start()?;
    /// let (sender, receiver) = std::sync::mpsc::channel();
    /// pool.call_in_thread_with_callback(
    ///     move |result| sender.send(result.is_err()).unwrap(),
    ///     || "12".parse::<i32>().unwrap(),
    /// )?;
    /// assert!(!receiver.recv()?);
    /// pool.stop();
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// Twisted: `ThreadPool.callInThreadWithCallback`.
    #[doc(alias = "callInThreadWithCallback")]
    #[track_caller]
    pub fn call_in_thread_with_callback<T, C, F>(
        &self,
        on_result: C,
        job: F,
    ) -> Result<JobHandle, SubmitError<(C, F)>>
    where
        C: FnOnce(Result<T, Panicked>) + Send + 'static,
        F: FnOnce() -> T + Send + 'static,
        T: 'static,
    {
        let work = WithCallback { on_result, job };
        self.submit(work, Entry::Always, |it| (it.on_result, it.job))
    }

    /// Does as [`call_in_thread_with_callback`](Self::call_in_thread_with_callback) if the queue
    /// has room for the job.
    ///
    /// # Errors
    ///
    /// Those of [`try_call_in_thread`](Self::try_call_in_thread); each gives the callback and the
    /// job back.
    #[track_caller]
    pub fn try_call_in_thread_with_callback<T, C, F>(
        &self,
        on_result: C,
        job: F,
    ) -> Result<JobHandle, SubmitError<(C, F)>>
    where
        C: FnOnce(Result<T, Panicked>) + Send + 'static,
        F: FnOnce() -> T + Send + 'static,
        T: 'static,
    {
        let work = WithCallback { on_result, job };
        self.submit(work, Entry::IfRoom, |it| (it.on_result, it.job))
    }

    /// Queues `job`, if there is room for it, and has its value, or its panic, handed over to another
    /// thread by the last thing that it does. The job is named after the type `N`, that of a closure
    /// inside of it. For crates that bring results to where they are waited for.
    ///
    /// `hand_over` waits for nothing, and neither runs nor drops what is a user's: the pool counts on
    /// the worker already. What it could not hand over it returns, to be dropped.
    ///
    /// # Errors
    ///
    /// Those of [`try_call_in_thread`](Self::try_call_in_thread); each gives both closures back.
    #[doc(hidden)]
    #[track_caller]
    pub fn try_call_in_thread_handing_over<N, T, R, C, F>(
        &self,
        hand_over: C,
        job: F,
    ) -> Result<JobHandle, SubmitError<(C, F)>>
    where
        N: 'static,
        C: FnOnce(Result<T, Panicked>) -> Result<(), R> + Send + 'static,
        F: FnOnce() -> T + Send + 'static,
        R: 'static,
        T: 'static,
    {
        let work = WithHandover::<C, F, N>::new(hand_over, job);
        self.submit(work, Entry::IfRoom, |it| (it.hand_over, it.job))
    }

    #[track_caller]
    fn submit<W: Work + 'static, B>(
        &self,
        work: W,
        entry: Entry,
        give_back: impl FnOnce(W) -> B,
    ) -> Result<JobHandle, SubmitError<B>> {
        let shared = self.shared();
        let around = Around::capture(shared.config.context.as_ref());
        let job = Job::new(shared, work, around, shared.now());
        let (queued, limit) = (Arc::<Job<W>>::clone(&job), shared.config.queue_limit);
        let accepted = match entry {
            Entry::Always => shared.submit(queued, None),
            Entry::IfRoom => shared.submit(queued, limit),
            Entry::WhenRoom(deadline) => shared.submit_when_room(queued, limit, deadline),
        };
        match accepted {
            Ok(()) => Ok(JobHandle::new(job)),
            Err(mut rejection) => {
                if rejection.kind == SubmitErrorKind::Stopped {
                    rejection.advice = self.advice();
                }
                self.tell_rejection(&rejection, &*job);
                #[expect(clippy::expect_used, reason = "a job that was refused has its work")]
                let work = job.take().expect("only the queue could have taken it");
                Err(SubmitError::new(rejection, give_back(work)))
            }
        }
    }

    /// Tells of a submission that was refused; the lock is not held.
    fn tell_rejection(&self, rejection: &Rejection, job: &dyn Run) {
        let (pool, submitted_at, kind) = (self.name(), job.header().location(), rejection.kind);
        if kind == SubmitErrorKind::NoThread {
            tell(|| tracing::warn!(pool, %submitted_at, ?kind, "a job was rejected"));
        } else {
            // An everyday answer, perhaps thousands of times a second, and the caller holds it.
            tell(|| tracing::debug!(pool, %submitted_at, ?kind, "a job was rejected"));
        }
    }
}
