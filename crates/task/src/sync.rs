//! The seam between the standard library's lock and loom's.
//!
//! Only [`crate::parked`] needs it: it is the one protocol between threads in this crate.

#[cfg(loom)]
pub(crate) use loom::sync::{Mutex, MutexGuard};
#[cfg(not(loom))]
pub(crate) use std::sync::{Mutex, MutexGuard};
