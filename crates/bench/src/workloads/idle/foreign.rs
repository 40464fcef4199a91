//! libuv, asyncio and Twisted: programs that are looked at from here.
//!
//! A program says at which port it listens, accepts the connections, and one more: over that one it
//! is told to hand them to its loop, when its memory has been looked at. It is ended from here, too.

use super::{Finding, SETTLING};
use crate::descriptors;
use crate::footprint::anonymous;
use crate::foreign::{Program, libuv, python};
use crate::sample::Sample;
use crate::workload::Load;
use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};

const ASYNCIO: &str = concat!(
    include_str!("../../../python/tally.py"),
    include_str!("../../../python/idle.py"),
    include_str!("../../../python/idle_asyncio.py")
);
const TWISTED: &str = concat!(
    include_str!("../../../python/tally.py"),
    include_str!("../../../python/idle.py"),
    include_str!("../../../python/idle_twisted.py")
);

pub(super) fn libuv<F: Finding>(load: &Load) -> anyhow::Result<Sample> {
    look_on::<F>(load, |words| libuv::start(&libuv::IDLE, words))
}

pub(super) fn asyncio<F: Finding>(load: &Load) -> anyhow::Result<Sample> {
    look_on::<F>(load, |words| python::start(ASYNCIO, words))
}

pub(super) fn twisted<F: Finding>(load: &Load) -> anyhow::Result<Sample> {
    look_on::<F>(load, |words| python::start(TWISTED, words))
}

/// How many connections there will be, and how many timers.
fn words<F: Finding>(load: &Load) -> [String; 2] {
    let timers = if F::TIMERS { load.in_flight } else { 0 };
    [load.in_flight.to_string(), timers.to_string()]
}

fn look_on<F: Finding>(
    load: &Load,
    start: impl FnOnce(&[String]) -> anyhow::Result<Program>,
) -> anyhow::Result<Sample> {
    // The program has the limit of this process, and Twisted duplicates what it is given.
    descriptors::allow(load.in_flight)?;
    let mut program = start(&words::<F>(load))?;
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, program.port()?));
    let connect = |_| TcpStream::connect(address);
    let silent = (0..load.in_flight).map(connect).collect::<Result<Vec<_>, _>>()?;
    let mut control = TcpStream::connect(address)?;
    program.hear("open")?;
    let before = anonymous(program.process())?;
    control.write_all(b"!")?;
    program.hear("ready")?;
    super::pause(SETTLING);
    let found = F::find(load, program.process(), before)?;
    program.must_be_running()?;
    // First of all: it must not hear how the connections are closed.
    drop(program);
    drop(silent);
    Ok(super::sample(load, found))
}
