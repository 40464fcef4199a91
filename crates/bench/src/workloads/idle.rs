//! `idle_wakes` and `idle_bytes`: 1,000 silent connections, and 1,000 timers an hour away.
//! `net_memory`: 10,000 silent connections, and no timers.
//!
//! What is counted is how often the threads of the process go to sleep while nothing happens: the
//! system calls that a voluntary context switch, and a thread that sleeps through makes none. The
//! bytes are the memory that the process occupies when the loop sleeps, before and after the
//! connections, which were open before, and the timers have been handed to it.
//!
//! The other ends of the 10,000 are in a process of their own (`crowd.rs`).

mod calloop;
mod floor;
mod foreign;
mod net;
mod ropewalk;
mod smol;
mod tokio;

use super::crowd::{self, Crowd, MOST_IN_ONE_PROCESS, Order};
use crate::descriptors;
use crate::footprint::anonymous;
use crate::placement::Placement;
use crate::process::Process;
use crate::sample::Sample;
use crate::slumber;
use crate::workload::{Contestant, Figure, Load, Role, Setting, Workload};
use crate::workloads::POOL_THREADS;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, Builder};
use std::time::{Duration, Instant};

pub(crate) const WAKES: Workload = Workload {
    name: "idle_wakes",
    about: "1,000 silent connections and 1,000 timers that are not due: how often threads wake up",
    figure: Figure::Count,
    in_flight: CONNECTIONS,
    pool_threads: POOL_THREADS,
    submitters: 1,
    settings: &[Setting {
        placement: Placement::AsScheduled,
        operations: 5,
        quick_operations: 1,
        goal: Some(0.0),
    }],
    contestants: &contestants::<Wakes>(),
};

pub(crate) const BYTES: Workload = Workload {
    name: "idle_bytes",
    about: "a connection that is watched, and a timer with it; neither has a buffer",
    figure: Figure::Bytes,
    settings: &[Setting {
        placement: Placement::AsScheduled,
        operations: CONNECTIONS,
        quick_operations: CONNECTIONS,
        goal: None,
    }],
    contestants: &contestants::<Bytes>(),
    ..WAKES
};

pub(crate) const NET_MEMORY: Workload = Workload {
    name: "net_memory",
    about: "one of 10,000 silent connections of one process, with a protocol that has no buffer",
    in_flight: 10_000,
    settings: &[Setting {
        placement: Placement::AsScheduled,
        operations: 10_000,
        quick_operations: 10_000,
        goal: Some(512.0),
    }],
    contestants: &contestants::<Connections>(),
    ..BYTES
};

const fn contestants<F: Finding>() -> [Contestant; 9] {
    [
        Contestant { name: "floor, bare epoll", role: Role::Floor, run: floor::run::<F> },
        Contestant { name: "ropewalk, register", role: F::REGISTER, run: ropewalk::run::<F> },
        Contestant { name: "ropewalk, listen_tcp", role: F::LISTEN_TCP, run: net::run::<F> },
        Contestant { name: "tokio", role: Role::Peer, run: tokio::run::<F> },
        Contestant { name: "smol, LocalExecutor", role: Role::Peer, run: smol::run::<F> },
        Contestant { name: "calloop", role: Role::Peer, run: calloop::run::<F> },
        Contestant { name: "libuv", role: Role::Peer, run: foreign::libuv::<F> },
        Contestant { name: "asyncio", role: Role::Peer, run: foreign::asyncio::<F> },
        Contestant { name: "Twisted", role: Role::Peer, run: foreign::twisted::<F> },
    ]
}

const CONNECTIONS: usize = 1_000;
const FAR_AWAY: Duration = Duration::from_secs(3_600);

/// Until everybody sleeps.
const SETTLING: Duration = Duration::from_millis(200);

/// What is looked for while the loop sleeps; in a thread that looks on.
trait Finding {
    /// There is a timer for each connection.
    const TIMERS: bool = true;
    const REGISTER: Role = Role::Ours;
    const LISTEN_TCP: Role = Role::Study;

    fn find(load: &Load, process: Process, before: f64) -> anyhow::Result<f64>;
}

struct Wakes;

impl Finding for Wakes {
    fn find(load: &Load, process: Process, _: f64) -> anyhow::Result<f64> {
        let before = slumber::falls_asleep(process)?;
        pause(Duration::from_secs(load.operations as u64));
        Ok((slumber::falls_asleep(process)? - before) as f64)
    }
}

struct Bytes;

impl Finding for Bytes {
    fn find(load: &Load, process: Process, before: f64) -> anyhow::Result<f64> {
        Ok((anonymous(process)? - before) / load.operations as f64)
    }
}

struct Connections;

impl Finding for Connections {
    const TIMERS: bool = false;
    const REGISTER: Role = Role::Study;
    const LISTEN_TCP: Role = Role::Ours;

    fn find(load: &Load, process: Process, before: f64) -> anyhow::Result<f64> {
        Bytes::find(load, process, before)
    }
}

type Stop = Box<dyn FnOnce() + Send>;

/// A contestant says here that its loop has got everything and goes to sleep.
struct Ready(Sender<Stop>);

impl Ready {
    /// `stop` is called from another thread, when the loop is to end.
    fn now(self, stop: impl FnOnce() + Send + 'static) {
        // If nobody looks on, that has failed, and says why.
        let _ = self.0.send(Box::new(stop));
    }
}

/// Has a contestant hold the server's ends of the connections, and somebody look on.
fn hold<F: Finding>(
    load: &Load,
    serve: impl FnOnce(Vec<TcpStream>, Ready) -> anyhow::Result<()>,
) -> anyhow::Result<Sample> {
    if load.in_flight > MOST_IN_ONE_PROCESS {
        descriptors::allow(load.in_flight)?;
        let listener = crowd::listener()?;
        let mut crowd = crowd_of(load, listener.local_addr()?)?;
        let ours = crowd::accept(&listener, load.in_flight)?;
        crowd.is_there()?;
        return watched::<F>(load, |ready| serve(ours, ready));
    }
    descriptors::allow(2 * load.in_flight)?;
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..load.in_flight {
        theirs.push(TcpStream::connect(listener.local_addr()?)?);
        let (stream, _) = listener.accept()?;
        stream.set_nonblocking(true)?;
        ours.push(stream);
    }
    watched::<F>(load, |ready| serve(ours, ready))
}

fn crowd_of(load: &Load, address: SocketAddr) -> anyhow::Result<Crowd> {
    Crowd::start(&Order::Hold { address, connections: load.in_flight })
}

fn watched<F: Finding>(
    load: &Load,
    serve: impl FnOnce(Ready) -> anyhow::Result<()>,
) -> anyhow::Result<Sample> {
    let (sender, ready) = channel();
    let theirs = *load;
    let watcher = Builder::new().name("watcher".to_owned());
    let before = anonymous(Process::This)?;
    let watcher = watcher.spawn(move || look_on::<F>(&theirs, before, &ready))?;
    serve(Ready(sender))?;
    let found = watcher.join().unwrap_or_else(|_| anyhow::bail!("the watcher panicked"))?;
    Ok(sample(load, found))
}

fn sample(load: &Load, found: f64) -> Sample {
    let (elapsed, busy, operations) = (Duration::ZERO, Duration::ZERO, load.operations);
    Sample { elapsed, busy, operations, laps: vec![found], in_order: true }
}

fn look_on<F: Finding>(load: &Load, before: f64, ready: &Receiver<Stop>) -> anyhow::Result<f64> {
    let stop = ready.recv()?;
    pause(SETTLING);
    let found = F::find(load, Process::This, before);
    stop();
    found
}

/// Nobody unparks the thread that waits here.
fn pause(duration: Duration) {
    let start = Instant::now();
    while let Some(rest) = duration.checked_sub(start.elapsed()) {
        thread::park_timeout(rest);
    }
}
