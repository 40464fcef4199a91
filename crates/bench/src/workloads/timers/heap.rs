//! Two studies with exact order: a binary heap, where a cancelled timer stays until it comes up or
//! is swept out with others, and a tree, from which it is removed.

use super::{Boxed, Timers, boxed};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::time::{Duration, Instant};

#[derive(Default)]
pub(super) struct Heap {
    order: BinaryHeap<Reverse<(Instant, u64, usize)>>,
    /// Sequence number and closure.
    slots: Vec<(u64, Option<Boxed>)>,
    free: Vec<usize>,
    live: usize,
    sequence: u64,
}

impl Heap {
    fn release(&mut self, slot: usize) -> Option<Boxed> {
        self.free.push(slot);
        self.live -= 1;
        self.slots[slot].0 = 0;
        self.slots[slot].1.take()
    }
}

impl Timers for Heap {
    type Handle = (usize, u64);

    fn start() -> anyhow::Result<Self> {
        Ok(Self::default())
    }

    fn set(&mut self, number: usize, delay: Duration) -> anyhow::Result<Self::Handle> {
        self.sequence += 1;
        self.live += 1;
        let new = (self.sequence, Some(boxed(number)));
        let slot = if let Some(slot) = self.free.pop() {
            self.slots[slot] = new;
            slot
        } else {
            self.slots.push(new);
            self.slots.len() - 1
        };
        self.order.push(Reverse((Instant::now() + delay, self.sequence, slot)));
        Ok((slot, self.sequence))
    }

    fn cancel(&mut self, (slot, sequence): Self::Handle) -> anyhow::Result<()> {
        anyhow::ensure!(self.slots[slot].0 == sequence, "a timer was lost");
        drop(self.release(slot));
        if self.order.len() > 2 * self.live + 64 {
            let slots = &self.slots;
            self.order.retain(|Reverse((_, sequence, slot))| slots[*slot].0 == *sequence);
        }
        Ok(())
    }

    fn run(&mut self, _handles: Vec<Self::Handle>) -> anyhow::Result<()> {
        let now = Instant::now();
        while let Some(&Reverse((due, sequence, slot))) = self.order.peek() {
            if due > now {
                break;
            }
            self.order.pop();
            if self.slots[slot].0 == sequence {
                self.release(slot).into_iter().for_each(|callback| callback());
            }
        }
        Ok(())
    }
}

#[derive(Default)]
pub(super) struct Tree {
    order: BTreeMap<(Instant, u64), Boxed>,
    sequence: u64,
}

impl Timers for Tree {
    type Handle = (Instant, u64);

    fn start() -> anyhow::Result<Self> {
        Ok(Self::default())
    }

    fn set(&mut self, number: usize, delay: Duration) -> anyhow::Result<Self::Handle> {
        self.sequence += 1;
        let key = (Instant::now() + delay, self.sequence);
        self.order.insert(key, boxed(number));
        Ok(key)
    }

    fn cancel(&mut self, key: Self::Handle) -> anyhow::Result<()> {
        anyhow::ensure!(self.order.remove(&key).is_some(), "a timer was lost");
        Ok(())
    }

    fn run(&mut self, _handles: Vec<Self::Handle>) -> anyhow::Result<()> {
        let now = Instant::now();
        while let Some(first) = self.order.first_entry() {
            if first.key().0 > now {
                break;
            }
            first.remove()();
        }
        Ok(())
    }
}
