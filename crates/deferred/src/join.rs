//! Deferreds of different types, waited for as one.
//!
//! The rule is that of gathering, all values or the first failure; only the values lie in a tuple
//! of cells instead of a list. What has to be spelt out for each number of members is in the one
//! macro at the end.

use crate::group::{Group, Kind};
use crate::{Cancelled, Deferred, FirstError, Result, panics};
use std::cell::Cell;
use std::panic::Location;

/// Waits for the values of all members of a tuple, or for the first failure.
///
/// `members` is a tuple of one to twelve [`Deferred`]s, each of a type of its own; the deferred
/// fires with the tuple of their values.
///
/// Cancelling cancels every member that has no result yet. After the first failure the other
/// members go on; what they bring is dropped, and their failures are reported as unhandled. For
/// any number of members of one type there is [`gather_results`](crate::gather_results).
///
/// # Threads
///
/// The thread of its members only.
///
/// # Errors
///
/// The deferred fails with [`FirstError`], which has the position and the failure of the member
/// that failed first.
///
/// # Examples
///
/// ```
/// use ropewalk_deferred::{Deferred, join};
///
/// let (promise, name) = Deferred::<&str>::new();
/// let both = join((name, Deferred::succeed(8007)));
/// promise.callback("localhost");
/// assert_eq!(both.try_take().unwrap()?, ("localhost", 8007));
/// # Ok::<(), ropewalk_deferred::Failure>(())
/// ```
#[track_caller]
pub fn join<M: Join>(members: M) -> Deferred<M::Values> {
    members.join()
}

mod sealed {
    /// Keeps the tuples the only ones.
    #[expect(unnameable_types, reason = "what cannot be named cannot be implemented elsewhere")]
    pub trait Sealed {}
}

/// What [`join`] takes: a tuple of one to twelve [`Deferred`]s.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be joined",
    label = "this must be a tuple of one to twelve `Deferred`s",
    note = "a `Vec`, an array or an iterator of `Deferred`s: use `gather_results`"
)]
pub trait Join: sealed::Sealed {
    /// The tuple of their values.
    type Values: 'static;

    #[doc(hidden)]
    fn join(self) -> Deferred<Self::Values>;
}

/// A tuple of cells, one for each value that is to come.
trait Slots: 'static {
    type Values: 'static;

    /// Takes all values, if all of them are there.
    fn take(&self) -> Option<Self::Values>;
    /// Drops the values that are there, each on its own.
    fn clear(&self, at: &'static Location<'static>);
}

fn arrived<S: Slots, T>(
    group: &Group<S, S::Values>,
    index: usize,
    result: Result<T>,
    slot: &Cell<Option<T>>,
) -> Result<()> {
    if group.is_decided() {
        return group.late(result);
    }
    match result {
        Ok(value) => {
            slot.set(Some(value));
            if group.pending() == 0 {
                group.slots.take().into_iter().for_each(|values| group.decide(Ok(values)));
            }
        }
        Err(failure) => {
            let by_cancel = failure.is::<Cancelled>();
            group.fail(FirstError::new(index, failure), by_cancel);
            group.slots.clear(group.created);
        }
    }
    Ok(())
}

/// Implements `Join` for a tuple: a type and a position for each member.
macro_rules! join {
    ($($T:ident $index:tt),+) => {
        impl<$($T: 'static),+> sealed::Sealed for ($(Deferred<$T>,)+) {}

        impl<$($T: 'static),+> Join for ($(Deferred<$T>,)+) {
            type Values = ($($T,)+);

            #[track_caller]
            fn join(self) -> Deferred<Self::Values> {
                let slots = ($(Cell::new(None::<$T>),)+);
                let group = Group::new(Kind::All, false, [$($index),+].len(), slots);
                $(group.add($index, self.$index, |group, index, result| {
                    arrived(group, index, result, &group.slots.$index)
                });)+
                group.start()
            }
        }

        impl<$($T: 'static),+> Slots for ($(Cell<Option<$T>>,)+) {
            type Values = ($($T,)+);

            fn take(&self) -> Option<Self::Values> {
                Some(($(self.$index.take()?,)+))
            }

            fn clear(&self, at: &'static Location<'static>) {
                $(panics::discard("dropping a result", at, self.$index.take());)+
            }
        }
    };
}

join!(A 0);
join!(A 0, B 1);
join!(A 0, B 1, C 2);
join!(A 0, B 1, C 2, D 3);
join!(A 0, B 1, C 2, D 3, E 4);
join!(A 0, B 1, C 2, D 3, E 4, F 5);
join!(A 0, B 1, C 2, D 3, E 4, F 5, G 6);
join!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7);
join!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8);
join!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9);
join!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9, K 10);
join!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9, K 10, L 11);
