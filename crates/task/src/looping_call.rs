//! A function that is called again and again, on a grid of points in time.

mod grid;
mod loops;
mod state;

use crate::{AlreadyRunning, NotRunning};
use ropewalk_deferred::{Deferred, Outcome};
use ropewalk_reactor::Reactor;
use state::Looping;
use std::fmt;
use std::panic::Location;
use std::rc::Rc;
use std::time::Duration;

/// Calls a function again and again, at equal intervals.
///
/// The calls lie on a grid: the time of the start, and each multiple of the interval after it, in
/// whole nanoseconds of the reactor's clock. So nothing adds up over time. A call is never made
/// before the one before it is over; a call that takes longer than the interval, or that comes
/// late, costs the points of the grid that have passed by then, and the next call is made at the
/// first point that is still to come.
///
/// The function returns what a callback may: nothing, a `Result`, or a `Deferred`, and then the
/// call is over when that one has its result. A failure or a panic ends the loop.
///
/// Clones are the same loop. A loop that runs is owned by its reactor: it goes on if all handles
/// are dropped, and if the deferred of its start is dropped; a failure is then reported as
/// unhandled. Dropping the reactor ends the loop and drops its function.
///
/// An interval of zero means a call in each turn of the reactor, with all other work between.
///
/// # Threads
///
/// Reactor thread; it is neither `Send` nor `Sync`.
///
/// # Notes
///
/// The function should not capture a handle of its own loop: while the loop does not run, the two
/// would keep each other alive for ever. [`current`](Self::current) gives it one when it is called.
///
/// A [`ManualClock`](ropewalk_reactor::ManualClock) that is advanced stops at each point of the
/// grid, so that every call sees its own time. An interval of a nanosecond makes that a very long
/// way.
///
/// # Examples
///
/// ```
/// use ropewalk_reactor::{ManualClock, Reactor};
/// use ropewalk_task::LoopingCall;
/// use std::{cell::Cell, rc::Rc, time::Duration};
///
/// let clock = ManualClock::new();
/// let reactor = Reactor::builder().manual_clock(&clock).build()?;
/// let count = Rc::new(Cell::new(0));
/// let counts = Rc::clone(&count);
/// let ticker = LoopingCall::new(move |_| counts.set(counts.get() + 1));
///
/// let done = ticker.start(&reactor, Duration::from_millis(100))?;
/// clock.advance(Duration::from_millis(250));
/// assert_eq!(count.get(), 3); // at 0, 100 and 200 ms
///
/// ticker.stop()?;
/// done.add_callback(|_| println!("stopped")).detach();
/// # Ok::<(), ropewalk_deferred::Failure>(())
/// ```
///
/// Twisted: `task.LoopingCall`.
#[derive(Clone)]
pub struct LoopingCall(Rc<Looping>);

impl LoopingCall {
    /// A loop that calls `f`; it does not run yet.
    ///
    /// # Examples
    ///
    /// ```
    /// use ropewalk_task::LoopingCall;
    ///
    /// let ticker = LoopingCall::new(|_| println!("tick"));
    /// assert!(!ticker.running());
    /// ```
    ///
    /// Twisted: `LoopingCall(f)`.
    #[track_caller]
    pub fn new<F, R>(mut f: F) -> Self
    where
        F: FnMut(&Reactor) -> R + 'static,
        R: Outcome<Value = ()>,
    {
        Self::with_count(move |reactor, _| f(reactor))
    }

    /// A loop that tells `f` how many points of the grid have come since the last call.
    ///
    /// That is 1, unless points were missed: then the next call is told of them. Points that a
    /// [`reset`](Self::reset) has removed are not among them. With an interval of zero it is
    /// always 1.
    ///
    /// # Examples
    ///
    /// ```
    /// use ropewalk_reactor::{ManualClock, Reactor};
    /// use ropewalk_task::{LoopingCall, ReactorTask};
    /// use std::time::Duration;
    ///
    /// let clock = ManualClock::new();
    /// let reactor = Reactor::builder().manual_clock(&clock).build()?;
    /// let animation = LoopingCall::with_count(|reactor, frames| {
    ///     println!("draws the last of {frames}"); // of 1, then of 3
    ///     reactor.sleep(Duration::from_millis(50))
    /// });
    /// let done = animation.start(&reactor, Duration::from_millis(20))?;
    /// clock.advance(Duration::from_millis(100));
    /// # done.detach();
    /// # Ok::<(), ropewalk_deferred::Failure>(())
    /// ```
    ///
    /// Twisted: `LoopingCall.withCount`.
    #[doc(alias = "withCount")]
    #[track_caller]
    pub fn with_count<F, R>(mut f: F) -> Self
    where
        F: FnMut(&Reactor, u64) -> R + 'static,
        R: Outcome<Value = ()>,
    {
        let location = Location::caller();
        let body = move |reactor: &Reactor, count| f(reactor, count).into_deferred();
        Self(Looping::new(Box::new(body), location))
    }

    /// The loop whose function runs on this thread now; `None` in any other code.
    ///
    /// For the function itself, which so needs no handle of its own loop. What it returns and
    /// leaves to be done later is other code.
    ///
    /// # Examples
    ///
    /// ```
    /// use ropewalk_reactor::Reactor;
    /// use ropewalk_task::{LoopingCall, ReactorTask};
    /// use std::time::Duration;
    ///
    /// let mut left = 3;
    /// let countdown = LoopingCall::new(move |_| {
    ///     left -= 1;
    ///     if left == 0 {
    ///         LoopingCall::current().map(|this| this.stop());
    ///     }
    /// });
    /// let reactor = Reactor::new()?;
    /// reactor.run_until(countdown.start(&reactor, Duration::from_millis(1))?)?;
    /// # Ok::<(), ropewalk_deferred::Failure>(())
    /// ```
    #[must_use]
    pub fn current() -> Option<Self> {
        Looping::current().map(Self)
    }

    /// Starts the loop: calls its function now, before this returns, and then at each point of the
    /// grid that begins now.
    ///
    /// The deferred fires with the loop when that has been [stopped](Self::stop), and fails with
    /// what has ended it: the failure of a call, [`Panicked`](ropewalk_deferred::Panicked), or
    /// [`Abandoned`](ropewalk_deferred::Abandoned) if the reactor was dropped. By then the loop
    /// does not run any more, and can be started again. A program that ends while its loop runs, and
    /// that wants no word of it, stops it first, or [`detach`](Deferred::detach)es the deferred.
    ///
    /// Cancelling the deferred ends the loop and fails it with
    /// [`Cancelled`](ropewalk_deferred::Cancelled); a `Deferred` that the function has returned is
    /// cancelled, too. Dropping it changes nothing.
    ///
    /// A loop whose reactor was dropped while it ran has no function any more: then the deferred
    /// has failed already, with [`Abandoned`](ropewalk_deferred::Abandoned).
    ///
    /// # Threads
    ///
    /// Reactor thread.
    ///
    /// # Errors
    ///
    /// [`AlreadyRunning`]: it was started and has not ended; also while, after a stop, the last
    /// call is not over.
    ///
    /// # Examples
    ///
    /// ```
    /// use ropewalk_reactor::{ManualClock, Reactor};
    /// use ropewalk_task::LoopingCall;
    /// use std::time::Duration;
    ///
    /// let clock = ManualClock::new();
    /// let reactor = Reactor::builder().manual_clock(&clock).build()?;
    /// let ticker = LoopingCall::new(|_| Ok(println!("{}", "tock".parse::<u32>()?)));
    /// let ended = ticker.start(&reactor, Duration::from_secs(1))?;
    /// let failure = ended.try_take().unwrap().unwrap_err();
    /// assert_eq!(failure.to_string(), "invalid digit found in string");
    /// assert!(!ticker.running());
    /// # Ok::<(), ropewalk_deferred::Failure>(())
    /// ```
    ///
    /// Twisted: `LoopingCall.start`.
    #[track_caller]
    pub fn start(
        &self,
        reactor: &Reactor,
        interval: Duration,
    ) -> Result<Deferred<Self>, AlreadyRunning> {
        self.0.start(reactor, interval, false)
    }

    /// As [`start`](Self::start), but the first call is made one interval from now.
    ///
    /// # Threads
    ///
    /// Reactor thread.
    ///
    /// # Errors
    ///
    /// [`AlreadyRunning`]: it was started and has not ended; also while, after a stop, the last
    /// call is not over.
    ///
    /// # Examples
    ///
    /// ```
    /// use ropewalk_reactor::{ManualClock, Reactor};
    /// use ropewalk_task::LoopingCall;
    /// use std::time::Duration;
    ///
    /// let clock = ManualClock::new();
    /// let reactor = Reactor::builder().manual_clock(&clock).build()?;
    /// let ticker = LoopingCall::new(|_| println!("tick"));
    /// ticker.start_later(&reactor, Duration::from_secs(1))?.detach();
    /// clock.advance(Duration::from_secs(1)); // prints "tick" once
    /// # Ok::<(), ropewalk_deferred::Failure>(())
    /// ```
    ///
    /// Twisted: `LoopingCall.start` with `now=False`.
    #[track_caller]
    pub fn start_later(
        &self,
        reactor: &Reactor,
        interval: Duration,
    ) -> Result<Deferred<Self>, AlreadyRunning> {
        self.0.start(reactor, interval, true)
    }

    /// Stops the loop: it makes no further call, and the deferred of its start fires.
    ///
    /// That happens before this returns, unless a call is under way: then it happens when that
    /// call is over. A `Deferred` that the function has returned is waited for, not cancelled, and
    /// if it fails, so does the deferred of the start.
    ///
    /// # Threads
    ///
    /// Reactor thread; the function of the loop may do it, too.
    ///
    /// # Errors
    ///
    /// [`NotRunning`]: it was not started, was stopped before, or has ended.
    ///
    /// Twisted: `LoopingCall.stop`.
    pub fn stop(&self) -> Result<(), NotRunning> {
        self.0.stop()
    }

    /// Begins the grid anew: its next point is one interval from now.
    ///
    /// While a call is under way that is so, too: the next call is made at the first point of the
    /// new grid that comes after the call is over.
    ///
    /// # Threads
    ///
    /// Reactor thread; the function of the loop may do it, too.
    ///
    /// # Errors
    ///
    /// [`NotRunning`]: it was not started, was stopped, or has ended.
    ///
    /// # Examples
    ///
    /// ```
    /// use ropewalk_reactor::{ManualClock, Reactor};
    /// use ropewalk_task::LoopingCall;
    /// use std::time::Duration;
    ///
    /// let clock = ManualClock::new();
    /// let reactor = Reactor::builder().manual_clock(&clock).build()?;
    /// let watchdog = LoopingCall::new(|_| println!("nothing heard for five seconds"));
    /// watchdog.start_later(&reactor, Duration::from_secs(5))?.detach();
    /// for _ in 0..10 {
    ///     clock.advance(Duration::from_secs(4));
    ///     watchdog.reset()?; // something was heard
    /// }
    /// # Ok::<(), ropewalk_deferred::Failure>(())
    /// ```
    ///
    /// Twisted: `LoopingCall.reset`, which during a call does nothing.
    pub fn reset(&self) -> Result<(), NotRunning> {
        self.0.reset()
    }

    /// Whether the loop was started and has neither been stopped nor ended. During the last call
    /// of one that has been stopped it is `false` already.
    ///
    /// Twisted: `LoopingCall.running`.
    #[must_use]
    pub fn running(&self) -> bool {
        self.0.running()
    }

    /// The interval that it was started with last; `None` before the first start.
    ///
    /// Twisted: `LoopingCall.interval`.
    #[must_use]
    pub fn interval(&self) -> Option<Duration> {
        self.0.interval()
    }

    fn of(looping: Rc<Looping>) -> Self {
        Self(looping)
    }
}

impl fmt::Debug for LoopingCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoopingCall")
            .field("running", &self.running())
            .field("interval", &self.interval())
            .finish_non_exhaustive()
    }
}
