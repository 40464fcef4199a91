//! smol: a future spawned on an `async_executor::Executor` that is run under `async_io::block_on`.

use crate::sample::Sample;
use crate::tally;
use crate::workload::Load;
use async_executor::Executor;
use std::sync::Arc;
use tokio::sync::oneshot;

pub(super) fn run(load: &Load) -> anyhow::Result<Sample> {
    let operations = load.operations;
    let executor = Arc::new(Executor::new());
    let theirs = Arc::clone(&executor);
    let (sender, done) = oneshot::channel();
    let produce = move || {
        let mut sender = Some(sender);
        for number in 0..operations {
            let last = if number + 1 == operations { sender.take() } else { None };
            let call = async move {
                tally::arrive(number);
                if let Some(last) = last {
                    // The loop waits for it, so somebody listens.
                    let _ = last.send(());
                }
            };
            theirs.spawn(call).detach();
        }
    };
    super::race(operations, produce, || {
        async_io::block_on(executor.run(done))?;
        Ok(())
    })
}
