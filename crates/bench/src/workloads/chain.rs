//! `chain`: callbacks attached to a result and run, on one thread.
//!
//! An operation is one link: built, attached and fired. A link takes the number that the one before
//! it made, compares it with the one that it has captured, and makes the next; so whatever is lost,
//! doubled or out of order ends its chain in a failure. What a link captures is hidden from the
//! optimizer, at about a nanosecond for every contestant: ten links that it had merged into one
//! would be no chain.

mod floor;
mod futures;
mod in_place;
mod ropewalk;
mod tokio;

use crate::placement::Placement;
use crate::sample::Sample;
use crate::workload::{Contestant, Figure, Load, Role, Setting, Workload};
use crate::workloads::POOL_THREADS;
use anyhow::Result;
use std::hint::black_box;
use std::ops::Range;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

pub(crate) const PENDING: Workload = Workload {
    name: "chain_pending",
    about: "a link of ten, attached before the value is there",
    figure: Figure::Throughput,
    in_flight: 10,
    pool_threads: POOL_THREADS,
    submitters: 1,
    settings: &[setting(Some(1.0))],
    contestants: PENDING_CONTESTANTS,
};

pub(crate) const FIRED: Workload = Workload {
    name: "chain_fired",
    about: "a link of ten, attached when the value is there",
    figure: Figure::Throughput,
    in_flight: 10,
    pool_threads: POOL_THREADS,
    submitters: 1,
    settings: &[setting(Some(0.25))],
    contestants: &[
        Contestant { name: "floor, boxed closures", role: Role::Floor, run: floor::succeed },
        Contestant { name: "no chain, called in place", role: Role::Study, run: in_place::succeed },
        Contestant { name: "ropewalk", role: Role::Ours, run: ropewalk::fired },
        Contestant { name: "futures, boxed and_then", role: Role::Peer, run: futures::ready },
        Contestant { name: "boxed async blocks", role: Role::Peer, run: tokio::ready },
    ],
};

pub(crate) const FAILING: Workload = Workload {
    name: "chain_failing",
    about: "a link of ten that a failure passes by",
    figure: Figure::Throughput,
    in_flight: 10,
    pool_threads: POOL_THREADS,
    submitters: 1,
    settings: &[setting(None)],
    contestants: &[
        Contestant { name: "floor, boxed closures", role: Role::Floor, run: floor::fail },
        Contestant { name: "no chain, called in place", role: Role::Study, run: in_place::fail },
        Contestant { name: "ropewalk", role: Role::Ours, run: ropewalk::failing },
        Contestant { name: "futures, boxed and_then", role: Role::Peer, run: futures::failing },
        Contestant { name: "tokio, boxed async blocks", role: Role::Peer, run: tokio::failing },
    ],
};

pub(crate) const TURNING: Workload = Workload {
    name: "chain_turning",
    about: "a link of ten that each make another type of the value (the floor's do not)",
    figure: Figure::Throughput,
    in_flight: 10,
    pool_threads: POOL_THREADS,
    submitters: 1,
    settings: &[setting(None)],
    contestants: &[
        Contestant { name: "floor, boxed closures", role: Role::Floor, run: floor::succeed },
        Contestant { name: "no chain, called in place", role: Role::Study, run: in_place::succeed },
        Contestant { name: "ropewalk", role: Role::Ours, run: ropewalk::turning },
        Contestant { name: "futures, boxed and_then", role: Role::Peer, run: futures::turning },
        Contestant { name: "tokio, boxed async blocks", role: Role::Peer, run: tokio::turning },
    ],
};

pub(crate) const SINGLE: Workload = Workload {
    name: "chain_single",
    about: "a chain of one link, made and fired",
    figure: Figure::Throughput,
    in_flight: 1,
    pool_threads: POOL_THREADS,
    submitters: 1,
    settings: &[setting(None)],
    contestants: PENDING_CONTESTANTS,
};

pub(crate) const LONG: Workload = Workload {
    name: "chain_long",
    about: "a link of a thousand, attached before the value is there",
    figure: Figure::Throughput,
    in_flight: 1_000,
    pool_threads: POOL_THREADS,
    submitters: 1,
    settings: &[setting(None)],
    contestants: PENDING_CONTESTANTS,
};

const PENDING_CONTESTANTS: &[Contestant] = &[
    Contestant { name: "floor, boxed closures", role: Role::Floor, run: floor::succeed },
    Contestant { name: "no chain, called in place", role: Role::Study, run: in_place::succeed },
    Contestant { name: "ropewalk", role: Role::Ours, run: ropewalk::pending },
    Contestant { name: "futures, boxed and_then", role: Role::Peer, run: futures::pending },
    Contestant { name: "tokio, boxed async blocks", role: Role::Peer, run: tokio::pending },
];

const fn setting(goal: Option<f64>) -> Setting {
    Setting {
        placement: Placement::AsScheduled,
        operations: 2_000_000,
        quick_operations: 100_000,
        goal,
    }
}

/// Links that are timed together, at least: the clock itself costs less than 1 ns of each.
const LAP: usize = 1_000;

/// What a link does with the value: the same in all contestants.
#[inline]
fn link(number: u64) -> impl FnOnce(u64) -> Result<u64> {
    let number = black_box(number);
    move |value| if value == number { Ok(value + 1) } else { Err(Broken.into()) }
}

/// Two links, with a value of another type between them.
fn two_links(
    number: u64,
) -> (impl FnOnce(u64) -> Result<Between>, impl FnOnce(Between) -> Result<u64>) {
    let (first, second) = (link(number), link(number + 1));
    (move |value| first(value).map(Between), move |between: Between| second(between.0))
}

struct Between(u64);

/// The failure with which a chain is fired, or in which one ends that is not in order.
#[derive(Debug)]
struct Broken;

impl std::fmt::Display for Broken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a chain is broken")
    }
}

impl std::error::Error for Broken {}

/// Has chain after chain made and fired with the number of its first link; each has to come to the
/// number after its last.
fn succeed(load: &Load, mut chain: impl FnMut(Range<u64>) -> Result<u64>) -> Result<Sample> {
    measure(load, |links| {
        let end = links.end;
        let result = chain(links)?;
        anyhow::ensure!(black_box(result) == end, "a chain came to {result} and not to {end}");
        Ok(())
    })
}

/// Has chain after chain made and fired with a failure; each has to come to that.
fn fail(load: &Load, mut chain: impl FnMut(Range<u64>) -> Result<u64>) -> Result<Sample> {
    measure(load, |links| match chain(links) {
        Ok(result) => anyhow::bail!("a chain came to {result} and not to a failure"),
        Err(failure) => {
            anyhow::ensure!(black_box(failure).is::<Broken>(), "a chain came to another failure");
            Ok(())
        }
    })
}

fn measure(load: &Load, mut chain: impl FnMut(Range<u64>) -> Result<()>) -> Result<Sample> {
    let length = load.in_flight as u64;
    let chains = (load.operations / load.in_flight).max(1);
    let chains_in_lap = LAP.div_ceil(load.in_flight);
    let mut laps = Vec::with_capacity(chains / chains_in_lap + 1);
    let start = Instant::now();
    let mut before = start;
    for number in 1..=chains {
        let first = number as u64 * length;
        chain(first..first + length)?;
        if number % chains_in_lap == 0 {
            let now = Instant::now();
            laps.push((now - before).as_nanos() as f64 / (chains_in_lap * load.in_flight) as f64);
            before = now;
        }
    }
    let operations = chains * load.in_flight;
    Ok(Sample { elapsed: start.elapsed(), busy: Duration::ZERO, operations, laps, in_order: true })
}

/// Polls a chain of futures that has to wait for its value.
fn wait(chain: &mut (impl Future + Unpin)) -> Result<()> {
    let polled = Pin::new(chain).poll(&mut Context::from_waker(Waker::noop()));
    anyhow::ensure!(polled.is_pending(), "a chain did not wait for its value");
    Ok(())
}

/// Polls a chain of futures that has its value.
fn finish(mut chain: impl Future<Output = Result<u64>> + Unpin) -> Result<u64> {
    match Pin::new(&mut chain).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => result,
        Poll::Pending => anyhow::bail!("a chain has no result"),
    }
}
