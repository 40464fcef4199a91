//! The way in for other threads: a queue, who may still enter, and whether the loop sleeps.
//!
//! All three are under one lock, and that is the whole protocol:
//!
//! *No wake-up is lost.* Who hands something in looks at `asleep` in the critical section in which he
//! pushes; the loop sets it in the one in which it finds nothing. Whichever comes second sees the
//! other.
//!
//! *Nothing is stranded.* What is handed in after [`close`](Intake::close) is refused in the same
//! critical section; what was accepted before is in the queue.
//!
//! *One wake-up per sleep.* Only who clears `asleep` wakes the loop.
//!
//! The flags are atomics beside the lock only so that the loop can look at them, and clear `asleep`,
//! without it. That it clears `asleep` may be seen too late: then it is woken for nothing, once.
//!
//! **Lock rule:** nothing but moves, and what memory these need, happens under it.

use crate::sync::{AtomicBool, Mutex, MutexGuard, Ordering, lock};

/// `Q` is the queue; a model can put another one in its place.
pub(crate) struct Intake<Q> {
    queue: Mutex<Q>,
    /// Things are accepted. Changed under the lock.
    open: AtomicBool,
    /// Something was pushed since the loop has taken the queue. Set under the lock.
    arrived: AtomicBool,
    /// The loop is about to sleep, or sleeps, in the selector. Set under the lock.
    asleep: AtomicBool,
    /// Somebody wants the loop to look around before it sleeps. Changed under the lock.
    nudged: AtomicBool,
}

impl<Q> Intake<Q> {
    pub(crate) fn new(queue: Q) -> Self {
        Self {
            queue: Mutex::new(queue),
            open: AtomicBool::new(true),
            arrived: AtomicBool::new(false),
            asleep: AtomicBool::new(false),
            nudged: AtomicBool::new(false),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Q> {
        lock(&self.queue)
    }

    /// Whether things are accepted, for who has the lock.
    fn is_open_now(&self, _queue: &MutexGuard<'_, Q>) -> bool {
        self.open.load(Ordering::Relaxed)
    }

    /// Hands `thing` in, or back. `Ok(true)`: the caller must wake the loop.
    pub(crate) fn push<T>(&self, thing: T, put: impl FnOnce(&mut Q, T)) -> Result<bool, T> {
        let mut queue = self.lock();
        if !self.is_open_now(&queue) {
            return Err(thing);
        }
        put(&mut queue, thing);
        self.arrived.store(true, Ordering::Release);
        Ok(self.rouse())
    }

    /// Clears `asleep`, under the lock. `true`: it was set.
    fn rouse(&self) -> bool {
        let asleep = self.asleep.load(Ordering::Relaxed);
        if asleep {
            self.asleep.store(false, Ordering::Relaxed);
        }
        asleep
    }

    /// Has the loop look around before it sleeps again. `true`: the caller must wake it.
    pub(crate) fn nudge(&self) -> bool {
        let _queue = self.lock();
        self.nudged.store(true, Ordering::Relaxed);
        self.rouse()
    }

    /// As [`nudge`](Self::nudge), if things are still accepted; `set` runs under the lock, so that
    /// [`close`](Self::close) comes before or after it.
    pub(crate) fn nudge_if_open(&self, set: impl FnOnce()) -> bool {
        let queue = self.lock();
        if !self.is_open_now(&queue) {
            return false;
        }
        set();
        self.nudged.store(true, Ordering::Relaxed);
        self.rouse()
    }

    /// `true`: the caller must wake the loop, for something that it looks at in
    /// [`doze`](Self::doze).
    pub(crate) fn call_out(&self) -> bool {
        let _queue = self.lock();
        self.rouse()
    }

    /// Whether something was pushed since the queue was last taken. It may be seen late, but
    /// [`doze`](Self::doze) misses nothing.
    pub(crate) fn has_arrived(&self) -> bool {
        self.arrived.load(Ordering::Acquire)
    }

    /// As [`has_arrived`](Self::has_arrived), or somebody has nudged.
    pub(crate) fn is_busy(&self) -> bool {
        self.has_arrived() || self.nudged.load(Ordering::Relaxed)
    }

    /// Gives the queue to the loop. `take` runs under the lock and leaves an empty one behind.
    pub(crate) fn take<R>(&self, take: impl FnOnce(&mut Q) -> R) -> R {
        let mut queue = self.lock();
        self.arrived.store(false, Ordering::Relaxed);
        take(&mut queue)
    }

    /// Looks at the queue.
    pub(crate) fn look<R>(&self, look: impl FnOnce(&Q) -> R) -> R {
        look(&self.lock())
    }

    /// Whether the loop may sleep now: nothing has arrived, nobody has nudged, and `idle` finds
    /// nothing else. If so, whoever comes from here on wakes it.
    pub(crate) fn doze(&self, idle: impl FnOnce() -> bool) -> bool {
        let _queue = self.lock();
        let nudged = self.nudged.load(Ordering::Relaxed);
        self.nudged.store(false, Ordering::Relaxed);
        if nudged || self.arrived.load(Ordering::Relaxed) || !idle() {
            return false;
        }
        self.asleep.store(true, Ordering::Relaxed);
        true
    }

    /// The loop is awake, whoever woke it.
    pub(crate) fn wake(&self) {
        self.asleep.store(false, Ordering::Relaxed);
    }

    /// Accepts things (again).
    pub(crate) fn open(&self) {
        let _queue = self.lock();
        self.open.store(true, Ordering::Release);
    }

    /// Refuses everything from here on; what was accepted is in the queue.
    pub(crate) fn close(&self) {
        let _queue = self.lock();
        self.open.store(false, Ordering::Release);
    }

    /// Whether things are accepted. It may be seen late, but on the thread that changes it it is not.
    pub(crate) fn is_open(&self) -> bool {
        self.open.load(Ordering::Acquire)
    }
}
