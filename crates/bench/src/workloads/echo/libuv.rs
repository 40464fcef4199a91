//! libuv: `uv_read_start`, and `uv_try_write` with `uv_write` for what is left over.

use crate::foreign::libuv;
use crate::sample::Sample;
use crate::workload::Load;

pub(super) fn run(load: &Load) -> anyhow::Result<Sample> {
    let server = libuv::start(&libuv::ECHO, &[load.in_flight.to_string()])?;
    super::converse_with_program(load, server)
}
