//! The links of a chain that leave the type of the result as it is, and the queue in which they
//! wait.
//!
//! A link is one allocation. It takes its input out of the slot of its stretch and puts its result
//! back there, so that a value stays where it is while the links run past it. A link that makes
//! another type of it is a [`turn`](crate::turn).

use crate::Result;
use crate::chain::{ChainRef, Place};
use crate::end::nothing;
use crate::held::{Held, call};
use crate::stretch::Slot;
use std::any::Any;
use std::cell::Cell;
use std::marker::PhantomData;
use std::mem::replace;
use std::panic::Location;

pub(crate) type Link<T> = Box<dyn Step<T>>;

/// What a link can do, whatever its closure.
pub(crate) trait Step<T> {
    /// The link after this one in the queue.
    fn next(&mut self) -> &mut Option<Link<T>>;
    /// Calls the closure with what is in the slot: user code runs here.
    fn run(self: Box<Self>, slot: &Slot<T>) -> Ran<T>;
}

/// What came of a link.
pub(crate) enum Ran<T> {
    /// The result is in the slot; what comes next.
    Done(Option<Link<T>>),
    /// The closure returned a deferred that has no result yet; what comes next.
    Waits(ChainRef, Option<Link<T>>),
}

/// `U` is `T`, which the optimizer knows and the type system does not.
struct InPlace<T, U, F> {
    closure: Option<F>,
    attached: Place,
    next: Option<Link<T>>,
    input: PhantomData<fn(U)>,
}

impl<T, U, F> Default for InPlace<T, U, F> {
    #[inline]
    fn default() -> Self {
        Self { closure: None, attached: Location::caller(), next: None, input: PhantomData }
    }
}

impl<T, U, F> Step<T> for InPlace<T, U, F>
where
    T: 'static,
    U: 'static,
    F: FnOnce(Result<U>, Place) -> Held<T>,
{
    fn next(&mut self) -> &mut Option<Link<T>> {
        &mut self.next
    }

    fn run(self: Box<Self>, slot: &Slot<T>) -> Ran<T> {
        // The link is freed before its closure is called: there is nothing left for it to do.
        let Self { closure, attached, next, .. } = *self;
        let value = (slot as &dyn Any).downcast_ref::<Slot<U>>().map_or_else(nothing, Slot::take);
        match call(closure, value, attached) {
            Held::Ready(result) => {
                slot.put(result);
                Ran::Done(next)
            }
            Held::Waiting(source, _) => Ran::Waits(source, next),
        }
    }
}

/// Links in order of attachment, linked through themselves.
///
/// New ones go on a stack, which is turned over when the first of them is wanted. Each link is
/// moved twice, and there is nothing to grow.
pub(crate) struct Queue<T> {
    newest: Cell<Option<Link<T>>>,
    /// In order, and older than all of the above.
    oldest: Cell<Option<Link<T>>>,
}

impl<T: 'static> Queue<T> {
    pub(crate) const fn new() -> Self {
        Self { newest: Cell::new(None), oldest: Cell::new(None) }
    }

    /// Adds a link of a closure for which `U` is `T`.
    pub(crate) fn push<U, F>(&self, attached: Place, closure: F)
    where
        U: 'static,
        F: FnOnce(Result<U>, Place) -> Held<T> + 'static,
    {
        // Made empty and then filled, so that nothing is copied.
        let mut link = Box::<InPlace<T, U, F>>::default();
        link.closure = Some(closure);
        link.attached = attached;
        link.next = self.newest.take();
        self.newest.set(Some(link));
    }

    /// Takes links in order, each with those that follow it; perhaps not all.
    pub(crate) fn take(&self) -> Option<Link<T>> {
        self.oldest.take().or_else(|| self.turn_over())
    }

    /// Puts back what was taken and is still to run.
    pub(crate) fn put_back(&self, rest: Option<Link<T>>) {
        self.oldest.set(rest);
    }

    pub(crate) fn is_empty(&self) -> bool {
        let (oldest, newest) = (self.oldest.take(), self.newest.take());
        let empty = oldest.is_none() && newest.is_none();
        self.oldest.set(oldest);
        self.newest.set(newest);
        empty
    }

    fn turn_over(&self) -> Option<Link<T>> {
        let mut newest = self.newest.take();
        let mut turned = None;
        while let Some(mut link) = newest {
            newest = replace(link.next(), turned);
            turned = Some(link);
        }
        turned
    }

    /// Drops all links one by one: the drop that the compiler writes recurses along the list.
    pub(crate) fn clear(&self) {
        while let Some(mut link) = self.take() {
            self.put_back(link.next().take());
            drop(link);
        }
    }
}
