//! What a reactor runs now, for those who look at it from another thread.
//!
//! A reactor that is blocked in a callback cannot say so itself. So it leaves word when it begins a
//! callback, and when it has ended it; the changes are counted, by which two looks at the word tell
//! one callback from the next. No clock is read: time is the business of those who look.
//!
//! As long as nobody watches, that is one relaxed load for a callback, which does not show beside
//! the 5 ns of an empty one. A watch costs a lock before the callback and one after it, 15 ns.
//!
//! *Who watches sleeps while there is nothing to see.* A watcher asks to be called at the next
//! change after the last one that it has seen. Whether that has come already is decided under the
//! lock under which changes are made, so that none is missed. **Lock rule:** alarms are called after
//! the lock.

use crate::handle::ReactorHandle;
use crate::sync::{AtomicBool, Mutex, MutexGuard, Ordering};
use std::fmt;
use std::panic::Location;
use std::sync::{Arc, PoisonError};
use std::thread::{self, Thread};

/// What a watcher has called when there is something to see, on the reactor thread.
type Alarm = Arc<dyn Fn() + Send + Sync>;

/// A callback, or a piece of one, that a reactor runs. For crates that extend the reactor.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "hidden, and made by nobody else")]
pub struct RunningCallback {
    pub kind: &'static str,
    pub location: &'static Location<'static>,
}

/// What one look at a reactor sees. For crates that extend the reactor.
#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_structs, reason = "hidden, and made by nobody else")]
pub struct Glance {
    /// How many changes there have been while somebody watched: the same number means the same
    /// callback.
    pub changes: u64,
    /// `None`: it sleeps, is between two callbacks, or does not run.
    pub running: Option<RunningCallback>,
    /// It has been dropped.
    pub gone: bool,
}

/// One per reactor.
pub(crate) struct Record {
    /// There are watchers.
    watched: AtomicBool,
    state: Mutex<State>,
    thread: Thread,
}

#[derive(Default)]
struct State {
    changes: u64,
    running: Option<RunningCallback>,
    gone: bool,
    watchers: Vec<Watcher>,
    watchers_ever: u64,
}

struct Watcher {
    id: u64,
    alarm: Alarm,
    /// It waits for the next change.
    waits: bool,
}

impl Default for Record {
    fn default() -> Self {
        Self {
            watched: AtomicBool::new(false),
            state: Mutex::new(State::default()),
            thread: thread::current(),
        }
    }
}

impl Record {
    pub(crate) fn thread(&self) -> &Thread {
        &self.thread
    }

    /// Has a wait inside of a callback look around.
    pub(crate) fn unpark(&self) {
        self.thread.unpark();
    }

    pub(crate) fn is_watched(&self) -> bool {
        self.watched.load(Ordering::Relaxed)
    }

    /// Notes what begins; what was there before is there again when the return value is dropped.
    #[inline]
    pub(crate) fn enter(
        &self,
        kind: &'static str,
        location: &'static Location<'static>,
    ) -> Noted<'_> {
        if self.is_watched() { self.note(RunningCallback { kind, location }) } else { Noted(None) }
    }

    #[cold]
    fn note(&self, running: RunningCallback) -> Noted<'_> {
        Noted(Some(Note {
            record: self,
            outer: self.change(|state| state.running.replace(running)),
        }))
    }

    /// The reactor is dropped.
    pub(crate) fn end(&self) {
        self.change(|state| state.gone = true);
    }

    fn change<R>(&self, change: impl FnOnce(&mut State) -> R) -> R {
        let mut state = self.lock();
        let result = change(&mut state);
        state.changes += 1;
        let waiting = state.watchers.iter_mut().filter(|watcher| watcher.waits);
        // Nobody waits, nearly always: that allocates nothing.
        let alarms: Vec<Alarm> = waiting
            .map(|watcher| {
                watcher.waits = false;
                Arc::clone(&watcher.alarm)
            })
            .collect();
        drop(state);
        alarms.iter().for_each(|alarm| alarm());
        result
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let running = self.lock().running;
        f.debug_struct("Record").field("running", &running).finish_non_exhaustive()
    }
}

/// Ends what was noted, also when it panics.
pub(crate) struct Noted<'a>(
    #[expect(dead_code, reason = "it is there to be dropped")] Option<Note<'a>>,
);

struct Note<'a> {
    record: &'a Record,
    outer: Option<RunningCallback>,
}

impl Drop for Note<'_> {
    fn drop(&mut self) {
        self.record.change(|state| state.running = self.outer);
    }
}

/// A watch over a reactor from any thread, which does not keep it alive. For crates that extend the
/// reactor.
#[doc(hidden)]
#[derive(Debug)]
pub struct ReactorWatch {
    record: Arc<Record>,
    id: u64,
}

impl ReactorWatch {
    fn new(record: Arc<Record>, alarm: Alarm) -> Self {
        let mut state = record.lock();
        state.watchers_ever += 1;
        let id = state.watchers_ever;
        state.watchers.push(Watcher { id, alarm, waits: false });
        record.watched.store(true, Ordering::Relaxed);
        drop(state);
        Self { record, id }
    }

    #[must_use]
    pub fn look(&self) -> Glance {
        let state = self.record.lock();
        Glance { changes: state.changes, running: state.running, gone: state.gone }
    }

    /// Has the alarm called, once, at the next change. `false`: there has been one since `changes`
    /// was seen, and the alarm is not set.
    #[must_use]
    pub fn wait_for_change(&self, changes: u64) -> bool {
        let mut state = self.record.lock();
        let is_seen = state.changes == changes;
        let own = state.watchers.iter_mut().find(|watcher| watcher.id == self.id);
        if let (true, Some(watcher)) = (is_seen, own) {
            watcher.waits = true;
        }
        is_seen
    }

    /// Whether both watch one reactor.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.record, &other.record)
    }

    /// The thread of the reactor.
    #[must_use]
    pub fn thread(&self) -> &Thread {
        &self.record.thread
    }
}

impl Drop for ReactorWatch {
    fn drop(&mut self) {
        let mut state = self.record.lock();
        let own = state.watchers.iter().position(|watcher| watcher.id == self.id);
        let watcher = own.map(|index| state.watchers.swap_remove(index));
        self.record.watched.store(!state.watchers.is_empty(), Ordering::Relaxed);
        drop(state);
        drop(watcher);
    }
}

impl ReactorHandle {
    /// Watches what the reactor runs. A callback that runs already is not seen. For crates that
    /// extend the reactor.
    ///
    /// `alarm` is called on the reactor thread, at a change that
    /// [`wait_for_change`](ReactorWatch::wait_for_change) waits for.
    ///
    /// # Threads
    ///
    /// Any thread.
    #[doc(hidden)]
    #[must_use]
    pub fn watch(&self, alarm: Arc<dyn Fn() + Send + Sync>) -> ReactorWatch {
        ReactorWatch::new(Arc::clone(&self.0.running), alarm)
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::{ReactorWatch, Record, RunningCallback};
    use std::panic::Location;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    fn watched() -> (Arc<Record>, ReactorWatch, Arc<AtomicUsize>) {
        let (record, rings) = (Arc::new(Record::default()), Arc::new(AtomicUsize::new(0)));
        let counted = Arc::clone(&rings);
        let alarm = move || {
            counted.fetch_add(1, Ordering::Relaxed);
        };
        let watch = ReactorWatch::new(Arc::clone(&record), Arc::new(alarm));
        (record, watch, rings)
    }

    fn kind(watch: &ReactorWatch) -> Option<&'static str> {
        watch.look().running.map(|RunningCallback { kind, .. }| kind)
    }

    #[test]
    fn a_piece_stands_in_front_of_what_it_is_part_of() {
        let (record, watch, _) = watched();
        let here = Location::caller();
        let outer = record.enter("outer", here);
        let before = watch.look();
        {
            let _inner = record.enter("inner", here);
            assert_eq!(kind(&watch), Some("inner"));
        }
        let after = watch.look();
        assert_eq!(after.running, Some(RunningCallback { kind: "outer", location: here }));
        assert_ne!(before.changes, after.changes, "it has got on");
        drop(outer);
        assert_eq!(kind(&watch), None);
    }

    #[test]
    fn i6_nothing_is_noted_for_nobody() {
        let (record, watch, _) = watched();
        let other = ReactorWatch::new(Arc::clone(&record), Arc::new(|| ()));
        drop(watch);
        let running = record.enter("call", Location::caller());
        assert_eq!(kind(&other), Some("call"));
        drop(other);
        assert!(!record.is_watched());
        // What was noted for a watcher ends without one.
        drop(running);
        let unseen = record.enter("timer", Location::caller());
        let late = ReactorWatch::new(Arc::clone(&record), Arc::new(|| ()));
        assert_eq!(kind(&late), None);
        drop(unseen);
        assert_eq!(late.look().changes, 2);
    }

    #[test]
    fn i6_one_alarm_for_each_wait_and_none_for_a_change_that_has_come() {
        let (record, watch, rings) = watched();
        let rung = || rings.load(Ordering::Relaxed);
        let first = watch.look().changes;
        drop(record.enter("call", Location::caller()));
        assert!(!watch.wait_for_change(first));
        drop(record.enter("call", Location::caller()));
        assert_eq!(rung(), 0);
        assert!(watch.wait_for_change(watch.look().changes));
        assert_eq!(rung(), 0);
        let running = record.enter("call", Location::caller());
        assert_eq!(rung(), 1);
        drop(running);
        assert_eq!(rung(), 1);
        assert!(watch.wait_for_change(watch.look().changes));
        record.end();
        assert_eq!((rung(), watch.look().gone), (2, true));
    }
}

#[cfg(all(test, loom))]
mod loom_tests {
    use super::{ReactorWatch, Record};
    use loom::sync::{Condvar, Mutex};
    use loom::thread;
    use std::panic::Location;
    use std::sync::Arc;

    /// The watcher sleeps without a time-out: a lost alarm would be a deadlock, which loom reports.
    #[test]
    fn loom_no_change_is_missed() {
        loom::model(|| {
            let bell = Arc::new((Mutex::new(false), Condvar::new()));
            let record = Arc::new(Record::default());
            let rope = Arc::clone(&bell);
            let alarm = move || {
                *rope.0.lock().unwrap() = true;
                rope.1.notify_one();
            };
            let watch = ReactorWatch::new(Arc::clone(&record), Arc::new(alarm));
            let reactor = thread::spawn(move || drop(record.enter("call", Location::caller())));
            let mut seen = watch.look();
            while seen.changes < 2 {
                if watch.wait_for_change(seen.changes) {
                    let mut rung = bell.0.lock().unwrap();
                    while !*rung {
                        rung = bell.1.wait(rung).unwrap();
                    }
                    *rung = false;
                }
                seen = watch.look();
            }
            assert!(seen.running.is_none());
            reactor.join().unwrap();
        });
    }
}
