//! `echo_1`, `echo_50` and `echo_1000`: a server sends back what so many clients say.
//!
//! The clients are one thread with an epoll set, the same for everybody. Each connection has one
//! message under way; its answer is the sign for the next. The server answers a message with one
//! read and one write. It ends when all connections have been closed.

mod calloop;
mod client;
mod floor;
mod libuv;
mod mio;
mod net;
mod python;
mod ropewalk;
mod smol;
mod tokio;

use crate::foreign::Program;
use crate::placement::Placement;
use crate::sample::Sample;
use crate::workload::{Contestant, Figure, Load, Role, Setting, Workload};
use crate::workloads::POOL_THREADS;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::thread::Builder;
use std::time::Duration;

pub(crate) const ONE: Workload = Workload {
    name: "echo_1",
    about: "a message of 64 bytes sent back over the only connection",
    figure: Figure::Throughput,
    in_flight: 1,
    pool_threads: POOL_THREADS,
    submitters: 1,
    settings: &[setting(Placement::AsScheduled, 10_000), setting(Placement::OneCore, 20_000)],
    contestants: CONTESTANTS,
};

pub(crate) const FIFTY: Workload = Workload {
    name: "echo_50",
    about: "a message of 64 bytes sent back over one of 50 connections",
    in_flight: 50,
    settings: &[setting(Placement::AsScheduled, 50_000), setting(Placement::OneCore, 50_000)],
    ..ONE
};

pub(crate) const THOUSAND: Workload = Workload {
    name: "echo_1000",
    about: "a message of 64 bytes sent back over one of 1,000 connections",
    in_flight: 1_000,
    ..FIFTY
};

const fn setting(placement: Placement, operations: usize) -> Setting {
    Setting { placement, operations, quick_operations: 1_000, goal: None }
}

const CONTESTANTS: &[Contestant] = &[
    Contestant { name: "floor, bare epoll", role: Role::Floor, run: floor::run },
    Contestant { name: "ropewalk, register", role: Role::Ours, run: ropewalk::run },
    Contestant {
        name: "ropewalk, register, portable selector",
        role: Role::Study,
        run: ropewalk::run_portably,
    },
    Contestant { name: "ropewalk, listen_tcp", role: Role::Study, run: net::run },
    Contestant { name: "mio", role: Role::Peer, run: mio::run },
    Contestant { name: "tokio", role: Role::Peer, run: tokio::run },
    Contestant { name: "smol, LocalExecutor", role: Role::Peer, run: smol::run },
    Contestant { name: "calloop", role: Role::Peer, run: calloop::run },
    Contestant { name: "libuv, uv_tcp_t", role: Role::Peer, run: libuv::run },
    Contestant { name: "asyncio, Protocol", role: Role::Peer, run: python::asyncio },
    Contestant { name: "Twisted, Protocol", role: Role::Peer, run: python::twisted },
];

const MESSAGE: usize = 64;

/// Room for more than a message, so that a read that does not fill it tells who wants to know that
/// there is nothing more.
const BUFFER: usize = 4 * MESSAGE;

/// Has a client talk to `serve`, which runs here and has the server's ends of the connections.
fn converse(
    load: &Load,
    serve: impl FnOnce(Vec<TcpStream>) -> anyhow::Result<()>,
) -> anyhow::Result<Sample> {
    let listener = TcpListener::bind(ANY_PORT)?;
    let address = listener.local_addr()?;
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..load.in_flight {
        theirs.push(Ok(TcpStream::connect(address)?));
        let (stream, _) = listener.accept()?;
        stream.set_nonblocking(true)?;
        ours.push(stream);
    }
    with_client(load, theirs.into_iter(), || serve(ours))
}

/// The same with a server that accepts the connections by itself.
fn connect_and_converse(
    load: &Load,
    address: SocketAddr,
    serve: impl FnOnce() -> anyhow::Result<()>,
) -> anyhow::Result<Sample> {
    with_client(load, (0..load.in_flight).map(move |_| TcpStream::connect(address)), serve)
}

/// The same with a server in a process of its own, which says at which port it listens and, in the
/// end, how much processor time it has taken between the first messages and the first end.
fn converse_with_program(load: &Load, mut server: Program) -> anyhow::Result<Sample> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, server.port()?));
    let sample = connect_and_converse(load, address, || Ok(()))?;
    let theirs = Duration::from_nanos(server.finish()?.trim_end().parse()?);
    Ok(Sample { busy: sample.busy + theirs, ..sample })
}

const ANY_PORT: &str = "127.0.0.1:0";

fn with_client(
    load: &Load,
    streams: impl Iterator<Item = io::Result<TcpStream>> + Send + 'static,
    serve: impl FnOnce() -> anyhow::Result<()>,
) -> anyhow::Result<Sample> {
    let load = *load;
    let client = move || client::talk(&load, streams);
    let client = Builder::new().name("client".to_owned()).spawn(client)?;
    serve()?;
    client.join().unwrap_or_else(|_| anyhow::bail!("the client panicked"))
}

/// One read, and one write. `false`: the client has gone.
fn answer(mut stream: impl Read + Write) -> io::Result<bool> {
    let mut buffer = [0; BUFFER];
    match stream.read(&mut buffer) {
        Ok(0) => Ok(false),
        Ok(length) => stream.write_all(&buffer[..length]).map(|()| true),
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(true),
        Err(error) => Err(error),
    }
}
