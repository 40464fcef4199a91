//! What ties a reactor's own pools to its runs: they start with one and are drained with it.
//!
//! The triggers look up the pool when they run, so that there is one set of them however often the
//! pool is replaced.

use super::{ReactorPool, STOPPED};
use crate::panics::tell;
use ropewalk_reactor::{DelayedCall, Hold, Phase, Reactor, SystemEvent};
use ropewalk_threadpool::{PoolState, ThreadPool};
use std::cell::Cell;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How long to wait before a system that gave no thread is asked again.
const RETRY_THREADS: Duration = Duration::from_millis(10);

/// What has been arranged for the present run, or for the next one. One per reactor, in its local
/// slots.
#[derive(Default)]
pub(super) struct Ties {
    /// The start is on its way.
    start: Cell<bool>,
    drain: Cell<Drain>,
    /// The system is asked again for threads.
    retry: Cell<Option<DelayedCall>>,
    /// The end of the run ends that.
    retry_ends: Cell<bool>,
    /// The end of the run is waited for.
    end: Cell<bool>,
    /// How many runs have ended in which `end` was set. What such a run has left behind when it
    /// crashed sees by this number that the run is over.
    ends: Cell<u64>,
}

#[derive(Clone, Copy, Default, PartialEq)]
enum Drain {
    #[default]
    Unset,
    Set,
    /// The shutdown goes on, and no own pool takes jobs.
    Begun,
}

/// Whether the own pools of this run take no jobs any more.
pub(super) fn is_draining(reactor: &Reactor) -> bool {
    reactor.local::<Ties>().drain.get() == Drain::Begun
}

/// Ties whatever pool there will be to the run that goes on, or to the next one.
pub(super) fn tie(reactor: &Reactor) {
    let ties = reactor.local::<Ties>();
    start_with_run(reactor, &ties);
    if ties.drain.get() != Drain::Unset {
        return;
    }
    ties.drain.set(Drain::Set);
    if reactor.draining() && reactor.handle().accepts_calls() {
        tie_to_shutdown(reactor, &ties);
        return;
    }
    // Not before all have let go who hold the shutdown: they may need the pool.
    reactor.add_system_event_trigger(Phase::Before, SystemEvent::Drain, drain);
}

/// Ties a pool that comes when the others are drained already. It lasts for two turns, and the hold
/// sees to it that there are two.
fn tie_to_shutdown(reactor: &Reactor, ties: &Ties) {
    let hold = reactor.hold(SystemEvent::Drain);
    let run = ties.ends.get();
    reactor.call_soon(move |reactor| {
        reactor.call_soon(move |reactor| {
            if reactor.local::<Ties>().ends.get() == run {
                drain(reactor);
            }
            drop(hold);
        });
    });
    // Unless nothing is waited for any more.
    await_end(reactor, ties);
}

fn start_with_run(reactor: &Reactor, ties: &Ties) {
    if !ties.start.replace(true) {
        reactor.call_when_running(|reactor| {
            reactor.local::<Ties>().start.set(false);
            start(reactor);
        });
    }
}

fn start(reactor: &Reactor) {
    if let Some(pool) = reactor.handle().shared::<ReactorPool>().with(|state| state.own()) {
        see_to_threads(reactor, &pool);
    }
}

/// Starts the pool, and again for as long as the system gives no thread to what waits in it.
fn see_to_threads(reactor: &Reactor, pool: &ThreadPool) {
    if pool.start().is_err() {
        tell(|| tracing::debug!("the reactor's pool was stopped before its reactor started"));
    } else if pool.lacks_threads() {
        ask_again(reactor, pool);
    }
}

/// Asks the system again, later, if the run goes on until then.
fn ask_again(reactor: &Reactor, pool: &ThreadPool) {
    let ties = reactor.local::<Ties>();
    let pool = pool.downgrade();
    let retry = reactor.call_later(RETRY_THREADS, move |reactor| {
        if let Some(pool) = pool.upgrade().filter(is_running) {
            see_to_threads(reactor, &pool);
        }
    });
    // One at a time: that of a pool which has been replaced has nothing to do any more.
    if let Some(before) = ties.retry.replace(Some(retry)) {
        let _ = before.cancel();
    }
    if ties.retry_ends.replace(true) {
        return;
    }
    reactor.add_system_event_trigger(Phase::Before, SystemEvent::End, |reactor| {
        let ties = reactor.local::<Ties>();
        ties.retry_ends.set(false);
        if let Some(retry) = ties.retry.take() {
            let _ = retry.cancel();
        }
        // After a crash the pool lives on, and the next run sees to it.
        let own = reactor.handle().shared::<ReactorPool>().with(|state| state.own());
        if own.is_some_and(|pool| is_running(&pool)) {
            start_with_run(reactor, &ties);
        }
    });
}

fn is_running(pool: &ThreadPool) -> bool {
    pool.state() == PoolState::Running
}

/// Lets the own pools take no more jobs, and the shutdown wait for those that they have.
fn drain(reactor: &Reactor) {
    let ties = reactor.local::<Ties>();
    ties.drain.set(Drain::Begun);
    for pool in reactor.handle().shared::<ReactorPool>().with(|state| state.owed()) {
        hold_for(reactor, &pool);
    }
    await_end(reactor, &ties);
}

fn hold_for(reactor: &Reactor, pool: &ThreadPool) {
    tell(|| tracing::debug!(stats = ?pool.stats(), "draining the reactor's pool"));
    let busy = pool.clone();
    let hold = reactor.hold_with(SystemEvent::Drain, move || unfinished(&busy));
    let hold = Arc::new(Mutex::new(Some(hold)));
    let drained = Arc::clone(&hold);
    pool.close_for_users(STOPPED, move || let_go(&drained));
    // A job that is stuck must not hold the shutdown of a later run, too.
    reactor.add_system_event_trigger(Phase::Before, SystemEvent::End, move |_| let_go(&hold));
}

/// Has the run take its own pools along when it ends.
fn await_end(reactor: &Reactor, ties: &Ties) {
    if ties.end.replace(true) {
        return;
    }
    reactor.add_system_event_trigger(Phase::Before, SystemEvent::End, |reactor| {
        let ties = reactor.local::<Ties>();
        ties.end.set(false);
        ties.drain.set(Drain::Unset);
        ties.ends.set(ties.ends.get() + 1);
        reactor.handle().shared::<ReactorPool>().close();
    });
}

/// What the pool has not done: the jobs that run, by name, and how many wait behind them.
fn unfinished(pool: &ThreadPool) -> Vec<String> {
    let (jobs, stats) = (pool.running_jobs(), pool.stats());
    let running = jobs.iter().map(|job| format!("pool job {job}"));
    let waiting = stats.oldest_wait.map(|oldest| {
        let wait = if stats.queued == 1 { "job waits" } else { "jobs wait" };
        format!("{} {wait} in pool {}, the oldest for {oldest:.1?}", stats.queued, pool.name())
    });
    running.chain(waiting).collect()
}

fn let_go(hold: &Mutex<Option<Hold>>) {
    let taken = hold.lock().unwrap_or_else(PoisonError::into_inner).take();
    drop(taken);
}
