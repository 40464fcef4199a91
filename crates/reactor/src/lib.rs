//! An event loop on one thread: timers, I/O readiness and calls from other threads.
//!
//! The loop runs every callback on the thread on which its [`Reactor`] was made, one after the
//! other. Callbacks never block: blocking work belongs into a thread pool, and its result comes
//! back through the [`ReactorHandle`], the one thing of a reactor that may cross threads.
//!
//! ```
//! use ropewalk_reactor::Reactor;
//! use std::time::Duration;
//!
//! let reactor = Reactor::new()?;
//! reactor.call_later(Duration::from_millis(10), |reactor| {
//!     println!("ten milliseconds later");
//!     reactor.stop();
//! });
//!
//! let handle = reactor.handle();
//! std::thread::Builder::new().spawn(move || {
//!     // Another thread: the closure crosses, the reactor does not.
//!     let _ = handle.call_from_thread(|reactor| println!("running: {}", reactor.running()));
//! })?;
//!
//! reactor.run().unwrap();
//! # std::io::Result::Ok(())
//! ```
//!
//! # What is promised
//!
//! - Using a reactor from the wrong thread is a compile error.
//! - A call that was accepted runs, or is dropped with its reactor; one that is refused comes back.
//! - A panic in a callback is contained and reported; what else happens is the [`PanicPolicy`].
//! - Any callback may call any method, also those that remove or drop what is running.
//! - A turn serves calls, timers and I/O in rotation, each with a budget.
//! - Calls of one thread, and timers with equal due times, run in the order in which they were made.
//! - A callback that keeps the loop too long is named, if [`Builder::slow_callback`] asks for that.
//! - An idle reactor sleeps: no wake-ups, no system calls.
//!
//! # Features
//!
//! - `signals` (Unix): `Reactor::on_signal` calls back on the reactor thread when the process gets a
//!   signal; `Reactor::stop_on_signals` lets SIGINT and SIGTERM stop a reactor, with more force at
//!   each further one. The module `signal` has the numbers.

#![deny(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod builder;
mod clock;
mod closures;
mod compile_fail;
mod core;
mod delayed_call;
mod embed;
mod error;
mod handle;
mod haste;
mod hold;
mod holding;
mod inbox;
mod intake;
#[cfg(all(test, loom))]
mod intake_models;
mod later;
mod lending;
mod manual_clock;
mod pace;
mod panics;
mod poller;
mod reactor;
mod remote;
mod report;
mod run;
mod running;
mod selector;
#[cfg(all(feature = "signals", unix))]
#[cfg_attr(docsrs, doc(cfg(feature = "signals")))]
mod signals;
mod slots;
mod source;
mod spin;
mod stats;
mod stopwatch;
mod storage;
mod sync;
mod timers;
mod triggers;
mod turn;

pub use crate::builder::Builder;
pub use crate::clock::seconds;
pub use crate::delayed_call::{DelayedCall, PendingCall};
pub use crate::error::{
    InvalidDelay, NotPending, ReactorStopped, RegisterError, RunError, Stuck, UnknownTrigger,
};
pub use crate::handle::ReactorHandle;
#[doc(hidden)]
pub use crate::haste::Haste;
pub use crate::hold::Hold;
pub use crate::lending::{ReactorRef, WeakReactor};
pub use crate::manual_clock::ManualClock;
#[doc(hidden)]
pub use crate::pace::Pace;
pub use crate::panics::PanicPolicy;
pub use crate::reactor::Reactor;
pub use crate::remote::Remote;
pub use crate::report::RunReport;
#[doc(hidden)]
pub use crate::running::{Glance, ReactorWatch, RunningCallback};
pub use crate::selector::ManualSelector;
#[cfg(all(feature = "signals", unix))]
#[cfg_attr(docsrs, doc(cfg(feature = "signals")))]
pub use crate::signals::{SignalRegistration, signal};
pub use crate::source::{Interest, Readiness, Registration};
pub use crate::stats::ReactorStats;
pub use crate::triggers::{Phase, SystemEvent, TriggerId};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
