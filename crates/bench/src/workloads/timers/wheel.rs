//! The floor: a wheel of wheels whose slots are lists through one arena, ticks of a millisecond.
//!
//! What is due in one tick runs in any order, and a tick too late. A cancelled timer is unlinked,
//! and its place is the next one's.

use super::{Boxed, Timers, boxed};
use std::time::{Duration, Instant};

const NONE: u32 = u32::MAX;
const LEVELS: usize = 6;
const SLOTS: usize = 64;

pub(super) struct Wheel {
    start: Instant,
    /// In ticks.
    now: u64,
    nodes: Vec<Node>,
    free: u32,
    /// The first node of each slot.
    slots: [[u32; SLOTS]; LEVELS],
    occupied: [u64; LEVELS],
}

struct Node {
    callback: Option<Boxed>,
    due: u64,
    generation: u32,
    next: u32,
    /// A node, or [`NONE`] for the first.
    previous: u32,
}

impl Wheel {
    fn place(&mut self, index: u32) {
        let due = self.nodes[index as usize].due.max(self.now);
        let level = ((due ^ self.now) | 1).ilog2() as usize / 6;
        let slot = (due >> (6 * level)) as usize % SLOTS;
        self.occupied[level] |= 1 << slot;
        let next = std::mem::replace(&mut self.slots[level][slot], index);
        let node = &mut self.nodes[index as usize];
        (node.next, node.previous) = (next, NONE);
        if next != NONE {
            self.nodes[next as usize].previous = index;
        }
    }

    fn unlink(&mut self, index: u32) {
        let Node { due, next, previous, .. } = self.nodes[index as usize];
        if next != NONE {
            self.nodes[next as usize].previous = previous;
        }
        if previous != NONE {
            self.nodes[previous as usize].next = next;
            return;
        }
        let due = due.max(self.now);
        let level = ((due ^ self.now) | 1).ilog2() as usize / 6;
        let slot = (due >> (6 * level)) as usize % SLOTS;
        self.slots[level][slot] = next;
        if next == NONE {
            self.occupied[level] &= !(1 << slot);
        }
    }

    fn release(&mut self, index: u32) -> Option<Boxed> {
        let node = &mut self.nodes[index as usize];
        node.generation = node.generation.wrapping_add(1);
        node.next = std::mem::replace(&mut self.free, index);
        node.callback.take()
    }

    /// Takes the list of a slot.
    fn take(&mut self, level: usize, slot: usize) -> u32 {
        self.occupied[level] &= !(1 << slot);
        std::mem::replace(&mut self.slots[level][slot], NONE)
    }

    fn advance(&mut self, to: u64) {
        loop {
            let first = (0..LEVELS).find(|&level| self.occupied[level] != 0);
            let Some(level) = first else { break };
            let slot = self.occupied[level].trailing_zeros() as usize;
            let before = self.now >> (6 * level + 6) << (6 * level + 6);
            let begins = before | (slot as u64) << (6 * level);
            if begins > to {
                break;
            }
            self.now = self.now.max(begins);
            let mut index = self.take(level, slot);
            while index != NONE {
                let next = self.nodes[index as usize].next;
                if level > 0 {
                    self.place(index);
                } else if let Some(callback) = self.release(index) {
                    callback();
                }
                index = next;
            }
        }
        self.now = self.now.max(to);
    }

    fn tick(&self, time: Instant) -> u64 {
        (time - self.start).as_nanos() as u64 >> 20
    }
}

impl Timers for Wheel {
    type Handle = (u32, u32);

    fn start() -> anyhow::Result<Self> {
        let (start, slots) = (Instant::now(), [[NONE; SLOTS]; LEVELS]);
        Ok(Self { start, now: 0, nodes: Vec::new(), free: NONE, slots, occupied: [0; LEVELS] })
    }

    fn set(&mut self, number: usize, delay: Duration) -> anyhow::Result<(u32, u32)> {
        let due = self.tick(Instant::now() + delay) + 1;
        let callback = Some(boxed(number));
        let index = self.free;
        if index == NONE {
            let index = u32::try_from(self.nodes.len())?;
            self.nodes.push(Node { callback, due, generation: 0, next: NONE, previous: NONE });
            self.place(index);
            return Ok((index, 0));
        }
        let node = &mut self.nodes[index as usize];
        self.free = node.next;
        (node.callback, node.due) = (callback, due);
        let generation = node.generation;
        self.place(index);
        Ok((index, generation))
    }

    fn cancel(&mut self, (index, generation): (u32, u32)) -> anyhow::Result<()> {
        let pending = self.nodes[index as usize].generation == generation;
        anyhow::ensure!(pending, "a timer was lost");
        self.unlink(index);
        drop(self.release(index));
        Ok(())
    }

    fn run(&mut self, _handles: Vec<Self::Handle>) -> anyhow::Result<()> {
        let now = self.tick(Instant::now());
        self.advance(now);
        Ok(())
    }
}
