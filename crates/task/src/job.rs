//! One future and the promise of its result.
//!
//! All user code of a task runs from here, and each piece of it is contained: the poll, the drop of
//! the future, and the callbacks that the result sets off. So a panic can neither pass through the
//! machinery of wake-ups (which would abort the process) nor end the turn of other tasks.

use crate::panics::contain;
use ropewalk_deferred::{Failure, Panicked, Promise, Result};
use std::future::Future;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

/// A task, whatever its types.
pub(crate) trait Job {
    /// Polls the future. `Ready`: it has come to its end, and [`end`](Self::end) is next.
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<()>;

    /// Drops the future and then passes on `failure`, or else the result, or else nothing, which
    /// abandons the promise.
    fn end(self: Box<Self>, failure: Option<Failure>);
}

pub(crate) struct Spawned<F: Future>
where
    F::Output: 'static,
{
    future: Pin<Box<F>>,
    result: Option<Result<F::Output>>,
    promise: Promise<F::Output>,
    spawned: &'static Location<'static>,
}

impl<F: Future> Spawned<F>
where
    F::Output: 'static,
{
    pub(crate) fn new(
        future: Pin<Box<F>>,
        promise: Promise<F::Output>,
        spawned: &'static Location<'static>,
    ) -> Self {
        Self { future, result: None, promise, spawned }
    }
}

impl<F: Future> Job for Spawned<F>
where
    F::Output: 'static,
{
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let future = self.future.as_mut();
        let result = match catch_unwind(AssertUnwindSafe(|| future.poll(context))) {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(output)) => Ok(output),
            Err(payload) => Err(Panicked::from_payload(payload, self.spawned).into()),
        };
        self.result = Some(result);
        Poll::Ready(())
    }

    fn end(self: Box<Self>, failure: Option<Failure>) {
        let Self { future, result, promise, spawned } = *self;
        contain("dropping a future", spawned, || drop(future));
        contain("the result of a task", spawned, || match failure.map(Err).or(result) {
            Some(result) => promise.resolve(result),
            None => drop(promise),
        });
    }
}
