//! One turn of the loop: the only place that decides order and budgets.
//!
//! A turn serves, in this order, and each with a budget of its own, of callbacks and of time, so
//! that none can starve another (I7):
//!
//! 1. calls from other threads: those that the turn before had left, or else those that were there
//!    when the turn began;
//! 2. timers: those that are due at one instant, read once;
//! 3. `call_soon`: what was there when its time came;
//! 4. I/O: one look at the operating system, which waits only if nothing else is to be done,
//!    and the callbacks of the sources that are ready.
//!
//! What a callback asks for never runs at once, and never in the step that is going on: what it
//! asks of a later step may still run in this turn, all else runs in the next. Before each callback
//! everything that was borrowed for finding it is given back (I5).

use crate::clock::{self, Clock};
use crate::core::Core;
use crate::error::RunError;
use crate::panics;
use crate::reactor::Reactor;
use crate::selector::{Event, Wait};
use crate::stopwatch::Kind;
use crate::storage::GiveBack as _;
use std::io;
use std::time::{Duration, Instant};

impl Reactor {
    /// Makes one turn by hand: serves what is ready, or, if nothing is, waits for something to
    /// become ready for at most `timeout` (`None`: until something does).
    ///
    /// A timer or a call that it has waited for is served by the next turn; an I/O event at once.
    /// So `while !done.get() { reactor.turn(None)?; }` ends with the turn that makes it done.
    ///
    /// For a thread whose main loop belongs to somebody else. It fires no triggers: such a program
    /// [starts](Self::start_running) the reactor before, and ends with [`run`](Self::run).
    ///
    /// # Threads
    ///
    /// Reactor thread, outside of callbacks.
    ///
    /// # Errors
    ///
    /// [`RunError::AlreadyRunning`] inside a callback of this reactor, [`RunError::Poll`] if the
    /// operating system cannot wait.
    ///
    /// # Examples
    ///
    /// ```
    /// use ropewalk_reactor::Reactor;
    /// use std::time::Duration;
    ///
    /// let reactor = Reactor::new()?;
    /// reactor.call_soon(|_| println!("one turn"));
    /// reactor.turn(Some(Duration::ZERO)).unwrap();
    /// # std::io::Result::Ok(())
    /// ```
    ///
    /// Twisted: `iterate`.
    #[doc(alias = "iterate")]
    pub fn turn(&self, timeout: Option<Duration>) -> Result<(), RunError> {
        let _entered = self.enter().ok_or(RunError::AlreadyRunning)?;
        let served = self.serve();
        self.serve_io(if served { Some(Duration::ZERO) } else { timeout }).map_err(RunError::Poll)
    }

    /// One turn, inside of a run or a turn.
    pub(crate) fn pass(&self, timeout: Option<Duration>) -> io::Result<()> {
        let before = self.core.clock.moved_by_hand();
        self.serve();
        // Time that has passed without waiting may be what the caller of this waits for.
        let moved = self.core.clock.moved_by_hand() != before;
        self.serve_io(if moved { Some(Duration::ZERO) } else { timeout })
    }

    /// All of a turn that needs no look at the operating system. `false`: nothing was to be done.
    fn serve(&self) -> bool {
        self.core.counters.turn();
        self.start_watch();
        // All of them in any case: no short circuit.
        let served =
            self.hear_bell() | self.serve_calls() | self.serve_timers() | self.serve_soon();
        if served {
            self.core.active.set(true);
        }
        served
    }

    /// One turn for a clock that is being moved. `true`: there is more to do without waiting.
    pub(crate) fn pass_of_clock(&self) -> bool {
        let Some(_entered) = self.enter() else { return false };
        if let Err(error) = self.pass(Some(Duration::ZERO)) {
            panics::tell(|| tracing::error!(%error, "waiting for events failed"));
        }
        self.core.has_work()
    }

    /// What other threads have rung for belongs to the calls, but is heard also where those are
    /// refused.
    fn hear_bell(&self) -> bool {
        let rung = self.core.shared.hear();
        if let (true, Some(f)) = (rung, self.core.on_bell.get()) {
            f(self);
        }
        rung
    }

    fn serve_calls(&self) -> bool {
        let core = &self.core;
        let batch = core.inbox.begin_turn(core.budget);
        if batch == 0 {
            return false;
        }
        let mut pace = self.pace();
        for served in 0..batch {
            let next = self.unless_dropped(|| core.inbox.next_location());
            let Some(location) = next.filter(|_| !pace.is_over(served)) else { break };
            core.counters.call();
            self.run_callback(Kind::Call, location, || core.inbox.run_next(self));
        }
        true
    }

    /// A callback may have dropped the reactor: then the turn runs nothing more. What is handed in
    /// from here on is dropped as everything else.
    pub(crate) fn unless_dropped<T>(&self, next: impl FnOnce() -> Option<T>) -> Option<T> {
        if self.core.dropped.get() { None } else { next() }
    }

    fn serve_timers(&self) -> bool {
        let core = &self.core;
        if let Clock::Manual(clock) = &core.clock {
            clock.follow(core);
        }
        if core.timers.borrow().len() == 0 {
            return false;
        }
        let pass = core.timers.borrow().begin_pass(core.clock.now());
        let mut pace = self.pace();
        for served in 0..core.budget {
            if pace.is_over(served) {
                break;
            }
            let next = self.unless_dropped(|| core.timers.borrow_mut().next_due(pass));
            let Some((late, timer)) = next else { return served > 0 };
            if served == 0 {
                core.counters.lag(late);
            }
            core.counters.timer();
            self.run_callback(Kind::Timer, timer.location(), || timer.run(self));
        }
        true
    }

    fn serve_soon(&self) -> bool {
        let core = &self.core;
        let batch = core.soon.borrow().len().min(core.budget);
        if batch == 0 {
            return false;
        }
        let mut pace = self.pace();
        for served in 0..batch {
            if pace.is_over(served) {
                break;
            }
            let next = self.unless_dropped(|| core.soon.borrow_mut().pop_front());
            let Some(pending) = next else { break };
            core.counters.soon();
            self.run_callback(Kind::Soon, pending.location, || (pending.run)(self));
        }
        core.soon.borrow_mut().give_back();
        true
    }

    fn serve_io(&self, timeout: Option<Duration>) -> io::Result<()> {
        let core = &self.core;
        let mut events = core.events.take();
        let waited = if events.is_empty() {
            self.wait_for_events(&mut events, core.how_long(timeout))
        } else {
            // What the turn before had no time for.
            Ok(())
        };
        if waited.is_ok() && !events.is_empty() {
            core.active.set(true);
            self.start_watch();
            let (mut pace, mut served) = (self.pace(), 0);
            while served < events.len() && !pace.is_over(served) {
                self.dispatch(events[served]);
                served += 1;
            }
            events.drain(..served);
        }
        core.unserved.set(!events.is_empty());
        core.events.set(events);
        waited
    }

    fn wait_for_events(&self, events: &mut Vec<Event>, wait: Wait) -> io::Result<()> {
        let core = &self.core;
        if let (Some(limit), false) = (core.spin, wait == Wait::Not) {
            if self.spin(limit, events, wait)? {
                return Ok(());
            }
        }
        if wait != Wait::Not && core.inbox.may_sleep() {
            core.counters.sleep();
            let waited = core.selector.wait(events, wait);
            core.inbox.woke_up();
            if let Clock::Manual(clock) = &core.clock {
                // A test that waits by hand has let time pass: it has, for the callbacks to come.
                clock.follow(core);
            }
            return waited;
        }
        // A loop that waits for our descriptor must not be told again of what was served just now.
        if core.sources.borrow().len() == 0 && !core.embedded.get() {
            return Ok(());
        }
        core.selector.wait(events, Wait::Not)
    }
}

impl Core {
    /// How long the loop has nothing to do, or `timeout` if that is shorter.
    pub(crate) fn how_long(&self, timeout: Option<Duration>) -> Wait {
        // Only here it is known whether a callback of this turn has moved the clock.
        let behind = self.unserved.get() || self.clock.is_behind();
        if behind || !self.soon.borrow().is_empty() || !self.inbox.is_empty() {
            return Wait::Not;
        }
        let due = self.timers.borrow_mut().first_deadline();
        if due.is_none() && timeout.is_none() {
            return Wait::Forever;
        }
        if timeout == Some(Duration::ZERO) {
            return Wait::Not;
        }
        if let (Some(due), None, Clock::Real) = (due, timeout, &self.clock) {
            // Whoever waits finds out if that is over, without a look at the clock in most cases.
            return Wait::Until(due);
        }
        let now = self.clock.now();
        if due.is_some_and(|due| due <= now) {
            return Wait::Not;
        }
        // Time that is moved by hand does not pass by waiting, unless waiting is a test's doing, too.
        let passes = self.selector.is_by_hand() || matches!(self.clock, Clock::Real);
        let due = due.filter(|_| passes);
        let from = if passes { now } else { Instant::now() };
        let over = timeout.map(|timeout| clock::deadline(from, timeout));
        due.into_iter().chain(over).min().map_or(Wait::Forever, Wait::Until)
    }
}
