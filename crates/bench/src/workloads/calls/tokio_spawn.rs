//! tokio: a future spawned on the `current_thread` runtime through its handle.

use crate::sample::Sample;
use crate::tally;
use crate::workload::Load;
use tokio::runtime::Builder;
use tokio::sync::mpsc;

pub(super) fn run(load: &Load) -> anyhow::Result<Sample> {
    let operations = load.operations;
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let handle = runtime.handle().clone();
    let (sender, mut done) = mpsc::channel(1);
    let produce = move || {
        for number in 0..operations {
            // Like a call, a future may hold what ends the loop; the last one uses it.
            let last = (number + 1 == operations).then(|| sender.clone());
            handle.spawn(async move {
                tally::arrive(number);
                if let Some(last) = last {
                    // The loop waits for it, so somebody listens.
                    let _ = last.send(()).await;
                }
            });
        }
    };
    super::race(operations, produce, || {
        runtime.block_on(done.recv());
        Ok(())
    })
}
