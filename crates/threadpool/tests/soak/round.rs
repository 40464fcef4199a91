//! One pool, from its first job to the drop of its last byte, as all who use it share it.
//!
//! Everything here is noted by the threads that it happens to. The lock of a list is never held
//! while something of the pool is called or dropped.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use ropewalk_testing::soak::{Complaints, add, lock};
use ropewalk_threadpool::{JobHandle, SubmitErrorKind, ThreadPool};

use crate::account::Account;
use crate::hooks;
use crate::plan::Plan;
use crate::record::Record;

/// So many jobs stay in reach of those who cancel.
const KEPT: usize = 256;

/// A job in reach of those who cancel.
pub(crate) type Kept = (JobHandle, Arc<Record>);

pub(crate) struct Round {
    pub(crate) plan: Plan,
    /// The handle from which jobs get theirs; empty when the round is over.
    pool: Mutex<Option<ThreadPool>>,
    records: Mutex<Vec<Arc<Record>>>,
    /// None when the round is over: then no more are kept.
    kept: Mutex<Option<Vec<Kept>>>,
    pub(crate) complaints: Complaints,
    /// Names of the threads that the pool has started.
    threads: Mutex<Vec<String>>,
    clock: AtomicU64,
    /// How many jobs are inside their closure or callback, on workers.
    running: AtomicUsize,
    /// The highest maximum that was ever asked for.
    pub(crate) ceiling: AtomicUsize,
    /// Somebody is about to end the pool.
    is_ending: AtomicBool,
    /// Somebody has ended the pool: no job is accepted.
    is_closed: AtomicBool,
    /// Somebody has waited for its end: no job runs.
    is_over: AtomicBool,
    /// Somebody has stopped it now: each job that runs has been told.
    is_told: AtomicBool,
    /// How many jobs may still wait for another without a limit, each of which needs a thread.
    waits: AtomicUsize,
    pub(crate) tally: Tally,
    is_freed: Mutex<bool>,
    freed: Condvar,
}

/// What the users of the pool count while they use it.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// Counted before the pool is asked.
    pub(crate) attempts: AtomicU64,
    /// Counted when the pool has answered.
    pub(crate) accepted: AtomicU64,
    pub(crate) refused_stopped: AtomicU64,
    pub(crate) refused_full: AtomicU64,
    pub(crate) refused_no_thread: AtomicU64,
    pub(crate) refused_late: AtomicU64,
    pub(crate) refused_inside: AtomicU64,
    pub(crate) thread_requests: AtomicU64,
    pub(crate) thread_refusals: AtomicU64,
    pub(crate) threads_ended: AtomicU64,
    pub(crate) resizes: AtomicU64,
    pub(crate) stalls: AtomicU64,
    pub(crate) highs: AtomicU64,
    pub(crate) waits: AtomicU64,
    pub(crate) stops: AtomicU64,
    pub(crate) late_stops: AtomicU64,
    pub(crate) closes: AtomicU64,
    pub(crate) drained: AtomicU64,
}

impl Round {
    pub(crate) fn new(plan: Plan) -> Arc<Self> {
        // Where threads are refused, a thread that waits may be the last one that there is.
        let waits = if plan.refused_threads > 0 { 0 } else { plan.spare };
        Arc::new(Self {
            ceiling: AtomicUsize::new(plan.max),
            plan,
            pool: Mutex::default(),
            records: Mutex::default(),
            kept: Mutex::new(Some(Vec::new())),
            complaints: Complaints::default(),
            threads: Mutex::default(),
            clock: AtomicU64::new(1),
            running: AtomicUsize::new(0),
            is_ending: AtomicBool::new(false),
            is_closed: AtomicBool::new(false),
            is_over: AtomicBool::new(false),
            is_told: AtomicBool::new(false),
            waits: AtomicUsize::new(waits),
            tally: Tally::default(),
            is_freed: Mutex::default(),
            freed: Condvar::new(),
        })
    }

    /// Builds the pool, which will keep this round alive.
    pub(crate) fn open(self: &Arc<Self>) -> Option<ThreadPool> {
        let pool = hooks::build(self);
        let pool = pool.map_err(|error| self.complain(format!("not built: {error}"))).ok()?;
        *lock(&self.pool) = Some(pool.clone());
        Some(pool)
    }

    /// A handle to the pool, unless the round is over.
    pub(crate) fn pool(&self) -> Option<ThreadPool> {
        lock(&self.pool).clone()
    }

    /// Takes away the handle from which jobs get theirs.
    pub(crate) fn take_pool(&self) -> Option<ThreadPool> {
        lock(&self.pool).take()
    }

    /// A number that is greater than all before.
    pub(crate) fn now(&self) -> u64 {
        self.clock.fetch_add(1, Ordering::SeqCst)
    }

    pub(crate) fn complain(&self, what: String) {
        self.complaints.add(what);
    }

    pub(crate) fn record(&self, work: &'static str, has_callback: bool) -> Arc<Record> {
        let record = Arc::new(Record::new(work, has_callback));
        lock(&self.records).push(Arc::clone(&record));
        record
    }

    pub(crate) fn records(&self) -> Vec<Arc<Record>> {
        lock(&self.records).clone()
    }

    /// Keeps a handle in reach of those who cancel, in place of another if there are many.
    pub(crate) fn keep(&self, job: Kept, random: u64) {
        let mut job = Some(job);
        let mut displaced = None;
        if let Some(kept) = lock(&self.kept).as_mut() {
            if kept.len() >= KEPT {
                displaced = Some(kept.swap_remove(random as usize % KEPT));
            }
            kept.extend(job.take());
        }
        drop((job, displaced));
    }

    /// Takes a kept handle.
    pub(crate) fn take_kept(&self, random: u64) -> Option<Kept> {
        let mut kept = lock(&self.kept);
        let kept = kept.as_mut()?;
        let place = (random as usize).checked_rem(kept.len())?;
        Some(kept.swap_remove(place))
    }

    /// Takes all kept handles; from now on none is kept.
    pub(crate) fn take_all_kept(&self) -> Vec<Kept> {
        lock(&self.kept).take().unwrap_or_default()
    }

    pub(crate) fn job_begins(&self) {
        self.running.fetch_add(1, Ordering::SeqCst);
        if self.is_over.load(Ordering::SeqCst) {
            self.complain("a job began when the pool had been waited for".to_owned());
        }
    }

    pub(crate) fn job_ends(&self) {
        self.running.fetch_sub(1, Ordering::SeqCst);
    }

    pub(crate) fn refused(&self, kind: SubmitErrorKind, is_inside: bool) {
        let has_limit = self.plan.queue_limit.is_some();
        let (counter, is_plausible) = match kind {
            SubmitErrorKind::Stopped => (&self.tally.refused_stopped, self.is_ending()),
            SubmitErrorKind::Full => (&self.tally.refused_full, has_limit),
            SubmitErrorKind::TimedOut => (&self.tally.refused_late, has_limit && !is_inside),
            SubmitErrorKind::WouldDeadlock => (&self.tally.refused_inside, has_limit && is_inside),
            _ => (&self.tally.refused_no_thread, self.plan.refused_threads > 0),
        };
        add(counter);
        if !is_plausible {
            self.complain(format!("a job was refused without a reason: {kind:?}"));
        }
    }

    /// How many threads there may ever have been at a time.
    pub(crate) fn ceiling(&self) -> usize {
        self.ceiling.load(Ordering::SeqCst) + self.plan.spare
    }

    pub(crate) fn is_ending(&self) -> bool {
        self.is_ending.load(Ordering::SeqCst)
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.is_closed.load(Ordering::SeqCst)
    }

    /// To be called before anything that ends the pool.
    pub(crate) fn ending(&self) {
        self.is_ending.store(true, Ordering::SeqCst);
    }

    /// To be called after anything that ends the pool.
    pub(crate) fn ended(&self) {
        self.is_closed.store(true, Ordering::SeqCst);
    }

    /// To be called when somebody has waited for the end of the pool.
    pub(crate) fn over(&self, by: &str) {
        self.ended();
        self.is_over.store(true, Ordering::SeqCst);
        self.nothing_runs(by);
    }

    /// To be called when somebody has stopped the pool now.
    pub(crate) fn told(&self) {
        self.ended();
        self.is_told.store(true, Ordering::SeqCst);
    }

    pub(crate) fn is_told(&self) -> bool {
        self.is_told.load(Ordering::SeqCst)
    }

    /// Calls a job's wait for another, with true if it may be without a limit.
    pub(crate) fn waiting<T>(&self, wait: impl FnOnce(bool) -> T) -> T {
        add(&self.tally.waits);
        let less = |left: usize| left.checked_sub(1);
        let may = self.waits.fetch_update(Ordering::SeqCst, Ordering::SeqCst, less).is_ok();
        let value = wait(may);
        self.waits.fetch_add(usize::from(may), Ordering::SeqCst);
        value
    }

    pub(crate) fn nothing_runs(&self, by: &str) {
        let running = self.running.load(Ordering::SeqCst);
        if running > 0 {
            self.complain(format!("{running} jobs were running after {by}"));
        }
    }

    /// The callback for `close`.
    pub(crate) fn on_drained(self: &Arc<Self>) -> impl FnOnce() + Send + 'static {
        let round = Arc::clone(self);
        add(&round.tally.closes);
        move || {
            add(&round.tally.drained);
            round.nothing_runs("the call of on_drained");
            round.panic_sometimes();
        }
    }

    /// A thread of the pool begins.
    pub(crate) fn name_thread(&self, name: &str) {
        let mut threads = lock(&self.threads);
        let is_taken = threads.iter().any(|other| other == name);
        threads.push(name.to_owned());
        drop(threads);
        if is_taken {
            self.complain(format!("two threads have the name {name}"));
        }
    }

    pub(crate) fn threads_started(&self) -> u64 {
        lock(&self.threads).len() as u64
    }

    /// Nothing of the pool is left.
    pub(crate) fn set_freed(&self) {
        *lock(&self.is_freed) = true;
        self.freed.notify_all();
    }

    /// Waits until nothing of the pool is left. Those who hold handles have let go of them.
    pub(crate) fn wait_freed(&self) {
        let mut is_freed = lock(&self.is_freed);
        while !*is_freed {
            is_freed = self.freed.wait(is_freed).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// What is there to say when a watchdog has lost its patience.
    pub(crate) fn state_of_things(&self) -> String {
        let (running, account) = (self.running.load(Ordering::SeqCst), Account::of(self));
        let (tally, plan) = (&self.tally, &self.plan);
        format!("{running} jobs are running\n{account}\n{tally:#?}\n{plan:#?}")
    }
}
