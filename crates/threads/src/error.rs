//! The errors of the bridges that are not those of the crates below.

use ropewalk_threadpool::ThreadPool;
use std::error::Error;
use std::{fmt, io};

/// A blocking call, or a wait, that would have waited for itself.
///
/// It was made on the reactor thread, which it would have kept from answering; or by a reactor
/// thread for another that waits for the first, directly or through further reactors. A blocking
/// call that is refused has called nothing, and leaves nothing queued. A wait comes after its
/// question: that of an [`Eventual`](crate::Eventual::wait) cancels it, whose closure may have run by
/// then.
///
/// On the reactor thread call the function directly, and add a callback to the `Deferred` that it
/// returns. To ask another reactor, await its [`eventually`](crate::HandleThreads::eventually) in a
/// task, or have a thread of the pool wait:
/// `defer_to_thread(move || other.blocking_call_from_thread(f))`. A wait for a thread's end belongs
/// where no callback is.
///
/// # Notes
///
/// Only circles of reactor threads that block are seen. One that goes through a job, a task or a
/// thread without a reactor is not, and lasts until one of those who wait gives up. So in a callback
/// never wait without a limit: take
/// [`blocking_call_from_thread_timeout`](crate::HandleThreads::blocking_call_from_thread_timeout)
/// where `eventually` will not do. That goes for the first who waits as well: who is refused is only
/// the last.
///
/// The pool has an error of the same name for a job that would wait for itself,
/// [`ropewalk_threadpool::WouldDeadlock`]. It is another type, with other advice.
///
/// # Examples
///
/// ```
/// use ropewalk_reactor::Reactor;
/// use ropewalk_threads::{HandleThreads as _, WouldDeadlock};
///
/// let reactor = Reactor::new()?;
/// let refused = reactor.handle().blocking_call_from_thread(|_| Ok("an answer"));
/// let failure = refused.unwrap_err();
/// assert_eq!(failure.downcast_ref::<WouldDeadlock>().unwrap().circle(), None);
/// # std::io::Result::Ok(())
/// ```
///
/// Twisted: `blockingCallFromThread` on the reactor thread never returns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WouldDeadlock {
    circle: Option<Box<str>>,
}

impl WouldDeadlock {
    /// On the very thread that would have to answer.
    pub(crate) fn on_its_thread() -> Self {
        Self { circle: None }
    }

    pub(crate) fn in_circle(circle: String) -> Self {
        Self { circle: Some(circle.into()) }
    }

    /// Which threads would have waited for which, and since what line; `None` if there was no other
    /// than this one.
    #[must_use]
    pub fn circle(&self) -> Option<&str> {
        self.circle.as_deref()
    }
}

impl fmt::Display for WouldDeadlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.circle {
            None => f.write_str(
                "a blocking call on the reactor thread would wait for itself: call the function \
                 directly, and add a callback to its Deferred with add_callback",
            ),
            Some(circle) => write!(
                f,
                "reactors would wait for each other in a circle, {circle}: let none of these calls \
                 block, also not the first; await eventually(…) in a task, or wait in a job with \
                 defer_to_thread(…).add_callback(…)"
            ),
        }
    }
}

impl Error for WouldDeadlock {}

/// A job that was accepted, and dropped before it ran, so that there is no result.
///
/// Its pool was stopped with [`stop_now`](ThreadPool::stop_now) and what was handed back was dropped;
/// or the pool was dropped before it was started; or it was closed, and the system gave it no thread.
///
/// A job that is handed back and kept still owes its result: it may be run at any time, and the result
/// counts. So a shutdown waits for whoever has it to run it or to drop it, up to its deadline, and
/// names the job in the report of what it waits for.
///
/// # Examples
///
/// ```
/// use ropewalk_reactor::Reactor;
/// use ropewalk_threads::{JobDropped, ReactorThreads as _};
///
/// let reactor = Reactor::new()?;
/// reactor
///     .defer_to_thread(|| Ok("a result"))
///     .on_failure(|failure| assert!(failure.is::<JobDropped>()));
/// // Each of these can be run, and then the result comes.
/// drop(reactor.thread_pool().stop_now());
/// reactor.stop();
/// reactor.run()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct JobDropped;

impl fmt::Display for JobDropped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "no result will come: the job was dropped before it ran, with its pool or by who had \
             it back from stop_now, or because the system gave the pool no thread",
        )
    }
}

impl Error for JobDropped {}

/// Why a pool was not installed; it comes back inside.
#[derive(Debug)]
#[non_exhaustive]
pub enum InstallError {
    /// The pool was stopped or closed, and does not start again.
    Stopped(ThreadPool),
    /// It is the pool of another reactor, which starts and stops it.
    Taken(ThreadPool),
    /// The reactor is in its shutdown, and takes no more jobs.
    Stopping(ThreadPool),
}

impl InstallError {
    /// Gives the pool back.
    #[must_use]
    pub fn into_pool(self) -> ThreadPool {
        match self {
            Self::Stopped(pool) | Self::Taken(pool) | Self::Stopping(pool) => pool,
        }
    }
}

impl fmt::Display for InstallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stopped(pool) => {
                let name = pool.name();
                write!(f, "pool {name} was stopped and does not start again: build a new one")
            }
            Self::Taken(pool) => {
                let name = pool.name();
                write!(f, "pool {name} is that of another reactor: share it (share_thread_pool)")
            }
            Self::Stopping(pool) => {
                let name = pool.name();
                write!(f, "the reactor stops, so pool {name} comes too late: install it after that")
            }
        }
    }
}

impl Error for InstallError {}

/// With this error inside, and so with the pool: see [`io::Error::downcast`]. Of kind `ResourceBusy`
/// if the pool is another's, else of kind `Other`.
impl From<InstallError> for io::Error {
    fn from(refused: InstallError) -> Self {
        let kind = match refused {
            InstallError::Taken(_) => io::ErrorKind::ResourceBusy,
            InstallError::Stopped(_) | InstallError::Stopping(_) => io::ErrorKind::Other,
        };
        Self::new(kind, refused)
    }
}
