//! Wake-ups from other threads: a list that the reactor thread empties.
//!
//! What travels here is a handle of a task, never its future: that one stays in
//! [`Tasks`], on the reactor thread. So a handle may be dropped on any thread,
//! for example when the reactor is gone.
//!
//! The first handle that enters an empty list also asks the reactor to come and empty it; those
//! that follow rely on that call. While the reactor is stopped the call is refused and handles stay
//! parked: each end of a run leaves a call for the beginning of the next one.
//!
//! *No wake-up is lost.* Let A be refused while B relies on A's call, and a new run begin meanwhile:
//! it opens the reactor and then empties the list. A clears `called` and then looks whether calls
//! are accepted. If they are, A calls again. If they are not, the opening, and with it the emptying,
//! comes after that look, and finds what B has put in before `called` was cleared; whoever puts
//! something in later makes a call of its own.
//!
//! **Lock rule:** nothing is dropped and nobody is called while the list is locked.

use crate::tasks::Tasks;
use async_task::Runnable;
use ropewalk_reactor::ReactorHandle;
use std::mem::{replace, take};
use std::sync::{Mutex, MutexGuard, PoisonError};

pub(crate) struct Wakes {
    handle: ReactorHandle,
    parked: Mutex<Parked>,
}

#[derive(Default)]
struct Parked {
    runnables: Vec<Runnable>,
    /// Somebody makes sure that the list will be emptied.
    called: bool,
    /// The reactor has been dropped; nobody will ever empty the list again.
    gone: bool,
}

impl Wakes {
    pub(crate) fn new(handle: ReactorHandle) -> Self {
        Self { handle, parked: Mutex::default() }
    }

    /// Hands in a task that is to run. Any thread.
    pub(crate) fn hand_in(&self, runnable: Runnable) {
        let mut parked = self.lock();
        if parked.gone {
            drop(parked);
            drop(runnable);
            return;
        }
        parked.runnables.push(runnable);
        let mut called = replace(&mut parked.called, true);
        drop(parked);
        while !called && self.handle.call_from_thread(Tasks::take_parked).is_err() {
            self.lock().called = false;
            if !self.handle.accepts_calls() {
                return;
            }
            let mut parked = self.lock();
            called = parked.runnables.is_empty() || replace(&mut parked.called, true);
        }
    }

    /// Empties the list.
    pub(crate) fn take(&self) -> Vec<Runnable> {
        let mut parked = self.lock();
        parked.called = false;
        take(&mut parked.runnables)
    }

    /// Empties the list for the last time.
    pub(crate) fn close(&self) -> Vec<Runnable> {
        let mut parked = self.lock();
        parked.gone = true;
        take(&mut parked.runnables)
    }

    fn lock(&self) -> MutexGuard<'_, Parked> {
        self.parked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
