//! A list that other threads fill and the reactor thread empties.
//!
//! The first item that enters an empty list also calls the reactor to come and empty it; those that
//! follow rely on that call. While the reactor is stopped the call is refused and the items stay
//! parked; whoever begins a run opens the reactor to calls and then empties the list.
//!
//! *Nothing is left behind.* Let A be refused while B relies on A's call, and a new run begin
//! meanwhile. A clears `called` and then looks whether calls are accepted. If they are, A calls
//! again. If they are not, the opening, and with it the emptying, comes after that look, and finds
//! what B has put in before `called` was cleared; whoever puts something in later calls himself.
//!
//! **Lock rule:** nothing is dropped and nobody is called while the list is locked.

use crate::sync::{Mutex, MutexGuard};
use std::mem::{replace, take};
use std::sync::PoisonError;

pub(crate) struct Parked<T>(Mutex<State<T>>);

struct State<T> {
    items: Vec<T>,
    /// Somebody sees to it that the list will be emptied.
    called: bool,
    /// The reactor has been dropped; nobody will ever empty the list again.
    closed: bool,
}

impl<T> Parked<T> {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(State { items: Vec::new(), called: false, closed: false }))
    }

    /// Puts an item in, or gives it back if the list is closed. `call` asks the reactor to empty
    /// the list, and says whether it will; `accepts` whether it would.
    pub(crate) fn put(
        &self,
        item: T,
        call: impl Fn() -> bool,
        accepts: impl Fn() -> bool,
    ) -> Option<T> {
        let mut state = self.lock();
        if state.closed {
            return Some(item);
        }
        state.items.push(item);
        let mut called = replace(&mut state.called, true);
        drop(state);
        while !called && !call() {
            self.lock().called = false;
            if !accepts() {
                break;
            }
            let mut state = self.lock();
            called = state.items.is_empty() || replace(&mut state.called, true);
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

#[cfg(all(test, loom))]
mod loom_models {
    use super::Parked;
    use loom::sync::Arc;
    use loom::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
    use loom::thread;

    /// A reactor between two runs.
    struct Model {
        parked: Parked<u32>,
        open: AtomicBool,
        calls: AtomicUsize,
    }

    impl Model {
        fn put(&self, item: u32) -> bool {
            let accepts = || self.open.load(Ordering::Acquire);
            let call = || {
                let accepted = accepts();
                self.calls.fetch_add(usize::from(accepted), Ordering::AcqRel);
                accepted
            };
            self.parked.put(item, call, accepts).is_none()
        }
    }

    fn put_by_two(during: impl Fn(&Model) -> usize + Sync + Send + 'static) {
        loom::model(move || {
            let model = Arc::new(Model {
                parked: Parked::new(),
                open: AtomicBool::new(false),
                calls: AtomicUsize::new(0),
            });
            let putters: Vec<_> = (0..2)
                .map(|item| {
                    let model = Arc::clone(&model);
                    thread::spawn(move || usize::from(model.put(item)))
                })
                .collect();
            let mut taken = during(&model);
            let accepted: usize = putters.into_iter().map(|one| one.join().unwrap()).sum();
            if model.calls.swap(0, Ordering::AcqRel) > 0 {
                taken += model.parked.take().len();
            }
            assert_eq!(taken, accepted);
        });
    }

    /// A run begins while two threads put something in: either it finds the items at its beginning,
    /// or a call that was accepted leads to them.
    #[test]
    fn loom_nothing_is_left_behind_when_a_run_begins() {
        put_by_two(|model| {
            model.open.store(true, Ordering::Release);
            model.parked.take().len()
        });
    }

    /// The reactor is dropped meanwhile: what is not given back is found by the one who closes.
    #[test]
    fn loom_nothing_is_left_behind_by_closing() {
        put_by_two(|model| model.parked.close().len());
    }
}
