//! A list in order of arrival, from which each entry can be taken in constant time.
//!
//! Linked by index through one vector, so that an entry costs no allocation of its own. A key names
//! its entry by a ticket that is never given twice: what it named may be gone, and another have its
//! slot.

/// Up to this many slots are kept when the last entry has gone.
const KEPT: usize = 1024;

/// No slot.
const NONE: usize = usize::MAX;

pub(super) struct Fifo<E> {
    slots: Vec<Slot<E>>,
    first: usize,
    last: usize,
    /// The first vacant slot; each names the next one as `after`.
    vacant: usize,
    len: usize,
    next_ticket: u64,
}

struct Slot<E> {
    entry: Option<E>,
    ticket: u64,
    before: usize,
    after: usize,
}

#[derive(Clone, Copy)]
pub(super) struct Key {
    slot: usize,
    pub(super) ticket: u64,
}

impl<E> Fifo<E> {
    pub(super) const fn new() -> Self {
        Self { slots: Vec::new(), first: NONE, last: NONE, vacant: NONE, len: 0, next_ticket: 0 }
    }

    pub(super) const fn len(&self) -> usize {
        self.len
    }

    /// The key of what is pushed next.
    pub(super) fn next_key(&self) -> Key {
        let slot = if self.vacant == NONE { self.slots.len() } else { self.vacant };
        Key { slot, ticket: self.next_ticket }
    }

    pub(super) fn push(&mut self, entry: E) {
        let Key { slot, ticket } = self.next_key();
        let new = Slot { entry: Some(entry), ticket, before: self.last, after: NONE };
        match self.slots.get_mut(slot) {
            Some(place) => {
                self.vacant = place.after;
                *place = new;
            }
            None => self.slots.push(new),
        }
        *self.link_after(self.last) = slot;
        self.last = slot;
        self.len += 1;
        self.next_ticket += 1;
    }

    /// Takes the first entry, if its ticket is below `until`.
    pub(super) fn pop(&mut self, until: u64) -> Option<E> {
        let ticket = self.slots.get(self.first)?.ticket;
        if ticket < until { self.remove(Key { slot: self.first, ticket }) } else { None }
    }

    /// Takes the entry that `key` names, if it is still here.
    pub(super) fn remove(&mut self, key: Key) -> Option<E> {
        let slot = self.slots.get_mut(key.slot).filter(|slot| slot.ticket == key.ticket)?;
        let entry = slot.entry.take()?;
        let (before, after) = (slot.before, slot.after);
        slot.after = self.vacant;
        self.vacant = key.slot;
        *self.link_after(before) = after;
        *self.link_before(after) = before;
        self.len -= 1;
        if self.len == 0 && self.slots.capacity() > KEPT {
            *self = Self { next_ticket: self.next_ticket, ..Self::new() };
        }
        Some(entry)
    }

    fn link_after(&mut self, slot: usize) -> &mut usize {
        if slot == NONE { &mut self.first } else { &mut self.slots[slot].after }
    }

    fn link_before(&mut self, slot: usize) -> &mut usize {
        if slot == NONE { &mut self.last } else { &mut self.slots[slot].before }
    }
}

#[cfg(test)]
mod tests {
    use super::{Fifo, KEPT, Key};

    fn push(list: &mut Fifo<usize>, entry: usize) -> Key {
        let key = list.next_key();
        list.push(entry);
        key
    }

    #[test]
    fn a_late_key_finds_nobody_in_the_slot_of_its_own() {
        let mut list = Fifo::new();
        let first = push(&mut list, 1);
        assert_eq!(list.pop(u64::MAX), Some(1));
        let second = push(&mut list, 2);
        assert_eq!(first.slot, second.slot);
        assert_eq!(list.remove(first), None);
        assert_eq!(list.remove(second), Some(2));
        assert_eq!(list.remove(second), None);
        assert_eq!((list.len(), list.pop(u64::MAX)), (0, None));
    }

    #[test]
    fn slots_are_used_again_and_those_of_a_burst_given_back() {
        let mut list = Fifo::new();
        push(&mut list, 0);
        for number in 1..10 * KEPT {
            let key = push(&mut list, number);
            assert_eq!(list.remove(key), Some(number));
        }
        assert_eq!((list.len(), list.slots.len()), (1, 2));
        let keys: Vec<_> = (0..2 * KEPT).map(|number| push(&mut list, number)).collect();
        assert_eq!(list.pop(u64::MAX), Some(0));
        for (number, key) in keys.iter().enumerate().rev() {
            assert!(list.slots.capacity() > KEPT);
            assert_eq!(list.remove(*key), Some(number));
        }
        assert_eq!((list.len(), list.slots.capacity()), (0, 0));
        let fresh = push(&mut list, 7);
        assert!(keys.iter().all(|key| list.remove(*key).is_none()));
        assert_eq!(list.remove(fresh), Some(7));
    }

    #[test]
    fn pop_takes_only_what_came_before_the_mark() {
        let mut list = Fifo::new();
        push(&mut list, 1);
        let mark = list.next_key().ticket;
        push(&mut list, 2);
        assert_eq!((list.pop(mark), list.pop(mark)), (Some(1), None));
        assert_eq!(list.pop(u64::MAX), Some(2));
    }
}
