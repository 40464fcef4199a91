//! Where this thread stands: the pool that it works for, and the job that it is in.
//!
//! A thread-local slot, filled for as long as the thread belongs to a pool. So a job needs no
//! argument to learn whether it is wanted, code outside of a pool may ask the same questions, and
//! a pool knows its own threads.

use std::cell::RefCell;
use std::iter;
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
    /// The job that waits for what this thread does: it is in a hook of that job.
    waiting: Option<Arc<dyn Run>>,
    /// Where the thread stands besides: inside of a job it may run those of a pool without threads.
    outer: Option<Arc<Self>>,
}

impl Place {
    pub(crate) fn new(shared: &Arc<Shared>, seat: Option<&Arc<Seat>>) -> Self {
        Self { shared: Arc::clone(shared), seat: seat.map(Arc::clone), waiting: None, outer: None }
    }

    fn is_of(&self, job: &Arc<dyn Run>) -> bool {
        let running = self.seat.as_ref().and_then(|seat| seat.job());
        running.iter().chain(&self.waiting).any(|own| Arc::ptr_eq(own, job))
    }

    /// This place, and those around it.
    fn and_outer(&self) -> impl Iterator<Item = &Self> {
        iter::successors(Some(self), |place| place.outer.as_deref())
    }
}

/// Fills the slot for good, on a thread of a pool.
pub(crate) fn enter(place: Place) {
    leave_for(Some(place));
}

/// Fills the slot for a time, and gives back what was in it, for [`leave_for`].
pub(crate) fn enter_inside(mut place: Place) -> Option<Place> {
    let before = current();
    place.outer = before.clone().map(Arc::new);
    leave_for(Some(place));
    before
}

/// Calls a hook of `job`: as long as this lasts, the thread counts as one of the pool, since the job
/// may wait for it. Apart from that it stands where it stood. `call` does not panic.
pub(crate) fn inside_hook<R>(job: &Arc<dyn Run>, call: impl FnOnce() -> R) -> R {
    let Some(shared) = job.header().pool() else { return call() };
    let before = current();
    let outer = before.as_ref().and_then(|place| place.outer.clone());
    let hook = Place { shared, seat: None, waiting: Some(Arc::clone(job)), outer };
    leave_for(Some(match before.clone() {
        Some(place) => Place { outer: Some(Arc::new(hook)), ..place },
        None => hook,
    }));
    let called = call();
    leave_for(before);
    called
}

/// Puts back what was in the slot.
pub(crate) fn leave_for(place: Option<Place>) {
    // `try_with`: a destructor of another thread-local may ask when ours is gone.
    drop(PLACE.try_with(|current| current.replace(place)));
}

/// The place of this thread, if it is one of a pool's.
pub(crate) fn current() -> Option<Place> {
    PLACE.try_with(|current| current.borrow().clone()).ok().flatten()
}

/// The job that runs on this thread.
pub(crate) fn current_job() -> Option<Arc<dyn Run>> {
    current()?.seat?.job()
}

/// True if this very job runs on this thread, or one that it has called does, or one of its hooks.
pub(crate) fn is_inside_job(job: &Arc<dyn Run>) -> bool {
    current().is_some_and(|place| place.and_outer().any(|place| place.is_of(job)))
}

/// True on the threads of this pool, its watch included, and in the hooks of its jobs.
pub(crate) fn is_inside(shared: &Arc<Shared>) -> bool {
    let inside = |place: &Place| place.and_outer().any(|it| Arc::ptr_eq(&it.shared, shared));
    PLACE.try_with(|current| current.borrow().as_ref().is_some_and(inside)).unwrap_or(false)
}
