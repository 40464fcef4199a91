//! The insides of a deferred: a result that is there, or the end of a chain that will have it.
//!
//! What the drop of a deferred does belongs to these and not to the deferred itself. So it can be
//! taken apart without a trace, and on its way from one `add_` method to the next it need not even
//! be in memory, which is half of the cost of a callback. For the same reason everything here is
//! passed by value, also to what is seldom called.

use crate::chain::{Chain, Place, Stage};
use crate::direct::Direct;
use crate::held::Held;
use crate::stretch::AnyStretch;
use crate::tail::{Head, Tail, Turned};
use crate::unhandled::{self, Origin};
use crate::{Result, ResultTaken, cancel, trampoline};

pub(crate) enum State<T: 'static> {
    /// The result is here.
    Ready(Ready<T>),
    /// The result is to come, or has come and lies in the chain, which has one stretch.
    Head(End<Head<T>>),
    /// Likewise, and the chain has several.
    Turned(End<Turned<T>>),
    /// The result is to come, or has come, and there is no chain.
    Direct(Direct<T>),
}

/// A result, and the place where its chain was created.
pub(crate) struct Ready<T: 'static> {
    /// Taken by who takes care of it.
    result: Option<Result<T>>,
    pub(crate) of: Kept,
}

/// What a result that is there keeps of its chain.
#[derive(Clone, Copy)]
pub(crate) struct Kept {
    /// Where the chain was created.
    pub(crate) created: Place,
    /// There is nothing to cancel now, but it may come to wait again.
    pub(crate) on_drop: OnDrop,
}

/// What the drop of a deferred means for what it waits for.
///
/// As large as a word: in whatever has a byte in it, the rest of the word is moved in two pieces,
/// and reading a word so soon after that costs more than the callback between them.
#[derive(Clone, Copy, Eq, PartialEq)]
#[repr(usize)]
pub(crate) enum OnDrop {
    RunOn,
    Cancel,
}

/// The claim to the result of a chain.
pub(crate) struct End<C: Claim> {
    /// Taken by who takes care of it.
    of: Option<C>,
}

/// Something that is not just dropped.
pub(crate) trait Claim {
    /// Nobody waits for it any more.
    fn leave(self);
}

impl<T> State<T> {
    #[inline]
    pub(crate) fn ready(result: Result<T>, of: Kept) -> Self {
        Self::Ready(Ready { result: Some(result), of })
    }

    #[inline]
    pub(crate) fn chained(tail: Tail<T>) -> Self {
        match tail {
            Tail::Head(chain) => Self::Head(End { of: Some(chain) }),
            Tail::Turned(turned) => Self::Turned(End { of: Some(turned) }),
        }
    }

    /// Given away.
    #[inline]
    pub(crate) fn taken() -> Self {
        Self::Head(End { of: None })
    }

    pub(crate) fn chain(&self) -> Option<&Chain<dyn AnyStretch>> {
        match self {
            Self::Ready(_) | Self::Direct(_) => None,
            Self::Head(end) => end.of.as_ref().map(|chain| &**chain as &Chain<dyn AnyStretch>),
            Self::Turned(end) => end.of.as_ref().map(|turned| &*turned.chain),
        }
    }

    pub(crate) fn is_taken(&self) -> bool {
        match self {
            Self::Ready(ready) => ready.result.is_none(),
            Self::Head(end) => end.of.is_none(),
            Self::Turned(end) => end.of.is_none(),
            Self::Direct(direct) => direct.is_taken(),
        }
    }

    pub(crate) fn set_on_drop(&mut self, on_drop: OnDrop) {
        match self {
            Self::Ready(ready) => ready.of.on_drop = on_drop,
            Self::Direct(direct) => direct.set_on_drop(on_drop),
            Self::Head(_) | Self::Turned(_) => {
                if let Some(chain) = self.chain() {
                    chain.on_drop.set(on_drop);
                }
            }
        }
    }

    /// Takes the result, or the chain that will have it.
    #[inline]
    pub(crate) fn into_held(self) -> Held<T> {
        match self {
            Self::Ready(ready) => Held::Ready(ready.take().0),
            Self::Head(end) => end.take().map_or_else(gone, |chain| Tail::Head(chain).into_held()),
            Self::Turned(end) => {
                end.take().map_or_else(gone, |turned| Tail::Turned(turned).into_held())
            }
            Self::Direct(direct) => direct.into_held(),
        }
    }
}

impl<T> Ready<T> {
    #[inline]
    pub(crate) fn take(mut self) -> (Result<T>, Kept) {
        (self.result.take().unwrap_or_else(nothing), self.of)
    }
}

impl<C: Claim> End<C> {
    #[inline]
    pub(crate) fn take(mut self) -> Option<C> {
        self.of.take()
    }

    pub(crate) fn get(&self) -> Option<&C> {
        self.of.as_ref()
    }
}

impl<T: 'static> Drop for Ready<T> {
    #[inline]
    fn drop(&mut self) {
        if let Some(result) = self.result.take() {
            lose(result, self.of.created);
        }
    }
}

impl<C: Claim> Drop for End<C> {
    #[inline]
    fn drop(&mut self) {
        if let Some(claim) = self.of.take() {
            claim.leave();
        }
    }
}

impl<T: 'static> Claim for Head<T> {
    #[cold]
    #[inline(never)]
    fn leave(self) {
        leave(Tail::Head(self));
    }
}

impl<T: 'static> Claim for Turned<T> {
    #[cold]
    #[inline(never)]
    fn leave(self) {
        leave(Tail::Turned(self));
    }
}

/// What is taken a second time.
#[cold]
pub(crate) fn nothing<T>() -> Result<T> {
    Err(ResultTaken.into())
}

#[cold]
fn gone<T>() -> Held<T> {
    Held::Ready(nothing())
}

/// Nobody waits at the end of this chain any more.
fn leave<T: 'static>(tail: Tail<T>) {
    let chain = tail.chain();
    if chain.stage.get() == Stage::Settled {
        let origin = chain.origin();
        let_go(tail.take_settled(), origin);
        return;
    }
    chain.claimed.set(false);
    chain.forget_waker();
    if chain.on_drop.get() == OnDrop::Cancel {
        chain.given_up.set(true);
        cancel::request(tail.into_chain());
    }
}

/// Nobody wants a result that was there from the start. As small to call as can be: this stands
/// wherever a deferred may be dropped.
#[cold]
#[inline(never)]
fn lose<T: 'static>(result: Result<T>, created: Place) {
    let_go(result, Origin::of(created));
}

/// Nobody wants this result.
#[cold]
pub(crate) fn let_go<T: 'static>(result: Result<T>, origin: Origin) {
    match result {
        Ok(value) => trampoline::drop_value(value, origin.created),
        Err(failure) => unhandled::report(failure, origin),
    }
}
