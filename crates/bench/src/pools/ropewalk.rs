//! Ropewalk: `call_in_thread`, the handle dropped.

use super::Pool;
use ropewalk_threadpool::ThreadPool;

pub(crate) struct Ropewalk(ThreadPool);

impl Pool for Ropewalk {
    fn start(threads: usize) -> anyhow::Result<Self> {
        let pool = ThreadPool::builder().min_threads(threads).max_threads(threads).build()?;
        pool.start()?;
        Ok(Self(pool))
    }

    fn submit(&self, job: impl FnOnce() + Send + 'static) -> anyhow::Result<()> {
        anyhow::ensure!(self.0.call_in_thread(job).is_ok(), "the pool has refused a job");
        Ok(())
    }
}

impl Drop for Ropewalk {
    fn drop(&mut self) {
        self.0.stop();
    }
}
