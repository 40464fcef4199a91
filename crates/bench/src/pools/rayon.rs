//! rayon: `spawn` on a pool of our own.

use super::Pool;
use rayon::{ThreadPool, ThreadPoolBuilder};

pub(crate) struct Rayon(ThreadPool);

impl Pool for Rayon {
    fn start(threads: usize) -> anyhow::Result<Self> {
        Ok(Self(ThreadPoolBuilder::new().num_threads(threads).build()?))
    }

    fn submit(&self, job: impl FnOnce() + Send + 'static) -> anyhow::Result<()> {
        self.0.spawn(job);
        Ok(())
    }
}
