//! Wake-ups from other threads.
//!
//! What travels here is the name of a task, never its future: that one stays in
//! [`Tasks`](crate::tasks::Tasks), on the reactor thread.
//!
//! They do not come as calls do, which a reactor refuses between two runs: a bell is rung for them,
//! which the next turn hears, in whatever it is made.

use crate::claim::TaskKey;
use crate::parked::Parked;
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
        let _ = self.parked.put(key, || self.handle.ring());
    }

    pub(crate) fn take(&self) -> Vec<TaskKey> {
        self.parked.take()
    }

    pub(crate) fn close(&self) {
        self.parked.close();
    }
}
