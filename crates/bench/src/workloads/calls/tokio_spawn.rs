//! tokio: a future spawned on the `current_thread` runtime through its handle.

use crate::sample::Sample;
use crate::tally;
use crate::workload::Load;
use tokio::runtime::Builder;
use tokio::sync::mpsc;

pub(super) fn run<const PRODUCERS: usize>(load: &Load) -> anyhow::Result<Sample> {
    let operations = load.operations;
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let handle = runtime.handle().clone();
    let (sender, mut done) = mpsc::channel(PRODUCERS);
    let produce = move |numbers: super::Numbers| {
        for number in numbers {
            // Like a call, a future may hold what ends the loop; the last one of each producer
            // uses it.
            let last = (number + PRODUCERS >= operations).then(|| sender.clone());
            handle.spawn(async move {
                tally::arrive_of::<PRODUCERS>(number);
                if let Some(last) = last {
                    // The loop waits for it, so somebody listens.
                    let _ = last.send(()).await;
                }
            });
        }
    };
    super::race::<PRODUCERS>(load, produce, || {
        runtime.block_on(async {
            for _ in 0..PRODUCERS {
                done.recv().await;
            }
        });
        Ok(())
    })
}
