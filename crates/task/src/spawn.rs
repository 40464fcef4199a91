//! How a future's output becomes the result of its deferred.

use crate::job::Resolve;
use crate::tasks::Tasks;
use ropewalk_deferred::{Abandoned, Deferred, Outcome, Result};
use ropewalk_reactor::Reactor;
use std::any::TypeId;
use std::future::Future;

#[inline]
#[track_caller]
pub(crate) fn spawn<F>(reactor: &Reactor, future: F) -> Deferred<<F::Output as Outcome>::Value>
where
    F: Future + 'static,
    F::Output: Outcome,
{
    let tasks = Tasks::of(reactor);
    // Both are cancelled by their drop. Known when it is compiled: only one of both is left of it.
    if returns_deferred::<F::Output>() {
        // Taken on as a value of the chain, a `Deferred` that the future returns is waited for, and
        // a cancel reaches whatever it waits for.
        tasks.spawn::<F, AsItIs>(future).add_callback(|output| output)
    } else {
        tasks.spawn::<F, AsOutcome>(future)
    }
}

fn returns_deferred<R: Outcome + 'static>() -> bool {
    TypeId::of::<R>() == TypeId::of::<Deferred<R::Value>>()
}

/// The output is the value.
struct AsItIs;

impl<O: 'static> Resolve<O> for AsItIs {
    type Value = O;

    fn resolve(output: O) -> Result<O> {
        Ok(output)
    }
}

/// The output is an outcome that has its result already.
struct AsOutcome;

impl<O: Outcome> Resolve<O> for AsOutcome {
    type Value = O::Value;

    fn resolve(output: O) -> Result<O::Value> {
        output.into_deferred().try_take().unwrap_or_else(|_| Err(Abandoned.into()))
    }
}
