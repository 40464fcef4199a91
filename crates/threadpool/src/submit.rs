//! The ways for a job into the pool.
//!
//! The closure's type is known here and nowhere behind: a job that is refused is taken out of its
//! cell again and handed back as what it was.

use std::sync::Arc;

use crate::error::{Panicked, SubmitError};
use crate::job::{Job, JobHandle, Plain, Run, WithCallback, Work};
use crate::pool::ThreadPool;

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
        self.submit(Job::new::<F>(Plain(job)), None, |Plain(job)| job)
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
        self.submit(Job::new::<F>(Plain(job)), self.limit(), |Plain(job)| job)
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
        let job = Job::new::<F>(WithCallback(on_result, job));
        self.submit(job, None, |WithCallback(on_result, job)| (on_result, job))
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
        let job = Job::new::<F>(WithCallback(on_result, job));
        self.submit(job, self.limit(), |WithCallback(on_result, job)| (on_result, job))
    }

    fn limit(&self) -> Option<usize> {
        self.shared().config.queue_limit
    }

    fn submit<W: Work + 'static, B>(
        &self,
        job: Arc<Job<W>>,
        limit: Option<usize>,
        give_back: impl FnOnce(W) -> B,
    ) -> Result<JobHandle, SubmitError<B>> {
        match self.shared().submit(Arc::<Job<W>>::clone(&job), limit) {
            Ok(place) => Ok(JobHandle::new(Arc::clone(self.shared()), job, place)),
            Err(rejection) => {
                self.shared().tell_rejection(&rejection, job.header());
                #[expect(clippy::expect_used, reason = "a job that was refused has its work")]
                let work = job.take().expect("only the queue could have taken it");
                Err(SubmitError::new(rejection, give_back(work)))
            }
        }
    }
}
