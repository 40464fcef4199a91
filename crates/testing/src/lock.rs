//! The one way in which this crate, and the soaks, lock a mutex.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks, also when somebody has panicked with the lock: nothing behind one of ours is ever half
/// changed.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
