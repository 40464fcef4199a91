//! The state machine behind a promise and its deferred: what drives the links of a chain.
//!
//! One `Rc` is shared by the promise (which fires it), the deferred at its end (which adds links
//! to it), cancel handles, and the chains that wait for it or for which it waits. Everything in it
//! is a `Cell` that is emptied before user code runs, so that a callback may do anything to any
//! chain, its own included; there is no borrow that it could meet.
//!
//! Firing walks links, and goes on with the chain that [waits](crate::waiting) for the result, in
//! one loop.

use crate::debugging::{self, Traces};
use crate::empty::is_large;
use crate::end::OnDrop;
use crate::stretch::{AnyStretch, HolderRef, Stretch};
use crate::unhandled::{self, Origin};
use crate::{Abandoned, Failure, Result, panics, trampoline, waiting};
use std::cell::Cell;
use std::panic::Location;
use std::rc::{Rc, Weak};
use std::task::Waker;

pub(crate) type Place = &'static Location<'static>;
pub(crate) type ChainRef = Rc<Chain<dyn AnyStretch>>;
pub(crate) type Canceller = Rc<dyn Cancel>;

/// How a chain is cancelled that waits for its promise.
pub(crate) trait Cancel {
    /// `name` is what the chain was given for this: one canceller may serve many chains.
    fn cancel(&self, name: u64);

    /// Where the deferreds were created of which its result is to be made.
    fn made_of(&self) -> Vec<Place> {
        Vec::new()
    }
}

/// A closure that cancels.
struct Once<F>(Cell<Option<F>>);

impl<F: FnOnce()> Cancel for Once<F> {
    fn cancel(&self, _: u64) {
        if let Some(cancel) = self.0.take() {
            cancel();
        }
    }
}

pub(crate) fn canceller(cancel: impl FnOnce() + 'static) -> Canceller {
    Rc::new(Once(Cell::new(Some(cancel))))
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Stage {
    /// The promise has not been fired.
    Unfired,
    /// Links are being run, by a loop further up the stack or in the trampoline's queue.
    Running,
    /// A callback returned a deferred that has no result yet.
    Waiting,
    /// All links have run and the deferred at the end holds the result.
    Settled,
    /// The result has gone elsewhere.
    Done,
}

pub(crate) struct Chain<S: ?Sized> {
    pub(crate) created: &'static Location<'static>,
    pub(crate) stage: Cell<Stage>,
    /// The deferred at the end exists and waits for the result.
    pub(crate) claimed: Cell<bool>,
    /// Failed by a cancel: what the promise still brings is discarded.
    pub(crate) cancelled: Cell<bool>,
    pub(crate) canceller: Cell<Option<Canceller>>,
    /// What the canceller is told.
    pub(crate) name: Cell<u64>,
    /// The canceller is running.
    pub(crate) asking: Cell<bool>,
    /// Cancel handles that name this chain; as long as there are any it is not cut out.
    pub(crate) handles: Cell<usize>,
    /// Made with its promise, and nobody has ever attached anything.
    pub(crate) bare: Cell<bool>,
    /// What the drop of the deferred at the end means.
    pub(crate) on_drop: Cell<OnDrop>,
    /// That has happened: nobody is left to whom the cancellation would be news.
    pub(crate) given_up: Cell<bool>,
    /// Who has the stretch at which the chain has arrived; `None` means the head.
    at: Cell<Option<HolderRef>>,
    /// Who gets the result instead of the deferred at the end.
    pub(crate) forward: Cell<Option<ChainRef>>,
    /// Whose result this chain waits for. Weak, because that one owns us by its `forward`.
    pub(crate) source: Cell<Option<Weak<Chain<dyn AnyStretch>>>>,
    pub(crate) waker: Cell<Option<Waker>>,
    /// Where the promise was fired.
    pub(crate) fired: Cell<Option<Place>>,
    /// What debugging wants to know.
    pub(crate) traces: Cell<Option<Box<Traces>>>,
    /// The stretch in which the promise puts its result.
    pub(crate) head: S,
}

impl<T: 'static> Default for Chain<Stretch<T>> {
    #[inline]
    fn default() -> Self {
        if is_large::<Self>() { Self::empty() } else { const { Self::empty() } }
    }
}

impl<T: 'static> Chain<Stretch<T>> {
    const fn empty() -> Self {
        Self {
            created: Location::caller(),
            stage: Cell::new(Stage::Unfired),
            claimed: Cell::new(true),
            bare: Cell::new(false),
            on_drop: Cell::new(OnDrop::RunOn),
            given_up: Cell::new(false),
            cancelled: Cell::new(false),
            canceller: Cell::new(None),
            name: Cell::new(0),
            asking: Cell::new(false),
            handles: Cell::new(0),
            at: Cell::new(None),
            forward: Cell::new(None),
            source: Cell::new(None),
            waker: Cell::new(None),
            fired: Cell::new(None),
            traces: Cell::new(None),
            head: Stretch::new(),
        }
    }

    // Not inlined: what is made of it is then made where it is wanted, in registers.
    #[inline(never)]
    pub(crate) fn new(
        created: &'static Location<'static>,
        canceller: Option<Canceller>,
    ) -> Rc<Self> {
        let chain = Self::with(created, canceller, Stage::Unfired, None);
        chain.bare.set(true);
        chain
    }

    pub(crate) fn settled(created: &'static Location<'static>, result: Result<T>) -> Rc<Self> {
        Self::with(created, None, Stage::Settled, Some(result))
    }

    pub(crate) fn done(created: &'static Location<'static>) -> Rc<Self> {
        Self::with(created, None, Stage::Done, None)
    }

    #[inline]
    fn with(
        created: &'static Location<'static>,
        canceller: Option<Canceller>,
        stage: Stage,
        result: Option<Result<T>>,
    ) -> Rc<Self> {
        // Made empty, in its place, and then filled: so much is not to be copied.
        let mut chain = Rc::<Self>::default();
        if let Some(new) = Rc::get_mut(&mut chain) {
            new.created = created;
            new.stage = Cell::new(stage);
            new.canceller.set(canceller);
            if let Some(result) = result {
                new.head.slot.put(result);
            }
        }
        if debugging::debugging() {
            debugging::watch(&(Rc::clone(&chain) as ChainRef));
        }
        chain
    }

    /// Fires the chain, unless a cancel was faster; then the result is dropped.
    pub(crate) fn resolve(self: Rc<Self>, result: Result<T>, at: Option<Place>) {
        if self.stage.get() == Stage::Unfired {
            self.fired.set(at);
            if debugging::debugging() {
                debugging::fired(&self);
            }
            self.head.slot.put(result);
            start(self);
            return;
        }
        drop_late(result, self.created);
    }
}

/// What comes when the chain has been failed by a cancel.
#[cold]
pub(crate) fn drop_late<T: 'static>(result: Result<T>, created: Place) {
    panics::contain("dropping a late result", created, || match result {
        Ok(value) => trampoline::drop_value(value, created),
        Err(failure) => drop(failure),
    });
}

impl Chain<dyn AnyStretch> {
    /// For the report of a failure at its end.
    pub(crate) fn origin(&self) -> Origin {
        Origin {
            created: self.created,
            fired: self.fired.get(),
            bare: self.bare.get(),
            given_up: self.given_up.get(),
            traces: self.traces.take(),
        }
    }

    /// Whether its result is there, or has gone elsewhere.
    pub(crate) fn is_over(&self) -> bool {
        matches!(self.stage.get(), Stage::Settled | Stage::Done)
    }

    /// Whether there is a failure where the chain has arrived.
    pub(crate) fn has_failed(&self) -> bool {
        let at = self.at.take();
        let failed = self.stretch(at.as_ref()).has_failed();
        self.at.set(at);
        failed
    }
}

/// Fires a chain with a failure, whatever its type.
pub(crate) fn fail(chain: ChainRef, failure: Failure) {
    if chain.stage.get() == Stage::Unfired {
        chain.head.fail(failure);
        start(chain);
    } else {
        panics::discard("dropping a late failure", chain.created, failure);
    }
}

/// Fails a chain whose promise is dropped unfired.
#[cold]
#[inline(never)]
pub(crate) fn abandon(chain: ChainRef) {
    // A canceller that drops it has stopped the work: then the cancel has the word.
    if chain.stage.get() == Stage::Unfired && !chain.asking.get() {
        if debugging::debugging() {
            debugging::fired(&*chain);
        }
        fail(chain, Abandoned.into());
    }
}

/// Runs the link that was added to a settled chain, before this returns: also where firing would
/// wait for its turn, because the result is there.
pub(crate) fn resume(chain: ChainRef) {
    chain.stage.set(Stage::Running);
    drive(chain);
}

#[inline]
pub(crate) fn start(chain: ChainRef) {
    chain.stage.set(Stage::Running);
    chain.source.set(None);
    trampoline::drive(chain);
}

/// Runs links until there are none left or there is something to wait for, then goes on with the
/// chain that waited for this one, and so on.
pub(crate) fn drive(mut chain: ChainRef) {
    chain.begin();
    loop {
        let this = &*chain;
        if !this.run(&chain) {
            return;
        }
        let Some(target) = this.forward.take() else {
            this.settle();
            return;
        };
        this.stage.set(Stage::Done);
        let at = this.at.take();
        let from = this.stretch(at.as_ref());
        if !waiting::expects(&target, &chain) {
            // It was cancelled meanwhile: a late result, failure or not, is nobody's business.
            panics::contain("dropping a late result", this.created, || drop(from.discard()));
            return;
        }
        target.stage.set(Stage::Running);
        target.source.set(None);
        let to = target.at.take();
        target.stretch(to.as_ref()).receive(from);
        target.at.set(to);
        target.begin();
        chain = target;
    }
}

impl Chain<dyn AnyStretch> {
    /// Drops what only a chain without a result has a use for. User code may run.
    fn begin(&self) {
        if let Some(canceller) = self.canceller.take() {
            panics::discard("dropping a canceller", self.created, canceller);
        }
    }

    /// Runs the links of this chain; `false` if it waits now.
    fn run(&self, shared: &ChainRef) -> bool {
        let (mut at, mut source) = (self.at.take(), None);
        loop {
            let turned = self.stretch(at.as_ref()).run(&mut source);
            let ended = turned.is_none();
            at = turned.or(at);
            if let Some(source) = source.take() {
                self.at.set(at);
                let Err(cycle) = waiting::wait(shared, source) else { return false };
                at = self.at.take();
                self.stretch(at.as_ref()).fail(cycle.into());
            } else if ended {
                // Only if there is any: a pair of words that is read so soon after it was written
                // costs as much as running a link.
                if at.is_some() {
                    self.at.set(at);
                }
                return true;
            }
        }
    }

    /// The stretch at which this chain has arrived.
    fn stretch<'a>(&'a self, at: Option<&'a HolderRef>) -> &'a dyn AnyStretch {
        at.map_or(&self.head, |at| at.any_stretch())
    }

    fn settle(&self) {
        if !self.claimed.get() {
            return self.end_unclaimed();
        }
        self.stage.set(Stage::Settled);
        if let Some(waker) = self.waker.take() {
            panics::contain("a waker", self.created, || waker.wake());
        }
    }

    #[cold]
    fn end_unclaimed(&self) {
        self.stage.set(Stage::Done);
        let at = self.at.take();
        let result = self.stretch(at.as_ref());
        let lost =
            panics::contain("dropping an unclaimed result", self.created, || result.discard());
        if let Some(failure) = lost.flatten() {
            unhandled::report(failure, self.origin());
        }
    }

    /// Whether nothing is attached any more.
    pub(crate) fn is_empty(&self) -> bool {
        let at = self.at.take();
        let empty = self.stretch(at.as_ref()).is_empty();
        self.at.set(at);
        empty
    }
}
