//! The wheel where slots and levels begin and end.

use super::wheel::{LEVELS, Name, SLOT_BITS, TICK_BITS, Wheel};

/// A wheel, and when the timers are due whose names are in it; `None`: they do not count.
struct Known {
    wheel: Wheel,
    deadlines: Vec<Option<u64>>,
}

impl Known {
    fn new(deadlines: &[u64]) -> Self {
        let mut known = Self { wheel: Wheel::new(), deadlines: Vec::new() };
        deadlines.iter().for_each(|&deadline| known.insert(deadline));
        known
    }

    /// Under the next number.
    fn insert(&mut self, deadline: u64) {
        let number = self.deadlines.len();
        self.deadlines.push(Some(deadline));
        self.wheel.insert(deadline, Name::new(number, number as u64));
    }

    /// Of the first that counts.
    fn first(&mut self) -> Option<usize> {
        self.wheel.first(|name| self.deadlines[name.slot()]).map(|first| first.name.slot())
    }

    /// The numbers of all that is due at `now`.
    fn due(&mut self, now: u64) -> Vec<usize> {
        let mut due = Vec::new();
        loop {
            self.wheel.open(now, |name| self.deadlines[name.slot()]);
            match self.wheel.front() {
                Some(first) if first.deadline <= now => due.push(first.name.slot()),
                _ => return due,
            }
            self.wheel.pop_front();
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
    known.deadlines[3] = None;
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
    known.deadlines[99] = None;
    assert_eq!(known.first(), Some(0));
    assert_eq!(known.wheel.len(), 199, "it is not put in order");
    known.deadlines[99] = Some(far + 99);
    known.wheel.insert(far + 99, Name::new(99, 99));
    (0..100).for_each(|_| known.insert(0));
    for number in (0..300).filter(|number| number % 10 != 9) {
        known.deadlines[number] = None;
    }
    known.wheel.retain(|name| known.deadlines[name.slot()].is_some());
    assert_eq!(known.wheel.len(), 30);
    assert_eq!(known.due(far - 1).len(), 10);
    assert_eq!(known.first(), Some(9));
    // Not asked for again where the order is there.
    known.insert(far + 5);
    assert_eq!(known.first(), Some(300));
    known.deadlines[300] = None;
    known.wheel.retain(|name| name.slot() >= 100 && known.deadlines[name.slot()].is_some());
    assert_eq!((known.wheel.len(), known.first()), (10, Some(109)));
    assert_eq!(known.due(u64::MAX).len(), 10);
}

/// Else all that is set later would begin its way at the top, with centuries before it.
#[test]
fn a_wheel_with_nothing_due_follows_the_time() {
    let mut known = Known::new(&[1 << 60]);
    assert_eq!(known.due(1 << 50), []);
    known.insert(1 << 50);
    assert_eq!(known.wheel.front().map(|first| first.name.slot()), Some(1));
}

/// It goes back with what needed it: with the last name of a slot, and in a sweep.
#[test]
fn storage_goes_when_the_names_go() {
    let deadlines: Vec<_> = (0..100_000).map(|number| (number % 64) << 40).collect();
    let mut known = Known::new(&deadlines);
    assert!(known.wheel.capacity() >= 100_000);
    known.wheel.retain(|name| name.slot() % 100 == 0);
    assert_eq!(known.wheel.len(), 1_000);
    assert!(known.wheel.capacity() <= 64 * 64 + 4_000, "{}", known.wheel.capacity());
    assert_eq!(known.due(u64::MAX).len(), 1_000);
    assert!(known.wheel.capacity() <= 128 * 32 + 2_048, "{}", known.wheel.capacity());
}

/// Slots and sequences of all sizes come out of a name as they went in.
#[test]
fn a_name_says_what_it_was_made_of() {
    for bits in 0..64 {
        let sequence = u64::MAX >> bits;
        let slot = (sequence & u64::from(u32::MAX)) as usize;
        let name = Name::new(slot, sequence);
        assert_eq!((name.slot(), name.sequence()), (slot, sequence));
        assert_eq!(Name::new(slot, sequence << bits).sequence(), sequence << bits);
    }
    assert_eq!(size_of::<Name>(), 12);
}
