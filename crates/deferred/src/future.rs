//! A deferred as a future, for code that prefers to `await` it.
//!
//! The waker is user code: it is swapped in and out of its cell and neither cloned, woken nor
//! dropped while anything of ours is borrowed.

use crate::chain::{Chain, Stage};
use crate::end::{OnDrop, State};
use crate::held::Held;
use crate::stretch::AnyStretch;
use crate::{Deferred, Result};
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

// Nothing points into a deferred, pinned or not.
impl<T> Unpin for Deferred<T> {}

impl<T> Future for Deferred<T> {
    type Output = Result<T>;

    /// # Panics
    ///
    /// If polled again after it was ready.
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<T>> {
        if let Some(chain) = self.chain() {
            if chain.stage.get() != Stage::Settled {
                chain.await_with(context.waker());
            }
            // Wakers are user code, and may have fired it.
            if chain.stage.get() != Stage::Settled {
                return Poll::Pending;
            }
        }
        match self.state.replace(State::taken()) {
            State::Direct(direct) => {
                let polled = direct.poll(context.waker());
                if polled.is_pending() {
                    self.state.set(State::Direct(direct));
                }
                polled
            }
            state if state.is_taken() => {
                panic!("a Deferred was polled after it had given its result")
            }
            state => match state.into_held() {
                Held::Ready(result) => Poll::Ready(result),
                Held::Waiting(tail) => {
                    self.state.set(State::chained(tail));
                    Poll::Pending
                }
            },
        }
    }
}

impl Chain<dyn AnyStretch> {
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
