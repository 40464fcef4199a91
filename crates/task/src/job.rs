//! One future and the promise of its result, in one box.
//!
//! All user code of a task runs from here, and each piece of it is contained: the poll, the drop of
//! the future, and the callbacks that the result sets off. So a panic ends neither the turn of
//! other tasks nor the run of the reactor, and what lies between two pieces is always in order.

use crate::context::SpawnContext;
use crate::panics::contain;
use pin_project_lite::pin_project;
use ropewalk_deferred::{Abandoned, Failure, Panicked, Promise};
use ropewalk_reactor::Reactor;
use std::future::Future;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

/// A task, whatever its types.
pub(crate) trait Job {
    /// Polls the future. If it has come to its end, drops it and then passes on the result.
    fn poll(self: Pin<&mut Self>, reactor: &Reactor, context: &mut Context<'_>) -> Poll<()>;

    /// Drops the future and then passes on `failure`, or else nothing, which abandons the promise.
    fn end(self: Pin<&mut Self>, failure: Option<Failure>);
}

pin_project! {
    pub(crate) struct Spawned<F, T, G>
    where
        T: 'static,
    {
        #[pin]
        future: Option<F>,
        promise: Option<Promise<T>>,
        // What makes the output the result of the promise.
        resolve: G,
        spawned: &'static Location<'static>,
        surroundings: SpawnContext,
    }
}

impl<F, T, G> Spawned<F, T, G> {
    pub(crate) fn new(
        future: F,
        promise: Promise<T>,
        resolve: G,
        spawned: &'static Location<'static>,
        surroundings: SpawnContext,
    ) -> Self {
        Self { future: Some(future), promise: Some(promise), resolve, spawned, surroundings }
    }

    /// Drops the future where it was spawned; if that place does not take it, then here.
    fn discard(self: Pin<&mut Self>) {
        let mut this = self.project();
        let around = &*this.surroundings;
        contain("dropping a future", this.spawned, || {
            around.within(|| this.future.set(None));
        });
        if this.future.is_some() {
            contain("dropping a future", this.spawned, || this.future.set(None));
        }
    }
}

impl<F, T, G> Spawned<F, T, G>
where
    F: Future,
    G: Fn(Promise<T>, F::Output),
{
    fn advance(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut this = self.as_mut().project();
        let Some(future) = this.future.as_mut().as_pin_mut() else { return Poll::Ready(()) };
        let around = &*this.surroundings;
        let poll = || around.within(|| future.poll(context));
        let result: Result<_, Failure> = match catch_unwind(AssertUnwindSafe(poll)) {
            Ok(Some(Poll::Pending)) => return Poll::Pending,
            Ok(Some(Poll::Ready(output))) => Ok(output),
            Ok(None) => Err(Abandoned.into()),
            Err(payload) => Err(Panicked::from_payload(payload, this.spawned).into()),
        };
        self.as_mut().discard();
        let this = self.project();
        if let Some(promise) = this.promise.take() {
            contain("the result of a task", this.spawned, || match result {
                Ok(output) => (this.resolve)(promise, output),
                Err(failure) => promise.settle(Err(failure)),
            });
        }
        Poll::Ready(())
    }
}

impl<F, T, G> Job for Spawned<F, T, G>
where
    F: Future,
    G: Fn(Promise<T>, F::Output),
{
    fn poll(self: Pin<&mut Self>, reactor: &Reactor, context: &mut Context<'_>) -> Poll<()> {
        let spawned = self.spawned;
        reactor.timed("task", spawned, || self.advance(context))
    }

    fn end(mut self: Pin<&mut Self>, failure: Option<Failure>) {
        self.as_mut().discard();
        let this = self.project();
        if let Some(promise) = this.promise.take() {
            contain("the result of a task", this.spawned, || match failure {
                Some(failure) => promise.settle(Err(failure)),
                None => drop(promise),
            });
        }
    }
}
