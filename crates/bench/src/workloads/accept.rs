//! `accept`: connections that come, say one byte, get it back and go.
//!
//! The clients are one thread, the same for everybody, that has 100 connections under way. It ends
//! each with a reset: a regular end would leave the client's port taken for a minute (TIME_WAIT), and
//! a run would meet the ports that the ones before have used. An operation is a connection that has
//! its answer; the server hears of the end, and closes, in the time of those that follow.

mod calloop;
mod client;
mod floor;
mod foreign;
mod mio;
mod net;
mod ropewalk;
mod smol;
mod tokio;

use crate::descriptors;
use crate::placement::Placement;
use crate::sample::Sample;
use crate::workload::{Contestant, Figure, Load, Role, Setting, Workload};
use crate::workloads::POOL_THREADS;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::thread::Builder;

pub(crate) const ACCEPT: Workload = Workload {
    name: "accept",
    about: "a connection opened, accepted, one byte answered, closed; 100 under way",
    figure: Figure::Throughput,
    in_flight: 100,
    pool_threads: POOL_THREADS,
    submitters: 1,
    settings: &[setting(Placement::AsScheduled), setting(Placement::OneCore)],
    contestants: &[
        Contestant { name: "floor, bare epoll", role: Role::Floor, run: floor::run },
        Contestant { name: "ropewalk, listen_tcp", role: Role::Ours, run: net::run },
        Contestant { name: "ropewalk, register", role: Role::Study, run: ropewalk::run },
        Contestant { name: "mio", role: Role::Peer, run: mio::run },
        Contestant { name: "tokio", role: Role::Peer, run: tokio::run },
        Contestant { name: "smol, LocalExecutor", role: Role::Peer, run: smol::run },
        Contestant { name: "calloop", role: Role::Peer, run: calloop::run },
        Contestant { name: "libuv, uv_tcp_t", role: Role::Peer, run: foreign::libuv },
        Contestant { name: "asyncio, Protocol", role: Role::Peer, run: foreign::asyncio },
        Contestant { name: "Twisted, Protocol", role: Role::Peer, run: foreign::twisted },
    ],
};

const fn setting(placement: Placement) -> Setting {
    Setting { placement, operations: 20_000, quick_operations: 1_000, goal: None }
}

/// Has clients come to `serve`, which runs here, listens with what it is given, and comes back when
/// so many connections have ended.
fn receive(
    load: &Load,
    serve: impl FnOnce(TcpListener, usize) -> anyhow::Result<()>,
) -> anyhow::Result<Sample> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    receive_at(load, address, |connections| serve(listener, connections))
}

/// The same with a server that listens already.
fn receive_at(
    load: &Load,
    address: SocketAddr,
    serve: impl FnOnce(usize) -> anyhow::Result<()>,
) -> anyhow::Result<Sample> {
    // The ends of some are still open here when the client has ended them.
    descriptors::allow(4 * load.in_flight)?;
    let theirs = *load;
    let client = move || client::come_and_go(&theirs, address);
    let client = Builder::new().name("client".to_owned()).spawn(client)?;
    serve(connections(load))?;
    client.join().unwrap_or_else(|_| anyhow::bail!("the client panicked"))
}

/// The first one is for nothing but to know that it is served.
fn connections(load: &Load) -> usize {
    load.operations + 1
}

/// One read, and one write. `false`: the client has gone; and it goes with a reset.
fn answer(mut stream: impl Read + Write) -> io::Result<bool> {
    let mut byte = [0; 16];
    match stream.read(&mut byte) {
        Ok(0) => Ok(false),
        Ok(length) => stream.write_all(&byte[..length]).map(|()| true),
        Err(error) => match error.kind() {
            ErrorKind::WouldBlock => Ok(true),
            ErrorKind::ConnectionReset => Ok(false),
            _ => Err(error),
        },
    }
}
