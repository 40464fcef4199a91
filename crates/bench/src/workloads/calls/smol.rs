//! smol: a future spawned on an `async_executor::Executor` that is run under `async_io::block_on`.

use crate::sample::Sample;
use crate::tally;
use crate::workload::Load;
use async_executor::Executor;
use std::sync::Arc;
use tokio::sync::mpsc;

pub(super) fn run<const PRODUCERS: usize>(load: &Load) -> anyhow::Result<Sample> {
    let operations = load.operations;
    let executor = Arc::new(Executor::new());
    let theirs = Arc::clone(&executor);
    let (sender, mut done) = mpsc::channel(PRODUCERS);
    let produce = move |numbers: super::Numbers| {
        for number in numbers {
            // The last one of each producer says so.
            let last = (number + PRODUCERS >= operations).then(|| sender.clone());
            let call = async move {
                tally::arrive_of::<PRODUCERS>(number);
                if let Some(last) = last {
                    // The loop waits for it, so somebody listens.
                    let _ = last.send(()).await;
                }
            };
            theirs.spawn(call).detach();
        }
    };
    super::race::<PRODUCERS>(load, produce, || {
        async_io::block_on(executor.run(async {
            for _ in 0..PRODUCERS {
                done.recv().await;
            }
        }));
        Ok(())
    })
}
