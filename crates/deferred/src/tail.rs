//! The last stretch of a chain, to which the deferred at its end adds links.

use crate::Result;
use crate::chain::{Chain, ChainRef, Place, Stage};
use crate::context::capture_context;
use crate::held::{self, Held};
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

    /// Adds a link at the end.
    pub(crate) fn push<U, F>(self, attached: Place, link: F) -> Tail<U>
    where
        U: 'static,
        F: FnOnce(Result<T>, Place) -> Held<U> + 'static,
    {
        match capture_context() {
            None => self.push_bare(attached, link),
            Some(context) => self.push_bare(attached, held::within(context, link)),
        }
    }

    fn push_bare<U, F>(self, attached: Place, link: F) -> Tail<U>
    where
        U: 'static,
        F: FnOnce(Result<T>, Place) -> Held<U> + 'static,
    {
        match same::<_, Tail<U>>(self) {
            Ok(tail) => {
                tail.stretch().links.push(attached, link);
                tail
            }
            Err(Some(tail)) => {
                let last = turn::add(tail.stretch(), attached, link);
                Tail::Turned(Turned { chain: tail.into_chain(), last })
            }
            Err(None) => Tail::Head(Chain::done(attached)),
        }
    }
}
