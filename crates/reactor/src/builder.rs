//! The settings of a reactor.

use crate::clock::Clock;
use crate::core::{Core, Lifecycle};
use crate::inbox::Inbox;
use crate::manual_clock::ManualClock;
use crate::panics::PanicPolicy;
use crate::reactor::Reactor;
use crate::selector::{EVENTS, ManualSelector, Selector};
use crate::slots::LocalSlots;
use crate::stats::Counters;
use crate::stopwatch::Stopwatch;
use crate::timers::Timers;
use std::cell::{Cell, RefCell};
use std::io;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

/// Settings for a new [`Reactor`]; made by [`Reactor::builder`].
///
/// # Examples
///
/// ```
/// use ropewalk_reactor::{PanicPolicy, Reactor};
/// use std::time::Duration;
///
/// let reactor = Reactor::builder()
///     .panic_policy(PanicPolicy::Stop)
///     .shutdown_deadline(Duration::from_secs(5))
///     .build()?;
/// # drop(reactor);
/// # std::io::Result::Ok(())
/// ```
#[derive(Debug)]
#[must_use = "a builder does nothing until `build`"]
pub struct Builder {
    clock: Option<ManualClock>,
    budget: NonZeroUsize,
    time_budget: Option<Duration>,
    panic_policy: PanicPolicy,
    shutdown_deadline: Duration,
    slow_callback: Option<Duration>,
    spin: Option<Duration>,
    portable: bool,
    manual_selector: Option<ManualSelector>,
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            clock: None,
            budget: NonZeroUsize::new(256).unwrap_or(NonZeroUsize::MIN),
            time_budget: Some(Duration::from_millis(1)),
            panic_policy: PanicPolicy::default(),
            shutdown_deadline: Duration::from_secs(30),
            slow_callback: None,
            spin: None,
            portable: false,
            manual_selector: None,
        }
    }
}

impl Builder {
    /// Takes the time from a clock that is moved by hand. Default: the machine's monotonic clock.
    pub fn manual_clock(mut self, clock: &ManualClock) -> Self {
        self.clock = Some(clock.clone());
        self
    }

    /// How many calls, timers, soon-calls and tasks (each) one turn runs at most. Default: 256; of the
    /// tasks it is never more.
    ///
    /// Smaller is fairer, larger wastes less between the kinds.
    pub fn budget(mut self, budget: NonZeroUsize) -> Self {
        self.budget = budget;
        self
    }

    /// How long one turn runs calls, timers, soon-calls and the callbacks of sources (each) before it
    /// leaves the rest of them to the next turn. Default: 1 ms.
    ///
    /// The time begins when the first of them has returned. No callback is interrupted, and the clock
    /// is not read after each: a step ends with the look after its time is over, at most as many
    /// callbacks later as it had served before, and at most 16. A queue of calls that take a
    /// millisecond each does not delay a timer by their number. Inside of one callback the same holds
    /// for the tasks that it runs, the connections that it accepts, and the values of released
    /// [`Remote`](crate::Remote)s that it drops. [`Duration::MAX`] is no limit. Under a
    /// [`ManualClock`] there is none.
    pub fn time_budget(mut self, limit: Duration) -> Self {
        self.time_budget = (limit != Duration::MAX).then_some(limit);
        self
    }

    /// What happens when a callback panics. Default: [`PanicPolicy::Log`].
    pub fn panic_policy(mut self, policy: PanicPolicy) -> Self {
        self.panic_policy = policy;
        self
    }

    /// How long a shutdown waits for those who hold it, on the clock of the reactor. Default: 30
    /// seconds.
    ///
    /// A [`ManualClock`] has to be moved for it to pass.
    pub fn shutdown_deadline(mut self, deadline: Duration) -> Self {
        self.shutdown_deadline = deadline;
        self
    }

    /// Reports each callback that keeps the loop longer than `threshold`. Default: none is looked
    /// for.
    ///
    /// A callback is whatever the loop calls: a call from a thread, a timer, a call made soon, the
    /// callback of a source, a trigger; tasks are looked at one by one. What is slow gives one
    /// `tracing` warning with its `kind`, the `location` where it was handed over and the time that
    /// it `took`, and is counted in [`ReactorStats`](crate::ReactorStats). What the program calls by
    /// itself, outside of callbacks, is not looked at, such as the first call of a loop that it
    /// starts there.
    ///
    /// A callback that never ends is not reported: from another thread it is, by the `Watchdog` of the
    /// crate `ropewalk-threads`.
    ///
    /// It is off by default because it is not free: it reads the clock after each callback, about
    /// 25 ns. Time is the machine's here, even under a [`ManualClock`].
    ///
    /// # Examples
    ///
    /// ```
    /// use ropewalk_reactor::Reactor;
    /// use std::time::{Duration, Instant};
    ///
    /// let reactor = Reactor::builder().slow_callback(Duration::from_millis(1)).build()?;
    /// reactor.call_soon(|_| {
    ///     let begun = Instant::now();
    ///     while begun.elapsed() < Duration::from_millis(2) {} // a warning names this closure
    /// });
    /// reactor.turn(Some(Duration::ZERO)).unwrap();
    /// assert_eq!(reactor.stats().slow_callbacks, 1);
    /// # std::io::Result::Ok(())
    /// ```
    pub fn slow_callback(mut self, threshold: Duration) -> Self {
        self.slow_callback = Some(threshold);
        self
    }

    /// Looks for work for so long after it has done something, before it sleeps. Default: not at
    /// all.
    ///
    /// Waking a thread takes long where its core has gone idle, often tens of microseconds on
    /// virtual machines; a call that comes while the loop still looks around is served a hundred
    /// times sooner. The price is a core that is busy for nothing, at most `limit` after each time
    /// that something was done; a reactor with nothing to do sleeps as ever. It pays on machines with
    /// cores to spare, for limits of about 20 to 100 us, and is a loss where threads share a core.
    ///
    /// # Examples
    ///
    /// ```
    /// use ropewalk_reactor::Reactor;
    /// use std::time::Duration;
    ///
    /// let reactor = Reactor::builder().spin(Duration::from_micros(50)).build()?;
    /// # drop(reactor);
    /// # std::io::Result::Ok(())
    /// ```
    pub fn spin(mut self, limit: Duration) -> Self {
        self.spin = (!limit.is_zero()).then_some(limit);
        self
    }

    /// Waits for events through `polling` alone, as on platforms for which there is no shorter way.
    /// For measuring, and for trying what only those would meet.
    #[doc(hidden)]
    pub fn portable_selector(mut self) -> Self {
        self.portable = true;
        self
    }

    /// Has readiness made by hand, by a test. Default: the operating system tells.
    pub fn manual_selector(mut self, selector: &ManualSelector) -> Self {
        self.manual_selector = Some(selector.clone());
        self
    }

    /// Makes the reactor; this thread is its thread.
    ///
    /// # Errors
    ///
    /// What the operating system says when it has no descriptors left to wait with, or
    /// [`ResourceBusy`](io::ErrorKind::ResourceBusy) if the manual selector has a reactor already.
    pub fn build(self) -> io::Result<Reactor> {
        let clock = || self.clock.clone().map_or(Clock::Real, Clock::Manual);
        let selector = match &self.manual_selector {
            Some(manual) => Selector::by_hand(manual, clock())?,
            None => Selector::new(self.portable)?,
        };
        let inbox = Inbox::new(selector.waker());
        let shared = Arc::clone(inbox.shared());
        let clock = clock();
        let timers = RefCell::new(Timers::new(clock.now()));
        let reactor = Reactor::owning(Core {
            clock,
            budget: self.budget.get(),
            time_budget: self.time_budget,
            panic_policy: self.panic_policy,
            shutdown_deadline: self.shutdown_deadline,
            spin: self.spin,
            active: Cell::new(false),
            lifecycle: Cell::new(Lifecycle::Idle),
            entered: Cell::new(false),
            embedded: Cell::new(false),
            dropped: Cell::new(false),
            gone: Cell::new(false),
            emptying: Cell::new(false),
            crashed: Cell::new(false),
            draining: Cell::new(false),
            stop_seen: Cell::new(None),
            runs: Cell::new(0),
            panic: Cell::new(None),
            report: RefCell::default(),
            counters: Counters::default(),
            watch: self.slow_callback.map(Stopwatch::new),
            inbox,
            on_bell: Cell::new(None),
            soon: RefCell::default(),
            timers,
            sources: RefCell::default(),
            triggers: RefCell::default(),
            shares: RefCell::default(),
            locals: LocalSlots::default(),
            lasting: LocalSlots::default(),
            events: Cell::new(Vec::with_capacity(EVENTS)),
            unserved: Cell::new(false),
            selector,
            running: Arc::clone(&shared.running),
            shared,
        });
        if let Some(clock) = self.clock {
            clock.attach(&reactor.core);
        }
        Ok(reactor)
    }
}
