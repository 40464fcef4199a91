//! The reactor itself: who owns it, who may borrow it, and what a callback can ask of it.

use crate::builder::Builder;
use crate::core::{Core, Lifecycle, Pending};
use crate::delayed_call::{DelayedCall, PendingCall};
use crate::handle::ReactorHandle;
use crate::later::later;
use crate::lending::Current;
use crate::panics::{self, PanicPolicy};
use crate::stats::ReactorStats;
use std::cell::Cell;
use std::fmt;
use std::io;
use std::panic::Location;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

thread_local! {
    /// How many reactors there are that belong to this thread.
    static LIVING: Cell<usize> = const { Cell::new(0) };
}

/// An event loop that runs callbacks on the thread on which it was made.
///
/// It is the owner of everything that is pending in it, and cannot be cloned: dropping it drops
/// the timers, sources, calls and slots, and all that their closures captured. Callbacks are lent
/// a `&Reactor`; where none is at hand there is [`Reactor::current`], and
/// [`Reactor::downgrade`] gives a reference that may be kept.
///
/// The crates above add methods by traits, which are all in the prelude of `ropewalk`: jobs
/// (`defer_to_thread` and others, `ReactorThreads` of `ropewalk-threads`), futures and delays
/// (`spawn`, `sleep`, `ReactorTask` of `ropewalk-task`), and connections (`connect_tcp`,
/// `ReactorNet` of `ropewalk-net`).
///
/// # Threads
///
/// It is neither `Send` nor `Sync`: only its [`handle`](Self::handle) crosses threads. A program
/// may have many reactors, but a thread runs one at a time, or one inside of a callback of another.
///
/// # Examples
///
/// ```
/// use ropewalk_reactor::Reactor;
/// use std::time::Duration;
///
/// let reactor = Reactor::new()?;
/// reactor.call_later(Duration::from_millis(5), |reactor| reactor.stop());
/// reactor.run().unwrap();
/// # std::io::Result::Ok(())
/// ```
///
/// Twisted: `reactor`.
pub struct Reactor {
    pub(crate) core: Rc<Core>,
    /// `false` for one that is lent: it does not take down the core when it goes.
    owner: bool,
}

impl Reactor {
    /// A reactor with the default settings.
    ///
    /// # Errors
    ///
    /// What the operating system says when it has no descriptors left to wait with.
    pub fn new() -> io::Result<Self> {
        Self::builder().build()
    }

    /// A reactor with other settings.
    pub fn builder() -> Builder {
        Builder::default()
    }

    pub(crate) fn owning(core: Core) -> Self {
        LIVING.with(|living| living.set(living.get() + 1));
        Self { core: Rc::new(core), owner: true }
    }

    pub(crate) fn lent(core: Rc<Core>) -> Self {
        Self { core, owner: false }
    }

    /// What other threads may hold of this reactor.
    #[must_use]
    pub fn handle(&self) -> ReactorHandle {
        ReactorHandle::new(Arc::clone(&self.core.shared))
    }

    /// Whether a reactor belongs to this thread, be it running or not, so that others may wait for
    /// this thread. For crates that extend the reactor.
    #[doc(hidden)]
    #[must_use]
    pub fn lives_on_this_thread() -> bool {
        LIVING.try_with(|living| living.get() > 0).unwrap_or(false)
    }

    /// The reactor's time.
    ///
    /// Twisted: `seconds`.
    #[must_use]
    pub fn now(&self) -> Instant {
        self.core.clock.now()
    }

    /// Whether the reactor runs: `true` from the *during* phase of the startup to the *during*
    /// phase of the shutdown.
    ///
    /// Twisted: `running`.
    #[must_use]
    pub fn running(&self) -> bool {
        self.core.lifecycle.get() == Lifecycle::Running
    }

    /// Calls `f` once, after `delay`.
    ///
    /// Never now, and never in the pass over the timers that is going on: not even with no delay
    /// at all. Calls with equal due times are made in the order in which they were set. A delay
    /// too long for the clock means "never".
    ///
    /// # Threads
    ///
    /// Reactor thread. Another thread uses
    /// [`ReactorHandle::call_from_thread`] to get there.
    ///
    /// # Examples
    ///
    /// ```
    /// use ropewalk_reactor::Reactor;
    /// use std::time::Duration;
    ///
    /// let reactor = Reactor::new()?;
    /// let never = reactor.call_later(Duration::MAX, |_| println!("the end of time"));
    /// never.cancel().unwrap();
    /// reactor.call_later(Duration::ZERO, |reactor| reactor.stop());
    /// reactor.run().unwrap();
    /// # std::io::Result::Ok(())
    /// ```
    ///
    /// Twisted: `callLater`.
    #[doc(alias = "callLater")]
    #[track_caller]
    pub fn call_later(&self, delay: Duration, f: impl FnOnce(&Self) + 'static) -> DelayedCall {
        self.call_later_at(Location::caller(), delay, f)
    }

    /// As [`call_later`](Self::call_later), on behalf of who is at `location`. For crates that
    /// extend the reactor.
    #[doc(hidden)]
    pub fn call_later_at(
        &self,
        location: &'static Location<'static>,
        delay: Duration,
        f: impl FnOnce(&Self) + 'static,
    ) -> DelayedCall {
        DelayedCall::set(&self.core, delay, later(location, f))
    }

    /// Calls `f` soon: never now, but without waiting, after all that was asked for so before it.
    ///
    /// Asked for by a call from a thread or by a timer it runs in the same turn, which comes to
    /// these calls later; asked for by another such call or by I/O, in the next turn.
    ///
    /// # Threads
    ///
    /// Reactor thread. It takes no lock and makes no system call.
    ///
    /// Twisted: `callLater(0, f)`.
    #[track_caller]
    pub fn call_soon(&self, f: impl FnOnce(&Self) + 'static) {
        self.call_soon_at(Location::caller(), f);
    }

    /// As [`call_soon`](Self::call_soon), on behalf of who is at `location`. For crates that extend
    /// the reactor.
    #[doc(hidden)]
    pub fn call_soon_at(
        &self,
        location: &'static Location<'static>,
        f: impl FnOnce(&Self) + 'static,
    ) {
        let pending = Pending { run: Box::new(f), location };
        self.core.soon.borrow_mut().push_back(pending);
        self.core.changed();
        self.core.handed_in();
    }

    /// The timers that are pending, the earliest first.
    ///
    /// Twisted: `getDelayedCalls`.
    #[doc(alias = "getDelayedCalls")]
    #[must_use]
    pub fn delayed_calls(&self) -> Vec<PendingCall> {
        let timers = self.core.timers.borrow();
        timers.iter().map(|(time, call)| PendingCall { time, location: call.location() }).collect()
    }

    /// The value of type `T` that belongs to this reactor; made with `Default` when first asked
    /// for, dropped with the reactor. A reactor that is gone makes a new one each time, and does not
    /// keep it. For crates that extend the reactor.
    ///
    /// # Threads
    ///
    /// Reactor thread; [`ReactorHandle::shared`] is for all threads.
    #[must_use]
    pub fn local<T: Default + 'static>(&self) -> Rc<T> {
        let value = self.core.locals.get();
        self.core.handed_in();
        value
    }

    /// As [`local`](Self::local), but the value outlives all that is pending in the reactor: it is
    /// there for what happens while that is dropped.
    #[doc(hidden)]
    #[must_use]
    pub fn lasting<T: Default + 'static>(&self) -> Rc<T> {
        let value = self.core.lasting.get();
        self.core.handed_in();
        value
    }

    /// Sets what a turn begins with after somebody has [rung](ReactorHandle::ring). For the one crate
    /// that takes in wake-ups from other threads.
    #[doc(hidden)]
    pub fn on_bell(&self, f: fn(&Self)) {
        self.core.on_bell.set(Some(f));
    }

    /// Whether its owner has dropped it, or is doing so. For crates that extend the reactor.
    #[doc(hidden)]
    #[must_use]
    pub fn is_dropped(&self) -> bool {
        self.core.dropped.get()
    }

    /// Counts of what the loop has done.
    #[must_use]
    pub fn stats(&self) -> ReactorStats {
        self.core.counters.snapshot(&self.core)
    }

    /// Runs user code whose result nobody waits for (I3).
    pub(crate) fn contain(
        &self,
        what: &str,
        location: &'static Location<'static>,
        code: impl FnOnce(),
    ) {
        if let Err(message) = panics::catch(code) {
            self.panicked(what, location, &message);
        }
    }

    pub(crate) fn panicked(&self, what: &str, location: &'static Location<'static>, message: &str) {
        self.core.counters.panic();
        panics::report(what, location, message);
        match self.core.panic_policy {
            PanicPolicy::Log => {}
            PanicPolicy::Stop => {
                // The first one is the reason; what comes after it, during the shutdown, is not.
                let first = self.core.panic.take();
                let reason = first.unwrap_or_else(|| (message.to_owned(), location));
                self.core.panic.set(Some(reason));
                self.stop();
            }
            PanicPolicy::Abort => std::process::abort(),
        }
    }

    /// Enters the reactor on this thread, for a run or a turn; `None` if it is entered already, or
    /// was dropped by its owner.
    pub(crate) fn enter(&self) -> Option<Entered<'_>> {
        if self.core.dropped.get() || self.core.entered.replace(true) {
            return None;
        }
        self.core.get_up();
        Some(Entered { core: &self.core, _current: Current::set(&self.core) })
    }
}

impl Drop for Reactor {
    fn drop(&mut self) {
        if !self.owner {
            return;
        }
        if self.core.entered.get() {
            // Dropped by one of its own callbacks: the run that is under way ends with this turn.
            self.crash();
        }
        // What is dropped may fail, and its last words are about this reactor.
        let _current = Current::set(&self.core);
        self.core.purge();
        // Nothing to be counted when the thread has ended so far that its statics are gone.
        let _ = LIVING.try_with(|living| living.set(living.get() - 1));
    }
}

impl fmt::Debug for Reactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Before anything is written: what it is written to is the user's.
        let timers = self.core.timers.borrow().len();
        let sources = self.core.sources.borrow().len();
        f.debug_struct("Reactor")
            .field("lifecycle", &self.core.lifecycle.get())
            .field("timers", &timers)
            .field("sources", &sources)
            .finish_non_exhaustive()
    }
}

/// Proof that this thread is inside the reactor.
pub(crate) struct Entered<'a> {
    core: &'a Core,
    _current: Current,
}

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        self.core.entered.set(false);
        self.core.lie_down();
    }
}
