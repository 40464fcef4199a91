//! Why the thread of a reactor did not end well, or could not be waited for.

use crate::error::WouldDeadlock;
use crate::reactor_thread::ReactorThread;
use ropewalk_deferred::Panicked;
use ropewalk_reactor::{RunError, RunReport};
use std::error::Error;
use std::fmt;

/// The error of [`ReactorThread::join`] and [`ReactorThread::wait`].
///
/// # Examples
///
/// A deadline for the shutdown that somebody does not keep:
///
/// ```
/// use ropewalk_reactor::{Phase, Reactor, RunError, SystemEvent};
/// use ropewalk_threads::{JoinError, ReactorThread};
/// use std::time::Duration;
///
/// let reactor = ReactorThread::spawn_with(|| {
///     let reactor = Reactor::builder().shutdown_deadline(Duration::from_millis(1)).build()?;
///     reactor.add_system_event_trigger(Phase::Before, SystemEvent::Shutdown, |reactor| {
///         std::mem::forget(reactor.hold(SystemEvent::Shutdown));
///     });
///     Ok(reactor)
/// })?;
/// match reactor.join() {
///     Err(JoinError::Run { error: RunError::ShutdownTimedOut(stuck), report }) => {
///         assert_eq!(stuck.len(), 1);
///         // What the crates above have to say of the run, though it did not end well.
///         println!("{report:?}");
///     }
///     other => panic!("{other:?}"),
/// }
/// # std::io::Result::Ok(())
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum JoinError {
    /// The thread panicked. Callbacks cannot make it do so (see
    /// [`PanicPolicy`](ropewalk_reactor::PanicPolicy)); code that the reactor runs outside of them
    /// can.
    Panicked(Panicked),
    /// The reactor's run ended with an error.
    Run {
        /// What [`Reactor::run`](ropewalk_reactor::Reactor::run) returned.
        error: RunError,
        /// What there is to say of the run all the same: the reactor, whose
        /// [`run_report`](ropewalk_reactor::Reactor::run_report) it is, is gone with its thread.
        report: RunReport,
    },
    /// The thread was not waited for, because its end waits for the thread that asked: in a callback
    /// of this reactor, in a job of its pool, or in a callback of a reactor for which this one waits.
    /// Join it where no callback is, or drop it: that stops it, and waits for nothing in a callback.
    WouldDeadlock {
        /// It comes back. Where it was to be joined, it has been asked to stop.
        thread: ReactorThread,
        /// Who would have waited for whom.
        error: WouldDeadlock,
    },
}

impl JoinError {
    /// The report of the run, if the reactor has had one that is over.
    #[must_use]
    pub fn report(&self) -> Option<&RunReport> {
        match self {
            Self::Run { report, .. } => Some(report),
            Self::Panicked(_) | Self::WouldDeadlock { .. } => None,
        }
    }
}

impl fmt::Display for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Panicked(panicked) => write!(f, "the thread of a reactor panicked: {panicked}"),
            Self::Run { error, .. } => error.fmt(f),
            Self::WouldDeadlock { error, .. } => {
                f.write_str("a reactor was not waited for, since its end waits for this thread")?;
                error.circle().map_or(Ok(()), |circle| write!(f, " ({circle})"))?;
                f.write_str(
                    ": join it outside of callbacks and of the jobs of its pool, or drop it",
                )
            }
        }
    }
}

impl Error for JoinError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            // Its own text is that of the error of the run, and so is what comes before it.
            Self::Run { error, .. } => error.source(),
            Self::Panicked(_) | Self::WouldDeadlock { .. } => None,
        }
    }
}
