//! The pools that the workloads of the pool compare, behind one small interface.

mod blocking;
mod floor;
mod flume;
mod rayon;
mod ropewalk;
mod threadpool;
mod tokio;

use crate::sample::Sample;
use crate::workload::{Contestant, Load, Role};
use std::sync::{Arc, Barrier, mpsc};

/// A pool with so many threads as the workload says, no more and no less.
pub(crate) trait Pool: Sized + Send + Sync + 'static {
    fn start(threads: usize) -> anyhow::Result<Self>;

    /// The job is a closure.
    fn submit(&self, job: impl FnOnce() + Send + 'static) -> anyhow::Result<()>;

    /// The job is a function and a word for it.
    fn submit_word<W: Work>(&self, word: usize) -> anyhow::Result<()> {
        self.submit(move || W::work(word))
    }
}

/// What the jobs of a workload do; a type, so that a closure captures the word and nothing else.
pub(crate) trait Work {
    fn work(word: usize);
}

/// A workload, whatever the pool.
pub(crate) trait Scenario {
    fn run<P: Pool>(load: &Load) -> anyhow::Result<Sample>;
}

pub(crate) const fn contestants<S: Scenario>() -> [Contestant; 10] {
    const fn contestant<S: Scenario, P: Pool>(name: &'static str, role: Role) -> Contestant {
        Contestant { name, role, run: S::run::<P> }
    }
    [
        contestant::<S, floor::Batching>("floor, batches", Role::Floor),
        contestant::<S, floor::Whole>("floor, whole queue at a time", Role::Study),
        contestant::<S, floor::Boxed>("floor, boxed closures", Role::Study),
        contestant::<S, floor::OneByOne>("floor, one job at a time", Role::Study),
        contestant::<S, ropewalk::Ropewalk>("ropewalk", Role::Ours),
        contestant::<S, tokio::Tokio>("tokio, spawn_blocking", Role::Peer),
        contestant::<S, blocking::Blocking>("blocking, unblock", Role::Peer),
        contestant::<S, rayon::Rayon>("rayon, spawn", Role::Peer),
        contestant::<S, threadpool::Execute>("threadpool, execute", Role::Peer),
        contestant::<S, flume::Receivers>("flume, threads that receive", Role::Peer),
    ]
}

/// Has all threads of the pool run a job, until each has one: none of these ends before `release` has
/// been waited for.
pub(crate) fn occupy(pool: &impl Pool, threads: usize) -> anyhow::Result<Arc<Barrier>> {
    let release = Arc::new(Barrier::new(threads + 1));
    for _ in 0..threads {
        let release = Arc::clone(&release);
        let (begin, begun) = mpsc::channel();
        pool.submit(move || {
            // It is waited for, so somebody listens.
            let _ = begin.send(());
            release.wait();
        })?;
        // One after the other: a worker that takes two of them at a time would never end.
        begun.recv()?;
    }
    Ok(release)
}

/// Has all threads of the pool started.
pub(crate) fn prime(pool: &impl Pool, threads: usize) -> anyhow::Result<()> {
    occupy(pool, threads)?.wait();
    Ok(())
}
