//! One contestant, once, in a process of its own.

use crate::placement::Placement;
use crate::sample::Sample;
use crate::skipped::Skipped;
use crate::workload::{Contestant, Figure, Load, Setting, Workload};
use anyhow::Context as _;
use cpu_time::ProcessTime;
use std::io::Read as _;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// No contestant may take longer; one that hangs is ended and reported.
const DEADLINE: Duration = Duration::from_secs(60);

/// The share of the operations that is made first, unmeasured: threads start, the heap grows.
pub(crate) const WARM_UP: usize = 5;

pub(crate) fn warm_up(operations: usize) -> usize {
    (operations / WARM_UP).max(1)
}

pub(crate) struct Order {
    pub(crate) workload: &'static Workload,
    pub(crate) contestant: &'static Contestant,
    pub(crate) placement: Placement,
    pub(crate) operations: usize,
}

impl Order {
    pub(crate) const FLAG: &'static str = "--child";
}

/// In the child: does as told, and prints the sample, or why there is none.
pub(crate) fn obey(order: &Order) -> anyhow::Result<()> {
    order.placement.apply().context("this thread cannot be placed")?;
    match take_part(order) {
        Ok(sample) => print!("{}", sample.to_text()),
        Err(error) => print!("{}", error.downcast::<Skipped>()?.to_text()),
    }
    Ok(())
}

fn take_part(order: &Order) -> anyhow::Result<Sample> {
    if matches!(order.workload.figure, Figure::RoundTrip | Figure::OneWay | Figure::Throughput) {
        (order.contestant.run)(&Load::of(order.workload, warm_up(order.operations)))?;
    }
    let before = ProcessTime::try_now()?;
    let mut sample = (order.contestant.run)(&Load::of(order.workload, order.operations))?;
    if sample.busy.is_zero() {
        sample.busy = before.try_elapsed()?;
    }
    Ok(sample)
}

/// In the parent: has one contestant run, and waits for its sample.
pub(crate) fn measure(
    workload: &Workload,
    contestant: &Contestant,
    setting: &Setting,
    operations: usize,
) -> anyhow::Result<Sample> {
    let mut child = Command::new(std::env::current_exe()?)
        .args([Order::FLAG, workload.name, contestant.name, setting.placement.name()])
        .arg(operations.to_string())
        // As many threads as the pools of the others may have.
        .env("BLOCKING_MAX_THREADS", workload.pool_threads.to_string())
        // Where it is set, each error that is made walks the stack; a program in use does not.
        .env_remove("RUST_BACKTRACE")
        .env_remove("RUST_LIB_BACKTRACE")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .context("the child cannot be started")?;
    let mut pipe = child.stdout.take().context("the child has no output")?;
    let (sender, receiver) = mpsc::channel();
    let reader = thread::Builder::new().name("reader".to_owned()).spawn(move || {
        let mut text = String::new();
        let read = pipe.read_to_string(&mut text);
        // Nobody listens any more if the deadline has passed.
        let _ = sender.send(read.map(|_| text));
    })?;
    let text = receiver.recv_timeout(DEADLINE);
    if text.is_err() {
        child.kill().context("a child that hangs cannot be ended")?;
    }
    let status = child.wait()?;
    let joined = reader.join();
    let text = text.with_context(|| format!("not done after {DEADLINE:?}"))??;
    anyhow::ensure!(status.success() && joined.is_ok(), "the child ended with {status}");
    Skipped::parse(&text).map_or_else(|| Sample::parse(&text), |skipped| Err(skipped.into()))
}
