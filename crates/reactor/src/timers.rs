//! The pending timers, in the order in which they are due.
//!
//! A plain data structure: it knows no reactor, no clock and runs nothing, so that a model can be
//! held against it. Closures leave it by value, and whoever takes one drops or runs it after the
//! borrow has ended (I5).
//!
//! Order is by (deadline, sequence): timers with equal deadlines run in the order in which they
//! were set (I8). The sequence number also tells which timers a pass may run: one that is set
//! while a pass runs has a later number and waits for the next pass (I7).
//!
//! A timer is kept in three places: what it runs in a slab, its sequence beside that, and slot and
//! sequence, its *name*, in the wheel. When it is due is known to what it runs, which is looked at
//! when it comes up; whoever cancels it, or sweeps, needs only the sequence.

#[cfg(all(test, not(loom)))]
mod edges;
#[cfg(all(test, not(loom)))]
mod model;
mod pending;
mod slot;
mod wheel;

use crate::clock;
use crate::storage::KEPT;
use pending::{Entry, Pending};
use slab::Slab;
use std::time::{Duration, Instant};
use wheel::Wheel;

/// Up to this many cancelled or moved timers are left in the wheel in any case.
const LEFT: usize = 64;

/// Names one timer as long as it is not moved. The sequence is never used again, the slot is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TimerKey {
    slot: usize,
    sequence: u64,
}

impl TimerKey {
    /// The name of none: sequences begin with 1.
    pub(crate) const NONE: Self = Self { slot: 0, sequence: 0 };
}

/// What one pass over the timers may run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pass {
    now: u64,
    last_sequence: u64,
}

/// What a timer runs. It keeps the deadline, in nanoseconds, for those who do not look at it before
/// it comes up.
pub(crate) trait Due {
    fn due(&self) -> u64;

    fn set_due(&mut self, due: u64);
}

impl<F: Due + ?Sized> Due for Box<F> {
    fn due(&self) -> u64 {
        (**self).due()
    }

    fn set_due(&mut self, due: u64) {
        (**self).set_due(due);
    }
}

#[derive(Debug)]
pub(crate) struct Timers<F> {
    /// Deadlines are kept as nanoseconds since then. The last of them, 584 years later, is never.
    base: Instant,
    slots: Slab<F>,
    /// The sequence of the timer in each slot, 0 if there is none. By itself, because it is asked
    /// for more often than all else: whether a name in the wheel still counts.
    sequences: Vec<u64>,
    wheel: Wheel,
    last_sequence: u64,
    /// How many have to leave until the storage is looked at.
    patience: usize,
}

impl<F: Due> Timers<F> {
    /// There are no deadlines before `base`: they count as being then.
    pub(crate) fn new(base: Instant) -> Self {
        let (slots, sequences) = (Slab::new(), Vec::new());
        Self { base, slots, sequences, wheel: Wheel::new(), last_sequence: 0, patience: 0 }
    }

    /// Sets a timer for `delay` after `now`. What is too far away for the clock is never.
    pub(crate) fn insert(&mut self, now: Instant, delay: Duration, mut callback: F) -> TimerKey {
        let deadline = self.nanos_after(now, delay);
        callback.set_due(deadline);
        let slot = self.slots.insert(callback);
        if slot == self.sequences.len() {
            self.sequences.push(0);
        }
        self.schedule(slot, deadline)
    }

    /// Takes a timer out, whether it is due or not.
    pub(crate) fn remove(&mut self, key: TimerKey) -> Option<F> {
        if !self.is_pending(key) {
            return None;
        }
        let callback = self.take_slot(key.slot);
        self.sweep();
        callback
    }

    /// Moves a timer to `delay` after `from`; it has another name from then on, and among equal
    /// deadlines goes to the end. `None`: it is not pending.
    pub(crate) fn set_deadline(
        &mut self,
        key: TimerKey,
        from: Instant,
        delay: Duration,
    ) -> Option<TimerKey> {
        if !self.is_pending(key) {
            return None;
        }
        let deadline = self.nanos_after(from, delay);
        self.slots.get_mut(key.slot)?.set_due(deadline);
        let moved = self.schedule(key.slot, deadline);
        self.sweep();
        Some(moved)
    }

    pub(crate) fn deadline(&self, key: TimerKey) -> Option<Instant> {
        let timer = self.slots.get(key.slot).filter(|_| self.is_pending(key))?;
        Some(self.instant(timer.due()))
    }

    /// When the first timer is due; `None` also if all that there are are never due.
    #[inline]
    pub(crate) fn first_deadline(&mut self) -> Option<Instant> {
        if self.slots.is_empty() { None } else { self.look_for_first() }
    }

    fn look_for_first(&mut self) -> Option<Instant> {
        let pending = Pending { sequences: &self.sequences, slots: &self.slots };
        let first = self.wheel.first(pending)?;
        (first.deadline != u64::MAX).then(|| self.instant(first.deadline))
    }

    /// The first deadline that is later than `now`. It looks at all timers.
    pub(crate) fn first_deadline_after(&self, now: Instant) -> Option<Instant> {
        let now = self.nanos(now);
        let deadlines = self.slots.iter().map(|(_, timer)| timer.due());
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
            let pending = Pending { sequences: &self.sequences, slots: &self.slots };
            self.wheel.open(pass.now, pending);
            let &first = self.wheel.front()?;
            let counts = pending.counts(&first);
            // What was set since is due at the beginning of the pass at the earliest, so that it
            // comes after all that was set before.
            if counts && (first.deadline > pass.now || first.sequence > pass.last_sequence) {
                return None;
            }
            self.wheel.pop_front();
            if counts {
                let late = Duration::from_nanos(pass.now - first.deadline);
                let callback = self.take_slot(first.slot());
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
        self.slots.capacity().max(self.sequences.capacity()).max(self.wheel.capacity())
    }

    /// Takes all timers out; the caller drops their closures.
    pub(crate) fn take(&mut self) -> Vec<F> {
        self.wheel = Wheel::new();
        self.sequences = Vec::new();
        std::mem::take(&mut self.slots).into_iter().map(|(_, callback)| callback).collect()
    }

    /// Deadline and callback of each pending timer, the earliest first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Instant, &F)> {
        let mut timers: Vec<_> = self.slots.iter().collect();
        timers.sort_unstable_by_key(|&(slot, timer)| (timer.due(), self.sequences.get(slot)));
        timers.into_iter().map(|(_, timer)| (self.instant(timer.due()), timer))
    }

    fn is_pending(&self, key: TimerKey) -> bool {
        self.sequences.get(key.slot) == Some(&key.sequence)
    }

    /// Puts what is in a slot into the order, with a sequence of its own.
    fn schedule(&mut self, slot: usize, deadline: u64) -> TimerKey {
        self.last_sequence += 1;
        let sequence = self.last_sequence;
        self.sequences[slot] = sequence;
        self.wheel.insert(Entry::new(deadline, sequence, slot));
        TimerKey { slot, sequence }
    }

    fn take_slot(&mut self, slot: usize) -> Option<F> {
        let callback = self.slots.try_remove(slot)?;
        self.sequences[slot] = 0;
        if self.slots.capacity() > KEPT {
            self.give_back();
        }
        Some(callback)
    }

    /// Gives storage back that a burst has left behind: all of it if nothing is there any more, else
    /// what lies behind the last timer. To look for that is cheap, but to find some takes a walk
    /// through the free slots, which those pay for that leave in between.
    fn give_back(&mut self) {
        if self.slots.is_empty() {
            (self.slots, self.sequences) = (Slab::new(), Vec::new());
            return;
        }
        self.patience = self.patience.saturating_sub(1);
        let capacity = self.slots.capacity();
        if self.patience > 0 || self.slots.len() >= capacity / 4 {
            return;
        }
        self.slots.shrink_to_fit();
        let left = self.slots.capacity();
        let found = left < capacity;
        self.patience = if found { (left / 8).min(self.slots.len() / 2) } else { 0 };
        let end = self.slots.iter().next_back().map_or(0, |(slot, _)| slot + 1);
        self.sequences.truncate(end);
        self.sequences.shrink_to_fit();
    }

    /// Takes what does not count any more out of the wheel, once it is the greater part. Each two
    /// entries that are looked at are paid for by a timer that went since the last time.
    fn sweep(&mut self) {
        if self.wheel.len() > 2 * self.slots.len() + LEFT {
            self.wheel.retain(Pending { sequences: &self.sequences, slots: &self.slots });
        }
    }

    fn nanos(&self, time: Instant) -> u64 {
        nanos(time.saturating_duration_since(self.base))
    }

    fn nanos_after(&self, from: Instant, delay: Duration) -> u64 {
        self.nanos(from).saturating_add(nanos(delay))
    }

    fn instant(&self, nanos: u64) -> Instant {
        clock::deadline(self.base, Duration::from_nanos(nanos))
    }
}

/// What is more than 584 years is as much.
fn nanos(duration: Duration) -> u64 {
    let seconds = duration.as_secs().saturating_mul(1_000_000_000);
    seconds.saturating_add(duration.subsec_nanos().into())
}
