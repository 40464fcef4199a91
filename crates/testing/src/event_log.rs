//! A log of what happened, in order, across threads.
//!
//! **Lock rule:** entries are cloned and compared while the log is locked, and never dropped: an
//! entry should be plain data.

use crate::lock::lock;
use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// What happened, in order; callbacks and threads write to it and the test reads.
///
/// Clones are the same log. An entry is a text, or any plain value.
///
/// # Threads
///
/// Any thread, if the entries are `Send`.
///
/// # Examples
///
/// ```
/// use ropewalk_testing::{DEADLINE, EventLog};
///
/// let log = EventLog::new();
/// log.add("before");
/// let clone = log.clone();
/// std::thread::spawn(move || clone.add("in the thread"));
/// log.wait_for("in the thread", DEADLINE);
/// assert_eq!(log.take(), ["before", "in the thread"]);
///
/// let numbers = EventLog::<u32>::default();
/// numbers.add(7_u32);
/// assert_eq!(numbers.entries(), [7]);
/// ```
pub struct EventLog<T = String>(Arc<State<T>>);

struct State<T> {
    entries: Mutex<Vec<T>>,
    added: Condvar,
}

impl EventLog {
    /// A log of texts, with no entries yet. One of other values is made with `default`.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

impl<T> EventLog<T> {
    /// Adds an entry.
    pub fn add(&self, entry: impl Into<T>) {
        let entry = entry.into();
        self.lock().push(entry);
        self.0.added.notify_all();
    }

    /// How many entries there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.lock().len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    /// Takes all entries, the oldest first, and leaves none.
    #[must_use]
    pub fn take(&self) -> Vec<T> {
        std::mem::take(&mut *self.lock())
    }

    /// The entries, the oldest first; they stay.
    #[must_use]
    pub fn entries(&self) -> Vec<T>
    where
        T: Clone,
    {
        self.lock().clone()
    }

    /// Waits until the log has `entry`, which may have been there before.
    ///
    /// # Threads
    ///
    /// Any thread but the one that would add it.
    ///
    /// # Panics
    ///
    /// If `limit` passes before; the message has what is in the log instead.
    #[track_caller]
    pub fn wait_for<E>(&self, entry: E, limit: Duration)
    where
        T: PartialEq<E> + fmt::Debug,
        E: fmt::Debug,
    {
        let found = self.wait(limit, |entries| entries.iter().any(|one| *one == entry));
        assert!(found, "{entry:?} was not logged within {limit:?}; there is only {self:?}");
    }

    /// Waits until the log has at least `count` entries.
    ///
    /// # Threads
    ///
    /// Any thread but the one that would add them.
    ///
    /// # Panics
    ///
    /// If `limit` passes before; the message has what is in the log instead.
    #[track_caller]
    pub fn wait_for_len(&self, count: usize, limit: Duration)
    where
        T: fmt::Debug,
    {
        let found = self.wait(limit, |entries| entries.len() >= count);
        assert!(found, "fewer than {count} entries within {limit:?}; there is only {self:?}");
    }

    /// The first entry of which `is_it` is true, once there is one; none if `limit` passes before.
    pub(crate) fn find(&self, limit: Duration, is_it: impl Fn(&T) -> bool) -> Option<T>
    where
        T: Clone,
    {
        self.wait(limit, |entries| entries.iter().any(&is_it));
        self.lock().iter().find(|entry| is_it(entry)).cloned()
    }

    fn wait(&self, limit: Duration, enough: impl Fn(&[T]) -> bool) -> bool {
        let start = Instant::now();
        let mut entries = self.lock();
        while !enough(&entries) {
            let left = limit.saturating_sub(start.elapsed());
            if left.is_zero() {
                return false;
            }
            let waited = self.0.added.wait_timeout(entries, left);
            entries = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }

    fn lock(&self) -> MutexGuard<'_, Vec<T>> {
        lock(&self.0.entries)
    }
}

impl<T> Clone for EventLog<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Default for EventLog<T> {
    fn default() -> Self {
        Self(Arc::new(State { entries: Mutex::default(), added: Condvar::new() }))
    }
}

impl<T: fmt::Debug> fmt::Debug for EventLog<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.lock().iter()).finish()
    }
}
