//! The order of the timers: a wheel of wheels, whose slots are put in order only when they come up.
//!
//! Time is counted in ticks of 2^20 ns, about a millisecond. A level has 64 slots; a slot of level
//! 0 is one tick wide, a slot of the next level is as wide as all slots of the one below. Which
//! slot an entry belongs to follows from where its tick and the tick that the wheel has reached
//! differ in their highest bit. So each entry of a lower level comes before each of a higher one,
//! in a level the slots are in order, and what is in a slot can be in any order. An entry moves
//! down once per level at most, and putting it in costs a `push`.
//!
//! What the wheel has reached, the *front*, is in exact order. Most of it is a list, which is
//! sorted when a slot is opened; what comes in for a time that is reached already goes to a heap
//! beside it.
//!
//! The wheel goes no further than the time, because what lies before it is slow. To tell when the
//! first entry of a slot that has not come up is due, the slot is made a heap where it stands.
//!
//! Entries are never looked for: one that does not count any more, because its timer was
//! cancelled or moved, stays until it comes up or [`Wheel::retain`] takes out all of its kind.

use crate::storage;
use std::cmp::Ordering;
use std::collections::BinaryHeap;

/// A tick is 2^20 ns.
pub(super) const TICK_BITS: u32 = 20;
/// A level has 64 slots.
pub(super) const SLOT_BITS: u32 = 6;
const SLOTS: usize = 1 << SLOT_BITS;
/// The levels for the 44 bits of a tick.
pub(super) const LEVELS: usize = (u64::BITS - TICK_BITS).div_ceil(SLOT_BITS) as usize;
/// An empty slot keeps its storage up to this many entries; there can be 512 slots.
const KEPT: usize = 32;

/// When a timer is due, and where it is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// In nanoseconds.
    pub(super) deadline: u64,
    pub(super) sequence: u64,
    pub(super) slot: usize,
}

/// The earliest is the greatest: that is what a heap gives first, and a list at its end.
impl Ord for Entry {
    fn cmp(&self, other: &Self) -> Ordering {
        (other.deadline, other.sequence).cmp(&(self.deadline, self.sequence))
    }
}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

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
    /// A bit for each slot that has entries.
    occupied: u64,
    slots: [Slot; SLOTS],
}

#[derive(Debug)]
enum Slot {
    Loose(Vec<Entry>),
    Heap(BinaryHeap<Entry>),
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

    /// How many entries there are, whether they count or not.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn insert(&mut self, entry: Entry) {
        self.len += 1;
        if tick(entry.deadline) <= self.reached {
            self.late.push(entry);
        } else {
            self.place(entry);
        }
    }

    /// Lets the time come to `now`: if the front is empty, the first slot that has come up is
    /// opened. `counts` tells which of its entries are worth the move; `fetch` is called for each
    /// that comes into the front.
    pub(super) fn open(
        &mut self,
        now: u64,
        mut counts: impl FnMut(&Entry) -> bool,
        fetch: impl Fn(&Entry),
    ) {
        let now = tick(now);
        while self.opened.is_empty() && self.late.is_empty() {
            let Some((level, slot, start)) =
                self.first_slot().filter(|&(_, _, start)| start <= now)
            else {
                self.reached = self.reached.max(now);
                return;
            };
            self.reached = start;
            let mut entries =
                self.levels[level].as_mut().map(|level| level.empty(slot)).unwrap_or_default();
            let before = entries.len();
            if level == 0 {
                entries.retain(&mut counts);
                self.len -= before - entries.len();
                entries.iter().for_each(&fetch);
                entries.sort_unstable();
                std::mem::swap(&mut self.opened, &mut entries);
            } else {
                for entry in entries.drain(..) {
                    if counts(&entry) {
                        self.place(entry);
                    } else {
                        self.len -= 1;
                    }
                }
            }
            if let Some(level) = &mut self.levels[level] {
                level.give_back(slot, entries);
            }
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

    /// The first entry that `counts`; those before it are taken out.
    pub(super) fn first(&mut self, counts: impl Fn(&Entry) -> bool) -> Option<Entry> {
        while let Some(&first) = self.front() {
            if counts(&first) {
                return Some(first);
            }
            self.pop_front();
        }
        while let Some((level, slot, _)) = self.first_slot() {
            let level = self.levels[level].as_mut()?;
            let heap = level.slots[slot].heap();
            while let Some(&first) = heap.peek() {
                if counts(&first) {
                    return Some(first);
                }
                heap.pop();
                self.len -= 1;
            }
            let entries = level.empty(slot);
            level.give_back(slot, entries);
        }
        None
    }

    /// Takes out all entries that do not count, and gives back the storage that they needed.
    pub(super) fn retain(&mut self, mut counts: impl FnMut(&Entry) -> bool) {
        self.opened.retain(&mut counts);
        shrink(&mut self.opened, storage::KEPT);
        let mut late = std::mem::take(&mut self.late).into_vec();
        late.retain(&mut counts);
        shrink(&mut late, storage::KEPT);
        self.late = BinaryHeap::from(late);
        self.len = self.opened.len() + self.late.len();
        for level in self.levels.iter_mut().flatten() {
            for slot in bits(level.occupied) {
                let mut entries = level.empty(slot);
                entries.retain(&mut counts);
                self.len += entries.len();
                level.give_back(slot, entries);
            }
        }
    }

    /// Takes out everything.
    pub(super) fn clear(&mut self) {
        if self.len > 0 {
            self.retain(|_| false);
        }
    }

    /// How many entries there is room for.
    #[cfg(all(test, not(loom)))]
    pub(super) fn capacity(&self) -> usize {
        let slots =
            self.levels.iter().flatten().flat_map(|level| &level.slots).map(|slot| match slot {
                Slot::Loose(entries) => entries.capacity(),
                Slot::Heap(heap) => heap.capacity(),
            });
        self.opened.capacity() + self.late.capacity() + slots.sum::<usize>()
    }

    /// Puts an entry into its level. If its tick has just been reached, its slot is the first of all
    /// and about to be opened.
    fn place(&mut self, entry: Entry) {
        let tick = tick(entry.deadline);
        let highest = ((tick ^ self.reached) | 1).ilog2();
        let level = (highest / SLOT_BITS) as usize;
        self.levels[level].get_or_insert_with(Level::new).push(digit(tick, level), entry);
    }

    /// Level and number of the first slot with entries, and the tick at which it begins.
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
    fn new() -> Box<Self> {
        Box::new(Self { occupied: 0, slots: std::array::from_fn(|_| Slot::Loose(Vec::new())) })
    }

    fn push(&mut self, slot: usize, entry: Entry) {
        self.occupied |= 1 << slot;
        match &mut self.slots[slot] {
            Slot::Loose(entries) => entries.push(entry),
            Slot::Heap(heap) => heap.push(entry),
        }
    }

    /// Takes out what is in a slot.
    fn empty(&mut self, slot: usize) -> Vec<Entry> {
        self.occupied &= !(1 << slot);
        self.slots[slot].take()
    }

    /// Puts back what was taken from a slot and is left of it, if only the storage.
    fn give_back(&mut self, slot: usize, mut entries: Vec<Entry>) {
        if entries.is_empty() {
            entries = if entries.capacity() > KEPT { Vec::new() } else { entries };
        } else {
            self.occupied |= 1 << slot;
            shrink(&mut entries, KEPT);
        }
        self.slots[slot] = Slot::Loose(entries);
    }
}

impl Slot {
    fn take(&mut self) -> Vec<Entry> {
        match std::mem::replace(self, Self::Loose(Vec::new())) {
            Self::Loose(entries) => entries,
            Self::Heap(heap) => heap.into_vec(),
        }
    }

    fn heap(&mut self) -> &mut BinaryHeap<Entry> {
        if let Self::Loose(entries) = self {
            *self = Self::Heap(std::mem::take(entries).into());
        }
        match self {
            Self::Heap(heap) => heap,
            Self::Loose(_) => unreachable!("it was made a heap"),
        }
    }
}

fn tick(deadline: u64) -> u64 {
    deadline >> TICK_BITS
}

/// The number of the slot in that level.
fn digit(tick: u64, level: usize) -> usize {
    (tick >> (SLOT_BITS * level as u32)) as usize % SLOTS
}

fn bits(mut set: u64) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let lowest = (set != 0).then(|| set.trailing_zeros() as usize);
        set &= set.wrapping_sub(1);
        lowest
    })
}

fn shrink(entries: &mut Vec<Entry>, kept: usize) {
    if entries.capacity() > kept.max(4 * entries.len()) {
        entries.shrink_to(2 * entries.len());
    }
}
