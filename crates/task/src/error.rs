//! The errors of this crate.

use std::error::Error;
use std::fmt;

/// The loop runs already, or its last call is not over.
///
/// Given by [`LoopingCall::start`](crate::LoopingCall::start).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct AlreadyRunning;

impl fmt::Display for AlreadyRunning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the loop runs already: stop it, and wait for the deferred of its start")
    }
}

impl Error for AlreadyRunning {}

/// The loop does not run: it has not been started, or has ended.
///
/// Given by [`LoopingCall::stop`](crate::LoopingCall::stop) and
/// [`LoopingCall::reset`](crate::LoopingCall::reset).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct NotRunning;

impl fmt::Display for NotRunning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the loop does not run: start it first")
    }
}

impl Error for NotRunning {}

/// The reactor was stopped before there was a result.
///
/// Given by [`ReactorTask::run_until`](crate::ReactorTask::run_until) and
/// [`react`](crate::react()).
///
/// # Examples
///
/// ```
/// use ropewalk_deferred::Deferred;
/// use ropewalk_reactor::Reactor;
/// use ropewalk_task::{ReactorTask, StoppedBeforeDone};
///
/// let reactor = Reactor::new()?;
/// let (_promise, deferred) = Deferred::<u32>::new();
/// reactor.call_soon(|reactor| reactor.stop());
/// assert!(reactor.run_until(deferred).unwrap_err().is::<StoppedBeforeDone>());
/// # std::io::Result::Ok(())
/// ```
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct StoppedBeforeDone;

impl fmt::Display for StoppedBeforeDone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the reactor was stopped before there was a result")
    }
}

impl Error for StoppedBeforeDone {}

/// The exit code with which [`react`](crate::react()) is to end the program.
///
/// A main function fails with it, and nothing is printed. As the context of another failure it
/// gives that one its code, and the failure is printed without it. It is found among the causes of
/// a failure, too, and in what a member of a group or a cooperative task has failed with.
///
/// # Examples
///
/// ```
/// use ropewalk_deferred::{Failure, Result};
/// use ropewalk_task::ExitWith;
///
/// fn check(word: &str) -> Result<u32> {
///     if word == "--quiet" {
///         return Err(ExitWith(2).into()); // says nothing
///     }
///     word.parse().map_err(|error| Failure::from(error).context(ExitWith(3))) // says why
/// }
/// # assert!(check("x").unwrap_err().is::<ExitWith>());
/// ```
///
/// Twisted: `SystemExit`.
#[doc(alias = "SystemExit")]
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct ExitWith(
    /// The code.
    pub u8,
);

impl fmt::Display for ExitWith {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "exit with code {}", self.0)
    }
}

impl Error for ExitWith {}
