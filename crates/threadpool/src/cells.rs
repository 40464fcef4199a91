//! Empty cells of jobs, on their way back to those who submit.
//!
//! To free on one thread what another has allocated is what costs most of a tiny job. So workers
//! do not free the cells of the jobs that they have run: they leave them in the queue, a batch at a
//! time, and a submitting thread takes a batch along when it has the lock anyway. The next job of
//! the same type goes into such a cell; a cell of another type is freed, which is cheapest on the
//! thread that allocates.
//!
//! A cell holds nothing of a user any more, and its pool only weakly.

use std::sync::Arc;

use crate::job::Run;

/// Batches of cells that a queue keeps at most.
pub(crate) const KEPT_BATCHES: usize = 8;

/// Cells larger than this are freed at once.
const KEPT_SIZE: usize = 256;

/// Leaves those cells that are worth keeping.
pub(crate) fn sift(cells: &mut Vec<Arc<dyn Run>>) {
    cells.retain(|cell| size_of_val(&**cell) <= KEPT_SIZE);
}

#[cfg(not(loom))]
mod own {
    use std::cell::RefCell;
    use std::sync::Arc;

    use crate::job::Run;

    thread_local! {
        static CELLS: RefCell<Vec<Arc<dyn Run>>> = const { RefCell::new(Vec::new()) };
    }

    /// A cell of this thread's.
    pub(crate) fn take() -> Option<Arc<dyn Run>> {
        CELLS.try_with(|own| own.borrow_mut().pop()).ok().flatten()
    }

    /// Takes a batch along, if this thread has no cells; the empty vector that it had instead.
    pub(crate) fn refill(kept: &mut Vec<Vec<Arc<dyn Run>>>) -> Option<Vec<Arc<dyn Run>>> {
        let refill = |own: &RefCell<Vec<Arc<dyn Run>>>| {
            let mut own = own.borrow_mut();
            if own.is_empty() { Some(std::mem::replace(&mut *own, kept.pop()?)) } else { None }
        };
        // A thread that is ending goes without.
        CELLS.try_with(refill).ok().flatten()
    }
}

/// The cells of a model must not outlive it, and all its threads are one.
#[cfg(loom)]
mod own {
    use std::sync::Arc;

    use crate::job::Run;

    pub(crate) fn take() -> Option<Arc<dyn Run>> {
        None
    }

    pub(crate) fn refill(_: &mut Vec<Vec<Arc<dyn Run>>>) -> Option<Vec<Arc<dyn Run>>> {
        None
    }
}

pub(crate) use own::{refill, take};
