//! The pools that belong to no reactor.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use ropewalk_testing::soak::Dice;
use ropewalk_threadpool::{BuildError, ThreadPool};

use crate::plan::{PoolPlan, Start};
use crate::world::{World, add, get};

pub(crate) struct Pool {
    pub(crate) pool: ThreadPool,
    plan: PoolPlan,
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

impl Pool {
    pub(crate) fn new(plan: PoolPlan) -> Result<Self, BuildError> {
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

    /// What is planned for one of these looks happens at it.
    pub(crate) fn look(&self, dice: &mut Dice) {
        let looks = self.looks.fetch_add(1, Ordering::SeqCst) + 1;
        if self.plan.start == Start::Late(looks) {
            // It may have ended.
            let _ = self.pool.start();
        }
        if self.plan.end == Some(looks) {
            self.is_ending.store(true, Ordering::SeqCst);
            if dice.one_in(2) {
                self.pool.close(|| ());
            } else {
                drop(self.pool.stop_now());
            }
        }
    }

    /// Ends it, and waits for its threads.
    pub(crate) fn stop(&self, world: &World) {
        self.is_ending.store(true, Ordering::SeqCst);
        self.pool.stop();
        let stats = self.pool.stats();
        let (started, ended) = (get(&self.threads.started), get(&self.threads.ended));
        if stats.threads + stats.queued + stats.busy > 0 || started != ended {
            world.complain(format!("a pool is not empty: {stats:?}, {:?}", self.threads));
        }
    }
}
