//! The part of a shutdown that waits: for holds, and for the calls that came before they went.

use crate::clock;
use crate::error::{Lines, RunError};
use crate::panics;
use crate::reactor::Reactor;
use crate::triggers::SystemEvent;
use std::mem::replace;
use std::time::{Duration, Instant};

/// So often a shutdown begins anew to wait for calls after holds that it has not seen.
const SHORT_HOLDS: u32 = 100;

/// After this time the log says for whom the shutdown waits.
const PATIENCE: Duration = Duration::from_secs(1);

impl Reactor {
    /// Turns until nothing is held and the calls that came before that have run, or until the deadline.
    pub(crate) fn wait_for_holds(
        &self,
        events: &[SystemEvent],
        deadline: Instant,
    ) -> Result<(), RunError> {
        let core = &self.core;
        // A worker hands in its result before it drops its hold. So the calls that are here when
        // nothing is held any more still run, but only those: somebody who calls all the time
        // must not keep the reactor from stopping, even if each of those calls holds it for itself.
        let (mut last_call, mut taken, mut short_holds) = (None, 0, 0);
        let mut patience = Some(clock::deadline(self.now(), PATIENCE));
        while !core.crashed.get() {
            let held = core.shared.holds.any(events);
            let before = replace(&mut taken, core.shared.holds.taken());
            let served = core.counters.calls();
            if held {
                last_call = None;
            } else {
                if taken != before && short_holds < SHORT_HOLDS {
                    // A hold that came and went in one turn has let go of calls, too.
                    last_call = None;
                    short_holds += 1;
                }
                // The same goes for the bell, which the next pass hears.
                let rung = last_call.is_none() && core.shared.is_rung();
                let last = *last_call.get_or_insert(served + core.inbox.len() as u64);
                if served >= last && !rung {
                    return Ok(());
                }
            }
            let left = deadline.saturating_duration_since(self.now());
            if left.is_zero() || core.shared.stop_now_requested() {
                return Ok(());
            }
            // With nothing held there is nothing to wait for, only the last of those calls to run.
            let wait = if held { left } else { Duration::ZERO };
            let until_told = patience.map(|at| at.saturating_duration_since(self.now()));
            if until_told.is_some_and(|until| until.is_zero()) {
                patience = None;
                self.tell_who_holds();
                continue;
            }
            let wait = until_told.map_or(wait, |until| until.min(wait));
            self.pass(Some(wait)).map_err(RunError::Poll)?;
        }
        Ok(())
    }

    /// Somebody may sit before a program that does not end, and wonder.
    fn tell_who_holds(&self) {
        let stuck = self.core.stuck();
        if !stuck.is_empty() {
            let held = Lines(&stuck);
            panics::tell(|| tracing::warn!(%held, "the shutdown waits"));
        }
    }
}
