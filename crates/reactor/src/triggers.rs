//! System event triggers: what runs around the start and the stop of a reactor.

use crate::core::{Lifecycle, Pending};
use crate::error::UnknownTrigger;
use crate::reactor::Reactor;
use crate::stopwatch::Kind;
use std::collections::VecDeque;
use std::panic::Location;
use std::sync::atomic::{AtomicU64, Ordering};

/// When a trigger runs, within its event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "an event has a before, a during and an after")]
pub enum Phase {
    /// First. The event goes on when these have run and each [`Hold`](crate::Hold) is dropped.
    Before,
    /// Then, all in one go.
    During,
    /// Last.
    After,
}

/// What triggers can be attached to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SystemEvent {
    /// [`Reactor::run`] begins.
    Startup,
    /// [`Reactor::run`] ends because of [`Reactor::stop`].
    Shutdown,
    /// [`Reactor::run`] is about to return, for whatever reason: a stop, a crash, or an error of
    /// the operating system. No calls are accepted any more, and the loop does not turn again.
    End,
    /// All that held the *before* phase of the shutdown has let go: what the loop still owes to other
    /// threads is finished now, while it turns on. For crates that extend the reactor.
    #[doc(hidden)]
    Drain,
}

/// Names one trigger, for [`Reactor::remove_system_event_trigger`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TriggerId(u64);

/// Counts the triggers of all reactors, so that none takes the id of another one's for its own.
static IDS: AtomicU64 = AtomicU64::new(1);

const QUEUES: usize = 12;

/// The triggers that wait, by event and phase, each queue in the order of registration.
#[derive(Default)]
pub(crate) struct Triggers {
    queues: [VecDeque<(TriggerId, Pending)>; QUEUES],
}

impl Triggers {
    fn queue(&mut self, event: SystemEvent, phase: Phase) -> &mut VecDeque<(TriggerId, Pending)> {
        &mut self.queues[event as usize * 3 + phase as usize]
    }

    fn remove(&mut self, id: TriggerId) -> Option<Pending> {
        self.queues.iter_mut().find_map(|queue| {
            let index = queue.iter().position(|(other, _)| *other == id)?;
            queue.remove(index).map(|(_, trigger)| trigger)
        })
    }

    /// Takes all triggers out; the caller drops them.
    pub(crate) fn take(&mut self) -> Vec<Pending> {
        self.queues.iter_mut().flat_map(std::mem::take).map(|(_, trigger)| trigger).collect()
    }
}

impl Reactor {
    /// Runs `trigger` once, when `event` comes to `phase`.
    ///
    /// Triggers of one phase run in the order in which they were added; one that is added to the
    /// phase that is running runs in the same go. A panic in one does not stop the others.
    ///
    /// A trigger whose work goes on after it has returned takes a [`hold`](Self::hold), and drops it
    /// when that work is done: the *before* phase waits so long. (In Twisted such a trigger returns a
    /// `Deferred`.)
    ///
    /// # Threads
    ///
    /// Reactor thread.
    ///
    /// # Examples
    ///
    /// ```
    /// use ropewalk_reactor::{Phase, Reactor, SystemEvent};
    ///
    /// let reactor = Reactor::new()?;
    /// reactor.add_system_event_trigger(Phase::After, SystemEvent::Startup, |reactor| reactor.stop());
    /// reactor.run().unwrap();
    /// # std::io::Result::Ok(())
    /// ```
    ///
    /// Twisted: `addSystemEventTrigger`.
    #[doc(alias = "addSystemEventTrigger")]
    #[track_caller]
    pub fn add_system_event_trigger(
        &self,
        phase: Phase,
        event: SystemEvent,
        trigger: impl FnOnce(&Self) + 'static,
    ) -> TriggerId {
        let trigger = Pending { run: Box::new(trigger), location: Location::caller() };
        let id = TriggerId(IDS.fetch_add(1, Ordering::Relaxed));
        self.core.triggers.borrow_mut().queue(event, phase).push_back((id, trigger));
        self.core.handed_in();
        id
    }

    /// Takes a trigger back before it has run.
    ///
    /// # Errors
    ///
    /// [`UnknownTrigger`]: it has run, was removed before, or is of another reactor.
    ///
    /// Twisted: `removeSystemEventTrigger`.
    #[doc(alias = "removeSystemEventTrigger")]
    pub fn remove_system_event_trigger(&self, id: TriggerId) -> Result<(), UnknownTrigger> {
        // The closure is dropped by the caller of `remove`, after the borrow.
        let removed = self.core.triggers.borrow_mut().remove(id);
        removed.map(drop).ok_or(UnknownTrigger)
    }

    /// Runs `f` as soon as the reactor runs: now if it does, else in the *after* phase of the next
    /// startup.
    ///
    /// # Panics
    ///
    /// If the reactor runs and `f` panics: then it is an ordinary call, and the panic is the
    /// caller's.
    ///
    /// Twisted: `callWhenRunning`.
    #[doc(alias = "callWhenRunning")]
    #[track_caller]
    pub fn call_when_running(&self, f: impl FnOnce(&Self) + 'static) -> Option<TriggerId> {
        if self.core.lifecycle.get() == Lifecycle::Running {
            f(self);
            return None;
        }
        Some(self.add_system_event_trigger(Phase::After, SystemEvent::Startup, f))
    }

    pub(crate) fn fire(&self, event: SystemEvent, phase: Phase) {
        self.core.counters.phase();
        self.start_watch();
        loop {
            let next = self
                .unless_dropped(|| self.core.triggers.borrow_mut().queue(event, phase).pop_front());
            let Some((_, trigger)) = next else { break };
            self.run_callback(Kind::Trigger, trigger.location, || (trigger.run)(self));
        }
    }
}
