//! The wheel where slots and levels begin and end.

use super::wheel::{Entry, LEVELS, SLOT_BITS, TICK_BITS, Wheel};

fn wheel(deadlines: &[u64]) -> Wheel {
    let mut wheel = Wheel::new();
    for (slot, &deadline) in deadlines.iter().enumerate() {
        wheel.insert(Entry { deadline, sequence: slot as u64, slot });
    }
    wheel
}

/// The places of all that is due at `now`.
fn due(wheel: &mut Wheel, now: u64) -> Vec<usize> {
    let mut due = Vec::new();
    loop {
        wheel.open(now, |_| true, |_| ());
        match wheel.front() {
            Some(first) if first.deadline <= now => due.push(first.slot),
            _ => return due,
        }
        wheel.pop_front();
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
    let mut wheel = wheel(&edges);
    for (place, &edge) in edges.iter().enumerate() {
        assert_eq!(due(&mut wheel, edge - 1), [], "before {edge}");
        assert_eq!(wheel.first(|_| true).map(|first| first.deadline), Some(edge));
        assert_eq!(due(&mut wheel, edge), [place], "at {edge}");
    }
    assert_eq!(wheel.len(), 0);
}

#[test]
fn one_step_over_all_edges_keeps_the_order() {
    let edges = edges();
    let mut wheel = wheel(&edges);
    assert_eq!(due(&mut wheel, u64::MAX), (0..edges.len()).collect::<Vec<_>>());
    // What comes in now is late, whatever it says.
    wheel.insert(Entry { deadline: 7, sequence: 100, slot: 100 });
    wheel.insert(Entry { deadline: 7, sequence: 99, slot: 99 });
    wheel.insert(Entry { deadline: 3, sequence: 101, slot: 101 });
    assert_eq!(due(&mut wheel, u64::MAX), [101, 99, 100]);
}

/// To look at the first entry of a slot does not bring the time there, and what comes in after
/// that goes to its own place.
#[test]
fn a_look_at_a_far_slot_does_not_open_it() {
    let (far, near) = (1 << 50, 1 << 30);
    let mut wheel = wheel(&[far, far + 1]);
    assert_eq!(wheel.first(|_| true).map(|first| first.slot), Some(0));
    wheel.insert(Entry { deadline: far - 1, sequence: 2, slot: 2 });
    wheel.insert(Entry { deadline: near, sequence: 3, slot: 3 });
    assert!(wheel.front().is_none());
    assert_eq!(wheel.first(|_| true).map(|first| first.slot), Some(3));
    assert_eq!(wheel.first(|entry| entry.slot != 3).map(|first| first.slot), Some(2));
    assert_eq!(wheel.len(), 3, "what does not count is gone");
    assert_eq!(due(&mut wheel, u64::MAX), [2, 0, 1]);
}

/// Else all that is set later would begin its way at the top, with centuries before it.
#[test]
fn a_wheel_with_nothing_due_follows_the_time() {
    let mut wheel = wheel(&[1 << 60]);
    assert_eq!(due(&mut wheel, 1 << 50), []);
    wheel.insert(Entry { deadline: 1 << 50, sequence: 1, slot: 1 });
    assert_eq!(wheel.front().map(|first| first.slot), Some(1));
}

/// It goes back with what needed it: with the last entry of a slot, and in a sweep.
#[test]
fn storage_goes_when_the_entries_go() {
    let deadlines: Vec<_> = (0..100_000).map(|number| (number % 64) << 40).collect();
    let mut wheel = wheel(&deadlines);
    assert!(wheel.capacity() >= 100_000);
    wheel.retain(|entry| entry.slot % 100 == 0);
    assert_eq!(wheel.len(), 1_000);
    assert!(wheel.capacity() <= 64 * 64 + 4_000, "{}", wheel.capacity());
    assert_eq!(due(&mut wheel, u64::MAX).len(), 1_000);
    assert!(wheel.capacity() <= 128 * 32 + 2_048, "{}", wheel.capacity());
}
