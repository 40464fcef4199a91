//! Python's loops: a `Protocol` for each connection of asyncio, and of Twisted.

use super::Talk;
use crate::foreign::python;
use crate::sample::Sample;
use crate::workload::Load;

/// They need about ten times as long.
const SHARE: usize = 10;

pub(in crate::workloads) const ASYNCIO: &str = concat!(
    include_str!("../../../python/tally.py"),
    include_str!("../../../python/echo.py"),
    include_str!("../../../python/echo_asyncio.py")
);
pub(in crate::workloads) const TWISTED: &str = concat!(
    include_str!("../../../python/tally.py"),
    include_str!("../../../python/echo.py"),
    include_str!("../../../python/echo_twisted.py")
);

pub(super) fn asyncio<T: Talk>(load: &Load) -> anyhow::Result<Sample> {
    run::<T>(ASYNCIO, load)
}

pub(super) fn twisted<T: Talk>(load: &Load) -> anyhow::Result<Sample> {
    run::<T>(TWISTED, load)
}

fn run<T: Talk>(script: &str, load: &Load) -> anyhow::Result<Sample> {
    let words = [load.in_flight, load.in_flight, 1].map(|number| number.to_string());
    let server = python::start(script, &words)?;
    let load = Load { operations: (load.operations / SHARE).max(1), ..*load };
    super::converse_with_program::<T>(&load, server)
}
