//! `calls`: closures from one foreign thread, run on the loop.
//!
//! The closure captures one number and hands it to the tally, which checks the order.

mod calloop;
mod floor;
mod floor_boxed;
mod ropewalk;
mod smol;
mod tokio_mpsc;
mod tokio_spawn;

use crate::placement::Placement;
use crate::sample::Sample;
use crate::tally;
use crate::workload::{Contestant, Figure, Role, Setting, Workload};
use crate::workloads::POOL_THREADS;
use std::sync::{Arc, Barrier};
use std::thread::Builder;
use std::time::Instant;

pub(crate) const CALLS: Workload = Workload {
    name: "calls",
    about: "a closure from a foreign thread, run on the loop",
    figure: Figure::Throughput,
    in_flight: 0,
    pool_threads: POOL_THREADS,
    submitters: 1,
    settings: &[
        Setting {
            placement: Placement::AsScheduled,
            operations: 1_000_000,
            quick_operations: 100_000,
            goal: Some(1.3),
        },
        Setting {
            placement: Placement::OneCore,
            operations: 1_000_000,
            quick_operations: 100_000,
            goal: None,
        },
    ],
    contestants: &[
        Contestant { name: "floor, calls in place", role: Role::Floor, run: floor::run },
        Contestant { name: "floor, boxed closures", role: Role::Study, run: floor_boxed::run },
        Contestant { name: "ropewalk", role: Role::Ours, run: ropewalk::run },
        Contestant { name: "tokio, spawn", role: Role::Peer, run: tokio_spawn::run },
        Contestant { name: "tokio, mpsc of closures", role: Role::Peer, run: tokio_mpsc::run },
        Contestant { name: "smol, spawn", role: Role::Peer, run: smol::run },
        Contestant { name: "calloop, channel of closures", role: Role::Peer, run: calloop::run },
    ],
};

/// Operations that are timed together: 1 ns in a thousand is less than the clock itself costs.
const LAP: usize = 1_000;

/// Starts the foreign thread; it makes its calls while `serve` runs the loop here.
fn race(
    operations: usize,
    produce: impl FnOnce() + Send + 'static,
    serve: impl FnOnce() -> anyhow::Result<()>,
) -> anyhow::Result<Sample> {
    let ready = Arc::new(Barrier::new(2));
    let theirs = Arc::clone(&ready);
    let foreign = Builder::new().name("foreign".to_owned()).spawn(move || {
        theirs.wait();
        let start = Instant::now();
        produce();
        start
    })?;
    tally::start(operations, LAP);
    ready.wait();
    serve()?;
    match foreign.join() {
        Ok(start) => tally::began(start),
        Err(_) => anyhow::bail!("the foreign thread panicked"),
    }
    tally::finish()
}
