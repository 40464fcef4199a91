//! Python's loops: `call_soon_threadsafe` of asyncio, `callFromThread` of Twisted.

use super::PAUSE;
use crate::foreign::python;
use crate::sample::Sample;
use crate::workload::Load;

/// They need about ten times as long.
const SHARE: usize = 10;

const ASYNCIO: &str = concat!(
    include_str!("../../../python/tally.py"),
    include_str!("../../../python/wake_latency.py"),
    include_str!("../../../python/wake_latency_asyncio.py")
);
const TWISTED: &str = concat!(
    include_str!("../../../python/tally.py"),
    include_str!("../../../python/wake_latency.py"),
    include_str!("../../../python/wake_latency_twisted.py")
);

pub(super) fn asyncio(load: &Load) -> anyhow::Result<Sample> {
    run(ASYNCIO, load)
}

pub(super) fn twisted(load: &Load) -> anyhow::Result<Sample> {
    run(TWISTED, load)
}

fn run(script: &str, load: &Load) -> anyhow::Result<Sample> {
    let operations = (load.operations / SHARE).max(1).to_string();
    python::start(script, &[operations, PAUSE.as_nanos().to_string()])?.sample()
}
