//! Chains that wait for one another.
//!
//! A chain *waits* while a deferred that one of its callbacks returned has no result, or if its
//! promise was given away for another chain; that other chain, its *source*, then *forwards* its
//! result. Whoever waits is owned by its source and knows it weakly.

use crate::Result;
use crate::chain::{self, Chain, ChainRef, Stage};
use crate::end::Kept;
use crate::error::WaitsForItself;
use crate::stretch::{AnyStretch, Stretch};
use crate::tail::Tail;
use std::rc::Rc;

/// Whose result this chain waits for, if it waits for another chain.
pub(crate) fn source_of(chain: &ChainRef) -> Option<ChainRef> {
    let source = chain.source.take()?;
    let strong = source.upgrade();
    chain.source.set(Some(source));
    strong
}

/// Makes a running chain wait for `source`, whose deferred a callback returned.
pub(crate) fn wait(chain: &ChainRef, source: ChainRef) -> Result<(), WaitsForItself> {
    if closes_circle(chain, &source) {
        source.claimed.set(false);
        return Err(WaitsForItself);
    }
    if chain.handles.get() == 0 && chain.is_empty() {
        // Nothing will happen here any more. Cutting this chain out is what lets a callback return
        // a deferred whose callback returns a deferred, for ever, in constant memory.
        if let Some(target) = chain.forward.take() {
            chain.stage.set(Stage::Done);
            if expects(&target, chain) {
                connect(&source, target);
            } else {
                hand_over(&source, target);
            }
            return Ok(());
        }
        if !chain.claimed.get() {
            chain.stage.set(Stage::Done);
            source.claimed.set(false);
            // A callback returned it: somebody counts on it, or has given up this one by its drop.
            source.bare.set(false);
            source.given_up.set(chain.given_up.get());
            source.forget_waker();
            return Ok(());
        }
    }
    chain.stage.set(Stage::Waiting);
    connect(&source, Rc::clone(chain));
    Ok(())
}

/// Makes the result of `source` fire `target`, whose promise was given for it.
pub(crate) fn forward(source: &ChainRef, target: ChainRef) {
    if target.stage.get() != Stage::Unfired {
        hand_over(source, target);
    } else if closes_circle(&target, source) {
        source.claimed.set(false);
        chain::fail(target, WaitsForItself.into());
    } else {
        connect(source, target);
    }
}

fn connect(source: &ChainRef, target: ChainRef) {
    target.source.set(Some(Rc::downgrade(source)));
    hand_over(source, target);
}

/// Gives the end of `source` to `target`, which need not wait for it: if it was cancelled meanwhile
/// it may wait for something else, and then the result is dropped when it comes, failure or not.
fn hand_over(source: &ChainRef, target: ChainRef) {
    source.claimed.set(false);
    source.forward.set(Some(target));
    source.forget_waker();
}

/// Whether `target` waits for the result of `source`.
pub(crate) fn expects(target: &ChainRef, source: &ChainRef) -> bool {
    source_of(target).is_some_and(|expected| Rc::ptr_eq(&expected, source))
}

/// Whether `chain` must not wait for `source`, because `source` already waits for `chain`.
///
/// Looks from both ends in turn and stops at the nearer one, so that a deep pile of waiting chains
/// may grow at either end at no cost.
fn closes_circle(chain: &ChainRef, source: &ChainRef) -> bool {
    let (mut below, mut above) = (Rc::clone(source), Rc::clone(chain));
    loop {
        if Rc::ptr_eq(&below, chain) || Rc::ptr_eq(&above, source) {
            return true;
        }
        let Some(next) = source_of(&below) else { return false };
        below = next;
        let Some(next) = awaited_by(&above) else { return false };
        above = next;
    }
}

/// The chain that waits for the result of this one: not one that was cancelled meanwhile.
fn awaited_by(chain: &ChainRef) -> Option<ChainRef> {
    let target = chain.forward.take();
    chain.forward.set(target.clone());
    target.filter(|target| expects(target, chain))
}

/// A deferred that a callback returned stands for the one before it from here on: something was
/// attached to that, what its drop means was said there, and nobody awaits this one any more.
#[cold]
pub(crate) fn hand_on(chain: &Chain<dyn AnyStretch>, of: Kept) {
    chain.bare.set(false);
    chain.on_drop.set(of.on_drop);
    chain.forget_waker();
}

/// A chain that waits for `source`, whose handles stand for that one alone.
#[cold]
pub(crate) fn behind<U: 'static>(source: ChainRef, of: Kept) -> Tail<U> {
    let chain = Chain::<Stretch<U>>::new(of.created, None);
    chain.bare.set(false);
    chain.on_drop.set(of.on_drop);
    forward(&source, Rc::clone(&chain) as ChainRef);
    Tail::Head(chain)
}
