//! What a callback has given: a result, or a chain that will have it.
//!
//! What an [`Outcome`](crate::Outcome) comes down to. It has no drop of its own, so that a result
//! passes from a callback to the next one without the cost of a `Deferred` between them.

use crate::chain::Place;
use crate::context::{CallbackContext, within_context};
use crate::end::nothing;
use crate::tail::Tail;
use crate::{Abandoned, Result, panics};
use std::rc::Rc;

/// The insides of a `Deferred` that has been given away.
pub(crate) enum Held<T: 'static> {
    Ready(Result<T>),
    Waiting(Tail<T>),
}

/// [`Held`], for a signature that is public and that nobody else can use.
#[expect(unnameable_types, reason = "only this crate knows what to do with one")]
#[expect(missing_debug_implementations, reason = "nobody ever sees one")]
pub struct Given<T: 'static>(pub(crate) Held<T>);

/// Runs the closure of a link, with nothing held.
#[inline]
pub(crate) fn call<T, U, F>(closure: Option<F>, value: Result<T>, attached: Place) -> Held<U>
where
    F: FnOnce(Result<T>, Place) -> Held<U>,
{
    let Some(closure) = closure else { return Held::Ready(nothing()) };
    panics::catch(attached, || closure(value, attached))
        .unwrap_or_else(|panicked| Held::Ready(Err(panicked.into())))
}

/// The closure of a link, to run in a context.
#[cold]
pub(crate) fn within<T, U: 'static>(
    around: Rc<dyn CallbackContext>,
    closure: impl FnOnce(Result<T>, Place) -> Held<U>,
) -> impl FnOnce(Result<T>, Place) -> Held<U> {
    move |value, attached| {
        let callback = || call(Some(closure), value, attached);
        let result = panics::catch(attached, || within_context(&*around, callback));
        panics::discard("dropping a context", attached, around);
        match result {
            Ok(held) => held.unwrap_or_else(|| Held::Ready(Err(Abandoned.into()))),
            Err(panicked) => Held::Ready(Err(panicked.into())),
        }
    }
}
