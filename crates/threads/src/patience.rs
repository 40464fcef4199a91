//! How long a wait for an answer may last: as long as was asked for, and in a callback no longer than
//! the stop of its reactor lets it.

use crate::slot::Taker;
use ropewalk_reactor::Haste;
use ropewalk_threadpool::blocking;
use std::time::Instant;

/// What has ended a wait without an answer.
pub(crate) enum Limit {
    /// The one that was asked for.
    Own,
    /// That of the reactor in whose callback this is, which is to stop.
    Stop,
}

/// Waits for an answer, as [`Taker::wait`] gives it.
pub(crate) fn wait<T, N>(
    taker: &Taker<T, N>,
    deadline: Option<Instant>,
) -> Result<Option<T>, Limit> {
    blocking(|| {
        let Some(haste) = Haste::of_current() else {
            let Some(_) = deadline else { return Ok(taker.wait()) };
            return taker.wait_until(|| deadline).ok_or(Limit::Own);
        };
        let of_both = || match (haste.limit(), deadline) {
            (Some(stop), Some(deadline)) => Some(stop.min(deadline)),
            (stop, deadline) => stop.or(deadline),
        };
        taker.wait_until(of_both).ok_or_else(|| match (haste.limit(), deadline) {
            (None, _) => Limit::Own,
            (Some(stop), Some(deadline)) if deadline < stop => Limit::Own,
            (Some(_), _) => Limit::Stop,
        })
    })
}
