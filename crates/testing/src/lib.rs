//! Test support for programs built on Ropewalk, and for Ropewalk itself.
//!
//! Name this crate under `[dev-dependencies]` only. It holds what a test of callbacks and threads
//! needs and the standard harness lacks: first of all a deadline, because the natural failure of
//! such code is to hang; then what is in a deferred now, what happened in which order, and what was
//! logged.
//!
//! ```
//! use ropewalk_deferred::Deferred;
//! use ropewalk_testing::{DEADLINE, EventLog, success_of, within};
//!
//! within(DEADLINE, || {
//!     let log = EventLog::new();
//!     let seen = log.clone();
//!     let deferred = Deferred::succeed(7).map(move |n| {
//!         seen.add("called");
//!         n
//!     });
//!     assert_eq!(success_of(deferred), 7);
//!     assert_eq!(log.take(), ["called"]);
//! });
//! ```
#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod within;

mod event_log;
mod lock;
mod log_lines;
mod memory_transport;
mod results;
mod tracing_capture;

/// For the programs behind `cargo xtask soak`.
#[doc(hidden)]
pub mod soak;

pub use event_log::EventLog;
pub use log_lines::LogLines;
pub use memory_transport::{Ending, MemoryTransport};
pub use results::{failure_as, failure_of, no_result, success_of};
pub use tracing_capture::{Captured, capture_tracing};
pub use within::{DEADLINE, within};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
