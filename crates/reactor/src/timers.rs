//! The pending timers, in the order in which they are due.
//!
//! A plain data structure: it knows no reactor, no clock and runs nothing, so that a model can be
//! held against it. Closures leave it by value, and whoever takes one drops or runs it after the
//! borrow has ended (I5).
//!
//! Order is by (deadline, sequence): timers with equal deadlines run in the order in which they
//! were set (I8). The sequence number also tells which timers a pass may run: one that is set
//! while a pass runs has a later number and waits for the next pass (I7).

use crate::storage::GiveBack as _;
use slab::Slab;
use std::collections::BTreeMap;
use std::ops::Bound;
use std::time::Instant;

/// Names one timer. The identity is never used again, the slot is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TimerKey {
    slot: usize,
    identity: u64,
}

#[derive(Debug)]
struct Timer<F> {
    identity: u64,
    deadline: Instant,
    sequence: u64,
    callback: F,
}

#[derive(Debug)]
pub(crate) struct Timers<F> {
    slots: Slab<Timer<F>>,
    order: BTreeMap<(Instant, u64), usize>,
    next_sequence: u64,
}

impl<F> Timers<F> {
    pub(crate) fn new() -> Self {
        Self { slots: Slab::new(), order: BTreeMap::new(), next_sequence: 0 }
    }

    pub(crate) fn insert(&mut self, deadline: Instant, callback: F) -> TimerKey {
        let sequence = self.sequence();
        let timer = Timer { identity: sequence, deadline, sequence, callback };
        let slot = self.slots.insert(timer);
        self.order.insert((deadline, sequence), slot);
        TimerKey { slot, identity: sequence }
    }

    /// Takes a timer out, whether it is due or not.
    pub(crate) fn remove(&mut self, key: TimerKey) -> Option<F> {
        let timer = self.find(key)?;
        let place = (timer.deadline, timer.sequence);
        self.order.remove(&place);
        let removed = self.slots.try_remove(key.slot);
        self.slots.give_back();
        removed.map(|timer| timer.callback)
    }

    /// Moves a timer; among equal deadlines it goes to the end. `false`: it is not pending.
    pub(crate) fn set_deadline(&mut self, key: TimerKey, deadline: Instant) -> bool {
        let sequence = self.sequence();
        let Some(timer) = self.slots.get_mut(key.slot).filter(|t| t.identity == key.identity)
        else {
            return false;
        };
        self.order.remove(&(timer.deadline, timer.sequence));
        timer.deadline = deadline;
        timer.sequence = sequence;
        self.order.insert((deadline, sequence), key.slot);
        true
    }

    pub(crate) fn deadline(&self, key: TimerKey) -> Option<Instant> {
        self.find(key).map(|timer| timer.deadline)
    }

    pub(crate) fn first_deadline(&self) -> Option<Instant> {
        self.order.first_key_value().map(|(&(deadline, _), _)| deadline)
    }

    /// The first deadline that is later than `now`.
    pub(crate) fn first_deadline_after(&self, now: Instant) -> Option<Instant> {
        let later = (Bound::Excluded((now, u64::MAX)), Bound::Unbounded);
        self.order.range(later).next().map(|(&(deadline, _), _)| deadline)
    }

    /// The timers that are due at `now`, at most `limit` of them, in order. They stay pending: each
    /// is to be taken with [`take_due`](Self::take_due), because one may cancel or move the next.
    pub(crate) fn due(&self, now: Instant, limit: usize) -> Vec<(TimerKey, u64)> {
        self.order
            .range(..=(now, u64::MAX))
            .take(limit)
            .filter_map(|(&(_, sequence), &slot)| {
                let identity = self.slots.get(slot)?.identity;
                Some((TimerKey { slot, identity }, sequence))
            })
            .collect()
    }

    /// Takes one timer of [`due`](Self::due), unless it was cancelled or moved since.
    pub(crate) fn take_due(&mut self, (key, sequence): (TimerKey, u64)) -> Option<F> {
        if self.find(key)?.sequence != sequence {
            return None;
        }
        self.remove(key)
    }

    pub(crate) fn len(&self) -> usize {
        self.slots.len()
    }

    #[cfg(all(test, not(loom)))]
    pub(crate) fn capacity(&self) -> usize {
        self.slots.capacity()
    }

    /// Takes all timers out; the caller drops their closures.
    pub(crate) fn take(&mut self) -> Vec<F> {
        self.order.clear();
        self.slots.drain().map(|timer| timer.callback).collect()
    }

    /// Deadline and callback of each pending timer, the earliest first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Instant, &F)> {
        self.order.iter().filter_map(|(&(deadline, _), &slot)| {
            self.slots.get(slot).map(|timer| (deadline, &timer.callback))
        })
    }

    fn find(&self, key: TimerKey) -> Option<&Timer<F>> {
        self.slots.get(key.slot).filter(|timer| timer.identity == key.identity)
    }

    fn sequence(&mut self) -> u64 {
        self.next_sequence += 1;
        self.next_sequence
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::Timers;
    use proptest::collection::vec;
    use proptest::prelude::{Strategy, any, prop_oneof, proptest};
    use std::time::{Duration, Instant};

    #[derive(Clone, Debug)]
    enum Step {
        Insert(u64),
        Remove(usize),
        Move(usize, u64),
        Fire(u64),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            (0..20_u64).prop_map(Step::Insert),
            any::<usize>().prop_map(Step::Remove),
            (any::<usize>(), 0..20_u64).prop_map(|(which, to)| Step::Move(which, to)),
            (0..20_u64).prop_map(Step::Fire),
        ]
    }

    proptest! {
        /// Against a list that is sorted by (deadline, time of setting) at each step. The clock
        /// jumps both ways between steps.
        #[test]
        fn timers_agree_with_a_sorted_list(steps in vec(step(), 1..200)) {
            let base = Instant::now();
            let at = |second| base + Duration::from_secs(second);
            let mut timers = Timers::new();
            let mut keys = Vec::new();
            let mut model: Vec<(Instant, usize, usize)> = Vec::new();
            for (order, step) in steps.into_iter().enumerate() {
                match step {
                    Step::Insert(second) => {
                        model.push((at(second), order, keys.len()));
                        keys.push(timers.insert(at(second), keys.len()));
                    }
                    Step::Remove(which) if !keys.is_empty() => {
                        let which = which % keys.len();
                        let expected = model.iter().position(|&(_, _, id)| id == which);
                        assert_eq!(timers.remove(keys[which]).is_some(), expected.is_some());
                        expected.map(|index| model.remove(index));
                    }
                    Step::Move(which, second) if !keys.is_empty() => {
                        let which = which % keys.len();
                        let expected = model.iter().position(|&(_, _, id)| id == which);
                        let moved = timers.set_deadline(keys[which], at(second));
                        assert_eq!(moved, expected.is_some());
                        if let Some(index) = expected {
                            model[index] = (at(second), order, which);
                        }
                    }
                    Step::Fire(second) => {
                        model.sort_unstable();
                        let due = model.iter().take_while(|one| one.0 <= at(second)).count();
                        let expected: Vec<_> = model.drain(..due).map(|(_, _, id)| id).collect();
                        let batch = timers.due(at(second), usize::MAX);
                        let fired: Vec<_> =
                            batch.into_iter().filter_map(|one| timers.take_due(one)).collect();
                        assert_eq!(fired, expected);
                    }
                    Step::Remove(_) | Step::Move(..) => {}
                }
                assert_eq!(timers.len(), model.len());
                assert_eq!(timers.first_deadline(), model.iter().map(|one| one.0).min());
            }
        }
    }
}
