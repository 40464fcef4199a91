//! What a running job can know about being wanted no more.
//!
//! A queued job that is cancelled never runs, so only a running one needs a token.

use std::fmt;
use std::sync::Arc;

use crate::job::Run;
use crate::place;

/// Tells a running job whether it is wanted no more: [`JobHandle::cancel`](crate::JobHandle::cancel)
/// was called for it, or [`stop_now`](crate::ThreadPool::stop_now) for its pool.
///
/// Cancellation is cooperative: a job that never looks runs to its end.
///
/// # Threads
///
/// [`CancelToken::current`] is called inside the job, on its worker; the token may then be given
/// to any thread.
///
/// # Examples
///
/// ```
/// use ropewalk_threadpool::{CancelToken, JobState, ThreadPool};
///
/// let pool = ThreadPool::builder().build()?;
/// pool.start()?;
/// let (started, is_started) = std::sync::mpsc::channel();
/// let handle = pool.call_in_thread(move || {
///     let token = CancelToken::current();
///     started.send(()).unwrap();
///     while !token.is_cancelled() {
///         std::thread::yield_now(); // one piece of the work
///     }
/// })?;
/// is_started.recv()?;
/// assert!(!handle.cancel(), "it runs, and is told");
/// assert_eq!(handle.wait()?, JobState::Finished);
/// pool.stop();
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct CancelToken {
    job: Option<Arc<dyn Run>>,
}

impl CancelToken {
    /// Returns the token of the job that runs on this thread.
    ///
    /// Outside of a job it returns a token that is never cancelled, so that the same function can
    /// be called in a pool and elsewhere.
    ///
    /// # Threads
    ///
    /// Any thread.
    #[must_use]
    pub fn current() -> Self {
        Self { job: place::current_job() }
    }

    /// Returns true once the job is wanted no more. It never turns false again.
    ///
    /// # Threads
    ///
    /// Any thread.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.job.as_ref().is_some_and(|job| job.header().is_cancel_requested())
    }
}

impl fmt::Debug for CancelToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CancelToken").field("is_cancelled", &self.is_cancelled()).finish()
    }
}
