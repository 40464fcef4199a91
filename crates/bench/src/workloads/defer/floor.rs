//! The floor: numbers in place in both queues, and as many workers as there are cores.

use super::Jobs;
use crate::floor::FloorLoop;
use crate::floor::epoll::Epoll;
use crate::floor::workers::Workers;
use crate::sample::Sample;
use crate::tally;
use crate::workload::Load;
use std::thread::available_parallelism;

pub(super) fn run(load: &Load) -> anyhow::Result<Sample> {
    let mut floor = FloorLoop::<usize, Epoll>::new()?;
    let handle = floor.handle();
    let threads = available_parallelism()?.get();
    let workers = Workers::start(threads, move |number| handle.call(number))?;
    let jobs = Jobs::start(load);
    jobs.first().for_each(|number| workers.submit(number));
    floor.run(|number| {
        let last = tally::arrive(number);
        if let Some(next) = jobs.next() {
            workers.submit(next);
        }
        last
    })?;
    tally::finish()
}
