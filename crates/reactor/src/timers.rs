//! The pending timers, in the order in which they are due.
//!
//! A plain data structure: it knows no reactor, no clock and runs nothing, so that a model can be
//! held against it. Closures leave it by value, and whoever takes one drops or runs it after the
//! borrow has ended (I5).
//!
//! Order is by (deadline, sequence): timers with equal deadlines run in the order in which they
//! were set (I8). The sequence number also tells which timers a pass may run: one that is set
//! while a pass runs has a later number and waits for the next pass (I7).

#[cfg(all(test, not(loom)))]
mod model;
mod wheel;

use crate::clock;
use crate::storage::{GiveBack as _, KEPT};
use slab::Slab;
use std::time::{Duration, Instant};
use wheel::{Entry, Wheel};

/// Up to this many cancelled or moved timers are left in the wheel in any case.
const LEFT: usize = 64;

/// Names one timer as long as it is not moved. The sequence is never used again, the slot is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TimerKey {
    slot: usize,
    sequence: u64,
}

/// What one pass over the timers may run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pass {
    now: u64,
    last_sequence: u64,
}

#[derive(Debug)]
struct Timer<F> {
    deadline: u64,
    sequence: u64,
    callback: F,
}

#[derive(Debug)]
pub(crate) struct Timers<F> {
    /// Deadlines are kept as nanoseconds since then. The last of them, 584 years later, is never.
    base: Instant,
    slots: Slab<Timer<F>>,
    wheel: Wheel,
    last_sequence: u64,
    /// How many have left since the storage was last looked at.
    gone: usize,
}

impl<F> Timers<F> {
    /// There are no deadlines before `base`: they count as being then.
    pub(crate) fn new(base: Instant) -> Self {
        Self { base, slots: Slab::new(), wheel: Wheel::new(), last_sequence: 0, gone: 0 }
    }

    pub(crate) fn insert(&mut self, deadline: Instant, callback: F) -> TimerKey {
        let (deadline, sequence) = (self.nanos(deadline), self.sequence());
        let slot = self.slots.insert(Timer { deadline, sequence, callback });
        self.wheel.insert(Entry { deadline, sequence, slot });
        TimerKey { slot, sequence }
    }

    /// Takes a timer out, whether it is due or not.
    pub(crate) fn remove(&mut self, key: TimerKey) -> Option<F> {
        self.find(key)?;
        let callback = self.take_slot(key.slot);
        self.sweep();
        callback
    }

    /// Moves a timer, which has another name from then on; among equal deadlines it goes to the
    /// end. `None`: it is not pending.
    pub(crate) fn set_deadline(&mut self, key: TimerKey, deadline: Instant) -> Option<TimerKey> {
        let deadline = self.nanos(deadline);
        let timer = self.slots.get_mut(key.slot).filter(|timer| timer.sequence == key.sequence)?;
        self.last_sequence += 1;
        let sequence = self.last_sequence;
        (timer.deadline, timer.sequence) = (deadline, sequence);
        self.wheel.insert(Entry { deadline, sequence, slot: key.slot });
        self.sweep();
        Some(TimerKey { slot: key.slot, sequence })
    }

    pub(crate) fn deadline(&self, key: TimerKey) -> Option<Instant> {
        self.find(key).map(|timer| self.instant(timer.deadline))
    }

    /// When the first timer is due; `None` also if all that there are are never due.
    pub(crate) fn first_deadline(&mut self) -> Option<Instant> {
        if self.slots.is_empty() {
            return None;
        }
        let slots = &self.slots;
        let first = self.wheel.first(|entry| is_pending(slots, entry))?;
        (first.deadline != u64::MAX).then(|| self.instant(first.deadline))
    }

    /// The first deadline that is later than `now`. It looks at all timers.
    pub(crate) fn first_deadline_after(&self, now: Instant) -> Option<Instant> {
        let now = self.nanos(now);
        let deadlines = self.slots.iter().map(|(_, timer)| timer.deadline);
        let first = deadlines.filter(|&deadline| deadline > now && deadline != u64::MAX).min()?;
        Some(self.instant(first))
    }

    /// Begins a pass over what is due at `now`.
    pub(crate) fn begin_pass(&self, now: Instant) -> Pass {
        Pass { now: self.nanos(now).min(u64::MAX - 1), last_sequence: self.last_sequence }
    }

    /// Takes the next timer of a pass, and how long ago it was due. A timer that was set or moved
    /// since the pass began is none of it, and neither is one that was cancelled.
    pub(crate) fn next_due(&mut self, pass: Pass) -> Option<(Duration, F)> {
        loop {
            let slots = &self.slots;
            self.wheel.open(pass.now, |entry| is_pending(slots, entry));
            let &first = self.wheel.front()?;
            let pending = is_pending(slots, &first);
            // What was set since is due at the beginning of the pass at the earliest, so that it
            // comes after all that was set before.
            if pending && (first.deadline > pass.now || first.sequence > pass.last_sequence) {
                return None;
            }
            self.wheel.pop_front();
            if pending {
                let late = Duration::from_nanos(pass.now - first.deadline);
                let callback = self.take_slot(first.slot);
                self.sweep();
                return callback.map(|callback| (late, callback));
            }
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.slots.len()
    }

    #[cfg(all(test, not(loom)))]
    pub(crate) fn capacity(&self) -> usize {
        self.slots.capacity().max(self.wheel.capacity())
    }

    /// Takes all timers out; the caller drops their closures.
    pub(crate) fn take(&mut self) -> Vec<F> {
        self.wheel.clear();
        std::mem::take(&mut self.slots).into_iter().map(|(_, timer)| timer.callback).collect()
    }

    /// Deadline and callback of each pending timer, the earliest first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Instant, &F)> {
        let mut timers: Vec<_> = self.slots.iter().map(|(_, timer)| timer).collect();
        timers.sort_unstable_by_key(|timer| (timer.deadline, timer.sequence));
        timers.into_iter().map(|timer| (self.instant(timer.deadline), &timer.callback))
    }

    fn find(&self, key: TimerKey) -> Option<&Timer<F>> {
        self.slots.get(key.slot).filter(|timer| timer.sequence == key.sequence)
    }

    fn take_slot(&mut self, slot: usize) -> Option<F> {
        let timer = self.slots.try_remove(slot)?;
        self.gone += 1;
        self.slots.give_back();
        let capacity = self.slots.capacity();
        if capacity > KEPT && self.gone > capacity / 8 {
            self.gone = 0;
            if self.slots.len() < capacity / 4 {
                self.slots.shrink_to_fit();
            }
        }
        Some(timer.callback)
    }

    /// Takes what does not count any more out of the wheel, once it is the greater part. Each two
    /// entries that are looked at are paid for by a timer that went since the last time.
    fn sweep(&mut self) {
        if self.wheel.len() > 2 * self.slots.len() + LEFT {
            let slots = &self.slots;
            self.wheel.retain(|entry| is_pending(slots, entry));
        }
    }

    fn sequence(&mut self) -> u64 {
        self.last_sequence += 1;
        self.last_sequence
    }

    fn nanos(&self, time: Instant) -> u64 {
        let nanos = time.saturating_duration_since(self.base).as_nanos();
        u64::try_from(nanos).unwrap_or(u64::MAX)
    }

    fn instant(&self, nanos: u64) -> Instant {
        clock::deadline(self.base, Duration::from_nanos(nanos))
    }
}

/// Whether the timer of an entry is still there and where the entry says.
fn is_pending<F>(slots: &Slab<Timer<F>>, entry: &Entry) -> bool {
    slots.get(entry.slot).is_some_and(|timer| timer.sequence == entry.sequence)
}
