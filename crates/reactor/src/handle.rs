//! The one thing of a reactor that may cross threads.

use crate::error::ReactorStopped;
use crate::inbox::Shared;
use crate::reactor::Reactor;
use std::fmt;
use std::panic::Location;
use std::sync::Arc;
use std::thread::{self, Thread};

/// A handle of a [`Reactor`], for any thread.
///
/// It does not keep the reactor alive, and it has only what is safe from other threads. With the crate
/// `ropewalk-threads` it can also ask, and give work to the pool: `blocking_call_from_thread`,
/// `eventually` and `call_in_thread` are methods of its trait `HandleThreads`, which is in the prelude
/// of `ropewalk`.
///
/// # Examples
///
/// ```
/// use ropewalk_reactor::Reactor;
///
/// let reactor = Reactor::new()?;
/// let handle = reactor.handle();
/// let foreign = std::thread::Builder::new().spawn(move || {
///     handle.call_from_thread(|reactor| reactor.stop()).unwrap();
/// })?;
/// reactor.run().unwrap();
/// foreign.join().unwrap();
/// # std::io::Result::Ok(())
/// ```
///
/// Twisted: `IReactorFromThreads`.
#[doc(alias = "IReactorFromThreads")]
#[derive(Clone)]
pub struct ReactorHandle(pub(crate) Arc<Shared>);

impl ReactorHandle {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self(shared)
    }

    /// Calls `f` on the reactor thread.
    ///
    /// Calls from one thread run in the order in which they were made. `f` never runs before this
    /// returns, also when it is called on the reactor thread. Before the first run calls are kept,
    /// and run in its first turn. A sleeping loop is woken; many calls may share one wake-up, but
    /// each runs.
    ///
    /// A panic in `f` is contained and reported: see [`PanicPolicy`](crate::PanicPolicy).
    ///
    /// # Threads
    ///
    /// Any thread.
    ///
    /// # Errors
    ///
    /// [`ReactorStopped`], with `f` inside: the reactor has stopped, or was dropped. It converts with
    /// `?` into any boxed error.
    ///
    /// # Examples
    ///
    /// ```
    /// use ropewalk_reactor::{Reactor, ReactorHandle};
    /// use std::error::Error;
    /// use std::sync::mpsc::{Receiver, channel};
    ///
    /// fn hand_over(handle: &ReactorHandle, lines: Receiver<String>) -> Result<(), Box<dyn Error>> {
    ///     handle.call_from_thread(move |reactor| {
    ///         lines.try_iter().for_each(|line| println!("{line}"));
    ///         reactor.stop();
    ///     })?;
    ///     Ok(())
    /// }
    ///
    /// let reactor = Reactor::new()?;
    /// let (_sender, lines) = channel();
    /// hand_over(&reactor.handle(), lines)?;
    /// reactor.run()?;
    /// // It runs no more.
    /// let (_sender, lines) = channel();
    /// let refused = hand_over(&reactor.handle(), lines).unwrap_err();
    /// assert!(refused.to_string().contains("has stopped"));
    /// # Ok::<(), Box<dyn Error>>(())
    /// ```
    ///
    /// Twisted: `callFromThread`.
    #[doc(alias = "callFromThread")]
    #[track_caller]
    pub fn call_from_thread<F>(&self, f: F) -> Result<(), ReactorStopped<F>>
    where
        F: FnOnce(&Reactor) + Send + 'static,
    {
        self.0.send(f, Location::caller(), |f| f).map_err(ReactorStopped::refused)
    }

    /// As [`call_from_thread`](Self::call_from_thread), in the name of `location`. For crates that
    /// extend the reactor.
    ///
    /// # Errors
    ///
    /// As for [`call_from_thread`](Self::call_from_thread).
    #[doc(hidden)]
    pub fn call_from_thread_at<F>(
        &self,
        location: &'static Location<'static>,
        f: F,
    ) -> Result<(), ReactorStopped<F>>
    where
        F: FnOnce(&Reactor) + Send + 'static,
    {
        self.0.send(f, location, |f| f).map_err(ReactorStopped::refused)
    }

    /// Asks the reactor to stop, as [`Reactor::stop`] does, and wakes it.
    ///
    /// # Threads
    ///
    /// Any thread.
    ///
    /// Twisted: `callFromThread(reactor.stop)`.
    pub fn stop(&self) {
        self.0.stop(false);
    }

    /// As [`stop`](Self::stop), and whoever holds the shutdown is not waited for any more.
    pub fn stop_now(&self) {
        self.0.stop(true);
    }

    /// Whether this is the thread of the reactor: the one on which it was made.
    ///
    /// Twisted: `isInIOThread`.
    #[doc(alias = "isInIOThread")]
    #[must_use]
    pub fn is_reactor_thread(&self) -> bool {
        self.0.thread == thread::current().id()
    }

    /// The thread of the reactor. For crates that extend the reactor.
    #[doc(hidden)]
    #[must_use]
    pub fn thread(&self) -> &Thread {
        self.0.running.thread()
    }

    /// Whether calls are accepted: before the first run, and in a run up to its end.
    #[must_use]
    pub fn accepts_calls(&self) -> bool {
        self.0.is_open()
    }

    /// The value of type `T` that belongs to this reactor and that all threads share; made with
    /// `Default` when first asked for. For crates that extend the reactor.
    ///
    /// # Threads
    ///
    /// Any thread.
    #[must_use]
    pub fn shared<T: Default + Send + Sync + 'static>(&self) -> Arc<T> {
        self.0.slots.get()
    }

    /// Has the next turn, in a run or by hand, begin with what [`Reactor::on_bell`] has set, and
    /// wakes a loop that sleeps. For crates that extend the reactor.
    ///
    /// # Threads
    ///
    /// Any thread, and at any time: between runs too.
    #[doc(hidden)]
    pub fn ring(&self) {
        self.0.ring();
    }

    /// Whether both are handles of one reactor.
    #[must_use]
    pub fn same_reactor(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl fmt::Debug for ReactorHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("ReactorHandle");
        match self.thread().name() {
            Some(name) => shown.field("thread", &name),
            None => shown.field("thread", &self.thread().id()),
        };
        shown.field("accepts_calls", &self.accepts_calls()).finish()
    }
}
