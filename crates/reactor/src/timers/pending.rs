//! Names of timers, and what they stand for.

use super::Due;
use super::wheel::tick;
use slab::Slab;
use std::cmp::Ordering;

/// The name of a timer: its slot, and the lower halves of its sequence and of the tick in which it is
/// due. There are so many of them that it counts that they are small.
///
/// Half a sequence can be that of a later timer in the same slot, four thousand million timers after
/// a name that nobody has swept out since. Such a timer is due in another tick than the name says,
/// and whoever puts timers in order looks at that, or is there twice and runs once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Name {
    slot: u32,
    sequence: u32,
    tick: u32,
}

impl Name {
    pub(super) fn slot(self) -> usize {
        self.slot as usize
    }

    /// The tick in which its timer is due, if the upper half of it is that of `other`.
    pub(super) fn tick_near(self, other: u64) -> u64 {
        other >> u32::BITS << u32::BITS | u64::from(self.tick)
    }

    /// Whether it can be the name of a timer of that sequence.
    fn is_of(self, sequence: u64) -> bool {
        self.sequence == sequence as u32
    }
}

/// A timer in the front, or in a slot that is in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// In nanoseconds.
    pub(super) deadline: u64,
    pub(super) sequence: u64,
    slot: u32,
}

impl Entry {
    pub(super) fn new(deadline: u64, sequence: u64, slot: usize) -> Self {
        #[expect(clippy::expect_used, reason = "that many timers take 400 gigabytes")]
        let slot = u32::try_from(slot).expect("fewer timers than 2^32");
        Self { deadline, sequence, slot }
    }

    pub(super) fn slot(&self) -> usize {
        self.slot as usize
    }

    /// Deadline and sequence in one number: to compare that takes no jump, which nobody could foresee.
    fn order(&self) -> u128 {
        u128::from(self.deadline) << u64::BITS | u128::from(self.sequence)
    }

    pub(super) fn name(&self) -> Name {
        Name { slot: self.slot, sequence: self.sequence as u32, tick: tick(self.deadline) as u32 }
    }
}

/// The earliest is the greatest: that is what a heap gives first, and a list at its end.
impl Ord for Entry {
    fn cmp(&self, other: &Self) -> Ordering {
        other.order().cmp(&self.order())
    }
}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// The timers, as far as the wheel knows them.
pub(super) struct Pending<'a, F> {
    /// The sequence of the timer in each slot, 0 if there is none.
    pub(super) sequences: &'a [u64],
    pub(super) slots: &'a Slab<F>,
}

impl<F> Clone for Pending<'_, F> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<F> Copy for Pending<'_, F> {}

impl<F: Due> Pending<'_, F> {
    /// Whether a timer is still there under that name.
    pub(super) fn has(self, name: Name) -> bool {
        self.sequences.get(name.slot()).is_some_and(|&sequence| name.is_of(sequence))
    }

    /// Whether it is still there, and was not moved.
    pub(super) fn counts(self, entry: &Entry) -> bool {
        self.sequences.get(entry.slot()) == Some(&entry.sequence)
    }

    /// When it is due, if it is still there under that name.
    pub(super) fn entry(self, name: Name) -> Option<Entry> {
        let timer = self.slots.get(name.slot())?;
        let &sequence = self.sequences.get(name.slot())?;
        name.is_of(sequence).then(|| Entry::new(timer.due(), sequence, name.slot()))
    }
}
