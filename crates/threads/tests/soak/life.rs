//! The life of one reactor, as all who use it share it.

use std::sync::atomic::{AtomicBool, Ordering};

use ropewalk_reactor::ReactorHandle;

#[derive(Debug)]
pub(crate) struct Life {
    pub(crate) handle: ReactorHandle,
    /// Which of the reactors of its time it is: callbacks wait without limit for later ones only.
    pub(crate) seat: usize,
    /// Its pool may refuse a job for want of room, or is in other hands.
    has_poor_pool: AtomicBool,
    /// Somebody is about to end a run of it: from then on calls may be refused.
    may_refuse: AtomicBool,
    /// Results that it waits for may come too late: its shutdown is cut short.
    may_lose: AtomicBool,
    /// Somebody is about to crash it, or to drop it: calls may be dropped unrun.
    may_drop: AtomicBool,
    /// Its owner has dropped it: it refuses each call.
    is_gone: AtomicBool,
}

impl Life {
    pub(crate) fn new(handle: ReactorHandle, seat: usize, is_hasty: bool) -> Self {
        Self {
            handle,
            seat,
            has_poor_pool: AtomicBool::new(false),
            may_refuse: AtomicBool::new(false),
            may_lose: AtomicBool::new(is_hasty),
            may_drop: AtomicBool::new(false),
            is_gone: AtomicBool::new(false),
        }
    }

    /// To be called before anything that ends a run.
    pub(crate) fn ending(&self) {
        self.may_refuse.store(true, Ordering::SeqCst);
    }

    pub(crate) fn may_refuse(&self) -> bool {
        self.may_refuse.load(Ordering::SeqCst)
    }

    /// To be called before a stop that waits for nothing.
    pub(crate) fn losing(&self) {
        self.ending();
        self.may_lose.store(true, Ordering::SeqCst);
    }

    pub(crate) fn may_lose(&self) -> bool {
        self.may_lose.load(Ordering::SeqCst)
    }

    /// To be called before a crash, or a drop.
    pub(crate) fn dropping(&self) {
        self.losing();
        self.may_drop.store(true, Ordering::SeqCst);
    }

    pub(crate) fn may_drop(&self) -> bool {
        self.may_drop.load(Ordering::SeqCst)
    }

    /// To be called before it is given a pool that may refuse or drop a job.
    pub(crate) fn risking(&self) {
        self.has_poor_pool.store(true, Ordering::SeqCst);
    }

    pub(crate) fn has_poor_pool(&self) -> bool {
        self.has_poor_pool.load(Ordering::SeqCst)
    }

    /// To be called when it has been dropped.
    pub(crate) fn gone(&self) {
        self.is_gone.store(true, Ordering::SeqCst);
    }

    pub(crate) fn is_gone(&self) -> bool {
        self.is_gone.load(Ordering::SeqCst)
    }
}
