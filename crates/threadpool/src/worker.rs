//! The life of a worker: claim a job, run it, settle what comes next.
//!
//! As long as the batch lasts a worker goes from job to job without the pool's lock. It comes to
//! the lock when the batch is used up, or when somebody has called for the workers. The lock is not
//! held while a job, a hook or a destructor runs.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Instant;

use crate::batch::Batch;
use crate::chores::Chores;
use crate::ending::Site;
use crate::header::Ending;
use crate::hook;
use crate::job::{Run, drop_contained};
use crate::place::{self, Place};
use crate::seat::Seat;
use crate::shared::{Core, Shared};
use crate::state::Fate;
use crate::sync::{MutexGuard, wait_until};

/// The whole life of the worker at `index`.
pub(crate) fn work(shared: &Arc<Shared>, index: usize, seat: &Arc<Seat>) {
    place::enter(Place::new(shared, Some(seat)));
    if let Some(hook) = &shared.config.on_thread_start {
        shared.contain("on_thread_start", || hook());
    }
    serve(shared, index, seat);
    if let Some(hook) = &shared.config.on_thread_stop {
        shared.contain("on_thread_stop", || hook());
    }
    shared.leave(index);
}

/// Runs jobs until the state says to retire.
fn serve(shared: &Arc<Shared>, index: usize, seat: &Arc<Seat>) {
    let mut core = shared.core();
    core.state.arrived();
    let mut timed_out = false;
    // Since when it has had nothing to do, whatever has roused it meanwhile.
    let mut idle_since = None;
    loop {
        let drained = shared.take_drained(&mut core);
        if !drained.is_empty() {
            drop(core);
            shared.call_drained(drained);
            core = shared.core();
        }
        let mut claimed = None;
        let fate = core.settle(timed_out, shared, &mut claimed);
        match (fate, claimed) {
            (Fate::Run, Some((batch, place))) => {
                (timed_out, idle_since) = (false, None);
                core = run_batch(shared, core, seat, batch, place);
            }
            (Fate::Park { timed }, _) => {
                let until = if timed { idle_until(shared, &mut idle_since) } else { None };
                (core, timed_out) = park(shared, core, index, seat, until);
            }
            (Fate::Run | Fate::Retire, _) => break,
        }
    }
    if core.state.is_quiet() {
        core.watcher.rest(shared);
    }
    // If a job counted on this worker, another has to come for it.
    let mut chores = Chores::default();
    shared.advance(&mut core, &mut chores, false);
    // Two that were too many at once may have roused the same one.
    if core.state.is_surplus() {
        core.rouse_coldest(&mut chores);
    }
    drop(core);
    shared.finish(chores);
}

/// Runs the job that was claimed, and then those that can be had without the lock.
fn run_batch<'a>(
    shared: &'a Arc<Shared>,
    mut core: MutexGuard<'a, Core>,
    seat: &Seat,
    batch: Arc<Batch>,
    mut place: usize,
) -> MutexGuard<'a, Core> {
    // Other jobs may wait for whoever was on the way: before this worker is lost in a job, it
    // sees to the next.
    let mut chores = Chores::default();
    shared.advance(&mut core, &mut chores, false);
    let attention = shared.attention();
    // Still under the lock: `stop_now` finds there what is claimed and not begun.
    seat.set_batch(Some(Arc::clone(&batch)));
    drop(core);
    shared.finish(chores);

    let site = Site::new(shared, seat);
    let mut now = shared.now();
    loop {
        seat.take_up(place);
        if let Some(job) = batch.job(place) {
            now = run_one(&site, &**job, now);
        }
        seat.put_down();
        if shared.calls(attention) {
            break;
        }
        match batch.claim() {
            Some(next) => place = next,
            None => break,
        }
        // The claims were held when it looked whether this was the last.
        site.go_on();
        // The one look at room that cannot wait for the end of the job; the rest does.
        if shared.calls(attention) {
            shared.look_after_room();
        }
    }
    drop(seat.set_batch(None));

    let mut core = shared.core();
    core.queue.give_back(batch);
    if site.take_ending() {
        core.state.end_to_end();
    }
    core.state.finished();
    core
}

/// Runs one job, unless it was cancelled; the time at the end of it.
pub(crate) fn run_one(site: &Site<'_>, job: &dyn Run, now: u64) -> u64 {
    let (shared, seat) = (site.shared(), site.seat());
    // The job contains its closure; this holds what a subscriber of its events may do.
    let ran = catch_unwind(AssertUnwindSafe(|| job.run(site, now)));
    let ending = match ran {
        Ok(Some(ending)) => ending,
        Ok(None) => {
            seat.skipped.add_one();
            return now;
        }
        Err(payload) => {
            site.go_on();
            drop_contained(payload);
            Ending::Panicked
        }
    };
    let header = job.header();
    let end = shared.now();
    seat.queue_wait.record(now.saturating_sub(header.submitted()));
    seat.run_time.record(end.saturating_sub(now));
    // Counted before it is told: who hears of the end finds it in the numbers.
    seat.count(ending);
    let marks = header.finish(ending.state());
    if marks.is_awaited() {
        shared.tell_end();
    }
    if marks.is_hooked() {
        site.go_on();
        hook::drop_all(job);
    }
    end
}

/// When a worker has been idle for the whole time-out.
fn idle_until(shared: &Shared, idle_since: &mut Option<Instant>) -> Option<Instant> {
    idle_since.get_or_insert_with(Instant::now).checked_add(shared.config.idle_timeout)
}

/// Sleeps until claimed, or until there is a reason to look again; true if that is the time-out.
fn park<'a>(
    shared: &'a Shared,
    mut core: MutexGuard<'a, Core>,
    index: usize,
    seat: &Seat,
    until: Option<Instant>,
) -> (MutexGuard<'a, Core>, bool) {
    core.fall_idle(index);
    shared.offer_room(&core);
    if core.state.is_quiet() {
        core.watcher.rest(shared);
    }
    let (mut core, late) = wait_until(&seat.parker, core, until);
    let claimed = core.get_up(index);
    (core, late && !claimed)
}
