//! The end of a pool: closing, waiting for the last worker, and the jobs that nobody will run.
//!
//! The lock is held to change the state and to collect what is to be called or dropped; calling
//! and dropping come after.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::chores::Chores;
use crate::error::StillRunning;
use crate::events::tell;
use crate::header::JobState;
use crate::hook;
use crate::job::{Run, drop_contained};
use crate::shared::{Core, Shared};
use crate::state::Phase;
use crate::sync::{JoinHandle, take_ended, wait_until};
use crate::unrun::UnrunJob;

impl Shared {
    /// Refuses further jobs, sees to it that those accepted are run, and returns.
    pub(crate) fn close(self: &Arc<Self>, on_drained: Option<Box<dyn FnOnce() + Send>>) {
        let mut chores = Chores::default();
        let mut core = self.core();
        let first = core.state.close();
        core.on_drained.extend(on_drained);
        // Cancelled jobs alone are no reason to start a thread.
        let mut inbox = self.inbox();
        inbox.closed = true;
        core.queue.sweep(&mut inbox);
        drop(inbox);
        self.advance(&mut core, &mut chores, true);
        let is_lost = chores.was_refused() && core.state.threads() == 0;
        let lost = if is_lost { self.give_up_queue(&mut core) } else { Vec::new() };
        core.rouse_idle(&mut chores);
        let drained = self.take_drained(&mut core);
        drop(core);
        self.room.notify_all();
        self.finish(chores);
        if first {
            tell(|| tracing::debug!(pool = &*self.config.name, "the pool is closed"));
        }
        let jobs_lost = self.abandon(lost);
        if jobs_lost > 0 {
            let pool = &*self.config.name;
            tell(|| tracing::error!(pool, jobs_lost, "no thread could be had to drain the pool"));
        }
        self.call_drained(drained);
    }

    /// Refuses further jobs and takes those that wait; those that run are told that they are
    /// wanted no more.
    pub(crate) fn stop_now(self: &Arc<Self>) -> Vec<UnrunJob> {
        let mut chores = Chores::default();
        let mut core = self.core();
        core.state.close();
        self.inbox().closed = true;
        let jobs = self.take_queue(&mut core, JobState::Returned);
        core.queue.returned += jobs.len() as u64;
        // Those as well that a worker has claimed and not begun: they are told before they run.
        let running = core.seats().flat_map(|seat| seat.claimed_jobs());
        let told: Vec<_> = running.filter(|job| job.header().request_cancel()).collect();
        core.rouse_idle(&mut chores);
        let drained = self.take_drained(&mut core);
        drop(core);
        self.room.notify_all();
        self.finish(chores);
        let (now, pool) = (self.now(), &self.config.name);
        let jobs = jobs.into_iter().map(|job| {
            if job.header().finish(JobState::Returned).is_awaited() {
                self.tell_end();
            }
            let waited = Duration::from_nanos(now.saturating_sub(job.header().submitted()));
            UnrunJob::new(job, Arc::clone(pool), waited)
        });
        let jobs = jobs.collect();
        told.iter().for_each(hook::call_all);
        self.call_drained(drained);
        jobs
    }

    /// The last handle is gone: as [`close`](Self::close), but a pool that was never started
    /// starts no threads for jobs that nobody let run.
    pub(crate) fn orphaned(self: &Arc<Self>) {
        let mut core = self.core();
        if core.state.phase() != Phase::New && !self.config.is_manual() {
            drop(core);
            self.close(None);
            return;
        }
        core.state.close();
        self.inbox().closed = true;
        let jobs = self.give_up_queue(&mut core);
        let drained = self.take_drained(&mut core);
        drop(core);
        let jobs_lost = self.abandon(jobs);
        if jobs_lost > 0 {
            let pool = &*self.config.name;
            let what = "a pool was dropped with jobs that nothing would run";
            tell(|| tracing::warn!(pool, jobs_lost, "{what}"));
        }
        self.call_drained(drained);
    }

    /// Waits until all workers have gone; what still runs if that is not so by `deadline`.
    pub(crate) fn wait_gone(
        &self,
        began: Instant,
        deadline: Option<Instant>,
    ) -> Result<(), StillRunning> {
        let mut core = self.core();
        let mut late = false;
        while core.live > 0 && !late {
            (core, late) = wait_until(&self.gone, core, deadline);
        }
        if core.live > 0 { Err(core.still_running(self, began.elapsed())) } else { Ok(()) }
    }

    /// Joins the threads that have left the pool.
    ///
    /// They run nothing of the pool any more, but the destructors of thread-local values, which
    /// no deadline bounds: std can neither join with a time-out nor see those.
    pub(crate) fn join_departed(&self) {
        let departed = std::mem::take(&mut self.core().departed);
        self.join(departed);
    }

    fn join(&self, threads: Vec<JoinHandle<()>>) {
        for thread in threads {
            if thread.join().is_err() {
                let pool = &*self.config.name;
                tell(|| tracing::error!(pool, "a thread panicked outside of a job"));
            }
        }
    }

    pub(crate) fn still_running(&self, waited: Duration) -> StillRunning {
        self.core().still_running(self, waited)
    }

    /// A worker is about to end its thread.
    pub(crate) fn leave(&self, index: usize) {
        let mut core = self.core();
        let worker = core.workers.get_mut(index).and_then(Option::take);
        let Some(worker) = worker else { return };
        core.tally.keep(&worker.seat);
        // An ended thread keeps its stack until it is joined: who leaves joins those before it.
        let ended = take_ended(&mut core.departed);
        core.departed.extend(worker.handle);
        core.live -= 1;
        if core.live == 0 {
            core.watcher.rest(self);
            self.gone.notify_all();
        }
        drop(core);
        self.join(ended);
    }

    pub(crate) fn call_drained(&self, callbacks: Vec<Box<dyn FnOnce() + Send>>) {
        for callback in callbacks {
            self.contain("on_drained", callback);
        }
    }

    /// Ends a queued job as cancelled, and drops its closure here; false if it is not queued any
    /// more.
    pub(crate) fn cancel(&self, job: &dyn Run) -> bool {
        let mut core = self.core();
        if !job.withdraw(JobState::Cancelled) {
            return false;
        }
        core.queue.cancelled += 1;
        let lingering = core.lingering();
        core.queue.sweep_if_many(&mut self.inbox(), lingering);
        self.offer_room(&core);
        // Otherwise a worker comes to see that nothing is left.
        let is_manual = self.config.is_manual();
        let drained = if is_manual { self.take_drained(&mut core) } else { Vec::new() };
        drop(core);
        if job.header().finish(JobState::Cancelled).is_awaited() {
            self.tell_end();
        }
        let dropped = catch_unwind(AssertUnwindSafe(|| job.discard()));
        self.call_drained(drained);
        // It is the caller's closure, so the panic is the caller's too.
        dropped.map_or_else(|payload| resume_unwind(payload), |()| true)
    }

    /// Drops the closures of jobs that will not be run; how many there were.
    fn abandon(&self, jobs: Vec<Arc<dyn Run>>) -> usize {
        let abandoned = jobs.len();
        for job in jobs {
            let dropped = catch_unwind(AssertUnwindSafe(|| job.discard()));
            if let Err(payload) = dropped {
                tell(|| tracing::error!(job = job.name(), "dropping a job panicked"));
                drop_contained(payload);
            }
            if job.header().finish(JobState::Cancelled).is_awaited() {
                self.tell_end();
            }
        }
        abandoned
    }

    /// What to call now that everything accepted has finished.
    pub(crate) fn take_drained(&self, core: &mut Core) -> Vec<Box<dyn FnOnce() + Send>> {
        let is_drained =
            core.state.phase() == Phase::Closing && core.state.is_quiet() && self.queued(core) == 0;
        if is_drained { std::mem::take(&mut core.on_drained) } else { Vec::new() }
    }

    /// Takes all jobs that nobody has claimed out of the queue and ends them with `state`; their
    /// closures are to be dropped once the lock has been let go.
    fn take_queue(&self, core: &mut Core, state: JobState) -> Vec<Arc<dyn Run>> {
        let mut jobs = core.queue.drain(&mut self.inbox());
        let all = jobs.len() as u64;
        jobs.retain(|job| job.withdraw(state));
        core.queue.swept += all - jobs.len() as u64;
        jobs
    }

    /// The same for jobs that nobody will run, in a pool without workers.
    fn give_up_queue(&self, core: &mut Core) -> Vec<Arc<dyn Run>> {
        let jobs = self.take_queue(core, JobState::Cancelled);
        core.queue.cancelled += jobs.len() as u64;
        core.queue.swept += jobs.len() as u64;
        jobs
    }
}

impl Core {
    fn still_running(&self, shared: &Shared, waited: Duration) -> StillRunning {
        let (queued, threads) = (shared.queued(self), self.live);
        let pool = Arc::clone(&shared.config.name);
        StillRunning { pool, jobs: self.running_jobs(shared), queued, threads, waited }
    }
}
