//! How a future's output becomes the result of its deferred.

use crate::tasks::Tasks;
use ropewalk_deferred::{Deferred, Outcome, Promise};
use ropewalk_reactor::Reactor;
use std::any::TypeId;
use std::future::Future;

#[track_caller]
pub(crate) fn spawn<F>(reactor: &Reactor, future: F) -> Deferred<<F::Output as Outcome>::Value>
where
    F: Future + 'static,
    F::Output: Outcome,
{
    let tasks = Tasks::of(reactor);
    // Known when it is compiled: only one of both is left of it.
    let spawned = if returns_deferred::<F::Output>() {
        // Taken on as a value of the chain, a `Deferred` that the future returns is waited for, and
        // a cancel reaches whatever it waits for.
        tasks
            .spawn(future, |promise, output| promise.settle(Ok(output)))
            .add_callback(|output| output)
    } else {
        tasks.spawn(future, resolve)
    };
    spawned.cancel_on_drop()
}

fn returns_deferred<R: Outcome + 'static>() -> bool {
    TypeId::of::<R>() == TypeId::of::<Deferred<R::Value>>()
}

/// Fires the promise with an outcome that has its result already.
fn resolve<R: Outcome>(promise: Promise<R::Value>, outcome: R) {
    match outcome.into_deferred().try_take() {
        Ok(result) => promise.settle(result),
        Err(pending) => pending.chain_deferred(promise),
    }
}
