//! The four bridges between a reactor thread, a thread pool and everybody else.
//!
//! | from | to | bridge |
//! |---|---|---|
//! | any thread | the reactor | `call_from_thread`, of the reactor's handle itself |
//! | the reactor, or any thread | the pool | [`call_in_thread`](ReactorThreads::call_in_thread) |
//! | the reactor | the pool, and back with a result | [`defer_to_thread`](ReactorThreads::defer_to_thread) |
//! | a foreign thread | the reactor, and back with a result | [`blocking_call_from_thread`](HandleThreads::blocking_call_from_thread) |
//!
//! They are methods of extension traits: [`ReactorThreads`] for the reactor thread, and
//! [`HandleThreads`] for all others; with [`RemoteThreads`] a call goes to one value that lives with
//! the reactor. None of them hangs on a reactor that has stopped, on the one
//! of its own thread, or in a circle of reactor threads that block for each other; and none loses
//! what it was given: a closure runs, or comes back, or whoever waits for it is told.
//!
//! Each reactor has a pool of its own, made with the first need: 5 to 10 threads
//! ([`suggest_thread_pool_size`](ReactorThreads::suggest_thread_pool_size)).
//!
//! A [`Watchdog`] tells from outside which callback blocks a reactor, and which pools are stalled.

#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod boxed_job;
mod bridge;
mod cancel_handle;
mod compile_fail;
mod debts;
mod defer_to_thread;
mod deliveries;
mod error;
mod eventual;
mod from_thread;
mod in_thread;
mod join_error;
mod latest;
mod ledger;
mod outcome;
mod panics;
mod patience;
mod progress;
mod reactor_pool;
mod reactor_thread;
mod remote_threads;
mod reply;
mod slot;
#[cfg(all(test, loom))]
mod slot_models;
mod sync;
mod waits;
mod watchdog;

pub use crate::boxed_job::BoxedJob;
pub use crate::cancel_handle::EventualCancelHandle;
pub use crate::error::{InstallError, JobDropped, WouldDeadlock};
pub use crate::eventual::Eventual;
pub use crate::from_thread::HandleThreads;
pub use crate::in_thread::ReactorThreads;
pub use crate::join_error::JoinError;
pub use crate::outcome::{Answer, JobOutcome};
pub use crate::progress::ReportingJob;
pub use crate::reactor_thread::{ReactorThread, ReactorThreadBuilder};
pub use crate::remote_threads::RemoteThreads;
pub use crate::watchdog::{BlockedCallback, Watchdog, WatchdogBuilder, WatchdogReport};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
