//! The errors, one small type for each operation that can fail.
//!
//! What was not consumed comes back inside the error. `Debug` never asks for `Debug` of a user's
//! closure.

use std::any::Any;
use std::error::Error;
use std::panic::{Location, RefUnwindSafe, UnwindSafe};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use std::{fmt, io};

use crate::counted;
use crate::report::RunningJob;

/// Sizes that no pool can have.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct InvalidSize {
    /// The least number of threads that was asked for.
    pub min: usize,
    /// The greatest number of threads that was asked for.
    pub max: usize,
}

impl fmt::Display for InvalidSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { min, max } = self;
        if *max == 0 {
            f.write_str("max_threads is 0, so no job could ever run: give it at least 1")
        } else {
            write!(
                f,
                "min_threads {min} is above max_threads {max}: \
                 lower min_threads or raise max_threads"
            )
        }
    }
}

impl Error for InvalidSize {}

/// Of kind `InvalidInput`, with this error inside: see [`io::Error::downcast`].
impl From<InvalidSize> for io::Error {
    fn from(size: InvalidSize) -> Self {
        Self::new(io::ErrorKind::InvalidInput, size)
    }
}

/// Why [`Builder::build`](crate::Builder::build) refused.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum BuildError {
    /// The name cannot be the name of a thread, because it contains a NUL character.
    Name(String),
    /// The sizes contradict each other.
    Size(InvalidSize),
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => {
                write!(f, "pool name {name:?} contains a NUL character: leave it out")
            }
            Self::Size(size) => size.fmt(f),
        }
    }
}

impl Error for BuildError {}

/// Of kind `InvalidInput`, with this error inside: see [`io::Error::downcast`].
impl From<BuildError> for io::Error {
    fn from(refused: BuildError) -> Self {
        Self::new(io::ErrorKind::InvalidInput, refused)
    }
}

impl From<InvalidSize> for BuildError {
    fn from(size: InvalidSize) -> Self {
        Self::Size(size)
    }
}

/// The pool was stopped or closed before, and does not start again.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct AlreadyStopped;

impl fmt::Display for AlreadyStopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the pool was stopped and does not start again: build a new one")
    }
}

impl Error for AlreadyStopped {}

/// Of kind `Other`, with this error inside: see [`io::Error::downcast`].
impl From<AlreadyStopped> for io::Error {
    fn from(stopped: AlreadyStopped) -> Self {
        Self::other(stopped)
    }
}

/// Why a job was not accepted.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum SubmitErrorKind {
    /// As many jobs wait as the queue limit allows.
    Full,
    /// The pool has no thread, and the operating system refused to give it one.
    NoThread,
    /// The pool was stopped or closed.
    Stopped,
    /// The queue had no room within the time given.
    TimedOut,
    /// The queue is full, and who asked to wait for room is a job of this very pool, or the thread
    /// that runs the jobs of a [`ManualPool`](crate::ManualPool).
    WouldDeadlock,
}

impl SubmitErrorKind {
    /// What to do next, if nobody knows better.
    fn advice(self) -> &'static str {
        match self {
            Self::Full => "submit again later, or raise queue_limit",
            Self::NoThread => {
                "submit again later, or lower the number of threads or their stack_size"
            }
            Self::Stopped => "submit before stop, or build a new pool",
            Self::TimedOut => "wait longer, or raise queue_limit",
            Self::WouldDeadlock => {
                "use try_call_in_thread, or another pool, or run a job of a ManualPool first"
            }
        }
    }
}

/// What was in the way; the text of the [`SubmitError`] goes on with what to do about it.
impl fmt::Display for SubmitErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Full => "the queue of the pool is full",
            Self::NoThread => "the operating system refused the pool its first thread",
            Self::Stopped => "the pool is stopped",
            Self::TimedOut => "the queue of the pool had no room in time",
            Self::WouldDeadlock => {
                "the queue is full, and to wait for room here would keep the pool from making any"
            }
        })
    }
}

/// A job that was not accepted, and why. Nothing of it ran.
///
/// Its text says what to do next. Where a pool is not its user's to stop, such as the own one of a
/// reactor, that is the word of who stopped it.
///
/// [`into_inner`](Self::into_inner) gives the job back. The error converts with `?` into any boxed
/// error; `.map_err(SubmitError::without_job)` before that drops the job, and gives it a type that
/// the boxed error can be downcast to.
pub struct SubmitError<F> {
    rejection: Rejection,
    /// In a lock only so that the error is `Sync`, as most boxed errors must be: few closures are.
    job: Mutex<F>,
}

/// A text in one word: errors with closures in them are big enough.
pub(crate) type Advice = &'static &'static str;

/// The part of a [`SubmitError`] that does not depend on the closure.
#[derive(Debug)]
pub(crate) struct Rejection {
    pub(crate) kind: SubmitErrorKind,
    /// What to do next, by who has closed the pool.
    pub(crate) advice: Option<Advice>,
    pub(crate) source: Option<io::Error>,
}

impl<F> SubmitError<F> {
    pub(crate) fn new(rejection: Rejection, job: F) -> Self {
        Self { rejection, job: Mutex::new(job) }
    }

    /// Returns why the job was not accepted.
    #[must_use]
    pub fn kind(&self) -> SubmitErrorKind {
        self.rejection.kind
    }

    /// Gives the job back; with a callback, the pair of callback and job.
    #[must_use]
    pub fn into_inner(self) -> F {
        self.job.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    /// Drops the job and keeps the reason.
    #[must_use]
    pub fn without_job(self) -> SubmitError<()> {
        SubmitError { rejection: self.rejection, job: Mutex::new(()) }
    }
}

impl<F> fmt::Debug for SubmitError<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SubmitError")
            .field("kind", &self.rejection.kind)
            .field("source", &self.rejection.source)
            .finish_non_exhaustive()
    }
}

/// What was in the way, and what to do about it.
impl<F> fmt::Display for SubmitError<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Rejection { kind, advice, .. } = self.rejection;
        write!(f, "{kind}: {}", advice.copied().unwrap_or_else(|| kind.advice()))
    }
}

// A reference gives nothing of the job, and the error of the system is only read.
impl<F: UnwindSafe> UnwindSafe for SubmitError<F> {}
impl<F> RefUnwindSafe for SubmitError<F> {}

impl<F> Error for SubmitError<F> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.rejection.source.as_ref().map(|error| error as _)
    }
}

/// A wait that could not end, because it is for what only the waiting thread can do.
///
/// It is the error of waits for a job. A blocking call to a reactor that would wait for itself fails
/// with another type of the same name, `ropewalk_threads::WouldDeadlock`.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct WouldDeadlock;

impl fmt::Display for WouldDeadlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "the job that is waited for needs this very thread to get on: let the job end first, \
             or run it (ManualPool::run), and then look at its state",
        )
    }
}

impl Error for WouldDeadlock {}

/// What still kept the pool when the time given to
/// [`stop_within`](crate::ThreadPool::stop_within) was over.
///
/// The pool goes on draining; waiting for it again is possible.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct StillRunning {
    /// The name of the pool.
    pub pool: Arc<str>,
    /// The jobs that were running, the oldest first.
    pub jobs: Vec<RunningJob>,
    /// How many jobs were still waiting behind them.
    pub queued: usize,
    /// How many threads had not ended.
    pub threads: usize,
    /// How long was waited.
    pub waited: Duration,
}

impl fmt::Display for StillRunning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { pool, jobs, queued, threads, waited } = self;
        write!(
            f,
            "pool {pool} still has {} after {waited:.1?}, and {}; see to it that these jobs end, \
             then wait again",
            counted::threads(*threads),
            counted::waiting(*queued)
        )?;
        for job in jobs {
            write!(f, "; {job}")?;
        }
        Ok(())
    }
}

impl Error for StillRunning {}

/// A job that panicked.
///
/// Given to the callback of [`call_in_thread_with_callback`](crate::ThreadPool::call_in_thread_with_callback).
/// The failure of a deferred job is another type of the same name, `ropewalk_deferred::Panicked`.
pub struct Panicked {
    message: String,
    location: &'static Location<'static>,
    /// In a lock only so that the error is `Sync`, as most boxed errors must be.
    payload: Mutex<Box<dyn Any + Send>>,
}

impl Panicked {
    pub(crate) fn new(payload: Box<dyn Any + Send>, location: &'static Location<'static>) -> Self {
        let message = if let Some(text) = payload.downcast_ref::<&str>() {
            (*text).to_owned()
        } else if let Some(text) = payload.downcast_ref::<String>() {
            text.clone()
        } else {
            "a value that is not a string".to_owned()
        };
        Self { message, location, payload: Mutex::new(payload) }
    }

    /// Returns the text that the job panicked with.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Returns where the job was submitted.
    #[must_use]
    pub fn location(&self) -> &'static Location<'static> {
        self.location
    }

    /// Gives the payload of the panic, for `std::panic::resume_unwind`.
    #[must_use]
    pub fn into_payload(self) -> Box<dyn Any + Send> {
        self.payload.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Panicked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Panicked")
            .field("message", &self.message)
            .field("location", &format_args!("{}", self.location))
            .finish_non_exhaustive()
    }
}

impl fmt::Display for Panicked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the job submitted at {} panicked: {}", self.location, self.message)
    }
}

impl Error for Panicked {}
