//! The results that jobs owe to the `Deferred`s of one reactor.
//!
//! What is owed holds a shutdown, until it has come or is called off. All these `Deferred`s have one
//! canceller in common, which is this, and each gives it the number of its own account when it is
//! cancelled; so nothing needs to be allocated for a job beside its closure and its `Deferred`.

use crate::bridge::Bridge;
use crate::ledger::{Key, Ledger, Party};
use crate::panics;
use ropewalk_deferred::{Cancelled, Deferred, OwedPromise, Stopper};
use ropewalk_reactor::{Hold, Reactor, ReactorStopped, SystemEvent};
use ropewalk_threadpool::{JobHandle, JobState, ThreadPool};
use std::cell::RefCell;
use std::panic::Location;
use std::rc::Rc;

#[derive(Default)]
pub(crate) struct Deliveries {
    ledger: Ledger<OwedPromise, JobHandle>,
    hold: RefCell<Option<Hold>>,
}

impl Party<JobHandle> for OwedPromise {
    fn reactor_stopped(self, job: Option<JobHandle>) {
        // A job that is at it need not go on. One that waits was accepted, and runs.
        if let Some(job) = job.filter(|job| job.state() == JobState::Running) {
            panics::contain("cancelling a job", job.location(), || job.cancel());
        }
        self.fail(ReactorStopped::unfinished().into());
    }
}

impl Stopper for Deliveries {
    /// The `Deferred` was cancelled: a queued job goes, a running one is told.
    fn stop(&self, name: u64) {
        let Some(entry) = self.ledger.close_named(name) else { return };
        if let Some(job) = entry.work {
            panics::contain("dropping a cancelled job", job.location(), || job.cancel());
        }
        // Its callbacks run here. What they ask for may be owed, too, so they come before the last line.
        entry.party.fail(Cancelled.into());
        self.settled();
    }
}

impl Deliveries {
    /// A `Deferred` for the result of a job that is about to be handed in.
    pub(crate) fn open<T>(self: &Rc<Self>, at: &'static Location<'static>) -> (Key, Deferred<T>) {
        self.ledger.open(|key| Deferred::owed(at, Rc::clone(self), key.name()))
    }

    /// Notes which job owes the result.
    pub(crate) fn set_job(&self, key: Key, job: JobHandle) {
        self.ledger.set_work(key, job);
    }

    /// Takes out who waits for the result, if somebody still does.
    pub(crate) fn close(&self, key: Key) -> Option<OwedPromise> {
        self.ledger.close(key).map(|entry| entry.party)
    }

    /// The job cannot come to an end, unless somebody has started its pool in the meantime.
    pub(crate) fn give_up(&self, key: Key, job: &JobHandle) {
        let cancel = || job.cancel();
        let panicked = "dropping a job that cannot run";
        // Its closure is gone also if that has panicked.
        if panics::contain(panicked, job.location(), cancel).unwrap_or(true) {
            if let Some(party) = self.close(key) {
                party.fail(ReactorStopped::unstarted().into());
            }
        }
    }

    /// The jobs of a pool that was never started cannot come to an end, so nobody waits for them.
    pub(crate) fn give_up_unstarted(&self) {
        let jobs = self.ledger.works(|key, job| job.waits_for_start().then(|| (key, job.clone())));
        if !jobs.is_empty() {
            let what =
                "the reactor stops, and drops jobs whose pool has not been started: call start()";
            panics::tell(|| tracing::warn!(jobs = jobs.len(), "{what}"));
        }
        jobs.into_iter().for_each(|(key, job)| self.give_up(key, &job));
    }

    /// Holds the shutdown, if there is one and something is owed.
    pub(crate) fn hold_shutdown(&self, reactor: &Reactor) {
        if !reactor.draining() || self.ledger.is_empty() || self.hold.borrow().is_some() {
            return;
        }
        // It is asked on the reactor thread.
        let hold = reactor.hold_beside(SystemEvent::Drain, || {
            let jobs = Reactor::with_current(|reactor| {
                let own_pools = Bridge::find(reactor).known(reactor).pool.owed();
                reactor.local::<Bridge>().deliveries.jobs(&own_pools)
            });
            jobs.filter(|jobs| !jobs.is_empty())
        });
        self.hold.replace(Some(hold));
    }

    /// Lets the shutdown go on when the last result has come.
    pub(crate) fn settled(&self) {
        if self.ledger.is_empty() {
            drop(self.hold.take());
        }
    }

    /// No result comes any more.
    pub(crate) fn close_all(&self) {
        self.ledger.close_all();
    }

    /// The jobs that are still owed, for a report. Those that run in the reactor's own pools are told
    /// by the pools.
    fn jobs(&self, own_pools: &[ThreadPool]) -> Vec<String> {
        self.ledger.works(|_, job| {
            let runs = job.state() == JobState::Running;
            if runs && own_pools.iter().any(|pool| job.is_of(pool)) {
                return None;
            }
            let (name, location) = (job.name(), job.location());
            let state = match job.state() {
                JobState::Queued => "queued",
                JobState::Running => "running",
                JobState::Returned => "handed back by stop_now, and neither run nor dropped",
                _ => "its result is on the way",
            };
            let age = job.age().map(|age| format!(" for {age:.1?}")).unwrap_or_default();
            Some(format!("no result{age} from {name}, submitted at {location} ({state})"))
        })
    }
}
