//! What a running job can know about being wanted no more.
//!
//! A queued job that is cancelled never runs, so only a running one needs a token.

use std::fmt;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::blocking::blocking;
use crate::hook::{self, Added, Hook};
use crate::job::Run;
use crate::place;
use crate::sync::{Condvar, Mutex, lock, wait_until};

/// Tells a running job whether it is wanted no more: [`JobHandle::cancel`](crate::JobHandle::cancel)
/// was called for it, or [`stop_now`](crate::ThreadPool::stop_now) for its pool.
///
/// Cancellation is cooperative: a job that never looks runs to its end. One that computes asks
/// [`is_cancelled`](Self::is_cancelled) now and then, one that pauses does so in
/// [`wait_timeout`](Self::wait_timeout), and one that waits inside of something that can be
/// interrupted has that done by [`on_cancel`](Self::on_cancel).
///
/// # Threads
///
/// [`CancelToken::current`] is called inside the job, on its worker; the token may then be given
/// to any thread.
///
/// # Examples
///
/// ```
/// use ropewalk_threadpool::{CancelToken, JobState, ThreadPool};
///
/// let pool = ThreadPool::builder().build()?;
/// pool.start()?;
/// let (started, is_started) = std::sync::mpsc::channel();
/// let handle = pool.call_in_thread(move || {
///     let token = CancelToken::current();
///     started.send(()).unwrap();
///     while !token.is_cancelled() {
///         std::thread::yield_now(); // one piece of the work
///     }
/// })?;
/// is_started.recv()?;
/// assert!(!handle.cancel(), "it runs, and is told");
/// assert_eq!(handle.wait()?, JobState::Finished);
/// pool.stop();
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct CancelToken {
    job: Option<Arc<dyn Run>>,
}

impl CancelToken {
    /// Returns the token of the job that runs on this thread.
    ///
    /// Outside of a job it returns a token that is never cancelled, so that the same function can
    /// be called in a pool and elsewhere.
    ///
    /// # Threads
    ///
    /// Any thread.
    #[must_use]
    pub fn current() -> Self {
        Self { job: place::current_job() }
    }

    /// Returns true once the job is wanted no more. It never turns false again.
    ///
    /// # Threads
    ///
    /// Any thread.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.job.as_ref().is_some_and(|job| job.header().is_cancel_requested())
    }

    /// Has `hook` called when the job is cancelled, so that it interrupts what the job waits for:
    /// shuts down a socket, kills a child process, interrupts a query of a database.
    ///
    /// It is called once at most, as long as the [`CancelHook`] that this returns is there. When
    /// the drop of that has returned, `hook` is not running and will not run: it can hit nothing
    /// that the job does next. So the drop may have to wait for it.
    ///
    /// - It is called on the thread that cancels, before [`JobHandle::cancel`] or
    ///   [`ThreadPool::stop_now`] returns there. For a `Deferred` that is the reactor thread, so it
    ///   must not block for long.
    /// - If the job has been cancelled already, it is called here and now. That holds after the end
    ///   of the job, too.
    /// - Of several hooks the last one set is the first one called. Only the first who cancels calls
    ///   them, and only one at a time: who cancels after that, and the hooks themselves, may find
    ///   that some have not been called yet.
    /// - What is still set when the job ends is dropped uncalled; a call that has begun by then is
    ///   not waited for. After the end, and outside of a job, where nobody cancels, `hook` is
    ///   dropped at once.
    /// - It may do anything, such as to cancel again, to drop hooks, and to stop the pool, which does
    ///   not wait there, as on a thread of the pool. But it must not wait for somebody who drops its
    ///   own `CancelHook`, nor for a lock that is held during that drop.
    /// - A panic in it is logged once, and goes no further.
    ///
    /// A job that sets no hooks pays nothing for them.
    ///
    /// [`JobHandle::cancel`]: crate::JobHandle::cancel
    /// [`ThreadPool::stop_now`]: crate::ThreadPool::stop_now
    ///
    /// # Threads
    ///
    /// Any thread; mostly the worker.
    ///
    /// # Examples
    ///
    /// A job that reads from a peer that does not write:
    ///
    /// ```
    /// use ropewalk_threadpool::{CancelToken, JobState, ThreadPool};
    /// use std::io::Read;
    /// use std::net::{Shutdown, TcpListener, TcpStream};
    ///
    /// let listener = TcpListener::bind("127.0.0.1:0")?;
    /// let mut stream = TcpStream::connect(listener.local_addr()?)?;
    /// let (_silent, _) = listener.accept()?;
    ///
    /// let pool = ThreadPool::builder().build()?;
    /// pool.start()?;
    /// let handle = pool.call_in_thread(move || {
    ///     let own = stream.try_clone().unwrap();
    ///     let hook = CancelToken::current().on_cancel(move || {
    ///         let _ = own.shutdown(Shutdown::Both);
    ///     });
    ///     let read = stream.read(&mut [0; 64]);
    ///     drop(hook); // from here on nobody shuts it down
    ///     assert_eq!(read.unwrap(), 0);
    /// })?;
    /// while handle.state() == JobState::Queued {
    ///     std::thread::yield_now();
    /// }
    /// handle.cancel();
    /// assert_eq!(handle.wait()?, JobState::Finished);
    /// # pool.stop();
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    pub fn on_cancel<F>(&self, hook: F) -> CancelHook
    where
        F: FnOnce() + Send + 'static,
    {
        let Some(job) = &self.job else { return CancelHook { set: None } };
        let hook = Hook::new(Box::new(hook));
        match hook::add(&**job, &hook) {
            Added::Set => return CancelHook { set: Some((Arc::clone(job), hook)) },
            Added::Late => hook.call(job),
            Added::Refused => {}
        }
        CancelHook { set: None }
    }

    /// Waits for `limit`, or until the job is cancelled; true if it has been.
    ///
    /// A pause that ends at once when the job is wanted no more, inside of
    /// [`blocking`](crate::blocking()). Outside of a job, and after its end, it only waits.
    ///
    /// # Threads
    ///
    /// Any but a reactor thread, which it would block.
    ///
    /// # Examples
    ///
    /// ```
    /// use ropewalk_threadpool::{CancelToken, JobState, ThreadPool};
    /// use std::time::Duration;
    ///
    /// let pool = ThreadPool::builder().build()?;
    /// pool.start()?;
    /// let (started, is_started) = std::sync::mpsc::channel();
    /// let handle = pool.call_in_thread(move || {
    ///     let token = CancelToken::current();
    ///     loop {
    ///         let _ = started.send(()); // one look at what is to be watched
    ///         if token.wait_timeout(Duration::from_secs(60)) {
    ///             break;
    ///         }
    ///     }
    /// })?;
    /// is_started.recv()?;
    /// handle.cancel();
    /// assert_eq!(handle.wait()?, JobState::Finished); // not a minute later
    /// # pool.stop();
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use = "it may return early, since the job is wanted no more"]
    pub fn wait_timeout(&self, limit: Duration) -> bool {
        if self.is_cancelled() {
            return true;
        }
        let deadline = Instant::now().checked_add(limit);
        let bell = Arc::new(Bell::default());
        let rings = Arc::clone(&bell);
        let _hook = self.on_cancel(move || rings.ring());
        blocking(|| bell.wait(deadline));
        self.is_cancelled()
    }
}

impl fmt::Debug for CancelToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CancelToken").field("is_cancelled", &self.is_cancelled()).finish()
    }
}

/// A hook that [`CancelToken::on_cancel`] has set; dropping this takes it back.
///
/// When the drop has returned, the hook is not running and will not run. So the drop waits for one
/// that is being called, except inside of that very call, which goes on. The wait is one inside of
/// [`blocking`](crate::blocking()). A hook that is taken back uncalled is dropped here.
///
/// Who leaks this, or moves it out of the job, leaves it to the end of the job to drop the hook.
///
/// # Threads
///
/// Any thread.
#[must_use = "dropping it takes the hook back"]
pub struct CancelHook {
    /// None if there is nothing to take back.
    set: Option<(Arc<dyn Run>, Arc<Hook>)>,
}

impl Drop for CancelHook {
    fn drop(&mut self) {
        if let Some((job, hook)) = self.set.take() {
            hook::take_back(&*job, &hook);
        }
    }
}

impl fmt::Debug for CancelHook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CancelHook").finish_non_exhaustive()
    }
}

// No user code runs under a lock, so a panic leaves nothing half done for others to see.
impl UnwindSafe for CancelToken {}
impl RefUnwindSafe for CancelToken {}
impl UnwindSafe for CancelHook {}
impl RefUnwindSafe for CancelHook {}

/// What wakes one sleeper.
#[derive(Default)]
struct Bell {
    rung: Mutex<bool>,
    rings: Condvar,
}

impl Bell {
    fn ring(&self) {
        *lock(&self.rung) = true;
        self.rings.notify_all();
    }

    fn wait(&self, deadline: Option<Instant>) {
        let (mut rung, mut late) = (lock(&self.rung), false);
        while !*rung && !late {
            (rung, late) = wait_until(&self.rings, rung, deadline);
        }
    }
}
