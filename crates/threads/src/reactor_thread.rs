//! A reactor in a thread of its own.

use crate::debts;
use crate::error::WouldDeadlock;
use crate::join_error::JoinError;
use crate::panics;
use crate::reactor_pool::ReactorPool;
use crate::slot::{Taker, slot};
use crate::waits;
use ropewalk_deferred::Panicked;
use ropewalk_reactor::{Reactor, ReactorHandle, Remote, RunError, RunReport};
use ropewalk_threadpool::blocking;
use std::fmt;
use std::io;
use std::panic::{AssertUnwindSafe, Location, RefUnwindSafe, UnwindSafe, catch_unwind};
use std::thread::{Builder, JoinHandle, Thread};

/// A reactor that runs in a thread of its own, for a program whose main thread blocks.
///
/// Dropping it stops the reactor and waits for its thread. The shutdown deadline bounds how long
/// that waits for holds, but nobody can interrupt a callback: while one blocks, so does the drop. A
/// job for which the reactor waits does not wait: one of its own pool, or of whatever pool if it owes
/// the reactor its result. Neither does a callback, of whatever reactor: two that wait for each other
/// would never end. All other jobs wait inside of [`blocking`].
///
/// # Examples
///
/// ```
/// use ropewalk_threads::{HandleThreads as _, ReactorThread};
///
/// let reactor = ReactorThread::spawn()?;
/// let running = reactor.handle().blocking_call_from_thread(|reactor| Ok(reactor.running()));
/// assert!(running.unwrap());
/// reactor.join().unwrap(); // stops it
/// # std::io::Result::Ok(())
/// ```
#[must_use = "dropping it stops the reactor"]
pub struct ReactorThread {
    handle: ReactorHandle,
    thread: Option<JoinHandle<Ended>>,
    /// Where it was started.
    location: &'static Location<'static>,
}

/// How its run has ended, with what there is to say of it in both cases.
type Ended = Result<RunReport, (RunError, RunReport)>;

impl ReactorThread {
    /// Starts a thread and, in it, a reactor with the default settings.
    ///
    /// # Threads
    ///
    /// Any thread.
    ///
    /// # Errors
    ///
    /// What the operating system says if it refuses the thread, or the reactor its descriptors.
    #[track_caller]
    pub fn spawn() -> io::Result<Self> {
        Self::spawn_with(Reactor::new)
    }

    /// Starts a thread and, in it, the reactor that `make` makes there.
    ///
    /// # Errors
    ///
    /// What the operating system says if it refuses the thread, or the error of `make`; of kind
    /// [`Deadlock`](io::ErrorKind::Deadlock), with a [`WouldDeadlock`] inside, if `make` waits for
    /// a reactor of this thread; or with a [`Panicked`] inside, the text of the panic and the line of
    /// this call, if `make` panics. The errors of [`suggest_thread_pool_size`],
    /// [`install_thread_pool`] and the like convert with `?`; an error of another type becomes one of
    /// these by [`io::Error::other`].
    ///
    /// # Examples
    ///
    /// ```
    /// use ropewalk_reactor::Reactor;
    /// use ropewalk_threads::{ReactorThread, ReactorThreads as _};
    ///
    /// let reactor = ReactorThread::spawn_with(|| {
    ///     let reactor = Reactor::new()?;
    ///     reactor.suggest_thread_pool_size(3)?;
    ///     Ok(reactor)
    /// })?;
    /// reactor.join().unwrap();
    /// # std::io::Result::Ok(())
    /// ```
    ///
    /// [`suggest_thread_pool_size`]: crate::ReactorThreads::suggest_thread_pool_size
    /// [`install_thread_pool`]: crate::ReactorThreads::install_thread_pool
    #[track_caller]
    pub fn spawn_with(
        make: impl FnOnce() -> io::Result<Reactor> + Send + 'static,
    ) -> io::Result<Self> {
        Self::builder().spawn_with(make)
    }

    /// As [`spawn`](Self::spawn), with a state that `make` makes in the new thread and that stays
    /// there: other threads reach it by the [`Remote`]. It need not be `Send`, and it is dropped
    /// there, after its last `Remote`, or with the reactor.
    ///
    /// For a reactor with other settings there is [`ReactorThreadBuilder::reactor`].
    ///
    /// # Errors
    ///
    /// As for [`spawn_with`](Self::spawn_with).
    ///
    /// # Examples
    ///
    /// ```
    /// use ropewalk_threads::{ReactorThread, RemoteThreads as _};
    /// use std::cell::RefCell;
    ///
    /// let (reactor, lines) = ReactorThread::spawn_sharing(|_| Ok(RefCell::new(Vec::new())))?;
    /// lines.call_from_thread(|lines, _| lines.borrow_mut().push("one")).unwrap();
    /// let count = lines.blocking_call_from_thread(|lines, _| Ok(lines.borrow().len()));
    /// assert_eq!(count.unwrap(), 1);
    /// reactor.join().unwrap();
    /// # std::io::Result::Ok(())
    /// ```
    #[track_caller]
    pub fn spawn_sharing<T: 'static>(
        make: impl FnOnce(&Reactor) -> io::Result<T> + Send + 'static,
    ) -> io::Result<(Self, Remote<T>)> {
        Self::builder().spawn_sharing(make)
    }

    /// Settings for the thread of a reactor.
    pub fn builder() -> ReactorThreadBuilder {
        ReactorThreadBuilder { name: "reactor".to_owned(), make: Reactor::new }
    }

    /// The handle of the reactor.
    #[must_use]
    pub fn handle(&self) -> &ReactorHandle {
        &self.handle
    }

    /// Whether the thread has ended, so that [`wait`](Self::wait) comes back at once.
    ///
    /// # Threads
    ///
    /// Any thread.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.thread.as_ref().is_none_or(JoinHandle::is_finished)
    }

    /// Stops the reactor and waits for the end of its thread. To wait until somebody else stops it,
    /// there is [`wait`](Self::wait).
    ///
    /// # Errors
    ///
    /// - [`JoinError::Run`]: what [`Reactor::run`] returned, and the report of the run, which is there
    ///   all the same;
    /// - [`JoinError::Panicked`]: the thread panicked;
    /// - [`JoinError::WouldDeadlock`]: the end of the reactor waits for this very thread. It stops
    ///   all the same.
    #[track_caller]
    pub fn join(self) -> Result<RunReport, JoinError> {
        self.handle.stop();
        self.wait()
    }

    /// Waits for the end of the thread without stopping the reactor: it runs until one of its own
    /// callbacks, a signal or a handle stops it.
    ///
    /// # Errors
    ///
    /// As for [`join`](Self::join). A wait that is refused gives the `ReactorThread` back, and the
    /// reactor goes on.
    ///
    /// # Examples
    ///
    /// ```
    /// use ropewalk_threads::ReactorThread;
    ///
    /// let reactor = ReactorThread::builder().name("clock").spawn()?;
    /// reactor.handle().call_from_thread(|reactor| {
    ///     reactor.call_later(std::time::Duration::from_millis(1), |reactor| reactor.stop());
    /// }).unwrap();
    /// reactor.wait().unwrap(); // the timer has come
    /// # std::io::Result::Ok(())
    /// ```
    #[track_caller]
    pub fn wait(mut self) -> Result<RunReport, JoinError> {
        match self.wait_for_end() {
            Ok(result) => result,
            Err(error) => Err(JoinError::WouldDeadlock { thread: self, error }),
        }
    }

    /// Waits, if the reactor can end before the code that asks has returned.
    #[track_caller]
    fn wait_for_end(&mut self) -> Result<Result<RunReport, JoinError>, WouldDeadlock> {
        let (own, pool) = (self.handle.thread().id(), self.handle.shared::<ReactorPool>());
        // It waits for the jobs of its own pools, and for those that owe it their results.
        if self.handle.is_reactor_thread() || pool.is_awaited_worker() || debts::is_owed_to(own) {
            return Err(WouldDeadlock::on_its_thread());
        }
        let _waiting = waits::begin(self.handle.thread(), false, || || true)?;
        let Some(thread) = self.thread.take() else { return Ok(Ok(RunReport::default())) };
        // Its shutdown may wait for jobs of the pool that this thread is in.
        let ended = blocking(|| thread.join());
        Ok(match ended {
            Ok(result) => result.map_err(|(error, report)| JoinError::Run { error, report }),
            Err(payload) => {
                Err(JoinError::Panicked(Panicked::from_payload(payload, self.location)))
            }
        })
    }
}

/// What there is to say of the reactor that is being made in `thread`.
fn first_word<W: Send + 'static>(
    taker: &Taker<io::Result<W>, ()>,
    thread: &Thread,
) -> io::Result<W> {
    // Making it is the caller's code, and may need the pool that this thread is in, or a reactor of
    // this thread.
    let _waiting = waits::begin(thread, false, || taker.is_open()).map_err(deadlock)?;
    let ended = || Err(io::Error::other("the thread has ended without making a reactor"));
    blocking(|| taker.wait()).unwrap_or_else(ended)
}

fn deadlock(error: WouldDeadlock) -> io::Error {
    io::Error::new(io::ErrorKind::Deadlock, error)
}

impl Drop for ReactorThread {
    fn drop(&mut self) {
        self.handle.stop();
        let in_callback = Reactor::with_current(|_| ()).is_some();
        if in_callback {
            return;
        }
        if let Ok(Err(error)) = self.wait_for_end() {
            panics::tell(|| tracing::error!(%error, "the reactor's thread ended with an error"));
        }
    }
}

// A handle and the means to wait: a panic leaves neither half done for others to see.
impl UnwindSafe for ReactorThread {}
impl RefUnwindSafe for ReactorThread {}

impl fmt::Debug for ReactorThread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReactorThread").field("handle", &self.handle).finish_non_exhaustive()
    }
}

/// Settings for a new [`ReactorThread`]; made by [`ReactorThread::builder`].
///
/// # Examples
///
/// ```
/// use ropewalk_threads::ReactorThread;
///
/// let threads = (0..2).map(|n| ReactorThread::builder().name(format!("core-{n}")).spawn());
/// for thread in threads.collect::<std::io::Result<Vec<_>>>()? {
///     thread.join().unwrap();
/// }
/// # std::io::Result::Ok(())
/// ```
#[must_use = "a builder does nothing until `spawn`"]
pub struct ReactorThreadBuilder<Make = fn() -> io::Result<Reactor>> {
    name: String,
    make: Make,
}

impl<Make> ReactorThreadBuilder<Make> {
    /// Sets the name of the thread, by which reports and debuggers tell it from others, and of the
    /// reactor's pool: the threads of `network` are `network-1` and so on. Default: `reactor`, as for
    /// the pool of any other reactor; and for a pool that gets a job while its reactor is being made.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Sets how the reactor is made, in the new thread: with what settings, and what is done to it
    /// before it runs. Default: [`Reactor::new`].
    ///
    /// # Examples
    ///
    /// ```
    /// use ropewalk_reactor::Reactor;
    /// use ropewalk_threads::{ReactorThread, RemoteThreads as _};
    /// use std::cell::Cell;
    /// use std::time::Duration;
    ///
    /// let settings = || Reactor::builder().shutdown_deadline(Duration::from_secs(5)).build();
    /// let builder = ReactorThread::builder().name("network").reactor(settings);
    /// let (reactor, count) = builder.spawn_sharing(|_| Ok(Cell::new(3)))?;
    /// assert_eq!(count.blocking_call_from_thread(|count, _| Ok(count.get())).unwrap(), 3);
    /// reactor.join().unwrap();
    /// # std::io::Result::Ok(())
    /// ```
    pub fn reactor<M>(self, make: M) -> ReactorThreadBuilder<M>
    where
        M: FnOnce() -> io::Result<Reactor> + Send + 'static,
    {
        ReactorThreadBuilder { name: self.name, make }
    }

    /// As [`ReactorThread::spawn_with`]. It is [`reactor`](Self::reactor) and `spawn` in one, so
    /// `make` comes in place of what an earlier `reactor` has set.
    ///
    /// # Errors
    ///
    /// As for [`ReactorThread::spawn_with`], and if the name contains a NUL character.
    #[track_caller]
    pub fn spawn_with(
        self,
        make: impl FnOnce() -> io::Result<Reactor> + Send + 'static,
    ) -> io::Result<ReactorThread> {
        self.reactor(make).spawn()
    }
}

impl<Make: FnOnce() -> io::Result<Reactor> + Send + 'static> ReactorThreadBuilder<Make> {
    /// As [`ReactorThread::spawn`].
    ///
    /// # Errors
    ///
    /// As for [`ReactorThread::spawn_with`], and if the name contains a NUL character.
    #[track_caller]
    pub fn spawn(self) -> io::Result<ReactorThread> {
        let (thread, ()) = self.spawn_giving(|_| Ok(()))?;
        Ok(thread)
    }

    /// As [`ReactorThread::spawn_sharing`].
    ///
    /// # Errors
    ///
    /// As for [`ReactorThread::spawn_sharing`], and if the name contains a NUL character.
    #[track_caller]
    pub fn spawn_sharing<T: 'static>(
        self,
        make: impl FnOnce(&Reactor) -> io::Result<T> + Send + 'static,
    ) -> io::Result<(ReactorThread, Remote<T>)> {
        self.spawn_giving(|reactor| Ok(reactor.share(make(reactor)?)))
    }

    /// Starts the thread, and brings back something that was made in it with the reactor.
    #[track_caller]
    fn spawn_giving<G: Send + 'static>(
        self,
        give: impl FnOnce(&Reactor) -> io::Result<G> + Send + 'static,
    ) -> io::Result<(ReactorThread, G)> {
        if self.name.contains('\0') {
            // The standard library panics.
            let why = "the name of a thread contains a NUL character";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, why));
        }
        let location = Location::caller();
        let (filler, taker) = slot(());
        let (pools, make) = (self.name.clone(), self.make);
        let make = move || {
            let reactor = make()?;
            let given = give(&reactor)?;
            Ok((reactor, given))
        };
        let thread = Builder::new().name(self.name).spawn(move || {
            waits::may_be_waited_for();
            let made = catch_unwind(AssertUnwindSafe(make)).unwrap_or_else(|payload| {
                Err(io::Error::other(Panicked::from_payload(payload, location)))
            });
            if let Ok((reactor, _)) = &made {
                reactor.handle().shared::<ReactorPool>().set_name(pools);
            }
            match made {
                // Unless nobody can have its handle any more: then nobody could stop it.
                Ok((reactor, given)) => match filler.fill(Ok((reactor.handle(), given))) {
                    // An error says nothing of that, and the reactor goes with its thread.
                    Ok(()) => reactor.run().map_err(|error| (error, reactor.run_report())),
                    Err(_gone) => Ok(RunReport::default()),
                },
                Err(error) => {
                    drop(filler.fill(Err(error)));
                    Ok(RunReport::default())
                }
            }
        })?;
        let (handle, given) = first_word(&taker, thread.thread())?;
        Ok((ReactorThread { handle, thread: Some(thread), location }, given))
    }
}

impl<Make> fmt::Debug for ReactorThreadBuilder<Make> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReactorThreadBuilder").field("name", &self.name).finish_non_exhaustive()
    }
}
