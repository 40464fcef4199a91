//! `calls` and `calls_4_producers`: closures from one foreign thread, or from four, run on the loop.
//!
//! The closure captures one number and hands it to the tally, which checks the order of each thread.
//! The threads take turns with the numbers.

mod calloop;
mod floor;
mod floor_boxed;
mod flume;
mod libuv;
mod mio;
mod python;
mod ropewalk;
mod smol;
mod tokio_mpsc;
mod tokio_spawn;

use crate::placement::Placement;
use crate::sample::Sample;
use crate::tally;
use crate::workload::{Contestant, Figure, Load, Role, Setting, Workload};
use crate::workloads::POOL_THREADS;
use std::iter::StepBy;
use std::ops::Range;
use std::sync::{Arc, Barrier};
use std::thread::{self, Builder};
use std::time::Instant;

pub(crate) const CALLS: Workload = Workload {
    name: "calls",
    about: "a closure from a foreign thread, run on the loop",
    figure: Figure::Throughput,
    in_flight: 0,
    pool_threads: POOL_THREADS,
    submitters: 1,
    settings: &[setting(Placement::AsScheduled, Some(1.3)), setting(Placement::OneCore, None)],
    contestants: &contestants::<1>(),
};

pub(crate) const CALLS_4_PRODUCERS: Workload = Workload {
    name: "calls_4_producers",
    about: "a closure from one of four foreign threads, run on the loop",
    submitters: 4,
    contestants: &contestants::<4>(),
    ..CALLS
};

const fn setting(placement: Placement, goal: Option<f64>) -> Setting {
    Setting { placement, operations: 1_000_000, quick_operations: 100_000, goal }
}

const fn contestants<const PRODUCERS: usize>() -> [Contestant; 12] {
    const fn one(
        name: &'static str,
        role: Role,
        run: fn(&Load) -> anyhow::Result<Sample>,
    ) -> Contestant {
        Contestant { name, role, run }
    }
    [
        one("floor, calls in place", Role::Floor, floor::run::<PRODUCERS>),
        one("floor, boxed closures", Role::Study, floor_boxed::run::<PRODUCERS>),
        one("flume, to a thread that is no loop", Role::Study, flume::run::<PRODUCERS>),
        one("ropewalk", Role::Ours, ropewalk::run::<PRODUCERS>),
        one("tokio, spawn", Role::Peer, tokio_spawn::run::<PRODUCERS>),
        one("tokio, mpsc of closures", Role::Peer, tokio_mpsc::run::<PRODUCERS>),
        one("smol, spawn", Role::Peer, smol::run::<PRODUCERS>),
        one("calloop, channel of closures", Role::Peer, calloop::run::<PRODUCERS>),
        one("mio, a loop of one's own", Role::Peer, mio::run::<PRODUCERS>),
        one("libuv, uv_async_send", Role::Peer, libuv::run),
        one("asyncio, call_soon_threadsafe", Role::Peer, python::asyncio),
        one("Twisted, callFromThread", Role::Peer, python::twisted),
    ]
}

/// Operations that are timed together: 1 ns in a thousand is less than the clock itself costs.
const LAP: usize = 1_000;

/// Those of one producer.
type Numbers = StepBy<Range<usize>>;

/// Starts the foreign threads; they make their calls while `serve` runs the loop here.
fn race<const PRODUCERS: usize>(
    load: &Load,
    produce: impl FnOnce(Numbers) + Clone + Send + 'static,
    serve: impl FnOnce() -> anyhow::Result<()>,
) -> anyhow::Result<Sample> {
    const { assert!(PRODUCERS <= tally::MAX_PRODUCERS) };
    let ready = Arc::new(Barrier::new(PRODUCERS + 1));
    let foreign = |producer| {
        let (ready, produce) = (Arc::clone(&ready), produce.clone());
        let numbers = (producer..load.operations).step_by(PRODUCERS);
        Builder::new().name("foreign".to_owned()).spawn(move || {
            ready.wait();
            let start = Instant::now();
            produce(numbers);
            start
        })
    };
    let threads = (0..PRODUCERS).map(foreign).collect::<Result<Vec<_>, _>>()?;
    // Only the threads have it from here on: a channel ends when they do.
    drop(produce);
    tally::start(load.operations, LAP);
    ready.wait();
    serve()?;
    let starts = threads.into_iter().map(thread::JoinHandle::join).collect::<Result<Vec<_>, _>>();
    match starts.map(|starts| starts.into_iter().min()) {
        Ok(start) => start.into_iter().for_each(tally::began),
        Err(_) => anyhow::bail!("a foreign thread panicked"),
    }
    tally::finish()
}
