//! The numbers of signals, as this system has them.
//!
//! Only those that a program listens for: SIGKILL and SIGSTOP cannot be caught, and no program can go
//! on after SIGSEGV and its like.
//!
//! ```
//! use ropewalk_reactor::{Reactor, signal};
//!
//! let reactor = Reactor::new()?;
//! reactor.on_signal(signal::SIGHUP, |_| println!("reading the settings again"))?.detach();
//! reactor.on_signal(signal::SIGUSR1, |reactor| println!("{:?}", reactor.stats()))?.detach();
//! # std::io::Result::Ok(())
//! ```

use signal_hook::consts::signal;

/// A timer set with `alarm` has run down.
pub const SIGALRM: i32 = signal::SIGALRM;

/// A child process has ended, or was stopped or continued.
pub const SIGCHLD: i32 = signal::SIGCHLD;

/// The process goes on after it was stopped.
pub const SIGCONT: i32 = signal::SIGCONT;

/// The terminal is gone; by custom, for a process without one: read the settings again.
pub const SIGHUP: i32 = signal::SIGHUP;

/// Somebody has pressed Ctrl-C.
pub const SIGINT: i32 = signal::SIGINT;

/// Nobody reads any more from a pipe or socket that was written to. Rust programs ignore it, unless
/// they listen for it: the write fails in any case.
pub const SIGPIPE: i32 = signal::SIGPIPE;

/// Somebody has pressed Ctrl-\.
pub const SIGQUIT: i32 = signal::SIGQUIT;

/// The process is asked to end.
pub const SIGTERM: i32 = signal::SIGTERM;

/// Somebody has pressed Ctrl-Z.
pub const SIGTSTP: i32 = signal::SIGTSTP;

/// Means what the program makes of it.
pub const SIGUSR1: i32 = signal::SIGUSR1;

/// Means what the program makes of it.
pub const SIGUSR2: i32 = signal::SIGUSR2;

/// The terminal has another size.
pub const SIGWINCH: i32 = signal::SIGWINCH;
