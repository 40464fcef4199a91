//! `fan_out`: a job that hands 64 jobs to its own pool and waits until they have run.
//!
//! The outer job does so again and again, and takes the time. It keeps one of the threads; the
//! others run what it hands in.

use crate::headcount::{self, Ticket};
use crate::latch::Latch;
use crate::placement::Placement;
use crate::pools::{Pool, Scenario, Work, contestants, prime};
use crate::sample::Sample;
use crate::workload::{Contestant, Figure, Load, Setting, Workload};
use crate::workloads::POOL_THREADS;
use std::sync::{Arc, mpsc};
use std::time::Instant;

pub(crate) const FAN_OUT: Workload = Workload {
    name: "fan_out",
    about: "a job hands 64 tiny jobs to its own pool of 10 threads, until all have run",
    figure: Figure::RoundTrip,
    in_flight: 64,
    pool_threads: POOL_THREADS,
    submitters: 1,
    settings: &[setting(Placement::AsScheduled, Some(1.5)), setting(Placement::OneCore, None)],
    contestants: CONTESTANTS,
};

const CONTESTANTS: &[Contestant] = &contestants::<FanOut>();

const fn setting(placement: Placement, goal: Option<f64>) -> Setting {
    Setting { placement, operations: 5_000, quick_operations: 500, goal }
}

static DONE: Latch = Latch::new();

struct FanOut;

impl Work for FanOut {
    #[inline]
    fn work(word: usize) {
        headcount::run(Ticket(word));
        DONE.count_down();
    }
}

impl Scenario for FanOut {
    fn run<P: Pool>(load: &Load) -> anyhow::Result<Sample> {
        let pool = Arc::new(P::start(load.pool_threads)?);
        prime(&*pool, load.pool_threads)?;
        headcount::reset();
        let (sender, outcome) = mpsc::channel();
        let (load, inner) = (*load, Arc::clone(&pool));
        pool.submit(move || {
            let sample = fan_out(&*inner, &load);
            // Whoever drops the pool last joins its threads, so that must not be one of them.
            drop(inner);
            // It is waited for, so somebody listens.
            let _ = sender.send(sample);
        })?;
        let sample = outcome.recv()??;
        headcount::watch(Instant::now(), 1, load.operations * load.in_flight)?;
        Ok(sample)
    }
}

fn fan_out(pool: &impl Pool, load: &Load) -> anyhow::Result<Sample> {
    Sample::of_trips(load.operations, |trip| {
        DONE.arm(load.in_flight);
        let first = trip * load.in_flight;
        for number in first..first + load.in_flight {
            pool.submit_word::<FanOut>(Ticket::new(0, number).0)?;
        }
        DONE.wait();
        Ok(trip + 1)
    })
}
