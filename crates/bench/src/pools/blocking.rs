//! `blocking`: `unblock`, the task detached.
//!
//! Its pool belongs to the process, and has as many threads as its variable in the environment says:
//! the parent sets that.

use super::Pool;
use blocking::unblock;

pub(crate) struct Blocking;

impl Pool for Blocking {
    fn start(_threads: usize) -> anyhow::Result<Self> {
        Ok(Self)
    }

    fn submit(&self, job: impl FnOnce() + Send + 'static) -> anyhow::Result<()> {
        unblock(job).detach();
        Ok(())
    }
}
