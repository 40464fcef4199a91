//! Blocking work whose result comes back as a `Deferred`.

use crate::bridge::Bridge;
use crate::debts;
use crate::error::JobDropped;
use crate::ledger::Key;
use crate::outcome::JobOutcome;
use crate::panics;
use ropewalk_deferred::{Deferred, Failure, Panicked, Result};
use ropewalk_reactor::{Reactor, ReactorHandle, ReactorStopped};
use ropewalk_threadpool::{JobHandle, ThreadPool};
use std::panic::Location;

/// Runs `job` on a `pool` that somebody else has to start, and tells if that has not been done.
#[track_caller]
pub(crate) fn defer_to_private_pool<N, F, R>(
    reactor: &Reactor,
    pool: &ThreadPool,
    job: F,
) -> Deferred<R::Value>
where
    N: 'static,
    F: FnOnce() -> R + Send + 'static,
    R: JobOutcome,
{
    defer_to_pool::<N, _, _>(reactor, &Bridge::find(reactor), pool, job, |job| {
        if reactor.running() && job.waits_for_start() {
            let (location, what) =
                (job.location(), "a job waits for a pool that has not been started: call start()");
            panics::tell(|| tracing::warn!(%location, "{what}"));
        }
    })
}

/// Runs `job` on `pool` and gives its result to a `Deferred` of `reactor`. The job is named after the
/// type `N`, which is that of the user's closure.
#[track_caller]
pub(crate) fn defer_to_pool<N, F, R>(
    reactor: &Reactor,
    bridge: &Bridge,
    pool: &ThreadPool,
    job: F,
    accepted: impl FnOnce(&JobHandle),
) -> Deferred<R::Value>
where
    N: 'static,
    F: FnOnce() -> R + Send + 'static,
    R: JobOutcome,
{
    let location = Location::caller();
    let handle = &bridge.known(reactor).handle;
    if !handle.accepts_calls() {
        return refuse(location, job);
    }
    bridge.tie(reactor);
    let (key, deferred) = bridge.deliveries.open::<R::Value>(location);
    let ticket =
        Ticket { handle: handle.clone(), key: Some(key), location, settle: settle::<R::Value> };
    let reactor_thread = handle.thread().id();
    let submitted = pool.try_call_in_thread_handing_over::<N, _, _, _, _>(
        move |outcome: std::result::Result<Result<R::Value>, ropewalk_threadpool::Panicked>| {
            ticket.deliver(outcome.unwrap_or_else(|panicked| {
                let location = panicked.location();
                Err(Failure::new(Panicked::from_payload(panicked.into_payload(), location)))
            }))
        },
        move || {
            let _owing = debts::owe(reactor_thread);
            job().into_result()
        },
    );
    match submitted {
        Ok(job) => {
            accepted(&job);
            bridge.owe(reactor, key, job);
        }
        Err(refused) => {
            // The pool has logged it.
            // Closed before the closures go: the ticket in one of them must find nothing.
            let promise = bridge.deliveries.close(key);
            let refused =
                panics::contain("dropping a refused job", location, || refused.without_job());
            if let Some(promise) = promise {
                let failure = refused.map_or_else(|| Failure::new(JobDropped), Failure::new);
                promise.fail(failure);
            }
        }
    }
    deferred
}

/// Between two runs: the result could not come back.
#[track_caller]
pub(crate) fn refuse<F, T>(location: &'static Location<'static>, job: F) -> Deferred<T> {
    panics::tell(|| tracing::debug!(%location, "a job was refused: the reactor has stopped"));
    panics::contain("dropping a refused job", location, || drop(job));
    Deferred::fail(ReactorStopped::new())
}

fn settle<T: 'static>(reactor: &Reactor, key: Key, result: Result<T>) {
    let bridge = Bridge::find(reactor);
    if let Some(promise) = bridge.deliveries.close(key) {
        promise.settle(result);
    }
    // After the callbacks: what they ask for may be owed, too.
    bridge.deliveries.settled();
}

/// A worker's duty to deliver. If the job is dropped unrun, that is delivered.
struct Ticket<T: Send + 'static> {
    handle: ReactorHandle,
    key: Option<Key>,
    /// Who asked for the job: the callbacks that its result runs are named by this.
    location: &'static Location<'static>,
    settle: fn(&Reactor, Key, Result<T>),
}

impl<T: Send + 'static> Ticket<T> {
    /// Hands the result to the reactor, without running anything of a user's.
    ///
    /// # Errors
    ///
    /// What has to be dropped: the reactor has stopped, and the `Deferred` has failed already.
    fn deliver(mut self, result: Result<T>) -> std::result::Result<(), impl Sized + use<T>> {
        self.send(result).map_err(Late)
    }

    fn send(&mut self, result: Result<T>) -> std::result::Result<(), impl Sized + use<T>> {
        let (key, location, settle) = (self.key.take(), self.location, self.settle);
        self.handle.call_from_thread_at(location, move |reactor| {
            if let Some(key) = key {
                reactor.timed("result", location, || settle(reactor, key, result));
            }
        })
    }
}

/// A result that came after the reactor had stopped.
struct Late<R>(R);

impl<R> Drop for Late<R> {
    fn drop(&mut self) {
        panics::tell(|| tracing::debug!("a result came after the reactor had stopped"));
    }
}

impl<T: Send + 'static> Drop for Ticket<T> {
    fn drop(&mut self) {
        // A failure may carry a backtrace, so it is not made for nothing.
        if self.key.is_some() {
            drop(self.send(Err(Failure::new(JobDropped))).map_err(Late));
        }
    }
}
