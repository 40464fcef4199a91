//! The floor with boxed closures: what it costs that one thread frees what another allocated.

use crate::floor::FloorLoop;
use crate::floor::epoll::Epoll;
use crate::sample::Sample;
use crate::tally;
use crate::workload::Load;

type Boxed = Box<dyn FnOnce() -> bool + Send>;

pub(super) fn run<const PRODUCERS: usize>(load: &Load) -> anyhow::Result<Sample> {
    let mut floor = FloorLoop::<Boxed, Epoll>::new()?;
    let handle = floor.handle();
    let produce = move |numbers: super::Numbers| {
        for number in numbers {
            handle.call(Box::new(move || tally::arrive_of::<PRODUCERS>(number)));
        }
    };
    super::race::<PRODUCERS>(load, produce, || floor.run(|call| call()))
}
