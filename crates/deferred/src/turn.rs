//! A link that makes another type of the result, and with it begins another stretch of its chain.
//!
//! It is one allocation, as any link, and shared by three: the stretch before it runs it, the chain
//! knows it when it has arrived there, and the deferred at the end adds to it.

use crate::Result;
use crate::chain::{ChainRef, Place};
use crate::empty::is_large;
use crate::held::{Held, call};
use crate::same::same;
use crate::stretch::{AnyStretch, Holder, HolderRef, Stretch};
use crate::tail::HasStretch;
use std::cell::Cell;
use std::marker::PhantomData;
use std::panic::Location;
use std::rc::Rc;

/// What a turn can do for the stretch before it.
pub(crate) trait Turn<T> {
    /// Calls the closure: user code runs here. The result is in the stretch of the turn then, or
    /// will be: it waits for the chain in `source`.
    fn run(&self, input: Result<T>, source: &mut Option<ChainRef>);
    fn into_holder(self: Rc<Self>) -> HolderRef;
}

struct Callback<T, U: 'static, F> {
    closure: Cell<Option<F>>,
    attached: Place,
    stretch: Stretch<U>,
    input: PhantomData<fn(T)>,
}

impl<T, U: 'static, F> Default for Callback<T, U, F> {
    #[inline]
    fn default() -> Self {
        if is_large::<Self>() { Self::empty() } else { const { Self::empty() } }
    }
}

impl<T, U: 'static, F> Callback<T, U, F> {
    const fn empty() -> Self {
        Self {
            closure: Cell::new(None),
            attached: Location::caller(),
            stretch: Stretch::new(),
            input: PhantomData,
        }
    }
}

/// Adds a turn to the stretch that ends here; its own is where the chain ends then.
pub(crate) fn add<T, U, F>(
    stretch: &Stretch<T>,
    attached: Place,
    closure: F,
) -> Rc<dyn HasStretch<U>>
where
    T: 'static,
    U: 'static,
    F: FnOnce(Result<T>, Place) -> Held<U> + 'static,
{
    // Made empty, in its place, and then filled, as a chain is.
    let mut turn = Rc::<Callback<T, U, F>>::default();
    if let Some(new) = Rc::get_mut(&mut turn) {
        new.closure.set(Some(closure));
        new.attached = attached;
    }
    stretch.set_turn(Rc::clone(&turn) as Rc<dyn Turn<T>>);
    turn
}

/// Adds a link to the stretch that ends here, or a turn.
#[inline]
pub(crate) fn push<T, U, F>(
    last: Rc<dyn HasStretch<T>>,
    attached: Place,
    closure: F,
) -> Rc<dyn HasStretch<U>>
where
    T: 'static,
    U: 'static,
    F: FnOnce(Result<T>, Place) -> Held<U> + 'static,
{
    match same(last) {
        Ok(last) => {
            let last: Rc<dyn HasStretch<U>> = last;
            last.stretch().links.push(attached, closure);
            last
        }
        Err(Some(last)) => add(last.stretch(), attached, closure),
        Err(None) => Rc::<Callback<T, U, F>>::default(),
    }
}

impl<T, U, F> Turn<T> for Callback<T, U, F>
where
    T: 'static,
    U: 'static,
    F: FnOnce(Result<T>, Place) -> Held<U> + 'static,
{
    fn run(&self, input: Result<T>, source: &mut Option<ChainRef>) {
        match call(self.closure.take(), input, self.attached) {
            Held::Ready(result) => self.stretch.slot.put(result),
            Held::Waiting(waiting) => *source = Some(waiting.into_chain()),
        }
    }

    fn into_holder(self: Rc<Self>) -> HolderRef {
        self
    }
}

impl<T, U: 'static, F> HasStretch<U> for Callback<T, U, F> {
    fn stretch(&self) -> &Stretch<U> {
        &self.stretch
    }
}

impl<T, U: 'static, F> Holder for Callback<T, U, F> {
    fn any_stretch(&self) -> &dyn AnyStretch {
        &self.stretch
    }
}
