//! libuv: a `uv_timer_t` for each, in memory of its own, which is free when its handle is closed.

use super::Scenario;
use crate::child::warm_up;
use crate::foreign::libuv;
use crate::sample::Sample;
use crate::workload::Load;

/// Deadlines are in milliseconds, from the time that the loop has noted at the start of its turn.
pub(super) fn run<S: Scenario>(load: &Load) -> anyhow::Result<Sample> {
    start::<S>(load, false)
}

/// The loop looks at the clock before each timer is set, as those of all others do.
pub(super) fn run_by_the_clock<S: Scenario>(load: &Load) -> anyhow::Result<Sample> {
    start::<S>(load, true)
}

fn start<S: Scenario>(load: &Load, reads_the_clock: bool) -> anyhow::Result<Sample> {
    let mut words = vec![S::NAME.to_owned()];
    let in_flight = load.in_flight.min(load.operations);
    let numbers =
        [warm_up(load.operations), load.operations, in_flight, usize::from(reads_the_clock)];
    words.extend(numbers.map(|number| number.to_string()));
    libuv::start(&libuv::TIMERS, &words)?.sample()
}
