//! What a callback has given: a result, or a chain that will have it.
//!
//! What an [`Outcome`](crate::Outcome) comes down to. It has no drop of its own, so that a result
//! passes from a callback to the next one without the cost of a `Deferred` between them.

use crate::Result;
use crate::chain::ChainRef;

/// The insides of a `Deferred` that has been given away.
pub(crate) enum Held<T> {
    Ready(Result<T>),
    Waiting(ChainRef),
}

/// [`Held`], for a signature that is public and that nobody else can use.
#[expect(unnameable_types, reason = "only this crate knows what to do with one")]
#[expect(missing_debug_implementations, reason = "nobody ever sees one")]
pub struct Given<T>(pub(crate) Held<T>);
