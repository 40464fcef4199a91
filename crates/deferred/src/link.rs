//! The links of a chain: what a callback is while it waits, and the queue in which it does.
//!
//! A link is one allocation. It takes its input out of a [`Slot`] and, if its result has the same
//! type, puts that back into the same one, so that a value stays where it is while a chain runs past
//! it; else the result stays in a slot of the link. No value is ever boxed by itself. The types on
//! both sides agree because `Deferred<T>` only ever attaches a link that takes `T`; as the links of
//! one chain differ in type, each checks it once more at run time.

use crate::chain::{ChainRef, Place};
use crate::end::nothing;
use crate::held::Held;
use crate::{Failure, Result, panics};
use std::any::Any;
use std::cell::Cell;
use std::marker::PhantomData;
use std::mem::replace;
use std::panic::Location;

pub(crate) type Link = Box<dyn Step>;

/// What a link can do, whatever its types.
pub(crate) trait Step {
    /// The link after this one in the queue.
    fn next(&mut self) -> &mut Option<Link>;
    /// Takes the input, out of a [`Slot`], and calls the closure: user code runs here.
    fn run(self: Box<Self>, input: &dyn Any) -> Ran;
    /// Where the result is, or is to be put, if the link was not run in place.
    fn slot(&self) -> &dyn AnySlot;
}

/// What came of a link.
pub(crate) enum Ran {
    /// The result is where the input was; what comes next.
    InPlace(Option<Link>),
    /// The result is in the link.
    Moved(Link),
    /// The closure returned a deferred that has no result yet.
    Waits {
        source: ChainRef,
        next: Option<Link>,
        /// Where the result belongs, if not where the input was.
        place: Option<Link>,
    },
}

struct Callback<T, U, F> {
    closure: Option<F>,
    output: Slot<U>,
    attached: Place,
    next: Option<Link>,
    input: PhantomData<fn(T)>,
}

impl<T, U, F> Default for Callback<T, U, F> {
    #[inline]
    fn default() -> Self {
        let attached = Location::caller();
        Self { closure: None, output: Slot::empty(), attached, next: None, input: PhantomData }
    }
}

impl<T, U, F> Step for Callback<T, U, F>
where
    T: 'static,
    U: 'static,
    F: FnOnce(Result<T>, Place) -> Held<U> + 'static,
{
    fn next(&mut self) -> &mut Option<Link> {
        &mut self.next
    }

    fn run(mut self: Box<Self>, input: &dyn Any) -> Ran {
        let slot = input.downcast_ref::<Slot<T>>();
        debug_assert!(slot.is_some(), "a link was handed a value of another type");
        let value = slot.map_or_else(nothing, Slot::take);
        // Both types are known here, so that this costs nothing at run time.
        if let Some(place) = slot.and_then(|slot| (slot as &dyn Any).downcast_ref::<Slot<U>>()) {
            // The link is freed before its closure is called: there is nothing left for it to do.
            let Self { closure, attached, next, .. } = *self;
            return match call(closure, value, attached) {
                Held::Ready(result) => {
                    place.put(result);
                    Ran::InPlace(next)
                }
                Held::Waiting(source) => Ran::Waits { source, next, place: None },
            };
        }
        match call(self.closure.take(), value, self.attached) {
            Held::Ready(result) => {
                self.output.put(result);
                Ran::Moved(self)
            }
            Held::Waiting(source) => {
                let next = self.next.take();
                Ran::Waits { source, next, place: Some(self) }
            }
        }
    }

    fn slot(&self) -> &dyn AnySlot {
        &self.output
    }
}

/// Runs user code, with nothing held.
#[inline]
fn call<T, U, F>(closure: Option<F>, value: Result<T>, attached: Place) -> Held<U>
where
    F: FnOnce(Result<T>, Place) -> Held<U>,
{
    let Some(closure) = closure else { return Held::Ready(nothing()) };
    panics::catch(attached, || closure(value, attached))
        .unwrap_or_else(|panicked| Held::Ready(Err(panicked.into())))
}

/// A place for one result.
pub(crate) struct Slot<T>(Cell<Option<Result<T>>>);

/// What can be done to a slot, whatever its type.
pub(crate) trait AnySlot {
    fn as_any(&self) -> &dyn Any;
    /// Makes `failure` the result.
    fn fail(&self, failure: Failure);
    /// Drops the result if it is a value, returns it if it is a failure. User code may run.
    fn discard(&self) -> Option<Failure>;
}

impl<T> Slot<T> {
    pub(crate) const fn empty() -> Self {
        Self(Cell::new(None))
    }

    pub(crate) const fn with(result: Result<T>) -> Self {
        Self(Cell::new(Some(result)))
    }

    pub(crate) fn put(&self, result: Result<T>) {
        self.0.set(Some(result));
    }

    pub(crate) fn take(&self) -> Result<T> {
        self.0.take().unwrap_or_else(nothing)
    }
}

impl<T: 'static> AnySlot for Slot<T> {
    fn as_any(&self) -> &dyn Any {
        self
    }

    fn fail(&self, failure: Failure) {
        self.put(Err(failure));
    }

    fn discard(&self) -> Option<Failure> {
        self.0.take()?.err()
    }
}

/// The result at which a chain has arrived, wherever that lies.
pub(crate) enum Value {
    /// In the link that computed it.
    Output(Link),
    /// In the head of the chain whose promise was fired with it.
    Head(ChainRef),
}

impl Value {
    pub(crate) fn slot(&self) -> &dyn AnySlot {
        match self {
            Self::Output(link) => link.slot(),
            Self::Head(chain) => &chain.head,
        }
    }

    pub(crate) fn take<T: 'static>(&self) -> Result<T> {
        let slot = self.slot().as_any().downcast_ref::<Slot<T>>();
        debug_assert!(slot.is_some(), "a chain ends in a value of another type");
        slot.map_or_else(nothing, Slot::take)
    }
}

/// Links in order of attachment, linked through themselves.
///
/// New ones go on a stack, which is turned over when the first of them is wanted. Each link is
/// moved twice, and there is nothing to grow.
#[derive(Default)]
pub(crate) struct Queue {
    newest: Cell<Option<Link>>,
    /// In order, and older than all of the above.
    oldest: Cell<Option<Link>>,
}

impl Queue {
    pub(crate) fn push<T, U, F>(&self, attached: Place, closure: F)
    where
        T: 'static,
        U: 'static,
        F: FnOnce(Result<T>, Place) -> Held<U> + 'static,
    {
        // Made empty and then filled, so that nothing is copied.
        let mut link = Box::<Callback<T, U, F>>::default();
        link.closure = Some(closure);
        link.attached = attached;
        link.next = self.newest.take();
        self.newest.set(Some(link));
    }

    /// Takes links in order, each with those that follow it; perhaps not all.
    pub(crate) fn take(&self) -> Option<Link> {
        self.oldest.take().or_else(|| self.turn_over())
    }

    /// Puts back what was taken and is still to run.
    pub(crate) fn put_back(&self, rest: Option<Link>) {
        self.oldest.set(rest);
    }

    pub(crate) fn is_empty(&self) -> bool {
        let (oldest, newest) = (self.oldest.take(), self.newest.take());
        let empty = oldest.is_none() && newest.is_none();
        self.oldest.set(oldest);
        self.newest.set(newest);
        empty
    }

    fn turn_over(&self) -> Option<Link> {
        let mut newest = self.newest.take();
        let mut turned = None;
        while let Some(mut link) = newest {
            newest = replace(link.next(), turned);
            turned = Some(link);
        }
        turned
    }
}

impl Drop for Queue {
    /// One by one: the drop that the compiler writes would recurse along the list.
    fn drop(&mut self) {
        while let Some(mut link) = self.take() {
            self.put_back(link.next().take());
            drop(link);
        }
    }
}
