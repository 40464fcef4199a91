//! The floor with boxed closures: what it costs that one thread frees what another allocated.

use crate::floor::FloorLoop;
use crate::floor::epoll::Epoll;
use crate::sample::Sample;
use crate::tally;
use crate::workload::Load;

type Boxed = Box<dyn FnOnce() -> bool + Send>;

pub(super) fn run(load: &Load) -> anyhow::Result<Sample> {
    let operations = load.operations;
    let mut floor = FloorLoop::<Boxed, Epoll>::new()?;
    let handle = floor.handle();
    let produce = move || {
        for number in 0..operations {
            handle.call(Box::new(move || tally::arrive(number)));
        }
    };
    super::race(operations, produce, || floor.run(|call| call()))
}
