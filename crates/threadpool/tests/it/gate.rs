//! Pools of a given size, jobs that wait to be let go, and waiting for a state of the pool.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use ropewalk_threadpool::{JobHandle, PoolStats, ThreadPool};

/// A started pool.
pub(crate) fn started(min: usize, max: usize) -> ThreadPool {
    let pool = ThreadPool::builder().min_threads(min).max_threads(max).build().unwrap();
    pool.start().unwrap();
    pool
}

/// A job that is on a worker and stays there.
pub(crate) struct Blocker {
    release: Sender<()>,
    pub(crate) handle: JobHandle,
    /// The thread that it is on.
    pub(crate) thread: String,
}

impl Blocker {
    /// Submits the job and waits until it runs.
    #[track_caller]
    pub(crate) fn on(pool: &ThreadPool) -> Self {
        let (release, released) = channel();
        let (starts, started) = channel();
        let handle = pool.call_in_thread(blocking_job(starts, released)).unwrap();
        let thread = started.recv().unwrap();
        Self { release, handle, thread }
    }

    /// Lets the job end, which it may not have done when this returns.
    pub(crate) fn release(self) {
        self.release.send(()).unwrap();
    }
}

/// Says on which thread it is, then waits until the other end speaks or is gone.
pub(crate) fn blocking_job(
    starts: Sender<String>,
    released: Receiver<()>,
) -> impl FnOnce() + Send + 'static {
    move || {
        starts.send(thread_name()).unwrap();
        let _ = released.recv();
    }
}

pub(crate) fn thread_name() -> String {
    thread::current().name().unwrap_or_default().to_owned()
}

/// Returns when the pool is as `wanted`; the caller stands within a deadline.
///
/// The numbers are those of the jobs: a thread whose job is over is not busy any more, though it may
/// still be on its way to sleep.
pub(crate) fn until(pool: &ThreadPool, mut wanted: impl FnMut(&PoolStats) -> bool) {
    while !wanted(&pool.stats()) {
        thread::yield_now();
    }
}

/// Returns when so many threads of the pool sleep.
pub(crate) fn until_asleep(pool: &ThreadPool, threads: usize) {
    while pool.report().workers.iter().filter(|worker| worker.idle).count() != threads {
        thread::yield_now();
    }
}
