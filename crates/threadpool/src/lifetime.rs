//! How long a pool lives, and how to refer to one without keeping it.

use std::any::Any;
use std::fmt;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use crate::error::Advice;
use crate::handle::JobHandle;
use crate::pool::{Owner, ThreadPool};
use crate::shared::{Core, Shared};
use crate::state::Phase;

/// Where a pool is in its life; it only moves forward.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum PoolState {
    /// Not started: jobs are kept, none runs.
    New,
    /// Jobs are accepted and run.
    Running,
    /// Stopped or closed: jobs are refused, and those accepted are not all over.
    Draining,
    /// Stopped, and nothing is left to run.
    Stopped,
}

impl fmt::Display for PoolState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::New => "not started",
            Self::Running => "running",
            Self::Draining => "draining",
            Self::Stopped => "stopped",
        })
    }
}

impl Shared {
    pub(crate) fn state(&self, core: &Core) -> PoolState {
        match core.state.phase() {
            Phase::New => PoolState::New,
            Phase::Running => PoolState::Running,
            Phase::Closing if core.state.is_quiet() && self.queued(core) == 0 => PoolState::Stopped,
            Phase::Closing => PoolState::Draining,
        }
    }
}

/// A reference to a pool that does not keep it, from [`ThreadPool::downgrade`].
///
/// For what the pool itself holds, such as its hooks: a handle there would be a circle, and the
/// pool would live for ever.
///
/// # Threads
///
/// Any thread.
///
/// # Examples
///
/// A hook that lends a stalled pool another thread:
///
/// ```
/// use ropewalk_threadpool::{ThreadPool, WeakPool};
/// use std::sync::{Arc, OnceLock, mpsc::channel};
/// use std::time::Duration;
///
/// let own = Arc::new(OnceLock::<WeakPool>::new());
/// let hook_owns = Arc::clone(&own);
/// let pool = ThreadPool::builder()
///     .max_threads(1)
///     .stall_after(Duration::from_millis(1))
///     .on_stall(move |report| {
///         if let Some(pool) = hook_owns.get().and_then(WeakPool::upgrade) {
///             let _ = pool.set_max_threads(report.max_threads + 1);
///         }
///     })
///     .build()?;
/// let _ = own.set(pool.downgrade());
/// pool.start()?;
/// let (event, waits) = channel();
/// let blocker = pool.call_in_thread(move || waits.recv().unwrap())?;
/// pool.call_in_thread(move || event.send(()).unwrap())?;
/// blocker.wait()?;
/// assert_eq!(pool.max_threads(), 2);
/// # pool.stop();
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct WeakPool {
    owner: Weak<Owner>,
}

impl WeakPool {
    /// Returns a handle to the pool; none if its last handle is gone.
    #[must_use]
    pub fn upgrade(&self) -> Option<ThreadPool> {
        self.owner.upgrade().map(ThreadPool::of)
    }

    /// Whether both refer to one pool, be it there or not.
    #[must_use]
    pub fn same_pool(&self, other: &Self) -> bool {
        self.owner.ptr_eq(&other.owner)
    }
}

type AnyKeeper = Weak<dyn Any + Send + Sync>;

/// Who starts and stops a pool in place of its users: one that two stopped would serve neither.
#[derive(Default)]
pub(crate) struct Keeper(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    by: Option<AnyKeeper>,
    /// What to do with a job that comes when the keeper has closed the pool.
    advice: Option<Advice>,
}

impl Keeper {
    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ThreadPool {
    /// Returns a reference that does not keep the pool.
    #[must_use]
    pub fn downgrade(&self) -> WeakPool {
        WeakPool { owner: Arc::downgrade(self.owner()) }
    }

    /// Whether both are handles of one pool.
    ///
    /// # Examples
    ///
    /// ```
    /// use ropewalk_threadpool::ThreadPool;
    ///
    /// let (one, other) = (ThreadPool::builder().build()?, ThreadPool::builder().build()?);
    /// assert!(one.same_pool(&one.clone()));
    /// assert!(!one.same_pool(&other));
    /// # Ok::<(), ropewalk_threadpool::BuildError>(())
    /// ```
    #[must_use]
    pub fn same_pool(&self, other: &Self) -> bool {
        Arc::ptr_eq(self.owner(), other.owner())
    }

    /// Makes `keeper` the one that starts and stops this pool for its users; false if another is
    /// that, and is still there. For crates that keep pools.
    #[doc(hidden)]
    #[must_use]
    pub fn keep_for<T: Any + Send + Sync>(&self, keeper: &Arc<T>) -> bool {
        let new = Arc::downgrade(keeper) as AnyKeeper;
        let mut kept = self.owner().keeper.lock();
        let is_free = kept.by.as_ref().is_none_or(|it| it.ptr_eq(&new) || it.strong_count() == 0);
        if is_free {
            kept.by = Some(new);
        }
        is_free
    }

    /// Ends what [`keep_for`](Self::keep_for) began.
    #[doc(hidden)]
    pub fn keep_no_more<T: Any + Send + Sync>(&self, keeper: &Arc<T>) {
        let old = Arc::downgrade(keeper) as AnyKeeper;
        let mut kept = self.owner().keeper.lock();
        if kept.by.as_ref().is_some_and(|it| it.ptr_eq(&old)) {
            kept.by = None;
        }
    }

    /// Does as [`close`](Self::close), for a keeper, whose `advice` then ends the text of each
    /// [`SubmitError`](crate::SubmitError): a user who did not stop the pool has other things to do
    /// than one who did. Of several closes the first counts, whoever's it is. For crates that keep
    /// pools.
    #[doc(hidden)]
    pub fn close_for_users(
        &self,
        advice: &'static &'static str,
        on_drained: impl FnOnce() + Send + 'static,
    ) {
        if self.state() <= PoolState::Running {
            self.owner().keeper.lock().advice.get_or_insert(advice);
        }
        self.close(on_drained);
    }

    /// What the keeper who has closed the pool says to who comes too late.
    pub(crate) fn advice(&self) -> Option<Advice> {
        self.owner().keeper.lock().advice
    }

    /// Whether jobs wait because the system has refused the very first thread, so that none of the
    /// pool's own asks again. For crates that keep pools.
    #[doc(hidden)]
    #[must_use]
    pub fn lacks_threads(&self) -> bool {
        let (shared, core) = (self.shared(), self.shared().core());
        let is_refused = core.refused_at.is_some() && core.state.threads() == 0;
        is_refused && core.state.waiting(shared.unclaimed(&core)) > 0
    }

    /// Returns where the pool is in its life.
    ///
    /// # Examples
    ///
    /// ```
    /// use ropewalk_threadpool::{PoolState, ThreadPool};
    ///
    /// let pool = ThreadPool::builder().build()?;
    /// assert_eq!(pool.state(), PoolState::New);
    /// pool.start()?;
    /// assert_eq!(pool.state(), PoolState::Running);
    /// pool.stop();
    /// assert_eq!(pool.state(), PoolState::Stopped);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn state(&self) -> PoolState {
        let core = self.shared().core();
        self.shared().state(&core)
    }
}

// No user code runs under a lock of a pool, so a panic leaves nothing half done for others to see.
impl UnwindSafe for ThreadPool {}
impl RefUnwindSafe for ThreadPool {}
impl UnwindSafe for WeakPool {}
impl RefUnwindSafe for WeakPool {}
impl UnwindSafe for JobHandle {}
impl RefUnwindSafe for JobHandle {}
