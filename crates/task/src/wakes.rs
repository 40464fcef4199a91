//! Wake-ups from other threads.
//!
//! What travels here is a handle of a task, never its future: that one stays in [`Tasks`], on the
//! reactor thread. So a handle may be dropped on any thread, for example when the reactor is gone.

use crate::parked::Parked;
use crate::tasks::Tasks;
use async_task::Runnable;
use ropewalk_reactor::ReactorHandle;

pub(crate) struct Wakes {
    handle: ReactorHandle,
    parked: Parked<Runnable>,
}

impl Wakes {
    pub(crate) fn new(handle: ReactorHandle) -> Self {
        Self { handle, parked: Parked::new() }
    }

    /// Hands in a task that is to run. Any thread.
    pub(crate) fn hand_in(&self, runnable: Runnable) {
        let refused = self.parked.put(runnable, || {
            // While the reactor is stopped this fails: the next run begins by emptying the list.
            let _ = self.handle.call_from_thread(Tasks::take_parked);
        });
        // The reactor is gone, and with it the future: what drops here is the empty half.
        drop(refused);
    }

    pub(crate) fn take(&self) -> Vec<Runnable> {
        self.parked.take()
    }

    pub(crate) fn close(&self) -> Vec<Runnable> {
        self.parked.close()
    }
}
