//! The floor: the call in place in the queue, the eventfd written if the loop sleeps.

use super::Rest;
use crate::floor::{FloorLoop, Sleeper};
use crate::sample::Sample;
use crate::workload::Load;
use std::time::Instant;

enum Call {
    Arrive(Instant),
    Stop,
}

pub(super) fn run<S: Sleeper + 'static>(load: &Load) -> anyhow::Result<Sample> {
    let mut floor = FloorLoop::<Call, S>::new()?;
    let (handle, stop) = (floor.handle(), floor.handle());
    let call = move |asked| {
        handle.call(Call::Arrive(asked));
        Ok(())
    };
    let serve = |call| match call {
        Call::Arrive(asked) => {
            super::arrive(asked);
            false
        }
        Call::Stop => true,
    };
    let rest = if S::SPINS { Rest::Spins } else { Rest::Sleeps };
    super::converse(load, rest, call, move || stop.call(Call::Stop), || floor.run(serve))
}
