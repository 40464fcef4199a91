//! `defer` and `defer_64`: from the loop to a pool and back to the loop with a result.
//!
//! The loop keeps so many jobs under way as the workload says: a result that arrives hands in the
//! next job. The job does nothing but give back its number.

mod calloop;
mod floor;
mod ropewalk;
mod smol;
mod tokio;

use crate::placement::Placement;
use crate::tally;
use crate::workload::{Contestant, Figure, Load, Role, Setting, Workload};
use crate::workloads::POOL_THREADS;
use std::cell::Cell;

pub(crate) const DEFER: Workload = Workload {
    name: "defer",
    about: "from the loop to the pool and back with a result, one in flight",
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
            goal: None,
        },
    ],
    contestants: CONTESTANTS,
};

pub(crate) const DEFER_64: Workload = Workload {
    name: "defer_64",
    about: "from the loop to the pool and back with a result, 64 in flight",
    figure: Figure::Throughput,
    in_flight: 64,
    pool_threads: POOL_THREADS,
    submitters: 1,
    settings: &[
        Setting {
            placement: Placement::AsScheduled,
            operations: 100_000,
            quick_operations: 20_000,
            goal: Some(1.0),
        },
        Setting {
            placement: Placement::OneCore,
            operations: 100_000,
            quick_operations: 20_000,
            goal: None,
        },
    ],
    contestants: CONTESTANTS,
};

const CONTESTANTS: &[Contestant] = &[
    Contestant { name: "floor", role: Role::Floor, run: floor::run },
    Contestant { name: "ropewalk", role: Role::Ours, run: ropewalk::run },
    Contestant { name: "ropewalk, 2 threads", role: Role::Study, run: ropewalk::run_on_two },
    Contestant { name: "tokio", role: Role::Peer, run: tokio::run },
    Contestant { name: "smol, blocking", role: Role::Peer, run: smol::run },
    Contestant { name: "calloop, blocking", role: Role::Peer, run: calloop::run },
];

/// The numbers of the jobs that are still to be handed in.
struct Jobs {
    next: Cell<usize>,
    load: Load,
}

impl Jobs {
    /// The clock starts now.
    fn start(load: &Load) -> Self {
        tally::start(load.operations, load.in_flight);
        Self { next: Cell::new(0), load: *load }
    }

    fn next(&self) -> Option<usize> {
        let next = self.next.get();
        self.next.set(next + 1);
        (next < self.load.operations).then_some(next)
    }

    /// Those to begin with.
    fn first(&self) -> impl Iterator<Item = usize> {
        (0..self.load.in_flight).map_while(|_| self.next())
    }
}
