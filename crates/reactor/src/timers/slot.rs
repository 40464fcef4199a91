//! A slot of the wheel: names in any order, and in order once somebody asks for the first.

use super::Due;
use super::pending::{Entry, Name, Pending};
use std::collections::BinaryHeap;

/// An empty slot keeps its storage up to this many names; there can be 512 slots.
pub(super) const KEPT: usize = 32;
/// Among so many the first is looked for each time, without an order.
const FEW: usize = 8;

#[derive(Debug)]
pub(super) enum Slot {
    Loose(Vec<Name>),
    Heap(BinaryHeap<Entry>),
}

impl Default for Slot {
    fn default() -> Self {
        Self::Loose(Vec::new())
    }
}

impl Slot {
    /// Its names, without an order.
    pub(super) fn loosen(&mut self) -> &mut Vec<Name> {
        if let Self::Heap(heap) = self {
            *self = Self::Loose(heap.iter().map(Entry::name).collect());
        }
        match self {
            Self::Loose(names) => names,
            Self::Heap(_) => unreachable!(),
        }
    }

    /// The first timer whose name counts, and that `is_here`. Of names that are taken out `len` is
    /// told.
    pub(super) fn first<F: Due>(
        &mut self,
        pending: Pending<'_, F>,
        is_here: impl Fn(&Entry) -> bool,
        len: &mut usize,
    ) -> Option<Entry> {
        if let Self::Loose(names) = self {
            let entries = names.iter().filter_map(|&name| pending.entry(name)).filter(is_here);
            if names.len() <= FEW {
                return entries.max();
            }
            let entries: Vec<_> = entries.collect();
            *len -= names.len() - entries.len();
            *self = Self::Heap(entries.into());
        }
        let Self::Heap(heap) = self else { return None };
        while let Some(first) = heap.peek() {
            if pending.counts(first) {
                return Some(*first);
            }
            heap.pop();
            *len -= 1;
        }
        None
    }

    /// Takes out the names that do not count, and says how many are left.
    pub(super) fn retain<F: Due>(&mut self, pending: Pending<'_, F>) -> usize {
        match self {
            Self::Loose(names) => {
                names.retain(|&name| pending.has(name));
                shrink(names, KEPT);
                names.len()
            }
            Self::Heap(heap) => {
                retain_in_heap(heap, KEPT, pending);
                heap.len()
            }
        }
    }
}

pub(super) fn retain_in_heap<F: Due>(
    heap: &mut BinaryHeap<Entry>,
    kept: usize,
    pending: Pending<'_, F>,
) {
    heap.retain(|entry| pending.counts(entry));
    if heap.capacity() > kept.max(4 * heap.len()) {
        heap.shrink_to(2 * heap.len());
    }
}

pub(super) fn shrink<T>(entries: &mut Vec<T>, kept: usize) {
    if entries.capacity() > kept.max(4 * entries.len()) {
        entries.shrink_to(2 * entries.len());
    }
}
