//! What a callback may return.
//!
//! Exactly three types, so that inference needs no help: with a single implementation for
//! `Result`, a closure that ends in a bare `Ok(x)` or uses `?` has but one possible error type.

use crate::held::{Given, Held};
use crate::{Deferred, Failure, Result};
use std::panic::Location;

mod sealed {
    use crate::{Deferred, Result};

    /// Keeps the three implementations the only ones.
    #[expect(unnameable_types, reason = "what cannot be named cannot be implemented elsewhere")]
    pub trait Sealed {}

    impl Sealed for () {}
    impl<U> Sealed for Result<U> {}
    impl<U: 'static> Sealed for Deferred<U> {}
}

/// What a callback may return: nothing, a result, or a [`Deferred`] with a result still to come.
///
/// A callback that has a plain value to hand on says `Ok(value)`, or is attached with
/// [`Deferred::map`]. One that uses `?` and ends in a deferred returns `Ok(deferred)`, and has a
/// [`flatten`](Deferred::flatten) behind it: the next callback would be given the inner deferred. Where
/// nothing can be attached, [`maybe_deferred`](crate::maybe_deferred) goes around it:
/// `maybe_deferred(|| { …?; Ok(deferred) }).flatten()`.
///
/// # Examples
///
/// ```
/// use ropewalk_deferred::Deferred;
///
/// let n = Deferred::succeed("17")
///     .add_callback(|text| Ok(text.parse::<u32>()?))
///     .add_callback(|n| Deferred::succeed(n + 1));
/// assert_eq!(n.try_take().unwrap()?, 18);
/// # Ok::<(), ropewalk_deferred::Failure>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "this closure cannot return `{Self}`",
    label = "this must be `()`, `Result<_, Failure>` or `Deferred<_>`",
    note = "a plain value: return `Ok(value)`, or use `map`, if there is one, in place of `add_callback`",
    note = "a `Result` with an error of its own: return `Ok(result?)`; `?` makes a `Failure` of any error",
    note = "a future: spawn it on the reactor, and return what that gives",
    note = "nothing, from a closure that never returns: say so with `|..| -> () {{ .. }}`",
    note = "an `async` block that never ends: give its loop the type that it would have, `(loop {{ .. }}) as Result<(), Failure>`, or make it an `async fn`"
)]
pub trait Outcome: sealed::Sealed {
    /// What the next callback receives.
    type Value: 'static;

    /// The outcome as a deferred.
    fn into_deferred(self) -> Deferred<Self::Value>;

    #[doc(hidden)]
    fn give(self) -> Given<Self::Value>;
}

impl Outcome for () {
    type Value = ();

    #[track_caller]
    fn into_deferred(self) -> Deferred<()> {
        Deferred::succeed(())
    }

    fn give(self) -> Given<()> {
        Given(Held::Ready(Ok(())))
    }
}

impl<U: 'static> Outcome for Result<U, Failure> {
    type Value = U;

    #[track_caller]
    fn into_deferred(self) -> Deferred<U> {
        Deferred::made(self, Location::caller())
    }

    fn give(self) -> Given<U> {
        Given(Held::Ready(self))
    }
}

impl<U: 'static> Outcome for Deferred<U> {
    type Value = U;

    fn into_deferred(self) -> Self {
        self
    }

    fn give(self) -> Given<U> {
        Given(self.into_held())
    }
}
