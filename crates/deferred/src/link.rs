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
use crate::trampoline;
use std::cell::Cell;
use std::marker::PhantomData;
use std::mem::{replace, size_of};
use std::panic::Location;

type Link<T> = Box<dyn Step<T>>;

/// What a link can do, whatever its closure.
trait Step<T> {
    /// Runs the links below and then this one: user code runs. `None` if one of them waits.
    fn run(self: Box<Self>, input: Result<T>, course: &mut Course<'_, T>) -> Option<Result<T>>;
    /// Ends the batch after so many links, or where it ends already, and has `next` follow it.
    /// Returns what came there before.
    fn cut(&mut self, links: usize, next: Option<Link<T>>) -> Option<Link<T>>;
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

impl<T, U, F> InPlace<T, U, F>
where
    T: 'static,
    U: 'static,
    F: FnOnce(Result<U>, Place) -> Held<T> + 'static,
{
    /// Calls the closure. A function of its own, so that what the closure needs of the stack is not
    /// reserved while the links below run.
    #[expect(clippy::boxed_local, reason = "what it is moved out of is freed here")]
    #[inline(never)]
    fn run_alone(
        self: Box<Self>,
        input: Result<T>,
        course: &mut Course<'_, T>,
    ) -> Option<Result<T>> {
        let Self { below: next, body, attached, .. } = *self;
        if next.is_some() {
            course.next = next;
        }
        let input = same(input).unwrap_or_else(|_| nothing());
        match call(body.map(|body| body.closure), input, attached) {
            Held::Ready(result) => Some(result),
            Held::Waiting(source) => {
                *course.source = Some(source.into_chain());
                None
            }
        }
    }

    /// Is left over, with what is left of the links below.
    #[cold]
    #[inline(never)]
    fn stay(mut self: Box<Self>, course: &mut Course<'_, T>) -> Option<Result<T>> {
        self.below = course.rest.take();
        course.rest = Some(self);
        None
    }
}

impl<T, U, F> Step<T> for InPlace<T, U, F>
where
    T: 'static,
    U: 'static,
    F: FnOnce(Result<U>, Place) -> Held<T> + 'static,
{
    fn run(mut self: Box<Self>, input: Result<T>, course: &mut Course<'_, T>) -> Option<Result<T>> {
        if self.is_last() {
            return self.run_alone(input, course);
        }
        let Some(below) = self.below.take() else { return self.run_alone(input, course) };
        match below.run(input, course) {
            Some(result) => self.run_alone(result, course),
            None => self.stay(course),
        }
    }

    fn cut(&mut self, links: usize, next: Option<Link<T>>) -> Option<Link<T>> {
        let last = self.is_last();
        match &mut self.below {
            Some(below) if links > 1 && !last => below.cut(links - 1, next),
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
    count: Cell<usize>,
    /// Batches in order, and older than all of the above.
    oldest: Cell<Option<Link<T>>>,
}

impl<T: 'static> Queue<T> {
    /// How many links are in a batch, at most: each adds a frame to the call stack, with a result
    /// in it.
    const BATCH: usize = {
        let links = 16 / (1 + size_of::<Result<T>>() / 64);
        if links == 0 { 1 } else { links }
    };

    /// Likewise, where there are many frames below already.
    const SMALL_BATCH: usize = if Self::BATCH < 4 { 1 } else { Self::BATCH / 4 };

    pub(crate) const fn new() -> Self {
        Self { newest: Cell::new(None), count: Cell::new(0), oldest: Cell::new(None) }
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
        self.count.set(self.count.get() + 1);
    }

    /// Runs all links, also those that are attached meanwhile. `None` if one of them waits, and in
    /// `source` for what.
    #[inline]
    pub(crate) fn run(
        &self,
        result: Result<T>,
        source: &mut Option<ChainRef>,
    ) -> Option<Result<T>> {
        if self.count.get() == 0 { Some(result) } else { self.run_batches(result, source) }
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
            self.put_back(None, batch.cut(usize::MAX, None));
            drop(batch);
        }
    }

    /// Takes batches in order, each with those that follow it; perhaps not all.
    fn take(&self) -> Option<Link<T>> {
        if self.count.get() == 0 {
            return None;
        }
        self.oldest.take().or_else(|| {
            let (newest, count) = (self.newest.take(), self.count.replace(0));
            if count <= Self::SMALL_BATCH {
                return newest;
            }
            let most = if trampoline::is_deep() { Self::SMALL_BATCH } else { Self::BATCH };
            if count <= most { newest } else { Self::in_batches(newest, most) }
        })
    }

    #[cold]
    fn in_batches(mut newest: Option<Link<T>>, most: usize) -> Option<Link<T>> {
        let mut batches = None;
        while let Some(mut batch) = newest {
            newest = batch.cut(most, batches);
            batches = Some(batch);
        }
        batches
    }

    /// Puts back what was taken and is still to run.
    #[cold]
    fn put_back(&self, rest: Option<Link<T>>, next: Option<Link<T>>) {
        self.count.set(self.count.get() + 1);
        self.oldest.set(match rest {
            Some(mut rest) => {
                rest.cut(usize::MAX, next);
                Some(rest)
            }
            None => next,
        });
    }
}

impl<T: 'static> Drop for Queue<T> {
    #[inline]
    fn drop(&mut self) {
        if *self.count.get_mut() > 0 {
            self.clear();
        }
    }
}
