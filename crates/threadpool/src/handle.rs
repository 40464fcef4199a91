//! The hold that a submitter keeps on its job.

use std::fmt;
use std::panic::Location;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::blocking::blocking;
use crate::error::WouldDeadlock;
use crate::header::JobState;
use crate::hook;
use crate::job::Run;
use crate::place;
use crate::pool::ThreadPool;
use crate::shared::Shared;
use crate::state::Phase;
use crate::sync::{lock, wait_until};

/// The submitter's hold on a job: to cancel it, to wait for it, and to name it.
///
/// Dropping the handle changes nothing for the job. A handle that is kept keeps the small cell of
/// the job, but neither its closure nor the pool.
///
/// # Threads
///
/// Any thread; clones are handles to the same job.
#[derive(Clone)]
pub struct JobHandle {
    job: Arc<dyn Run>,
}

impl JobHandle {
    pub(crate) fn new(job: Arc<dyn Run>) -> Self {
        Self { job }
    }

    pub(crate) fn job(&self) -> &Arc<dyn Run> {
        &self.job
    }

    /// Cancels the job; true if it was queued, will never run, and its closure has been dropped.
    ///
    /// The closure, with what it captured, is dropped before this returns, on this thread and
    /// outside of any lock; for a job with a callback so is the callback. The job takes no room
    /// in the queue any more. The cost does not depend on the length of the queue.
    ///
    /// False means that the job is running or over. A running one is told through its
    /// [`CancelToken`](crate::CancelToken), and it is its own decision to look; the hooks that it
    /// has set with [`on_cancel`](crate::CancelToken::on_cancel) are called here.
    ///
    /// # Threads
    ///
    /// Any thread, the job itself included.
    ///
    /// # Examples
    ///
    /// ```
    /// use ropewalk_threadpool::ThreadPool;
    ///
    /// let pool = ThreadPool::builder().build()?; // not started: jobs wait
    /// let handle = pool.call_in_thread(|| unreachable!("cancelled before it ran"))?;
    /// assert!(handle.cancel());
    /// assert!(!handle.cancel(), "once is enough");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn cancel(&self) -> bool {
        // A pool that is gone has no queued jobs.
        let queued = self.job.header().pool().is_some_and(|pool| pool.cancel(&*self.job));
        if !queued {
            hook::cancel(&self.job);
        }
        queued
    }

    /// Returns the name of the job: the type name of its closure, which tells the function that
    /// it was written in.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.job.name()
    }

    /// Returns where the job was submitted.
    #[must_use]
    pub fn location(&self) -> &'static Location<'static> {
        self.job.header().location()
    }

    /// Returns how long ago the job was submitted; `None` if its pool is gone.
    ///
    /// # Threads
    ///
    /// Any thread.
    #[must_use]
    pub fn age(&self) -> Option<Duration> {
        let header = self.job.header();
        let now = header.pool()?.now();
        Some(Duration::from_nanos(now.saturating_sub(header.submitted())))
    }

    /// Whether it is a job of this pool. For crates that watch over pools.
    #[doc(hidden)]
    #[must_use]
    pub fn is_of(&self, pool: &ThreadPool) -> bool {
        self.job.header().pool().is_some_and(|own| Arc::ptr_eq(&own, pool.shared()))
    }

    /// Returns where the job is in its life; it may have moved on when the answer arrives.
    #[must_use]
    pub fn state(&self) -> JobState {
        self.job.header().state()
    }

    /// Returns true while the job is queued in a pool that has never been started: it will not
    /// run until [`start`](crate::ThreadPool::start) is called.
    #[must_use]
    pub fn waits_for_start(&self) -> bool {
        let Some(pool) = self.job.header().pool() else { return false };
        let phase = pool.core().state.phase();
        phase == Phase::New && self.state() == JobState::Queued
    }

    /// Waits until the job is over, and returns how it ended.
    ///
    /// The state is one of those for which [`JobState::is_final`] is true. On a thread of a pool
    /// this waits inside of [`blocking`](crate::blocking()): a job may wait for another job of the
    /// same pool, which finds a thread even if all others are in use. A job in a pool that is
    /// never started, or whose workers do not come to an end, is waited for without a limit;
    /// [`wait_timeout`](Self::wait_timeout) has one.
    ///
    /// # Threads
    ///
    /// Any but a reactor thread, which it would block: for ever, if the job waits for that reactor,
    /// since a pool knows of none and refuses nobody. There, `defer_to_thread` of the crate
    /// `ropewalk-threads` has a `Deferred` for the end of the job.
    ///
    /// # Errors
    ///
    /// - [`WouldDeadlock`] — called inside the very job, or for a queued job of a
    ///   [`ManualPool`](crate::ManualPool) on the thread that made it.
    ///
    /// # Examples
    ///
    /// ```
    /// use ropewalk_threadpool::{JobState, ThreadPool};
    ///
    /// let pool = ThreadPool::builder().build()?;
    /// pool.start()?;
    /// let fine = pool.call_in_thread(|| ())?;
    /// let broken = pool.call_in_thread(|| panic!("logged, and told to who waits"))?;
    /// assert_eq!(fine.wait()?, JobState::Finished);
    /// assert_eq!(broken.wait()?, JobState::Panicked);
    /// # pool.stop();
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn wait(&self) -> Result<JobState, WouldDeadlock> {
        self.wait_for_end(None)
    }

    /// Does as [`wait`](Self::wait), but waits no longer than `limit`; `None` if the job is not
    /// over by then.
    ///
    /// # Errors
    ///
    /// Those of [`wait`](Self::wait).
    pub fn wait_timeout(&self, limit: Duration) -> Result<Option<JobState>, WouldDeadlock> {
        let state = self.wait_for_end(Instant::now().checked_add(limit))?;
        Ok(state.is_final().then_some(state))
    }

    fn wait_for_end(&self, deadline: Option<Instant>) -> Result<JobState, WouldDeadlock> {
        let state = self.state();
        if state.is_final() {
            return Ok(state);
        }
        let Some(pool) = self.job.header().pool() else { return Ok(self.state()) };
        let is_own = place::is_inside_job(&self.job);
        let nobody_runs_it = state == JobState::Queued && pool.config.is_manual_here();
        if is_own || nobody_runs_it {
            return Err(WouldDeadlock::default());
        }
        Ok(blocking(|| self.sleep_until_end(&pool, deadline)))
    }

    fn sleep_until_end(&self, pool: &Shared, deadline: Option<Instant>) -> JobState {
        let mut ends = lock(&pool.ends);
        let mut late = false;
        loop {
            let state = self.job.header().await_end();
            if state.is_final() || late {
                return state;
            }
            (ends, late) = wait_until(&pool.ended, ends, deadline);
        }
    }
}

impl fmt::Debug for JobHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JobHandle")
            .field("name", &self.name())
            .field("location", &format_args!("{}", self.location()))
            .field("state", &self.state())
            .finish()
    }
}
