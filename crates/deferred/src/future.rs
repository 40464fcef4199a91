//! A deferred as a future, for code that prefers to `await` it.
//!
//! The waker is user code: it is swapped in and out of its cell and neither cloned, woken nor
//! dropped while anything of ours is borrowed.

use crate::chain::{Chain, Stage};
use crate::end::{OnDrop, State};
use crate::held::Held;
use crate::stretch::AnyStretch;
use crate::{Deferred, Result, panics};
use std::future::Future;
use std::mem::replace;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

// Nothing points into a deferred, pinned or not.
impl<T> Unpin for Deferred<T> {}

impl<T> Future for Deferred<T> {
    type Output = Result<T>;

    /// # Panics
    ///
    /// If polled again after it was ready.
    #[inline]
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<T>> {
        match self.get_mut().state.get_mut() {
            State::Direct(direct) => direct.poll(context.waker()),
            state => poll_chain(state, context.waker()),
        }
    }
}

fn poll_chain<T>(state: &mut State<T>, waker: &Waker) -> Poll<Result<T>> {
    let chain = state.chain();
    if let Some(chain) = chain {
        if chain.stage.get() != Stage::Settled {
            chain.await_with(waker);
        }
        // Wakers are user code, and may have fired it.
        if chain.stage.get() != Stage::Settled {
            return Poll::Pending;
        }
    }
    match replace(state, State::taken()) {
        taken if taken.is_taken() => gone(),
        whole => match whole.into_held() {
            Held::Ready(result) => Poll::Ready(result),
            Held::Waiting(tail) => {
                *state = State::chained(tail);
                Poll::Pending
            }
        },
    }
}

/// What is polled again has nothing to give.
#[cold]
pub(crate) fn gone() -> ! {
    panic!("a Deferred was polled after it had given its result")
}

impl Chain<dyn AnyStretch> {
    /// Nobody awaits its result any more.
    pub(crate) fn forget_waker(&self) {
        if let Some(waker) = self.waker.take() {
            panics::discard("dropping a waker", self.created, waker);
        }
    }

    /// Wakes `waker` when the result is there, and cancels when the deferred is dropped: from here
    /// on somebody awaits it.
    fn await_with(&self, waker: &Waker) {
        self.on_drop.set(OnDrop::Cancel);
        let before = self.waker.take();
        if before.as_ref().is_some_and(|known| known.will_wake(waker)) {
            self.waker.set(before);
            return;
        }
        // Cloned and dropped while the deferred is whole: either may panic, or fire it.
        let after = waker.clone();
        self.waker.set(Some(after));
        drop(before);
    }
}
