//! A thread that tells what a blocked reactor cannot tell itself.
//!
//! The reactor leaves word of what it runs; the watchdog looks at that from time to time, and what
//! it finds unchanged for too long is blocked. It hears of stalled pools from the pools. While
//! nothing moves it sleeps without a time-out (I6): it is woken by the next callback of a reactor
//! that it had found at rest.

mod patrol;
mod pools;
mod reactors;
mod report;

use patrol::{Common, Patrol};
use ropewalk_reactor::{Reactor, ReactorHandle};
use ropewalk_threadpool::{ThreadPool, blocking};
use std::fmt;
use std::io;
use std::panic::{Location, RefUnwindSafe, UnwindSafe};
use std::sync::Arc;
use std::thread::{self, Builder, JoinHandle};
use std::time::Duration;

pub use report::{BlockedCallback, WatchdogReport};

type Hook = Box<dyn FnMut(&WatchdogReport) + Send>;

/// A thread that reports a reactor which is blocked in one callback *while it is blocked*, and
/// pools that are stalled.
///
/// [`slow_callback`](ropewalk_reactor::Builder::slow_callback) names a callback when it is over.
/// That is too late for one that never ends: one that waits for a lock, for a thread, or for the
/// reactor itself. A watchdog names it while it runs, with its kind and the line where it was handed
/// over; of tasks and iterators each one by itself.
///
/// What is blocked is reported when it has run for
/// [`blocked_after`](WatchdogBuilder::blocked_after), again after twice and four times that, and so
/// on, and once more when it has ended. A pool is stalled when it says so itself: all threads busy,
/// jobs waiting, and none finished for its
/// [`stall_after`](ropewalk_threadpool::Builder::stall_after). The pool of a reactor that is watched
/// is watched too.
///
/// Watching costs a reactor two uncontended locks for a callback, about 15 ns; not being watched
/// costs it nothing that can be measured. While all that it watches rests, the watchdog sleeps too.
///
/// Dropping it ends it, as [`stop`](Self::stop) does.
///
/// # Examples
///
/// ```
/// use ropewalk_reactor::Reactor;
/// use ropewalk_threads::Watchdog;
/// use std::sync::mpsc::channel;
/// use std::time::Duration;
///
/// let reactor = Reactor::new()?;
/// let (sender, reports) = channel();
/// let watchdog = Watchdog::builder()
///     .blocked_after(Duration::from_millis(20))
///     .on_report(move |report| drop(sender.send(report.clone())))
///     .watch(&reactor.handle())
///     .spawn()?;
///
/// reactor.call_soon(move |reactor| {
///     // Blocked until it has been reported, from another thread of course.
///     let report = reports.recv().unwrap();
///     assert_eq!(report.blocked[0].kind, "soon");
///     assert_eq!(report.blocked[0].location.file(), file!());
///     println!("{report}");
///     reactor.stop();
/// });
/// reactor.run().unwrap();
/// watchdog.stop();
/// # std::io::Result::Ok(())
/// ```
#[must_use = "dropping it ends the watch"]
pub struct Watchdog {
    common: Arc<Common>,
    thread: Option<JoinHandle<()>>,
}

impl Watchdog {
    /// The settings of a new watchdog.
    pub fn builder() -> WatchdogBuilder {
        WatchdogBuilder {
            blocked_after: Duration::from_secs(1),
            hook: None,
            reactors: Vec::new(),
            pools: Vec::new(),
        }
    }

    /// Watches one more reactor, and its pool.
    ///
    /// What it runs from here on is seen; a callback that runs already is not. The watch neither
    /// keeps the reactor alive nor depends on its running: between two runs nothing is blocked, and
    /// a reactor that is dropped leaves the watch by itself. Watching one again changes nothing.
    ///
    /// # Threads
    ///
    /// Any thread.
    pub fn watch(&self, handle: &ReactorHandle) {
        self.common.add_reactor(handle);
    }

    /// Watches one more pool: one that belongs to no reactor that is watched.
    ///
    /// The watch does not keep the pool alive. A pool without
    /// [`stall_after`](ropewalk_threadpool::Builder::stall_after) is never stalled.
    ///
    /// # Threads
    ///
    /// Any thread.
    pub fn watch_pool(&self, pool: &ThreadPool) {
        self.common.add_pool(pool);
    }

    /// Ends the watch and waits for the end of its thread, which comes at once unless a hook runs.
    ///
    /// In the hook itself, and in a callback of a reactor, for which a hook may be waiting, it does
    /// not wait. Elsewhere on the thread of a reactor that is only turned by hand, see to it that no
    /// hook waits for that one.
    ///
    /// # Threads
    ///
    /// Any thread.
    pub fn stop(self) {
        // The rest is its drop.
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        self.common.stop();
        let Some(thread) = self.thread.take() else { return };
        let in_hook = thread.thread().id() == thread::current().id();
        let in_callback = Reactor::with_current(|_| ()).is_some();
        if !in_hook && !in_callback {
            // Panics of the hook are contained, so there is nothing to hear of here.
            let _ = blocking(|| thread.join());
        }
    }
}

impl fmt::Debug for Watchdog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watchdog").finish_non_exhaustive()
    }
}

/// Settings for a new [`Watchdog`]; made by [`Watchdog::builder`].
#[must_use = "a builder does nothing until `spawn`"]
pub struct WatchdogBuilder {
    blocked_after: Duration,
    hook: Option<(Hook, &'static Location<'static>)>,
    reactors: Vec<ReactorHandle>,
    pools: Vec<ThreadPool>,
}

impl WatchdogBuilder {
    /// Sets for how long a callback may run before it is reported. Default: 1 second.
    ///
    /// A reactor that has something to do is looked at four times in this time, but at most once in
    /// a millisecond and at least four times in a second. So the report may come a quarter later,
    /// and the age in it may be less than the truth by as much; if the reactor had been at rest
    /// before, it is exact. [`Duration::MAX`] means never: then only pools are reported.
    pub fn blocked_after(mut self, time: Duration) -> Self {
        self.blocked_after = time;
        self
    }

    /// Sets what is called with each report, in place of the log.
    ///
    /// Without it there is one `tracing` warning for each callback that blocks, with its `thread`,
    /// `kind`, `location` and `age`, and another when it has ended. Of a stalled pool the pool
    /// itself warns.
    ///
    /// # Threads
    ///
    /// The hook runs on the thread of the watchdog, which looks at nothing meanwhile. It may call
    /// any method, also of the watchdog itself. A panic is reported, and the watch goes on.
    #[track_caller]
    pub fn on_report(mut self, hook: impl FnMut(&WatchdogReport) + Send + 'static) -> Self {
        self.hook = Some((Box::new(hook), Location::caller()));
        self
    }

    /// Watches a reactor, and its pool, as [`Watchdog::watch`] does.
    pub fn watch(mut self, handle: &ReactorHandle) -> Self {
        self.reactors.push(handle.clone());
        self
    }

    /// Watches a pool, as [`Watchdog::watch_pool`] does.
    pub fn watch_pool(mut self, pool: &ThreadPool) -> Self {
        self.pools.push(pool.clone());
        self
    }

    /// Starts the thread, named `ropewalk-watch`.
    ///
    /// # Errors
    ///
    /// What the operating system says if it refuses the thread.
    pub fn spawn(self) -> io::Result<Watchdog> {
        let (common, receiver) = Common::new();
        self.reactors.iter().for_each(|handle| common.add_reactor(handle));
        self.pools.iter().for_each(|pool| common.add_pool(pool));
        let patrol = Patrol::new(Arc::clone(&common), receiver, self.blocked_after, self.hook);
        let thread =
            Builder::new().name("ropewalk-watch".to_owned()).spawn(move || patrol.run())?;
        Ok(Watchdog { common, thread: Some(thread) })
    }
}

// The hook is not called here but on its thread, and under no lock: a panic leaves nothing half done.
impl UnwindSafe for Watchdog {}
impl RefUnwindSafe for Watchdog {}

impl fmt::Debug for WatchdogBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WatchdogBuilder")
            .field("blocked_after", &self.blocked_after)
            .field("reactors", &self.reactors.len())
            .field("pools", &self.pools.len())
            .finish_non_exhaustive()
    }
}
