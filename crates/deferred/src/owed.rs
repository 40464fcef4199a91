//! A promise whose type its owner has forgotten, with a canceller that serves many.
//!
//! Whoever owes many results of many types, such as a bridge to other threads, keeps their promises
//! in one place. A box for each, and a closure for each that finds it there again, would be two
//! allocations more than the chain itself. So the chain stands in for both: what it is asked for
//! by a cancel is a name, and the type comes back with the result.

use crate::chain::{self, Cancel, Canceller, ChainRef, Stage};
use crate::debugging::{self, debugging};
use crate::stretch::Stretch;
use crate::{Abandoned, Deferred, Failure, Result, Stopper};
use std::fmt;
use std::panic::Location;
use std::rc::Rc;

/// The obligation to bring a result, by one who keeps many of them. For crates that extend this
/// one.
#[doc(hidden)]
#[must_use = "one that is dropped fails its deferred with `Abandoned`"]
pub struct OwedPromise {
    /// Taken by firing, as that of a [`Promise`](crate::Promise).
    chain: Option<ChainRef>,
}

impl<T> Deferred<T> {
    /// As [`with_canceller`](Self::with_canceller), made at `created`; to cancel it, `stopper` is
    /// told `name`. For crates that extend this one.
    #[doc(hidden)]
    #[inline]
    pub fn owed<S: Stopper + 'static>(
        created: &'static Location<'static>,
        stopper: Rc<S>,
        name: u64,
    ) -> (OwedPromise, Self) {
        let (promise, deferred) = Self::pair(Some(stopper as Canceller), created);
        let chain = promise.into_chain().map(|chain| chain as ChainRef);
        if let Some(chain) = &chain {
            chain.name.set(name);
        }
        (OwedPromise { chain }, deferred)
    }
}

impl<S: Stopper> Cancel for S {
    fn cancel(&self, name: u64) {
        self.stop(name);
    }
}

impl OwedPromise {
    /// Fires the deferred, which must be one of this type, unless a cancel was faster; then the
    /// result is dropped.
    #[inline]
    pub fn settle<T: 'static>(mut self, result: Result<T>) {
        let Some(chain) = self.chain.take() else { return };
        if chain.stage.get() != Stage::Unfired {
            return chain::drop_late(result, chain.created);
        }
        if debugging() {
            debugging::fired(&*chain);
        }
        let stretch = chain.head.as_any().downcast_ref::<Stretch<T>>();
        debug_assert!(stretch.is_some(), "a result of another type than was owed");
        match stretch {
            Some(stretch) => stretch.slot.put(result),
            None => chain.head.fail(Abandoned.into()),
        }
        chain::start(chain);
    }

    /// Fires the deferred with a failure.
    pub fn fail(mut self, failure: Failure) {
        if let Some(chain) = self.chain.take() {
            chain::fail(chain, failure);
        }
    }
}

impl Drop for OwedPromise {
    #[inline]
    fn drop(&mut self) {
        if let Some(chain) = self.chain.take() {
            chain::abandon(chain);
        }
    }
}

impl fmt::Debug for OwedPromise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let created = self.chain.as_ref().map(|chain| chain.created.to_string());
        f.debug_struct("OwedPromise").field("created", &created).finish()
    }
}
