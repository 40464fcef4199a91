//! tokio: `spawn_blocking`, the handle dropped.

use super::Pool;
use tokio::runtime::{Builder, Runtime};

pub(crate) struct Tokio(Runtime);

impl Pool for Tokio {
    fn start(threads: usize) -> anyhow::Result<Self> {
        // The blocking pool is the same with any runtime, and this one has no other threads.
        Ok(Self(Builder::new_current_thread().max_blocking_threads(threads).build()?))
    }

    fn submit(&self, job: impl FnOnce() + Send + 'static) -> anyhow::Result<()> {
        drop(self.0.spawn_blocking(job));
        Ok(())
    }
}
