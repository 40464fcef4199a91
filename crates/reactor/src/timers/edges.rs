//! The wheel where slots and levels begin and end.

use super::Due;
use super::pending::{Entry, Name, Pending};
use super::wheel::{LEVELS, SLOT_BITS, TICK_BITS, Wheel};
use slab::Slab;

/// When a timer is due that runs nothing.
struct Timer(u64);

impl Due for Timer {
    fn due(&self) -> u64 {
        self.0
    }

    fn set_due(&mut self, due: u64) {
        self.0 = due;
    }
}

/// A wheel, and the timers whose names are in it.
struct Known {
    wheel: Wheel,
    sequences: Vec<u64>,
    slots: Slab<Timer>,
}

impl Known {
    fn new(deadlines: &[u64]) -> Self {
        let (wheel, sequences, slots) = (Wheel::new(), Vec::new(), Slab::new());
        let mut known = Self { wheel, sequences, slots };
        deadlines.iter().for_each(|&deadline| known.insert(deadline));
        known
    }

    /// In the next slot, under its number and one.
    fn insert(&mut self, deadline: u64) {
        let slot = self.slots.insert(Timer(deadline));
        let sequence = slot as u64 + 1;
        self.sequences.push(sequence);
        self.wheel.insert(Entry::new(deadline, sequence, slot));
    }

    /// Its name stays where it is.
    fn remove(&mut self, slot: usize) {
        self.sequences[slot] = 0;
    }

    fn retain(&mut self) {
        let pending = Pending { sequences: &self.sequences, slots: &self.slots };
        self.wheel.retain(pending);
    }

    /// Of the first that counts.
    fn first(&mut self) -> Option<usize> {
        let pending = Pending { sequences: &self.sequences, slots: &self.slots };
        self.wheel.first(pending).map(|first| first.slot())
    }

    /// Takes all that is due at `now` and counts; its slots.
    fn due(&mut self, now: u64) -> Vec<usize> {
        let mut due = Vec::new();
        loop {
            let pending = Pending { sequences: &self.sequences, slots: &self.slots };
            self.wheel.open(now, pending);
            let Some(&first) = self.wheel.front() else { return due };
            let counts = pending.counts(&first);
            if counts && first.deadline > now {
                return due;
            }
            self.wheel.pop_front();
            if counts {
                due.push(first.slot());
                self.remove(first.slot());
            }
        }
    }
}

/// Before, at and after the beginning of the second slot of each level, and at the end of time.
fn edges() -> Vec<u64> {
    let levels = 0..LEVELS as u32;
    let edges = levels.map(|level| 1 << (TICK_BITS + SLOT_BITS * level));
    edges.flat_map(|edge: u64| [edge - 1, edge, edge + 1]).chain([u64::MAX - 1, u64::MAX]).collect()
}

#[test]
fn each_is_due_at_its_nanosecond_at_the_edges_of_slots_and_levels() {
    let edges = edges();
    let mut known = Known::new(&edges);
    for (number, &edge) in edges.iter().enumerate() {
        assert_eq!(known.due(edge - 1), [], "before {edge}");
        assert_eq!(known.first(), Some(number));
        assert_eq!(known.due(edge), [number], "at {edge}");
    }
    assert_eq!(known.wheel.len(), 0);
}

#[test]
fn one_step_over_all_edges_keeps_the_order() {
    let edges = edges();
    let mut known = Known::new(&edges);
    assert_eq!(known.due(u64::MAX), (0..edges.len()).collect::<Vec<_>>());
    // What comes in now is late, whatever it says.
    let number = edges.len();
    [7, 7, 3].into_iter().for_each(|deadline| known.insert(deadline));
    assert_eq!(known.due(u64::MAX), [number + 2, number, number + 1]);
}

/// To look at the first timer of a slot does not bring the time there, and what comes in after
/// that goes to its own place.
#[test]
fn a_look_at_a_far_slot_does_not_open_it() {
    let (far, near) = (1 << 50, 1 << 30);
    let mut known = Known::new(&[far, far + 1]);
    assert_eq!(known.first(), Some(0));
    known.insert(far - 1);
    known.insert(near);
    assert!(known.wheel.front().is_none());
    assert_eq!(known.first(), Some(3));
    known.remove(3);
    assert_eq!(known.first(), Some(2));
    assert_eq!(known.wheel.len(), 3, "what does not count is gone");
    assert_eq!(known.due(u64::MAX), [2, 0, 1]);
}

/// A slot that is in order keeps its order when others leave it.
#[test]
fn what_does_not_count_leaves_every_part() {
    let far = 1 << 50;
    // 0 to 99 in a slot in order, 100 to 199 in one that is not, 200 to 299 in the front.
    let deadlines: Vec<_> =
        (0..200).map(|number| far + number % 100 + ((number / 100) << 47)).collect();
    let mut known = Known::new(&deadlines);
    known.remove(99);
    assert_eq!(known.first(), Some(0));
    assert_eq!(known.wheel.len(), 199, "it is not put in order");
    known.sequences[99] = 100;
    known.wheel.insert(Entry::new(far + 99, 100, 99));
    (0..100).for_each(|_| known.insert(0));
    (0..300).filter(|number| number % 10 != 9).for_each(|number| known.remove(number));
    known.retain();
    assert_eq!(known.wheel.len(), 30);
    assert_eq!(known.due(far - 1).len(), 10);
    assert_eq!(known.first(), Some(9));
    // Not asked for again where the order is there.
    known.insert(far + 5);
    assert_eq!(known.first(), Some(300));
    known.remove(300);
    (0..100).for_each(|number| known.remove(number));
    known.retain();
    assert_eq!((known.wheel.len(), known.first()), (10, Some(109)));
    assert_eq!(known.due(u64::MAX).len(), 10);
}

/// Else all that is set later would begin its way at the top, with centuries before it.
#[test]
fn a_wheel_with_nothing_due_follows_the_time() {
    let mut known = Known::new(&[1 << 60]);
    assert_eq!(known.due(1 << 50), []);
    known.insert(1 << 50);
    assert_eq!(known.wheel.front().map(Entry::slot), Some(1));
}

/// It goes back with what needed it: with the last name of a slot, and in a sweep.
#[test]
fn storage_goes_when_the_names_go() {
    let deadlines: Vec<_> = (0..100_000).map(|number| (number % 64) << 40).collect();
    let mut known = Known::new(&deadlines);
    assert!(known.wheel.capacity() >= 100_000);
    (0..100_000).filter(|number| number % 100 != 0).for_each(|number| known.remove(number));
    known.retain();
    assert_eq!(known.wheel.len(), 1_000);
    assert!(known.wheel.capacity() <= 64 * 64 + 4_000, "{}", known.wheel.capacity());
    assert_eq!(known.due(u64::MAX).len(), 1_000);
    assert!(known.wheel.capacity() <= 128 * 32 + 2_048, "{}", known.wheel.capacity());
}

/// A million of them count.
#[test]
fn a_name_is_small() {
    assert_eq!((size_of::<Name>(), size_of::<Entry>()), (12, 24));
}

/// A name has half a sequence, and so once in 2^32 timers that of another timer in its slot. Where
/// the two are due in different ticks it is seen to be no name of that one, or in a slot of both is
/// one name too many.
#[test]
fn a_name_that_another_timer_seems_to_have_does_no_harm() {
    let tick = 1 << TICK_BITS;
    for (left, between, later) in [(5, 6, 90), (5, 70, 90), (70, 71, 90), (70, 200, 5_000)] {
        for few in [1, 20] {
            let mut known = Known::new(&vec![left * tick; few]);
            (0..few).for_each(|slot| known.remove(slot));
            for slot in 0..few {
                let (sequence, deadline) = ((1 << 32) + slot as u64 + 1, later * tick);
                known.slots[slot] = Timer(deadline);
                known.sequences[slot] = sequence;
                known.wheel.insert(Entry::new(deadline, sequence, slot));
            }
            known.insert(between * tick);
            assert_eq!(known.first(), Some(few), "{left} {between} {later}");
            assert_eq!(known.due(between * tick - 1), []);
            assert_eq!(known.due(between * tick), [few], "{left} {between} {later}");
            assert_eq!(known.first(), Some(0));
            assert_eq!(known.due(later * tick - 1), []);
            assert_eq!(known.due(later * tick), (0..few).collect::<Vec<_>>());
            assert_eq!(known.due(u64::MAX), []);
        }
    }
}
