//! What the handles, the workers and the watch of one pool have in common.
//!
//! One lock, `core`, holds everything that changes. It is held for a few instructions, for the
//! start of a thread as well (so that a thread that was counted exists), and never while user
//! code runs: closures are dropped, hooks called and idle workers notified after it is let go.
//! Each worker sleeps on a condition variable of its own, so a wake goes to the one that was
//! claimed and to no other.

use std::io;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::builder::Config;
use crate::error::{Rejection, StillRunning, SubmitErrorKind};
use crate::job::{JobState, Run, drop_contained};
use crate::queue::Queue;
use crate::state::{Phase, State, Step};
use crate::stats::Tally;
use crate::sync::{Builder, Condvar, JoinHandle, Mutex, forget_ended, lock, wait_until};
use crate::{stall, worker};

/// One pool.
pub(crate) struct Shared {
    pub(crate) config: Config,
    pub(crate) core: Mutex<Core>,
    /// Notified when the last worker has gone.
    gone: Condvar,
    /// Where the watching thread sleeps.
    pub(crate) watch: Condvar,
}

/// Everything under the lock.
pub(crate) struct Core {
    pub(crate) state: State,
    pub(crate) queue: Queue<Waiting>,
    /// The idle workers that nobody has claimed, the one that fell idle last on top.
    pub(crate) idle: Vec<usize>,
    pub(crate) workers: Vec<Option<Worker>>,
    /// Handles of threads that have ended or are about to.
    departed: Vec<JoinHandle<()>>,
    /// How many entries of `workers` are taken.
    live: usize,
    /// How many threads have been started, for their names.
    born: u64,
    pub(crate) tally: Tally,
    on_drained: Vec<Box<dyn FnOnce() + Send>>,
    pub(crate) watcher: Watcher,
    /// True after a refused thread start has been reported, until one succeeds.
    refusal_told: bool,
}

/// A job in the queue.
pub(crate) struct Waiting {
    pub(crate) job: Arc<dyn Run>,
    pub(crate) since: Instant,
}

/// A thread of the pool.
pub(crate) struct Worker {
    pub(crate) name: Arc<str>,
    pub(crate) parker: Arc<Condvar>,
    /// Set by whoever claims it for a job, cleared by itself.
    pub(crate) claimed: bool,
    pub(crate) running: Option<Running>,
    handle: Option<JoinHandle<()>>,
}

/// The job that a worker runs.
#[derive(Clone, Copy)]
pub(crate) struct Running {
    pub(crate) name: &'static str,
    pub(crate) location: &'static Location<'static>,
    pub(crate) since: Instant,
}

/// The watching thread.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Watcher {
    Absent,
    Alive,
    /// The system gave no thread for it; not tried again until the pool was quiet.
    Refused,
}

/// Workers to notify once the lock has been let go.
pub(crate) type Wakes = Vec<Arc<Condvar>>;

impl Shared {
    pub(crate) fn new(config: Config, min: usize, max: usize) -> Arc<Self> {
        let core = Core {
            state: State::new(min, max),
            queue: Queue::new(),
            idle: Vec::new(),
            workers: Vec::new(),
            departed: Vec::new(),
            live: 0,
            born: 0,
            tally: Tally::default(),
            on_drained: Vec::new(),
            watcher: Watcher::Absent,
            refusal_told: false,
        };
        Arc::new(Self {
            config,
            core: Mutex::new(core),
            gone: Condvar::new(),
            watch: Condvar::new(),
        })
    }

    /// Puts a job into the queue and sees to a worker for it; says at which place it is.
    pub(crate) fn submit(
        self: &Arc<Self>,
        job: Arc<dyn Run>,
        limit: Option<usize>,
    ) -> Result<usize, Rejection> {
        let since = Instant::now();
        let mut wakes = Wakes::new();
        let mut core = lock(&self.core);
        let full = limit.is_some_and(|limit| !core.state.has_room(limit));
        if full || core.state.phase() == Phase::Closing {
            core.tally.rejected += 1;
            let stopped = core.state.phase() == Phase::Closing;
            drop(core);
            let kind = if stopped { SubmitErrorKind::Stopped } else { SubmitErrorKind::Full };
            return Err(self.rejection(kind, None, &*job));
        }
        let header = Arc::clone(&job);
        let place = core.queue.push(Waiting { job, since });
        core.state.submitted();
        let refused = self.advance(&mut core, &mut wakes);
        if refused.is_some() && core.state.threads() == 0 {
            // Nobody is there who could have taken it: the place is still its own.
            let withdrawn = core.queue.remove_if(place, |_| true);
            core.state.withdrawn();
            core.tally.rejected += 1;
            drop(core);
            drop(withdrawn);
            return Err(self.rejection(SubmitErrorKind::NoThread, refused, &*header));
        }
        drop(core);
        wake(wakes);
        Ok(place)
    }

    /// Tells of a submission that was refused.
    fn rejection(
        &self,
        kind: SubmitErrorKind,
        source: Option<io::Error>,
        job: &dyn Run,
    ) -> Rejection {
        let (pool, submitted_at) = (&*self.config.name, job.header().location());
        if kind == SubmitErrorKind::Full {
            // The everyday answer of a bounded queue, and the caller holds it.
            tracing::debug!(pool, %submitted_at, "a job was rejected: the queue is full");
        } else {
            tracing::warn!(pool, %submitted_at, ?kind, "a job was rejected");
        }
        Rejection { kind, source }
    }

    /// Takes `job` out of the queue; false if it is not there any more.
    pub(crate) fn withdraw(&self, place: usize, job: &Arc<dyn Run>) -> bool {
        let mut core = lock(&self.core);
        let found = core.queue.remove_if(place, |waiting| Arc::ptr_eq(&waiting.job, job));
        if found.is_some() {
            core.state.withdrawn();
            core.tally.cancelled += 1;
            job.header().set_state(JobState::Cancelled);
        }
        drop(core);
        found.is_some()
    }

    /// Sees to workers for all that waits, as far as they may be had, and to the watch.
    ///
    /// Returns the error if the system refused a thread. Jobs then stay queued.
    pub(crate) fn advance(
        self: &Arc<Self>,
        core: &mut Core,
        wakes: &mut Wakes,
    ) -> Option<io::Error> {
        let mut refused = None;
        loop {
            match core.state.next_step() {
                Step::Rest => break,
                Step::Wake => wakes.extend(core.claim_idle()),
                Step::Spawn => {
                    if let Err(error) = self.spawn_worker(core) {
                        core.state.refused();
                        refused = Some(error);
                        break;
                    }
                }
            }
        }
        if core.watcher == Watcher::Absent && core.state.waiting() > 0 {
            self.spawn_watcher(core);
        }
        refused
    }

    fn spawn_worker(self: &Arc<Self>, core: &mut Core) -> io::Result<()> {
        forget_ended(&mut core.departed);
        let name: Arc<str> = format!("{}-{}", self.config.name, core.born + 1).into();
        let index = core.workers.iter().position(Option::is_none).unwrap_or(core.workers.len());
        let parker = Arc::new(Condvar::new());
        let shared = Arc::clone(self);
        let allowed = self.config.thread_gate.as_ref().map_or(Ok(()), |gate| gate());
        let spawned = allowed.and_then(|()| {
            self.thread(name.to_string()).spawn(move || worker::work(&shared, index))
        });
        match spawned {
            Ok(handle) => {
                let handle = Some(handle);
                let worker = Worker { name, parker, claimed: false, running: None, handle };
                match core.workers.get_mut(index) {
                    Some(free) => *free = Some(worker),
                    None => core.workers.push(Some(worker)),
                }
                core.born += 1;
                core.live += 1;
                core.refusal_told = false;
                Ok(())
            }
            Err(error) => {
                if !core.refusal_told {
                    core.refusal_told = true;
                    let (pool, threads) = (&*self.config.name, core.live);
                    tracing::warn!(pool, threads, %error, "the system refused a thread");
                }
                Err(error)
            }
        }
    }

    fn spawn_watcher(self: &Arc<Self>, core: &mut Core) {
        let Some(stall_after) = self.config.stall_after else { return };
        let shared = Arc::clone(self);
        let spawned = self
            .thread(format!("{}-watch", self.config.name))
            .spawn(move || stall::watch(&shared, stall_after));
        core.watcher = if spawned.is_ok() { Watcher::Alive } else { Watcher::Refused };
    }

    fn thread(&self, name: String) -> Builder {
        let builder = Builder::new().name(name);
        match self.config.stack_size {
            Some(bytes) => builder.stack_size(bytes),
            None => builder,
        }
    }

    /// The pool has come to rest: no watch is needed.
    pub(crate) fn rest(&self, core: &mut Core) {
        match core.watcher {
            Watcher::Alive => self.watch.notify_one(),
            Watcher::Absent | Watcher::Refused => core.watcher = Watcher::Absent,
        }
    }

    /// Refuses further jobs, sees to it that those accepted are run, and returns.
    pub(crate) fn close(self: &Arc<Self>, on_drained: Option<Box<dyn FnOnce() + Send>>) {
        let mut wakes = Wakes::new();
        let mut core = lock(&self.core);
        let first = core.state.close();
        core.on_drained.extend(on_drained);
        let refused = self.advance(&mut core, &mut wakes);
        let lost = match refused {
            Some(error) if core.state.threads() == 0 => Some((core.empty_queue(), error)),
            _ => None,
        };
        core.rouse_idle(&mut wakes);
        let drained = core.take_drained();
        drop(core);
        wake(wakes);
        if first {
            tracing::debug!(pool = &*self.config.name, "the pool is closed");
        }
        if let Some((jobs, error)) = lost {
            let (pool, jobs_lost) = (&*self.config.name, jobs.len());
            tracing::error!(pool, jobs_lost, %error, "no thread could be had to drain the pool");
            abandon(jobs);
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

    /// Waits until all workers have gone; what still runs if they have not by `deadline`.
    pub(crate) fn wait_gone(
        &self,
        began: Instant,
        deadline: Option<Instant>,
    ) -> Result<Vec<JoinHandle<()>>, StillRunning> {
        let mut core = lock(&self.core);
        let mut late = false;
        while core.live > 0 && !late {
            (core, late) = wait_until(&self.gone, core, deadline);
        }
        if core.live > 0 {
            return Err(core.still_running(began.elapsed()));
        }
        Ok(std::mem::take(&mut core.departed))
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

    /// Calls user code that has nobody to hand a panic to.
    pub(crate) fn contain(&self, hook: &str, call: impl FnOnce()) {
        if let Err(payload) = catch_unwind(AssertUnwindSafe(call)) {
            tracing::error!(pool = &*self.config.name, hook, "a hook of the pool panicked");
            drop_contained(payload);
        }
    }
}

impl Core {
    /// Claims the worker that fell idle last; to be notified after the lock.
    fn claim_idle(&mut self) -> Option<Arc<Condvar>> {
        let worker = self.workers.get_mut(self.idle.pop()?)?.as_mut()?;
        worker.claimed = true;
        Some(Arc::clone(&worker.parker))
    }

    /// Lets every idle worker look again at what it should do.
    pub(crate) fn rouse_idle(&self, wakes: &mut Wakes) {
        let idle = self.idle.iter().filter_map(|&index| self.workers.get(index)?.as_ref());
        wakes.extend(idle.map(|worker| Arc::clone(&worker.parker)));
    }

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

/// Notifies claimed workers; the lock is not held.
pub(crate) fn wake(wakes: Wakes) {
    for parker in wakes {
        parker.notify_one();
    }
}

/// Drops the closures of jobs that will not be run.
fn abandon(jobs: Vec<Waiting>) {
    for Waiting { job, .. } in jobs {
        job.header().set_state(JobState::Cancelled);
        if catch_unwind(AssertUnwindSafe(|| job.discard())).is_err() {
            tracing::error!(job = job.header().name(), "dropping a job panicked");
        }
    }
}
