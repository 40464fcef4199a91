//! The end of a job that does nothing more than hand over what came out of it.
//!
//! Who gets the result may submit the next job before the worker is back at the queue, and does so
//! where the result has another thread run at once. If that worker still counted as busy, another
//! would be woken for the job: two workers would take turns, each woken for a job that the other one
//! was about to have, and the threads would be spread over cores that have to be woken, too. So a
//! worker that is at its last job says before it hands over that it is coming; what is submitted
//! from then on waits for it.

use std::cell::Cell;
use std::sync::Arc;

use crate::chores::Chores;
use crate::seat::Seat;
use crate::shared::Shared;

/// A worker at its jobs, as these see it.
pub(crate) struct Site<'a> {
    shared: &'a Arc<Shared>,
    seat: &'a Seat,
    is_ending: Cell<bool>,
}

impl<'a> Site<'a> {
    pub(crate) fn new(shared: &'a Arc<Shared>, seat: &'a Seat) -> Self {
        Self { shared, seat, is_ending: Cell::new(false) }
    }

    pub(crate) fn shared(&self) -> &'a Arc<Shared> {
        self.shared
    }

    pub(crate) fn seat(&self) -> &'a Seat {
        self.seat
    }

    /// The job that runs will not wait for anything any more, nor run code of a user's: lets the pool
    /// count on its worker, if there is no other job in its batch.
    pub(crate) fn begin_to_end(&self) {
        if self.shared.config.is_manual() || self.seat.has_more() {
            return;
        }
        self.is_ending.set(true);
        let mut core = self.shared.core();
        core.state.begin_to_end();
        self.shared.agree(&mut core, false);
    }

    /// There is something to do after all that may take its time.
    pub(crate) fn go_on(&self) {
        if !self.take_ending() {
            return;
        }
        let mut chores = Chores::default();
        let mut core = self.shared.core();
        core.state.end_to_end();
        self.shared.advance(&mut core, &mut chores, false);
        drop(core);
        self.shared.finish(chores);
    }

    /// Whether the worker counts as one that is coming, which is the caller's to take back.
    pub(crate) fn take_ending(&self) -> bool {
        self.is_ending.take()
    }
}
