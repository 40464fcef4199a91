//! What can be wrong with a cooperative task.

use ropewalk_deferred::Failure;
use std::error::Error;
use std::fmt;
use std::sync::Arc;

/// The task is not paused, or has been resumed as often as it was paused.
///
/// Given by [`CooperativeTask::resume`](crate::CooperativeTask::resume).
///
/// Twisted: `NotPaused`.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct NotPaused;

impl fmt::Display for NotPaused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the task is not paused: pause it first, once for each resume")
    }
}

impl Error for NotPaused {}

/// The task has come to its end before.
///
/// Given by [`CooperativeTask::stop`](crate::CooperativeTask::stop).
///
/// Twisted: `TaskFinished`.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum TaskFinished {
    /// Its reactor was dropped.
    Abandoned,
    /// Its iterator is exhausted.
    #[doc(alias = "TaskDone")]
    Done,
    /// Its iterator has given a failure, or has panicked.
    #[doc(alias = "TaskFailed")]
    Failed,
    /// Its cooperator was stopped.
    SchedulerStopped,
    /// It was stopped.
    #[doc(alias = "TaskStopped")]
    Stopped,
}

impl fmt::Display for TaskFinished {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Abandoned => "the task ended with its reactor",
            Self::Done => "the task is done already",
            Self::Failed => "the task has failed already",
            Self::SchedulerStopped => "the task was stopped with its cooperator",
            Self::Stopped => "the task was stopped before",
        })
    }
}

impl Error for TaskFinished {}

/// The iterator of a task has given a failure, or has panicked.
///
/// In the failure of each [`when_done`](crate::CooperativeTask::when_done), which all share the
/// one that the iterator has given: it is the source of this one.
///
/// Twisted: the failure itself.
#[derive(Clone, Debug)]
pub struct TaskFailed {
    failure: Arc<Failure>,
}

impl TaskFailed {
    pub(super) fn new(failure: Arc<Failure>) -> Self {
        Self { failure }
    }

    /// What the iterator has given.
    #[must_use]
    pub fn failure(&self) -> &Failure {
        &self.failure
    }
}

impl fmt::Display for TaskFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a cooperative task has failed")
    }
}

impl Error for TaskFailed {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(self.failure.as_ref().as_ref())
    }
}

/// The task was stopped.
///
/// In the failure of [`when_done`](crate::CooperativeTask::when_done).
///
/// Twisted: `TaskStopped`.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct TaskStopped;

impl fmt::Display for TaskStopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the cooperative task was stopped")
    }
}

impl Error for TaskStopped {}

/// The cooperator was stopped.
///
/// In the failure of tasks that it had, or that are given to it afterwards.
///
/// Twisted: `SchedulerStopped`.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct SchedulerStopped;

impl fmt::Display for SchedulerStopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the cooperator was stopped")
    }
}

impl Error for SchedulerStopped {}
