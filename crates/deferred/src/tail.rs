//! The last stretch of a chain, to which the deferred at its end adds links.

use crate::Result;
use crate::chain::{Chain, ChainRef, Place, Stage};
use crate::held::Held;
use crate::same::same;
use crate::stretch::{AnyStretch, Stretch};
use crate::turn;
use std::rc::Rc;

/// A chain, and the stretch with which it ends.
pub(crate) enum Tail<T: 'static> {
    Head(Head<T>),
    Turned(Turned<T>),
}

/// A chain with one stretch, as most have: all of its links give the same type.
pub(crate) type Head<T> = Rc<Chain<Stretch<T>>>;

/// A chain that ends with the stretch of its last turn.
pub(crate) struct Turned<T: 'static> {
    pub(crate) chain: ChainRef,
    pub(crate) last: Rc<dyn HasStretch<T>>,
}

/// What has a stretch with results of this type.
pub(crate) trait HasStretch<T: 'static> {
    fn stretch(&self) -> &Stretch<T>;
}

impl<T: 'static> Tail<T> {
    #[inline]
    pub(crate) fn chain(&self) -> &Chain<dyn AnyStretch> {
        match self {
            Self::Head(chain) => &**chain,
            Self::Turned(turned) => &turned.chain,
        }
    }

    /// The chain, to share it.
    pub(crate) fn share(&self) -> ChainRef {
        match self {
            Self::Head(chain) => Rc::clone(chain) as ChainRef,
            Self::Turned(turned) => Rc::clone(&turned.chain),
        }
    }

    #[inline]
    pub(crate) fn into_chain(self) -> ChainRef {
        match self {
            Self::Head(chain) => chain,
            Self::Turned(turned) => turned.chain,
        }
    }

    /// Takes the result, if it has come.
    #[inline]
    pub(crate) fn into_held(self) -> Held<T> {
        if self.chain().stage.get() == Stage::Settled {
            Held::Ready(self.take_settled())
        } else {
            Held::Waiting(self)
        }
    }

    /// Takes the result, which has come.
    #[inline]
    pub(crate) fn take_settled(&self) -> Result<T> {
        self.chain().stage.set(Stage::Done);
        self.stretch().slot.take()
    }

    #[inline]
    fn stretch(&self) -> &Stretch<T> {
        match self {
            Self::Head(chain) => &chain.head,
            Self::Turned(turned) => turned.last.stretch(),
        }
    }

    /// Adds a link, or a turn, at the end.
    pub(crate) fn push<U, F>(self, attached: Place, link: F) -> Tail<U>
    where
        U: 'static,
        F: FnOnce(Result<T>, Place) -> Held<U> + 'static,
    {
        match self {
            Self::Head(chain) => push_to_head(chain, attached, link),
            Self::Turned(turned) => Tail::Turned(turned.push(attached, link)),
        }
    }
}

/// Adds a link, or a turn, to a chain of one stretch.
#[inline(always)]
pub(crate) fn push_to_head<T, U, F>(chain: Head<T>, attached: Place, link: F) -> Tail<U>
where
    T: 'static,
    U: 'static,
    F: FnOnce(Result<T>, Place) -> Held<U> + 'static,
{
    match same(chain) {
        Ok(chain) => {
            let chain: Head<U> = chain;
            chain.head.links.push(attached, link);
            Tail::Head(chain)
        }
        Err(Some(chain)) => {
            let last = turn::add(&chain.head, attached, link);
            Tail::Turned(Turned { chain, last })
        }
        Err(None) => Tail::Head(Chain::done(attached)),
    }
}

impl<T: 'static> Turned<T> {
    /// Adds a link, or another turn, at the end.
    #[inline(always)]
    pub(crate) fn push<U, F>(self, attached: Place, link: F) -> Turned<U>
    where
        U: 'static,
        F: FnOnce(Result<T>, Place) -> Held<U> + 'static,
    {
        let Self { chain, last } = self;
        Turned { chain, last: turn::push(last, attached, link) }
    }
}
