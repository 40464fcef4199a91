//! The per-thread trampoline: how firing, cancelling and dropping stay off the stack.
//!
//! One piece of work may cause another in the middle of itself: a callback fires a promise, a
//! skipped closure drops one, a value owns a deferred. Each runs at once, nested, because that is
//! what the user who wrote the call expects; but only [`NESTED`] deep. Whatever comes deeper is
//! queued and runs as soon as the innermost piece has returned. So the stack is bounded whatever
//! users nest, and the order is still the natural one wherever anybody can tell.
//!
//! Borrow rule: the queue is borrowed for one push or one pop, never while a piece of work runs.

use crate::chain::{self, ChainRef};
use crate::{cancel, panics};
use std::any::Any;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::panic::Location;

/// How many pieces of work may be nested on the stack.
const NESTED: usize = 32;

/// From how deep on those who have a choice use less of the stack.
const DEEP: usize = 4;

thread_local! {
    static DEPTH: Cell<usize> = const { Cell::new(0) };
    static QUEUE: RefCell<VecDeque<Work>> = const { RefCell::new(VecDeque::new()) };
}

/// A piece of work that can cause more of its kind.
enum Work {
    /// Run the links of a chain that has a value.
    Drive(ChainRef),
    /// Cancel what the chain waits for.
    Cancel(ChainRef),
    /// Drop a user's value.
    Drop(Box<dyn Any>, &'static Location<'static>),
}

impl Work {
    fn run(self) {
        match self {
            Self::Drive(chain) => chain::drive(chain),
            Self::Cancel(chain) => cancel::cancel(chain),
            Self::Drop(value, at) => panics::discard("dropping a value", at, value),
        }
    }
}

/// Runs the links of a chain that has a value, now, or soon if the stack is deep already.
#[inline]
pub(crate) fn drive(chain: ChainRef) {
    match Level::enter() {
        Some(_level) => chain::drive(chain),
        None => queue(Work::Drive(chain)),
    }
}

/// Cancels what the chain waits for, now, or soon if the stack is deep already.
pub(crate) fn cancel(chain: ChainRef) {
    match Level::enter() {
        Some(_level) => cancel::cancel(chain),
        None => queue(Work::Cancel(chain)),
    }
}

/// Drops a user's value of which the user himself asked to be rid, so that its panic is his.
pub(crate) fn drop_value<T: 'static>(value: T, at: &'static Location<'static>) {
    if !std::mem::needs_drop::<T>() {
        return;
    }
    match Level::enter() {
        Some(_level) => drop(value),
        None => queue(Work::Drop(Box::new(value), at)),
    }
}

/// Whether work is nested so deep that the stack should be spared.
#[inline]
pub(crate) fn is_deep() -> bool {
    DEPTH.get() > DEEP
}

#[cold]
fn queue(work: Work) {
    // No queue means that this thread is ending and has dropped its own: rather deep than lost.
    let mut work = Some(work);
    let queued = QUEUE.try_with(|queue| queue.borrow_mut().extend(work.take()));
    if queued.is_err() {
        work.into_iter().for_each(Work::run);
    }
}

/// One level of nesting; gives its place back also when unwound.
struct Level {
    depth: usize,
}

impl Level {
    #[inline]
    fn enter() -> Option<Self> {
        let depth = DEPTH.get();
        (depth < NESTED).then(|| {
            DEPTH.set(depth + 1);
            Self { depth }
        })
    }
}

impl Drop for Level {
    #[inline]
    fn drop(&mut self) {
        if self.depth + 1 == NESTED {
            run_queued();
        }
        DEPTH.set(self.depth);
    }
}

#[cold]
fn run_queued() {
    while let Some(work) = next() {
        work.run();
    }
}

fn next() -> Option<Work> {
    QUEUE.try_with(|queue| queue.borrow_mut().pop_front()).ok().flatten()
}
