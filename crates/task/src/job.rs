//! One future and the promise of its result, in one box.
//!
//! All user code of a task runs from here, and each piece of it is contained: the poll, the drop of
//! the future, and the callbacks that the result sets off. So a panic ends neither the turn of
//! other tasks nor the run of the reactor, and what lies between two pieces is always in order.

use crate::context::SpawnContext;
use crate::panics::contain;
use pin_project_lite::pin_project;
use ropewalk_deferred::{Abandoned, DirectPromise, Failure, Panicked, Result};
use ropewalk_reactor::Reactor;
use std::future::Future;
use std::marker::PhantomData;
use std::mem::replace;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

/// A task, whatever its types.
pub(crate) trait Job {
    /// Polls the future. If it has come to its end, drops it and then passes on the result.
    fn poll(self: Pin<&mut Self>, reactor: &Reactor, context: &mut Context<'_>) -> Poll<()>;

    /// Drops the future and then passes on `failure`.
    fn end(self: Pin<&mut Self>, failure: Failure);
}

/// What makes the result of a future's output.
pub(crate) trait Resolve<O> {
    type Value: 'static;

    fn resolve(output: O) -> Result<Self::Value>;
}

pin_project! {
    pub(crate) struct Spawned<F, T, R>
    where
        T: 'static,
    {
        #[pin]
        future: Option<F>,
        promise: DirectPromise<T>,
        resolve: PhantomData<fn() -> R>,
        surroundings: SpawnContext,
    }
}

impl<F, T, R> Spawned<F, T, R>
where
    F: Future,
    R: Resolve<F::Output, Value = T>,
{
    // Inlined, as are those who call it: a future is moved only once then.
    #[inline(always)]
    pub(crate) fn pinned(
        future: F,
        promise: DirectPromise<T>,
        surroundings: SpawnContext,
    ) -> Pin<Box<Self>> {
        Box::pin(Self { future: Some(future), promise, resolve: PhantomData, surroundings })
    }

    fn advance(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut this = self.as_mut().project();
        let Some(future) = this.future.as_mut().as_pin_mut() else { return Poll::Ready(()) };
        let around = &*this.surroundings;
        let poll = || around.within(|| future.poll(context));
        let result = match catch_unwind(AssertUnwindSafe(poll)) {
            Ok(Some(Poll::Pending)) => return Poll::Pending,
            Ok(Some(Poll::Ready(output))) => Ok(output),
            Ok(None) => Err(Abandoned.into()),
            Err(payload) => Err(Panicked::from_payload(payload, self.spawned()).into()),
        };
        self.finish(result.and_then(R::resolve));
        Poll::Ready(())
    }

    /// Drops the future where it was spawned, or else, if that place does not take it, here; and
    /// then the place. Then passes on the result.
    fn finish(self: Pin<&mut Self>, result: Result<T>) {
        let spawned = self.spawned();
        let mut this = self.project();
        let around = &*this.surroundings;
        contain("dropping a future", spawned, || {
            around.within(|| this.future.set(None));
        });
        if this.future.is_some() {
            contain("dropping a future", spawned, || this.future.set(None));
        }
        if this.surroundings.is_there() {
            let around = replace(this.surroundings, SpawnContext::none());
            contain("dropping the context of a task", spawned, || drop(around));
        }
        this.promise.fire(result);
    }

    fn spawned(&self) -> &'static Location<'static> {
        self.promise.created()
    }
}

impl<F, T, R> Job for Spawned<F, T, R>
where
    F: Future,
    R: Resolve<F::Output, Value = T>,
{
    fn poll(self: Pin<&mut Self>, reactor: &Reactor, context: &mut Context<'_>) -> Poll<()> {
        if !reactor.times_callbacks() {
            return self.advance(context);
        }
        let spawned = self.spawned();
        reactor.timed("task", spawned, || self.advance(context))
    }

    fn end(self: Pin<&mut Self>, failure: Failure) {
        self.finish(Err(failure));
    }
}
