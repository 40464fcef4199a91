//! The event that jobs count down and one thread waits for.
//!
//! A workload has one of them in a static, so that a job needs not capture it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread::{self, Thread};

pub(crate) struct Latch {
    left: AtomicUsize,
    waiter: Mutex<Option<Thread>>,
}

impl Latch {
    pub(crate) const fn new() -> Self {
        Self { left: AtomicUsize::new(0), waiter: Mutex::new(None) }
    }

    /// This thread is going to wait for so many jobs.
    pub(crate) fn arm(&self, jobs: usize) {
        *self.waiter.lock().unwrap_or_else(PoisonError::into_inner) = Some(thread::current());
        self.left.store(jobs, Ordering::Relaxed);
    }

    #[inline]
    pub(crate) fn count_down(&self) {
        if self.left.fetch_sub(1, Ordering::AcqRel) == 1 {
            // The waiter may have seen it by now and wait for others: then this wakes it once for
            // nothing.
            let waiter = self.waiter.lock().unwrap_or_else(PoisonError::into_inner).clone();
            waiter.inspect(Thread::unpark);
        }
    }

    pub(crate) fn wait(&self) {
        while self.left.load(Ordering::Acquire) > 0 {
            thread::park();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Latch;
    use std::thread::scope;

    #[test]
    fn the_last_one_lets_the_waiter_go() {
        let latch = Latch::new();
        for _ in 0..1_000 {
            latch.arm(2);
            scope(|scope| {
                scope.spawn(|| latch.count_down());
                scope.spawn(|| latch.count_down());
                latch.wait();
            });
        }
    }
}
