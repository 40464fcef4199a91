//! The order of the timers: a wheel of wheels, whose slots are put in order only when they come up.
//!
//! Time is counted in ticks of 2^20 ns, about a millisecond. A level has 64 slots; a slot of level
//! 0 is one tick wide, a slot of the next level is as wide as all slots of the one below. Which
//! slot a timer belongs to follows from where its tick and the tick that the wheel has reached
//! differ in their highest bit. So each timer of a lower level comes before each of a higher one,
//! in a level the slots are in order, and what is in a slot can be in any order. A timer moves
//! down once per level at most, and putting it in costs a `push`.
//!
//! A slot holds no more than the names of the timers. Most are cancelled before anybody wants to
//! know when they are due, and what makes a million of them dear is memory that nobody has touched
//! before: 5 ns for each 8 bytes. A name says in which tick its timer is due, so that a slot is
//! spread over the level below without a look at the timers. When a slot of level 0 comes up, the
//! deadlines are asked for, of all its timers together, so that they are fetched side by side.
//!
//! Lists through the timers, from which one is unlinked, would need no names. They were slower: both
//! neighbours of a timer are elsewhere in memory, and to walk a list is to wait for each of them.
//!
//! What the wheel has reached, the *front*, is in exact order. Most of it is a list, which is
//! sorted when a slot is opened; what comes in for a time that is reached already goes to a heap
//! beside it.
//!
//! The wheel goes no further than the time, because what lies before it is slow. To tell when the
//! first timer of a slot that has not come up is due, the slot is made a heap where it stands, unless
//! there are but a few in it.
//!
//! Names are never looked for: one that does not count any more, because its timer was cancelled
//! or moved, stays until it comes up or [`Wheel::retain`] takes out all of its kind.

use super::Due;
use super::pending::{Entry, Name, Pending};
use super::slot::{KEPT, Slot, retain_in_heap, shrink};
use crate::storage;
use std::collections::BinaryHeap;

/// A tick is 2^20 ns.
pub(super) const TICK_BITS: u32 = 20;
/// A level has 64 slots.
pub(super) const SLOT_BITS: u32 = 6;
const SLOTS: usize = 1 << SLOT_BITS;
/// The levels for the 44 bits of a tick.
pub(super) const LEVELS: usize = (u64::BITS - TICK_BITS).div_ceil(SLOT_BITS) as usize;
/// The highest level whose slots are so narrow that a name tells the tick.
const TOLD: usize = (u32::BITS / SLOT_BITS) as usize;

#[derive(Debug)]
pub(super) struct Wheel {
    /// The tick that it has reached: what is due in it or before it is in the front, all else is
    /// in the levels.
    reached: u64,
    /// The front, but for what came late; the earliest at the end.
    opened: Vec<Entry>,
    late: BinaryHeap<Entry>,
    levels: [Option<Box<Level>>; LEVELS],
    len: usize,
}

#[derive(Debug)]
struct Level {
    /// A bit for each slot that has names.
    occupied: u64,
    slots: [Slot; SLOTS],
}

impl Wheel {
    pub(super) fn new() -> Self {
        Self {
            reached: 0,
            opened: Vec::new(),
            late: BinaryHeap::new(),
            levels: Default::default(),
            len: 0,
        }
    }

    /// How many names there are, whether they count or not.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    #[inline]
    pub(super) fn insert(&mut self, entry: Entry) {
        self.len += 1;
        let tick = tick(entry.deadline);
        if tick <= self.reached {
            self.late.push(entry);
        } else {
            let (level, slot) = self.place(tick);
            self.level(level).push(slot, entry);
        }
    }

    /// Lets the time come to `now`: if the front is empty, the first slot that has come up is
    /// opened.
    pub(super) fn open<F: Due>(&mut self, now: u64, pending: Pending<'_, F>) {
        let now = tick(now);
        while self.opened.is_empty() && self.late.is_empty() {
            let Some((level, slot, start)) =
                self.first_slot().filter(|&(_, _, start)| start <= now)
            else {
                self.reached = self.reached.max(now);
                return;
            };
            self.reached = start;
            let mut names = self.level(level).empty(slot);
            if level == 0 {
                self.len -= names.len();
                let entries = names.drain(..).filter_map(|name| pending.entry(name));
                self.opened.extend(entries.filter(|entry| tick(entry.deadline) == start));
                self.len += self.opened.len();
                self.opened.sort_unstable();
            } else {
                self.lower(level, &mut names, pending);
            }
            self.level(level).give_back(slot, names);
        }
    }

    /// Puts what was in the slot that is reached into the levels below.
    fn lower<F: Due>(&mut self, level: usize, names: &mut Vec<Name>, pending: Pending<'_, F>) {
        for name in names.drain(..) {
            // All ticks of the slot have the upper bits of its first. A name says the others, unless
            // the slot is weeks wide.
            let tick = if level <= TOLD {
                Some(name.tick_near(self.reached))
            } else {
                pending.entry(name).map(|entry| tick(entry.deadline))
            };
            let Some(tick) = tick else {
                self.len -= 1;
                continue;
            };
            let (level, slot) = self.place(tick);
            self.level(level).push_name(slot, name);
        }
    }

    /// The first entry of the front.
    pub(super) fn front(&self) -> Option<&Entry> {
        self.opened.last().max(self.late.peek())
    }

    /// Takes the first entry of the front.
    pub(super) fn pop_front(&mut self) -> Option<Entry> {
        let first = if self.opened.last() > self.late.peek() {
            let first = self.opened.pop();
            if self.opened.is_empty() && self.opened.capacity() > storage::KEPT {
                self.opened = Vec::new();
            }
            first
        } else {
            let first = self.late.pop();
            if self.late.is_empty() && self.late.capacity() > storage::KEPT {
                self.late = BinaryHeap::new();
            }
            first
        };
        self.len -= usize::from(first.is_some());
        first
    }

    /// The first timer whose name counts.
    pub(super) fn first<F: Due>(&mut self, pending: Pending<'_, F>) -> Option<Entry> {
        while let Some(first) = self.front() {
            if pending.counts(first) {
                return Some(*first);
            }
            self.pop_front();
        }
        while let Some((level, slot, _)) = self.first_slot() {
            let reached = self.reached;
            let is_here = |entry: &Entry| place(reached, tick(entry.deadline)) == (level, slot);
            let level = self.levels[level].as_mut()?;
            let first = level.slots[slot].first(pending, is_here, &mut self.len);
            if first.is_some() {
                return first;
            }
            let mut names = level.empty(slot);
            self.len -= names.len();
            names.clear();
            level.give_back(slot, names);
        }
        None
    }

    /// Takes out all names that do not count, and gives back the storage that they needed.
    pub(super) fn retain<F: Due>(&mut self, pending: Pending<'_, F>) {
        self.opened.retain(|entry| pending.counts(entry));
        shrink(&mut self.opened, storage::KEPT);
        retain_in_heap(&mut self.late, storage::KEPT, pending);
        self.len = self.opened.len() + self.late.len();
        for level in self.levels.iter_mut().flatten() {
            for slot in bits(level.occupied) {
                let left = level.slots[slot].retain(pending);
                level.occupied &= !(u64::from(left == 0) << slot);
                self.len += left;
            }
        }
    }

    /// How many names there is room for.
    #[cfg(all(test, not(loom)))]
    pub(super) fn capacity(&self) -> usize {
        let slots =
            self.levels.iter().flatten().flat_map(|level| &level.slots).map(|slot| match slot {
                Slot::Loose(names) => names.capacity(),
                Slot::Heap(heap) => heap.capacity(),
            });
        self.opened.capacity() + self.late.capacity() + slots.sum::<usize>()
    }

    #[inline]
    fn level(&mut self, level: usize) -> &mut Level {
        self.levels[level].get_or_insert_with(Level::new)
    }

    /// Where a tick belongs that has not been reached, or just now: then it is the first slot of all
    /// and about to be opened.
    fn place(&self, tick: u64) -> (usize, usize) {
        place(self.reached, tick)
    }

    /// Level and number of the first slot with names, and the tick at which it begins.
    fn first_slot(&self) -> Option<(usize, usize, u64)> {
        let mut levels = self.levels.iter().enumerate();
        levels.find_map(|(number, level)| {
            let occupied = level.as_ref()?.occupied;
            if occupied == 0 {
                return None;
            }
            let slot = occupied.trailing_zeros();
            let shift = SLOT_BITS * number as u32;
            let before = self.reached >> shift >> SLOT_BITS << SLOT_BITS;
            Some((number, slot as usize, (before | u64::from(slot)) << shift))
        })
    }
}

impl Level {
    #[cold]
    fn new() -> Box<Self> {
        Box::new(Self { occupied: 0, slots: std::array::from_fn(|_| Slot::default()) })
    }

    fn push(&mut self, slot: usize, entry: Entry) {
        self.occupied |= 1 << slot;
        match &mut self.slots[slot] {
            Slot::Loose(names) => names.push(entry.name()),
            Slot::Heap(heap) => heap.push(entry),
        }
    }

    fn push_name(&mut self, slot: usize, name: Name) {
        self.occupied |= 1 << slot;
        self.slots[slot].loosen().push(name);
    }

    /// Takes out what is in a slot.
    fn empty(&mut self, slot: usize) -> Vec<Name> {
        self.occupied &= !(1 << slot);
        std::mem::take(self.slots[slot].loosen())
    }

    /// Puts the storage of what was in a slot back, for the next.
    fn give_back(&mut self, slot: usize, names: Vec<Name>) {
        if names.capacity() <= KEPT {
            self.slots[slot] = Slot::Loose(names);
        }
    }
}

/// Level and slot of a tick, for a wheel that has reached another.
fn place(reached: u64, tick: u64) -> (usize, usize) {
    let level = (((tick ^ reached) | 1).ilog2() / SLOT_BITS) as usize;
    (level, (tick >> (SLOT_BITS * level as u32)) as usize % SLOTS)
}

pub(super) fn tick(deadline: u64) -> u64 {
    deadline >> TICK_BITS
}

fn bits(mut set: u64) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let lowest = (set != 0).then(|| set.trailing_zeros() as usize);
        set &= set.wrapping_sub(1);
        lowest
    })
}
