//! The links of a chain: what a callback is while it waits, and the queue in which it does.
//!
//! A link is one allocation. It holds the closure, and then the closure's result until the next
//! link takes it from there, so that a value travels along a chain without being boxed by itself.
//! The types on both sides of a hand-over agree because `Deferred<T>` only ever attaches a link
//! that takes `T`; as the links of one chain differ in type, each checks it once more at run time.

use crate::chain::{ChainRef, Head};
use crate::deferred::Held;
use crate::{Abandoned, Deferred, Failure, Result, panics};
use std::any::Any;
use std::cell::Cell;
use std::panic::Location;

/// Where a link came from, for its closure.
#[derive(Clone, Copy)]
pub(crate) struct Origin {
    /// Where the chain was created.
    pub(crate) created: &'static Location<'static>,
    /// Where this callback was attached.
    pub(crate) attached: &'static Location<'static>,
}

/// A link in its queue.
pub(crate) struct Node<S: ?Sized> {
    next: Option<Box<Node<dyn Step>>>,
    attached: &'static Location<'static>,
    step: S,
}

/// What a link can do, whatever its types.
pub(crate) trait Step {
    /// Takes the input and calls the closure: user code runs here. Says what to wait for, if the
    /// closure returned a deferred that has no result yet.
    fn run(&mut self, input: &mut Value, origin: Origin) -> Option<ChainRef>;
    /// The result, an `Option<Result<U>>`.
    fn output(&mut self) -> &mut dyn Any;
    /// Makes `failure` the result.
    fn fail(&mut self, failure: Failure);
    /// Drops the result if it is a value, returns it if it is a failure.
    fn discard(&mut self) -> Option<Failure>;
}

struct Callback<T, U, F> {
    closure: Option<F>,
    output: Option<Result<U>>,
    input: std::marker::PhantomData<fn(T)>,
}

impl<T, U, F> Step for Callback<T, U, F>
where
    T: 'static,
    U: 'static,
    F: FnOnce(Result<T>, Origin) -> Deferred<U>,
{
    fn run(&mut self, input: &mut Value, origin: Origin) -> Option<ChainRef> {
        let input = input.take();
        let closure = self.closure.take()?;
        let result = match panics::catch(origin.attached, || closure(input, origin)) {
            Ok(deferred) => match deferred.into_held() {
                Held::Ready(result) => result,
                Held::Waiting(chain) => return Some(chain),
            },
            Err(panicked) => Err(panicked.into()),
        };
        self.output = Some(result);
        None
    }

    fn output(&mut self) -> &mut dyn Any {
        &mut self.output
    }

    fn fail(&mut self, failure: Failure) {
        self.output = Some(Err(failure));
    }

    fn discard(&mut self) -> Option<Failure> {
        self.output.take()?.err()
    }
}

impl Node<dyn Step> {
    pub(crate) fn new<T, U, F>(attached: &'static Location<'static>, closure: F) -> Box<Self>
    where
        T: 'static,
        U: 'static,
        F: FnOnce(Result<T>, Origin) -> Deferred<U> + 'static,
    {
        let step =
            Callback { closure: Some(closure), output: None, input: std::marker::PhantomData };
        Box::new(Node { next: None, attached, step })
    }

    pub(crate) fn run(
        &mut self,
        input: &mut Value,
        created: &'static Location<'static>,
    ) -> Option<ChainRef> {
        self.step.run(input, Origin { created, attached: self.attached })
    }

    pub(crate) fn fail(&mut self, failure: Failure) {
        self.step.fail(failure);
    }
}

/// The result at which a chain has arrived, wherever that lies.
pub(crate) enum Value {
    /// In the link that computed it.
    Output(Box<Node<dyn Step>>),
    /// In the head of the chain whose promise was fired with it.
    Head(ChainRef),
}

impl Value {
    pub(crate) fn take<T: 'static>(&mut self) -> Result<T> {
        let taken = match self {
            Self::Output(node) => {
                node.step.output().downcast_mut::<Option<Result<T>>>().and_then(Option::take)
            }
            Self::Head(chain) => chain.head.as_any().downcast_ref::<Head<T>>().and_then(Head::take),
        };
        debug_assert!(taken.is_some(), "a link was handed a value of another type");
        taken.unwrap_or_else(|| Err(Abandoned.into()))
    }

    /// Drops a value, returns a failure. User code may run.
    pub(crate) fn discard(&mut self) -> Option<Failure> {
        match self {
            Self::Output(node) => node.step.discard(),
            Self::Head(chain) => chain.head.discard(),
        }
    }
}

/// Links in order of attachment, linked through themselves.
///
/// New ones go on a stack; when the first of all is wanted, the stack is turned over. Each link is
/// moved twice, and there is nothing to grow.
#[derive(Default)]
pub(crate) struct Queue {
    oldest: Cell<Option<Box<Node<dyn Step>>>>,
    newest: Cell<Option<Box<Node<dyn Step>>>>,
}

impl Queue {
    pub(crate) fn push(&self, mut node: Box<Node<dyn Step>>) {
        node.next = self.newest.take();
        self.newest.set(Some(node));
    }

    pub(crate) fn pop(&self) -> Option<Box<Node<dyn Step>>> {
        let mut first = self.oldest.take().or_else(|| self.turn_over())?;
        self.oldest.set(first.next.take());
        Some(first)
    }

    pub(crate) fn is_empty(&self) -> bool {
        let (oldest, newest) = (self.oldest.take(), self.newest.take());
        let empty = oldest.is_none() && newest.is_none();
        self.oldest.set(oldest);
        self.newest.set(newest);
        empty
    }

    fn turn_over(&self) -> Option<Box<Node<dyn Step>>> {
        let mut newest = self.newest.take();
        let mut turned = None;
        while let Some(mut node) = newest {
            newest = node.next.take();
            node.next = turned;
            turned = Some(node);
        }
        turned
    }
}

impl Drop for Queue {
    /// One by one: the drop that the compiler writes would recurse along the list.
    fn drop(&mut self) {
        while let Some(node) = self.pop() {
            drop(node);
        }
    }
}
