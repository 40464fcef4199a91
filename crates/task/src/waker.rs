//! The waker of a task, for which a task that nobody will wake needs no storage of its own.
//!
//! A task is polled with a spare waker. Only if the future has kept a clone of it, the waker stays
//! with the task; otherwise the next task is polled with the same one. It knows its task by name
//! only, and holds nothing of it, so that clones may be dropped on any thread and at any time.

use crate::claim::{Claim, TaskKey};
use crate::queue;
use crate::sync::{Ordering, fence};
use crate::wakes::Wakes;
use std::cell::RefCell;
use std::sync::Arc;
use std::task::{Wake, Waker};

/// How many wakers wait for the next task.
const SPARE: usize = 64;

/// A waker whose clones can be counted. Boxed, so that a task without one has not even its room.
pub(crate) struct TaskWaker(Box<Ends>);

struct Ends {
    shared: Arc<Shared>,
    waker: Waker,
}

struct Shared {
    claim: Claim,
    wakes: Arc<Wakes>,
}

impl TaskWaker {
    fn new(wakes: &Arc<Wakes>, key: TaskKey) -> Self {
        let shared = Arc::new(Shared { claim: Claim::new(key), wakes: Arc::clone(wakes) });
        Self(Box::new(Ends { waker: Waker::from(Arc::clone(&shared)), shared }))
    }

    pub(crate) fn waker(&self) -> &Waker {
        &self.0.waker
    }

    /// The task has left the queue and is to be polled.
    pub(crate) fn begin_poll(&self) {
        self.0.shared.claim.lower();
    }

    /// Nobody else has a clone, nor can anybody come to one.
    ///
    /// A clone is made from a clone, and those made from ours were made before the poll returned.
    /// So a count that is too old can only be too high.
    fn is_sole(&self) -> bool {
        let sole = Arc::strong_count(&self.0.shared) == 2;
        // What the last user of a clone did, he did before this.
        fence(Ordering::Acquire);
        sole
    }
}

impl Wake for Shared {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if let Some(key) = self.claim.raise() {
            match queue::here(&self.wakes) {
                Some(queue) => queue.push(key),
                None => self.wakes.hand_in(key),
            }
        }
    }
}

/// Wakers that no task has.
#[derive(Default)]
pub(crate) struct Spare(RefCell<Vec<TaskWaker>>);

impl Spare {
    /// A waker for a task that has none, and so is woken by nobody else.
    pub(crate) fn give(&self, wakes: &Arc<Wakes>, key: TaskKey) -> TaskWaker {
        let spare = self.0.borrow_mut().pop();
        match spare {
            Some(spare) => {
                spare.0.shared.claim.give_to(key);
                spare
            }
            None => TaskWaker::new(wakes, key),
        }
    }

    /// Takes back a waker after a poll, unless somebody keeps a clone.
    pub(crate) fn take_back(&self, waker: TaskWaker) -> Option<TaskWaker> {
        if !waker.is_sole() {
            return Some(waker);
        }
        let mut spare = self.0.borrow_mut();
        if spare.len() < SPARE {
            spare.push(waker);
        }
        None
    }
}
