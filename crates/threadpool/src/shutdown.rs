//! The end of a pool: closing, waiting for the last worker, and the jobs that nobody will run.
//!
//! The lock is held to change the state and to collect what is to be called or dropped; calling
//! and dropping come after.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::error::StillRunning;
use crate::job::{JobState, drop_contained};
use crate::shared::{Core, Shared, Waiting, Wakes, wake};
use crate::state::Phase;
use crate::sync::{lock, wait_until};

impl Shared {
    /// Refuses further jobs, sees to it that those accepted are run, and returns.
    pub(crate) fn close(self: &Arc<Self>, on_drained: Option<Box<dyn FnOnce() + Send>>) {
        let mut wakes = Wakes::new();
        let mut core = lock(&self.core);
        let first = core.state.close();
        core.on_drained.extend(on_drained);
        let refused = self.advance(&mut core, &mut wakes);
        let is_lost = refused.is_some() && core.state.threads() == 0;
        let lost = if is_lost { core.empty_queue() } else { Vec::new() };
        core.rouse_idle(&mut wakes);
        let drained = core.take_drained();
        drop(core);
        wake(wakes);
        if first {
            tracing::debug!(pool = &*self.config.name, "the pool is closed");
        }
        self.tell_refusal(refused.as_ref());
        if !lost.is_empty() {
            let (pool, jobs_lost) = (&*self.config.name, lost.len());
            tracing::error!(pool, jobs_lost, "no thread could be had to drain the pool");
            abandon(lost);
        }
        self.call_drained(drained);
    }

    /// The last handle is gone: as [`close`](Self::close), but a pool that was never started
    /// starts no threads for jobs that nobody let run.
    pub(crate) fn orphaned(self: &Arc<Self>) {
        let mut core = lock(&self.core);
        if core.state.phase() != Phase::New {
            drop(core);
            self.close(None);
            return;
        }
        core.state.close();
        let jobs = core.empty_queue();
        drop(core);
        if !jobs.is_empty() {
            let (pool, jobs_lost) = (&*self.config.name, jobs.len());
            tracing::warn!(pool, jobs_lost, "a pool with jobs was dropped before it was started");
        }
        abandon(jobs);
    }

    /// Waits until all workers have gone; what still runs if that is not so by `deadline`.
    pub(crate) fn wait_gone(
        &self,
        began: Instant,
        deadline: Option<Instant>,
    ) -> Result<(), StillRunning> {
        let mut core = lock(&self.core);
        let mut late = false;
        while core.live > 0 && !late {
            (core, late) = wait_until(&self.gone, core, deadline);
        }
        if core.live > 0 { Err(core.still_running(began.elapsed())) } else { Ok(()) }
    }

    /// Joins the threads that have left the pool.
    ///
    /// They run nothing of the pool any more, but the destructors of thread-local values, which
    /// no deadline bounds: std can neither join with a time-out nor see those.
    pub(crate) fn join_departed(&self) {
        let departed = std::mem::take(&mut lock(&self.core).departed);
        for thread in departed {
            if thread.join().is_err() {
                tracing::error!(pool = &*self.config.name, "a thread panicked outside of a job");
            }
        }
    }

    pub(crate) fn still_running(&self, waited: Duration) -> StillRunning {
        lock(&self.core).still_running(waited)
    }

    /// A worker is about to end its thread.
    pub(crate) fn leave(&self, index: usize) {
        let mut core = lock(&self.core);
        let worker = core.workers.get_mut(index).and_then(Option::take);
        let Some(worker) = worker else { return };
        core.departed.extend(worker.handle);
        core.live -= 1;
        if core.live == 0 {
            self.rest(&mut core);
            self.gone.notify_all();
        }
    }

    pub(crate) fn call_drained(&self, callbacks: Vec<Box<dyn FnOnce() + Send>>) {
        for callback in callbacks {
            self.contain("on_drained", callback);
        }
    }
}

impl Core {
    /// What to call now that everything accepted has finished.
    pub(crate) fn take_drained(&mut self) -> Vec<Box<dyn FnOnce() + Send>> {
        if self.state.is_drained() { std::mem::take(&mut self.on_drained) } else { Vec::new() }
    }

    fn empty_queue(&mut self) -> Vec<Waiting> {
        let mut jobs = Vec::with_capacity(self.queue.len());
        while let Some(waiting) = self.queue.pop() {
            self.state.withdrawn();
            self.tally.cancelled += 1;
            jobs.push(waiting);
        }
        jobs
    }

    fn still_running(&self, waited: Duration) -> StillRunning {
        let (queued, threads) = (self.state.queued(), self.live);
        StillRunning { jobs: self.running_jobs(), queued, threads, waited }
    }
}

/// Drops the closures of jobs that will not be run.
fn abandon(jobs: Vec<Waiting>) {
    for Waiting { job, .. } in jobs {
        job.header().set_state(JobState::Cancelled);
        if let Err(payload) = catch_unwind(AssertUnwindSafe(|| job.discard())) {
            tracing::error!(job = job.header().name(), "dropping a job panicked");
            drop_contained(payload);
        }
    }
}
