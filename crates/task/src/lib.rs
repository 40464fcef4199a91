//! Tasks on the reactor: futures, delays, time limits, loops and long work.
//!
//! [`ReactorTask`] extends a reactor: [`spawn`](ReactorTask::spawn) runs a future on the reactor
//! thread, [`sleep`](ReactorTask::sleep) and [`defer_later`](ReactorTask::defer_later) wait,
//! [`coiterate`](ReactorTask::coiterate) does long work in slices,
//! [`run_until`](ReactorTask::run_until) runs it for one result, and
//! [`set_unhandled_hook`](ReactorTask::set_unhandled_hook) hears what nobody handled.
//! [`DeferredTimeout`] gives a deferred a time limit. A [`LoopingCall`] calls a function at equal
//! intervals, a [`Cooperator`] has slices of its own, and [`react()`] is a whole program, from its
//! main function to its exit code.
//!
//! ```
//! use ropewalk_deferred::TimedOut;
//! use ropewalk_reactor::{ManualClock, Reactor};
//! use ropewalk_task::{DeferredTimeout, ReactorTask};
//! use std::time::Duration;
//!
//! let clock = ManualClock::new();
//! let reactor = Reactor::builder().manual_clock(&clock).build()?;
//! let answer = reactor.defer_later(Duration::from_secs(3), |_| Ok(42));
//!
//! let next = reactor
//!     .spawn(async { Ok(answer.await? + 1) })
//!     .timeout(&reactor, Duration::from_secs(2));
//! clock.advance(Duration::from_secs(2));
//! assert!(next.try_take().unwrap().unwrap_err().is::<TimedOut>());
//! # std::io::Result::Ok(())
//! ```
//!
//! # What is promised
//!
//! - A future is polled and dropped on the reactor thread only, wherever its wakers are used.
//! - Each task has one outcome: what its future gave, [`Panicked`](ropewalk_deferred::Panicked),
//!   [`Cancelled`](ropewalk_deferred::Cancelled), or
//!   [`Abandoned`](ropewalk_deferred::Abandoned) if its reactor was dropped.
//! - Cancelling or dropping either side cancels the other: the deferred of a task its future, a
//!   future the deferreds that it awaits. [`detach`](ropewalk_deferred::Deferred::detach) lets a task
//!   run on.
//! - A wake-up is never lost, not even while the reactor is stopped: the task goes on in the next
//!   run.
//! - A turn runs a limited number of tasks, so that tasks that wake each other starve nobody.
//! - Time is the reactor's: a test moves it by hand.
//!
//! # Features
//!
//! - `signals`: SIGINT and SIGTERM stop the reactor of [`react`](react()) (Unix).
#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod reactor_task;
mod timeout;

mod delay;

mod looping_call;
mod react;

mod cooperator;

mod error;

mod spawn;

mod context;
mod job;
mod queue;
mod tasks;
mod waker;
mod wakes;

mod claim;
mod parked;
mod sync;

mod unhandled;

mod late;
mod panics;

mod compile_fail;

pub use cooperator::{
    CooperativeTask, Cooperator, NotPaused, SchedulerStopped, TaskFailed, TaskFinished, TaskStopped,
};
pub use error::{AlreadyRunning, ExitWith, NotRunning, StoppedBeforeDone};
pub use looping_call::LoopingCall;
pub use react::{react, react_on};
pub use reactor_task::ReactorTask;
pub use timeout::DeferredTimeout;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
