//! What a reactor is made of, as far as its own thread is concerned.
//!
//! [`Reactor`](crate::Reactor) owns it; everything else that lives on the reactor thread keeps a
//! `Weak` to it, so that dropping the reactor drops all that is pending. **Borrow rule:** no
//! `RefCell` here is borrowed while user code runs or a user's value is dropped (I5).

use crate::clock::Clock;
use crate::hold::Hold;
use crate::inbox::{Inbox, Shared};
use crate::panics::PanicPolicy;
use crate::poller::Selector;
use crate::reactor::Reactor;
use crate::remote::Shares;
use crate::slots::LocalSlots;
use crate::source::Sources;
use crate::stats::Counters;
use crate::timers::Timers;
use crate::triggers::Triggers;
use polling::Events;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

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
    pub(crate) panic_policy: PanicPolicy,
    pub(crate) shutdown_deadline: Duration,

    pub(crate) lifecycle: Cell<Lifecycle>,
    /// Inside of `run` or `turn`.
    pub(crate) entered: Cell<bool>,
    pub(crate) crashed: Cell<bool>,
    /// The panic that stops the reactor under [`PanicPolicy::Stop`].
    pub(crate) panic: Cell<Option<(String, &'static Location<'static>)>>,
    pub(crate) counters: Counters,

    pub(crate) inbox: Inbox,
    pub(crate) soon: RefCell<VecDeque<Pending>>,
    pub(crate) timers: RefCell<Timers<Pending>>,
    pub(crate) sources: RefCell<Sources>,
    pub(crate) triggers: RefCell<Triggers>,
    pub(crate) shares: RefCell<Shares>,
    pub(crate) locals: LocalSlots,

    /// Out of its place while the events are delivered.
    pub(crate) events: Cell<Option<Events>>,
    pub(crate) selector: Selector,
    pub(crate) shared: Arc<Shared>,
}

impl Core {
    /// Whether something can be done without waiting.
    pub(crate) fn has_work(&self) -> bool {
        !self.inbox.is_empty()
            || !self.soon.borrow().is_empty()
            || self.timers.borrow().first_deadline().is_some_and(|due| due <= self.clock.now())
    }

    /// Takes out everything that is pending, for the owner to drop.
    pub(crate) fn take_pending(&self) -> Vec<Box<dyn FnOnce()>> {
        let mut pending: Vec<Box<dyn FnOnce()>> = Vec::new();
        let mut add = |what: Box<dyn FnOnce()>| pending.push(what);
        for call in self.inbox.take_all() {
            add(Box::new(|| drop(call)));
        }
        let soon = self.soon.take();
        soon.into_iter().for_each(|call| add(Box::new(|| drop(call))));
        let timers = self.timers.borrow_mut().take();
        timers.into_iter().for_each(|timer| add(Box::new(|| drop(timer))));
        let triggers = self.triggers.borrow_mut().take();
        triggers.into_iter().for_each(|trigger| add(Box::new(|| drop(trigger))));
        let sources = self.sources.borrow_mut().take();
        sources.into_iter().for_each(|source| add(Box::new(|| drop(source))));
        let shares = self.shares.borrow_mut().take();
        shares.into_iter().for_each(|share| add(Box::new(|| drop(share))));
        self.locals.take().into_iter().for_each(|local| add(Box::new(|| drop(local))));
        self.shared.slots.take().into_iter().for_each(|slot| add(Box::new(|| drop(slot))));
        pending
    }

    /// The holds that keep the shutdown from ending.
    pub(crate) fn stuck(&self) -> Vec<crate::error::Stuck> {
        Hold::report(&self.shared)
    }
}
