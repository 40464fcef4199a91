//! `wake_latency`: a foreign thread hands a closure to the loop, which sleeps.
//!
//! One way: from before the call until the closure runs. The next call is made when the loop sleeps
//! again and a while has passed, so that its core sleeps too, where it has one of its own.

mod calloop;
mod floor;
mod libuv;
mod mio;
mod python;
mod ropewalk;
mod smol;
mod tokio;

use crate::floor::epoll::Epoll;
use crate::floor::spinning::{SPIN, Spinning};
use crate::placement::Placement;
use crate::sample::Sample;
use crate::skipped::Skipped;
use crate::slumber::Slumber;
use crate::workload::{Contestant, Figure, Load, Role, Setting, Workload};
use crate::workloads::POOL_THREADS;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{self, Builder};
use std::time::{Duration, Instant};

pub(crate) const WAKE_LATENCY: Workload = Workload {
    name: "wake_latency",
    about: "one way: a closure from a foreign thread to the loop that sleeps",
    figure: Figure::OneWay,
    in_flight: 1,
    pool_threads: POOL_THREADS,
    submitters: 1,
    settings: &[setting(Placement::AsScheduled), setting(Placement::OneCore)],
    contestants: &[
        Contestant { name: "floor", role: Role::Floor, run: floor::run::<Epoll> },
        Contestant { name: "floor that spins", role: Role::Study, run: spinning },
        Contestant { name: "ropewalk", role: Role::Ours, run: ropewalk::run },
        Contestant {
            name: "ropewalk, portable selector",
            role: Role::Study,
            run: ropewalk::run_portably,
        },
        Contestant { name: "ropewalk that spins", role: Role::Study, run: ropewalk::run_spinning },
        Contestant { name: "mio", role: Role::Peer, run: mio::run },
        Contestant { name: "tokio", role: Role::Peer, run: tokio::run },
        Contestant { name: "smol", role: Role::Peer, run: smol::run },
        Contestant { name: "calloop", role: Role::Peer, run: calloop::run },
        Contestant { name: "libuv", role: Role::Peer, run: libuv::run },
        Contestant { name: "asyncio", role: Role::Peer, run: python::asyncio },
        Contestant { name: "Twisted", role: Role::Peer, run: python::twisted },
    ],
};

const fn setting(placement: Placement) -> Setting {
    Setting { placement, operations: 5_000, quick_operations: 200, goal: None }
}

/// Between an answer and the next call, at least.
const PAUSE: Duration = Duration::from_micros(50);

/// Nobody takes longer, unless the call is lost.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long the call took, in nanoseconds; 0 while it is under way.
static ANSWER: AtomicU64 = AtomicU64::new(0);

/// What the closure does, on the loop.
fn arrive(asked: Instant) {
    let took = u64::try_from(asked.elapsed().as_nanos()).unwrap_or(u64::MAX);
    ANSWER.store(took.max(1), Ordering::Release);
}

/// What the loop does between the calls.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rest {
    Sleeps,
    Spins,
}

/// Has a foreign thread `call` so often, and then `stop` the loop, which `serve` runs here.
fn converse(
    load: &Load,
    rest: Rest,
    mut call: impl FnMut(Instant) -> anyhow::Result<()> + Send + 'static,
    stop: impl FnOnce() + Send + 'static,
    serve: impl FnOnce() -> anyhow::Result<()>,
) -> anyhow::Result<Sample> {
    let (operations, slumber) = (load.operations, Slumber::of_this_thread()?);
    let foreign = Builder::new().name("foreign".to_owned()).spawn(move || {
        let start = Instant::now();
        let laps = (0..operations).map(|_| {
            pause(|| rest == Rest::Spins || slumber.is_deep().unwrap_or(true));
            one_way(&mut call)
        });
        let laps = laps.collect::<Result<_, _>>();
        stop();
        let (elapsed, busy) = (start.elapsed(), Duration::ZERO);
        anyhow::Ok(Sample { elapsed, busy, operations, laps: laps?, in_order: true })
    })?;
    serve()?;
    foreign.join().unwrap_or_else(|_| anyhow::bail!("the foreign thread panicked"))
}

/// It does not sleep: then waking up again would be a part of what is measured.
fn pause(is_over: impl Fn() -> bool) {
    let start = Instant::now();
    while start.elapsed() < PAUSE || !is_over() {
        thread::yield_now();
    }
}

fn one_way(call: &mut impl FnMut(Instant) -> anyhow::Result<()>) -> anyhow::Result<f64> {
    ANSWER.store(0, Ordering::Release);
    let asked = Instant::now();
    call(asked)?;
    loop {
        let took = ANSWER.load(Ordering::Acquire);
        if took > 0 {
            return Ok(took as f64);
        }
        anyhow::ensure!(asked.elapsed() < PATIENCE, "a call was lost");
        thread::yield_now();
    }
}

fn spinning(load: &Load) -> anyhow::Result<Sample> {
    can_spin()?;
    floor::run::<Spinning>(load)
}

/// Who spins on the only core keeps the caller from it.
fn can_spin() -> Result<(), Skipped> {
    const { assert!(PAUSE.as_micros() < SPIN.as_micros()) };
    let alone = thread::available_parallelism().is_ok_and(|cores| cores.get() == 1);
    if alone { Err(Skipped("it would spin on the only core".to_owned())) } else { Ok(()) }
}
