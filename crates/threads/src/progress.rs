//! Progress of a running job, reported to a callback on the reactor thread.
//!
//! The callback never leaves its thread: a worker holds a [`Remote`] of it, and calls for it carry
//! no value. The value is in a slot of its own ([`Latest`]), where the next one replaces it for as
//! long as the reactor has not come to it. Callback and slot are closed by whatever settles the
//! `Deferred`, which is the one place that all ends of a job pass.

use crate::defer_to_thread::{defer_to_private_pool, refuse};
use crate::latest::{Latest, Put};
use crate::outcome::JobOutcome;
use crate::panics::contain;
use crate::reactor_pool::ReactorPool;
use crate::sync::Arc;
use ropewalk_deferred::{Cancelled, Deferred, Panicked, Result};
use ropewalk_reactor::{Reactor, Remote, WeakReactor};
use ropewalk_threadpool::{CancelToken, ThreadPool};
use std::any::Any;
use std::cell::Cell;
use std::fmt;
use std::panic::{AssertUnwindSafe, Location, catch_unwind, resume_unwind};
use std::rc::Rc;

/// What a job that reports its progress knows of itself.
///
/// Lent to the job of [`defer_to_thread_with`](crate::ReactorThreads::defer_to_thread_with).
///
/// # Threads
///
/// The worker of the job. It is `Send` and `Sync`, so that the threads of a
/// [`scope`](std::thread::scope) inside the job may use it, too.
///
/// # Examples
///
/// ```
/// use ropewalk_deferred::Cancelled;
/// use ropewalk_threads::ReportingJob;
///
/// /// Adds up to `limit`, and says how far it has come.
/// fn add_up(job: &ReportingJob<u64>, limit: u64) -> Result<u64, Cancelled> {
///     let mut sum = 0;
///     for n in 1..=limit {
///         job.check_cancelled()?;
///         sum += n;
///         job.report(n);
///     }
///     Ok(sum)
/// }
/// # let _ = add_up;
/// ```
pub struct ReportingJob<P: Send + 'static> {
    line: Line<P>,
    token: CancelToken,
}

impl<P: Send + 'static> ReportingJob<P> {
    /// Tells the reactor how far the job has come.
    ///
    /// It never waits. A value that the reactor has not come to yet is replaced, and dropped here;
    /// so a job may report as often as it likes, and costs the reactor one callback a turn.
    ///
    /// Gives `false` if nobody listens any more: the `Deferred` was cancelled, the run of the
    /// reactor has ended, or the callback has panicked. Whether the *result* is still wanted is
    /// another question, for [`is_cancelled`](Self::is_cancelled).
    pub fn report(&self, progress: P) -> bool {
        match self.line.latest.put(progress) {
            Put::First => self.line.call(),
            Put::Newer => true,
            Put::Refused => false,
        }
    }

    /// Whether the job is wanted no more: its `Deferred` was cancelled, or its pool is stopped with
    /// [`stop_now`](ropewalk_threadpool::ThreadPool::stop_now).
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.token.is_cancelled()
    }

    /// Ends a job that is wanted no more, with a `?`.
    ///
    /// # Errors
    ///
    /// `Cancelled`, once [`is_cancelled`](Self::is_cancelled) is true.
    pub fn check_cancelled(&self) -> std::result::Result<(), Cancelled> {
        if self.is_cancelled() { Err(Cancelled) } else { Ok(()) }
    }

    /// The token itself, for functions that know nothing of progress, and for other threads.
    #[must_use]
    pub fn cancel_token(&self) -> &CancelToken {
        &self.token
    }
}

impl<P: Send + 'static> fmt::Debug for ReportingJob<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReportingJob")
            .field("location", &format_args!("{}", self.line.location))
            .field("is_cancelled", &self.is_cancelled())
            .field("is_heard", &self.line.latest.is_open())
            .finish()
    }
}

/// The worker's end.
struct Line<P: 'static> {
    latest: Arc<Latest<P>>,
    listener: Remote<Rc<Listener<P>>>,
    /// Who asked for the job: its progress is named by this, as its result is.
    location: &'static Location<'static>,
}

impl<P: Send + 'static> Line<P> {
    /// Sends a call for the value in the slot, or a later one.
    fn call(&self) -> bool {
        let (listener, location) = (self.listener.clone(), self.location);
        let sent = self.listener.handle().call_from_thread_at(location, move |reactor| {
            if let Some(listener) = listener.get(reactor) {
                if let Err(payload) = listener.hear(reactor) {
                    // The loop reports it, as that of any call.
                    resume_unwind(payload);
                }
            }
        });
        if sent.is_err() {
            // Refused: the run is over, and the `Deferred` has failed or is about to.
            drop(self.latest.close());
        }
        sent.is_ok()
    }
}

type OnProgress<P> = Box<dyn FnMut(&Reactor, P)>;

/// The reactor's end.
struct Listener<P: 'static> {
    /// Taken while it runs, and for good when the `Deferred` is settled.
    on_progress: Cell<Option<OnProgress<P>>>,
    latest: Arc<Latest<P>>,
    location: &'static Location<'static>,
}

impl<P: 'static> Listener<P> {
    /// Calls back with the value in the slot, if there still is one.
    fn hear(&self, reactor: &Reactor) -> std::result::Result<(), Box<dyn Any + Send>> {
        let Some(progress) = self.latest.take() else { return Ok(()) };
        let Some(mut on_progress) = self.on_progress.take() else { return Ok(()) };
        let called = reactor.timed("progress", self.location, || {
            catch_unwind(AssertUnwindSafe(|| on_progress(reactor, progress)))
        });
        if called.is_ok() && self.latest.is_open() {
            self.on_progress.set(Some(on_progress));
            return Ok(());
        }
        // It has panicked, or has itself settled the `Deferred`.
        self.drop_contained(on_progress);
        self.close();
        called
    }

    /// Calls back with a value whose call the result has overtaken.
    fn hear_before_the_result(&self, reactor: &Reactor) {
        if let Err(payload) = self.hear(reactor) {
            // It is not the result's, and the loop reports it as it would have done in that call.
            reactor.call_soon_at(self.location, move |_| resume_unwind(payload));
        }
    }

    fn close(&self) {
        // One by one: if both panic, one in the course of the other would end the process.
        self.drop_contained(self.latest.close());
        self.drop_contained(self.on_progress.take());
    }

    fn drop_contained<T>(&self, users: T) {
        contain("dropping a progress callback", self.location, || drop(users));
    }
}

/// The reactor's end on behalf of the `Deferred`: it listens until that is settled, or given up.
struct Listening<P: 'static> {
    listener: Rc<Listener<P>>,
    reactor: WeakReactor,
}

impl<P: 'static> Listening<P> {
    /// Listens until `deferred` is settled, and makes of its result that of the job.
    fn until<T: 'static>(self, deferred: Deferred<Result<T>>) -> Deferred<T> {
        deferred.add_both(move |ended: Result<Result<T>>| {
            // All other failures mean that the job was refused or called off, or that its run is
            // over: then what it has reported last is not wanted any more.
            let has_run = match &ended {
                Ok(_) => true,
                Err(failure) => failure.is::<Panicked>(),
            };
            if has_run {
                self.reactor.with(|reactor| self.listener.hear_before_the_result(reactor));
            }
            // Before the callbacks of the result.
            drop(self);
            ended.and_then(|result| result)
        })
    }
}

impl<P: 'static> Drop for Listening<P> {
    fn drop(&mut self) {
        self.listener.close();
    }
}

/// Runs `job` on `pool`, or on the reactor's, and what it reports by `on_progress`.
#[track_caller]
pub(crate) fn defer<P, C, F, R>(
    reactor: &Reactor,
    pool: Option<&ThreadPool>,
    on_progress: C,
    job: F,
) -> Deferred<R::Value>
where
    P: Send + 'static,
    C: FnMut(&Reactor, P) + 'static,
    F: FnOnce(&ReportingJob<P>) -> R + Send + 'static,
    R: JobOutcome,
{
    if !reactor.handle().accepts_calls() {
        // Nothing is shared: that would be kept until the next run.
        let location = Location::caller();
        let refused = refuse(location, job);
        contain("dropping a progress callback", location, || drop(on_progress));
        return refused;
    }
    let (job, listening) = attach(reactor, on_progress, job);
    listening.until(match pool {
        Some(pool) => defer_to_private_pool::<F, _, _>(reactor, pool, job),
        None => ReactorPool::defer::<F, _, _>(reactor, job),
    })
}

/// Connects `job` with `on_progress`. Gives the closure for the worker, and the reactor's end of the
/// line, which is to be told of the `Deferred` of that closure ([`Listening::until`]).
#[track_caller]
fn attach<P, C, F, R>(
    reactor: &Reactor,
    on_progress: C,
    job: F,
) -> (impl FnOnce() -> Result<Result<R::Value>> + Send + 'static, Listening<P>)
where
    P: Send + 'static,
    C: FnMut(&Reactor, P) + 'static,
    F: FnOnce(&ReportingJob<P>) -> R + Send + 'static,
    R: JobOutcome,
{
    let location = Location::caller();
    let latest = Arc::new(Latest::new());
    let on_progress = Cell::new(Some(Box::new(on_progress) as OnProgress<P>));
    let listener = Rc::new(Listener { on_progress, latest: Arc::clone(&latest), location });
    let line = Line { latest, listener: reactor.share(Rc::clone(&listener)), location };
    let job = move || {
        let running = ReportingJob { line, token: CancelToken::current() };
        Ok(job(&running).into_result())
    };
    (job, Listening { listener, reactor: reactor.downgrade() })
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::attach;
    use crate::ReactorThreads as _;
    use allocation_counter::measure;
    use ropewalk_deferred::{Cancelled, Deferred, Failure, Panicked};
    use ropewalk_reactor::{ManualClock, Reactor, ReactorStopped};
    use ropewalk_threadpool::ThreadPool;
    use std::cell::RefCell;
    use std::panic::Location;
    use std::rc::Rc;
    use std::time::Duration;

    type Heard = Rc<RefCell<Vec<&'static str>>>;

    /// Today results come by the same way as the calls, behind them. Should that ever change, then
    /// the result still brings along what was reported before it.
    #[test]
    fn a_result_that_overtakes_the_last_value_brings_it_along() {
        let clock = ManualClock::new();
        let reactor = Reactor::builder().manual_clock(&clock).build().unwrap();
        let heard = Heard::default();
        let log = Rc::clone(&heard);
        let (job, listening) = attach(
            &reactor,
            move |_, progress| log.borrow_mut().push(progress),
            |job| {
                job.report("replaced");
                job.report("last");
                Ok("result")
            },
        );
        let (promise, deferred) = Deferred::new();
        let log = Rc::clone(&heard);
        listening.until(deferred).map(move |result| log.borrow_mut().push(result)).detach();
        promise.resolve(job());
        assert_eq!(*heard.borrow(), ["last", "result"]);
        clock.advance(Duration::ZERO);
        assert_eq!(*heard.borrow(), ["last", "result"], "its call comes, and finds nothing");
    }

    #[test]
    fn a_panic_that_overtakes_the_last_value_brings_it_along_and_a_failure_does_not() {
        let reactor = Reactor::new().unwrap();
        let panicked = Panicked::from_payload(Box::new(()), Location::caller());
        for (failure, expected) in
            [(Failure::new(panicked), Some("last")), (Failure::new(Cancelled), None)]
        {
            let heard = Heard::default();
            let log = Rc::clone(&heard);
            let (job, listening) = attach(
                &reactor,
                move |_, progress| log.borrow_mut().push(progress),
                |job| Ok(job.report("last")),
            );
            let (promise, deferred) = Deferred::new();
            let deferred = listening.until::<bool>(deferred);
            assert!(job().unwrap().unwrap());
            promise.errback(failure);
            assert!(deferred.try_take().unwrap().is_err());
            assert_eq!(heard.borrow().first().copied(), expected);
        }
    }

    #[test]
    fn i3_a_callback_that_panics_on_the_way_of_a_result_leaves_the_result_alone() {
        let clock = ManualClock::new();
        let reactor = Reactor::builder().manual_clock(&clock).build().unwrap();
        let (job, listening) = attach(
            &reactor,
            |_, ()| panic!("in a progress callback"),
            |job| {
                job.report(());
                Ok("result")
            },
        );
        let (promise, deferred) = Deferred::new();
        let deferred = listening.until(deferred);
        promise.resolve(job());
        assert_eq!(deferred.try_take().unwrap().unwrap(), "result");
        clock.advance(Duration::ZERO);
        assert_eq!(reactor.stats().panics, 1, "reported as that of a call");
    }

    /// The run has ended, and the `Deferred` is about to fail.
    #[test]
    fn once_a_call_for_a_value_was_refused_no_report_is_taken() {
        let reactor = Reactor::new().unwrap();
        let (job, _listening) = attach(
            &reactor,
            |_, _| unreachable!("nobody calls"),
            |job| Ok(([job.report(1), job.report(2)], format!("{job:?}"))),
        );
        reactor.stop();
        reactor.run().unwrap();
        let (accepted, text) = job().unwrap().unwrap();
        assert_eq!(accepted, [false, false]);
        assert!(text.contains("is_heard: false"), "{text}");
    }

    /// Between two runs nothing is kept for the next one, which may never come.
    #[test]
    fn i2_a_refused_job_leaves_nothing_behind() {
        let reactor = Reactor::new().unwrap();
        let pool = ThreadPool::builder().build().unwrap();
        reactor.stop();
        reactor.run().unwrap();
        let refused = || {
            let own = reactor.defer_to_thread_with(|_, ()| (), |_| Ok(()));
            let private = reactor.defer_to_thread_pool_with(&pool, |_, ()| (), |_| Ok(()));
            for deferred in [own, private] {
                assert!(deferred.try_take().unwrap().unwrap_err().is::<ReactorStopped>());
            }
        };
        refused();
        assert_eq!(measure(|| (0..100).for_each(|_| refused())).bytes_current, 0);
    }
}
