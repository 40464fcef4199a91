//! The settings of a pool.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::thread::{self, ThreadId};
use std::time::Duration;

use crate::context::{Capture, JobContext};
use crate::error::{BuildError, InvalidSize};
use crate::manual::ManualPool;
use crate::pool::ThreadPool;
use crate::room::HighWater;
use crate::shared::Shared;
use crate::stall::StallReport;
use crate::state::{Sizes, State};

const DEFAULT_MIN: usize = 5;
const DEFAULT_MAX: usize = 10;
const DEFAULT_IDLE_TIMEOUT: Duration = Duration::from_secs(10);
const DEFAULT_GROW_AFTER: Duration = Duration::from_millis(1);
const DEFAULT_SPARE: usize = 64;
const DEFAULT_STALL_AFTER: Duration = Duration::from_secs(10);

type Hook = Arc<dyn Fn() + Send + Sync>;
type StallHook = Arc<dyn Fn(&StallReport) + Send + Sync>;
type ThreadGate = Arc<dyn Fn() -> io::Result<()> + Send + Sync>;

/// What a pool keeps of its builder.
#[derive(Clone)]
pub(crate) struct Config {
    pub(crate) name: Arc<str>,
    pub(crate) idle_timeout: Duration,
    pub(crate) grow_after: Duration,
    pub(crate) queue_limit: Option<usize>,
    pub(crate) high_water: Option<HighWater>,
    pub(crate) context: Option<Capture>,
    pub(crate) stall_after: Option<Duration>,
    pub(crate) stack_size: Option<usize>,
    pub(crate) on_stall: Option<StallHook>,
    pub(crate) on_thread_start: Option<Hook>,
    pub(crate) on_thread_stop: Option<Hook>,
    pub(crate) thread_gate: Option<ThreadGate>,
    pub(crate) watch_gate: Option<ThreadGate>,
    /// The thread that a manual pool belongs to; none for a pool with threads.
    pub(crate) manual_thread: Option<ThreadId>,
}

impl Config {
    /// True for a pool without threads.
    pub(crate) fn is_manual(&self) -> bool {
        self.manual_thread.is_some()
    }

    /// True on the thread that would run the jobs of a pool without threads.
    pub(crate) fn is_manual_here(&self) -> bool {
        self.manual_thread == Some(thread::current().id())
    }
}

/// Settings for a new [`ThreadPool`], from [`ThreadPool::builder`].
///
/// # Examples
///
/// ```
/// use ropewalk_threadpool::ThreadPool;
/// use std::time::Duration;
///
/// let pool = ThreadPool::builder()
///     .name("images")
///     .min_threads(0)
///     .max_threads(4)
///     .idle_timeout(Duration::from_secs(2))
///     .queue_limit(100)
///     .build()?;
/// assert_eq!(pool.max_threads(), 4);
/// # Ok::<(), ropewalk_threadpool::BuildError>(())
/// ```
///
/// Twisted: `ThreadPool.__init__`.
#[derive(Clone)]
#[must_use = "a builder does nothing until build() is called"]
pub struct Builder {
    config: Config,
    min: Option<usize>,
    max: Option<usize>,
    spare: usize,
}

impl Builder {
    pub(crate) fn new() -> Self {
        let config = Config {
            name: "ropewalk-pool".into(),
            idle_timeout: DEFAULT_IDLE_TIMEOUT,
            grow_after: DEFAULT_GROW_AFTER,
            queue_limit: None,
            high_water: None,
            context: None,
            stall_after: Some(DEFAULT_STALL_AFTER),
            stack_size: None,
            on_stall: None,
            on_thread_start: None,
            on_thread_stop: None,
            thread_gate: None,
            watch_gate: None,
            manual_thread: None,
        };
        Self { config, min: None, max: None, spare: DEFAULT_SPARE }
    }

    /// Sets the name of the pool, `ropewalk-pool` by default.
    ///
    /// Its threads are called `NAME-1`, `NAME-2`, …; no number is used twice. Some systems show
    /// only the first 15 bytes of a thread's name.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.config.name = name.into().into();
        self
    }

    /// Sets how many threads are kept once they have been started.
    ///
    /// By default 5, or as many as [`max_threads`](Self::max_threads) if that is less. Threads
    /// start with the first need: a pool whose jobs never overlap has one.
    pub fn min_threads(mut self, threads: usize) -> Self {
        self.min = Some(threads);
        self
    }

    /// Sets how many threads there may be at a time.
    ///
    /// By default 10, or as many as [`min_threads`](Self::min_threads) if that is more.
    pub fn max_threads(mut self, threads: usize) -> Self {
        self.max = Some(threads);
        self
    }

    /// Sets how long the oldest job has to wait until a thread above the minimum is started for it,
    /// 1 ms by default; zero for at once, which is Twisted's rule.
    ///
    /// Threads up to the minimum, and the first of all, start at once. So does whatever a change of
    /// size makes room for, and, once the maximum is reached, a thread in place of one that is
    /// [blocked](crate::blocking()). With a small wait a burst of short jobs does not start threads that have nothing to do when they
    /// arrive; one that lasts starts one after the other.
    pub fn grow_after(mut self, wait: Duration) -> Self {
        self.config.grow_after = wait;
        self
    }

    /// Sets how many threads there may be beyond [`max_threads`](Self::max_threads) while as many
    /// workers are inside of [`blocking`](crate::blocking()), 64 by default.
    ///
    /// Zero turns that off: a job that waits then keeps its thread from others, as in Twisted, and
    /// a pool of one thread runs its jobs strictly one after the other. With spare threads the next
    /// job may start while one waits.
    pub fn max_spare_threads(mut self, threads: usize) -> Self {
        self.spare = threads;
        self
    }

    /// Sets how long a thread above the minimum waits for a job before it ends, 10 s by default.
    ///
    /// Threads up to the minimum wait without a time-out, and so without wake-ups.
    pub fn idle_timeout(mut self, timeout: Duration) -> Self {
        self.config.idle_timeout = timeout;
        self
    }

    /// Sets how many jobs may wait before
    /// [`try_call_in_thread`](ThreadPool::try_call_in_thread) refuses; no limit by default.
    ///
    /// A job does not count for which a thread is idle or on its way, or may still be started,
    /// though that may take [`grow_after`](Self::grow_after) for each. With a limit of 0 jobs are
    /// accepted for such threads alone.
    pub fn queue_limit(mut self, jobs: usize) -> Self {
        self.config.queue_limit = Some(jobs);
        self
    }

    /// Has `hook` called, with the number of waiting jobs, when that many wait; again only after
    /// the queue has been down to half of it.
    ///
    /// For a word in time: jobs are accepted all the same, unless there is a
    /// [`queue_limit`](Self::queue_limit).
    ///
    /// # Threads
    ///
    /// The hook runs on the thread whose job was the one too many, after it was accepted. It may
    /// call any method of the pool, through a [`WeakPool`](crate::WeakPool). A panic is logged.
    ///
    /// # Examples
    ///
    /// ```
    /// use ropewalk_threadpool::ThreadPool;
    ///
    /// let (sender, receiver) = std::sync::mpsc::channel();
    /// let pool = ThreadPool::builder().on_high_water(2, move |n| sender.send(n).unwrap()).build()?;
    /// for _ in 0..3 {
    ///     pool.call_in_thread(|| ())?; // not started: jobs wait
    /// }
    /// assert_eq!(receiver.try_iter().collect::<Vec<_>>(), [2]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn on_high_water(
        mut self,
        jobs: usize,
        hook: impl Fn(usize) + Send + Sync + 'static,
    ) -> Self {
        self.config.high_water = Some(HighWater { jobs, hook: Arc::new(hook) });
        self
    }

    /// Has `capture` called wherever a job is submitted; the job, and its callback, run within what
    /// it gives. See [`JobContext`].
    ///
    /// The `tracing` span of the submitter travels without it.
    ///
    /// # Threads
    ///
    /// The hook runs on the submitting thread, before the job is accepted. If it panics, that is
    /// logged, and the job has no such context.
    pub fn context(
        mut self,
        capture: impl Fn() -> Option<Box<dyn JobContext>> + Send + Sync + 'static,
    ) -> Self {
        self.config.context = Some(Arc::new(capture));
        self
    }

    /// Sets after what time without any progress a pool with waiting jobs and no free thread is
    /// reported as stalled, 10 s by default; `None` turns the watch off.
    ///
    /// The report is a `tracing` warning and a call of [`on_stall`](Self::on_stall), once for
    /// each stall.
    pub fn stall_after(mut self, time: impl Into<Option<Duration>>) -> Self {
        self.config.stall_after = time.into();
        self
    }

    /// Sets what is called with the report of a stall.
    ///
    /// # Threads
    ///
    /// The hook runs on a thread that exists only while jobs wait. It may call any method of the
    /// pool, for instance raise its size; [`stop`](ThreadPool::stop) called there closes the pool
    /// and returns. A panic is logged. A hook that captures the pool keeps it for ever: let it have
    /// a [`WeakPool`](crate::WeakPool), whose page has an example.
    pub fn on_stall(mut self, hook: impl Fn(&StallReport) + Send + Sync + 'static) -> Self {
        self.config.on_stall = Some(Arc::new(hook));
        self
    }

    /// Sets the stack size of the threads in bytes; by default what std gives.
    pub fn stack_size(mut self, bytes: usize) -> Self {
        self.config.stack_size = Some(bytes);
        self
    }

    /// Sets what each thread calls before its first job. A panic is logged.
    pub fn on_thread_start(mut self, hook: impl Fn() + Send + Sync + 'static) -> Self {
        self.config.on_thread_start = Some(Arc::new(hook));
        self
    }

    /// Sets what each thread calls when it has run its last job. A panic is logged.
    ///
    /// The thread counts no more then: while the hook lasts, another may be started in its place.
    pub fn on_thread_stop(mut self, hook: impl Fn() + Send + Sync + 'static) -> Self {
        self.config.on_thread_stop = Some(Arc::new(hook));
        self
    }

    /// Asks `gate` before each start of a worker's thread, so that a test can play a system that
    /// refuses threads. Called under the pool's lock: it must not call the pool.
    #[doc(hidden)]
    pub fn thread_gate(
        mut self,
        gate: impl Fn() -> io::Result<()> + Send + Sync + 'static,
    ) -> Self {
        self.config.thread_gate = Some(Arc::new(gate));
        self
    }

    /// The same for the thread that watches over jobs that wait.
    #[doc(hidden)]
    pub fn watch_gate(mut self, gate: impl Fn() -> io::Result<()> + Send + Sync + 'static) -> Self {
        self.config.watch_gate = Some(Arc::new(gate));
        self
    }

    /// Makes the pool. It runs nothing until [`start`](ThreadPool::start) is called: jobs that are
    /// handed in earlier wait for that, and without it for ever.
    ///
    /// # Errors
    ///
    /// - [`BuildError::Size`] — the maximum is zero or below the minimum.
    /// - [`BuildError::Name`] — the name contains a NUL character.
    pub fn build(self) -> Result<ThreadPool, BuildError> {
        let min = self.min.unwrap_or_else(|| self.max.unwrap_or(DEFAULT_MAX).min(DEFAULT_MIN));
        let max = self.max.unwrap_or_else(|| min.max(DEFAULT_MAX));
        check_size(min, max)?;
        if self.config.name.contains('\0') {
            return Err(BuildError::Name((*self.config.name).to_owned()));
        }
        let sizes = Sizes { min, max, spare: self.spare };
        Ok(ThreadPool::new(Shared::new(self.config, State::new(sizes))))
    }

    /// Makes a pool without threads whose jobs a test runs by hand. Unlike that of
    /// [`ThreadPool::manual`] it is not started: to run a job before [`start`](ThreadPool::start) was
    /// called is a mistake in the test, and panics.
    ///
    /// # Errors
    ///
    /// Those of [`build`](Self::build).
    ///
    /// # Examples
    ///
    /// ```
    /// use ropewalk_threadpool::{SubmitErrorKind, ThreadPool};
    ///
    /// let manual = ThreadPool::builder().queue_limit(1).manual()?;
    /// manual.pool().start()?; // or let the code under test do it
    /// manual.pool().try_call_in_thread(|| ())?;
    /// let refused = manual.pool().try_call_in_thread(|| ()).unwrap_err();
    /// assert_eq!(refused.kind(), SubmitErrorKind::Full);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn manual(mut self) -> Result<ManualPool, BuildError> {
        self.config.manual_thread = Some(thread::current().id());
        self.build().map(ManualPool::new)
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("name", &self.config.name)
            .field("min_threads", &self.min)
            .field("max_threads", &self.max)
            .field("max_spare_threads", &self.spare)
            .field("idle_timeout", &self.config.idle_timeout)
            .field("grow_after", &self.config.grow_after)
            .field("queue_limit", &self.config.queue_limit)
            .field("stall_after", &self.config.stall_after)
            .field("stack_size", &self.config.stack_size)
            .finish_non_exhaustive()
    }
}

/// The sizes that a pool can have.
pub(crate) fn check_size(min: usize, max: usize) -> Result<(), InvalidSize> {
    if max == 0 || min > max { Err(InvalidSize { min, max }) } else { Ok(()) }
}
