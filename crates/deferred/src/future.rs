//! A deferred as a future, for code that prefers to `await` it.
//!
//! The waker is user code: it is swapped in and out of its cell and neither cloned, woken nor
//! dropped while anything of ours is borrowed.

use crate::chain::{self, Stage};
use crate::end::{OnDrop, State};
use crate::{Deferred, Result};
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

// Nothing points into a deferred, pinned or not.
impl<T> Unpin for Deferred<T> {}

impl<T> Future for Deferred<T> {
    type Output = Result<T>;

    /// # Panics
    ///
    /// If polled again after it was ready.
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<T>> {
        match self.state.replace(State::taken()) {
            State::Ready(ready) => Poll::Ready(ready.take().0),
            State::Chained(end) => match end.take() {
                Some((chain, tail)) if chain.stage.get() == Stage::Settled => {
                    Poll::Ready(chain::take_settled(&chain, &tail))
                }
                Some((chain, tail)) => {
                    let waker = context.waker();
                    let known = chain.waker.take().filter(|known| known.will_wake(waker));
                    chain.waker.set(Some(known.unwrap_or_else(|| waker.clone())));
                    // From here on somebody awaits it, and futures are cancelled by their drop.
                    chain.on_drop.set(OnDrop::Cancel);
                    self.state.set(State::chained(chain, tail));
                    Poll::Pending
                }
                None => panic!("a Deferred was polled after it had given its result"),
            },
        }
    }
}
