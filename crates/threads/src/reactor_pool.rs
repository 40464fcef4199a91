//! The pool that belongs to a reactor: 5 to 10 threads, started with the first need.
//!
//! It is made when first asked for, from whatever thread, and starts with the reactor; jobs that
//! are handed in earlier wait. In the shutdown it takes no more jobs, and the loop keeps turning
//! until the last one has finished, so that a job which waits for the reactor gets its answer.
//!
//! The slot is shared by all threads, but only the reactor thread can add the triggers that start
//! and stop a pool. So a pool that another thread makes is *loose* until a call has *tied* it.
//! **Lock rule:** pools are closed and dropped outside of the lock.

use ropewalk_reactor::{Hold, Phase, Reactor, ReactorHandle, SystemEvent};
use ropewalk_threadpool::{InvalidSize, ThreadPool};
use std::fmt;
use std::mem::replace;
use std::sync::{Arc, Mutex, PoisonError};

/// One per reactor, in its shared slots.
pub(crate) struct ReactorPool(Mutex<State>);

struct State {
    /// As far as the maximum lets it.
    min: usize,
    max: usize,
    stage: Stage,
    /// Counts the pools: it tells one from those before and after it.
    number: u64,
}

enum Stage {
    /// Nobody has asked for it.
    Unmade,
    /// It takes jobs, and runs them when the reactor runs.
    Made { pool: ThreadPool, tied: bool },
    /// The shutdown goes on, and waits for the jobs that were accepted.
    Draining(ThreadPool),
    /// The reactor has stopped, and the pool refuses all jobs. When the reactor accepts calls
    /// again, the next to ask makes another pool.
    Closed(ThreadPool),
}

impl Default for ReactorPool {
    fn default() -> Self {
        Self(Mutex::new(State { min: 5, max: 10, stage: Stage::Unmade, number: 0 }))
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
        let shared = handle.shared::<Self>();
        let (pool, loose) = shared.get(&handle, true);
        if let Some(number) = loose {
            if is_too_late(reactor) {
                shared.close(number);
            } else {
                tie(reactor, pool.clone(), number);
            }
        }
        pool
    }

    /// The pool, for any thread.
    pub(crate) fn of_handle(handle: &ReactorHandle) -> ThreadPool {
        let shared = handle.shared::<Self>();
        let (pool, loose) = shared.get(handle, false);
        if let Some(number) = loose {
            TieRequest { shared, number }.send(handle);
        }
        pool
    }

    /// Makes `pool` the reactor's pool; hands it back if there is one already.
    pub(crate) fn install(reactor: &Reactor, pool: ThreadPool) -> Result<(), ThreadPool> {
        let shared = reactor.handle().shared::<Self>();
        let sizes = (pool.min_threads(), pool.max_threads());
        let installed = shared.with(|state| {
            if matches!(state.stage, Stage::Made { .. } | Stage::Draining(_)) {
                return None;
            }
            (state.min, state.max) = sizes;
            let before = state.enter(Stage::Made { pool: pool.clone(), tied: true });
            Some((state.number, before))
        });
        let Some((number, _before)) = installed else { return Err(pool) };
        tie(reactor, pool, number);
        Ok(())
    }

    /// Sets the maximum. The minimum gives way to it, and comes back with a larger one.
    pub(crate) fn suggest(&self, max: usize) -> Result<(), InvalidSize> {
        if max == 0 {
            // A pool without threads has the words for it.
            return build(1, 1).adjust_pool_size(0, 0);
        }
        let mut wanted = self.with(|state| {
            state.max = max;
            state.sizes()
        });
        loop {
            let pool = self.with(|state| state.stage.pool().cloned());
            if let Some(pool) = pool {
                pool.adjust_pool_size(wanted.0, wanted.1)?;
            }
            // Another thread may have suggested something else, and have been faster.
            let now = self.with(|state| state.sizes());
            if now == wanted {
                return Ok(());
            }
            wanted = now;
        }
    }

    /// The pool as it is, with its number, for who watches over it.
    pub(crate) fn present(&self) -> Option<(u64, ThreadPool)> {
        self.with(|state| Some((state.number, state.stage.pool()?.clone())))
    }

    /// Whether this thread is a worker of the pool.
    pub(crate) fn is_worker(&self) -> bool {
        let pool = self.with(|state| state.stage.pool().cloned());
        pool.is_some_and(|pool| pool.is_worker())
    }

    /// The pool, made if need be; with its number if the caller has to see to it that it is tied.
    fn get(&self, handle: &ReactorHandle, on_reactor_thread: bool) -> (ThreadPool, Option<u64>) {
        let open = handle.accepts_calls();
        let (pool, loose, before) = self.with(|state| {
            let number = state.number;
            match &mut state.stage {
                Stage::Made { pool, tied } => {
                    let loose = on_reactor_thread && !replace(tied, true);
                    return (pool.clone(), loose.then_some(number), None);
                }
                Stage::Draining(pool) => return (pool.clone(), None, None),
                Stage::Closed(pool) if !open => return (pool.clone(), None, None),
                Stage::Unmade | Stage::Closed(_) => {}
            }
            let (min, max) = state.sizes();
            let pool = build(min, max);
            let before = state.enter(if open {
                Stage::Made { pool: pool.clone(), tied: on_reactor_thread }
            } else {
                Stage::Closed(pool.clone())
            });
            (pool, open.then_some(state.number), Some(before))
        });
        if before.is_some() && !open {
            pool.close(|| ());
        }
        (pool, loose)
    }

    /// Notes that the shutdown waits for this pool; `false` if it is not the present one.
    fn drain(&self, number: u64) -> bool {
        let before = self.with(|state| match &state.stage {
            Stage::Made { pool, .. } if state.number == number => {
                let pool = pool.clone();
                Some(replace(&mut state.stage, Stage::Draining(pool)))
            }
            _ => None,
        });
        before.is_some()
    }

    /// The run of this pool is over.
    fn close(&self, number: u64) {
        self.close_if(|state| state.number == number);
    }

    /// The run in which this pool was to be tied is over.
    fn close_loose(&self, number: u64) {
        self.close_if(|state| {
            state.number == number && matches!(state.stage, Stage::Made { tied: false, .. })
        });
    }

    fn close_if(&self, meant: impl FnOnce(&State) -> bool) {
        let closed = self.with(|state| {
            let pool = state.stage.pool().filter(|_| meant(state)).cloned()?;
            Some((replace(&mut state.stage, Stage::Closed(pool.clone())), pool))
        });
        if let Some((_before, pool)) = closed {
            pool.close(|| ());
        }
    }

    fn with<R>(&self, look: impl FnOnce(&mut State) -> R) -> R {
        look(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl State {
    fn sizes(&self) -> (usize, usize) {
        (self.min.min(self.max), self.max)
    }

    /// Goes over to another pool; the caller drops the one before.
    fn enter(&mut self, stage: Stage) -> Stage {
        self.number += 1;
        replace(&mut self.stage, stage)
    }
}

impl Stage {
    fn pool(&self) -> Option<&ThreadPool> {
        match self {
            Self::Unmade => None,
            Self::Made { pool, .. } | Self::Draining(pool) | Self::Closed(pool) => Some(pool),
        }
    }
}

fn build(min: usize, max: usize) -> ThreadPool {
    match ThreadPool::builder().name("reactor").min_threads(min).max_threads(max).build() {
        Ok(pool) => pool,
        // 5 and 10, 1 and 1, or numbers that a pool has had.
        Err(error) => unreachable!("sizes that were checked were refused: {error}"),
    }
}

/// On its way to the reactor thread, to have a loose pool tied there.
struct TieRequest {
    shared: Arc<ReactorPool>,
    number: u64,
}

impl TieRequest {
    fn send(self, handle: &ReactorHandle) {
        let (shared, number) = (Arc::clone(&self.shared), self.number);
        if let Err(refused) = handle.call_from_thread(move |reactor| self.grant(reactor)) {
            // The run has ended since: what other threads have handed in already, runs.
            shared.close_loose(number);
            drop(refused);
        }
    }

    fn grant(self, reactor: &Reactor) {
        let number = self.number;
        if is_too_late(reactor) {
            self.shared.close_loose(number);
            return;
        }
        let pool = self.shared.with(|state| match &mut state.stage {
            Stage::Made { pool, tied } if state.number == number && !*tied => {
                *tied = true;
                Some(pool.clone())
            }
            _ => None,
        });
        if let Some(pool) = pool {
            tie(reactor, pool, number);
        }
    }
}

impl Drop for TieRequest {
    /// Dropped unseen, by a crash or with the reactor: so are the jobs that were to wait for it.
    fn drop(&mut self) {
        let _before = self.shared.with(|state| match &state.stage {
            Stage::Made { tied: false, .. } if state.number == self.number => {
                Some(state.enter(Stage::Unmade))
            }
            _ => None,
        });
    }
}

/// Whether these are the last calls of a run: the loop does not turn for anybody's jobs any more.
fn is_too_late(reactor: &Reactor) -> bool {
    reactor.stopping() && !reactor.handle().accepts_calls()
}

/// Ties the pool to the run that goes on, or to the next one.
fn tie(reactor: &Reactor, pool: ThreadPool, number: u64) {
    let starting = pool.clone();
    reactor.call_when_running(move |_| {
        if starting.start().is_err() {
            tracing::debug!("the reactor's pool was stopped before its reactor started");
        }
    });
    if reactor.stopping() && reactor.handle().accepts_calls() {
        tie_to_shutdown(reactor, pool, number);
        return;
    }
    reactor.add_system_event_trigger(Phase::Before, SystemEvent::Shutdown, move |reactor| {
        // Once more to the end of the line: the other triggers of this phase may need the pool.
        reactor.add_system_event_trigger(Phase::Before, SystemEvent::Shutdown, move |reactor| {
            drain(reactor, &pool, number);
        });
    });
}

/// Ties a pool that is made when a stop has been asked for, so that it may be too late for *before*
/// triggers. Two turns later these have run, and the hold sees to it that there are two turns.
fn tie_to_shutdown(reactor: &Reactor, pool: ThreadPool, number: u64) {
    let hold = reactor.hold(SystemEvent::Shutdown);
    reactor.call_soon(move |reactor| {
        reactor.call_soon(move |reactor| {
            drain(reactor, &pool, number);
            drop(hold);
        });
    });
    // Unless nothing is waited for any more.
    close_at_the_end(reactor, number);
}

fn close_at_the_end(reactor: &Reactor, number: u64) {
    reactor.add_system_event_trigger(Phase::Before, SystemEvent::End, move |reactor| {
        reactor.handle().shared::<ReactorPool>().close(number);
    });
}

/// Lets the pool take no more jobs, and the shutdown wait for those that it has.
fn drain(reactor: &Reactor, pool: &ThreadPool, number: u64) {
    if !reactor.handle().shared::<ReactorPool>().drain(number) {
        return;
    }
    tracing::debug!(stats = ?pool.stats(), "draining the reactor's pool");
    let busy = pool.clone();
    let hold = reactor.hold_with(SystemEvent::Shutdown, move || unfinished(&busy));
    let hold = Arc::new(Mutex::new(Some(hold)));
    let drained = Arc::clone(&hold);
    pool.close(move || let_go(&drained));
    // A job that is stuck must not hold the shutdown of a later run, too.
    reactor.add_system_event_trigger(Phase::Before, SystemEvent::End, move |_| let_go(&hold));
    close_at_the_end(reactor, number);
}

/// What the pool has not done: the jobs that run, by name, and how many wait behind them.
fn unfinished(pool: &ThreadPool) -> Vec<String> {
    let (jobs, stats) = (pool.running_jobs(), pool.stats());
    let running = jobs.iter().map(|job| format!("pool job {job}"));
    let waiting = stats.oldest_wait.map(|oldest| {
        format!("{} jobs wait in pool {}, the oldest for {oldest:.1?}", stats.queued, pool.name())
    });
    running.chain(waiting).collect()
}

fn let_go(hold: &Mutex<Option<Hold>>) {
    let taken = hold.lock().unwrap_or_else(PoisonError::into_inner).take();
    drop(taken);
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::{ReactorPool, TieRequest};
    use ropewalk_reactor::Reactor;
    use ropewalk_testing::{DEADLINE, within};
    use ropewalk_threadpool::SubmitErrorKind;
    use std::sync::mpsc::channel;

    /// A foreign thread makes the pool, and the run ends before it has asked to have it tied.
    #[test]
    fn i2_a_pool_that_the_end_of_a_run_leaves_loose_is_closed_by_who_made_it() {
        within(DEADLINE, || {
            let reactor = Reactor::new().unwrap();
            let handle = reactor.handle();
            let shared = handle.shared::<ReactorPool>();
            let (pool, loose) = shared.get(&handle, false);
            let (other, tied) = shared.get(&handle, false);
            assert!(tied.is_none(), "one request is enough");
            let (sender, receiver) = channel();
            other.call_in_thread(move || sender.send("ran").unwrap()).unwrap();
            reactor.stop();
            reactor.run().unwrap();
            TieRequest { shared, number: loose.unwrap() }.send(&handle);
            assert_eq!(pool.call_in_thread(|| ()).unwrap_err().kind(), SubmitErrorKind::Stopped);
            assert_eq!(receiver.recv().unwrap(), "ran");
        });
    }

    /// As above, but the reactor runs again, and has tied the pool itself in the meantime.
    #[test]
    fn i2_a_late_request_leaves_a_pool_alone_that_is_tied() {
        within(DEADLINE, || {
            let reactor = Reactor::new().unwrap();
            let handle = reactor.handle();
            let shared = handle.shared::<ReactorPool>();
            let (_, loose) = shared.get(&handle, false);
            let pool = ReactorPool::of(&reactor);
            TieRequest { shared, number: loose.unwrap() }.send(&handle);
            let (sender, receiver) = channel();
            pool.call_in_thread(move || sender.send("ran").unwrap()).unwrap();
            reactor.stop();
            reactor.run().unwrap();
            assert_eq!(receiver.try_recv().unwrap(), "ran");
        });
    }
}
