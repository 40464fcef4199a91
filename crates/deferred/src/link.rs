//! The links of a chain that leave the type of the result as it is, and the queue in which they
//! wait.
//!
//! A link is one allocation. One that makes another type of the result is a [`turn`](crate::turn).
//!
//! Links lie on a stack, each on the one that was attached before it and has to run before it. So
//! a link begins with running those below, which is the quickest way to get at the first of them,
//! and of bounded depth: a stack that is too high is cut into *batches* before it runs.

use crate::Result;
use crate::chain::{ChainRef, Place};
use crate::end::nothing;
use crate::held::{Held, call};
use crate::same::same;
use std::cell::Cell;
use std::marker::PhantomData;
use std::mem::{replace, size_of};
use std::panic::Location;

type Link<T> = Box<dyn Step<T>>;

/// How heavy a batch is, at most: each link adds a frame to the call stack, with its closure and a
/// result in it.
const BATCH: usize = 16;

/// What a link can do, whatever its closure.
trait Step<T> {
    /// Runs the links below and then this one: user code runs. `None` if one of them waits.
    fn run(self: Box<Self>, input: Result<T>, course: &mut Course<'_, T>) -> Option<Result<T>>;
    /// Ends the batch where its weight has become that, and has `next` follow it. Returns what
    /// came there before.
    fn cut(&mut self, weight: usize, next: Option<Link<T>>) -> Option<Link<T>>;
}

/// How far the links of a stretch have come.
struct Course<'a, T> {
    /// The batch after this one.
    next: Option<Link<T>>,
    /// What one of the links waits for,
    source: &'a mut Option<ChainRef>,
    /// and what is left of its batch then.
    rest: Option<Link<T>>,
}

/// Together, because a flag for itself would take up a word.
struct Body<F> {
    closure: F,
    /// The last of its batch.
    last: bool,
}

/// `U` is `T`, which the optimizer knows and the type system does not.
struct InPlace<T, U, F> {
    /// What is below; of the last one of a batch, the next batch.
    below: Option<Link<T>>,
    body: Option<Body<F>>,
    attached: Place,
    input: PhantomData<fn(U)>,
}

impl<T, U, F> InPlace<T, U, F> {
    const WEIGHT: usize = 1 + (size_of::<F>() + size_of::<Result<T>>()) / 64;

    fn is_last(&self) -> bool {
        self.body.as_ref().is_some_and(|body| body.last)
    }
}

impl<T, U, F> Default for InPlace<T, U, F> {
    #[inline]
    fn default() -> Self {
        Self { below: None, body: None, attached: Location::caller(), input: PhantomData }
    }
}

impl<T, U, F> Step<T> for InPlace<T, U, F>
where
    T: 'static,
    U: 'static,
    F: FnOnce(Result<U>, Place) -> Held<T> + 'static,
{
    fn run(mut self: Box<Self>, input: Result<T>, course: &mut Course<'_, T>) -> Option<Result<T>> {
        let input = match self.below.take() {
            None => input,
            Some(next) if self.is_last() => {
                course.next = Some(next);
                input
            }
            Some(below) => match below.run(input, course) {
                Some(result) => result,
                None => {
                    self.below = course.rest.take();
                    course.rest = Some(self);
                    return None;
                }
            },
        };
        let Self { body, attached, .. } = *self;
        let input = same(input).unwrap_or_else(|_| nothing());
        match call(body.map(|body| body.closure), input, attached) {
            Held::Ready(result) => Some(result),
            Held::Waiting(source) => {
                *course.source = Some(source.into_chain());
                None
            }
        }
    }

    fn cut(&mut self, weight: usize, next: Option<Link<T>>) -> Option<Link<T>> {
        let weight = weight.saturating_sub(Self::WEIGHT);
        let last = self.is_last();
        match &mut self.below {
            Some(below) if weight > 0 && !last => below.cut(weight, next),
            below => {
                if let Some(body) = &mut self.body {
                    body.last = next.is_some();
                }
                replace(below, next)
            }
        }
    }
}

/// Links in order of attachment.
pub(crate) struct Queue<T: 'static> {
    newest: Cell<Option<Link<T>>>,
    /// Of the newest at least; nothing if there are none at all.
    weight: Cell<usize>,
    /// Batches in order, and older than all of the above.
    oldest: Cell<Option<Link<T>>>,
}

impl<T: 'static> Queue<T> {
    pub(crate) const fn new() -> Self {
        Self { newest: Cell::new(None), weight: Cell::new(0), oldest: Cell::new(None) }
    }

    /// Adds a link of a closure for which `U` is `T`.
    #[inline]
    pub(crate) fn push<U, F>(&self, attached: Place, closure: F)
    where
        U: 'static,
        F: FnOnce(Result<U>, Place) -> Held<T> + 'static,
    {
        // Made empty and then filled, so that nothing is copied.
        let mut link = Box::<InPlace<T, U, F>>::default();
        link.body = Some(Body { closure, last: false });
        link.attached = attached;
        if let Some(below) = self.newest.take() {
            link.below = Some(below);
        }
        self.newest.set(Some(link));
        self.weight.set(self.weight.get() + InPlace::<T, U, F>::WEIGHT);
    }

    /// Runs all links, also those that are attached meanwhile. `None` if one of them waits, and in
    /// `source` for what.
    #[inline]
    pub(crate) fn run(
        &self,
        result: Result<T>,
        source: &mut Option<ChainRef>,
    ) -> Option<Result<T>> {
        if self.weight.get() == 0 { Some(result) } else { self.run_batches(result, source) }
    }

    fn run_batches(
        &self,
        mut result: Result<T>,
        source: &mut Option<ChainRef>,
    ) -> Option<Result<T>> {
        let mut course = Course { next: None, source, rest: None };
        while let Some(batch) = course.next.take().or_else(|| self.take()) {
            match batch.run(result, &mut course) {
                Some(next) => result = next,
                None => {
                    self.put_back(course.rest, course.next);
                    return None;
                }
            }
        }
        Some(result)
    }

    pub(crate) fn is_empty(&self) -> bool {
        let (oldest, newest) = (self.oldest.take(), self.newest.take());
        let empty = oldest.is_none() && newest.is_none();
        self.oldest.set(oldest);
        self.newest.set(newest);
        empty
    }

    /// Batch by batch: the drop that the compiler writes recurses from one to the next.
    #[cold]
    #[inline(never)]
    pub(crate) fn clear(&self) {
        while let Some(mut batch) = self.take() {
            self.oldest.set(batch.cut(BATCH, None));
            drop(batch);
        }
    }

    /// Takes batches in order, each with those that follow it; perhaps not all.
    fn take(&self) -> Option<Link<T>> {
        self.oldest.take().or_else(|| {
            let newest = self.newest.take();
            if self.weight.replace(0) <= BATCH { newest } else { Self::in_batches(newest) }
        })
    }

    #[cold]
    fn in_batches(mut newest: Option<Link<T>>) -> Option<Link<T>> {
        let mut batches = None;
        while let Some(mut batch) = newest {
            newest = batch.cut(BATCH, batches);
            batches = Some(batch);
        }
        batches
    }

    /// Puts back what was taken and is still to run.
    #[cold]
    fn put_back(&self, rest: Option<Link<T>>, next: Option<Link<T>>) {
        self.weight.set(self.weight.get() + 1);
        self.oldest.set(match rest {
            Some(mut rest) => {
                rest.cut(BATCH, next);
                Some(rest)
            }
            None => next,
        });
    }
}

impl<T: 'static> Drop for Queue<T> {
    #[inline]
    fn drop(&mut self) {
        if self.newest.get_mut().is_some() || self.oldest.get_mut().is_some() {
            self.clear();
        }
    }
}
