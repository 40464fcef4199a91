//! What one reactor owes to others, and what its shutdown does about it.
//!
//! When a shutdown begins, blocking calls that wait for a `Deferred` are told that the reactor has
//! stopped: one of them may sit on a worker, and the pool will be drained. That is when all have let
//! go who hold the shutdown. Results that jobs owe to `Deferred`s, on whatever pool, are waited for
//! then, while the loop keeps turning, unless that pool was never started. What is still open when
//! the run ends fails with `ReactorStopped`.

use crate::deliveries::Deliveries;
use crate::ledger::{Key, Ledger};
use crate::reactor_pool::ReactorPool;
use crate::reply::AnyReply;
use ropewalk_deferred::CancelHandle;
use ropewalk_reactor::{Phase, Reactor, ReactorHandle, SystemEvent, TriggerId};
use ropewalk_threadpool::JobHandle;
use std::cell::{Cell, OnceCell};
use std::rc::Rc;
use std::sync::Arc;

/// One per reactor, in its local slots.
#[derive(Default)]
pub(crate) struct Bridge {
    /// What jobs owe to the `Deferred`s of this reactor.
    pub(crate) deliveries: Rc<Deliveries>,
    /// Blocking calls whose closure has returned a `Deferred`.
    pub(crate) replies: Ledger<Box<dyn AnyReply>, CancelHandle>,
    /// What is asked for with each job, and always the same.
    known: OnceCell<Known>,
    /// The triggers for the shutdown of this run, if there are any.
    triggers: Cell<Option<[TriggerId; 2]>>,
    /// No pool is to be expected to start any more.
    draining: Cell<bool>,
}

pub(crate) struct Known {
    pub(crate) handle: ReactorHandle,
    pub(crate) pool: Arc<ReactorPool>,
}

impl Bridge {
    /// The bridge of `reactor`.
    pub(crate) fn find(reactor: &Reactor) -> Rc<Self> {
        reactor.local::<Self>()
    }

    /// The bridge of `reactor`, with its triggers set for the present or next run.
    pub(crate) fn of(reactor: &Reactor) -> Rc<Self> {
        let bridge = Self::find(reactor);
        bridge.tie(reactor);
        bridge
    }

    pub(crate) fn known(&self, reactor: &Reactor) -> &Known {
        self.known.get_or_init(|| {
            let handle = reactor.handle();
            let pool = handle.shared::<ReactorPool>();
            Known { handle, pool }
        })
    }

    /// Sets the triggers for the present or next run.
    pub(crate) fn tie(&self, reactor: &Reactor) {
        if self.triggers.get().is_some() {
            return;
        }
        let add = |event, trigger: fn(&Reactor)| {
            reactor.add_system_event_trigger(Phase::Before, event, trigger)
        };
        let stop = add(SystemEvent::Shutdown, |reactor| Self::of(reactor).replies.close_all());
        let drain = add(SystemEvent::Drain, |reactor| Self::of(reactor).drain(reactor));
        self.triggers.set(Some([stop, drain]));
        add(SystemEvent::End, |reactor| Self::find(reactor).end(reactor));
        if reactor.draining() {
            // They have come too late. Whoever asks now may still start his pool in this turn.
            reactor.call_soon(|reactor| {
                reactor.call_soon(|reactor| Self::of(reactor).drain_late(reactor));
            });
        }
    }

    /// What is owed is waited for, and nothing else.
    fn drain(&self, reactor: &Reactor) {
        self.draining.set(true);
        self.deliveries.give_up_unstarted();
        self.deliveries.hold_shutdown(reactor);
    }

    /// As the trigger would, if the run has not ended since. No reply is open: those that come in a
    /// shutdown are closed at once.
    fn drain_late(&self, reactor: &Reactor) {
        if reactor.draining() && !self.draining.get() {
            self.drain(reactor);
            self.deliveries.settled();
        }
    }

    /// Notes which job owes the result, and has a shutdown wait for it.
    pub(crate) fn owe(&self, reactor: &Reactor, key: Key, job: JobHandle) {
        let hopeless = self.draining.get() && job.waits_for_start();
        if hopeless {
            self.deliveries.set_job(key, job.clone());
            self.deliveries.give_up(key, &job);
        } else {
            self.deliveries.set_job(key, job);
        }
        self.deliveries.hold_shutdown(reactor);
    }

    /// Nothing comes any more, neither result nor answer.
    fn close(&self) {
        self.replies.close_all();
        self.deliveries.close_all();
    }

    fn end(&self, reactor: &Reactor) {
        for trigger in self.triggers.take().into_iter().flatten() {
            // It has run, unless the run ended in a crash.
            let _ = reactor.remove_system_event_trigger(trigger);
        }
        self.close();
        self.deliveries.settled();
        self.draining.set(false);
    }
}

impl Drop for Bridge {
    /// The reactor is dropped, perhaps without ever having run.
    fn drop(&mut self) {
        self.close();
    }
}
