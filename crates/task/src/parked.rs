//! A list that other threads fill and the reactor thread empties.
//!
//! Whoever puts the first item into an empty list also rings for the reactor to come and empty it;
//! those that follow rely on that. The bell stays rung until a turn hears it, whether the reactor
//! runs, is turned by hand or is stopped, and a turn empties the list after it has heard it.
//!
//! *Nothing is left behind.* Let A find the list empty, and B find A's item in it. The list is
//! emptied after A's ring is heard, unless that was done before; and B was there before either, or
//! he would have found it empty.
//!
//! **Lock rule:** nothing is dropped and nobody is called while the list is locked.

use crate::sync::{Mutex, MutexGuard};
use std::mem::take;
use std::sync::PoisonError;

pub(crate) struct Parked<T>(Mutex<State<T>>);

struct State<T> {
    items: Vec<T>,
    /// The reactor has been dropped; nobody will ever empty the list again.
    closed: bool,
}

impl<T> Parked<T> {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(State { items: Vec::new(), closed: false }))
    }

    /// Puts an item in, or gives it back if the list is closed. `ring` asks the reactor to empty
    /// the list.
    pub(crate) fn put(&self, item: T, ring: impl FnOnce()) -> Option<T> {
        let mut state = self.lock();
        if state.closed {
            return Some(item);
        }
        let is_first = state.items.is_empty();
        state.items.push(item);
        drop(state);
        if is_first {
            ring();
        }
        None
    }

    /// Empties the list.
    pub(crate) fn take(&self) -> Vec<T> {
        take(&mut self.lock().items)
    }

    /// Empties the list for the last time.
    pub(crate) fn close(&self) -> Vec<T> {
        let mut state = self.lock();
        state.closed = true;
        take(&mut state.items)
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
#[cfg(loom)]
mod loom_models {
    use super::Parked;
    use loom::sync::Arc;
    use loom::sync::atomic::{AtomicBool, Ordering};
    use loom::thread;

    /// A reactor as the list sees it. Nothing here tells a run from a turn by hand, or from the time
    /// between them: the bell does not ask.
    struct Model {
        parked: Parked<u32>,
        bell: AtomicBool,
    }

    impl Model {
        /// `true`: taken in.
        fn put(&self, item: u32) -> bool {
            let ring = || {
                self.bell.swap(true, Ordering::AcqRel);
            };
            self.parked.put(item, ring).is_none()
        }

        /// As `Reactor::hear_bell` does it.
        fn turn(&self) -> usize {
            let rung = self.bell.load(Ordering::Acquire) && self.bell.swap(false, Ordering::AcqRel);
            if rung { self.parked.take().len() } else { 0 }
        }
    }

    /// Two threads put something in while the reactor does `during`, which gives the number of
    /// items that it has found; one turn after that finds the rest.
    fn put_by_two(during: impl Fn(&Model) -> usize + Sync + Send + 'static) {
        loom::model(move || {
            let model = Arc::new(Model { parked: Parked::new(), bell: AtomicBool::new(false) });
            let putters: Vec<_> = (0..2)
                .map(|item| {
                    let model = Arc::clone(&model);
                    thread::spawn(move || usize::from(model.put(item)))
                })
                .collect();
            let found = during(&model);
            let put_in: usize = putters.into_iter().map(|one| one.join().unwrap()).sum();
            assert_eq!(found + model.turn(), put_in);
        });
    }

    /// What comes between two runs, where calls are refused, waits for any turn.
    #[test]
    fn loom_nothing_is_left_behind_while_the_reactor_is_stopped() {
        put_by_two(|_| 0);
    }

    #[test]
    fn loom_nothing_is_left_behind_by_a_turn() {
        put_by_two(Model::turn);
    }

    #[test]
    fn loom_nothing_is_left_behind_by_two_turns() {
        put_by_two(|model| model.turn() + model.turn());
    }

    /// The reactor is dropped: what is not given back is found by the one who closes.
    #[test]
    fn loom_nothing_is_left_behind_by_closing() {
        put_by_two(|model| model.parked.close().len());
    }
}
