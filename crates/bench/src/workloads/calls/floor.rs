//! The floor: calls in place in a buffer that is swapped.
//!
//! A call is a pointer to a function and room for what it needs: what closures of many types would
//! come to, if they lay in the buffer itself.

use crate::floor::FloorLoop;
use crate::floor::epoll::Epoll;
use crate::sample::Sample;
use crate::tally;
use crate::workload::Load;

struct Call {
    function: fn([usize; 3]) -> bool,
    captured: [usize; 3],
}

pub(super) fn run(load: &Load) -> anyhow::Result<Sample> {
    let operations = load.operations;
    let mut floor = FloorLoop::<Call, Epoll>::new()?;
    let handle = floor.handle();
    let produce = move || {
        for number in 0..operations {
            handle.call(Call { function: arrive, captured: [number, 0, 0] });
        }
    };
    super::race(operations, produce, || floor.run(|call| (call.function)(call.captured)))
}

fn arrive([number, ..]: [usize; 3]) -> bool {
    tally::arrive(number)
}
