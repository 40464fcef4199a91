//! Where one answer passes from the reactor thread to the thread that waits for it.
//!
//! A slot is filled exactly once: with the answer, or with `None` when the [`Filler`] is dropped,
//! so that nobody waits for an answer that cannot come (I4). **Lock rule:** wakers are called,
//! and values dropped, after the lock is released (I5).

use crate::panics;
use crate::sync::{Arc, Condvar, Mutex, lock};
use std::fmt;
use std::panic::Location;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

struct Slot<T> {
    state: Mutex<State<T>>,
    filled: Condvar,
}

enum State<T> {
    Waiting(Option<Waker>),
    Filled(Option<T>),
    Taken,
}

/// A slot's two ends.
pub(crate) fn slot<T>() -> (Filler<T>, Taker<T>) {
    let state = Mutex::new(State::Waiting(None));
    let slot = Arc::new(Slot { state, filled: Condvar::new() });
    (Filler(Some(Arc::clone(&slot))), Taker(slot))
}

/// The end that answers. Dropped without an answer, it says so.
pub(crate) struct Filler<T>(Option<Arc<Slot<T>>>);

impl<T> Filler<T> {
    pub(crate) fn fill(mut self, value: T) {
        if let Some(slot) = self.0.take() {
            slot.fill(Some(value));
        }
    }
}

impl<T> Drop for Filler<T> {
    fn drop(&mut self) {
        if let Some(slot) = self.0.take() {
            slot.fill(None);
        }
    }
}

impl<T> fmt::Debug for Filler<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Filler")
    }
}

impl<T> Slot<T> {
    fn fill(&self, value: Option<T>) {
        let before = std::mem::replace(&mut *lock(&self.state), State::Filled(value));
        self.filled.notify_one();
        if let State::Waiting(Some(waker)) = before {
            // Whoever fills the slot may be about to fill others.
            panics::contain("a waker", Location::caller(), || waker.wake());
        }
    }
}

/// The end that waits. What it gives is `None` if no answer will come.
pub(crate) struct Taker<T>(Arc<Slot<T>>);

impl<T> Taker<T> {
    /// Waits on this thread.
    pub(crate) fn wait(&self) -> Option<T> {
        let mut state = lock(&self.0.state);
        loop {
            if let Some(value) = take(&mut state) {
                return value;
            }
            state = self.0.filled.wait(state).unwrap_or_else(std::sync::PoisonError::into_inner);
        }
    }

    /// Waits on this thread until `deadline`; `None` if it passed.
    pub(crate) fn wait_until(&self, deadline: Instant) -> Option<Option<T>> {
        let mut state = lock(&self.0.state);
        loop {
            if let Some(value) = take(&mut state) {
                return Some(value);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left == Duration::ZERO {
                return None;
            }
            let waited = self.0.filled.wait_timeout(state, left);
            state = waited.unwrap_or_else(std::sync::PoisonError::into_inner).0;
        }
    }

    /// Looks, without waiting.
    pub(crate) fn try_take(&self) -> Option<Option<T>> {
        take(&mut lock(&self.0.state))
    }

    /// Looks, and leaves word where to call if there is nothing yet.
    pub(crate) fn poll(&self, context: &Context<'_>) -> Poll<Option<T>> {
        // A user's waker: cloned before the lock, the one it replaces dropped after it.
        let waker = context.waker().clone();
        let _replaced;
        let mut state = lock(&self.0.state);
        if let Some(value) = take(&mut state) {
            return Poll::Ready(value);
        }
        _replaced = std::mem::replace(&mut *state, State::Waiting(Some(waker)));
        drop(state);
        Poll::Pending
    }
}

impl<T> Drop for Taker<T> {
    fn drop(&mut self) {
        let mut state = lock(&self.0.state);
        // Nobody is to be woken any more. The waker is the user's, and goes after the lock.
        let _waker = match &mut *state {
            State::Waiting(waker) => waker.take(),
            State::Filled(_) | State::Taken => None,
        };
        drop(state);
    }
}

/// What is in the slot, if it was filled; after that it is as if no answer would come.
fn take<T>(state: &mut State<T>) -> Option<Option<T>> {
    match state {
        State::Waiting(_) => None,
        State::Filled(value) => {
            let value = value.take();
            *state = State::Taken;
            Some(value)
        }
        State::Taken => Some(None),
    }
}

#[cfg(all(test, loom))]
mod loom_tests {
    use super::{Taker, slot};
    use loom::sync::{Condvar, Mutex};
    use loom::thread;
    use std::sync::Arc;
    use std::task::{Context, Poll, Wake, Waker};

    /// The smallest executor, of loom's parts.
    #[derive(Default)]
    struct Executor {
        woken: Mutex<bool>,
        wakes: Condvar,
    }

    impl Wake for Executor {
        fn wake(self: Arc<Self>) {
            *self.woken.lock().unwrap() = true;
            self.wakes.notify_one();
        }
    }

    impl Executor {
        /// Polls until there is an answer; if no wake-up came, loom reports a deadlock.
        fn block_on<T>(self: &Arc<Self>, taker: &Taker<T>) -> Option<T> {
            let waker = Waker::from(Arc::clone(self));
            loop {
                if let Poll::Ready(answer) = taker.poll(&Context::from_waker(&waker)) {
                    return answer;
                }
                let mut woken = self.woken.lock().unwrap();
                while !*woken {
                    woken = self.wakes.wait(woken).unwrap();
                }
                *woken = false;
            }
        }
    }

    #[test]
    fn loom_a_waiting_thread_gets_the_answer() {
        loom::model(|| {
            let (filler, taker) = slot();
            let reactor = thread::spawn(move || filler.fill(7));
            assert_eq!(taker.wait(), Some(7));
            reactor.join().unwrap();
        });
    }

    #[test]
    fn loom_a_waiting_thread_hears_that_no_answer_will_come() {
        loom::model(|| {
            let (filler, taker) = slot::<u32>();
            let reactor = thread::spawn(move || drop(filler));
            assert_eq!(taker.wait(), None);
            reactor.join().unwrap();
        });
    }

    #[test]
    fn loom_a_future_is_woken() {
        loom::model(|| {
            let (filler, taker) = slot();
            let reactor = thread::spawn(move || filler.fill(7));
            assert_eq!(Arc::<Executor>::default().block_on(&taker), Some(7));
            reactor.join().unwrap();
        });
    }

    #[test]
    fn loom_a_future_that_has_moved_to_another_executor_is_woken_there() {
        loom::model(|| {
            let (filler, taker) = slot();
            let reactor = thread::spawn(move || filler.fill(7));
            let first = Waker::from(Arc::<Executor>::default());
            let answer = match taker.poll(&Context::from_waker(&first)) {
                Poll::Ready(answer) => answer,
                Poll::Pending => Arc::<Executor>::default().block_on(&taker),
            };
            assert_eq!(answer, Some(7));
            reactor.join().unwrap();
        });
    }

    #[test]
    fn loom_a_taker_that_goes_takes_its_waker_and_the_answer_along() {
        loom::model(|| {
            let (filler, taker) = slot();
            let (executor, answer) = (Arc::<Executor>::default(), Arc::new(7));
            let kept = Arc::clone(&answer);
            let reactor = thread::spawn(move || filler.fill(answer));
            let waker = Waker::from(Arc::clone(&executor));
            let _ = taker.poll(&Context::from_waker(&waker));
            drop((waker, taker));
            reactor.join().unwrap();
            assert_eq!((Arc::strong_count(&executor), Arc::strong_count(&kept)), (1, 1));
        });
    }
}
