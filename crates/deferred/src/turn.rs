//! A link that makes another type of the result, and with it begins another stretch of its chain.
//!
//! It is one allocation, as any link, and shared by three: the stretch before it runs it, the chain
//! knows it when it has arrived there, and the deferred at the end adds to it.

use crate::Result;
use crate::chain::{ChainRef, Place};
use crate::held::{Held, call};
use crate::stretch::{AnyStretch, Holder, HolderRef, Stretch};
use crate::tail::HasStretch;
use std::cell::Cell;
use std::marker::PhantomData;
use std::rc::Rc;

/// What a turn can do for the stretch before it.
pub(crate) trait Turn<T> {
    /// Calls the closure: user code runs here. The result is in the stretch of the turn then, or
    /// will be: it waits for the chain.
    fn run(self: Rc<Self>, input: Result<T>) -> (HolderRef, Option<ChainRef>);
    fn into_holder(self: Rc<Self>) -> HolderRef;
}

struct Callback<T, U: 'static, F> {
    closure: Cell<Option<F>>,
    attached: Place,
    stretch: Stretch<U>,
    input: PhantomData<fn(T)>,
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
    let turn = Rc::new(Callback {
        closure: Cell::new(Some(closure)),
        attached,
        stretch: Stretch::new(),
        input: PhantomData,
    });
    stretch.set_turn(Rc::clone(&turn) as Rc<dyn Turn<T>>);
    turn
}

impl<T, U, F> Turn<T> for Callback<T, U, F>
where
    T: 'static,
    U: 'static,
    F: FnOnce(Result<T>, Place) -> Held<U> + 'static,
{
    fn run(self: Rc<Self>, input: Result<T>) -> (HolderRef, Option<ChainRef>) {
        let source = match call(self.closure.take(), input, self.attached) {
            Held::Ready(result) => {
                self.stretch.slot.put(result);
                None
            }
            Held::Waiting(source) => Some(source.into_chain()),
        };
        (self, source)
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
