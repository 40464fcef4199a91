//! Counters of what the loop has done.

use crate::core::Core;
use crate::stopwatch::Stopwatch;
use std::cell::Cell;
use std::time::Duration;

/// Counts since the reactor was made; see [`Reactor::stats`](crate::Reactor::stats).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReactorStats {
    /// Turns of the loop.
    pub turns: u64,
    /// Calls from other threads that have run.
    pub calls: u64,
    /// Timers that have run.
    pub timers: u64,
    /// Events of sources that were delivered.
    pub events: u64,
    /// Panics that were contained.
    pub panics: u64,
    /// Callbacks that took longer than [`slow_callback`](crate::Builder::slow_callback) allows; 0
    /// if nothing is set there.
    pub slow_callbacks: u64,
    /// The time of the longest callback, slow or not; zero if no threshold is set.
    pub longest_callback: Duration,
    /// Timers that are pending now.
    pub pending_timers: usize,
    /// Sources that are registered now.
    pub sources: usize,
}

#[derive(Debug, Default)]
pub(crate) struct Counters {
    turns: Cell<u64>,
    calls: Cell<u64>,
    timers: Cell<u64>,
    events: Cell<u64>,
    panics: Cell<u64>,
}

fn count(counter: &Cell<u64>) {
    counter.set(counter.get().wrapping_add(1));
}

impl Counters {
    pub(crate) fn turn(&self) {
        count(&self.turns);
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

    pub(crate) fn event(&self) {
        count(&self.events);
    }

    pub(crate) fn panic(&self) {
        count(&self.panics);
    }

    pub(crate) fn snapshot(&self, core: &Core) -> ReactorStats {
        ReactorStats {
            turns: self.turns.get(),
            calls: self.calls.get(),
            timers: self.timers.get(),
            events: self.events.get(),
            panics: self.panics.get(),
            slow_callbacks: core.watch.as_ref().map_or(0, Stopwatch::slow),
            longest_callback: core.watch.as_ref().map_or(Duration::ZERO, Stopwatch::longest),
            pending_timers: core.timers.borrow().len(),
            sources: core.sources.borrow().len(),
        }
    }
}
