//! The pool that a reactor gives its jobs to: its own, or one that it shares with others.
//!
//! An own pool, 5 to 10 threads if it is not the user's, is made when first asked for, from
//! whatever thread, and starts with the reactor; jobs that are handed in earlier wait. In the
//! shutdown it takes no more jobs, and the loop keeps turning until the last one has finished, so
//! that a job which waits for the reactor gets its answer. One that is replaced takes no more jobs
//! at once, and the shutdown waits for it, too. A shared pool is left alone: only the results that
//! it owes are waited for, by the bridge.
//!
//! The slot is shared by all threads, but only the reactor thread can add the triggers that start
//! and drain the own pools, and only it can replace one. So a pool that another thread makes is
//! *loose* until a call has *tied* it; and before its first job is accepted, so is that call.
//! **Lock rule:** pools are closed and dropped outside of the lock.

mod request;
mod stage;
mod ties;

use self::request::TieRequest;
use self::stage::{Found, Stage, State, Tie};
use crate::bridge::{Bridge, Known};
use crate::defer_to_thread::{defer_to_pool, defer_to_private_pool};
use crate::error::InstallError;
use crate::outcome::JobOutcome;
use crate::panics::tell;
use ropewalk_deferred::Deferred;
use ropewalk_reactor::{Reactor, ReactorHandle};
use ropewalk_threadpool::{
    AlreadyStopped, InvalidSize, JobHandle, PoolState, SubmitError, SubmitErrorKind, ThreadPool,
};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// To a user whose job comes after the shutdown has let go of the pool.
const STOPPED: &&str = &"it is its reactor's, which stops or has stopped; hand jobs in before that, or \
     hold the shutdown meanwhile (`Reactor::hold`), or give them to the reactor when it runs again \
     (`accept_calls` has them kept until then)";

/// To a user of a handle that is older than the pool which the reactor has now.
const REPLACED: &&str = &"its reactor has another one in its place; give jobs to the reactor, or to the \
     pool that it has now (`thread_pool`)";

/// To a user who has outlived the reactor.
const DROPPED: &&str = &"it was its reactor's, which was dropped; hand jobs in before that, or give them \
     to a pool of your own";

/// One per reactor, in its shared slots.
pub(crate) struct ReactorPool(Mutex<State>);

impl Default for ReactorPool {
    fn default() -> Self {
        Self(Mutex::new(State::new()))
    }
}

impl Drop for ReactorPool {
    /// The reactor is dropped: nobody else closes what a crash has left at work. A pool that was never
    /// started goes with its last handle, and its jobs with it.
    fn drop(&mut self) {
        let mut own = self.with(|state| state.owed());
        own.retain(|pool| pool.state() == PoolState::Running);
        own.iter().for_each(|pool| pool.close_for_users(DROPPED, || ()));
    }
}

impl fmt::Debug for ReactorPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (min, max) = self.with(|state| state.sizes());
        f.debug_struct("ReactorPool").field("min", &min).field("max", &max).finish_non_exhaustive()
    }
}

impl ReactorPool {
    /// The pool, for the reactor thread.
    pub(crate) fn of(reactor: &Reactor) -> ThreadPool {
        Self::find(reactor, &Bridge::find(reactor)).pool
    }

    /// The pool, for any thread.
    pub(crate) fn of_handle(handle: &ReactorHandle) -> ThreadPool {
        handle.shared::<Self>().get_and_tie(handle).pool
    }

    /// Hands a job to the pool, from any thread.
    #[track_caller]
    pub(crate) fn submit<F>(handle: &ReactorHandle, mut job: F) -> Result<JobHandle, SubmitError<F>>
    where
        F: FnOnce() + Send + 'static,
    {
        let shared = handle.shared::<Self>();
        loop {
            let found = shared.get_and_tie(handle);
            match found.pool.call_in_thread(job) {
                // The reactor thread has replaced the pool since: the job is for the next one.
                Err(refused)
                    if refused.kind() == SubmitErrorKind::Stopped
                        && shared.with(|state| state.number() != found.number) =>
                {
                    job = refused.into_inner();
                }
                outcome => return outcome,
            }
        }
    }

    /// Runs `job` on the pool and gives its result to a `Deferred` of `reactor`. The job is named
    /// after the type `N`.
    #[track_caller]
    pub(crate) fn defer<N, F, R>(reactor: &Reactor, job: F) -> Deferred<R::Value>
    where
        N: 'static,
        F: FnOnce() -> R + Send + 'static,
        R: JobOutcome,
    {
        let bridge = Bridge::find(reactor);
        let Found { pool, shared, .. } = Self::find(reactor, &bridge);
        // Somebody has to start a shared pool, and may have forgotten it.
        if shared {
            return defer_to_private_pool::<N, _, _>(reactor, &pool, job);
        }
        defer_to_pool::<N, _, _>(reactor, &bridge, &pool, job, |_| ())
    }

    /// Makes `pool` the reactor's own pool, in place of the one that it has.
    pub(crate) fn install(reactor: &Reactor, pool: ThreadPool) -> Result<(), InstallError> {
        let shared = reactor.handle().shared::<Self>();
        if pool.state() > PoolState::Running {
            return Err(InstallError::Stopped(pool));
        }
        if ties::is_draining(reactor) || is_too_late(reactor) {
            return Err(InstallError::Stopping(pool));
        }
        if !pool.keep_for(&shared) {
            return Err(InstallError::Taken(pool));
        }
        shared.replace(reactor, &pool, Stage::Own { pool: pool.clone(), tie: Tie::Tied });
        ties::tie(reactor);
        Ok(())
    }

    /// Gives the jobs to `pool`, which others start and stop.
    pub(crate) fn share(reactor: &Reactor, pool: &ThreadPool) -> Result<(), AlreadyStopped> {
        if pool.state() > PoolState::Running {
            return Err(AlreadyStopped::default());
        }
        let shared = reactor.handle().shared::<Self>();
        if !shared.replace(reactor, pool, Stage::Shared(pool.clone())) {
            // It was this reactor's own, unless another keeps it.
            pool.keep_no_more(&shared);
        }
        Ok(())
    }

    /// Names the pools that are made from now on. A name that a thread can have.
    pub(crate) fn set_name(&self, name: String) {
        let _before = self.with(|state| std::mem::replace(&mut state.name, name.into()));
    }

    /// Sets the maximum. The minimum gives way to it, and comes back with a larger one.
    pub(crate) fn suggest(&self, max: usize) -> Result<(), InvalidSize> {
        if max == 0 {
            // A pool without threads has the words for it.
            return build("reactor", 1, 1).adjust_pool_size(0, 0);
        }
        let mut wanted = self.with(|state| {
            state.max = max;
            state.sizes()
        });
        loop {
            if let Some((_, pool)) = self.present() {
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
        self.with(|state| state.present())
    }

    /// Whether this thread is a worker of a pool whose jobs the end of the reactor waits for: its own
    /// one, or one before it that still has jobs.
    pub(crate) fn is_awaited_worker(&self) -> bool {
        self.with(|state| state.kept()).iter().any(ThreadPool::is_worker)
    }

    /// The pools whose jobs the shutdown waits for, and tells of.
    pub(crate) fn owed(&self) -> Vec<ThreadPool> {
        self.with(|state| state.owed())
    }

    fn find(reactor: &Reactor, bridge: &Bridge) -> Found {
        let Known { handle, pool } = bridge.known(reactor);
        let found = pool.get(handle);
        if found.tie != Tie::Tied {
            pool.see_to(reactor, found.number);
        }
        found
    }

    /// Ties the loose pool of this number, if it is that still.
    fn see_to(&self, reactor: &Reactor, number: u64) {
        if is_too_late(reactor) {
            self.close_loose(number);
        } else if self.with(|state| state.tie(number)) {
            ties::tie(reactor);
        }
    }

    fn get_and_tie(self: &Arc<Self>, handle: &ReactorHandle) -> Found {
        let found = self.get(handle);
        // Whoever has a job for the pool can rely on a request that was accepted before it, and on
        // no other: he may stop the reactor next.
        if found.tie == Tie::Unasked {
            TieRequest { shared: Arc::clone(self), number: found.number }.send(handle);
        }
        found
    }

    /// The pool, made if need be.
    fn get(self: &Arc<Self>, handle: &ReactorHandle) -> Found {
        let open = handle.accepts_calls();
        let (found, _before) = self.with(|state| {
            if let Some(found) = state.find(open) {
                return (found, None);
            }
            let (min, max) = state.sizes();
            let pool = build(&state.name, min, max);
            // Nobody else knows it.
            let _ = pool.keep_for(self);
            let before = state.enter(if open {
                Stage::Own { pool: pool.clone(), tie: Tie::Unasked }
            } else {
                Stage::Closed(pool.clone())
            });
            let number = state.number();
            let tie = if open { Tie::Unasked } else { Tie::Tied };
            (Found { pool, number, made: true, tie, shared: false }, Some(before))
        });
        if found.made && !open {
            found.pool.close_for_users(STOPPED, || ());
        }
        found
    }

    /// Goes over to `pool`; `false` if it was there already.
    fn replace(self: &Arc<Self>, reactor: &Reactor, pool: &ThreadPool, stage: Stage) -> bool {
        let sizes = (pool.min_threads(), pool.max_threads());
        let Some((number, before)) = self.with(|state| state.go_over(stage, sizes)) else {
            return false;
        };
        if let Stage::Own { pool: retired, .. } = before {
            let by = pool.name();
            tell(|| tracing::debug!(pool = retired.name(), by, "a reactor's pool is replaced"));
            // The shutdown waits for its jobs, even if it was still loose.
            ties::tie(reactor);
            let weak = Arc::downgrade(self);
            retired.close_for_users(REPLACED, move || {
                let forgotten = weak.upgrade().map(|it| it.with(|state| state.forget(number)));
                drop(forgotten);
            });
        }
        true
    }

    /// The run in which this pool was to be tied is over.
    fn close_loose(&self, number: u64) {
        self.close_if(|state| state.is_loose(number));
    }

    /// The run is over.
    fn close(&self) {
        self.close_if(|_| true);
    }

    fn close_if(&self, meant: impl FnOnce(&State) -> bool) {
        let closed = self.with(|state| meant(state).then(|| state.close()));
        if let Some((Some(pool), _retired)) = closed {
            pool.close_for_users(STOPPED, || ());
        }
    }

    fn with<R>(&self, look: impl FnOnce(&mut State) -> R) -> R {
        look(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Whether these are the last calls of a run: the loop does not turn for anybody's jobs any more.
fn is_too_late(reactor: &Reactor) -> bool {
    reactor.stopping() && !reactor.handle().accepts_calls()
}

fn build(name: &str, min: usize, max: usize) -> ThreadPool {
    match ThreadPool::builder().name(name).min_threads(min).max_threads(max).build() {
        Ok(pool) => pool,
        // 5 and 10, 1 and 1, or numbers that a pool has had; and the name of a thread.
        Err(error) => unreachable!("sizes that were checked were refused: {error}"),
    }
}
