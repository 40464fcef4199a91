//! What one reactor owes to others, and what its shutdown does about it.
//!
//! When a shutdown begins, blocking calls that wait for a `Deferred` are told that the reactor has
//! stopped: one of them may sit on a worker, and the pool is about to be drained. Results that
//! jobs owe to `Deferred`s, on whatever pool, are waited for, while the loop keeps turning, unless
//! that pool was never started. What is still open when the run ends fails with `ReactorStopped`.

use crate::ledger::{Entry, Key, Ledger, Work};
use crate::panics;
use ropewalk_reactor::{Hold, Phase, Reactor, SystemEvent, TriggerId};
use ropewalk_threadpool::JobHandle;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Instant;

/// One per reactor, in its local slots.
#[derive(Default)]
pub(crate) struct Bridge {
    /// Jobs that owe a result to a `Deferred` of this reactor.
    pub(crate) deliveries: Ledger,
    /// Blocking calls whose closure has returned a `Deferred`.
    pub(crate) replies: Ledger,
    hold: RefCell<Option<Hold>>,
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
        self.give_up_unstarted();
        self.wait_for_deliveries(reactor);
    }

    /// As the trigger would, if that has come too late, and the run has not ended since.
    fn drain_late(&self, reactor: &Reactor) {
        if reactor.stopping() && !self.draining.get() {
            self.drain(reactor);
            self.settled();
        }
    }

    /// Notes which job owes the result, and has a shutdown wait for it.
    pub(crate) fn owe(&self, reactor: &Reactor, key: Key, job: JobHandle) {
        let hopeless = self.draining.get() && job.waits_for_start();
        self.deliveries.set_work(key, Work::Job(job, Instant::now()));
        if hopeless {
            self.deliveries.close(key).into_iter().for_each(give_up);
        }
        self.wait_for_deliveries(reactor);
    }

    /// The jobs of a pool that was never started cannot come to an end, so nobody waits for them.
    fn give_up_unstarted(&self) {
        let entries = self.deliveries.close_unstarted();
        if !entries.is_empty() {
            tracing::warn!(
                jobs = entries.len(),
                "the reactor stops, and drops jobs whose pool has not been started: call start()"
            );
        }
        entries.into_iter().for_each(give_up);
    }

    /// Holds the shutdown, if there is one and something is owed.
    fn wait_for_deliveries(&self, reactor: &Reactor) {
        if !reactor.stopping() || self.deliveries.is_empty() || self.hold.borrow().is_some() {
            return;
        }
        let hold = reactor.hold_with(SystemEvent::Shutdown, || {
            Reactor::with_current(|reactor| reactor.local::<Self>().deliveries.jobs())
                .unwrap_or_default()
        });
        self.hold.replace(Some(hold));
    }

    /// Lets the shutdown go on when the last result has come.
    pub(crate) fn settled(&self) {
        if self.deliveries.is_empty() {
            drop(self.hold.take());
        }
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
        self.settled();
        self.draining.set(false);
    }
}

fn give_up(entry: Entry) {
    if let Work::Job(job, _) = &entry.work {
        panics::contain("dropping a job that cannot run", job.location(), || job.cancel());
    }
    entry.party.reactor_stopped();
}

impl Drop for Bridge {
    /// The reactor is dropped, perhaps without ever having run.
    fn drop(&mut self) {
        self.close();
    }
}
