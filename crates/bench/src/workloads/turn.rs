//! `turn_empty` and `turn_timer`: what is too short, or too long, to be timed, and has its system
//! calls counted: a turn with nothing to do, and a timer that fires after a millisecond.

mod empty;
mod timer;

use crate::placement::Placement;
use crate::sample::Sample;
use crate::workload::{Contestant, Figure, Role, Setting, Workload};
use crate::workloads::POOL_THREADS;
use std::time::{Duration, Instant};

pub(crate) const EMPTY: Workload = Workload {
    name: "turn_empty",
    about: "a turn of the loop that does not wait and finds nothing to do",
    figure: Figure::Throughput,
    in_flight: 1,
    pool_threads: POOL_THREADS,
    submitters: 1,
    settings: &[Setting {
        placement: Placement::OneCore,
        operations: 1_000,
        quick_operations: 100,
        goal: None,
    }],
    contestants: &[
        Contestant { name: "floor, bare epoll", role: Role::Floor, run: empty::floor },
        Contestant { name: "ropewalk", role: Role::Ours, run: empty::ropewalk },
        Contestant { name: "mio", role: Role::Peer, run: empty::mio },
        Contestant { name: "tokio", role: Role::Peer, run: empty::tokio },
        Contestant { name: "calloop", role: Role::Peer, run: empty::calloop },
    ],
};

pub(crate) const TIMER: Workload = Workload {
    name: "turn_timer",
    about: "a timer of a millisecond, set when the one before has fired",
    contestants: &[
        Contestant { name: "floor, bare epoll", role: Role::Floor, run: timer::floor },
        Contestant { name: "ropewalk", role: Role::Ours, run: timer::ropewalk },
        Contestant { name: "tokio", role: Role::Peer, run: timer::tokio },
        Contestant { name: "smol", role: Role::Peer, run: timer::smol },
        Contestant { name: "calloop", role: Role::Peer, run: timer::calloop },
    ],
    ..EMPTY
};

fn since(start: Instant, operations: usize) -> Sample {
    let (elapsed, busy) = (start.elapsed(), Duration::ZERO);
    Sample { elapsed, busy, operations, laps: Vec::new(), in_order: true }
}
