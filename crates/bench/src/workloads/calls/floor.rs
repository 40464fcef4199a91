//! The floor: closures of one type, in place in a buffer that is swapped.

use crate::floor::FloorLoop;
use crate::floor::epoll::Epoll;
use crate::sample::Sample;
use crate::tally;
use crate::workload::Load;

pub(super) fn run(load: &Load) -> anyhow::Result<Sample> {
    with(load, |number| move || tally::arrive(number))
}

/// With the type of closure that `make` makes.
fn with<F>(load: &Load, make: impl Fn(usize) -> F + Send + 'static) -> anyhow::Result<Sample>
where
    F: FnOnce() -> bool + Send + 'static,
{
    let operations = load.operations;
    let mut floor = FloorLoop::<F, Epoll>::new()?;
    let handle = floor.handle();
    let produce = move || (0..operations).for_each(|number| handle.call(make(number)));
    super::race(operations, produce, || floor.run(|call| call()))
}
