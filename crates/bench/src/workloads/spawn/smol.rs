//! smol: `LocalExecutor::spawn`, awaited under `async_io::block_on`.

use super::{Batches, check, work};
use crate::sample::Sample;
use crate::tally;
use crate::workload::Load;
use async_executor::LocalExecutor;
use std::rc::Rc;

pub(super) fn run<const PAUSES: usize>(load: &Load) -> anyhow::Result<Sample> {
    let executor = LocalExecutor::new();
    let polls = Rc::default();
    async_io::block_on(executor.run(async {
        let mut batches = Batches::start(load);
        let mut tasks = Vec::new();
        while let Some(batch) = batches.next() {
            let spawn = |number| executor.spawn(work::<PAUSES>(Rc::clone(&polls), number));
            tasks.extend(batch.map(spawn));
            for task in tasks.drain(..) {
                tally::arrive(task.await);
            }
        }
    }));
    check::<PAUSES>(&polls, load)?;
    tally::finish()
}
