//! An elastic, bounded, observable thread pool for blocking jobs.
//!
//! The main type is [`ThreadPool`]. Give it closures with
//! [`call_in_thread`](ThreadPool::call_in_thread); it runs them in the order of submission on
//! threads that it starts with the need, keeps while they are used, and lets go when they are not.
//!
//! - Every job accepted has one outcome: it ran, it was cancelled while it waited, or it was handed
//!   back. A job that is not accepted is handed back in the error.
//! - The queue may be bounded: [`try_call_in_thread`](ThreadPool::try_call_in_thread) refuses,
//!   [`call_in_thread_when_room`](ThreadPool::call_in_thread_when_room) waits.
//! - A [`JobHandle`] removes a waiting job, in constant time, and waits for the end of any; a running
//!   job may look at its [`CancelToken`], or have what it waits for
//!   [interrupted](CancelToken::on_cancel).
//! - A panic in a job is contained: the callback gets it, or the log.
//! - Jobs may wait for other jobs inside of [`blocking()`], which lets another thread take their
//!   place. Where nothing moves all the same the pool says so: a [`StallReport`] names each job by
//!   the source line that submitted it, as does [`report`](ThreadPool::report) at any time.
//! - [`stop`](ThreadPool::stop) drains and joins, [`stop_within`](ThreadPool::stop_within) names
//!   the jobs that keep it waiting, [`stop_now`](ThreadPool::stop_now) hands back those that wait,
//!   [`close`](ThreadPool::close) does not wait at all.
//! - An idle pool makes no system call.
//! - [`ThreadPool::manual`] is the same pool without threads, for deterministic tests.
//!
//! This crate knows nothing of reactors or deferreds. Most programs want the bridges of the
//! facade, which bring a job's result back to the reactor thread.
#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]

// What users see.
mod builder;
mod pool;
mod submit;

mod blocking;
mod cancel;
mod context;
mod handle;
mod lifetime;
mod unrun;

mod report;
mod stall;
mod stats;

mod error;
mod manual;

// How it works: the mechanism, then the decisions, which know nothing of threads.
mod shared;
mod shutdown;
mod watch;
mod worker;

mod chores;
mod counted;
mod ending;
mod events;
mod hook;
mod intake;
mod place;
mod room;
mod seat;

mod batch;
mod cells;
mod header;
mod histogram;
mod inbox;
mod job;
mod queue;
mod state;

mod sync;

#[cfg(doctest)]
mod compile_fail;
#[cfg(all(loom, test))]
mod loom_models;

pub use blocking::blocking;
pub use builder::Builder;
pub use cancel::{CancelHook, CancelToken};
pub use context::JobContext;
pub use error::{
    AlreadyStopped, BuildError, InvalidSize, Panicked, StillRunning, SubmitError, SubmitErrorKind,
    WouldDeadlock,
};
pub use handle::JobHandle;
pub use header::JobState;
pub use histogram::{Bucket, Histogram};
pub use lifetime::{PoolState, WeakPool};
pub use manual::ManualPool;
pub use pool::ThreadPool;
pub use report::{PoolReport, RunningJob, WorkerReport};
pub use stall::StallReport;
pub use stats::PoolStats;
pub use unrun::UnrunJob;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

/// What crosses threads, by type.
const fn _crosses_threads<T: Send + Sync>() {}
const _: () = {
    _crosses_threads::<ThreadPool>();
    _crosses_threads::<Builder>();
    _crosses_threads::<JobHandle>();
    _crosses_threads::<CancelToken>();
    _crosses_threads::<CancelHook>();
    _crosses_threads::<Panicked>();
    _crosses_threads::<StallReport>();
    _crosses_threads::<StillRunning>();
    _crosses_threads::<SubmitError<()>>();
    _crosses_threads::<ManualPool>();
    _crosses_threads::<PoolReport>();
    _crosses_threads::<PoolStats>();
    _crosses_threads::<UnrunJob>();
    _crosses_threads::<WeakPool>();
};
