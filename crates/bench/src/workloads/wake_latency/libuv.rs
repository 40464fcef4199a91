//! libuv: the same queue and `uv_async_send` as in `calls`.

use super::PAUSE;
use crate::child::warm_up;
use crate::foreign::libuv;
use crate::sample::Sample;
use crate::workload::Load;

/// The foreign thread is one of the program's own, and does as [`super::converse`] has it do.
pub(super) fn run(load: &Load) -> anyhow::Result<Sample> {
    let pause = PAUSE.as_nanos().to_string();
    let numbers = [warm_up(load.operations), load.operations].map(|number| number.to_string());
    let [warm_up, operations] = numbers;
    libuv::start(&libuv::WAKE_LATENCY, &[warm_up, operations, pause])?.sample()
}
