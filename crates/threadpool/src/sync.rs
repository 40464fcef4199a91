//! The seam between std's primitives and loom's.
//!
//! Everything that takes part in the protocol between submitters and workers comes from here, so
//! that `RUSTFLAGS="--cfg loom"` puts the very code of the pool under the model checker. What no
//! interleaving depends on (reference counts, the numbers for reports) stays with std.
//!
//! Poisoned locks are taken as they are: no user code runs under a lock of this crate, so a panic
//! cannot leave one in the middle of a change.

use std::sync::PoisonError;
use std::time::Instant;

#[cfg(loom)]
pub(crate) use loom::{
    sync::{
        Condvar, Mutex, MutexGuard,
        atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize},
    },
    thread::{Builder, JoinHandle, ThreadId, current},
    thread_local,
};
#[cfg(not(loom))]
pub(crate) use std::{
    sync::{
        Condvar, Mutex, MutexGuard,
        atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize},
    },
    thread::{Builder, JoinHandle, ThreadId, current},
    thread_local,
};

/// Locks, poisoned or not.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Waits for a notification, or until `deadline` where there is one; true if it has passed.
pub(crate) fn wait_until<'a, T>(
    condvar: &Condvar,
    guard: MutexGuard<'a, T>,
    deadline: Option<Instant>,
) -> (MutexGuard<'a, T>, bool) {
    let Some(deadline) = deadline else {
        return (condvar.wait(guard).unwrap_or_else(PoisonError::into_inner), false);
    };
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() {
        return (guard, true);
    }
    let (guard, waited) = condvar.wait_timeout(guard, left).unwrap_or_else(PoisonError::into_inner);
    (guard, waited.timed_out())
}

/// Takes out the handles of threads that have ended.
pub(crate) fn take_ended(handles: &mut Vec<JoinHandle<()>>) -> Vec<JoinHandle<()>> {
    // loom's handles do not tell; `stop` joins them all.
    #[cfg(loom)]
    let ended = |_: &JoinHandle<()>| false;
    #[cfg(not(loom))]
    let ended = JoinHandle::is_finished;
    let (ended, others) = std::mem::take(handles).into_iter().partition(ended);
    *handles = others;
    ended
}
