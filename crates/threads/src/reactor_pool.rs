//! The pool that belongs to a reactor: 5 to 10 threads, started with the first need.
//!
//! It is made when first asked for, from whatever thread, and starts with the reactor; jobs that
//! are handed in earlier wait. In the shutdown it takes no more jobs, and the loop keeps turning
//! until the last one has finished, so that a job which waits for the reactor gets its answer.

use ropewalk_reactor::{Phase, Reactor, ReactorHandle, SystemEvent};
use ropewalk_threadpool::{InvalidSize, ThreadPool};
use std::fmt;
use std::sync::{Mutex, PoisonError};

/// One per reactor, in its shared slots.
pub(crate) struct ReactorPool(Mutex<State>);

struct State {
    min: usize,
    max: usize,
    stage: Stage,
}

#[derive(Clone)]
enum Stage {
    /// Nobody has asked for it in this run, or before it.
    Unmade,
    Made(ThreadPool),
    /// The reactor has stopped. The pool refuses all jobs, until the reactor runs again.
    Closed(ThreadPool),
}

impl Default for ReactorPool {
    fn default() -> Self {
        Self(Mutex::new(State { min: 5, max: 10, stage: Stage::Unmade }))
    }
}

impl fmt::Debug for ReactorPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (min, max) = self.with(|state| (state.min, state.max));
        f.debug_struct("ReactorPool").field("min", &min).field("max", &max).finish_non_exhaustive()
    }
}

impl ReactorPool {
    /// The pool, for the reactor thread.
    pub(crate) fn of(reactor: &Reactor) -> ThreadPool {
        let handle = reactor.handle();
        let (pool, made) = handle.shared::<Self>().get(&handle);
        if made {
            attend(reactor, pool.clone());
        }
        pool
    }

    /// The pool, for any thread.
    pub(crate) fn of_handle(handle: &ReactorHandle) -> ThreadPool {
        let shared = handle.shared::<Self>();
        let (pool, made) = shared.get(handle);
        if made {
            let attended = pool.clone();
            if handle.call_from_thread(move |reactor| attend(reactor, attended)).is_err() {
                shared.close();
            }
        }
        pool
    }

    /// Makes `pool` the reactor's pool; hands it back if there is one already.
    pub(crate) fn install(reactor: &Reactor, pool: ThreadPool) -> Result<(), ThreadPool> {
        let shared = reactor.handle().shared::<Self>();
        let sizes = (pool.min_threads(), pool.max_threads());
        let installed = shared.with(|state| {
            let unmade = matches!(state.stage, Stage::Unmade);
            if unmade {
                (state.min, state.max) = sizes;
                state.stage = Stage::Made(pool.clone());
            }
            unmade
        });
        if !installed {
            return Err(pool);
        }
        attend(reactor, pool);
        Ok(())
    }

    /// Sets the maximum, and the minimum too if it would be above that.
    pub(crate) fn suggest(&self, max: usize) -> Result<(), InvalidSize> {
        let (pool, min) = self.with(|state| match &state.stage {
            Stage::Made(pool) | Stage::Closed(pool) => (Some(pool.clone()), state.min.min(max)),
            Stage::Unmade => (None, state.min.min(max)),
        });
        // The pool checks the numbers; if there is none yet, one without threads does.
        pool.unwrap_or_else(|| build(1, 1)).adjust_pool_size(min, max)?;
        self.with(|state| (state.min, state.max) = (min, max));
        Ok(())
    }

    fn get(&self, handle: &ReactorHandle) -> (ThreadPool, bool) {
        let (min, max) = match self.with(|state| (state.stage.clone(), (state.min, state.max))) {
            (Stage::Made(pool) | Stage::Closed(pool), _) => return (pool, false),
            (Stage::Unmade, sizes) => sizes,
        };
        let pool = build(min, max);
        let stopped = !handle.accepts_calls();
        let (kept, made) = self.with(|state| match &state.stage {
            Stage::Made(first) | Stage::Closed(first) => (first.clone(), false),
            Stage::Unmade if stopped => {
                state.stage = Stage::Closed(pool.clone());
                (pool.clone(), false)
            }
            Stage::Unmade => {
                state.stage = Stage::Made(pool.clone());
                (pool.clone(), true)
            }
        });
        if stopped && !made {
            kept.close(|| ());
        }
        (kept, made)
    }

    /// Takes no more jobs; gives the pool, if there is one.
    fn close(&self) -> Option<ThreadPool> {
        let pool = self.with(|state| match state.stage.clone() {
            Stage::Made(pool) | Stage::Closed(pool) => {
                state.stage = Stage::Closed(pool.clone());
                Some(pool)
            }
            Stage::Unmade => None,
        });
        if let Some(pool) = &pool {
            pool.close(|| ());
        }
        pool
    }

    fn reopen(&self) {
        // The old pool goes after the lock: its last handle may end threads.
        let _old = self.with(|state| std::mem::replace(&mut state.stage, Stage::Unmade));
    }

    fn with<R>(&self, look: impl FnOnce(&mut State) -> R) -> R {
        look(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn build(min: usize, max: usize) -> ThreadPool {
    match ThreadPool::builder().name("reactor").min_threads(min).max_threads(max).build() {
        Ok(pool) => pool,
        // 5 and 10, 1 and 1, or numbers that `adjust_pool_size` has accepted.
        Err(error) => unreachable!("sizes that were checked were refused: {error}"),
    }
}

/// Ties the pool to the run that goes on, or to the next one.
fn attend(reactor: &Reactor, pool: ThreadPool) {
    let starting = pool.clone();
    reactor.call_when_running(move |_| {
        if starting.start().is_err() {
            tracing::debug!("the reactor's pool was stopped before its reactor started");
        }
    });
    reactor.add_system_event_trigger(Phase::Before, SystemEvent::Shutdown, move |reactor| {
        let busy = pool.clone();
        let hold = reactor.hold_with(SystemEvent::Shutdown, move || {
            busy.running_jobs().iter().map(|job| format!("pool job {job}")).collect()
        });
        tracing::debug!(stats = ?pool.stats(), "draining the reactor's pool");
        reactor.handle().shared::<ReactorPool>().close();
        pool.close(move || drop(hold));
        reactor.add_system_event_trigger(Phase::After, SystemEvent::End, |reactor| {
            reactor.add_system_event_trigger(Phase::Before, SystemEvent::Startup, |reactor| {
                reactor.handle().shared::<ReactorPool>().reopen();
            });
        });
    });
}
