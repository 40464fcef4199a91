//! One job: its cell, its life, and the handle that its submitter keeps.
//!
//! A job is one allocation, shared by the queue, its handle and the worker that runs it. The
//! closure sits in a cell that whoever takes the job out of the queue empties, so a closure is
//! released when it has run or was cancelled, however long a handle is kept. That cell's lock is
//! never contended and is held only to take the closure out.

use std::any::{Any, type_name};
use std::fmt;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tracing::Span;

use crate::error::Panicked;
use crate::shared::Shared;
use crate::state::Phase;
use crate::sync::lock;

/// Where a job is in its life.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum JobState {
    /// Removed before it started; its closure has been dropped.
    Cancelled,
    /// Over: its closure returned or panicked.
    Finished,
    /// Waits for a worker, or for the start of the pool.
    Queued,
    /// Runs on a worker.
    Running,
}

impl JobState {
    const ALL: [Self; 4] = [Self::Cancelled, Self::Finished, Self::Queued, Self::Running];
}

/// How a job that ran came to its end.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Ending {
    Panicked,
    Returned,
}

/// What is known of a job whatever it does.
#[derive(Debug)]
pub(crate) struct Header {
    name: &'static str,
    location: &'static Location<'static>,
    state: AtomicU8,
    cancel_requested: AtomicBool,
}

impl Header {
    #[track_caller]
    fn new<F>() -> Self {
        Self {
            name: type_name::<F>(),
            location: Location::caller(),
            state: AtomicU8::new(JobState::Queued as u8),
            cancel_requested: AtomicBool::new(false),
        }
    }

    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    pub(crate) fn location(&self) -> &'static Location<'static> {
        self.location
    }

    pub(crate) fn state(&self) -> JobState {
        let state = self.state.load(Ordering::Acquire);
        JobState::ALL.into_iter().find(|&it| it as u8 == state).unwrap_or(JobState::Finished)
    }

    pub(crate) fn set_state(&self, state: JobState) {
        self.state.store(state as u8, Ordering::Release);
    }

    pub(crate) fn request_cancel(&self) {
        self.cancel_requested.store(true, Ordering::Release);
    }

    pub(crate) fn is_cancel_requested(&self) -> bool {
        self.cancel_requested.load(Ordering::Acquire)
    }
}

/// A job of any type, as the queue and the workers see it.
pub(crate) trait Run: Send + Sync {
    fn header(&self) -> &Header;

    /// Runs the closure on this thread. Panics of user code do not leave it.
    fn run(&self, pool: &str) -> Ending;

    /// Drops the closure unrun, on this thread.
    fn discard(&self);
}

/// What a job does once it is on its worker.
pub(crate) trait Work: Send {
    fn work(self, pool: &str, header: &Header) -> Ending;
}

/// The cell of a job with work of type `W`.
pub(crate) struct Job<W> {
    header: Header,
    body: Mutex<Option<(W, Span)>>,
}

impl<W: Work> Job<W> {
    /// `F` is the type that gives the job its name.
    #[track_caller]
    pub(crate) fn new<F>(work: W) -> Arc<Self> {
        let seen = tracing::dispatcher::has_been_set();
        let span = if seen { Span::current() } else { Span::none() };
        Arc::new(Self { header: Header::new::<F>(), body: Mutex::new(Some((work, span))) })
    }

    /// Takes the work back out; none if it ran or was dropped.
    pub(crate) fn take(&self) -> Option<W> {
        self.take_body().map(|(work, _span)| work)
    }

    fn take_body(&self) -> Option<(W, Span)> {
        self.body.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl<W: Work> Run for Job<W> {
    fn header(&self) -> &Header {
        &self.header
    }

    fn run(&self, pool: &str) -> Ending {
        let Some((work, span)) = self.take_body() else { return Ending::Returned };
        span.in_scope(|| work.work(pool, &self.header))
    }

    fn discard(&self) {
        drop(self.take_body());
    }
}

/// The work of [`call_in_thread`](crate::ThreadPool::call_in_thread).
pub(crate) struct Plain<F>(pub(crate) F);

impl<F: FnOnce() + Send> Work for Plain<F> {
    fn work(self, pool: &str, header: &Header) -> Ending {
        let Err(payload) = catch_unwind(AssertUnwindSafe(self.0)) else {
            return Ending::Returned;
        };
        report(pool, header, "a job panicked", payload);
        Ending::Panicked
    }
}

/// The work of [`call_in_thread_with_callback`](crate::ThreadPool::call_in_thread_with_callback).
pub(crate) struct WithCallback<C, F>(pub(crate) C, pub(crate) F);

impl<T, C, F> Work for WithCallback<C, F>
where
    C: FnOnce(Result<T, Panicked>) + Send,
    F: FnOnce() -> T + Send,
{
    fn work(self, pool: &str, header: &Header) -> Ending {
        let Self(on_result, job) = self;
        // The call consumes `job`: what it captured is gone when `on_result` begins.
        let result = catch_unwind(AssertUnwindSafe(job))
            .map_err(|payload| Panicked::new(payload, header.location()));
        let ending = if result.is_ok() { Ending::Returned } else { Ending::Panicked };
        let Err(payload) = catch_unwind(AssertUnwindSafe(|| on_result(result))) else {
            return ending;
        };
        report(pool, header, "the callback of a job panicked", payload);
        Ending::Panicked
    }
}

/// The one report of a panic that nobody else learns of.
fn report(pool: &str, header: &Header, what: &str, payload: Box<dyn Any + Send>) {
    let panic = Panicked::new(payload, header.location());
    let message = panic.message();
    let (job, submitted_at) = (header.name(), header.location());
    tracing::error!(pool, job, %submitted_at, message, "{what}");
    drop_contained(panic);
}

/// Drops a user's value; a panic of its destructor ends here.
pub(crate) fn drop_contained<T>(value: T) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(|| drop(value))) {
        #[expect(clippy::mem_forget, reason = "dropping the payload of a drop could panic again")]
        std::mem::forget(payload);
    }
}

/// The submitter's hold on a job: to cancel it, and to name it.
///
/// Dropping the handle changes nothing for the job.
///
/// # Threads
///
/// Any thread; clones are handles to the same job.
#[derive(Clone)]
pub struct JobHandle {
    shared: Arc<Shared>,
    job: Arc<dyn Run>,
    place: usize,
}

impl JobHandle {
    pub(crate) fn new(shared: Arc<Shared>, job: Arc<dyn Run>, place: usize) -> Self {
        Self { shared, job, place }
    }

    /// Cancels the job; true if it was queued, will never run, and its closure has been dropped.
    ///
    /// The closure, with what it captured, is dropped before this returns, on this thread and
    /// outside of any lock; for a job with a callback so is the callback. The job takes no room
    /// in the queue any more. The cost does not depend on the length of the queue.
    ///
    /// False means that the job is running or over. A running one is told through
    /// [`CancelToken`](crate::CancelToken), and it is its own decision to look.
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
        let queued = self.shared.withdraw(self.place, &self.job);
        if queued {
            self.job.discard();
        } else {
            self.job.header().request_cancel();
        }
        queued
    }

    /// Returns the name of the job: the type name of its closure, which tells the function that
    /// it was written in.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.job.header().name()
    }

    /// Returns where the job was submitted.
    #[must_use]
    pub fn location(&self) -> &'static Location<'static> {
        self.job.header().location()
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
        let phase = lock(&self.shared.core).state.phase();
        phase == Phase::New && self.state() == JobState::Queued
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
