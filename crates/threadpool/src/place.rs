//! Where this thread stands: the pool that it works for, and the job that it is in.
//!
//! A thread-local slot, filled for as long as the thread belongs to a pool. So a job needs no
//! argument to learn whether it is wanted, code outside of a pool may ask the same questions, and
//! a pool knows its own threads.

use std::cell::RefCell;
use std::sync::Arc;

use crate::job::Run;
use crate::seat::Seat;
use crate::shared::Shared;
use crate::sync::thread_local;

thread_local! {
    static PLACE: RefCell<Option<Place>> = RefCell::default();
}

/// A thread's place in a pool.
#[derive(Clone)]
pub(crate) struct Place {
    pub(crate) shared: Arc<Shared>,
    /// None for the watching thread, which belongs to the pool but runs no jobs.
    pub(crate) seat: Option<Arc<Seat>>,
}

/// Fills the slot, and gives back what was in it.
pub(crate) fn enter(place: Option<Place>) -> Option<Place> {
    // `try_with`: a destructor of another thread-local may ask when ours is gone.
    PLACE.try_with(|current| current.replace(place)).ok().flatten()
}

/// The place of this thread, if it is one of a pool's.
pub(crate) fn current() -> Option<Place> {
    PLACE.try_with(|current| current.borrow().clone()).ok().flatten()
}

/// The job that runs on this thread.
pub(crate) fn current_job() -> Option<Arc<dyn Run>> {
    current()?.seat?.job()
}

/// True on the threads of this pool, its watch included.
pub(crate) fn is_inside(shared: &Arc<Shared>) -> bool {
    let inside = |place: &Place| Arc::ptr_eq(&place.shared, shared);
    PLACE.try_with(|current| current.borrow().as_ref().is_some_and(inside)).unwrap_or(false)
}
