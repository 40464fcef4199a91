//! The life of one reactor, as all who use it share it.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use ropewalk_reactor::ReactorHandle;

use crate::plan::DRIVERS;

/// The seat of the thread on which the reactors live, after those of the drivers.
pub(crate) const LOOPER: usize = DRIVERS;

#[derive(Debug)]
pub(crate) struct Life {
    pub(crate) handle: ReactorHandle,
    /// Somebody is about to end a run of it: from then on calls may be refused.
    may_refuse: AtomicBool,
    /// Somebody is about to crash it, or to drop it: calls may be dropped unrun.
    may_drop: AtomicBool,
    /// Its owner has dropped it: it refuses each call.
    is_gone: AtomicBool,
    /// Somebody has held it: its shutdown may pass the deadline.
    pub(crate) was_held: AtomicBool,
    /// The number of the last call that each thread has handed in, and that has run.
    handed_in: [AtomicU64; DRIVERS + 1],
    ran: [AtomicU64; DRIVERS + 1],
    pub(crate) soon_handed_in: AtomicU64,
    pub(crate) soon_ran: AtomicU64,
    words: AtomicU64,
    pub(crate) calls: AtomicU64,
    pub(crate) timers_set: AtomicU64,
    pub(crate) timers_fired: AtomicU64,
    pub(crate) timers_cancelled: AtomicU64,
    pub(crate) events: AtomicU64,
    /// Those that the reactor had to contain.
    pub(crate) panics: AtomicU64,
}

impl Life {
    pub(crate) fn new(handle: ReactorHandle) -> Self {
        Self {
            handle,
            may_refuse: AtomicBool::new(false),
            may_drop: AtomicBool::new(false),
            is_gone: AtomicBool::new(false),
            was_held: AtomicBool::new(false),
            handed_in: Default::default(),
            ran: Default::default(),
            soon_handed_in: AtomicU64::new(0),
            soon_ran: AtomicU64::new(0),
            words: AtomicU64::new(0),
            calls: AtomicU64::new(0),
            timers_set: AtomicU64::new(0),
            timers_fired: AtomicU64::new(0),
            timers_cancelled: AtomicU64::new(0),
            events: AtomicU64::new(0),
            panics: AtomicU64::new(0),
        }
    }

    /// The number of the call that the thread of `seat` hands in now.
    pub(crate) fn next_number(&self, seat: usize) -> u64 {
        self.handed_in[seat].fetch_add(1, Ordering::SeqCst) + 1
    }

    /// A call has begun to run; true if it is later than all of its thread before it.
    pub(crate) fn is_in_order(&self, seat: usize, number: u64) -> bool {
        self.ran[seat].swap(number, Ordering::SeqCst) < number
    }

    /// A number for each last word.
    pub(crate) fn next_word(&self) -> u64 {
        self.words.fetch_add(1, Ordering::SeqCst)
    }

    /// To be called before anything that ends a run.
    pub(crate) fn ending(&self) {
        self.may_refuse.store(true, Ordering::SeqCst);
    }

    pub(crate) fn may_refuse(&self) -> bool {
        self.may_refuse.load(Ordering::SeqCst)
    }

    /// To be called before a crash, or a drop.
    pub(crate) fn dropping(&self) {
        self.ending();
        self.may_drop.store(true, Ordering::SeqCst);
    }

    pub(crate) fn may_drop(&self) -> bool {
        self.may_drop.load(Ordering::SeqCst)
    }

    /// To be called when it has been dropped.
    pub(crate) fn gone(&self) {
        self.is_gone.store(true, Ordering::SeqCst);
    }

    pub(crate) fn is_gone(&self) -> bool {
        self.is_gone.load(Ordering::SeqCst)
    }
}
