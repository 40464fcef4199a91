//! A clock that a test moves by hand.
//!
//! The reactor is the real one: only the source of its time differs. So what a test sees of order
//! and fairness is what production does.

use crate::core::Core;
use crate::reactor::Reactor;
use std::cell::{Cell, RefCell};
use std::fmt;
use std::rc::{Rc, Weak};
use std::time::{Duration, Instant};

/// The most passes that one instant may take. A timer that sets itself again with no delay would
/// keep the clock at that instant for ever; after so many passes the time moves on without it.
const PASSES_PER_INSTANT: u32 = 1_000;

/// Time that moves only by [`advance`](Self::advance).
///
/// Clones are the same clock. Several reactors of one thread may share it.
///
/// # Threads
///
/// The thread of its reactors; it is neither `Send` nor `Sync`.
///
/// # Examples
///
/// ```
/// use ropewalk_reactor::{ManualClock, Reactor};
/// use std::{cell::Cell, rc::Rc, time::Duration};
///
/// let clock = ManualClock::new();
/// let reactor = Reactor::builder().manual_clock(&clock).build()?;
/// let rung = Rc::new(Cell::new(false));
/// let bell = Rc::clone(&rung);
/// reactor.call_later(Duration::from_secs(3600), move |_| bell.set(true));
///
/// clock.advance(Duration::from_secs(3599));
/// assert!(!rung.get());
/// clock.advance(Duration::from_secs(1));
/// assert!(rung.get());
/// # std::io::Result::Ok(())
/// ```
///
/// Twisted: `task.Clock`.
#[doc(alias = "Clock")]
#[derive(Clone)]
pub struct ManualClock(Rc<State>);

struct State {
    start: Instant,
    now: Cell<Duration>,
    /// How far the running `advance` may go.
    target: Cell<Duration>,
    advancing: Cell<bool>,
    reactors: RefCell<Vec<Weak<Core>>>,
}

impl ManualClock {
    /// A clock that stands still.
    #[must_use]
    pub fn new() -> Self {
        Self(Rc::new(State {
            start: Instant::now(),
            now: Cell::new(Duration::ZERO),
            target: Cell::new(Duration::ZERO),
            advancing: Cell::new(false),
            reactors: RefCell::default(),
        }))
    }

    /// The time that the reactors of this clock see.
    #[must_use]
    pub fn now(&self) -> Instant {
        self.0.start + self.0.now.get()
    }

    /// How far the clock has moved since it was made.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.0.now.get()
    }

    /// Moves the time, stopping at the due time of each timer in between, and runs what is due.
    ///
    /// A callback sees its own due time as now. Timers that callbacks set, and that become due on
    /// the way, run in the same `advance`. Calls from other threads, `call_soon` and I/O that is
    /// ready are served too, without waiting for any.
    ///
    /// Called from inside a callback it only moves the end further away: of the running `advance`,
    /// or, inside [`Reactor::run`], of the time that the loop passes in its next turns.
    ///
    /// # Notes
    ///
    /// A timer that sets itself again with no delay does not hold the clock: after 1,000 passes at
    /// one instant the time moves on.
    ///
    /// Twisted: `Clock.advance`.
    pub fn advance(&self, by: Duration) {
        let state = &*self.0;
        state.target.set(state.target.get().saturating_add(by));
        if state.advancing.get() || self.reactors().iter().any(|core| core.entered.get()) {
            return;
        }
        state.advancing.set(true);
        let _done = Done(state);
        let mut passes = 0;
        loop {
            let before = state.now.get();
            let mut busy = false;
            for core in self.reactors() {
                busy |= Reactor::lent(core).pass_of_clock();
            }
            passes = if state.now.get() == before { passes + 1 } else { 0 };
            if state.now.get() < state.target.get() {
                let stuck = passes >= PASSES_PER_INSTANT;
                if stuck || !busy {
                    self.step(stuck);
                }
            } else if !busy || passes >= PASSES_PER_INSTANT {
                break;
            }
        }
    }

    /// For a reactor that runs by itself: what [`advance`](Self::advance) asked for from inside a
    /// callback is passed here, one due time per turn. `true`: there is more to come.
    pub(crate) fn follow(&self, core: &Core) -> bool {
        let state = &*self.0;
        if state.advancing.get() || state.now.get() >= state.target.get() {
            return false;
        }
        let due = core.timers.borrow().first_deadline();
        if due.is_none_or(|due| due > self.now()) {
            self.step(false);
        }
        state.now.get() < state.target.get()
    }

    pub(crate) fn attach(&self, core: &Rc<Core>) {
        let mut reactors = self.0.reactors.borrow_mut();
        reactors.retain(|core| core.strong_count() > 0);
        reactors.push(Rc::downgrade(core));
    }

    /// Moves to the next due time, or to the end if there is none before it. `skip`: pass over
    /// what is due at this very instant.
    fn step(&self, skip: bool) {
        let state = &*self.0;
        let target = state.start + state.target.get();
        let now = self.now();
        let next = self
            .reactors()
            .iter()
            .filter_map(|core| {
                let timers = core.timers.borrow();
                if skip { timers.first_deadline_after(now) } else { timers.first_deadline() }
            })
            .min()
            .map_or(target, |due| due.min(target));
        state.now.set(next.max(now) - state.start);
    }

    fn reactors(&self) -> Vec<Rc<Core>> {
        self.0.reactors.borrow().iter().filter_map(Weak::upgrade).collect()
    }
}

struct Done<'a>(&'a State);

impl Drop for Done<'_> {
    fn drop(&mut self) {
        self.0.advancing.set(false);
    }
}

impl Default for ManualClock {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for ManualClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ManualClock").field("elapsed", &self.0.now.get()).finish_non_exhaustive()
    }
}
