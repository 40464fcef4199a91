//! The handle of a pool: what its users call.
//!
//! All handles share one owner, so that the pool notices when the last of them goes. The workers
//! hold the pool's innards, never the owner: a pool that nobody can reach any more drains and ends.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::builder::{Builder, check_size};
use crate::chores::Chores;
use crate::error::{AlreadyStopped, InvalidSize, StillRunning};
use crate::events::tell;
use crate::lifetime::Keeper;
use crate::manual::{self, ManualPool};
use crate::place;
use crate::report::RunningJob;
use crate::shared::Shared;
use crate::state::Phase;
use crate::stats::PoolStats;
use crate::unrun::UnrunJob;

/// An elastic pool of threads for jobs that block.
///
/// Jobs start in the order in which they were submitted. When a job finds no idle thread, one is
/// started: at once up to the minimum, above it when the oldest job has waited for
/// [`grow_after`](Builder::grow_after), and never above the maximum. The thread that fell idle last
/// is used first; threads above the minimum end when they have been idle for the idle time-out.
/// Differing from Twisted, `start` itself starts no threads for the minimum: a pool that is never
/// used has none.
///
/// A job owns what it works with, or shares it in an `Arc`: there is no scope whose jobs could
/// borrow from their submitter's stack, because to keep such a borrow from outliving its owner is
/// beyond what safe code can promise to threads that live longer, and this crate has no unsafe
/// code. Where borrowing matters, `std::thread::scope` has threads of its own.
///
/// A handle is cheap to clone, and all clones are the same pool; a [`WeakPool`](crate::WeakPool) is a
/// reference that does not keep it. Dropping the last handle closes the
/// pool and never blocks: the jobs accepted by a started pool still run. A pool that was never
/// started drops its jobs then (counted as cancelled, with a `tracing` warning).
///
/// # Threads
///
/// Any thread may call any method, a job of the same pool included.
///
/// # Examples
///
/// ```
/// use ropewalk_threadpool::ThreadPool;
///
/// let pool = ThreadPool::builder().name("example").build()?;
/// pool.start()?;
/// let (sender, receiver) = std::sync::mpsc::channel();
/// pool.call_in_thread(move || sender.send(1 + 2).unwrap())?;
/// assert_eq!(receiver.recv()?, 3);
/// pool.stop();
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Twisted: `twisted.python.threadpool.ThreadPool`.
#[derive(Clone)]
pub struct ThreadPool {
    owner: Arc<Owner>,
}

/// What only handles share.
pub(crate) struct Owner {
    shared: Arc<Shared>,
    pub(crate) keeper: Keeper,
}

impl fmt::Debug for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Owner").field("name", &self.shared.config.name).finish_non_exhaustive()
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        self.shared.orphaned();
    }
}

impl ThreadPool {
    /// Returns the settings of a new pool, to be changed and then built.
    pub fn builder() -> Builder {
        Builder::new()
    }

    /// Returns a started pool without threads, whose jobs a test runs by hand; see [`ManualPool`].
    #[must_use]
    pub fn manual() -> ManualPool {
        let manual = Builder::new().manual().unwrap_or_else(|_| unreachable!("the defaults fit"));
        // A new pool starts.
        let _ = manual.pool().start();
        manual
    }

    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { owner: Arc::new(Owner { shared, keeper: Keeper::default() }) }
    }

    pub(crate) fn of(owner: Arc<Owner>) -> Self {
        Self { owner }
    }

    pub(crate) fn owner(&self) -> &Arc<Owner> {
        &self.owner
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.owner.shared
    }

    /// Lets jobs run, those submitted before included; at once as many threads are started as
    /// the waiting jobs need. Starting twice changes nothing, but for this: if the system has refused
    /// the very first thread, which is a `tracing` warning, the jobs stay queued; each further call
    /// asks again, as does each submission. A reactor does so for its own pool, every 10 ms.
    ///
    /// # Errors
    ///
    /// - [`AlreadyStopped`] — the pool was stopped or closed; it does not start again.
    ///
    /// Twisted: `ThreadPool.start`.
    pub fn start(&self) -> Result<(), AlreadyStopped> {
        let mut chores = Chores::default();
        let mut core = self.shared().core();
        let is_first = core.state.phase() == Phase::New;
        if !core.state.start() {
            return Err(AlreadyStopped);
        }
        core.queue.sweep(&mut self.shared().inbox());
        self.shared().advance(&mut core, &mut chores, true);
        drop(core);
        self.shared().finish(chores);
        if is_first {
            tell(|| tracing::debug!(pool = self.name(), "the pool is started"));
        }
        Ok(())
    }

    /// Refuses further jobs, waits until those accepted have run and joins the threads.
    ///
    /// A thread that had left the pool before, since it was not needed, may still be in the
    /// destructors of its thread-local values. Of several calls at a time, one joins; the others
    /// return when every thread has left the pool.
    ///
    /// A pool that was never started is started for the jobs that wait in it. Stopping twice is
    /// allowed. Waits without a limit: [`stop_within`](Self::stop_within) has one. If jobs wait
    /// but the pool has no thread and the system refuses one, they are dropped, counted as
    /// cancelled and reported as a `tracing` error.
    ///
    /// # Threads
    ///
    /// Any thread. On a thread of this pool it closes the pool and returns, since that thread
    /// cannot wait for its own end. The jobs of a [`ManualPool`] run on this thread.
    ///
    /// Not in a callback of a reactor: that stands still meanwhile, and if a job waits for it, both
    /// wait for ever, which nobody sees. There, [`close`](Self::close) with a closure that tells the
    /// reactor does not wait at all, and [`stop_within`](Self::stop_within) has an end.
    ///
    /// Twisted: `ThreadPool.stop`.
    pub fn stop(&self) {
        self.shared().close(None);
        if place::is_inside(self.shared()) {
            return;
        }
        if self.shared().config.is_manual() {
            while manual::run_next(self.shared()) {}
            return;
        }
        // Without a deadline there is nothing to be late for.
        let _ = self.shared().wait_gone(Instant::now(), None);
        self.shared().join_departed();
    }

    /// Does as [`stop`](Self::stop), but waits no longer than `limit`.
    ///
    /// When it returns `Ok`, all jobs accepted have finished and every thread has left the pool.
    /// The threads are not joined, since nothing bounds what the destructors of their thread-local
    /// values do; `stop` called then joins them.
    ///
    /// # Threads
    ///
    /// Any thread. The jobs of a [`ManualPool`] run on this thread; none begins after `limit`. In a
    /// callback of a reactor it blocks that, for all of `limit` if a job waits for it:
    /// [`close`](Self::close) does not.
    ///
    /// # Errors
    ///
    /// - [`StillRunning`] — the time is over: names the jobs that still run. The pool stays
    ///   closed and goes on draining. On a thread of this pool this is the answer at once.
    pub fn stop_within(&self, limit: Duration) -> Result<(), StillRunning> {
        let began = Instant::now();
        self.shared().close(None);
        if place::is_inside(self.shared()) {
            return Err(self.shared().still_running(Duration::ZERO));
        }
        let deadline = began.checked_add(limit);
        if self.shared().config.is_manual() {
            return manual::run_until(self.shared(), began, deadline);
        }
        self.shared().wait_gone(began, deadline)
    }

    /// Refuses further jobs, takes those that wait, and hands them back; returns at once.
    ///
    /// The [`CancelToken`](crate::CancelToken)s of running jobs are set, and their
    /// [hooks](crate::CancelToken::on_cancel) called, here. To wait for those,
    /// [`stop_within`](Self::stop_within) or [`stop`](Self::stop) comes after it. What is handed
    /// back counts as `returned`. Stopping twice is allowed: then nothing is left to hand back.
    ///
    /// # Threads
    ///
    /// Any thread, those of this pool included.
    ///
    /// # Examples
    ///
    /// ```
    /// use ropewalk_threadpool::{JobState, ThreadPool};
    ///
    /// let pool = ThreadPool::builder().build()?; // not started: jobs wait
    /// let (sender, receiver) = std::sync::mpsc::channel();
    /// let handle = pool.call_in_thread(move || sender.send(7).unwrap())?;
    /// let mut unrun = pool.stop_now();
    /// assert_eq!(handle.state(), JobState::Returned);
    /// unrun.remove(0).run(); // here and now, after all
    /// assert_eq!(receiver.recv()?, 7);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use = "the jobs that it hands back are dropped unrun"]
    pub fn stop_now(&self) -> Vec<UnrunJob> {
        self.shared().stop_now()
    }

    /// Refuses further jobs and returns at once; `on_drained` is called when all jobs accepted
    /// have finished.
    ///
    /// It is called exactly once: on the worker that finished the last job, or right here if
    /// nothing is left to run. Each call of `close` has its own. A panic in it is logged. As with
    /// [`stop`](Self::stop), a pool that was never started is started for the jobs that wait.
    ///
    /// # Threads
    ///
    /// Any thread. The threads end by themselves; [`stop`](Self::stop) joins them.
    pub fn close(&self, on_drained: impl FnOnce() + Send + 'static) {
        self.shared().close(Some(Box::new(on_drained)));
    }

    /// Sets the least and the greatest number of threads.
    ///
    /// A higher maximum starts waiting jobs at once. A lower one ends idle threads now and busy
    /// ones when they finish their job.
    ///
    /// # Errors
    ///
    /// - [`InvalidSize`] — the maximum is zero or below the minimum; nothing has changed.
    ///
    /// Twisted: `ThreadPool.adjustPoolsize`.
    #[doc(alias = "adjustPoolsize")]
    pub fn adjust_pool_size(&self, min: usize, max: usize) -> Result<(), InvalidSize> {
        self.resize(|_, _| (min, max))
    }

    /// Sets the least number of threads and leaves the greatest.
    ///
    /// # Errors
    ///
    /// Those of [`adjust_pool_size`](Self::adjust_pool_size).
    pub fn set_min_threads(&self, threads: usize) -> Result<(), InvalidSize> {
        self.resize(|_, max| (threads, max))
    }

    /// Sets the greatest number of threads and leaves the least.
    ///
    /// # Errors
    ///
    /// Those of [`adjust_pool_size`](Self::adjust_pool_size).
    ///
    /// Twisted: what `suggestThreadPoolSize` does to the pool.
    pub fn set_max_threads(&self, threads: usize) -> Result<(), InvalidSize> {
        self.resize(|min, _| (min, threads))
    }

    fn resize(
        &self,
        sizes: impl FnOnce(usize, usize) -> (usize, usize),
    ) -> Result<(), InvalidSize> {
        let mut chores = Chores::default();
        let mut core = self.shared().core();
        let before = (core.state.min(), core.state.max());
        let (min, max) = sizes(before.0, before.1);
        check_size(min, max)?;
        core.state.resize(min, max);
        self.shared().advance(&mut core, &mut chores, true);
        if core.state.is_surplus() {
            self.shared().call_workers();
        }
        self.shared().offer_room(&core);
        if (min, max) != before {
            core.rouse_idle(&mut chores);
        }
        drop(core);
        self.shared().finish(chores);
        Ok(())
    }

    /// Returns true from the start of the pool until it is stopped or closed.
    ///
    /// # Examples
    ///
    /// ```
    /// use ropewalk_threadpool::ThreadPool;
    ///
    /// let pool = ThreadPool::builder().build()?;
    /// assert!(!pool.started());
    /// pool.start()?;
    /// assert!(pool.started());
    /// pool.stop();
    /// assert!(!pool.started());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// Twisted: `ThreadPool.started`.
    #[must_use]
    pub fn started(&self) -> bool {
        self.shared().core().state.phase() == Phase::Running
    }

    /// Returns the name of the pool.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.shared().config.name
    }

    /// Returns the least number of threads.
    ///
    /// Twisted: `ThreadPool.min`.
    #[must_use]
    pub fn min_threads(&self) -> usize {
        self.shared().core().state.min()
    }

    /// Returns the greatest number of threads.
    ///
    /// Twisted: `ThreadPool.max`.
    #[must_use]
    pub fn max_threads(&self) -> usize {
        self.shared().core().state.max()
    }

    /// Returns one consistent snapshot of the numbers of the pool.
    ///
    /// Twisted: `ThreadPool.dumpStats`.
    #[must_use]
    pub fn stats(&self) -> PoolStats {
        self.shared().stats()
    }

    /// Returns the jobs that are being run, the oldest first.
    #[must_use]
    pub fn running_jobs(&self) -> Vec<RunningJob> {
        self.shared().core().running_jobs(self.shared())
    }

    /// Returns true on the threads of this pool.
    #[must_use]
    pub fn is_worker(&self) -> bool {
        place::is_inside(self.shared())
    }
}

impl fmt::Debug for ThreadPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ThreadPool")
            .field("name", &self.name())
            .field("state", &self.state())
            .field("min_threads", &self.min_threads())
            .field("max_threads", &self.max_threads())
            .field("stats", &self.stats())
            .finish()
    }
}
