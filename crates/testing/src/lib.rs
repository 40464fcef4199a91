//! Test support for programs built on Ropewalk, and for Ropewalk itself.
//!
//! Name this crate under `[dev-dependencies]` only. It holds what a test of callbacks and threads
//! needs and the standard harness lacks: first of all a deadline, because the natural failure of
//! such code is to hang.
#![forbid(unsafe_code)]

mod within;

pub use within::{DEADLINE, within};
