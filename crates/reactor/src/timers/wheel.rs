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
//! before: 5 ns for each 8 bytes. When a slot comes up, the deadlines are asked for, of all its
//! timers together, so that they are fetched side by side.
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
/// An empty slot keeps its storage up to this many names; there can be 512 slots.
const KEPT: usize = 32;
/// Among so many the first is looked for each time, without an order.
const FEW: usize = 8;

/// Slot and sequence of a timer. There are so many of them that it counts that they are small: with
/// a word of 64 bits they would take a third more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Name {
    slot: u32,
    /// The upper half first.
    sequence: [u32; 2],
}

impl Name {
    pub(super) fn new(slot: usize, sequence: u64) -> Self {
        #[expect(clippy::expect_used, reason = "that many timers take 400 gigabytes")]
        let slot = u32::try_from(slot).expect("fewer timers than 2^32");
        Self { slot, sequence: [(sequence >> 32) as u32, sequence as u32] }
    }

    pub(super) fn slot(self) -> usize {
        self.slot as usize
    }

    pub(super) fn sequence(self) -> u64 {
        let [upper, lower] = self.sequence.map(u64::from);
        (upper << 32) | lower
    }
}

/// A timer in the front, or in a slot that is in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// In nanoseconds.
    pub(super) deadline: u64,
    pub(super) name: Name,
}

/// The earliest is the greatest: that is what a heap gives first, and a list at its end.
impl Ord for Entry {
    fn cmp(&self, other: &Self) -> Ordering {
        (other.deadline, other.name.sequence()).cmp(&(self.deadline, self.name.sequence()))
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
    /// A bit for each slot that has names.
    occupied: u64,
    slots: [Slot; SLOTS],
}

#[derive(Debug)]
enum Slot {
    Loose(Vec<Name>),
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

    /// How many names there are, whether they count or not.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn insert(&mut self, deadline: u64, name: Name) {
        self.len += 1;
        if tick(deadline) <= self.reached {
            self.late.push(Entry { deadline, name });
        } else {
            self.place(deadline, name);
        }
    }

    /// Lets the time come to `now`: if the front is empty, the first slot that has come up is
    /// opened. `deadline` tells when a timer is due, or that its name does not count any more.
    pub(super) fn open(&mut self, now: u64, deadline: impl Fn(Name) -> Option<u64>) {
        let now = tick(now);
        while self.opened.is_empty() && self.late.is_empty() {
            let Some((level, slot, start)) =
                self.first_slot().filter(|&(_, _, start)| start <= now)
            else {
                self.reached = self.reached.max(now);
                return;
            };
            self.reached = start;
            let mut names =
                self.levels[level].as_mut().map(|level| level.empty(slot)).unwrap_or_default();
            if level == 0 {
                self.len -= names.len();
                let entry = |name| Some(Entry { deadline: deadline(name)?, name });
                self.opened.extend(names.drain(..).filter_map(entry));
                self.len += self.opened.len();
                self.opened.sort_unstable();
            } else {
                for name in names.drain(..) {
                    if let Some(deadline) = deadline(name) {
                        self.place(deadline, name);
                    } else {
                        self.len -= 1;
                    }
                }
            }
            if let Some(level) = &mut self.levels[level] {
                level.give_back(slot, names);
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

    /// The first timer whose name counts: that of one for which `deadline` knows when it is due.
    pub(super) fn first(&mut self, deadline: impl Fn(Name) -> Option<u64>) -> Option<Entry> {
        while let Some(&first) = self.front() {
            if deadline(first.name).is_some() {
                return Some(first);
            }
            self.pop_front();
        }
        while let Some((level, slot, _)) = self.first_slot() {
            let level = self.levels[level].as_mut()?;
            let first = level.slots[slot].first(&deadline, &mut self.len);
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
    pub(super) fn retain(&mut self, counts: impl Fn(Name) -> bool) {
        self.opened.retain(|entry| counts(entry.name));
        shrink(&mut self.opened, storage::KEPT);
        retain_in_heap(&mut self.late, storage::KEPT, &counts);
        self.len = self.opened.len() + self.late.len();
        for level in self.levels.iter_mut().flatten() {
            for slot in bits(level.occupied) {
                let left = level.slots[slot].retain(&counts);
                level.occupied &= !(u64::from(left == 0) << slot);
                self.len += left;
            }
        }
    }

    /// Takes out everything.
    pub(super) fn clear(&mut self) {
        if self.len > 0 {
            self.retain(|_| false);
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

    /// Puts a name into its level. If its tick has just been reached, its slot is the first of all
    /// and about to be opened.
    fn place(&mut self, deadline: u64, name: Name) {
        let tick = tick(deadline);
        let highest = ((tick ^ self.reached) | 1).ilog2();
        let level = (highest / SLOT_BITS) as usize;
        self.levels[level].get_or_insert_with(Level::new).push(digit(tick, level), deadline, name);
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
    fn new() -> Box<Self> {
        Box::new(Self { occupied: 0, slots: std::array::from_fn(|_| Slot::default()) })
    }

    fn push(&mut self, slot: usize, deadline: u64, name: Name) {
        self.occupied |= 1 << slot;
        match &mut self.slots[slot] {
            Slot::Loose(names) => names.push(name),
            Slot::Heap(heap) => heap.push(Entry { deadline, name }),
        }
    }

    /// Takes out what is in a slot.
    fn empty(&mut self, slot: usize) -> Vec<Name> {
        self.occupied &= !(1 << slot);
        match std::mem::take(&mut self.slots[slot]) {
            Slot::Loose(names) => names,
            Slot::Heap(heap) => heap.into_iter().map(|entry| entry.name).collect(),
        }
    }

    /// Puts the storage of what was in a slot back, for the next.
    fn give_back(&mut self, slot: usize, names: Vec<Name>) {
        if names.capacity() <= KEPT {
            self.slots[slot] = Slot::Loose(names);
        }
    }
}

impl Default for Slot {
    fn default() -> Self {
        Self::Loose(Vec::new())
    }
}

impl Slot {
    /// The first timer whose name counts. Of names that are taken out `len` is told.
    fn first(&mut self, deadline: impl Fn(Name) -> Option<u64>, len: &mut usize) -> Option<Entry> {
        let entry = |&name: &Name| Some(Entry { deadline: deadline(name)?, name });
        if let Self::Loose(names) = self {
            if names.len() <= FEW {
                return names.iter().filter_map(entry).max();
            }
            let entries: Vec<_> = names.iter().filter_map(entry).collect();
            *len -= names.len() - entries.len();
            *self = Self::Heap(entries.into());
        }
        let Self::Heap(heap) = self else { return None };
        while let Some(&first) = heap.peek() {
            if deadline(first.name).is_some() {
                return Some(first);
            }
            heap.pop();
            *len -= 1;
        }
        None
    }

    /// Takes out the names that do not count, and says how many are left.
    fn retain(&mut self, counts: impl Fn(Name) -> bool) -> usize {
        match self {
            Self::Loose(names) => {
                names.retain(|&name| counts(name));
                shrink(names, KEPT);
                names.len()
            }
            Self::Heap(heap) => {
                retain_in_heap(heap, KEPT, counts);
                heap.len()
            }
        }
    }
}

fn retain_in_heap(heap: &mut BinaryHeap<Entry>, kept: usize, counts: impl Fn(Name) -> bool) {
    heap.retain(|entry| counts(entry.name));
    if heap.capacity() > kept.max(4 * heap.len()) {
        heap.shrink_to(2 * heap.len());
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

fn shrink<T>(entries: &mut Vec<T>, kept: usize) {
    if entries.capacity() > kept.max(4 * entries.len()) {
        entries.shrink_to(2 * entries.len());
    }
}
