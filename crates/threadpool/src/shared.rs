//! What the handles, the workers and the watch of one pool have in common.
//!
//! One lock, `core`, holds what changes, but for the [inbox](crate::inbox), which has its own and
//! is taken second, and the claims of the batch at the head of the queue. It is held for a few
//! instructions, for the start of a thread as well (so that a thread that was counted exists), and
//! never while user code runs: closures are dropped, hooks called and idle workers notified after
//! it is let go, which is what [`Chores`] are for. Each worker sleeps on a condition variable of
//! its own, so a wake goes to the one that was claimed and to no other.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use crate::batch::Batch;
use crate::builder::Config;
use crate::chores::{Chores, Refusal};
use crate::events::tell;
use crate::inbox::Inbox;
use crate::job::drop_contained;
use crate::queue::Queue;
use crate::room::Room;
use crate::seat::Seat;
use crate::state::{Fate, Phase, State, Step};
use crate::stats::Tally;
use crate::sync::{AtomicUsize, Builder, Condvar, JoinHandle, Mutex, MutexGuard, lock, take_ended};
use crate::watch::Watcher;
use crate::{stall, watch, worker};

/// How long a pool with threads waits until it asks again for one that was refused.
pub(crate) const RETRY_THREAD: Duration = Duration::from_millis(10);

/// Something with cache lines of its own: nobody waits for it who has to do with its neighbours.
#[repr(align(128))]
pub(crate) struct Apart<T>(pub(crate) T);

/// One pool.
pub(crate) struct Shared {
    pub(crate) config: Config,
    /// The beginning of the pool's life, from which its nanoseconds are counted.
    epoch: Instant,
    pub(crate) core: Apart<Mutex<Core>>,
    pub(crate) inbox: Apart<Mutex<Inbox>>,
    /// Changes whenever the workers have a reason to come to the lock after the job that they are
    /// in. Even: once. Odd: after each job.
    attention: Apart<AtomicUsize>,
    /// Notified when the last worker has gone.
    pub(crate) gone: Condvar,
    /// Where the watching thread sleeps.
    pub(crate) watch: Condvar,
    /// Who else hears of stalls.
    pub(crate) stall_listeners: stall::Listeners,
    /// Where submitters wait for room.
    pub(crate) room: Condvar,
    /// Where those sleep who wait for the end of a job.
    pub(crate) ends: Mutex<()>,
    pub(crate) ended: Condvar,
}

impl Drop for Shared {
    /// The last who holds a pool may be a thread that is ending, where a panic would abort the
    /// process: what the hooks own is dropped here.
    fn drop(&mut self) {
        let config = &mut self.config;
        drop_contained(config.on_thread_start.take());
        drop_contained(config.on_thread_stop.take());
        drop_contained(config.on_stall.take());
        drop_contained(config.high_water.take());
        drop_contained(config.context.take());
    }
}

/// Everything under the lock.
pub(crate) struct Core {
    pub(crate) state: State,
    pub(crate) queue: Queue,
    /// What the inbox was told: one more job needs nobody to look after it.
    quiet: bool,
    /// The idle workers that nobody has claimed, the one that fell idle last on top.
    idle: Vec<usize>,
    pub(crate) workers: Vec<Option<Worker>>,
    /// Handles of threads that have ended or are about to.
    pub(crate) departed: Vec<JoinHandle<()>>,
    /// How many entries of `workers` are taken.
    pub(crate) live: usize,
    /// How many threads have been started, for their names.
    pub(crate) born: u64,
    pub(crate) tally: Tally,
    pub(crate) on_drained: Vec<Box<dyn FnOnce() + Send>>,
    pub(crate) watcher: Watcher,
    pub(crate) room: Room,
    /// When the system refused a thread, until it gives one.
    pub(crate) refused_at: Option<Instant>,
}

/// A thread of the pool.
pub(crate) struct Worker {
    pub(crate) seat: Arc<Seat>,
    /// Set by whoever claims it for a job, cleared by itself.
    claimed: bool,
    pub(crate) handle: Option<JoinHandle<()>>,
}

impl Shared {
    pub(crate) fn new(config: Config, state: State) -> Arc<Self> {
        let core = Core {
            state,
            queue: Queue::new(),
            quiet: true,
            idle: Vec::new(),
            workers: Vec::new(),
            departed: Vec::new(),
            live: 0,
            born: 0,
            tally: Tally::default(),
            on_drained: Vec::new(),
            watcher: Watcher::Absent,
            room: Room::default(),
            refused_at: None,
        };
        Arc::new(Self {
            config,
            epoch: Instant::now(),
            core: Apart(Mutex::new(core)),
            inbox: Apart(Mutex::new(Inbox::new())),
            attention: Apart(AtomicUsize::new(0)),
            gone: Condvar::new(),
            watch: Condvar::new(),
            stall_listeners: stall::Listeners::default(),
            room: Condvar::new(),
            ends: Mutex::new(()),
            ended: Condvar::new(),
        })
    }

    /// Nanoseconds of the pool's life.
    pub(crate) fn now(&self) -> u64 {
        let life = self.epoch.elapsed();
        // Enough for five hundred years.
        life.as_secs() * 1_000_000_000 + u64::from(life.subsec_nanos())
    }

    pub(crate) fn instant(&self, nanoseconds: u64) -> Option<Instant> {
        self.epoch.checked_add(Duration::from_nanos(nanoseconds))
    }

    pub(crate) fn core(&self) -> MutexGuard<'_, Core> {
        lock(&self.core.0)
    }

    /// The tail of the queue; to be taken after the core, if both are needed.
    pub(crate) fn inbox(&self) -> MutexGuard<'_, Inbox> {
        lock(&self.inbox.0)
    }

    /// How many places of the queue nobody has claimed, those of cancelled jobs included.
    pub(crate) fn unclaimed(&self, core: &Core) -> usize {
        core.queue.unclaimed() + self.inbox().len()
    }

    /// Claims the oldest job. If there is none, the next one that comes in has to be looked after.
    pub(crate) fn claim(&self, queue: &mut Queue, quiet: &mut bool) -> Option<(Arc<Batch>, usize)> {
        loop {
            let claimed = queue.claim();
            if claimed.is_some() {
                return claimed;
            }
            let mut inbox = self.inbox();
            if !queue.publish(&mut inbox) {
                inbox.quiet = false;
                *quiet = false;
                return None;
            }
        }
    }

    /// Sees to workers for all that waits, as far as they may be had, and to the watch.
    ///
    /// Jobs stay queued if the system refuses a thread. `at_once` lets threads above the minimum
    /// start without a wait.
    pub(crate) fn advance(self: &Arc<Self>, core: &mut Core, chores: &mut Chores, at_once: bool) {
        self.offer_room(core);
        if self.config.is_manual() {
            return;
        }
        while at_once && self.take_step(core, chores, true) {}
        loop {
            // Asked anew each time: a watch that is refused in here can see to no growth later.
            let at_once = self.config.grow_after.is_zero() || core.watcher.is_refused();
            // First the word to those who submit, then the look at what they have submitted.
            if !self.agree(core, at_once)
                || !(self.take_step(core, chores, at_once) || watch::arm(self, core, at_once))
            {
                break;
            }
        }
    }

    /// Tells those who submit whether one more job has to be looked after; true if jobs that wait
    /// would be a reason to do something.
    pub(crate) fn agree(&self, core: &mut Core, at_once: bool) -> bool {
        let may_do = core.state.may_step(at_once) || watch::may_arm(self, core, at_once);
        let quiet = !(may_do && core.state.phase() == Phase::Running);
        if quiet != core.quiet {
            core.quiet = quiet;
            self.inbox().quiet = quiet;
        }
        may_do
    }

    /// Does the next thing for the jobs that wait; false if there is nothing to do.
    pub(crate) fn take_step(
        self: &Arc<Self>,
        core: &mut Core,
        chores: &mut Chores,
        at_once: bool,
    ) -> bool {
        match core.state.next_step(|| core.queue.unclaimed() + self.inbox().len(), at_once) {
            Step::Rest => false,
            Step::Wake => {
                chores.wake(core.claim_idle());
                true
            }
            // Others are there to do the work: no need to try again with every submission.
            Step::Spawn
                if chores.was_refused()
                    || (core.state.threads() > 1 && core.was_just_refused()) =>
            {
                core.state.refused();
                false
            }
            Step::Spawn => match self.spawn_worker(core) {
                Ok(()) => true,
                Err(error) => {
                    core.state.refused();
                    let is_news = core.refused_at.replace(Instant::now()).is_none();
                    let threads = core.state.threads();
                    chores.refusal = Some(Refusal { error, is_news, threads });
                    false
                }
            },
        }
    }

    /// Not inlined, because a seat is large: in the frame of a worker it would be pages of each
    /// stack.
    #[inline(never)]
    fn spawn_worker(self: &Arc<Self>, core: &mut Core) -> io::Result<()> {
        // Not joined: what their thread-local values do at the end must not hold up who submits.
        drop(take_ended(&mut core.departed));
        let allowed = self.config.thread_gate.as_ref().map_or(Ok(()), |gate| gate());
        allowed?;
        let seat = Arc::new(Seat::new(&self.config.name, core.born + 1));
        let (shared, own) = (Arc::clone(self), Arc::clone(&seat));
        let index = core.free_index();
        let spawned =
            self.thread(seat.name.to_string()).spawn(move || worker::work(&shared, index, &own))?;
        core.seat_worker(index, Worker { seat, claimed: false, handle: Some(spawned) });
        core.born += 1;
        core.live += 1;
        core.refused_at = None;
        Ok(())
    }

    pub(crate) fn thread(&self, name: String) -> Builder {
        let builder = Builder::new().name(name);
        match self.config.stack_size {
            Some(bytes) => builder.stack_size(bytes),
            None => builder,
        }
    }

    /// Asks the workers to come to the lock when they are through with the job that they are in.
    /// Called with the lock held.
    pub(crate) fn call_workers(&self) {
        self.attention.0.fetch_add(2, Relaxed);
    }

    /// Has workers come to the lock after each job from now on, or no more. Called with the lock
    /// held.
    pub(crate) fn keep_calling_workers(&self, keep: bool) {
        if (self.attention.0.load(Relaxed) % 2 == 1) != keep {
            self.attention.0.fetch_add(1, Relaxed);
        }
    }

    /// Something to compare with later.
    pub(crate) fn attention(&self) -> usize {
        self.attention.0.load(Relaxed)
    }

    /// True if a worker that saw `attention` when it held the lock should come to it.
    pub(crate) fn calls(&self, attention: usize) -> bool {
        let now = self.attention.0.load(Relaxed);
        now != attention || now % 2 == 1
    }

    /// Tells those who wait for the end of a job.
    pub(crate) fn tell_end(&self) {
        // Taken, so that nobody is between having looked and sleeping.
        drop(lock(&self.ends));
        self.ended.notify_all();
    }

    /// Calls user code that has nobody to hand a panic to.
    pub(crate) fn contain(&self, hook: &str, call: impl FnOnce()) {
        if let Err(payload) = catch_unwind(AssertUnwindSafe(call)) {
            let pool = &*self.config.name;
            tell(|| tracing::error!(pool, hook, "a hook of the pool panicked"));
            drop_contained(payload);
        }
    }
}

impl Core {
    /// What a free worker does now, with the job that was claimed for it.
    pub(crate) fn settle(
        &mut self,
        timed_out: bool,
        shared: &Shared,
        claimed: &mut Option<(Arc<Batch>, usize)>,
    ) -> Fate {
        let Self { state, queue, quiet, .. } = self;
        state.settle(timed_out, || {
            *claimed = shared.claim(queue, quiet);
            claimed.is_some()
        })
    }

    /// Claims the worker that fell idle last; to be notified after the lock.
    fn claim_idle(&mut self) -> Option<Arc<Seat>> {
        let worker = self.workers.get_mut(self.idle.pop()?)?.as_mut()?;
        worker.claimed = true;
        Some(Arc::clone(&worker.seat))
    }

    /// Gives a seat to a thread that runs one job; where it is among the workers.
    pub(crate) fn seat_lent(&mut self, seat: &Arc<Seat>) -> usize {
        let index = self.free_index();
        let worker = Worker { seat: Arc::clone(seat), claimed: false, handle: None };
        self.seat_worker(index, worker);
        index
    }

    fn free_index(&self) -> usize {
        self.workers.iter().position(Option::is_none).unwrap_or(self.workers.len())
    }

    fn seat_worker(&mut self, index: usize, worker: Worker) {
        match self.workers.get_mut(index) {
            Some(free) => *free = Some(worker),
            None => self.workers.push(Some(worker)),
        }
    }

    /// Each seat, and whether its worker is idle.
    pub(crate) fn seats_and_idleness(&self) -> Vec<(Arc<Seat>, bool)> {
        let workers = self.workers.iter().enumerate();
        let taken = workers.filter_map(|(index, worker)| Some((index, worker.as_ref()?)));
        taken
            .map(|(index, worker)| (Arc::clone(&worker.seat), self.idle.contains(&index)))
            .collect()
    }

    /// The worker at `index` falls idle.
    pub(crate) fn fall_idle(&mut self, index: usize) {
        self.idle.push(index);
    }

    /// The worker at `index` is up again; true if somebody claimed it.
    pub(crate) fn get_up(&mut self, index: usize) -> bool {
        let worker = self.workers.get_mut(index).and_then(Option::as_mut);
        if worker.is_some_and(|worker| std::mem::take(&mut worker.claimed)) {
            // Perhaps at the very moment of the time-out: the claim counts.
            self.state.woke();
            return true;
        }
        self.idle.retain(|&idle| idle != index);
        self.state.roused();
        false
    }

    fn was_just_refused(&self) -> bool {
        self.refused_at.is_some_and(|at| at.elapsed() < RETRY_THREAD)
    }

    /// Lets the worker that has been idle for longest look again at what it should do.
    pub(crate) fn rouse_coldest(&self, chores: &mut Chores) {
        let coldest = self.idle.first().and_then(|&index| self.workers.get(index)?.as_ref());
        chores.wake(coldest.map(|worker| Arc::clone(&worker.seat)));
    }

    /// Lets every idle worker look again at what it should do.
    pub(crate) fn rouse_idle(&self, chores: &mut Chores) {
        let idle = self.idle.iter().filter_map(|&index| self.workers.get(index)?.as_ref());
        chores.wake(idle.map(|worker| Arc::clone(&worker.seat)));
    }
}
