//! libuv: `uv_read_start`, and `uv_try_write` with `uv_write` for what is left over.

use super::Talk;
use crate::foreign::libuv;
use crate::sample::Sample;
use crate::workload::Load;

pub(super) fn run<T: Talk>(load: &Load) -> anyhow::Result<Sample> {
    let words = [load.in_flight, load.in_flight, 1, T::BUFFER].map(|number| number.to_string());
    super::converse_with_program::<T>(load, libuv::start(&libuv::ECHO, &words)?)
}
