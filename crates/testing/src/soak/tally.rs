//! What threads count together.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counts one more.
pub fn add(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::SeqCst);
}

/// How many there are.
pub fn get(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::SeqCst)
}
