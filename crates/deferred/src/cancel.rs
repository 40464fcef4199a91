//! Cancelling: one meaning, "cancel whatever this chain currently waits for".
//!
//! Follows waiting chains in a loop to the one whose promise is to be fired, asks its canceller,
//! and fails it if that did not fire it. The canceller is user code and runs with nothing held.

use crate::chain::{self, Canceller, ChainRef, Stage};
use crate::{Cancelled, Failure, panics, trampoline, waiting};
use std::fmt;
use std::rc::Rc;

/// Cancels a chain whose `Deferred` has been moved elsewhere.
///
/// It keeps no result alive and does nothing once everything has come to its end.
///
/// # Threads
///
/// The thread of the deferred only: it is neither `Send` nor `Sync`.
///
/// # Examples
///
/// ```
/// use ropewalk_deferred::{Cancelled, Deferred};
///
/// let (promise, deferred) = Deferred::<u32>::new();
/// let handle = deferred.canceller();
/// let doubled = deferred.map(|n| n * 2);
///
/// handle.cancel();
/// assert!(promise.is_cancelled());
/// assert!(doubled.try_take().unwrap().unwrap_err().is::<Cancelled>());
/// ```
pub struct CancelHandle {
    chain: ChainRef,
}

impl CancelHandle {
    pub(crate) fn new(chain: ChainRef) -> Self {
        chain.handles.set(chain.handles.get() + 1);
        Self { chain }
    }

    /// Cancels whatever the chain currently waits for, as
    /// [`Deferred::cancel`](crate::Deferred::cancel) does.
    pub fn cancel(&self) {
        request(Rc::clone(&self.chain));
    }
}

impl Clone for CancelHandle {
    fn clone(&self) -> Self {
        Self::new(Rc::clone(&self.chain))
    }
}

impl Drop for CancelHandle {
    fn drop(&mut self) {
        self.chain.handles.set(self.chain.handles.get() - 1);
    }
}

impl fmt::Debug for CancelHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CancelHandle").field("created", &self.chain.created).finish_non_exhaustive()
    }
}

/// Cancels now, or soon if cancellers are nested deeply.
pub(crate) fn request(chain: ChainRef) {
    trampoline::cancel(chain);
}

pub(crate) fn cancel(mut chain: ChainRef) {
    loop {
        let failure = match chain.stage.get() {
            Stage::Unfired if chain.asking.get() => None,
            Stage::Unfired => match chain.canceller.take() {
                Some(canceller) => ask(&chain, canceller),
                None => match waiting::source_of(&chain) {
                    Some(source) => {
                        chain = source;
                        continue;
                    }
                    None => Some(Cancelled.into()),
                },
            },
            Stage::Waiting => match waiting::source_of(&chain) {
                Some(source) => {
                    chain = source;
                    continue;
                }
                None => None,
            },
            Stage::Running | Stage::Settled | Stage::Done => None,
        };
        if let Some(failure) = failure {
            chain.cancelled.set(true);
            chain::fail(chain, failure);
        }
        return;
    }
}

/// Runs the canceller; the failure for the chain, unless it has been fired meanwhile.
fn ask(chain: &ChainRef, canceller: Canceller) -> Option<Failure> {
    // While it runs, a second cancel of the same chain changes nothing.
    chain.asking.set(true);
    let name = chain.name.get();
    let asked = panics::catch(chain.created, move || canceller.cancel(name));
    chain.asking.set(false);
    let panicked = asked.err();
    if chain.stage.get() == Stage::Unfired {
        return Some(panicked.map_or_else(|| Cancelled.into(), Failure::from));
    }
    if let Some(panicked) = panicked {
        let (created, message) = (chain.created, panicked.message());
        panics::tell(|| tracing::error!(%created, "a canceller panicked: {message}"));
    }
    None
}
