//! tokio: `spawn_blocking`, awaited by local tasks of the `current_thread` runtime.

use super::Jobs;
use crate::sample::Sample;
use crate::tally;
use crate::workload::Load;
use crate::workloads::POOL_THREADS;
use std::rc::Rc;
use tokio::runtime::Builder;
use tokio::task::{LocalSet, spawn_blocking, spawn_local};

pub(super) fn run(load: &Load) -> anyhow::Result<Sample> {
    let runtime =
        Builder::new_current_thread().enable_all().max_blocking_threads(POOL_THREADS).build()?;
    let jobs = Rc::new(Jobs::start(load));
    LocalSet::new().block_on(&runtime, async {
        let tasks: Vec<_> =
            jobs.first().map(|first| spawn_local(work(Rc::clone(&jobs), first))).collect();
        for task in tasks {
            task.await??;
        }
        anyhow::Ok(())
    })?;
    tally::finish()
}

async fn work(jobs: Rc<Jobs>, first: usize) -> anyhow::Result<()> {
    let mut next = Some(first);
    while let Some(number) = next {
        tally::arrive(spawn_blocking(move || number).await?);
        next = jobs.next();
    }
    Ok(())
}
