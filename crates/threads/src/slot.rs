//! Where one answer passes from the reactor thread to the thread that waits for it.
//!
//! A slot is filled exactly once: with the answer, or with `None` when the [`Filler`] is dropped,
//! so that nobody waits for an answer that cannot come (I4). Beside it lies a note, small and of
//! the owner's making, of how far the work behind it has come: one allocation for both. **Lock
//! rule:** who waits is woken, and values are dropped, after the lock is released (I5).
//!
//! A thread waits by being parked: to wake one that is not asleep yet costs no system call.

use crate::panics;
use crate::sync::{Arc, Mutex, lock, park_timeout, thread};
use std::fmt;
use std::panic::Location;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

/// What both ends hold. Whoever else knows of it can look, and change the note; that keeps no answer
/// alive.
pub(crate) struct Slot<T, N> {
    inside: Mutex<Inside<T, N>>,
    /// Who has asked: a waker that panics is reported with this.
    location: &'static Location<'static>,
}

/// Of which there are two, and further ones for those who only know of it.
pub(crate) type SharedSlot<T, N> = Arc<Slot<T, N>>;

struct Inside<T, N> {
    state: State<T>,
    note: N,
}

enum State<T> {
    Waiting(Option<Waiter>),
    /// The taker has gone, and there was no answer yet.
    Left,
    Filled(Option<T>),
    /// There has been an answer.
    Taken,
}

/// Who is to be told of the answer.
enum Waiter {
    Task(Waker),
    Thread(thread::Thread),
}

/// A slot's two ends.
#[track_caller]
pub(crate) fn slot<T, N: Copy>(note: N) -> (Filler<T, N>, Taker<T, N>) {
    let inside = Mutex::new(Inside { state: State::Waiting(None), note });
    let slot = Arc::new(Slot { inside, location: Location::caller() });
    (Filler(Some(Arc::clone(&slot))), Taker(slot))
}

/// The end that answers. Dropped without an answer, it says so.
pub(crate) struct Filler<T, N>(Option<Arc<Slot<T, N>>>);

impl<T, N: Copy> Filler<T, N> {
    /// # Errors
    ///
    /// The value, if the taker has gone.
    pub(crate) fn fill(mut self, value: T) -> Result<(), T> {
        let Some(slot) = self.0.take() else { return Err(value) };
        slot.fill(Some(value)).map_or(Ok(()), Err)
    }

    /// Changes the note; as it was before, or `None` if there is no slot any more.
    pub(crate) fn note(&self, change: impl FnOnce(N) -> N) -> Option<N> {
        self.0.as_ref().map(|slot| slot.note(change))
    }
}

impl<T, N> Drop for Filler<T, N> {
    fn drop(&mut self) {
        if let Some(slot) = self.0.take() {
            let _nothing = slot.fill(None);
        }
    }
}

impl<T, N> fmt::Debug for Filler<T, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Filler")
    }
}

impl<T, N> Slot<T, N> {
    /// Gives the value back if the taker has gone.
    fn fill(&self, value: Option<T>) -> Option<T> {
        let mut inside = lock(&self.inside);
        if matches!(inside.state, State::Left | State::Taken) {
            inside.state = State::Taken;
            return value;
        }
        let before = std::mem::replace(&mut inside.state, State::Filled(value));
        drop(inside);
        match before {
            State::Waiting(Some(Waiter::Thread(thread))) => thread.unpark(),
            // Whoever fills the slot may be about to fill others.
            State::Waiting(Some(Waiter::Task(waker))) => {
                panics::contain("a waker", self.location, || waker.wake());
            }
            State::Waiting(None) | State::Left | State::Filled(_) | State::Taken => {}
        }
        None
    }

    /// Who has asked.
    pub(crate) fn location(&self) -> &'static Location<'static> {
        self.location
    }

    /// Whether there is still no answer.
    pub(crate) fn is_open(&self) -> bool {
        lock(&self.inside).is_open()
    }
}

impl<T, N: Copy> Slot<T, N> {
    /// Changes the note, unless there is an answer, or has been; as it was before.
    pub(crate) fn note_if_open(&self, change: impl FnOnce(N) -> N) -> Option<N> {
        let mut inside = lock(&self.inside);
        let is_open = inside.is_open();
        is_open.then(|| inside.change(change))
    }

    fn note(&self, change: impl FnOnce(N) -> N) -> N {
        lock(&self.inside).change(change)
    }
}

impl<T, N> Inside<T, N> {
    fn is_open(&self) -> bool {
        matches!(self.state, State::Waiting(_) | State::Left)
    }
}

impl<T, N: Copy> Inside<T, N> {
    fn change(&mut self, change: impl FnOnce(N) -> N) -> N {
        let before = self.note;
        self.note = change(before);
        before
    }
}

/// The end that waits. What it gives, once, is `None` if no answer will come.
pub(crate) struct Taker<T, N>(Arc<Slot<T, N>>);

impl<T, N> Taker<T, N> {
    pub(crate) fn slot(&self) -> &SharedSlot<T, N> {
        &self.0
    }

    /// Waits on this thread.
    pub(crate) fn wait(&self) -> Option<T> {
        loop {
            if let Some(value) = self.take_or_be_told() {
                return value;
            }
            thread::park();
        }
    }

    /// Waits on this thread until the time that `limit` gives, or for ever as long as it gives none;
    /// `None` if that has passed. Whoever changes the limit has to unpark the thread.
    pub(crate) fn wait_until(&self, limit: impl Fn() -> Option<Instant>) -> Option<Option<T>> {
        loop {
            if let Some(value) = self.take_or_be_told() {
                return Some(value);
            }
            let Some(deadline) = limit() else {
                thread::park();
                continue;
            };
            let left = deadline.saturating_duration_since(Instant::now());
            if left == Duration::ZERO {
                // Nobody waits any more; but the answer may have come at this very moment.
                return self.forget_waiter();
            }
            park_timeout(left);
        }
    }

    /// Looks, without waiting.
    pub(crate) fn try_take(&self) -> Option<Option<T>> {
        let found = take(&mut lock(&self.0.inside).state);
        found.answer()
    }

    /// Looks, and leaves word which thread to wake if there is nothing yet.
    fn take_or_be_told(&self) -> Option<Option<T>> {
        let this = Waiter::Thread(thread::current());
        // A user's waker from an earlier poll goes after the lock.
        let _replaced;
        let mut inside = lock(&self.0.inside);
        let found = take(&mut inside.state);
        if matches!(found, Found::Nothing) {
            _replaced = std::mem::replace(&mut inside.state, State::Waiting(Some(this)));
        }
        drop(inside);
        found.answer()
    }

    /// Takes back who was to be told, or takes what he was to be told.
    fn forget_waiter(&self) -> Option<Option<T>> {
        let mut inside = lock(&self.0.inside);
        let found = take(&mut inside.state);
        let waiter = match &mut inside.state {
            State::Waiting(waiter) => waiter.take(),
            State::Left | State::Filled(_) | State::Taken => None,
        };
        drop(inside);
        // The user's, perhaps.
        drop(waiter);
        found.answer()
    }

    /// Looks, and leaves word where to call if there is nothing yet.
    pub(crate) fn poll(&self, context: &Context<'_>) -> Poll<Option<T>> {
        // A user's waker: cloned before the lock, the one it replaces dropped after it.
        let waker = Waiter::Task(context.waker().clone());
        let _replaced;
        let mut inside = lock(&self.0.inside);
        let found = take(&mut inside.state);
        if matches!(found, Found::Nothing) {
            _replaced = std::mem::replace(&mut inside.state, State::Waiting(Some(waker)));
        }
        drop(inside);
        found.answer().map_or(Poll::Pending, Poll::Ready)
    }
}

impl<T: Send + 'static, N: Send + 'static> Taker<T, N> {
    /// What tells, to any thread and at any time, whether there is still no answer.
    pub(crate) fn is_open(&self) -> impl Fn() -> bool + Send + use<T, N> {
        let slot = Arc::clone(&self.0);
        move || slot.is_open()
    }
}

impl<T, N> Drop for Taker<T, N> {
    fn drop(&mut self) {
        // Nobody is to be woken any more. The waker and the answer are the user's, and go after
        // the lock.
        let mut inside = lock(&self.0.inside);
        let after = if inside.is_open() { State::Left } else { State::Taken };
        let before = std::mem::replace(&mut inside.state, after);
        drop(inside);
        if let State::Waiting(Some(Waiter::Task(waker))) = before {
            panics::contain("the drop of a waker", self.0.location, || drop(waker));
        }
    }
}

/// What a look into the slot finds.
enum Found<T> {
    Nothing,
    Answer(Option<T>),
    /// It was taken before.
    Spent,
}

impl<T> Found<T> {
    /// To be asked when the lock has been released.
    fn answer(self) -> Option<Option<T>> {
        match self {
            Self::Nothing => None,
            Self::Answer(value) => Some(value),
            Self::Spent => spent(),
        }
    }
}

/// What is asked again has nothing to give.
#[cold]
fn spent() -> ! {
    panic!("an Eventual was asked for its answer after it had given it")
}

fn take<T>(state: &mut State<T>) -> Found<T> {
    match state {
        State::Waiting(_) | State::Left => Found::Nothing,
        State::Filled(value) => {
            let value = value.take();
            *state = State::Taken;
            Found::Answer(value)
        }
        State::Taken => Found::Spent,
    }
}
