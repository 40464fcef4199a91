//! `echo_1`, `echo_50`, `echo_1000` and `echo_10000`: a server sends back what so many clients say.
//! `bulk_1` and `bulk_10` are the same with long messages.
//!
//! The clients are one thread with an epoll set, the same for everybody; 10,000 of them are a process
//! of their own (`crowd.rs`). Each connection has one message under way; its answer is the sign for
//! the next. The server answers a message with one read and one write, if the system takes it whole.
//! It ends when all connections have been closed.

mod answers;
mod calloop;
mod client;
mod floor;
mod libuv;
mod mio;
mod net;
mod python;
mod ropewalk;
mod smol;
mod streams;
mod tokio;

pub(super) use self::client::{Opening, talk};
pub(super) use self::python::{ASYNCIO, TWISTED};

use self::answers::{Answers, Progress};
use super::crowd::{self, Crowd, MOST_IN_ONE_PROCESS, Order};
use crate::descriptors;
use crate::foreign::Program;
use crate::placement::Placement;
use crate::sample::Sample;
use crate::workload::{Contestant, Figure, Load, Role, Setting, Workload};
use crate::workloads::POOL_THREADS;
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
    contestants: &contestants::<Short>(),
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

pub(crate) const TEN_THOUSAND: Workload = Workload {
    name: "echo_10000",
    about: "a message of 64 bytes sent back over one of 10,000 connections",
    in_flight: 10_000,
    ..FIFTY
};

pub(crate) const BULK_ONE: Workload = Workload {
    name: "bulk_1",
    about: "a message of 64 KiB sent back over the only connection",
    settings: &[setting(Placement::AsScheduled, 10_000), setting(Placement::OneCore, 10_000)],
    contestants: &contestants::<Long>(),
    ..ONE
};

pub(crate) const BULK_TEN: Workload = Workload {
    name: "bulk_10",
    about: "a message of 64 KiB sent back over one of 10 connections",
    in_flight: 10,
    ..BULK_ONE
};

const fn setting(placement: Placement, operations: usize) -> Setting {
    Setting { placement, operations, quick_operations: 1_000, goal: Some(1.02) }
}

const fn contestants<T: Talk>() -> [Contestant; 12] {
    [
        Contestant { name: "floor, bare epoll", role: Role::Floor, run: floor::run::<T> },
        Contestant { name: "ropewalk, listen_tcp", role: Role::Ours, run: net::run::<T> },
        Contestant { name: "ropewalk, streams", role: Role::Study, run: streams::run::<T> },
        Contestant { name: "ropewalk, register", role: Role::Study, run: ropewalk::run::<T> },
        Contestant {
            name: "ropewalk, register, portable selector",
            role: Role::Study,
            run: ropewalk::run_portably::<T>,
        },
        Contestant { name: "mio", role: Role::Peer, run: mio::run::<T> },
        Contestant { name: "tokio", role: Role::Peer, run: tokio::run::<T> },
        Contestant { name: "smol, LocalExecutor", role: Role::Peer, run: smol::run::<T> },
        Contestant { name: "calloop", role: Role::Peer, run: calloop::run::<T> },
        Contestant { name: "libuv, uv_tcp_t", role: Role::Peer, run: libuv::run::<T> },
        Contestant { name: "asyncio, Protocol", role: Role::Peer, run: python::asyncio::<T> },
        Contestant { name: "Twisted, Protocol", role: Role::Peer, run: python::twisted::<T> },
    ]
}

/// How much is said at a time.
trait Talk: 'static {
    const MESSAGE: usize;

    /// Room for more than a message, so that a read that does not fill it tells who wants to know
    /// that there is nothing more.
    const BUFFER: usize = 4 * Self::MESSAGE;
}

struct Short;

impl Talk for Short {
    const MESSAGE: usize = 64;
}

struct Long;

impl Talk for Long {
    const MESSAGE: usize = 64 * 1024;
}

/// Has a client talk to `serve`, which runs here and has the server's ends of the connections.
fn converse<T: Talk>(
    load: &Load,
    serve: impl FnOnce(Vec<TcpStream>) -> anyhow::Result<()>,
) -> anyhow::Result<Sample> {
    if load.in_flight > MOST_IN_ONE_PROCESS {
        descriptors::allow(load.in_flight)?;
        let listener = crowd::listener()?;
        let crowd = crowd_of::<T>(load, listener.local_addr()?, Opening::AllFirst)?;
        let streams = crowd::accept(&listener, load.in_flight)?;
        return with_client(move || crowd.sample(), || serve(streams));
    }
    descriptors::allow(2 * load.in_flight)?;
    let listener = TcpListener::bind(ANY_PORT)?;
    let address = listener.local_addr()?;
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..load.in_flight {
        theirs.push(Ok(TcpStream::connect(address)?));
        let (stream, _) = listener.accept()?;
        stream.set_nonblocking(true)?;
        ours.push(stream);
    }
    let operations = load.operations;
    let client = move || talk(theirs.into_iter(), T::MESSAGE, operations, || {});
    with_client(client, || serve(ours))
}

/// The same with a server that accepts the connections by itself.
fn connect_and_converse<T: Talk>(
    load: &Load,
    address: SocketAddr,
    serve: impl FnOnce() -> anyhow::Result<()>,
) -> anyhow::Result<Sample> {
    if load.in_flight > MOST_IN_ONE_PROCESS {
        descriptors::allow(load.in_flight)?;
        let crowd = crowd_of::<T>(load, address, Opening::OneByOne)?;
        return with_client(move || crowd.sample(), serve);
    }
    descriptors::allow(2 * load.in_flight)?;
    let streams = (0..load.in_flight).map(move |_| TcpStream::connect(address));
    let operations = load.operations;
    with_client(move || talk(streams, T::MESSAGE, operations, || {}), serve)
}

/// The same with a server in a process of its own, which says at which port it listens and, in the
/// end, how much processor time it has taken between the first messages and the first end.
fn converse_with_program<T: Talk>(load: &Load, mut server: Program) -> anyhow::Result<Sample> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, server.port()?));
    let sample = connect_and_converse::<T>(load, address, || Ok(()))?;
    let theirs = Duration::from_nanos(server.finish()?.trim_end().parse()?);
    Ok(Sample { busy: sample.busy + theirs, ..sample })
}

const ANY_PORT: &str = "127.0.0.1:0";

fn crowd_of<T: Talk>(load: &Load, address: SocketAddr, opening: Opening) -> anyhow::Result<Crowd> {
    let (connections, operations) = (load.in_flight, load.operations);
    Crowd::start(&Order::Talk { address, connections, opening, message: T::MESSAGE, operations })
}

fn with_client(
    client: impl FnOnce() -> anyhow::Result<Sample> + Send + 'static,
    serve: impl FnOnce() -> anyhow::Result<()>,
) -> anyhow::Result<Sample> {
    let client = Builder::new().name("client".to_owned()).spawn(client)?;
    serve()?;
    client.join().unwrap_or_else(|_| anyhow::bail!("the client panicked"))
}
