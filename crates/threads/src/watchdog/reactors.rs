//! One reactor under watch.
//!
//! A reactor at rest is not looked at: it calls at its next callback. One that moves is looked at
//! now and then, and not called by in between, so that a callback costs it at most one call for
//! each such look, however many others are watched.

use super::report::BlockedCallback;
use crate::reactor_pool::ReactorPool;
use ropewalk_reactor::{ReactorHandle, ReactorWatch, RunningCallback};
use ropewalk_threadpool::ThreadPool;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

/// When something is too long, and how often one looks.
#[derive(Clone, Copy)]
pub(super) struct Pace {
    pub(super) blocked_after: Duration,
    pub(super) step: Duration,
}

impl Pace {
    pub(super) fn new(blocked_after: Duration) -> Self {
        Self { blocked_after, step: (blocked_after / 4).max(Duration::from_millis(1)) }
    }
}

pub(super) struct ReactorPost {
    watch: ReactorWatch,
    thread: Arc<str>,
    pool: Weak<ReactorPool>,
    /// Which of its pools has been seen.
    pool_number: Option<u64>,
    /// How many changes there had been at the last look.
    seen: Option<u64>,
    /// The callback that ran then.
    stay: Option<Stay>,
    /// It calls at the next change.
    calls: bool,
    /// When to look at it, whether it has called or not.
    next: Option<Instant>,
    is_gone: bool,
}

/// A callback that has been seen running.
struct Stay {
    callback: RunningCallback,
    since: Instant,
    told: bool,
    /// When it is to be reported next.
    due: Option<Instant>,
    /// It is a reason for a report now.
    is_due: bool,
}

impl ReactorPost {
    pub(super) fn new(handle: &ReactorHandle, alarm: Arc<dyn Fn() + Send + Sync>) -> Self {
        let watch = handle.watch(alarm);
        let thread = match watch.thread().name() {
            Some(name) => name.into(),
            None => format!("{:?}", watch.thread().id()).into(),
        };
        Self {
            watch,
            thread,
            pool: Arc::downgrade(&handle.shared::<ReactorPool>()),
            pool_number: None,
            seen: None,
            stay: None,
            calls: false,
            next: None,
            is_gone: false,
        }
    }

    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.watch.is_same(&other.watch)
    }

    /// The reactor has been dropped, and its last callback is over.
    pub(super) fn is_gone(&self) -> bool {
        self.is_gone
    }

    /// When to look again; `None`: when it calls.
    pub(super) fn next(&self) -> Option<Instant> {
        self.next
    }

    /// The reactor's pool, if it has got another one since this was asked.
    pub(super) fn new_pool(&mut self) -> Option<ThreadPool> {
        let (number, pool) = self.pool.upgrade()?.present()?;
        (self.pool_number.replace(number) != Some(number)).then_some(pool)
    }

    /// Looks, if it is time to. What it gives was reported, and has ended.
    pub(super) fn look(&mut self, now: Instant, pace: Pace) -> Option<BlockedCallback> {
        let is_early = self.seen.is_some() && self.next.is_none_or(|next| next > now);
        if is_early && !self.calls {
            return None;
        }
        let glance = self.watch.look();
        if self.seen.replace(glance.changes) == Some(glance.changes) {
            if !is_early {
                self.stays(glance.changes, now, pace);
            }
            return None;
        }
        let over = self.stay.take().filter(|stay| stay.told);
        self.is_gone = glance.gone && glance.running.is_none();
        self.stay = glance.running.map(|callback| Stay {
            callback,
            since: now,
            told: false,
            due: now.checked_add(pace.blocked_after),
            is_due: false,
        });
        self.calls = false;
        self.next = self.next_look(now, pace);
        over.map(|stay| self.describe(&stay, now))
    }

    /// Nothing has changed since the last look: it rests, or is in the same callback.
    fn stays(&mut self, changes: u64, now: Instant, pace: Pace) {
        if let Some(stay) = &mut self.stay {
            if stay.due.is_none_or(|due| due > now) {
                self.next = self.next_look(now, pace);
                return;
            }
            (stay.told, stay.is_due) = (true, true);
            // After twice the time, and again after twice that.
            let age = now.saturating_duration_since(stay.since);
            stay.due = now.checked_add(age.max(pace.step));
        }
        self.calls = self.watch.wait_for_change(changes);
        // If a change has come since, there is something to see now.
        let due = self.stay.as_ref().and_then(|stay| stay.due);
        self.next = if self.calls { due } else { Some(now) };
    }

    fn next_look(&self, now: Instant, pace: Pace) -> Option<Instant> {
        let due = self.stay.as_ref().and_then(|stay| stay.due);
        [due, now.checked_add(pace.step)].into_iter().flatten().min()
    }

    /// Whether what it runs is a reason for a report.
    pub(super) fn is_due(&self) -> bool {
        self.stay.as_ref().is_some_and(|stay| stay.is_due)
    }

    /// What blocks it, for the report that is made now.
    pub(super) fn report(&mut self, now: Instant) -> Option<BlockedCallback> {
        let stay = self.stay.as_ref().filter(|stay| stay.told)?;
        let blocked = self.describe(stay, now);
        if let Some(stay) = &mut self.stay {
            stay.is_due = false;
        }
        Some(blocked)
    }

    fn describe(&self, stay: &Stay, now: Instant) -> BlockedCallback {
        let RunningCallback { kind, location } = stay.callback;
        BlockedCallback {
            thread: Arc::clone(&self.thread),
            kind,
            location,
            age: now.saturating_duration_since(stay.since),
            is_due: stay.is_due,
        }
    }
}
