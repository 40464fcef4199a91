//! tokio: boxed closures through an unbounded channel, to a task on the `current_thread` runtime.

use crate::sample::Sample;
use crate::tally;
use crate::workload::Load;
use tokio::runtime::Builder;
use tokio::sync::mpsc;

type Boxed = Box<dyn FnOnce() -> bool + Send>;

pub(super) fn run<const PRODUCERS: usize>(load: &Load) -> anyhow::Result<Sample> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let (sender, mut calls) = mpsc::unbounded_channel::<Boxed>();
    let produce = move |numbers: super::Numbers| {
        for number in numbers {
            if sender.send(Box::new(move || tally::arrive_of::<PRODUCERS>(number))).is_err() {
                return;
            }
        }
    };
    super::race::<PRODUCERS>(load, produce, || {
        runtime.block_on(async {
            while let Some(call) = calls.recv().await {
                if call() {
                    break;
                }
            }
        });
        Ok(())
    })
}
