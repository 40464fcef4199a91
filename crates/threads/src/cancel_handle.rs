//! What cancels an [`Eventual`](crate::Eventual) that is somewhere else.
//!
//! The type of the answer is erased, so that one list may hold the handles of many. That costs an
//! allocation, and only who asks for a handle has it: the slot of an answer knows of none.

use crate::reply::{Question, cancel};
use crate::slot::{SharedSlot, Slot};
use ropewalk_deferred::Result;
use ropewalk_reactor::ReactorHandle;
use std::fmt;
use std::panic::{Location, RefUnwindSafe, UnwindSafe};
use std::sync::Arc;

/// Cancels an [`Eventual`](crate::Eventual) that has been moved elsewhere: to the thread that waits
/// for it, or into a future.
///
/// Made by [`Eventual::canceller`](crate::Eventual::canceller). It keeps neither the answer nor the
/// reactor alive, and does nothing once there was an answer. Dropping it does nothing either.
///
/// # Threads
///
/// Any thread, the reactor's too: unlike the [`CancelHandle`](ropewalk_deferred::CancelHandle) of a
/// `Deferred` it is `Send` and `Sync`.
///
/// # Examples
///
/// ```
/// use ropewalk_deferred::Cancelled;
/// use ropewalk_reactor::Reactor;
/// use ropewalk_threads::{EventualCancelHandle, HandleThreads as _};
///
/// let reactor = Reactor::new()?;
/// let number = reactor.handle().eventually(|_| -> ropewalk_deferred::Result<u32> { unreachable!() });
/// let text = reactor.handle().eventually(|_| Ok(String::new()));
/// // Of whatever type the answers are.
/// let cancellers: [EventualCancelHandle; 2] = [number.canceller(), text.canceller()];
/// cancellers[0].cancel();
/// reactor.stop();
/// reactor.run().unwrap();
/// cancellers[1].cancel(); // too late
/// assert!(number.wait().unwrap_err().is::<Cancelled>());
/// assert_eq!(text.wait().unwrap(), "");
/// # std::io::Result::Ok(())
/// ```
#[derive(Clone)]
pub struct EventualCancelHandle(Arc<dyn Asked>);

impl EventualCancelHandle {
    pub(crate) fn new<T: Send + 'static>(
        slot: &SharedSlot<Result<T>, Question>,
        handle: &ReactorHandle,
    ) -> Self {
        Self(Arc::new(Call { slot: SharedSlot::clone(slot), handle: handle.clone() }))
    }

    /// The answer is not wanted any more, as [`Eventual::cancel`](crate::Eventual::cancel) says.
    ///
    /// A call that has not begun never runs, and a `Deferred` that is waited for is cancelled; with
    /// that the reactor gives the answer, `Cancelled`, to whoever waits. It waits for nothing itself.
    /// A closure that runs is not interrupted: if it returns a `Deferred`, that is cancelled, and
    /// what else it returns is the answer.
    ///
    /// # Threads
    ///
    /// Any thread.
    #[track_caller]
    pub fn cancel(&self) {
        self.0.cancel(Location::caller());
    }
}

// As an `Eventual` has it: a panic of whoever holds the handle leaves nothing behind it half-done.
impl UnwindSafe for EventualCancelHandle {}
impl RefUnwindSafe for EventualCancelHandle {}

impl fmt::Debug for EventualCancelHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.describe(f.debug_struct("EventualCancelHandle"))
    }
}

/// A call, whatever its answer is.
trait Asked: Send + Sync {
    fn cancel(&self, location: &'static Location<'static>);

    fn describe(&self, text: fmt::DebugStruct<'_, '_>) -> fmt::Result;
}

struct Call<T> {
    slot: SharedSlot<Result<T>, Question>,
    handle: ReactorHandle,
}

impl<T: Send> Asked for Call<T> {
    fn cancel(&self, location: &'static Location<'static>) {
        cancel(&self.slot, &self.handle, location);
    }

    fn describe(&self, text: fmt::DebugStruct<'_, '_>) -> fmt::Result {
        describe(text, &self.slot)
    }
}

/// Where it was asked for, and whether that was answered.
pub(crate) fn describe<T, N>(mut text: fmt::DebugStruct<'_, '_>, slot: &Slot<T, N>) -> fmt::Result {
    let answered = !slot.is_open();
    text.field("asked_at", &format_args!("{}", slot.location()))
        .field("answered", &answered)
        .finish()
}
