//! Slow callbacks: how long each piece of user code keeps the loop, and whose it is.
//!
//! The end of one callback is the start of the next, so that a callback costs one look at the
//! clock. Only waiting for the operating system lies between two callbacks and is nobody's: after
//! it, and where a batch begins, the watch is started anew. A piece inside of a callback
//! ([`Reactor::timed`]) has a start of its own, and its time is not the callback's. That one look
//! is 24 ns, four times what an empty call costs, and even the system's coarse clock, 6 ns, is not
//! free: so there is no watch unless somebody asks for one.
//!
//! It is the machine's time that counts, also for a reactor whose clock is moved by hand: what
//! blocks its thread blocks it in that time, and the other one stands still while a callback runs.

use crate::panics;
use crate::reactor::Reactor;
use std::cell::Cell;
use std::panic::Location;
use std::time::{Duration, Instant};

/// What the loop runs.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    Call,
    Soon,
    Source,
    Timer,
    Trigger,
}

impl Kind {
    /// In a sentence.
    pub(crate) fn what(self) -> &'static str {
        match self {
            Self::Call => "a call from a thread",
            Self::Soon => "a call made soon",
            Self::Source => "a source's callback",
            Self::Timer => "a delayed call",
            Self::Trigger => "a system event trigger",
        }
    }

    /// In a field.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Call => "call",
            Self::Soon => "soon",
            Self::Source => "source",
            Self::Timer => "timer",
            Self::Trigger => "trigger",
        }
    }
}

/// Decides what was slow; reads no clock itself.
#[derive(Debug)]
pub(crate) struct Stopwatch {
    threshold: Duration,
    /// When the running callback began.
    started: Cell<Instant>,
    /// How much of the time since then is accounted for by pieces inside of it.
    inner: Cell<Duration>,
    slow: Cell<u64>,
    longest: Cell<Duration>,
}

/// What a piece puts aside until it ends.
struct Outer {
    started: Instant,
    inner: Duration,
}

impl Stopwatch {
    pub(crate) fn new(threshold: Duration) -> Self {
        Self {
            threshold,
            started: Cell::new(Instant::now()),
            inner: Cell::default(),
            slow: Cell::default(),
            longest: Cell::default(),
        }
    }

    /// How many were slow.
    pub(crate) fn slow(&self) -> u64 {
        self.slow.get()
    }

    /// The longest time of all, or of those since it was begun anew.
    pub(crate) fn longest(&self) -> Duration {
        self.longest.get()
    }

    pub(crate) fn reset_longest(&self) {
        self.longest.set(Duration::ZERO);
    }

    fn start(&self, now: Instant) {
        self.started.set(now);
        self.inner.set(Duration::ZERO);
    }

    /// Ends what began with `start`. `Some`: it was that slow.
    fn end(&self, now: Instant) -> Option<Duration> {
        let took = now.saturating_duration_since(self.started.get());
        let own = took.saturating_sub(self.inner.get());
        self.start(now);
        if own > self.longest.get() {
            self.longest.set(own);
        }
        if own <= self.threshold {
            return None;
        }
        self.slow.set(self.slow.get() + 1);
        Some(own)
    }

    /// Begins a piece inside of the running one.
    fn enter(&self, now: Instant) -> Outer {
        let outer = Outer { started: self.started.get(), inner: self.inner.get() };
        self.start(now);
        outer
    }

    /// Goes back to the outer piece, to which the time since the inner one began is lost.
    fn leave(&self, outer: &Outer, began: Instant, now: Instant) {
        self.started.set(outer.started);
        self.inner.set(outer.inner + now.saturating_duration_since(began));
    }
}

impl Reactor {
    /// Starts the watch, where one callback does not follow upon another.
    pub(crate) fn start_watch(&self) {
        if let Some(watch) = &self.core.watch {
            watch.start(Instant::now());
        }
    }

    /// Runs one callback: contained, and timed.
    pub(crate) fn run_callback(
        &self,
        kind: Kind,
        location: &'static Location<'static>,
        code: impl FnOnce(),
    ) {
        let _running = self.core.running.enter(kind.name(), location);
        self.contain(kind.what(), location, code);
        self.callback_ended(kind, location);
    }

    /// Looks how long it took since the callback before it.
    pub(crate) fn callback_ended(&self, kind: Kind, location: &'static Location<'static>) {
        if let Some(watch) = &self.core.watch {
            if let Some(took) = watch.end(Instant::now()) {
                report(kind.name(), location, took);
                // What the subscriber does with it is not the next one's time.
                watch.start(Instant::now());
            }
        }
    }

    /// Whether somebody wants to know of the pieces of a callback: this reactor looks for slow ones,
    /// or is watched. For crates that extend the reactor.
    #[doc(hidden)]
    #[must_use]
    pub fn times_callbacks(&self) -> bool {
        self.core.watch.is_some() || self.core.running.is_watched()
    }

    /// Runs a piece of a callback that has a kind and a location of its own, such as a task in its
    /// executor: if it is slow, or blocks, it is named, and not the callback around it. With no
    /// threshold set and nobody watching it costs two comparisons. For crates that extend the
    /// reactor.
    #[doc(hidden)]
    pub fn timed<R>(
        &self,
        kind: &'static str,
        location: &'static Location<'static>,
        piece: impl FnOnce() -> R,
    ) -> R {
        let _running = self.core.running.enter(kind, location);
        let Some(watch) = &self.core.watch else { return piece() };
        let began = Instant::now();
        let _leaves = Piece { watch, outer: watch.enter(began), began, kind, location };
        piece()
    }
}

/// Ends a piece also when it panics.
struct Piece<'a> {
    watch: &'a Stopwatch,
    outer: Outer,
    began: Instant,
    kind: &'static str,
    location: &'static Location<'static>,
}

impl Drop for Piece<'_> {
    fn drop(&mut self) {
        let mut now = Instant::now();
        if let Some(took) = self.watch.end(now) {
            report(self.kind, self.location, took);
            now = Instant::now();
        }
        self.watch.leave(&self.outer, self.began, now);
    }
}

#[cold]
fn report(kind: &'static str, location: &'static Location<'static>, took: Duration) {
    panics::tell(|| tracing::warn!(kind, %location, ?took, "a slow callback kept the loop busy"));
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::Stopwatch;
    use std::time::{Duration, Instant};

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn what_takes_longer_than_the_threshold_is_slow() {
        let watch = Stopwatch::new(ms(10));
        let zero = Instant::now();
        watch.start(zero);
        assert_eq!(watch.end(zero + ms(10)), None);
        assert_eq!(watch.end(zero + ms(21)), Some(ms(11)), "from the end of the one before");
        watch.start(zero + ms(100));
        assert_eq!(watch.end(zero + ms(101)), None, "from where it was started anew");
        assert_eq!((watch.slow(), watch.longest()), (1, ms(11)));
    }

    #[test]
    fn the_time_of_an_inner_piece_is_not_that_of_the_outer_one() {
        let watch = Stopwatch::new(ms(10));
        let zero = Instant::now();
        watch.start(zero);
        for from in [5, 40] {
            let began = zero + ms(from);
            let outer = watch.enter(began);
            let innermost = watch.enter(began + ms(1));
            assert_eq!(watch.end(began + ms(12)), Some(ms(11)));
            watch.leave(&innermost, began + ms(1), began + ms(13));
            assert_eq!(watch.end(began + ms(14)), None, "2 of its own");
            watch.leave(&outer, began, began + ms(15));
        }
        assert_eq!(watch.end(zero + ms(61)), Some(ms(31)), "5, 20 and 6 of its own");
        assert_eq!((watch.slow(), watch.longest()), (3, ms(31)));
        assert_eq!(watch.end(zero + ms(62)), None, "nothing is left over for the next");
    }
}
