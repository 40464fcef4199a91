//! One reactor thread, an elastic thread pool, and four bridges between them.
//!
//! Ropewalk is for programs that wait for much and block somewhere: one thread, the *reactor
//! thread*, runs an event loop and every callback; blocking code runs in a *thread pool*; and
//! four *bridges* join the two and all other threads. It does what "Using Threads in Twisted"
//! describes, and where that text warns of hangs, crashes or corrupted data, it gives a compile
//! error, an error value, or a diagnosis by name.
//!
//! ```
//! use ropewalk::prelude::*;
//! use std::time::Duration;
//!
//! fn main() -> ropewalk::Result<()> {
//!     let reactor = Reactor::new()?;
//!
//!     // Blocking work in the pool, its result back on the reactor thread.
//!     reactor
//!         .defer_to_thread(|| Ok(std::fs::read_to_string("Cargo.toml")?))
//!         .add_callback(|text| println!("{} bytes", text.len()))
//!         .add_errback(|failure| eprintln!("{failure:#}"))
//!         .detach();
//!
//!     // A foreign thread talks to the reactor through the one thing that may cross: the handle.
//!     let handle = reactor.handle();
//!     std::thread::spawn(move || {
//!         let timers = handle.blocking_call_from_thread(|reactor| Ok(reactor.delayed_calls().len()));
//!         println!("{timers:?} pending timer");
//!         handle.stop();
//!     });
//!
//!     reactor.call_later(Duration::from_secs(30), |reactor| reactor.stop());
//!     reactor.run()?;
//!     Ok(())
//! }
//! ```
//!
//! # The crates behind it
//!
//! Each module is a crate of its own; a program that needs only one of them can depend on that.
//!
//! | module | crate | what it has |
//! |---|---|---|
//! | [`deferred`] | `ropewalk-deferred` | a callback chain for one result that is not there yet; lists, races, locks and queues of such |
//! | [`threadpool`] | `ropewalk-threadpool` | the pool for blocking jobs |
//! | [`reactor`] | `ropewalk-reactor` | the loop: timers, sources, calls from other threads |
//! | [`threads`] | `ropewalk-threads` | the bridges |
//! | [`task`] | `ropewalk-task` | futures, delays, time limits, loops and long work on the reactor; `react` |
//! | `net` | `ropewalk-net` | transports, protocols, host names |
//!
//! # Features
//!
//! | feature | default | what it adds |
//! |---|---|---|
//! | `net` | yes | the module `net` |
//! | `idna` | yes | in `net`, host names with letters beyond ASCII |
//! | `tls` | no | encrypted connections: `net::tls` |
//! | `signals` | no | `Reactor::on_signal`, and `Reactor::stop_on_signals`, which `task::react` then calls; their numbers in `reactor::signal` (Unix) |

#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod compile_fail;
pub mod prelude;

#[cfg(doctest)]
mod guide;

#[doc(inline)]
pub use ropewalk_deferred as deferred;
#[cfg(feature = "net")]
#[cfg_attr(docsrs, doc(cfg(feature = "net")))]
#[doc(inline)]
pub use ropewalk_net as net;
#[doc(inline)]
pub use ropewalk_reactor as reactor;
#[doc(inline)]
pub use ropewalk_task as task;
#[doc(inline)]
pub use ropewalk_threadpool as threadpool;
#[doc(inline)]
pub use ropewalk_threads as threads;

#[doc(no_inline)]
pub use ropewalk_deferred::{Deferred, Failure, Result};
#[doc(no_inline)]
pub use ropewalk_reactor::{Reactor, ReactorHandle};
