//! A result that goes straight from the one who brings it to the one who awaits it.
//!
//! What a chain costs is for nothing where a result is awaited and nobody ever attaches anything,
//! as that of most tasks. So a deferred may begin with no more than a place for the result, a waker
//! and whom to ask to stop, all in one allocation. As soon as it needs more, a chain is made that
//! stands for it from then on. In debug mode it has one from the start.
//!
//! Everything in it is a `Cell` that is emptied before user code runs, as in [`chain`].

use crate::chain::{Canceller, Chain, Place, Stage};
use crate::debugging::debugging;
use crate::end::{Kept, OnDrop, State, let_go, nothing};
use crate::held::Held;
use crate::stretch::Stretch;
use crate::tail::Tail;
use crate::unhandled::{self, Origin};
use crate::{Abandoned, Deferred, Promise, Result, attach, panics};
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
    /// It begins with a cancel, and only `detach` ends that; to be polled makes no difference.
    on_drop: Cell<OnDrop>,
    result: Cell<Option<Result<T>>>,
    waker: Cell<Option<Waker>>,
    stopper: Weak<dyn Stopper>,
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
        let core = Rc::new(Core {
            created: Location::caller(),
            phase: Cell::new(Phase::Pending),
            on_drop: Cell::new(OnDrop::Cancel),
            result: Cell::new(None),
            waker: Cell::new(None),
            stopper,
            name,
            promise: Cell::new(None),
        });
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
            State::Direct(direct) if direct.stage() == Stage::Unfired => {
                State::chained(Tail::Head(direct.into_chain()))
            }
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
        match self.0.phase.get() {
            Phase::Pending | Phase::Left => self.0.fire(Err(Abandoned.into())),
            Phase::Settled | Phase::Gone => drop(self.0.promise.take()),
        }
    }
}

impl<T: 'static> Core<T> {
    #[inline]
    fn fire(&self, result: Result<T>) {
        match self.phase.get() {
            Phase::Pending => {
                self.phase.set(Phase::Settled);
                self.result.set(Some(result));
                if let Some(waker) = self.waker.take() {
                    panics::contain("a waker", self.created, || waker.wake());
                }
            }
            Phase::Left => {
                self.phase.set(Phase::Gone);
                match result {
                    Ok(value) => {
                        panics::discard("dropping an unclaimed result", self.created, value);
                    }
                    Err(failure) => unhandled::report(failure, self.origin()),
                }
            }
            Phase::Settled | Phase::Gone => {
                if let Some(promise) = self.promise.take() {
                    promise.settle(result);
                }
            }
        }
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
    fn unfold(&self) -> Rc<Chain<Stretch<T>>> {
        let chain = self.make_chain();
        // It was not made here, nor in debug mode.
        drop(chain.traces.take());
        chain
    }

    fn make_chain(&self) -> Rc<Chain<Stretch<T>>> {
        let chain = match self.take() {
            Some(result) => Chain::settled(self.created, result),
            None => {
                let chain = Chain::new(self.created, Some(self.canceller()));
                chain.waker.set(self.waker.take());
                self.phase.set(Phase::Gone);
                self.promise.set(Some(Promise::new(Rc::clone(&chain))));
                chain
            }
        };
        chain.bare.set(true);
        chain.on_drop.set(self.on_drop.get());
        chain
    }

    fn canceller(&self) -> Canceller {
        let (stopper, name) = (Weak::clone(&self.stopper), self.name);
        Box::new(move || {
            if let Some(stopper) = stopper.upgrade() {
                stopper.stop(name);
            }
        })
    }

    fn origin(&self) -> Origin {
        Origin { bare: true, ..Origin::of(self.created) }
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
            core.on_drop.set(on_drop);
        }
    }

    #[inline]
    pub(crate) fn poll(&self, waker: &Waker) -> Poll<Result<T>> {
        let Some(core) = &self.0 else { return Poll::Ready(nothing()) };
        if let Some(result) = core.take() {
            return Poll::Ready(result);
        }
        let before = core.waker.take();
        if before.as_ref().is_some_and(|known| known.will_wake(waker)) {
            core.waker.set(before);
            return Poll::Pending;
        }
        // Wakers are user code, and may fire it.
        core.waker.set(Some(waker.clone()));
        drop(before);
        core.take().map_or(Poll::Pending, Poll::Ready)
    }

    /// The chain that stands for it from here on.
    pub(crate) fn into_chain(mut self) -> Rc<Chain<Stretch<T>>> {
        match self.0.take() {
            Some(core) => core.unfold(),
            None => Chain::done(Location::caller()),
        }
    }

    /// The result, or else the chain that will have it.
    #[cold]
    pub(crate) fn into_held(self) -> Held<T> {
        match self.0.as_ref().map_or_else(|| Some(nothing()), |core| core.take()) {
            Some(result) => Held::Ready(result),
            None => Held::Waiting(Tail::Head(self.into_chain())),
        }
    }

    /// Attaches a callback: to the result, if it is here, or else to the chain that is made now.
    #[cold]
    pub(crate) fn attach<U, F>(self, attached: Place, link: F) -> Deferred<U>
    where
        U: 'static,
        F: FnOnce(Result<T>, Place) -> Held<U> + 'static,
    {
        let on_drop = self.0.as_ref().map_or(OnDrop::RunOn, |core| core.on_drop.get());
        let of = Kept { created: self.created(), on_drop };
        match self.into_held() {
            Held::Ready(result) => attach::run_now(result, of, attached, link),
            Held::Waiting(tail) => {
                tail.chain().bare.set(false);
                Deferred::chained(tail.push(attached, link))
            }
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
    } else if core.on_drop.get() == OnDrop::Cancel {
        drop(State::chained(Tail::Head(core.unfold())));
    } else {
        core.phase.set(Phase::Left);
        drop(core.waker.take());
    }
}
