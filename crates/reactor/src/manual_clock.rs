//! A clock that a test moves by hand.
//!
//! The reactor is the real one: only the source of its time differs. So what a test sees of order
//! and fairness is what production does.

use crate::clock;
use crate::core::Core;
use crate::reactor::Reactor;
use std::cell::{Cell, RefCell};
use std::fmt;
use std::rc::{Rc, Weak};
use std::time::{Duration, Instant};

/// The most passes that one instant may take without getting anywhere. A timer that sets itself
/// again with no delay would keep the clock at that instant for ever; after so many passes the time
/// moves on without it. A pass after which less is left to do than before does not count: a long
/// backlog is worked off at its instant.
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
    /// How many passes at this instant have got nowhere.
    passes: Cell<u32>,
    /// How much was left to do after the last pass.
    backlog: Cell<usize>,
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
            passes: Cell::new(0),
            backlog: Cell::new(0),
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
    /// An end that the machine's clock cannot express is a century away.
    ///
    /// # Notes
    ///
    /// A timer that sets itself again with no delay does not hold the clock: after 1,000 passes at
    /// one instant, not counting those after which less was left to do, the time moves on.
    ///
    /// Twisted: `Clock.advance`.
    pub fn advance(&self, by: Duration) {
        let state = &*self.0;
        let target = state.target.get().saturating_add(by);
        let end = clock::deadline(state.start, target);
        state.target.set(state.target.get().max(end - state.start));
        if state.advancing.get() || self.reactors().iter().any(|core| core.entered.get()) {
            return;
        }
        state.advancing.set(true);
        let _done = Done(state);
        state.passes.set(0);
        loop {
            let (mut busy, mut backlog) = (false, 0);
            for core in self.reactors() {
                busy |= Reactor::lent(Rc::clone(&core)).pass_of_clock();
                backlog += core.backlog();
            }
            let moves_on = !busy || self.is_stuck(backlog);
            if state.now.get() < state.target.get() {
                if moves_on {
                    self.step(busy);
                }
            } else if moves_on {
                break;
            }
        }
    }

    /// Whether a reactor that runs by itself has to go on without waiting, because
    /// [`advance`](Self::advance) was called from inside a callback.
    pub(crate) fn is_behind(&self) -> bool {
        let state = &*self.0;
        !state.advancing.get() && state.now.get() < state.target.get()
    }

    /// Passes what such a call asked for, one due time per turn.
    pub(crate) fn follow(&self, core: &Core) {
        if !self.is_behind() {
            return;
        }
        let due = core.timers.borrow_mut().first_deadline();
        if due.is_none_or(|due| due > self.now()) || self.is_stuck(core.backlog()) {
            // What is due now belongs to other reactors, which do not run, or does not end.
            self.step(true);
        }
    }

    /// Takes note of a pass, and says whether this instant has had too many.
    fn is_stuck(&self, backlog: usize) -> bool {
        let state = &*self.0;
        if backlog >= state.backlog.replace(backlog) {
            state.passes.set(state.passes.get() + 1);
        }
        state.passes.get() >= PASSES_PER_INSTANT
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
                let mut timers = core.timers.borrow_mut();
                let first = timers.first_deadline()?;
                if skip && first <= now { timers.first_deadline_after(now) } else { Some(first) }
            })
            .min()
            .map_or(target, |due| due.min(target));
        state.now.set(next.max(now) - state.start);
        state.passes.set(0);
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

#[cfg(all(test, not(loom)))]
mod tests {
    use super::ManualClock;
    use crate::reactor::Reactor;

    /// A clock may outlive any number of them.
    #[test]
    fn reactors_that_are_gone_leave_the_list() {
        let clock = ManualClock::new();
        let kept = Reactor::builder().manual_clock(&clock).build().unwrap();
        for _ in 0..10 {
            drop(Reactor::builder().manual_clock(&clock).build().unwrap());
        }
        assert!(clock.0.reactors.borrow().len() <= 2, "the one that is kept and the last");
        drop(kept);
    }
}
