//! libuv: functions and their arguments in a vector behind a lock, and `uv_async_send`.

use crate::child::warm_up;
use crate::foreign::libuv;
use crate::sample::Sample;
use crate::workload::Load;

/// It warms up by itself, in the process that is measured.
pub(super) fn run(load: &Load) -> anyhow::Result<Sample> {
    let words = [warm_up(load.operations), load.operations, load.submitters];
    libuv::start(&libuv::CALLS, &words.map(|word| word.to_string()))?.sample()
}
