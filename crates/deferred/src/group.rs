//! What all collections have in common: members, and one promise that their results decide.
//!
//! Each member gets one link, which reports here by its index; what is left of its chain behind
//! that link stays here too, for by it the member is cancelled. The group is owned by those links
//! and by the chain of the collection, and owns the promise of that one. That is a circle, but one
//! that opens by itself: every member comes to an end, if only by the drop of its own promise, and
//! the end of the last one fires the collection.
//!
//! Borrow rule: the list of members is borrowed to put one in or to take one out. Members are
//! cancelled and let go, values dropped and the promise fired with nothing borrowed.

use crate::chain::{Cancel, Canceller, Place};
use crate::{CancelHandle, Cancelled, Deferred, Failure, Panicked, Promise, Result, panics};
use std::cell::{Cell, RefCell};
use std::mem::needs_drop;
use std::panic::Location;
use std::rc::Rc;

/// How the results of the members decide, as far as it matters to all members alike.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    /// It takes all values; some collections end at the first failure.
    All,
    /// The first value is enough; the other members go on.
    First,
    /// The first value is enough; the other members are cancelled.
    Race,
}

/// The members of a collection with a result of type `R`; `S` is where their results are kept.
pub(crate) struct Group<S, R: 'static> {
    pub(crate) slots: S,
    pub(crate) created: &'static Location<'static>,
    kind: Kind,
    /// Failures that the collection does not pass on are dropped.
    consume_errors: bool,
    /// How many members have no result yet.
    pending: Cell<usize>,
    /// What is behind our link in the chain of each member, as long as it is of use.
    rests: RefCell<Vec<Option<Deferred<()>>>>,
    /// All members are attached.
    started: Cell<bool>,
    stage: Cell<Stage>,
    /// What the collection will be fired with; taken by that.
    outcome: Cell<Option<Result<R>>>,
    promise: Cell<Option<Promise<R>>>,
    /// The members are being cancelled, one after the other.
    cancelling: Cell<bool>,
    /// Somebody has cancelled the collection.
    cancelled: Cell<bool>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Stage {
    /// More results are needed.
    Open,
    /// The outcome is certain; it is not given away before all members are attached or cancelled.
    Decided,
    /// The outcome was given away.
    Fired,
}

impl<S: 'static, R: 'static> Group<S, R> {
    #[track_caller]
    pub(crate) fn new(kind: Kind, consume_errors: bool, count: usize, slots: S) -> Rc<Self> {
        Rc::new(Self {
            slots,
            created: Location::caller(),
            kind,
            consume_errors,
            pending: Cell::new(count),
            rests: RefCell::default(),
            started: Cell::new(false),
            stage: Cell::new(Stage::Open),
            outcome: Cell::new(None),
            promise: Cell::new(None),
            cancelling: Cell::new(false),
            cancelled: Cell::new(false),
        })
    }

    /// Attaches one member; `arrived` is called with its result, what it returns ends its chain.
    #[track_caller]
    pub(crate) fn add<T, F>(self: &Rc<Self>, index: usize, member: Deferred<T>, arrived: F)
    where
        F: FnOnce(&Self, usize, Result<T>) -> Result<()> + 'static,
    {
        let (group, pending) = (Rc::clone(self), self.pending());
        let rest = member.add_both(move |result| {
            group.pending.set(group.pending() - 1);
            if !group.keeps_what_arrived() {
                group.let_go(index);
            }
            arrived(&group, index, result)
        });
        let waits = self.pending() == pending;
        if waits || self.keeps_what_arrived() {
            self.keep(index, rest);
        } else {
            rest.detach();
        }
    }

    /// The deferred of the collection, once all its members are attached.
    #[track_caller]
    pub(crate) fn start(self: Rc<Self>) -> Deferred<R> {
        self.started.set(true);
        if self.is_decided() {
            self.finish_members();
        }
        self.next()
    }

    pub(crate) fn is_decided(&self) -> bool {
        self.stage.get() != Stage::Open
    }

    pub(crate) fn pending(&self) -> usize {
        self.pending.get()
    }

    /// Makes the outcome certain, and fires the collection with it as soon as that may be.
    pub(crate) fn decide(&self, outcome: Result<R>) {
        self.close(outcome);
        self.conclude();
    }

    /// Fails the collection; `by_cancel` says that a member was cancelled, by whomever.
    pub(crate) fn fail(&self, error: impl Into<Failure>, by_cancel: bool) {
        let failure = error.into();
        // Then `failure.is::<Cancelled>()`, as with any deferred that is cancelled.
        let cancelled = by_cancel && self.cancelled.get();
        self.decide(Err(if cancelled { failure.context(Cancelled) } else { failure }));
    }

    /// Makes the outcome certain: from now on all results are late.
    pub(crate) fn close(&self, outcome: Result<R>) {
        self.outcome.set(Some(outcome));
        self.stage.set(Stage::Decided);
    }

    /// Fires the collection, unless it is being built or cancelled: then that ends with firing.
    pub(crate) fn conclude(&self) {
        if self.started.get() && !self.cancelling.get() {
            self.finish_members();
            self.fire();
        }
    }

    /// What becomes of a result that comes after the decision: an error is to be reported.
    pub(crate) fn late<T>(&self, result: Result<T>) -> Result<()> {
        match result {
            Err(failure) if !self.ignores(&failure) => Err(failure),
            result => {
                drop(result);
                Ok(())
            }
        }
    }

    /// What becomes of a failure that arrived before a decision which does without it.
    pub(crate) fn give_back(&self, index: usize, failure: Failure) {
        let ignored = self.ignores(&failure);
        match self.take(index) {
            // The chain of the member ends with it after all, and knows where it was created.
            Some(rest) if !ignored => rest.add_callback(|()| Err::<(), _>(failure)).detach(),
            _ => panics::discard("dropping a failure", self.created, failure),
        }
    }

    /// Drops values that are not needed any more, each on its own.
    pub(crate) fn discard<T>(&self, values: impl IntoIterator<Item = T>) {
        if needs_drop::<T>() {
            for value in values {
                panics::discard("dropping a result", self.created, value);
            }
        }
    }

    fn ignores(&self, failure: &Failure) -> bool {
        self.consume_errors
            || match self.kind {
                // Losing is no news, but a panic is always a mistake.
                Kind::Race => !failure.is::<Panicked>(),
                // Who cancels a collection knows that its members are cancelled.
                Kind::All | Kind::First => self.cancelled.get() && failure.is::<Cancelled>(),
            }
    }

    /// Whether members that have failed may have to be given their failure back.
    fn keeps_what_arrived(&self) -> bool {
        self.kind != Kind::All && !self.is_decided()
    }

    fn keep(&self, index: usize, rest: Deferred<()>) {
        let mut rests = self.rests.borrow_mut();
        if rests.len() <= index {
            rests.resize_with(index + 1, || None);
        }
        rests[index] = Some(rest);
    }

    fn take(&self, index: usize) -> Option<Deferred<()>> {
        self.rests.borrow_mut().get_mut(index).and_then(Option::take)
    }

    /// Has no more interest in a member; its chain goes on.
    fn let_go(&self, index: usize) {
        if let Some(rest) = self.take(index) {
            rest.detach();
        }
    }

    fn handle(&self, index: usize) -> Option<CancelHandle> {
        let rests = self.rests.borrow();
        rests.get(index).and_then(Option::as_ref).map(Deferred::canceller)
    }

    /// A deferred for the outcome, which may be certain by now or still to come.
    #[track_caller]
    fn next(self: &Rc<Self>) -> Deferred<R> {
        match self.take_outcome() {
            Some(Ok(value)) => return Deferred::succeed(value),
            Some(Err(failure)) => return Deferred::fail(failure),
            None => (),
        }
        let failed = Rc::clone(self);
        let canceller = Rc::clone(self) as Canceller;
        let (promise, deferred) = Deferred::pair(Some(canceller), self.created);
        drop(self.promise.replace(Some(promise)));
        // A cancelled member may answer with more to wait for, and then so does the collection:
        // the failure is that of a cancel which has not brought the outcome.
        deferred.add_errback(move |failure| match failed.stage.get() {
            Stage::Open | Stage::Decided => failed.next(),
            Stage::Fired => Deferred::fail(failure),
        })
    }

    fn finish_members(&self) {
        if self.kind == Kind::Race {
            self.cancel_members();
        }
        self.let_all_go();
    }

    fn cancel_members(&self) {
        self.cancelling.set(true);
        let count = self.rests.borrow().len();
        for index in 0..count {
            if let Some(handle) = self.handle(index) {
                handle.cancel();
            }
        }
        self.cancelling.set(false);
    }

    fn let_all_go(&self) {
        for rest in self.rests.take().into_iter().flatten() {
            rest.detach();
        }
    }

    fn take_outcome(&self) -> Option<Result<R>> {
        let outcome = self.outcome.take()?;
        self.stage.set(Stage::Fired);
        Some(outcome)
    }

    fn fire(&self) {
        // If a cancel was faster, its failure is on the way to where the next promise is made.
        if let Some(promise) = self.promise.take().filter(|promise| !promise.is_cancelled()) {
            if let Some(outcome) = self.take_outcome() {
                promise.settle(outcome);
            }
        }
    }
}

impl<S: 'static, R: 'static> Cancel for Group<S, R> {
    /// Cancels the members. Not called again from in there, since a canceller is not.
    fn cancel(&self, _: u64) {
        if self.is_decided() {
            return;
        }
        self.cancelled.set(true);
        self.cancel_members();
        if self.is_decided() {
            self.let_all_go();
            self.fire();
        }
    }

    fn made_of(&self) -> Vec<Place> {
        let rests = self.rests.borrow();
        let chains = rests.iter().flatten().filter_map(Deferred::chain);
        chains.filter(|chain| !chain.is_over()).map(|chain| chain.created).collect()
    }
}
