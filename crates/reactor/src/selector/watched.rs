//! The sources of a manual selector, and which of them are ready, in which order.
//!
//! A plain data structure: it knows no reactor and runs nothing.

use super::Event;
use crate::source::{Interest, Readiness};
use std::collections::{BTreeMap, VecDeque};

#[derive(Default)]
pub(super) struct Watched {
    sources: BTreeMap<u64, One>,
    /// Those with an event to deliver, each once.
    order: VecDeque<u64>,
    next_id: u64,
}

struct One {
    key: usize,
    interest: Interest,
    /// What the test has said last, whether the interest asks for it or not.
    readiness: Readiness,
}

impl One {
    /// What its interest asks for of what it is ready for.
    fn event(&self) -> Option<Event> {
        let Readiness { readable, writable, hung_up, error } = self.readiness;
        let ended = hung_up || error;
        let readiness = Readiness {
            readable: ended || readable && self.interest.is_readable(),
            writable: ended || writable && self.interest.is_writable(),
            hung_up,
            error,
        };
        let asked = !self.interest.is_none() && (readiness.readable || readiness.writable);
        asked.then_some(Event { key: self.key, readiness })
    }
}

impl Watched {
    pub(super) fn add(&mut self, key: usize, interest: Interest) -> u64 {
        self.next_id += 1;
        self.sources.insert(self.next_id, One { key, interest, readiness: Readiness::NONE });
        self.next_id
    }

    pub(super) fn remove(&mut self, id: u64) {
        self.sources.remove(&id);
        self.order.retain(|other| *other != id);
    }

    /// `false`: it is not watched any more.
    pub(super) fn make_ready(&mut self, id: u64, readiness: Readiness) -> bool {
        self.change(id, |one| one.readiness = readiness)
    }

    pub(super) fn set_interest(&mut self, id: u64, interest: Interest) {
        self.change(id, |one| one.interest = interest);
    }

    fn change(&mut self, id: u64, change: impl FnOnce(&mut One)) -> bool {
        let Some(one) = self.sources.get_mut(&id) else { return false };
        change(one);
        let queued = self.order.contains(&id);
        match one.event() {
            Some(_) if !queued => self.order.push_back(id),
            None if queued => self.order.retain(|other| *other != id),
            _ => {}
        }
        true
    }

    pub(super) fn any_ready(&self) -> bool {
        !self.order.is_empty()
    }

    /// Takes the next events, `limit` at most. What stays ready goes to the end.
    pub(super) fn deliver(&mut self, ready: &mut Vec<Event>, limit: usize) {
        for _ in 0..self.order.len().min(limit) {
            let Some(id) = self.order.pop_front() else { break };
            let Some(one) = self.sources.get(&id) else { continue };
            ready.extend(one.event());
            if !one.interest.is_edge_triggered() {
                self.order.push_back(id);
            }
        }
    }
}
