//! Jobs that a stopped pool hands back.

use std::fmt;
use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

use crate::job::Run;

/// A job that was accepted and not run: [`stop_now`](crate::ThreadPool::stop_now) handed it back.
///
/// It can be run here, or dropped, which drops its closure. Its handles say
/// [`JobState::Returned`](crate::JobState::Returned) whatever becomes of it.
///
/// # Threads
///
/// Any thread.
#[must_use = "dropping it drops the job unrun"]
pub struct UnrunJob {
    job: Arc<dyn Run>,
    pool: Arc<str>,
    waited: Duration,
}

impl UnrunJob {
    pub(crate) fn new(job: Arc<dyn Run>, pool: Arc<str>, waited: Duration) -> Self {
        Self { job, pool, waited }
    }

    /// Returns the name of the job: the type name of its closure.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.job.name()
    }

    /// Returns where the job was submitted.
    #[must_use]
    pub fn location(&self) -> &'static Location<'static> {
        self.job.header().location()
    }

    /// Returns how long the job had waited when it was handed back.
    #[must_use]
    pub fn waited(&self) -> Duration {
        self.waited
    }

    /// Runs the job on this thread, in the context of its submitter, and its callback after it.
    ///
    /// A panic is contained and reported as it would have been in the pool. It is in no number of
    /// the pool.
    pub fn run(self) {
        self.job.run_returned(&self.pool);
    }
}

impl Drop for UnrunJob {
    fn drop(&mut self) {
        self.job.discard();
    }
}

impl fmt::Debug for UnrunJob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UnrunJob")
            .field("name", &self.name())
            .field("location", &format_args!("{}", self.location()))
            .field("waited", &self.waited)
            .finish()
    }
}
