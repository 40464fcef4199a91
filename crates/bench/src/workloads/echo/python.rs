//! Python's loops: a `Protocol` for each connection of asyncio, and of Twisted.
//!
//! The server is a process of its own, and the clients are the same as for everybody.

use crate::python::Python;
use crate::sample::Sample;
use crate::workload::Load;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

/// They need about ten times as long.
const SHARE: usize = 10;

const ASYNCIO: &str = concat!(
    include_str!("../../../python/tally.py"),
    include_str!("../../../python/echo_asyncio.py")
);
const TWISTED: &str = concat!(
    include_str!("../../../python/tally.py"),
    include_str!("../../../python/echo_twisted.py")
);

pub(super) fn asyncio(load: &Load) -> anyhow::Result<Sample> {
    run(ASYNCIO, load)
}

pub(super) fn twisted(load: &Load) -> anyhow::Result<Sample> {
    run(TWISTED, load)
}

fn run(script: &str, load: &Load) -> anyhow::Result<Sample> {
    let mut python = Python::start(script, &[load.in_flight.to_string()])?;
    let port: u16 = python.line()?.trim_end().parse()?;
    let load = Load { operations: (load.operations / SHARE).max(1), ..*load };
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let sample = super::connect_and_converse(&load, address, || Ok(()))?;
    let theirs = Duration::from_nanos(python.finish()?.trim_end().parse()?);
    Ok(Sample { busy: sample.busy + theirs, ..sample })
}
