//! libuv, asyncio and Twisted: programs that are looked at from here.
//!
//! A program says at which port it listens, accepts the connections, and one more: over that one it
//! is told to hand them to its loop, when its memory has been looked at. It is ended from here, too.

use super::{Finding, SETTLING};
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
    look_on::<F>(libuv::start(&libuv::IDLE, &[load.in_flight.to_string()])?, load)
}

pub(super) fn asyncio<F: Finding>(load: &Load) -> anyhow::Result<Sample> {
    look_on::<F>(python::start(ASYNCIO, &[load.in_flight.to_string()])?, load)
}

pub(super) fn twisted<F: Finding>(load: &Load) -> anyhow::Result<Sample> {
    look_on::<F>(python::start(TWISTED, &[load.in_flight.to_string()])?, load)
}

fn look_on<F: Finding>(mut program: Program, load: &Load) -> anyhow::Result<Sample> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, program.port()?));
    let connect = |_| TcpStream::connect(address);
    let silent = (0..load.in_flight).map(connect).collect::<Result<Vec<_>, _>>()?;
    let mut control = TcpStream::connect(address)?;
    hear(&mut program, "open")?;
    let before = anonymous(program.process())?;
    control.write_all(b"!")?;
    hear(&mut program, "ready")?;
    super::pause(SETTLING);
    let found = F::find(load, program.process(), before)?;
    program.must_be_running()?;
    // First of all: it must not hear how the connections are closed.
    drop(program);
    drop(silent);
    Ok(super::sample(load, found))
}

fn hear(program: &mut Program, word: &str) -> anyhow::Result<()> {
    let line = program.line()?;
    anyhow::ensure!(line.trim_end() == word, "the program has said {line:?} instead of {word}");
    Ok(())
}
