//! The crate `threadpool`: `execute`.

use super::Pool;
use threadpool::ThreadPool;

pub(crate) struct Execute(ThreadPool);

impl Pool for Execute {
    fn start(threads: usize) -> anyhow::Result<Self> {
        Ok(Self(ThreadPool::new(threads)))
    }

    fn submit(&self, job: impl FnOnce() + Send + 'static) -> anyhow::Result<()> {
        self.0.execute(job);
        Ok(())
    }
}
