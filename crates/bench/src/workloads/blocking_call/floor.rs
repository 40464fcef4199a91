//! The floor: the question in place in the queue, the answer in one slot that is used again.

use crate::floor::{FloorLoop, Sleeper};
use crate::sample::Sample;
use crate::workload::Load;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, Thread};

/// Nothing is in the slot.
const EMPTY: usize = usize::MAX;

enum Call {
    Ask { number: usize, asker: Thread, slot: Arc<AtomicUsize> },
    Stop,
}

pub(super) fn run<S: Sleeper + 'static>(load: &Load) -> anyhow::Result<Sample> {
    let operations = load.operations;
    let mut floor = FloorLoop::<Call, S>::new()?;
    let handle = floor.handle();
    let ask = move || {
        let slot = Arc::new(AtomicUsize::new(EMPTY));
        let asker = thread::current();
        let sample = Sample::of_trips(operations, |number| {
            handle.call(Call::Ask { number, asker: asker.clone(), slot: Arc::clone(&slot) });
            loop {
                let answer = slot.swap(EMPTY, Ordering::Acquire);
                if answer != EMPTY {
                    return Ok(answer);
                }
                thread::park();
            }
        });
        handle.call(Call::Stop);
        sample
    };
    let serve = |call| match call {
        Call::Ask { number, asker, slot } => {
            slot.store(number + 1, Ordering::Release);
            asker.unpark();
            false
        }
        Call::Stop => true,
    };
    super::converse(ask, || floor.run(serve))
}
