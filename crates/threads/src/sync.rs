//! The seam between the standard library's locks and threads and loom's, for [`crate::slot`].

#[cfg(loom)]
pub(crate) use loom::sync::{Arc, Mutex, MutexGuard};
#[cfg(loom)]
pub(crate) use loom::thread;
#[cfg(not(loom))]
pub(crate) use std::sync::{Arc, Mutex, MutexGuard};
#[cfg(not(loom))]
pub(crate) use std::thread;

use std::sync::PoisonError;
use std::time::Duration;

/// Parks this thread for at most `limit`; in a model, where there is no time, without a limit.
pub(crate) fn park_timeout(limit: Duration) {
    #[cfg(loom)]
    {
        let _ = limit;
        thread::park();
    }
    #[cfg(not(loom))]
    thread::park_timeout(limit);
}

/// Locks; a panic elsewhere while the lock was held leaves nothing half-done here.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
