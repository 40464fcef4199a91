//! The life of a worker: take a job, run it, settle what comes next.
//!
//! The lock is taken once for each job: the same critical section books the finished one and
//! takes the next. It is not held while a job, a hook or a destructor runs.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Instant;

use crate::cancel;
use crate::job::{Ending, JobState, Run, drop_contained};
use crate::shared::{Core, Running, Shared, Wakes, wake};
use crate::state::Fate;
use crate::sync::{MutexGuard, lock, thread_local, wait_until};

thread_local! {
    /// The address of the pool that this thread belongs to, 0 for none. The thread keeps that
    /// pool alive, so no other can have the same.
    static POOL: Cell<usize> = Cell::default();
}

/// Makes this thread one of the pool's.
pub(crate) fn enter(shared: &Arc<Shared>) {
    POOL.with(|pool| pool.set(Arc::as_ptr(shared) as usize));
}

/// True on the threads of this pool, its watch included.
pub(crate) fn is_inside(shared: &Arc<Shared>) -> bool {
    POOL.try_with(Cell::get).is_ok_and(|pool| pool == Arc::as_ptr(shared) as usize)
}

/// The whole life of the worker at `index`.
pub(crate) fn work(shared: &Arc<Shared>, index: usize) {
    enter(shared);
    if let Some(hook) = &shared.config.on_thread_start {
        shared.contain("on_thread_start", || hook());
    }
    serve(shared, index);
    if let Some(hook) = &shared.config.on_thread_stop {
        shared.contain("on_thread_stop", || hook());
    }
    shared.leave(index);
}

/// Runs jobs until the state says to retire.
fn serve(shared: &Arc<Shared>, index: usize) {
    let mut core = lock(&shared.core);
    core.state.arrived();
    let mut timed_out = false;
    loop {
        let drained = core.take_drained();
        if !drained.is_empty() {
            drop(core);
            shared.call_drained(drained);
            core = lock(&shared.core);
        }
        match core.state.settle(timed_out) {
            Fate::Run => {
                timed_out = false;
                core = run_next(shared, core, index);
            }
            Fate::Park { timed } => (core, timed_out) = park(shared, core, index, timed),
            Fate::Retire => break,
        }
    }
    // If a job counted on this worker, another has to come for it.
    let mut wakes = Wakes::new();
    let refused = shared.advance(&mut core, &mut wakes);
    drop(core);
    wake(wakes);
    shared.tell_refusal(refused.as_ref());
}

/// Runs the head of the queue, which the state has given to this worker.
fn run_next<'a>(
    shared: &'a Shared,
    mut core: MutexGuard<'a, Core>,
    index: usize,
) -> MutexGuard<'a, Core> {
    let Some(waiting) = core.queue.pop() else {
        // The state counts what the queue holds, so there is always one.
        core.state.finished();
        return core;
    };
    let job = waiting.job;
    let header = job.header();
    header.set_state(JobState::Running);
    core.tally.started += 1;
    let (name, location, since) = (header.name(), header.location(), Instant::now());
    core.set_running(index, Some(Running { name, location, since }));
    drop(core);

    let ending = run(shared, job);

    let mut core = lock(&shared.core);
    core.set_running(index, None);
    match ending {
        Ending::Panicked => core.tally.panicked += 1,
        Ending::Returned => core.tally.completed += 1,
    }
    core.state.finished();
    core
}

/// Runs one job and lets go of it.
fn run(shared: &Shared, job: Arc<dyn Run>) -> Ending {
    cancel::set_current(Some(Arc::clone(&job)));
    // The job contains its closure; this holds what a subscriber of its events may do.
    let ending = catch_unwind(AssertUnwindSafe(|| job.run(&shared.config.name)));
    cancel::set_current(None);
    job.header().set_state(JobState::Finished);
    ending.unwrap_or_else(|payload| {
        drop_contained(payload);
        Ending::Panicked
    })
}

/// Sleeps until claimed, or until there is a reason to look again; true if that is the time-out.
fn park<'a>(
    shared: &'a Shared,
    mut core: MutexGuard<'a, Core>,
    index: usize,
    timed: bool,
) -> (MutexGuard<'a, Core>, bool) {
    let parker = core.workers.get(index).and_then(Option::as_ref).map(|it| Arc::clone(&it.parker));
    let Some(parker) = parker else {
        core.state.roused();
        return (core, true);
    };
    core.idle.push(index);
    if core.state.is_quiet() {
        shared.rest(&mut core);
    }
    let deadline =
        if timed { Instant::now().checked_add(shared.config.idle_timeout) } else { None };
    let (mut core, late) = wait_until(&parker, core, deadline);
    let worker = core.workers.get_mut(index).and_then(Option::as_mut);
    if worker.is_some_and(|worker| std::mem::take(&mut worker.claimed)) {
        // Claimed, perhaps at the very moment of the time-out: the claim counts.
        core.state.arrived();
        return (core, false);
    }
    core.idle.retain(|&idle| idle != index);
    core.state.roused();
    (core, late)
}

impl Core {
    fn set_running(&mut self, index: usize, running: Option<Running>) {
        if let Some(worker) = self.workers.get_mut(index).and_then(Option::as_mut) {
            worker.running = running;
        }
    }
}
