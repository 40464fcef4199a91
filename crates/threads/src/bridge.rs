//! What one reactor owes to others, and what its shutdown does about it.
//!
//! When a shutdown begins, blocking calls that wait for a `Deferred` are told that the reactor has
//! stopped: one of them may sit on a worker, and the pool is about to be drained. Results that
//! jobs owe to `Deferred`s, on whatever pool, are waited for, while the loop keeps turning, unless
//! that pool was never started. What is still open when the run ends fails with `ReactorStopped`.

use crate::deliveries::Deliveries;
use crate::eventual::AnyReply;
use crate::ledger::{Key, Ledger};
use ropewalk_deferred::CancelHandle;
use ropewalk_reactor::{Phase, Reactor, SystemEvent, TriggerId};
use ropewalk_threadpool::JobHandle;
use std::cell::Cell;
use std::rc::Rc;

/// One per reactor, in its local slots.
#[derive(Default)]
pub(crate) struct Bridge {
    /// What jobs owe to the `Deferred`s of this reactor.
    pub(crate) deliveries: Rc<Deliveries>,
    /// Blocking calls whose closure has returned a `Deferred`.
    pub(crate) replies: Ledger<Box<dyn AnyReply>, CancelHandle>,
    /// The trigger for the shutdown of this run, if there is one.
    trigger: Cell<Option<TriggerId>>,
    /// The shutdown has begun: no pool is to be expected to start any more.
    draining: Cell<bool>,
}

impl Bridge {
    /// The bridge of `reactor`, with its triggers set for the present or next run.
    pub(crate) fn of(reactor: &Reactor) -> Rc<Self> {
        let bridge = reactor.local::<Self>();
        if bridge.trigger.get().is_none() {
            let event = SystemEvent::Shutdown;
            let trigger = reactor.add_system_event_trigger(Phase::Before, event, |reactor| {
                Self::of(reactor).drain(reactor);
            });
            bridge.trigger.set(Some(trigger));
            reactor.add_system_event_trigger(Phase::Before, SystemEvent::End, |reactor| {
                reactor.local::<Self>().end(reactor);
            });
            if reactor.stopping() {
                // The trigger may have come too late. If not, it has run when two turns are over.
                reactor.call_soon(|reactor| {
                    reactor.call_soon(|reactor| Self::of(reactor).drain_late(reactor));
                });
            }
        }
        bridge
    }

    /// The shutdown has begun.
    fn drain(&self, reactor: &Reactor) {
        self.draining.set(true);
        self.replies.close_all();
        self.deliveries.give_up_unstarted();
        self.deliveries.hold_shutdown(reactor);
    }

    /// As the trigger would, if that has come too late, and the run has not ended since.
    fn drain_late(&self, reactor: &Reactor) {
        if reactor.stopping() && !self.draining.get() {
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
        if let Some(trigger) = self.trigger.take() {
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
