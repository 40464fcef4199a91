//! `dispatch_…`: tiny jobs, as fast as they can be handed in, into a pool.
//!
//! The number in the name is that of the pool's threads. All jobs are handed in by one thread, in
//! `dispatch_mpsc_…` by four. Nobody waits for a job before the next is handed in, so the queue
//! grows as long as the submitters are faster than the pool. The clock stops when the last job has
//! run. All threads of the pool have been started before.

use crate::headcount::{self, MAX_SUBMITTERS, Ticket};
use crate::placement::Placement;
use crate::pools::{Pool, Scenario, Work, contestants, prime};
use crate::sample::Sample;
use crate::workload::{Contestant, Figure, Load, Setting, Workload};
use std::sync::Barrier;
use std::thread::{Builder, scope};
use std::time::Instant;

pub(crate) const ONE: Workload =
    workload("dispatch_1", "a tiny job into a pool of 1 thread", 1, 1, AS_SCHEDULED);
pub(crate) const TWO: Workload =
    workload("dispatch_2", "a tiny job into a pool of 2 threads", 2, 1, BOTH);
pub(crate) const EIGHT: Workload =
    workload("dispatch_8", "a tiny job into a pool of 8 threads", 8, 1, AS_SCHEDULED);
pub(crate) const TEN: Workload =
    workload("dispatch_10", "a tiny job into a pool of 10 threads", 10, 1, BOTH);
pub(crate) const MPSC_TWO: Workload = workload(
    "dispatch_mpsc_2",
    "a tiny job from one of 4 threads into a pool of 2",
    2,
    MAX_SUBMITTERS,
    AS_SCHEDULED,
);
pub(crate) const MPSC_EIGHT: Workload = workload(
    "dispatch_mpsc_8",
    "a tiny job from one of 4 threads into a pool of 8",
    8,
    MAX_SUBMITTERS,
    AS_SCHEDULED,
);
pub(crate) const MPSC_TEN: Workload = workload(
    "dispatch_mpsc_10",
    "a tiny job from one of 4 threads into a pool of 10",
    10,
    MAX_SUBMITTERS,
    AS_SCHEDULED,
);

const AS_SCHEDULED: &[Setting] = &[setting(Placement::AsScheduled, Some(1.5))];
const BOTH: &[Setting] =
    &[setting(Placement::AsScheduled, Some(1.5)), setting(Placement::OneCore, None)];

const CONTESTANTS: &[Contestant] = &contestants::<Dispatch>();

const fn setting(placement: Placement, goal: Option<f64>) -> Setting {
    Setting { placement, operations: 1_000_000, quick_operations: 100_000, goal }
}

const fn workload(
    name: &'static str,
    about: &'static str,
    pool_threads: usize,
    submitters: usize,
    settings: &'static [Setting],
) -> Workload {
    Workload {
        name,
        about,
        figure: Figure::Throughput,
        in_flight: 0,
        pool_threads,
        submitters,
        settings,
        contestants: CONTESTANTS,
    }
}

struct Dispatch;

impl Work for Dispatch {
    #[inline]
    fn work(word: usize) {
        headcount::run(Ticket(word));
    }
}

impl Scenario for Dispatch {
    fn run<P: Pool>(load: &Load) -> anyhow::Result<Sample> {
        let (submitters, jobs_each) = (load.submitters, load.operations / load.submitters);
        let pool = P::start(load.pool_threads)?;
        prime(&pool, load.pool_threads)?;
        headcount::reset();
        let ready = Barrier::new(submitters + 1);
        let submit = |submitter| {
            ready.wait();
            (0..jobs_each)
                .try_for_each(|number| pool.submit_word::<Self>(Ticket::new(submitter, number).0))
        };
        scope(|scope| {
            let mut threads = Vec::new();
            for submitter in 0..submitters {
                let name = format!("submitter-{submitter}");
                let builder = Builder::new().name(name);
                threads.push(builder.spawn_scoped(scope, move || submit(submitter))?);
            }
            let start = Instant::now();
            ready.wait();
            let sample = headcount::watch(start, submitters, jobs_each);
            for thread in threads {
                thread.join().unwrap_or_else(|_| anyhow::bail!("a submitter panicked"))?;
            }
            sample
        })
    }
}
