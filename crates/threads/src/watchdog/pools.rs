//! One pool under watch.
//!
//! It finds its stalls itself, and calls. What is left to do is to see whether a stall still lasts.

use super::reactors::Pace;
use ropewalk_threadpool::{StallReport, ThreadPool, WeakPool};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

pub(super) struct PoolPost {
    pool: WeakPool,
    /// It has found a stall.
    called: Arc<AtomicBool>,
    /// The pool holds it only weakly.
    _listener: Arc<dyn Fn() + Send + Sync>,
    is_stalled: bool,
    is_due: bool,
    /// When to see whether the stall still lasts.
    next: Option<Instant>,
}

impl PoolPost {
    pub(super) fn new(pool: &ThreadPool, alarm: Arc<dyn Fn() + Send + Sync>) -> Self {
        // A stall that lasts already is not called again.
        let called = Arc::new(AtomicBool::new(true));
        let call = Arc::clone(&called);
        let listener: Arc<dyn Fn() + Send + Sync> = Arc::new(move || {
            call.store(true, Ordering::Release);
            alarm();
        });
        pool.on_stalls(&listener);
        let pool = pool.downgrade();
        Self { pool, called, _listener: listener, is_stalled: false, is_due: false, next: None }
    }

    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.pool.same_pool(&other.pool)
    }

    /// The pool has been dropped.
    pub(super) fn is_gone(&self) -> bool {
        self.pool.upgrade().is_none()
    }

    /// When to look again; `None`: when it calls.
    pub(super) fn next(&self) -> Option<Instant> {
        self.next
    }

    /// Looks, if it is time to.
    pub(super) fn look(&mut self, now: Instant, pace: Pace) {
        let called = self.called.swap(false, Ordering::AcqRel);
        if !called && self.next.is_none_or(|next| next > now) {
            return;
        }
        let stall = self.stall();
        self.is_stalled = stall.is_some();
        self.is_due = stall.is_some();
        // After twice the time, and again after twice that.
        self.next = stall.and_then(|stall| now.checked_add(stall.oldest_wait.max(pace.step)));
    }

    /// Whether a stall is a reason for a report.
    pub(super) fn is_due(&self) -> bool {
        self.is_due
    }

    /// Its stall, for the report that is made now.
    pub(super) fn report(&mut self) -> Option<StallReport> {
        self.is_due = false;
        if self.is_stalled { self.stall() } else { None }
    }

    fn stall(&self) -> Option<StallReport> {
        self.pool.upgrade()?.stalled()
    }
}
