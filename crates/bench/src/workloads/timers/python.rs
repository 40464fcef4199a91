//! Python's loops: `call_later` of asyncio, `callLater` of Twisted.

use super::Scenario;
use crate::child::warm_up;
use crate::foreign::python;
use crate::sample::Sample;
use crate::workload::Load;

/// They need about ten times as long.
const SHARE: usize = 20;

const ASYNCIO: &str = concat!(
    include_str!("../../../python/tally.py"),
    include_str!("../../../python/timers.py"),
    include_str!("../../../python/timers_asyncio.py")
);
const TWISTED: &str = concat!(
    include_str!("../../../python/tally.py"),
    include_str!("../../../python/timers.py"),
    include_str!("../../../python/timers_twisted.py")
);

pub(super) fn asyncio<S: Scenario>(load: &Load) -> anyhow::Result<Sample> {
    run::<S>(ASYNCIO, load)
}

pub(super) fn twisted<S: Scenario>(load: &Load) -> anyhow::Result<Sample> {
    run::<S>(TWISTED, load)
}

fn run<S: Scenario>(script: &str, load: &Load) -> anyhow::Result<Sample> {
    let operations = (load.operations / SHARE).max(1);
    let numbers = [warm_up(operations), operations, load.in_flight.min(operations)];
    let mut words = vec![S::NAME.to_owned()];
    words.extend(numbers.map(|number| number.to_string()));
    python::start(script, &words)?.sample()
}
