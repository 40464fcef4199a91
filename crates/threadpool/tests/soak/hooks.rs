//! What the pool calls: the hooks of its builder, and the context of its jobs.
//!
//! Each notes what it must not see, and some panic at times.

use std::cell::Cell;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;

use ropewalk_testing::soak::{add, get, mix, panic_as_planned};
use ropewalk_threadpool::{BuildError, JobContext, ThreadPool};

use crate::round::Round;

/// So many times a stall raises the maximum.
const GROWTH: u64 = 8;

thread_local! {
    /// What is current on a submitting thread, and has to be where the job runs.
    static MARK: Cell<u64> = const { Cell::new(0) };
}

/// A mark on its way to the job.
struct Marked(u64);

impl JobContext for Marked {
    fn run(&self, job: &mut dyn FnMut()) {
        within_mark(self.0, job);
    }
}

/// Calls with `mark` current on this thread.
pub(crate) fn within_mark<T>(mark: u64, call: impl FnOnce() -> T) -> T {
    let before = MARK.replace(mark);
    let value = call();
    MARK.set(before);
    value
}

/// The mark that is current.
pub(crate) fn mark() -> u64 {
    MARK.get()
}

/// Builds the pool of `round`, whose hooks keep the round alive.
pub(crate) fn build(round: &Arc<Round>) -> Result<ThreadPool, BuildError> {
    let plan = &round.plan;
    let innards = Innards(Arc::clone(round));
    let [starts, stops, stalls, highs] = [(); 4].map(|()| Arc::clone(round));
    let mut builder = ThreadPool::builder()
        .name("soak")
        .min_threads(plan.min)
        .max_threads(plan.max)
        .max_spare_threads(plan.spare)
        .grow_after(plan.grow_after)
        .idle_timeout(plan.idle_timeout)
        .stall_after(plan.stall_after)
        .thread_gate(move || innards.0.may_have_thread())
        .on_thread_start(move || starts.thread_begins(thread::current().name()))
        .on_thread_stop(move || stops.thread_ends())
        .on_stall(move |_| stalls.stalled());
    if let Some(jobs) = plan.queue_limit {
        builder = builder.queue_limit(jobs);
    }
    if let Some(jobs) = plan.high_water {
        builder = builder.on_high_water(jobs, move |waiting| highs.ran_high(jobs, waiting));
    }
    if plan.has_context {
        builder = builder.context(|| Some(Box::new(Marked(mark()))));
    }
    builder.build()
}

/// Owned by the pool's settings: when it goes, all of the pool has gone.
struct Innards(Arc<Round>);

impl Drop for Innards {
    fn drop(&mut self) {
        self.0.set_freed();
    }
}

impl Round {
    fn may_have_thread(&self) -> io::Result<()> {
        let request = self.tally.thread_requests.fetch_add(1, Ordering::SeqCst);
        if mix(!self.plan.seed, request) % 1000 < self.plan.refused_threads {
            add(&self.tally.thread_refusals);
            return Err(io::ErrorKind::WouldBlock.into());
        }
        Ok(())
    }

    fn thread_begins(&self, name: Option<&str>) {
        self.name_thread(name.unwrap_or_default());
        self.panic_sometimes();
    }

    fn thread_ends(&self) {
        add(&self.tally.threads_ended);
        self.panic_sometimes();
    }

    fn stalled(&self) {
        add(&self.tally.stalls);
        self.panic_sometimes();
        if self.plan.is_single || get(&self.tally.stalls) > GROWTH {
            return;
        }
        // On the watching thread, which thus may come to drop the last handle.
        let Some(pool) = self.pool() else { return };
        let max = pool.max_threads() + 1;
        self.ceiling.fetch_max(max, Ordering::SeqCst);
        let _ = pool.set_max_threads(max);
    }

    fn ran_high(&self, mark: usize, waiting: usize) {
        add(&self.tally.highs);
        if waiting < mark {
            self.complain(format!("high water at {waiting} jobs, below {mark}"));
        }
        self.panic_sometimes();
        drop(self.pool().map(|pool| pool.report().to_string()));
    }

    /// As a hook may do.
    pub(crate) fn panic_sometimes(&self) {
        if mix(self.plan.seed, self.now()) % 50 == 0 {
            panic_as_planned();
        }
    }
}
