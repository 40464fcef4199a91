//! What a reactor is made of, as far as its own thread is concerned.
//!
//! [`Reactor`] owns it; everything else that lives on the reactor thread keeps a
//! `Weak` to it, so that dropping the reactor drops all that is pending. **Borrow rule:** no
//! `RefCell` here is borrowed while user code runs or a user's value is dropped (I5).

use crate::clock::Clock;
use crate::hold::Hold;
use crate::inbox::{Inbox, Shared};
use crate::later::Later;
use crate::panics::{self, PanicPolicy};
use crate::reactor::Reactor;
use crate::remote::Shares;
use crate::report::RunReport;
use crate::running::Record;
use crate::selector::{Event, Selector};
use crate::slots::LocalSlots;
use crate::source::Sources;
use crate::stats::Counters;
use crate::stopwatch::Stopwatch;
use crate::timers::Timers;
use crate::triggers::Triggers;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::panic::Location;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How often [`Core::purge`] looks again for what the last drops have handed in.
const PURGE_ROUNDS: u32 = 100;

/// A closure that waits for its turn on the reactor thread.
pub(crate) struct Pending {
    pub(crate) run: Box<dyn FnOnce(&Reactor)>,
    pub(crate) location: &'static Location<'static>,
}

/// Where a reactor is between its making and its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lifecycle {
    /// Not running: never run yet, or stopped.
    Idle,
    /// From the *during* phase of the startup to the *during* phase of the shutdown.
    Running,
    /// Before that, or after that, inside of `run`.
    Changing,
}

pub(crate) struct Core {
    pub(crate) clock: Clock,
    pub(crate) budget: usize,
    pub(crate) time_budget: Option<Duration>,
    pub(crate) panic_policy: PanicPolicy,
    pub(crate) shutdown_deadline: Duration,
    /// How long to look for work before sleeping, after something was done.
    pub(crate) spin: Option<Duration>,
    /// Something was done since the last look.
    pub(crate) active: Cell<bool>,

    pub(crate) lifecycle: Cell<Lifecycle>,
    /// Inside of `run` or `turn`.
    pub(crate) entered: Cell<bool>,
    /// Its descriptor is in the hands of another loop.
    pub(crate) embedded: Cell<bool>,
    /// The owner has dropped it, or is doing so: it does not run again.
    pub(crate) dropped: Cell<bool>,
    /// What was pending then is dropped: it keeps nothing any more.
    pub(crate) gone: Cell<bool>,
    /// What was handed in since is being dropped.
    pub(crate) emptying: Cell<bool>,
    pub(crate) crashed: Cell<bool>,
    /// What held the shutdown has let go.
    pub(crate) draining: Cell<bool>,
    /// When the wait of a callback has first seen that a stop was asked for, and which callback's.
    pub(crate) stop_seen: Cell<Option<(u64, Instant)>>,
    /// How many runs have begun.
    pub(crate) runs: Cell<u64>,
    /// The panic that stops the reactor under [`PanicPolicy::Stop`].
    pub(crate) panic: Cell<Option<(String, &'static Location<'static>)>>,
    pub(crate) report: RefCell<RunReport>,
    pub(crate) counters: Counters,
    /// Present if slow callbacks are looked for.
    pub(crate) watch: Option<Stopwatch>,

    pub(crate) inbox: Inbox,
    /// What a turn begins with if the bell was rung.
    pub(crate) on_bell: Cell<Option<fn(&Reactor)>>,
    pub(crate) soon: RefCell<VecDeque<Pending>>,
    pub(crate) timers: RefCell<Timers<Box<dyn Later>>>,
    pub(crate) sources: RefCell<Sources>,
    pub(crate) triggers: RefCell<Triggers>,
    pub(crate) shares: RefCell<Shares>,
    pub(crate) locals: LocalSlots,
    /// Slots that outlive all that is pending.
    pub(crate) lasting: LocalSlots,

    /// Out of its place while the events are delivered.
    pub(crate) events: Cell<Vec<Event>>,
    /// Some of them are left from the turn before.
    pub(crate) unserved: Cell<bool>,
    pub(crate) selector: Selector,
    pub(crate) shared: Arc<Shared>,
    /// What runs now.
    pub(crate) running: Arc<Record>,
}

impl Core {
    /// Whether something can be done without waiting.
    pub(crate) fn has_work(&self) -> bool {
        !self.inbox.is_empty()
            || self.unserved.get()
            || self.shared.is_rung()
            || !self.soon.borrow().is_empty()
            || self.timers.borrow_mut().first_deadline().is_some_and(|due| due <= self.clock.now())
    }

    /// How much waits, due or not.
    pub(crate) fn backlog(&self) -> usize {
        self.inbox.len() + self.soon.borrow().len() + self.timers.borrow().len()
    }

    /// Ends it: no call is accepted any more, and everything that is pending is dropped.
    pub(crate) fn purge(&self) {
        self.dropped.set(true);
        self.shared.close();
        self.running.end();
        self.purge_all();
        self.gone.set(true);
        self.selector.let_go();
    }

    /// Something was handed in. One that is gone drops it now: whoever still has a reference to it may
    /// have it for ever, and what was handed in may own that very reference.
    ///
    /// To be called with nothing borrowed.
    pub(crate) fn handed_in(&self) {
        if self.gone.get() {
            self.keep_nothing();
        }
    }

    #[cold]
    fn keep_nothing(&self) {
        // By what is dropped here, more may be handed in: it joins the rounds that go on.
        if !self.emptying.replace(true) {
            self.purge_all();
            self.emptying.set(false);
        }
    }

    fn purge_all(&self) {
        self.purge_pending();
        // Whoever lasted until here heard of all that; nobody hears of what is his own.
        if self.drop_each(self.lasting.take()) {
            self.purge_pending();
        }
    }

    /// What is dropped here may own anything, and its drop may even hand in more; the rounds are
    /// bounded because something that always makes more of itself must not hang us. It is left where
    /// it is, and looked at again by the next purge.
    fn purge_pending(&self) {
        for _ in 0..PURGE_ROUNDS {
            if !self.purge_once() {
                break;
            }
        }
    }

    /// `false`: there was nothing.
    fn purge_once(&self) -> bool {
        // The slots first: upper crates keep there who waits for a result, and whom they tell that
        // the reactor is gone, before what would have brought the result is dropped.
        let mut found = self.drop_each(self.locals.take());
        found |= self.drop_calls();
        found |= self.drop_each(self.soon.take());
        // Each is taken out in a statement of its own, so that its borrow ends before the drops.
        let timers = self.timers.borrow_mut().take();
        found |= self.drop_each(timers);
        let triggers = self.triggers.borrow_mut().take();
        found |= self.drop_each(triggers);
        let sources = self.sources.borrow_mut().take();
        found |= self.drop_each(sources);
        let shares = self.shares.borrow_mut().take();
        found |= self.drop_each(shares);
        found | self.drop_each(self.shared.slots.take())
    }

    /// Drops the calls that wait; `false`: there were none.
    fn drop_calls(&self) -> bool {
        let mut found = false;
        while self.inbox.next_of_all().is_some() {
            found = true;
            self.drop_one(|| self.inbox.drop_next());
        }
        found
    }

    fn drop_each<T>(&self, values: impl IntoIterator<Item = T>) -> bool {
        let mut found = false;
        for value in values {
            found = true;
            self.drop_one(|| drop(value));
        }
        found
    }

    fn drop_one(&self, drops: impl FnOnce()) {
        if let Err(message) = panics::catch(drops) {
            self.counters.panic();
            panics::tell(|| {
                tracing::error!(panic = message, "dropping what was pending panicked");
            });
        }
    }

    /// The holds that keep the shutdown from ending.
    pub(crate) fn stuck(&self) -> Vec<crate::error::Stuck> {
        Hold::report(&self.shared)
    }
}

impl Drop for Core {
    fn drop(&mut self) {
        // The owner has done this already. But what makes more of itself whenever it is dropped has
        // come back each time.
        self.purge();
    }
}
