//! A list that other threads fill and the reactor thread empties.
//!
//! The first item that enters an empty list also calls the reactor to come and empty it; those that
//! follow rely on that call. While the reactor is stopped the call is refused and the items stay
//! parked: whoever begins a run opens the reactor to calls and *then* empties the list.
//!
//! *Nothing is left behind.* Let A make the call and B rely on it. If it is refused (or dropped with
//! a run that crashes), that was before the next opening, and so before the emptying that follows
//! it. What B has put in before that emptying is found by it; whoever comes after it finds `called`
//! cleared and makes a call of his own.
//!
//! **Lock rule:** nothing is dropped and nobody is called while the list is locked.

use crate::sync::{Mutex, MutexGuard};
use std::mem::{replace, take};
use std::sync::PoisonError;

pub(crate) struct Parked<T>(Mutex<State<T>>);

struct State<T> {
    items: Vec<T>,
    /// Somebody has called since the list was emptied.
    called: bool,
    /// The reactor has been dropped; nobody will ever empty the list again.
    closed: bool,
}

impl<T> Parked<T> {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(State { items: Vec::new(), called: false, closed: false }))
    }

    /// Puts an item in, or gives it back if the list is closed. `call` asks the reactor to empty
    /// the list, and may be refused.
    pub(crate) fn put(&self, item: T, call: impl FnOnce()) -> Option<T> {
        let mut state = self.lock();
        if state.closed {
            return Some(item);
        }
        state.items.push(item);
        let called = replace(&mut state.called, true);
        drop(state);
        if !called {
            call();
        }
        None
    }

    /// Empties the list.
    pub(crate) fn take(&self) -> Vec<T> {
        let mut state = self.lock();
        state.called = false;
        take(&mut state.items)
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
    use loom::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
    use loom::thread;

    /// A reactor as the list sees it.
    struct Model {
        parked: Parked<u32>,
        open: AtomicBool,
        calls: AtomicUsize,
    }

    impl Model {
        /// `true`: taken in.
        fn put(&self, item: u32) -> bool {
            let call = || {
                let accepted = self.open.load(Ordering::Acquire);
                self.calls.fetch_add(usize::from(accepted), Ordering::AcqRel);
            };
            self.parked.put(item, call).is_none()
        }

        fn begin_run(&self) -> usize {
            self.open.store(true, Ordering::Release);
            self.parked.take().len()
        }

        fn turn(&self) -> usize {
            let called = self.calls.swap(0, Ordering::AcqRel) > 0;
            if called { self.parked.take().len() } else { 0 }
        }

        fn crash(&self) {
            self.open.store(false, Ordering::Release);
            self.calls.swap(0, Ordering::AcqRel);
        }
    }

    /// Two threads put something in while the reactor does `during`, which gives the number of
    /// items that it has found; after that it runs on.
    fn put_by_two(open: bool, during: impl Fn(&Model) -> usize + Sync + Send + 'static) {
        loom::model(move || {
            let model = Arc::new(Model {
                parked: Parked::new(),
                open: AtomicBool::new(open),
                calls: AtomicUsize::new(0),
            });
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

    #[test]
    fn loom_nothing_is_left_behind_in_a_run() {
        put_by_two(true, |model| model.turn());
    }

    #[test]
    fn loom_nothing_is_left_behind_when_a_run_begins() {
        put_by_two(false, |model| model.begin_run() + model.turn());
    }

    #[test]
    fn loom_nothing_is_left_behind_when_a_run_crashes_and_another_begins() {
        put_by_two(true, |model| {
            model.crash();
            model.begin_run()
        });
    }

    /// The reactor is dropped: what is not given back is found by the one who closes.
    #[test]
    fn loom_nothing_is_left_behind_by_closing() {
        put_by_two(false, |model| model.parked.close().len());
    }
}
