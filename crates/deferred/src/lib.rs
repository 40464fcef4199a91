//! A callback chain for one result that is not there yet.
//!
//! A [`Deferred`] stands for a result that somebody will bring later by its [`Promise`]. Callbacks
//! are attached to it; each receives what the one before it made, and a failure passes by until an
//! errback handles it.
//!
//! ```
//! use ropewalk_deferred::Deferred;
//!
//! let (promise, deferred) = Deferred::<String>::new();
//! deferred
//!     .add_callback(|text| Ok(text.trim().parse::<u32>()?))
//!     .map(|n| n * 2)
//!     .add_callback(|n| println!("{n}"))
//!     .add_errback(|failure| eprintln!("{failure:#}"))
//!     .detach();
//!
//! promise.callback(" 21 ".to_owned()); // prints 42
//! ```
//!
//! Many are waited for as one: [`DeferredList`], [`gather_results`], [`race()`], [`join()`]. What takes
//! several callbacks can be kept apart, counted or handed on with a [`DeferredLock`], a
//! [`DeferredSemaphore`], a [`DeferredQueue`] or a [`DeferredEvent`]. [`set_debugging`] helps to find
//! out what a program waits for.
//!
//! What it promises:
//!
//! - One outcome. A promise is fired once, or dropped, and then its deferred fails with
//!   [`Abandoned`]. A failure that nobody handles is reported once, when it is dropped.
//! - Panics are contained. A callback that panics gives the next errback a [`Panicked`].
//! - Re-entrancy is legal. A callback may fire, cancel, extend or drop any chain, its own included.
//! - Bounded depth. No chain is too long, no nesting of chains too deep for the stack.
//! - A cancel goes to whatever the chain waits for now, through any number of chains and
//!   collections.
//! - One thread. Neither end is `Send`; a [`Failure`] is.
//!
//! This crate knows neither a reactor nor threads nor the time: it runs callbacks when its promise
//! is fired, on the thread that fires it.
#![forbid(unsafe_code)]

mod attach;
mod deferred;
mod promise;

mod end;
mod held;
mod maybe;
mod outcome;

mod gather;
mod join;
mod list;
mod race;

mod group_error;

mod first;
mod flatten;
mod group;

mod lock;
mod semaphore;

mod queue;

mod event;

mod gate;
mod waiters;

mod error;
mod failure;

mod cancel;
mod context;
mod debugging;
mod describe;
mod unhandled;

mod future;

mod chain;
mod direct;
mod empty;
mod link;
mod owed;
mod same;
mod stretch;
mod tail;
mod turn;
mod waiting;

mod panicked;
mod panics;
mod trampoline;

#[cfg(doctest)]
mod compile_fail;

pub use cancel::CancelHandle;
pub use context::{CallbackContext, clear_context_hook, set_context_hook};
#[doc(hidden)]
pub use context::{capture_context, within_context};
pub use debugging::{LiveDeferred, debugging, live_deferreds, set_debugging};
pub use deferred::Deferred;
#[doc(hidden)]
pub use direct::{DirectPromise, Stopper};
pub use error::{Abandoned, Cancelled, ResultTaken, TimedOut, WaitsForItself};
pub use event::DeferredEvent;
pub use failure::{Failure, Result};
pub use gather::gather_results;
pub use group_error::{FailureGroup, FirstError};
pub use join::{Join, join};
pub use list::{DeferredList, EachResult, OneValue};
pub use lock::{DeferredLock, LockGuard};
pub use maybe::maybe_deferred;
pub use outcome::Outcome;
#[doc(hidden)]
pub use owed::OwedPromise;
pub use panicked::Panicked;
pub use promise::Promise;
pub use queue::{DeferredQueue, QueueOverflow, QueueUnderflow};
pub use race::race;
pub use semaphore::{DeferredSemaphore, NoTokens, SemaphorePermit};
#[doc(hidden)]
pub use unhandled::route_unhandled;
pub use unhandled::{
    Unhandled, clear_global_unhandled_hook, clear_unhandled_hook, set_global_unhandled_hook,
    set_unhandled_hook,
};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
