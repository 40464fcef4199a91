//! libuv, asyncio and Twisted: the servers of `echo`, each in a process of its own.

use crate::foreign::{Program, libuv, python};
use crate::sample::Sample;
use crate::workload::Load;
use crate::workloads::echo;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

/// Python needs about ten times as long.
const SHARE: usize = 10;

/// As many as the others have, who take more than they need, too.
const BUFFER: usize = 16;

pub(super) fn libuv(load: &Load) -> anyhow::Result<Sample> {
    let mut words = words(load).to_vec();
    words.push(BUFFER.to_string());
    receive(load, libuv::start(&libuv::ECHO, &words)?)
}

pub(super) fn asyncio(load: &Load) -> anyhow::Result<Sample> {
    run(echo::ASYNCIO, load)
}

pub(super) fn twisted(load: &Load) -> anyhow::Result<Sample> {
    run(echo::TWISTED, load)
}

fn run(script: &str, load: &Load) -> anyhow::Result<Sample> {
    let load = Load { operations: (load.operations / SHARE).max(1), ..*load };
    receive(&load, python::start(script, &words(&load))?)
}

/// How many connections come; and its processor time counts from the first message to the last end.
fn words(load: &Load) -> [String; 3] {
    let connections = super::connections(load);
    [connections, 1, connections].map(|number| number.to_string())
}

fn receive(load: &Load, mut server: Program) -> anyhow::Result<Sample> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, server.port()?));
    let sample = super::receive_at(load, address, |_| Ok(()))?;
    let theirs = Duration::from_nanos(server.finish()?.trim_end().parse()?);
    Ok(Sample { busy: sample.busy + theirs, ..sample })
}
