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

pub(super) fn run<const PRODUCERS: usize>(load: &Load) -> anyhow::Result<Sample> {
    let mut floor = FloorLoop::<Call, Epoll>::new()?;
    let handle = floor.handle();
    let produce = move |numbers: super::Numbers| {
        for number in numbers {
            handle.call(Call { function: arrive::<PRODUCERS>, captured: [number, 0, 0] });
        }
    };
    super::race::<PRODUCERS>(load, produce, || floor.run(|call| (call.function)(call.captured)))
}

fn arrive<const PRODUCERS: usize>([number, ..]: [usize; 3]) -> bool {
    tally::arrive_of::<PRODUCERS>(number)
}
