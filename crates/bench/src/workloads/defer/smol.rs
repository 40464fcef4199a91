//! smol: `blocking::unblock`, awaited by tasks of a `LocalExecutor` under `async_io::block_on`.

use super::Jobs;
use crate::sample::Sample;
use crate::tally;
use crate::workload::Load;
use async_executor::LocalExecutor;
use blocking::unblock;
use std::rc::Rc;

pub(super) fn run(load: &Load) -> anyhow::Result<Sample> {
    let executor = LocalExecutor::new();
    let jobs = Rc::new(Jobs::start(load));
    let first: Vec<_> = jobs.first().collect();
    let tasks: Vec<_> =
        first.into_iter().map(|first| executor.spawn(work(Rc::clone(&jobs), first))).collect();
    async_io::block_on(executor.run(async {
        for task in tasks {
            task.await;
        }
    }));
    tally::finish()
}

async fn work(jobs: Rc<Jobs>, first: usize) {
    let mut next = Some(first);
    while let Some(number) = next {
        tally::arrive(unblock(move || number).await);
        next = jobs.next();
    }
}
