//! flume: boxed closures through its channel to a thread that waits for nothing else.
//!
//! It is no loop, because nothing else can wake it: what the queue alone comes to.

use crate::sample::Sample;
use crate::tally;
use crate::workload::Load;

type Boxed = Box<dyn FnOnce() -> bool + Send>;

pub(super) fn run<const PRODUCERS: usize>(load: &Load) -> anyhow::Result<Sample> {
    let (sender, calls) = flume::unbounded::<Boxed>();
    let produce = move |numbers: super::Numbers| {
        for number in numbers {
            if sender.send(Box::new(move || tally::arrive_of::<PRODUCERS>(number))).is_err() {
                return;
            }
        }
    };
    super::race::<PRODUCERS>(load, produce, || {
        while let Ok(call) = calls.recv() {
            if call() {
                break;
            }
        }
        Ok(())
    })
}
