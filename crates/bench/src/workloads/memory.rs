//! `memory_queued` and `memory_idle`: bytes for a job that waits, and for a thread that does.
//!
//! What is counted is the memory that the process occupies, before and after: what the allocator
//! adds to each piece is in it, and so is what a queue has kept while it grew. There is no warm-up,
//! because what a first run had freed would serve the second.

use crate::footprint::resident;
use crate::headcount::{self, Ticket};
use crate::placement::Placement;
use crate::pools::{Pool, Scenario, Work, contestants, occupy, prime};
use crate::sample::Sample;
use crate::workload::{Figure, Load, Setting, Workload};
use std::thread;
use std::time::{Duration, Instant};

pub(crate) const QUEUED: Workload = Workload {
    name: "memory_queued",
    about: "a job that waits, beside the one word that its closure has captured",
    figure: Figure::Bytes,
    in_flight: 0,
    pool_threads: 2,
    submitters: 1,
    settings: &[Setting {
        placement: Placement::AsScheduled,
        operations: 1_000_000,
        quick_operations: 100_000,
        goal: Some(128.0),
    }],
    contestants: &contestants::<Queued>(),
};

pub(crate) const IDLE: Workload = Workload {
    name: "memory_idle",
    about: "a thread of a pool of 256 that has run a job and waits for the next",
    figure: Figure::Bytes,
    in_flight: 0,
    pool_threads: 256,
    submitters: 1,
    settings: &[Setting {
        placement: Placement::AsScheduled,
        operations: 256,
        quick_operations: 256,
        goal: None,
    }],
    contestants: &contestants::<Idle>(),
};

/// Long enough for the threads of every pool to fall asleep.
const PAUSE: Duration = Duration::from_millis(20);

struct Queued;

impl Work for Queued {
    fn work(word: usize) {
        headcount::run(Ticket(word));
    }
}

impl Scenario for Queued {
    fn run<P: Pool>(load: &Load) -> anyhow::Result<Sample> {
        let pool = P::start(load.pool_threads)?;
        headcount::reset();
        let release = occupy(&pool, load.pool_threads)?;
        let before = resident()?;
        for number in 0..load.operations {
            pool.submit_word::<Self>(Ticket::new(0, number).0)?;
        }
        let occupied = resident()? - before;
        release.wait();
        let each = occupied / load.operations as f64 - size_of::<Ticket>() as f64;
        let counted = headcount::watch(Instant::now(), 1, load.operations)?;
        Ok(Sample { laps: vec![each], ..counted })
    }
}

struct Idle;

impl Scenario for Idle {
    fn run<P: Pool>(load: &Load) -> anyhow::Result<Sample> {
        let before = resident()?;
        let pool = P::start(load.pool_threads)?;
        prime(&pool, load.pool_threads)?;
        thread::park_timeout(PAUSE);
        let each = (resident()? - before) / load.operations as f64;
        let (elapsed, busy, laps) = (Duration::ZERO, Duration::ZERO, vec![each]);
        Ok(Sample { elapsed, busy, operations: load.operations, laps, in_order: true })
    }
}
