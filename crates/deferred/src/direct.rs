//! A result that goes straight from the one who brings it to the one who awaits it.
//!
//! What a chain costs is for nothing where a result is awaited and nobody ever attaches anything,
//! as that of most tasks. So a deferred may begin with no more than a place for the result, a waker
//! and whom to ask to stop, all in one allocation. As soon as it needs more, a chain is made that
//! stands for it from then on. In debug mode it has one from the start.
//!
//! Everything in it is a `Cell` that is emptied before user code runs, as in [`chain`](crate::chain).

use crate::chain::{Cancel, Canceller, Chain, Place, Stage};
use crate::debugging::debugging;
use crate::empty::is_large;
use crate::end::{Kept, OnDrop, State, let_go, nothing};
use crate::held::Held;
use crate::tail::{Head, Tail};
use crate::unhandled::{self, Origin};
use crate::{Abandoned, Deferred, Promise, Result, attach, future, panics};
use std::cell::Cell;
use std::panic::Location;
use std::rc::{Rc, Weak};
use std::task::{Poll, Waker};

/// Who is asked to stop the work for a result. For crates that extend this one.
#[doc(hidden)]
pub trait Stopper {
    /// Stops the work of this name; called at most once, and never after the result.
    fn stop(&self, name: u64);
}

/// The obligation to bring a result that is mostly awaited. For crates that extend this one.
#[doc(hidden)]
#[must_use = "one that is dropped fails its deferred with `Abandoned`"]
#[expect(missing_debug_implementations, reason = "nobody but the executor of tasks has one")]
pub struct DirectPromise<T: 'static>(Rc<Core<T>>);

/// The claim to the result.
pub(crate) struct Direct<T: 'static>(Option<Rc<Core<T>>>);

#[derive(Clone, Copy, Eq, PartialEq)]
enum Phase {
    /// There is no result yet.
    Pending,
    /// The result is here.
    Settled,
    /// There is no result yet, and nobody waits for it.
    Left,
    /// The result, or the claim to it, has gone elsewhere.
    Gone,
}

struct Core<T: 'static> {
    created: Place,
    phase: Cell<Phase>,
    /// Whether its drop cancels it. Only `detach` ends that; to be polled makes no difference.
    cancels: Cell<bool>,
    result: Cell<Option<Result<T>>>,
    waker: Cell<Option<Waker>>,
    stopper: Option<Weak<dyn Stopper>>,
    name: u64,
    /// Of the chain that stands for this one.
    promise: Cell<Option<Promise<T>>>,
}

impl<T> Deferred<T> {
    /// As [`with_canceller`](Self::with_canceller), for a result that is mostly awaited, and that
    /// is cancelled on drop. For crates that extend this one.
    #[doc(hidden)]
    #[inline]
    #[track_caller]
    pub fn direct(stopper: Weak<dyn Stopper>, name: u64) -> (DirectPromise<T>, Self) {
        let core = Core::new(Location::caller(), stopper, name);
        let promise = DirectPromise(Rc::clone(&core));
        let state = if debugging() {
            State::chained(Tail::Head(core.make_chain()))
        } else {
            State::Direct(Direct(Some(core)))
        };
        (promise, Self { state: Cell::new(state) })
    }

    /// Sees to it that there is a chain, if there is to be a result.
    pub(crate) fn unfold(&self) {
        let state = match self.state.replace(State::taken()) {
            State::Direct(direct) if direct.stage() == Stage::Unfired => direct
                .into_chain()
                .map_or_else(State::taken, |chain| State::chained(Tail::Head(chain))),
            state => state,
        };
        self.state.set(state);
    }
}

impl<T: 'static> DirectPromise<T> {
    /// Where it was made.
    #[must_use]
    pub fn created(&self) -> Place {
        self.0.created
    }

    /// Brings the result. The first one counts; none does if a cancel was faster.
    #[inline]
    pub fn fire(&self, result: Result<T>) {
        self.0.fire(result);
    }
}

impl<T: 'static> Drop for DirectPromise<T> {
    #[inline]
    fn drop(&mut self) {
        if matches!(self.0.phase.get(), Phase::Pending | Phase::Left) {
            self.0.fire(Err(Abandoned.into()));
        } else if let Some(promise) = self.0.promise.take() {
            drop(promise);
        }
    }
}

impl<T: 'static> Default for Core<T> {
    #[inline]
    fn default() -> Self {
        if is_large::<Self>() { Self::empty() } else { const { Self::empty() } }
    }
}

impl<T: 'static> Core<T> {
    const fn empty() -> Self {
        Self {
            created: Location::caller(),
            phase: Cell::new(Phase::Pending),
            cancels: Cell::new(true),
            result: Cell::new(None),
            waker: Cell::new(None),
            stopper: None,
            name: 0,
            promise: Cell::new(None),
        }
    }

    #[inline(never)]
    fn new(created: Place, stopper: Weak<dyn Stopper>, name: u64) -> Rc<Self> {
        // Made empty, in its place, and then filled, as a chain is.
        let mut core = Rc::<Self>::default();
        if let Some(new) = Rc::get_mut(&mut core) {
            new.created = created;
            new.stopper = Some(stopper);
            new.name = name;
        }
        core
    }

    #[inline]
    fn fire(&self, result: Result<T>) {
        if self.phase.get() != Phase::Pending {
            return self.fire_for_others(result);
        }
        self.phase.set(Phase::Settled);
        self.result.set(Some(result));
        if let Some(waker) = self.waker.take() {
            panics::contain("a waker", self.created, || waker.wake());
        }
    }

    /// Nobody has a claim here any more.
    #[cold]
    #[inline(never)]
    fn fire_for_others(&self, result: Result<T>) {
        if self.phase.get() == Phase::Left {
            self.phase.set(Phase::Gone);
            match result {
                Ok(value) => panics::discard("dropping an unclaimed result", self.created, value),
                Err(failure) => unhandled::report(failure, self.origin()),
            }
        } else if let Some(promise) = self.promise.take() {
            promise.settle(result);
        } else {
            panics::discard("dropping a late result", self.created, result);
        }
    }

    fn on_drop(&self) -> OnDrop {
        if self.cancels.get() { OnDrop::Cancel } else { OnDrop::RunOn }
    }

    fn await_with(&self, waker: &Waker) {
        let before = self.waker.take();
        if before.as_ref().is_some_and(|known| known.will_wake(waker)) {
            self.waker.set(before);
            return;
        }
        self.waker.set(Some(waker.clone()));
        drop(before);
    }

    /// The result, if it is here.
    #[inline]
    fn take(&self) -> Option<Result<T>> {
        (self.phase.get() == Phase::Settled).then(|| {
            self.phase.set(Phase::Gone);
            self.result.take().unwrap_or_else(nothing)
        })
    }

    /// The chain that stands for it from here on, made later than the deferred.
    #[cold]
    fn unfold(self: &Rc<Self>) -> Head<T> {
        let chain = self.make_chain();
        // It was not made here, nor in debug mode.
        drop(chain.traces.take());
        chain
    }

    fn make_chain(self: &Rc<Self>) -> Head<T> {
        let chain = match self.take() {
            Some(result) => Chain::settled(self.created, result),
            None => {
                // They own each other until the chain is fired, which it is at last by the drop of
                // the promise here.
                let canceller = Rc::clone(self) as Canceller;
                let chain = Chain::new(self.created, Some(canceller));
                chain.waker.set(self.waker.take());
                self.phase.set(Phase::Gone);
                self.promise.set(Some(Promise::new(Rc::clone(&chain))));
                chain
            }
        };
        chain.bare.set(true);
        chain.on_drop.set(self.on_drop());
        chain
    }

    fn origin(&self) -> Origin {
        Origin { bare: true, ..Origin::of(self.created) }
    }
}

impl<T: 'static> Cancel for Core<T> {
    fn cancel(&self, _: u64) {
        if let Some(stopper) = self.stopper.as_ref().and_then(Weak::upgrade) {
            stopper.stop(self.name);
        }
    }
}

impl<T> Direct<T> {
    pub(crate) fn created(&self) -> Place {
        self.0.as_ref().map_or_else(Location::caller, |core| core.created)
    }

    /// As that of a chain.
    pub(crate) fn stage(&self) -> Stage {
        match self.0.as_ref().map_or(Phase::Gone, |core| core.phase.get()) {
            Phase::Pending | Phase::Left => Stage::Unfired,
            Phase::Settled => Stage::Settled,
            Phase::Gone => Stage::Done,
        }
    }

    pub(crate) fn set_on_drop(&self, on_drop: OnDrop) {
        if let Some(core) = &self.0 {
            core.cancels.set(on_drop == OnDrop::Cancel);
        }
    }

    #[inline]
    pub(crate) fn poll(&mut self, waker: &Waker) -> Poll<Result<T>> {
        let Some(core) = &self.0 else { future::gone() };
        if core.phase.get() != Phase::Settled {
            core.await_with(waker);
        }
        // Wakers are user code, and may have fired it.
        let Some(result) = core.take() else { return Poll::Pending };
        self.0 = None;
        Poll::Ready(result)
    }

    pub(crate) fn is_taken(&self) -> bool {
        self.0.is_none()
    }

    /// The chain that stands for it from here on.
    pub(crate) fn into_chain(mut self) -> Option<Head<T>> {
        self.0.take().map(|core| core.unfold())
    }

    /// The result, or else the chain that will have it.
    #[cold]
    pub(crate) fn into_held(mut self) -> Held<T> {
        let Some(core) = self.0.take() else { return Held::Ready(nothing()) };
        match core.take() {
            Some(result) => Held::Ready(result),
            None => Held::Waiting(Tail::Head(core.unfold())),
        }
    }

    /// Attaches a callback: to the result, if it is here, or else to the chain that is made now.
    #[cold]
    pub(crate) fn attach<U, F>(mut self, attached: Place, link: F) -> Deferred<U>
    where
        U: 'static,
        F: FnOnce(Result<T>, Place) -> Held<U> + 'static,
    {
        let Some(core) = self.0.take() else {
            let of = Kept { created: attached, on_drop: OnDrop::RunOn };
            return attach::run_now(nothing(), of, attached, link);
        };
        match core.take() {
            Some(result) => {
                let of = Kept { created: core.created, on_drop: core.on_drop() };
                attach::run_now(result, of, attached, link)
            }
            None => attach::attach_to_head(core.unfold(), attached, link),
        }
    }
}

impl<T: 'static> Drop for Direct<T> {
    #[inline]
    fn drop(&mut self) {
        if let Some(core) = self.0.take() {
            leave(core);
        }
    }
}

/// Nobody waits for it any more.
#[cold]
#[inline(never)]
fn leave<T: 'static>(core: Rc<Core<T>>) {
    if core.phase.get() == Phase::Gone {
        return;
    }
    if let Some(result) = core.take() {
        let_go(result, core.origin());
    } else if core.cancels.get() {
        drop(State::chained(Tail::Head(core.unfold())));
    } else {
        core.phase.set(Phase::Left);
        if let Some(waker) = core.waker.take() {
            panics::discard("dropping a waker", core.created, waker);
        }
    }
}
