//! Members for the collections to be tried with.

use crate::support::{Shared, shared, take};
use ropewalk_deferred::{Deferred, Promise, Result};
use std::cell::Cell;
use std::rc::Rc;

/// The firing end of one member, and how often its canceller was called.
pub(crate) struct Member {
    promise: Shared<Promise<u32>>,
    cancels: Rc<Cell<u32>>,
}

impl Member {
    #[track_caller]
    pub(crate) fn resolve(&self, result: Result<u32>) {
        take(&self.promise).unwrap().resolve(result);
    }

    pub(crate) fn callback(&self, value: u32) {
        self.resolve(Ok(value));
    }

    #[track_caller]
    pub(crate) fn errback(&self, failure: impl Into<ropewalk_deferred::Failure>) {
        self.resolve(Err(failure.into()));
    }

    pub(crate) fn cancels(&self) -> u32 {
        self.cancels.get()
    }
}

/// A pending member; when it is cancelled, `answer` is called with its promise, if that is there.
#[track_caller]
pub(crate) fn member_with(answer: impl FnOnce(Promise<u32>) + 'static) -> (Member, Deferred<u32>) {
    let promise = shared(Deferred::<u32>::new().0);
    let cancels = Rc::new(Cell::new(0));
    let (slot, count) = (promise.clone(), Rc::clone(&cancels));
    let (real, deferred) = Deferred::with_canceller(move || {
        count.set(count.get() + 1);
        if let Some(promise) = take(&slot) {
            answer(promise);
        }
    });
    drop(promise.replace(Some(real)));
    (Member { promise, cancels }, deferred)
}

/// Pending members whose cancellers only count.
pub(crate) fn members(count: usize) -> (Vec<Member>, Vec<Deferred<u32>>) {
    (0..count).map(|_| member()).unzip()
}

/// A pending member whose canceller only counts.
#[track_caller]
pub(crate) fn member() -> (Member, Deferred<u32>) {
    let cancels = Rc::new(Cell::new(0));
    let count = Rc::clone(&cancels);
    let (promise, deferred) = Deferred::with_canceller(move || count.set(count.get() + 1));
    (Member { promise: shared(promise), cancels }, deferred)
}

/// A pending member whose canceller panics.
#[track_caller]
pub(crate) fn panicking_member() -> (Promise<u32>, Deferred<u32>) {
    Deferred::with_canceller(|| panic!("no brakes"))
}
