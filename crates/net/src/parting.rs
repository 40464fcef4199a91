//! The last that is heard of a value of the application: one more call, and its drop. Of a waker, which
//! may belong to anybody's executor, it is being woken.
//!
//! Each may panic, and both may. A drop that panics while another panic unwinds through it ends the
//! process, which a contained panic must not: so here each has an unwinding of its own.

use crate::events::tell;
use ropewalk_deferred::Panicked;
use std::any::Any;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::task::Waker;

type Payload = Box<dyn Any + Send>;

/// Makes the last call, and drops the value. The first panic; a second one is only reported.
pub(crate) fn part_with<T: ?Sized>(
    mut value: Box<T>,
    location: &'static Location<'static>,
    last_call: impl FnOnce(&mut T),
) -> Result<(), Payload> {
    let called = catch_unwind(AssertUnwindSafe(|| last_call(&mut value)));
    if called.is_ok() {
        return catch_unwind(AssertUnwindSafe(|| drop(value)));
    }
    drop_alone(value, location);
    called
}

/// Wakes all of them, also if one panics. The first panic; others are only reported.
pub(crate) fn wake_each(
    wakers: impl IntoIterator<Item = Waker>,
    location: &'static Location<'static>,
) -> Result<(), Payload> {
    let mut first = Ok(());
    for waker in wakers {
        let woken = catch_unwind(AssertUnwindSafe(|| waker.wake()));
        match woken {
            Err(payload) if first.is_err() => {
                report(payload, location, "a waker panicked beside another one");
            }
            Err(payload) => first = Err(payload),
            Ok(()) => {}
        }
    }
    first
}

/// Drops the value where a panic has nowhere to go, because another one is on its way or because
/// the reactor is being dropped: it is only reported.
pub(crate) fn drop_alone<T>(value: T, location: &'static Location<'static>) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(|| drop(value))) {
        report(payload, location, "the drop of a value of the application panicked");
    }
}

/// Says what panicked. The payload, whose drop may do so once more, goes no further.
pub(crate) fn report(payload: Payload, location: &'static Location<'static>, what: &str) {
    let panicked = Panicked::from_payload(payload, location);
    let panic = panicked.message();
    tell(|| tracing::error!(%location, panic, "{what}"));
}
