//! Counters of what the loop has done.

use crate::core::Core;
use crate::reactor::Reactor;
use crate::stopwatch::Stopwatch;
use std::cell::Cell;
use std::time::Duration;

/// Counts since the reactor was made, and what is pending now; see [`Reactor::stats`](crate::Reactor::stats).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReactorStats {
    /// Turns of the loop.
    pub turns: u64,
    /// How often the loop went to sleep: it waited for the operating system with nothing else to
    /// do. Where most turns end without, the loop is busy.
    pub sleeps: u64,
    /// Calls from other threads that have run.
    pub calls: u64,
    /// Timers that have run.
    pub timers: u64,
    /// Calls made soon that have run, those of crates above this one included.
    pub soon: u64,
    /// Events of sources that were delivered.
    pub events: u64,
    /// Panics that were contained.
    pub panics: u64,
    /// Callbacks that took longer than [`slow_callback`](crate::Builder::slow_callback) allows; 0
    /// if nothing is set there.
    pub slow_callbacks: u64,
    /// The time of the longest callback, slow or not; zero if no threshold is set. Begun anew by
    /// [`reset_longest`](Reactor::reset_longest).
    pub longest_callback: Duration,
    /// How late the first timer was, in the last pass over the timers that ran one: the time from
    /// its deadline to the beginning of the pass, on the clock of the reactor.
    ///
    /// It is what the callbacks before it, or the operating system, have kept it waiting: some ten
    /// microseconds on a machine that is not busy. Nothing is measured where no timer runs.
    pub lag: Duration,
    /// The longest `lag` of all. Begun anew by [`reset_longest`](Reactor::reset_longest).
    pub longest_lag: Duration,
    /// Calls from other threads that wait now.
    pub pending_calls: usize,
    /// Calls made soon that wait now.
    pub pending_soon: usize,
    /// Timers that are pending now, due or not.
    pub pending_timers: usize,
    /// Sources that are registered now.
    pub sources: usize,
}

#[derive(Debug, Default)]
pub(crate) struct Counters {
    turns: Cell<u64>,
    sleeps: Cell<u64>,
    calls: Cell<u64>,
    timers: Cell<u64>,
    soon: Cell<u64>,
    events: Cell<u64>,
    /// Of triggers that have been run.
    phases: Cell<u64>,
    panics: Cell<u64>,
    lag: Cell<Duration>,
    longest_lag: Cell<Duration>,
}

fn count(counter: &Cell<u64>) {
    counter.set(counter.get().wrapping_add(1));
}

impl Counters {
    pub(crate) fn turn(&self) {
        count(&self.turns);
    }

    pub(crate) fn sleep(&self) {
        count(&self.sleeps);
    }

    pub(crate) fn call(&self) {
        count(&self.calls);
    }

    pub(crate) fn calls(&self) -> u64 {
        self.calls.get()
    }

    pub(crate) fn timer(&self) {
        count(&self.timers);
    }

    /// Notes how late the first timer of a pass is.
    pub(crate) fn lag(&self, late: Duration) {
        self.lag.set(late);
        if late > self.longest_lag.get() {
            self.longest_lag.set(late);
        }
    }

    pub(crate) fn soon(&self) {
        count(&self.soon);
    }

    pub(crate) fn event(&self) {
        count(&self.events);
    }

    /// How many callbacks have begun and phases of triggers, counted together: the same number means
    /// the same callback, or another trigger of its phase.
    pub(crate) fn callbacks(&self) -> u64 {
        [&self.calls, &self.timers, &self.soon, &self.events, &self.phases]
            .into_iter()
            .fold(0, |sum, counter| sum.wrapping_add(counter.get()))
    }

    pub(crate) fn phase(&self) {
        count(&self.phases);
    }

    pub(crate) fn panic(&self) {
        count(&self.panics);
    }

    fn reset_longest(&self) {
        self.longest_lag.set(Duration::ZERO);
    }

    pub(crate) fn snapshot(&self, core: &Core) -> ReactorStats {
        ReactorStats {
            turns: self.turns.get(),
            sleeps: self.sleeps.get(),
            calls: self.calls.get(),
            timers: self.timers.get(),
            soon: self.soon.get(),
            events: self.events.get(),
            panics: self.panics.get(),
            slow_callbacks: core.watch.as_ref().map_or(0, Stopwatch::slow),
            longest_callback: core.watch.as_ref().map_or(Duration::ZERO, Stopwatch::longest),
            lag: self.lag.get(),
            longest_lag: self.longest_lag.get(),
            pending_calls: core.inbox.len(),
            pending_soon: core.soon.borrow().len(),
            pending_timers: core.timers.borrow().len(),
            sources: core.sources.borrow().len(),
        }
    }
}

impl Reactor {
    /// Begins anew with the longest times of the [`stats`](Self::stats), `longest_lag` and
    /// `longest_callback`; all that is counted goes on.
    ///
    /// For a program that reports them at intervals: without it one bad moment, say at the start, is
    /// all that can be seen. A callback that runs now counts with all of its time when it ends.
    ///
    /// # Threads
    ///
    /// Reactor thread.
    ///
    /// # Examples
    ///
    /// ```
    /// use ropewalk_reactor::Reactor;
    /// use std::time::Duration;
    ///
    /// fn report(reactor: &Reactor) {
    ///     println!("timers were late by at most {:?}", reactor.stats().longest_lag);
    ///     reactor.reset_longest();
    /// }
    ///
    /// let reactor = Reactor::new()?;
    /// reactor.call_later(Duration::from_millis(1), |reactor| {
    ///     report(reactor);
    ///     reactor.stop();
    /// });
    /// reactor.run().unwrap();
    /// assert_eq!(reactor.stats().longest_lag, Duration::ZERO);
    /// # std::io::Result::Ok(())
    /// ```
    pub fn reset_longest(&self) {
        self.core.counters.reset_longest();
        if let Some(watch) = &self.core.watch {
            watch.reset_longest();
        }
    }
}
