//! smol: a task on an `async_executor::Executor`, waited for by `futures_lite`'s `block_on`.

use crate::sample::Sample;
use crate::workload::Load;
use async_executor::Executor;
use futures_lite::future::block_on;
use std::sync::Arc;
use tokio::sync::oneshot;

pub(super) fn run(load: &Load) -> anyhow::Result<Sample> {
    let operations = load.operations;
    let executor = Arc::new(Executor::new());
    let theirs = Arc::clone(&executor);
    let (stop, stopped) = oneshot::channel();
    let ask = move || {
        let sample = Sample::of_trips(operations, |number| {
            Ok(block_on(theirs.spawn(async move { number + 1 })))
        });
        // The loop waits for it, so somebody listens.
        let _ = stop.send(());
        sample
    };
    super::converse(ask, || Ok(async_io::block_on(executor.run(stopped))?))
}
