//! Python's loops: a `Protocol` for each connection of asyncio, and of Twisted.

use crate::foreign::python;
use crate::sample::Sample;
use crate::workload::Load;

/// They need about ten times as long.
const SHARE: usize = 10;

const ASYNCIO: &str = concat!(
    include_str!("../../../python/tally.py"),
    include_str!("../../../python/echo.py"),
    include_str!("../../../python/echo_asyncio.py")
);
const TWISTED: &str = concat!(
    include_str!("../../../python/tally.py"),
    include_str!("../../../python/echo.py"),
    include_str!("../../../python/echo_twisted.py")
);

pub(super) fn asyncio(load: &Load) -> anyhow::Result<Sample> {
    run(ASYNCIO, load)
}

pub(super) fn twisted(load: &Load) -> anyhow::Result<Sample> {
    run(TWISTED, load)
}

fn run(script: &str, load: &Load) -> anyhow::Result<Sample> {
    let server = python::start(script, &[load.in_flight.to_string()])?;
    let load = Load { operations: (load.operations / SHARE).max(1), ..*load };
    super::converse_with_program(&load, server)
}
