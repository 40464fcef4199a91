//! tokio: `spawn_local`, awaited in a `LocalSet` on the `current_thread` runtime.

use super::{Batches, check, work};
use crate::sample::Sample;
use crate::tally;
use crate::workload::Load;
use std::rc::Rc;
use tokio::runtime::Builder;
use tokio::task::{LocalSet, spawn_local};

pub(super) fn run<const PAUSES: usize>(load: &Load) -> anyhow::Result<Sample> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let polls = Rc::default();
    LocalSet::new().block_on(&runtime, async {
        let mut batches = Batches::start(load);
        let mut tasks = Vec::new();
        while let Some(batch) = batches.next() {
            let spawn = |number| spawn_local(work::<PAUSES>(Rc::clone(&polls), number));
            tasks.extend(batch.map(spawn));
            for task in tasks.drain(..) {
                tally::arrive(task.await?);
            }
        }
        anyhow::Ok(())
    })?;
    check::<PAUSES>(&polls, load)?;
    tally::finish()
}
