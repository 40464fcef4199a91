//! `spawn_woken`, `spawn_ready` and `spawn_million`: futures spawned on the loop's own thread.
//!
//! So many futures as the workload says are spawned, and then their results are received in the
//! order in which they were spawned; then come the next ones. A future cannot leave its thread,
//! and gives back its number. In two of the workloads it pauses once before it does, so that it is
//! polled, woken and polled again.

mod floor;
mod ropewalk;
mod smol;
mod tokio;

use crate::placement::Placement;
use crate::tally;
use crate::workload::{Contestant, Figure, Load, Role, Setting, Workload};
use crate::workloads::POOL_THREADS;
use std::cell::Cell;
use std::future::poll_fn;
use std::ops::Range;
use std::rc::Rc;
use std::task::Poll;

pub(crate) const WOKEN: Workload = Workload {
    name: "spawn_woken",
    about: "a local future spawned, polled twice, and its result received, 1,000 at a time",
    figure: Figure::Throughput,
    in_flight: 1_000,
    pool_threads: POOL_THREADS,
    submitters: 1,
    settings: &[ONE_MILLION],
    contestants: &contestants::<1>(),
};

pub(crate) const READY: Workload = Workload {
    name: "spawn_ready",
    about: "a local future spawned, polled once, and its result received, 1,000 at a time",
    figure: Figure::Throughput,
    in_flight: 1_000,
    pool_threads: POOL_THREADS,
    submitters: 1,
    settings: &[ONE_MILLION],
    contestants: &contestants::<0>(),
};

pub(crate) const MILLION: Workload = Workload {
    name: "spawn_million",
    about: "a local future spawned, polled twice, and its result received, 1,000,000 at a time",
    figure: Figure::Throughput,
    in_flight: 1_000_000,
    pool_threads: POOL_THREADS,
    submitters: 1,
    settings: &[ONE_MILLION],
    contestants: &contestants::<1>(),
};

const ONE_MILLION: Setting = Setting {
    placement: Placement::OneCore,
    operations: 1_000_000,
    quick_operations: 100_000,
    // To be no slower than the best peer is what we want here.
    goal: None,
};

const fn contestants<const PAUSES: usize>() -> [Contestant; 5] {
    [
        Contestant { name: "floor", role: Role::Floor, run: floor::run::<PAUSES> },
        Contestant { name: "ropewalk", role: Role::Ours, run: ropewalk::run::<PAUSES> },
        Contestant {
            name: "ropewalk, callbacks",
            role: Role::Study,
            run: ropewalk::run_with_callbacks::<PAUSES>,
        },
        Contestant { name: "tokio, LocalSet", role: Role::Peer, run: tokio::run::<PAUSES> },
        Contestant { name: "smol, LocalExecutor", role: Role::Peer, run: smol::run::<PAUSES> },
    ]
}

/// What is to be spawned, a batch at a time.
struct Batches {
    rest: Range<usize>,
    in_flight: usize,
}

impl Batches {
    /// The clock starts now.
    fn start(load: &Load) -> Self {
        tally::start(load.operations, load.in_flight);
        Self { rest: 0..load.operations, in_flight: load.in_flight }
    }

    fn next(&mut self) -> Option<Range<usize>> {
        let end = self.rest.end.min(self.rest.start + self.in_flight);
        let batch = self.rest.start..end;
        self.rest.start = end;
        (!batch.is_empty()).then_some(batch)
    }
}

/// What is spawned: it counts the polls where only its own thread may.
async fn work<const PAUSES: usize>(polls: Rc<Cell<usize>>, number: usize) -> usize {
    for _ in 0..PAUSES {
        pause().await;
        polls.set(polls.get() + 1);
    }
    polls.set(polls.get() + 1);
    number
}

async fn pause() {
    let mut paused = false;
    poll_fn(|context| {
        if paused {
            return Poll::Ready(());
        }
        paused = true;
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// Everybody has been polled so often as it should.
fn check<const PAUSES: usize>(polls: &Cell<usize>, load: &Load) -> anyhow::Result<()> {
    let (polls, expected) = (polls.get(), load.operations * (PAUSES + 1));
    anyhow::ensure!(polls == expected, "{polls} polls instead of {expected}");
    Ok(())
}
