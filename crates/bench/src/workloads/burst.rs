//! `burst_…`: a burst of tiny jobs into an idle pool, until the last of them has run.
//!
//! Before each burst there is a pause, which is not measured, so that the threads of the pool sleep:
//! whom a pool wakes, and how often, is what it comes to. Each job counts down one counter, which the
//! threads that run jobs at the same time have in common; the last one wakes the submitter.

use crate::headcount::{self, Ticket};
use crate::latch::Latch;
use crate::placement::Placement;
use crate::pools::{Pool, Scenario, Work, contestants, prime};
use crate::sample::Sample;
use crate::workload::{Contestant, Figure, Load, Setting, Workload};
use crate::workloads::POOL_THREADS;
use std::thread;
use std::time::{Duration, Instant};

pub(crate) const BURST_64: Workload =
    workload("burst_64", "64 tiny jobs into an idle pool of 10 threads, until all have run", 64);
pub(crate) const BURST_1000: Workload = workload(
    "burst_1000",
    "1,000 tiny jobs into an idle pool of 10 threads, until all have run",
    1_000,
);

const fn workload(name: &'static str, about: &'static str, jobs: usize) -> Workload {
    Workload {
        name,
        about,
        figure: Figure::RoundTrip,
        in_flight: jobs,
        pool_threads: POOL_THREADS,
        submitters: 1,
        settings: SETTINGS,
        contestants: CONTESTANTS,
    }
}

const SETTINGS: &[Setting] =
    &[setting(Placement::AsScheduled, Some(1.5)), setting(Placement::OneCore, None)];

const CONTESTANTS: &[Contestant] = &contestants::<Burst>();

const fn setting(placement: Placement, goal: Option<f64>) -> Setting {
    Setting { placement, operations: 2_000, quick_operations: 200, goal }
}

/// Long enough for the threads of every pool to fall asleep.
const PAUSE: Duration = Duration::from_micros(200);

static DONE: Latch = Latch::new();

struct Burst;

impl Work for Burst {
    #[inline]
    fn work(word: usize) {
        headcount::run(Ticket(word));
        DONE.count_down();
    }
}

impl Scenario for Burst {
    fn run<P: Pool>(load: &Load) -> anyhow::Result<Sample> {
        let pool = P::start(load.pool_threads)?;
        prime(&pool, load.pool_threads)?;
        headcount::reset();
        let mut laps = Vec::with_capacity(load.operations);
        for burst in 0..load.operations {
            thread::park_timeout(PAUSE);
            DONE.arm(load.in_flight);
            let first = burst * load.in_flight;
            let start = Instant::now();
            for number in first..first + load.in_flight {
                pool.submit_word::<Self>(Ticket::new(0, number).0)?;
            }
            DONE.wait();
            laps.push(start.elapsed().as_nanos() as f64);
        }
        let counted = headcount::watch(Instant::now(), 1, load.operations * load.in_flight)?;
        Ok(Sample { operations: load.operations, laps, ..counted })
    }
}
