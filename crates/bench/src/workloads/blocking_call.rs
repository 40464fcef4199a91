//! `blocking_call`: a foreign thread asks an otherwise idle loop and waits for the answer.

mod calloop;
mod floor;
mod ropewalk;
mod smol;
mod tokio;

use crate::floor::epoll::Epoll;
use crate::floor::poller::Polling;
use crate::placement::Placement;
use crate::sample::Sample;
use crate::workload::{Contestant, Figure, Role, Setting, Workload};
use crate::workloads::POOL_THREADS;
use std::thread::Builder;

pub(crate) const BLOCKING_CALL: Workload = Workload {
    name: "blocking_call",
    about: "a foreign thread asks the idle loop and waits for the answer",
    figure: Figure::RoundTrip,
    in_flight: 1,
    pool_threads: POOL_THREADS,
    submitters: 1,
    settings: &[
        Setting {
            placement: Placement::OneCore,
            operations: 50_000,
            quick_operations: 5_000,
            goal: Some(1.1),
        },
        Setting {
            placement: Placement::AsScheduled,
            operations: 5_000,
            quick_operations: 500,
            goal: Some(1.0),
        },
    ],
    contestants: &[
        Contestant { name: "floor", role: Role::Floor, run: floor::run::<Epoll> },
        Contestant { name: "floor on polling", role: Role::Study, run: floor::run::<Polling> },
        Contestant { name: "ropewalk", role: Role::Ours, run: ropewalk::run },
        Contestant { name: "tokio", role: Role::Peer, run: tokio::run },
        Contestant { name: "smol", role: Role::Peer, run: smol::run },
        Contestant { name: "calloop", role: Role::Peer, run: calloop::run },
    ],
};

/// `ask` makes the round trips in a foreign thread, and then stops the loop, which `serve` runs.
fn converse(
    ask: impl FnOnce() -> anyhow::Result<Sample> + Send + 'static,
    serve: impl FnOnce() -> anyhow::Result<()>,
) -> anyhow::Result<Sample> {
    let foreign = Builder::new().name("foreign".to_owned()).spawn(ask)?;
    serve()?;
    foreign.join().unwrap_or_else(|_| anyhow::bail!("the foreign thread panicked"))
}
