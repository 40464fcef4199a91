//! Wake-ups from other threads.
//!
//! What travels here is the name of a task, never its future: that one stays in [`Tasks`], on the
//! reactor thread.

use crate::claim::TaskKey;
use crate::parked::Parked;
use crate::tasks::Tasks;
use ropewalk_reactor::ReactorHandle;

pub(crate) struct Wakes {
    handle: ReactorHandle,
    parked: Parked<TaskKey>,
}

impl Wakes {
    pub(crate) fn new(handle: ReactorHandle) -> Self {
        Self { handle, parked: Parked::new() }
    }

    /// Hands in a task that is to run. Any thread.
    pub(crate) fn hand_in(&self, key: TaskKey) {
        // Refused: the reactor is gone, and with it the future.
        let _ = self.parked.put(key, || {
            // While the reactor is stopped this fails: the next run begins by emptying the list.
            let _ = self.handle.call_from_thread(Tasks::take_parked);
        });
    }

    pub(crate) fn take(&self) -> Vec<TaskKey> {
        self.parked.take()
    }

    pub(crate) fn close(&self) {
        self.parked.close();
    }
}
