//! `timers`: closures that run later, set and then cancelled or run, on one thread.
//!
//! Delays come from a fixed seed. Each timer is told its delay, not its due time, and looks at the
//! clock for itself: that is how a timer is set, and costs everybody the same.
//!
//! - `timers_cancel`: a million are set, and cancelled in the order in which they were set.
//! - `timers_churn`: the same with a thousand at a time: one is set, the oldest is cancelled.
//! - `timers_fire`: a million are set to run within a second, and after that second all run. The
//!   second itself is nobody's merit and not counted.
//! - `timers_memory`: what a million that wait occupy, the closures of one word included.

mod calloop;
mod heap;
mod libuv;
mod python;
mod ropewalk;
mod smol;
mod tokio;
mod tokio_queue;
mod wheel;

use crate::footprint::resident;
use crate::placement::Placement;
use crate::sample::Sample;
use crate::tally;
use crate::workload::{Contestant, Figure, Load, Role, Setting, Workload};
use crate::workloads::POOL_THREADS;
use std::collections::VecDeque;
use std::thread;
use std::time::{Duration, Instant};

pub(crate) const CANCEL: Workload = Workload {
    name: "timers_cancel",
    about: "a timer set to run in 1 to 60 s and cancelled, 1,000,000 at a time",
    figure: Figure::Throughput,
    in_flight: 1_000_000,
    pool_threads: POOL_THREADS,
    submitters: 1,
    settings: &[MILLION],
    contestants: &contestants::<Cancel>(),
};

pub(crate) const CHURN: Workload = Workload {
    name: "timers_churn",
    about: "a timer set to run in 1 to 60 s and cancelled, 1,000 at a time",
    figure: Figure::Throughput,
    in_flight: 1_000,
    pool_threads: POOL_THREADS,
    submitters: 1,
    settings: &[MILLION],
    contestants: &contestants::<Cancel>(),
};

pub(crate) const FIRE: Workload = Workload {
    name: "timers_fire",
    about: "a timer set to run within 1 s, and run, 1,000,000 at a time (in any order)",
    figure: Figure::Throughput,
    in_flight: 1_000_000,
    pool_threads: POOL_THREADS,
    submitters: 1,
    settings: &[MILLION],
    contestants: &contestants::<Fire>(),
};

pub(crate) const MEMORY: Workload = Workload {
    name: "timers_memory",
    about: "a timer that waits, with its handle and a closure that has captured one word",
    figure: Figure::Bytes,
    in_flight: 1_000_000,
    pool_threads: POOL_THREADS,
    submitters: 1,
    settings: &[Setting { goal: None, ..MILLION }],
    contestants: &contestants::<Memory>(),
};

const MILLION: Setting = Setting {
    placement: Placement::OneCore,
    operations: 1_000_000,
    quick_operations: 100_000,
    goal: Some(1.1),
};

const fn contestants<S: Scenario>() -> [Contestant; 12] {
    use Role::{Floor, Ours, Peer, Study};
    [
        Contestant { name: "floor, a wheel", role: Floor, run: S::run::<wheel::Wheel> },
        Contestant { name: "ropewalk", role: Ours, run: S::run::<ropewalk::Ropewalk> },
        Contestant { name: "a heap", role: Study, run: S::run::<heap::Heap> },
        Contestant { name: "tokio, sleep", role: Peer, run: S::run::<tokio::Tokio> },
        Contestant { name: "tokio, DelayQueue", role: Peer, run: S::run::<tokio_queue::Queue> },
        Contestant { name: "async-io", role: Peer, run: S::run::<smol::AsyncIo> },
        Contestant { name: "calloop", role: Peer, run: S::run::<calloop::Calloop> },
        Contestant { name: "libuv, uv_timer_t", role: Peer, run: libuv::run::<S> },
        Contestant {
            name: "libuv, uv_update_time",
            role: Study,
            run: libuv::run_by_the_clock::<S>,
        },
        Contestant { name: "asyncio, call_later", role: Peer, run: python::asyncio::<S> },
        Contestant { name: "Twisted, callLater", role: Peer, run: python::twisted::<S> },
        Contestant { name: "a tree", role: Study, run: S::run::<heap::Tree> },
    ]
}

/// A way to have closures run later.
trait Timers: Sized {
    type Handle;

    /// So many can be had in a reasonable time.
    const LIMIT: usize = usize::MAX;

    fn start() -> anyhow::Result<Self>;

    /// After `delay`, [`tally::arrive`] is to be called with `number`.
    fn set(&mut self, number: usize, delay: Duration) -> anyhow::Result<Self::Handle>;

    fn cancel(&mut self, handle: Self::Handle) -> anyhow::Result<()>;

    /// Runs all that was set, in any order; it is due.
    fn run(&mut self, handles: Vec<Self::Handle>) -> anyhow::Result<()>;
}

trait Scenario {
    /// For those who are written in other languages.
    const NAME: &str;

    fn run<T: Timers>(load: &Load) -> anyhow::Result<Sample>;
}

struct Cancel;
struct Fire;
struct Memory;

impl Scenario for Cancel {
    const NAME: &str = "cancel";

    fn run<T: Timers>(load: &Load) -> anyhow::Result<Sample> {
        let operations = load.operations.min(T::LIMIT);
        let mut timers = T::start()?;
        let mut delays = Delays::new(Duration::from_secs(1)..Duration::from_secs(60));
        let mut live = VecDeque::with_capacity(load.in_flight.min(operations));
        tally::start(operations, operations);
        for number in 0..operations {
            if live.len() == load.in_flight {
                if let Some(oldest) = live.pop_front() {
                    timers.cancel(oldest)?;
                    tally::arrive(number - load.in_flight);
                }
            }
            live.push_back(timers.set(number, delays.next())?);
        }
        let left = operations - live.len();
        for (number, oldest) in live.into_iter().enumerate() {
            timers.cancel(oldest)?;
            tally::arrive(left + number);
        }
        tally::finish()
    }
}

impl Scenario for Fire {
    const NAME: &str = "fire";

    fn run<T: Timers>(load: &Load) -> anyhow::Result<Sample> {
        let operations = load.operations.min(T::LIMIT);
        let mut timers = T::start()?;
        let mut delays = Delays::new(Duration::ZERO..SECOND);
        let mut handles = Vec::with_capacity(operations);
        let start = Instant::now();
        for number in 0..operations {
            handles.push(timers.set(number, delays.next())?);
        }
        let set = start.elapsed();
        let due = Instant::now() + SECOND + A_TICK;
        while let Some(left) = due.checked_duration_since(Instant::now()) {
            thread::park_timeout(left);
        }
        tally::start(operations, operations);
        timers.run(handles)?;
        let run = tally::finish()?;
        Ok(Sample { elapsed: set + run.elapsed, laps: Vec::new(), in_order: true, ..run })
    }
}

impl Scenario for Memory {
    const NAME: &str = "memory";

    fn run<T: Timers>(load: &Load) -> anyhow::Result<Sample> {
        let operations = load.operations.min(T::LIMIT);
        let mut timers = T::start()?;
        let mut delays = Delays::new(Duration::from_secs(1)..Duration::from_secs(60));
        let mut handles = Vec::with_capacity(operations);
        let before = resident()?;
        for number in 0..operations {
            handles.push(timers.set(number, delays.next())?);
        }
        let each = (resident()? - before) / operations as f64;
        handles.into_iter().try_for_each(|handle| timers.cancel(handle))?;
        let (elapsed, busy, laps) = (Duration::ZERO, Duration::ZERO, vec![each]);
        Ok(Sample { elapsed, busy, operations, laps, in_order: true })
    }
}

const SECOND: Duration = Duration::from_secs(1);
/// A timer that keeps no exact time may come so much later.
const A_TICK: Duration = Duration::from_millis(10);

/// Uniform between two bounds; the same for everybody.
struct Delays {
    state: u64,
    first: u64,
    width: u64,
}

impl Delays {
    fn new(range: std::ops::Range<Duration>) -> Self {
        let (first, end) = (range.start.as_nanos() as u64, range.end.as_nanos() as u64);
        Self { state: 0x9E37_79B9_7F4A_7C15, first, width: end - first }
    }

    fn next(&mut self) -> Duration {
        // xorshift64*
        self.state ^= self.state >> 12;
        self.state ^= self.state << 25;
        self.state ^= self.state >> 27;
        let random = self.state.wrapping_mul(0x2545_F491_4F6C_DD1D);
        let scaled = (u128::from(random) * u128::from(self.width)) >> 64;
        Duration::from_nanos(self.first + scaled as u64)
    }
}

/// What everybody stores who stores closures.
type Boxed = Box<dyn FnOnce()>;

fn boxed(number: usize) -> Boxed {
    Box::new(move || {
        tally::arrive(number);
    })
}
