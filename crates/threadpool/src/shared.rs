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
use crate::error::{Rejection, SubmitErrorKind};
use crate::job::{Header, JobState, Run, drop_contained};
use crate::queue::Queue;
use crate::state::{Phase, State, Step};
use crate::stats::Tally;
use crate::sync::{Builder, Condvar, JoinHandle, Mutex, forget_ended, lock};
use crate::{stall, worker};

/// How long a pool with threads waits until it asks again for one that was refused.
const RETRY_THREAD: Duration = Duration::from_millis(10);

/// One pool.
pub(crate) struct Shared {
    pub(crate) config: Config,
    pub(crate) core: Mutex<Core>,
    /// Notified when the last worker has gone.
    pub(crate) gone: Condvar,
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
    pub(crate) departed: Vec<JoinHandle<()>>,
    /// How many entries of `workers` are taken.
    pub(crate) live: usize,
    /// How many threads have been started, for their names.
    born: u64,
    pub(crate) tally: Tally,
    pub(crate) on_drained: Vec<Box<dyn FnOnce() + Send>>,
    pub(crate) watcher: Watcher,
    /// When the system refused a thread, until it gives one.
    refused_at: Option<Instant>,
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
    pub(crate) handle: Option<JoinHandle<()>>,
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

/// The system gave no thread; to be passed to [`Shared::tell_refusal`] once the lock has been let
/// go, since a subscriber of events is user code.
#[must_use]
pub(crate) struct Refusal {
    error: io::Error,
    /// The first since a thread was had: the others are not told.
    is_news: bool,
    threads: usize,
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
            refused_at: None,
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
            return Err(Rejection { kind, source: None });
        }
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
            self.tell_refusal(refused.as_ref());
            let source = refused.map(|refusal| refusal.error);
            return Err(Rejection { kind: SubmitErrorKind::NoThread, source });
        }
        drop(core);
        wake(wakes);
        self.tell_refusal(refused.as_ref());
        Ok(place)
    }

    /// Tells of a submission that was refused; the lock is not held.
    pub(crate) fn tell_rejection(&self, rejection: &Rejection, job: &Header) {
        let (pool, submitted_at, kind) = (&*self.config.name, job.location(), rejection.kind);
        if kind == SubmitErrorKind::NoThread {
            tracing::warn!(pool, %submitted_at, ?kind, "a job was rejected");
        } else {
            // An everyday answer, perhaps thousands of times a second, and the caller holds it.
            tracing::debug!(pool, %submitted_at, ?kind, "a job was rejected");
        }
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
    /// Jobs stay queued if the system refuses a thread.
    pub(crate) fn advance(self: &Arc<Self>, core: &mut Core, wakes: &mut Wakes) -> Option<Refusal> {
        let mut refused = None;
        loop {
            match core.state.next_step() {
                Step::Rest => break,
                Step::Wake => wakes.extend(core.claim_idle()),
                // Others are there to do the work: no need to try again with every submission.
                Step::Spawn if core.state.threads() > 1 && core.was_just_refused() => {
                    core.state.refused();
                    break;
                }
                Step::Spawn => {
                    if let Err(error) = self.spawn_worker(core) {
                        core.state.refused();
                        let is_news = core.refused_at.replace(Instant::now()).is_none();
                        refused = Some(Refusal { error, is_news, threads: core.state.threads() });
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
        let worker = Worker { name, parker, claimed: false, running: None, handle: Some(spawned?) };
        match core.workers.get_mut(index) {
            Some(free) => *free = Some(worker),
            None => core.workers.push(Some(worker)),
        }
        core.born += 1;
        core.live += 1;
        core.refused_at = None;
        Ok(())
    }

    /// Tells of a refused thread; the lock is not held.
    pub(crate) fn tell_refusal(&self, refusal: Option<&Refusal>) {
        if let Some(Refusal { error, is_news: true, threads }) = refusal {
            tracing::warn!(pool = &*self.config.name, threads, %error, "the system refused a thread");
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

    fn was_just_refused(&self) -> bool {
        self.refused_at.is_some_and(|at| at.elapsed() < RETRY_THREAD)
    }

    /// Lets every idle worker look again at what it should do.
    pub(crate) fn rouse_idle(&self, wakes: &mut Wakes) {
        let idle = self.idle.iter().filter_map(|&index| self.workers.get(index)?.as_ref());
        wakes.extend(idle.map(|worker| Arc::clone(&worker.parker)));
    }
}

/// Notifies claimed workers; the lock is not held.
pub(crate) fn wake(wakes: Wakes) {
    for parker in wakes {
        parker.notify_one();
    }
}
