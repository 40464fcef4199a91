//! Python's loops: `call_soon_threadsafe` of asyncio, `callFromThread` of Twisted.
//!
//! The foreign threads are threads of Python, so all of them take turns with the interpreter.

use crate::foreign::python;
use crate::sample::Sample;
use crate::workload::Load;

/// They need about a hundred times as long.
const SHARE: usize = 20;

const ASYNCIO: &str = concat!(
    include_str!("../../../python/tally.py"),
    include_str!("../../../python/calls_asyncio.py")
);
const TWISTED: &str = concat!(
    include_str!("../../../python/tally.py"),
    include_str!("../../../python/calls_twisted.py")
);

pub(super) fn asyncio(load: &Load) -> anyhow::Result<Sample> {
    run(ASYNCIO, load)
}

pub(super) fn twisted(load: &Load) -> anyhow::Result<Sample> {
    run(TWISTED, load)
}

fn run(script: &str, load: &Load) -> anyhow::Result<Sample> {
    let words = [load.operations / SHARE, load.submitters].map(|word| word.to_string());
    python::start(script, &words)?.sample()
}
