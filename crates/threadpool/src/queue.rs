//! First-in-first-out queue with removal from the middle in constant time.
//!
//! A doubly linked list inside one vector: a place is an index, freed places are used again, so a
//! job that is cancelled leaves nothing behind, however long the head of the queue is stuck. The
//! caller checks that a place still holds what it put there. No lock of its own.

/// Past this many places the storage is given back when the queue runs empty.
const KEPT_PLACES: usize = 1024;

/// No place.
const NONE: usize = usize::MAX;

#[derive(Debug)]
struct Entry<T> {
    value: Option<T>,
    before: usize,
    /// The next entry in the queue; for a free place, the next free one.
    after: usize,
}

#[derive(Debug)]
pub(crate) struct Queue<T> {
    entries: Vec<Entry<T>>,
    head: usize,
    tail: usize,
    free: usize,
    len: usize,
}

impl<T> Queue<T> {
    pub(crate) fn new() -> Self {
        Self { entries: Vec::new(), head: NONE, tail: NONE, free: NONE, len: 0 }
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// The oldest entry.
    pub(crate) fn front(&self) -> Option<&T> {
        self.entries.get(self.head).and_then(|entry| entry.value.as_ref())
    }

    /// Appends, and says where.
    pub(crate) fn push(&mut self, value: T) -> usize {
        let entry = Entry { value: Some(value), before: self.tail, after: NONE };
        let place = match self.entries.get_mut(self.free) {
            Some(freed) => {
                let place = std::mem::replace(&mut self.free, freed.after);
                *freed = entry;
                place
            }
            None => {
                self.entries.push(entry);
                self.entries.len() - 1
            }
        };
        match self.entries.get_mut(self.tail) {
            Some(last) => last.after = place,
            None => self.head = place,
        }
        self.tail = place;
        self.len += 1;
        place
    }

    /// Takes the oldest entry.
    pub(crate) fn pop(&mut self) -> Option<T> {
        self.remove_if(self.head, |_| true)
    }

    /// Takes what is at `place`, if something is and it is the one meant.
    pub(crate) fn remove_if(&mut self, place: usize, meant: impl FnOnce(&T) -> bool) -> Option<T> {
        let entry = self.entries.get_mut(place)?;
        if !meant(entry.value.as_ref()?) {
            return None;
        }
        let value = entry.value.take();
        let (before, after) = (entry.before, entry.after);
        entry.after = self.free;
        self.free = place;
        match self.entries.get_mut(before) {
            Some(entry) => entry.after = after,
            None => self.head = after,
        }
        match self.entries.get_mut(after) {
            Some(entry) => entry.before = before,
            None => self.tail = before,
        }
        self.len -= 1;
        if self.len == 0 && self.entries.len() > KEPT_PLACES {
            *self = Self::new();
        }
        value
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::{KEPT_PLACES, Queue};
    use proptest::prelude::{Just, Strategy, any, prop_oneof};
    use proptest::{collection, prop_assert_eq, proptest};
    use std::collections::VecDeque;

    #[derive(Clone, Debug)]
    enum Action {
        Push,
        Pop,
        Remove(usize),
    }

    fn actions() -> impl Strategy<Value = Vec<Action>> {
        let action = prop_oneof![
            3 => Just(Action::Push),
            2 => Just(Action::Pop),
            2 => any::<usize>().prop_map(Action::Remove),
        ];
        collection::vec(action, 0..200)
    }

    proptest! {
        /// Against a plain deque, with places that were used before asked for again.
        #[test]
        fn behaves_as_a_deque(actions in actions()) {
            let mut queue = Queue::new();
            let mut model = VecDeque::new();
            let mut places = Vec::new();
            for action in actions {
                match action {
                    Action::Push => {
                        let value = places.len();
                        places.push(queue.push(value));
                        model.push_back(value);
                    }
                    Action::Pop => prop_assert_eq!(queue.pop(), model.pop_front()),
                    Action::Remove(_) if places.is_empty() => {}
                    Action::Remove(pick) => {
                        let value = pick % places.len();
                        let index = model.iter().position(|&held| held == value);
                        let expected = index.and_then(|index| model.remove(index));
                        let removed = queue.remove_if(places[value], |&held| held == value);
                        prop_assert_eq!(removed, expected);
                    }
                }
                prop_assert_eq!(queue.len(), model.len());
                prop_assert_eq!(queue.front(), model.front());
            }
            while let Some(value) = queue.pop() {
                prop_assert_eq!(Some(value), model.pop_front());
            }
            prop_assert_eq!(model.len(), 0);
        }
    }

    #[test]
    fn cancelling_behind_a_stuck_head_takes_no_more_room() {
        let mut queue = Queue::new();
        queue.push(0);
        for value in 1..10_000 {
            let place = queue.push(value);
            assert_eq!(queue.remove_if(place, |&held| held == value), Some(value));
        }
        assert_eq!(queue.entries.len(), 2);
    }

    #[test]
    fn a_burst_gives_its_storage_back() {
        let mut queue = Queue::new();
        for value in 0..=KEPT_PLACES {
            queue.push(value);
        }
        while queue.pop().is_some() {}
        assert_eq!(queue.entries.capacity(), 0);
    }
}
