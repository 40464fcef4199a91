//! The pools that belong to no reactor: some at a time, one after the other.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use ropewalk_testing::soak::{Dice, add, contained, get, lock};
use ropewalk_threadpool::{BuildError, ThreadPool};

use crate::plan::{PoolPlan, Start};
use crate::world::World;

/// Where a pool is that may be ended, and another then put in its place.
pub(crate) struct Slot {
    plan: PoolPlan,
    present: Mutex<Arc<Pool>>,
    past: Mutex<Vec<Arc<Pool>>>,
}

pub(crate) struct Pool {
    pub(crate) pool: ThreadPool,
    plan: PoolPlan,
    /// How often it was used.
    looks: AtomicUsize,
    is_ending: AtomicBool,
    threads: Arc<Threads>,
}

#[derive(Debug, Default)]
struct Threads {
    started: AtomicU64,
    ended: AtomicU64,
}

/// A pool as planned, not started.
pub(crate) fn build(plan: PoolPlan) -> Result<ThreadPool, BuildError> {
    builder(plan, &Arc::default()).build()
}

fn builder(plan: PoolPlan, threads: &Arc<Threads>) -> ropewalk_threadpool::Builder {
    let (started, ended) = (Arc::clone(threads), Arc::clone(threads));
    let mut builder = ThreadPool::builder()
        .name("soak")
        .max_threads(plan.max)
        .on_thread_start(move || add(&started.started))
        .on_thread_stop(move || add(&ended.ended));
    if let Some(spares) = plan.spares {
        builder = builder.max_spare_threads(spares);
    }
    if let Some(limit) = plan.queue {
        builder = builder.queue_limit(limit);
    }
    builder
}

impl Slot {
    pub(crate) fn new(plan: PoolPlan) -> Result<Self, BuildError> {
        let present = Mutex::new(Arc::new(Pool::new(plan)?));
        Ok(Self { plan, present, past: Mutex::default() })
    }

    pub(crate) fn get(&self) -> Arc<Pool> {
        Arc::clone(&lock(&self.present))
    }

    /// Gives the pool; what is planned for one of its uses happens at it.
    pub(crate) fn take_turn(&self, world: &World, dice: &mut Dice) -> Arc<Pool> {
        let pool = self.get();
        let looks = pool.looks.fetch_add(1, Ordering::SeqCst) + 1;
        if self.plan.start == Start::Late(looks) {
            // It may have ended.
            let _ = pool.pool.start();
        }
        if self.plan.end == Some(looks) {
            pool.is_ending.store(true, Ordering::SeqCst);
            match dice.below(4) {
                0 => pool.pool.close(|| ()),
                1 => {}
                _ => pool.pool.stop_now().into_iter().for_each(|job| {
                    contained(|| drop(job));
                }),
            }
            match Pool::new(self.plan) {
                Ok(next) => {
                    let before = std::mem::replace(&mut *lock(&self.present), Arc::new(next));
                    lock(&self.past).push(before);
                }
                Err(error) => world.complain(format!("no pool: {error}")),
            }
        }
        pool
    }

    /// Ends them all, and waits for their threads.
    pub(crate) fn stop(&self, world: &World) {
        loop {
            // A job may still put another in its place.
            let present = self.get();
            present.stop(world);
            let past = std::mem::take(&mut *lock(&self.past));
            past.iter().for_each(|pool| pool.stop(world));
            if Arc::ptr_eq(&present, &self.get()) {
                return;
            }
        }
    }
}

impl Pool {
    fn new(plan: PoolPlan) -> Result<Self, BuildError> {
        let threads = Arc::default();
        let pool = builder(plan, &threads).build()?;
        if plan.start == Start::AtOnce {
            // It is new.
            let _ = pool.start();
        }
        let (looks, is_ending) = (AtomicUsize::new(0), AtomicBool::new(false));
        Ok(Self { pool, plan, looks, is_ending, threads })
    }

    /// Whether a job of it may be refused or dropped.
    pub(crate) fn may_refuse(&self) -> bool {
        self.plan.queue.is_some() || self.is_ending.load(Ordering::SeqCst)
    }

    /// Ends it, and waits for its threads.
    fn stop(&self, world: &World) {
        self.is_ending.store(true, Ordering::SeqCst);
        self.pool.stop();
        let stats = self.pool.stats();
        let (started, ended) = (get(&self.threads.started), get(&self.threads.ended));
        if stats.threads + stats.queued + stats.busy > 0 || started != ended {
            world.complain(format!("a pool is not empty: {stats:?}, {:?}", self.threads));
        }
    }
}
