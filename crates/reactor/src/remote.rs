//! References from other threads to values that live on the reactor thread.
//!
//! The value never leaves its thread: what crosses is a key. So the value need not be `Send`, and
//! it is dropped where it was made.

use crate::error::ReactorStopped;
use crate::handle::ReactorHandle;
use crate::pace::Pace;
use crate::reactor::Reactor;
use crate::storage::GiveBack as _;
use slab::Slab;
use std::any::Any;
use std::collections::VecDeque;
use std::fmt;
use std::marker::PhantomData;
use std::panic::Location;
use std::rc::Rc;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A slot and what makes its use unique: slots are used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct ShareKey {
    slot: usize,
    identity: u64,
}

/// The values that are shared, on the reactor thread.
#[derive(Default)]
pub(crate) struct Shares {
    slots: Slab<Share>,
    identities: u64,
}

struct Share {
    identity: u64,
    value: Rc<dyn Any>,
    location: &'static Location<'static>,
}

impl Shares {
    fn insert(&mut self, value: Rc<dyn Any>, location: &'static Location<'static>) -> ShareKey {
        self.identities += 1;
        let identity = self.identities;
        ShareKey { slot: self.slots.insert(Share { identity, value, location }), identity }
    }

    fn get(&self, key: ShareKey) -> Option<&Share> {
        self.slots.get(key.slot).filter(|share| share.identity == key.identity)
    }

    fn remove(&mut self, key: ShareKey) -> Option<Share> {
        self.get(key)?;
        let removed = self.slots.try_remove(key.slot);
        self.slots.give_back();
        removed
    }

    #[cfg(all(test, not(loom)))]
    pub(crate) fn capacity(&self) -> usize {
        self.slots.capacity()
    }

    /// Takes all values out; the caller drops them.
    pub(crate) fn take(&mut self) -> Vec<Rc<dyn Any>> {
        self.slots.drain().map(|share| share.value).collect()
    }
}

/// Keys whose last [`Remote`] is gone, for the reactor to remove.
///
/// The first key in the list brings a call with it, which removes those that are there by then. If
/// it has no time for all of them, or more have come meanwhile, it makes the next call. Should a call
/// be refused, because the reactor has stopped, or be dropped, because it crashes, then the next run
/// removes them when it begins.
#[derive(Default)]
pub(crate) struct Released(Mutex<Keys>);

#[derive(Default)]
struct Keys {
    waiting: VecDeque<ShareKey>,
    /// There is a call for them, or was one.
    called: bool,
}

impl Released {
    fn lock(&self) -> MutexGuard<'_, Keys> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// `true`: it needs a call.
    fn push(&self, key: ShareKey) -> bool {
        let mut keys = self.lock();
        keys.waiting.push_back(key);
        !std::mem::replace(&mut keys.called, true)
    }

    /// All keys that are here now. Whoever comes after them still relies on the call.
    fn take(&self) -> VecDeque<ShareKey> {
        std::mem::take(&mut self.lock().waiting)
    }

    /// Gives back those that there was no time for. `true`: another call is needed.
    fn give_back(&self, mut left: VecDeque<ShareKey>) -> bool {
        let mut keys = self.lock();
        left.append(&mut keys.waiting);
        keys.waiting = left;
        keys.called = !keys.waiting.is_empty();
        keys.called
    }
}

/// A reference from any thread to a value that lives on the reactor thread.
///
/// Made by [`Reactor::share`]. It is how a foreign thread addresses one particular transport,
/// protocol or other object of the reactor, whether that is `Send` or not. The value is dropped,
/// on the reactor thread, after its last `Remote`. With the crate `ropewalk-threads` it can also be asked:
/// `blocking_call_from_thread` and `eventually` are methods of its trait `RemoteThreads`.
///
/// # Examples
///
/// ```
/// use ropewalk_reactor::Reactor;
/// use std::cell::Cell;
///
/// let reactor = Reactor::new()?;
/// let counter = reactor.share(Cell::new(0)); // a `Cell` is not `Sync`
/// let remote = counter.clone();
/// let foreign = std::thread::Builder::new().spawn(move || {
///     remote.call_from_thread(|counter, reactor| {
///         counter.set(counter.get() + 1);
///         reactor.stop();
///     }).unwrap();
/// })?;
/// reactor.run().unwrap();
/// foreign.join().unwrap();
/// assert_eq!(counter.get(&reactor).unwrap().get(), 1);
/// # std::io::Result::Ok(())
/// ```
pub struct Remote<T> {
    inner: Arc<Inner>,
    /// A key, not a value: `Send` and `Sync` whatever `T` is.
    value: PhantomData<fn() -> T>,
}

struct Inner {
    handle: ReactorHandle,
    key: ShareKey,
}

impl<T: 'static> Remote<T> {
    /// Calls `f` on the reactor thread with the value. What it starts there, a timer or a callback,
    /// can keep the value by a clone of the `Rc`.
    ///
    /// As [`ReactorHandle::call_from_thread`] in everything else.
    ///
    /// # Threads
    ///
    /// Any thread.
    ///
    /// # Errors
    ///
    /// [`ReactorStopped`], with `f` inside: the reactor has stopped, or was dropped.
    #[track_caller]
    pub fn call_from_thread<F>(&self, f: F) -> Result<(), ReactorStopped<F>>
    where
        F: FnOnce(&Rc<T>, &Reactor) + Send + 'static,
    {
        let remote = self.clone();
        let send = |f: F| {
            move |reactor: &Reactor| {
                if let Some(value) = remote.get(reactor) {
                    f(&value, reactor);
                }
            }
        };
        self.inner.handle.0.send(f, Location::caller(), send).map_err(ReactorStopped::refused)
    }

    /// The value itself; `None` on another reactor than its own, and on one that is gone.
    ///
    /// # Threads
    ///
    /// Reactor thread.
    #[must_use]
    pub fn get(&self, reactor: &Reactor) -> Option<Rc<T>> {
        if !Arc::ptr_eq(&self.inner.handle.0, &reactor.core.shared) {
            return None;
        }
        let shares = reactor.core.shares.borrow();
        let share = shares.get(self.inner.key)?;
        Rc::clone(&share.value).downcast().ok()
    }

    /// The handle of the reactor on which the value lives.
    #[must_use]
    pub fn handle(&self) -> &ReactorHandle {
        &self.inner.handle
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        if self.handle.0.released.push(self.key) {
            // It does not matter if this is refused: see `Released`.
            let _ = self.handle.call_from_thread(Reactor::release_shares);
        }
    }
}

impl<T> Clone for Remote<T> {
    fn clone(&self) -> Self {
        Self { inner: Arc::clone(&self.inner), value: PhantomData }
    }
}

impl<T> fmt::Debug for Remote<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Remote")
            .field("value", &format_args!("{}", std::any::type_name::<T>()))
            .field("reactor", &self.inner.handle)
            .finish()
    }
}

impl Reactor {
    /// Makes `value` reachable from other threads, while it stays on this one.
    ///
    /// # Threads
    ///
    /// Reactor thread; the [`Remote`] may go to any thread.
    #[must_use = "the value is dropped with its last `Remote`"]
    #[track_caller]
    pub fn share<T: 'static>(&self, value: T) -> Remote<T> {
        let key = self.core.shares.borrow_mut().insert(Rc::new(value), Location::caller());
        self.core.handed_in();
        Remote { inner: Arc::new(Inner { handle: self.handle(), key }), value: PhantomData }
    }

    /// Drops the values that nobody can reach any more, for as long as a step may go on.
    fn release_shares(&self) {
        if self.release(self.pace())
            && self.handle().call_from_thread(Self::release_shares).is_err()
        {
            // One of the last calls of a run: there is no later turn to leave them to.
            self.release_all_shares();
        }
    }

    /// The same in one go, when the loop does not turn.
    pub(crate) fn release_all_shares(&self) {
        if self.release(Pace::unlimited()) {
            // It does not matter if this is refused: see `Released`.
            let _ = self.handle().call_from_thread(Self::release_shares);
        }
    }

    /// `true`: there are more, which need a call.
    fn release(&self, mut pace: Pace) -> bool {
        let released = &self.core.shared.released;
        let mut keys = released.take();
        for served in 0..keys.len() {
            let next = if pace.is_over(served) { None } else { keys.pop_front() };
            let Some(key) = next else { break };
            // Out of the borrow first: the value is the user's.
            let removed = self.core.shares.borrow_mut().remove(key);
            if let Some(share) = removed {
                self.contain("dropping a shared value", share.location, || drop(share.value));
            }
        }
        released.give_back(keys)
    }
}
