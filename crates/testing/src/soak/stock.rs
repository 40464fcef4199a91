//! Things that are kept in reach of whoever may use one of them next.
//!
//! **Lock rule:** nothing is dropped while the stock is locked: what leaves it is given.

use std::sync::Mutex;

use super::Dice;
use crate::lock::lock;

/// Things of a kind.
#[derive(Debug)]
pub struct Stock<T> {
    limit: usize,
    things: Mutex<Vec<T>>,
}

impl<T> Stock<T> {
    /// None yet; who keeps one more than `limit` displaces another.
    #[must_use]
    pub const fn of(limit: usize) -> Self {
        Self { limit, things: Mutex::new(Vec::new()) }
    }

    /// Puts `thing` in reach, and gives what it displaces.
    #[must_use = "it is dropped outside of locks and borrows"]
    pub fn keep(&self, thing: T, dice: &mut Dice) -> Option<T> {
        let mut things = lock(&self.things);
        let is_full = things.len() >= self.limit;
        let displaced = is_full.then(|| dice.below(self.limit)).map(|at| things.swap_remove(at));
        things.push(thing);
        displaced
    }

    /// Puts `thing` in reach, whatever the limit.
    pub fn put(&self, thing: T) {
        lock(&self.things).push(thing);
    }

    /// A copy of one of them.
    pub fn pick(&self, dice: &mut Dice) -> Option<T>
    where
        T: Clone,
    {
        let things = lock(&self.things);
        (!things.is_empty()).then(|| things[dice.below(things.len())].clone())
    }

    /// Takes one of them.
    pub fn take(&self, dice: &mut Dice) -> Option<T> {
        let mut things = lock(&self.things);
        let place = dice.below(things.len());
        (!things.is_empty()).then(|| things.swap_remove(place))
    }

    /// Takes those of which `is_it` is true.
    pub fn take_where(&self, is_it: impl FnMut(&T) -> bool) -> Vec<T> {
        let mut things = lock(&self.things);
        let (taken, left) = std::mem::take(&mut *things).into_iter().partition(is_it);
        *things = left;
        taken
    }

    /// Takes all of them.
    pub fn take_all(&self) -> Vec<T> {
        std::mem::take(&mut *lock(&self.things))
    }
}
