//! An answer from the reactor that another thread can wait for.

use crate::bridge::Bridge;
use crate::error::WouldDeadlock;
use crate::ledger::{Key, Work};
use crate::slot::{Filler, Taker, slot};
use ropewalk_deferred::{Cancelled, Failure, Outcome, Panicked, Result};
use ropewalk_reactor::{Reactor, ReactorHandle, ReactorStopped};
use ropewalk_threadpool::blocking;
use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

/// The answer of a call that was made on the reactor thread, for any other thread.
///
/// Made by [`HandleThreads::eventually`](crate::HandleThreads::eventually). It can be waited for,
/// with or without a limit, looked at, cancelled, or awaited on any executor. It is always
/// answered: at the latest when the reactor stops or is dropped.
///
/// Dropping it lets the call run, and its answer go unseen.
///
/// # Threads
///
/// Any thread. On the reactor's own thread an answer that is there can be taken; waiting for one
/// that is not is refused with [`WouldDeadlock`].
#[must_use = "an answer nobody waits for: use call_from_thread for that"]
pub struct Eventual<T> {
    taker: Taker<Result<T>>,
    handle: ReactorHandle,
    progress: Arc<Mutex<Progress>>,
}

/// How far the call has come, for its cancellation. Held for a look only.
#[derive(Clone, Copy, Debug)]
enum Progress {
    Queued,
    /// The closure runs.
    Running,
    /// It has returned, and what it returned is waited for, or has come.
    Waiting(Key),
    Cancelled,
}

fn look(progress: &Mutex<Progress>, change: impl FnOnce(Progress) -> Progress) -> Progress {
    let mut progress = progress.lock().unwrap_or_else(PoisonError::into_inner);
    let before = *progress;
    *progress = change(before);
    before
}

/// The reactor's side of an [`Eventual`].
pub(crate) struct Reply<T>(Filler<Result<T>>);

impl<T> Reply<T> {
    pub(crate) fn reactor_stopped(self) {
        // An empty answer means just this.
        drop(self.0);
    }
}

impl<T: Send + 'static> Eventual<T> {
    /// Asks the reactor; the answer is empty if it has stopped.
    #[track_caller]
    pub(crate) fn ask<F, R>(handle: &ReactorHandle, f: F) -> Self
    where
        F: FnOnce(&Reactor) -> R + Send + 'static,
        R: Outcome<Value = T>,
    {
        let location = Location::caller();
        let (filler, taker) = slot();
        let progress = Arc::new(Mutex::new(Progress::Queued));
        let seen = Arc::clone(&progress);
        // A refused call is dropped here, and its filler with it: that answers.
        let _refused = handle.call_from_thread(move |reactor| {
            let start = |before| match before {
                Progress::Queued => Progress::Running,
                other => other,
            };
            match look(&seen, start) {
                Progress::Cancelled => filler.fill(Err(Failure::new(Cancelled))),
                _ => answer(reactor, Reply(filler), &seen, location, f),
            }
        });
        Self { taker, handle: handle.clone(), progress }
    }

    /// Waits for the answer.
    ///
    /// A job of a pool waits inside of [`blocking`]: what it waits for may need a thread of the
    /// same pool, and gets one.
    ///
    /// # Errors
    ///
    /// - the failure of the closure, or of the `Deferred` that it returned;
    /// - `Panicked`: the closure panicked, with the text and the place of the call;
    /// - `Cancelled`: [`cancel`](Self::cancel) came first;
    /// - [`ReactorStopped`]: the reactor has stopped, or stopped before there was an answer;
    /// - [`WouldDeadlock`]: this is the reactor thread, and the answer is not there yet. The call
    ///   is cancelled.
    #[track_caller]
    pub fn wait(self) -> Result<T> {
        if self.handle.is_reactor_thread() {
            return self.wait_for_nothing();
        }
        // An answer that is there needs no wait, and so no thread in place of this one.
        let answer = self.taker.try_take().unwrap_or_else(|| blocking(|| self.taker.wait()));
        understand(answer)
    }

    /// Waits for the answer, for at most `limit`; gives itself back if that was not enough.
    ///
    /// # Errors
    ///
    /// The outer error is the `Eventual`, still without an answer. The inner one is as for
    /// [`wait`](Self::wait).
    #[track_caller]
    pub fn wait_timeout(self, limit: Duration) -> std::result::Result<Result<T>, Self> {
        if self.handle.is_reactor_thread() {
            return Ok(self.wait_for_nothing());
        }
        let Some(deadline) = Instant::now().checked_add(limit) else { return Ok(self.wait()) };
        let answer = self.taker.try_take().or_else(|| blocking(|| self.taker.wait_until(deadline)));
        match answer {
            Some(answer) => Ok(understand(answer)),
            None => Err(self),
        }
    }

    /// Takes the answer if it is there, without waiting; otherwise gives itself back.
    ///
    /// # Errors
    ///
    /// As for [`wait_timeout`](Self::wait_timeout).
    pub fn try_take(self) -> std::result::Result<Result<T>, Self> {
        match self.taker.try_take() {
            Some(answer) => Ok(understand(answer)),
            None => Err(self),
        }
    }

    /// The answer is not wanted any more. A call that has not begun never runs; a `Deferred` that
    /// is waited for is cancelled. Waiting after that gives `Cancelled`, unless the answer, or the
    /// canceller's own, came first.
    #[track_caller]
    pub fn cancel(&self) {
        let cancel = |before| match before {
            Progress::Queued | Progress::Running => Progress::Cancelled,
            other => other,
        };
        if let Progress::Waiting(key) = look(&self.progress, cancel) {
            // A reactor that has stopped has answered already.
            let _ = self.handle.call_from_thread(move |reactor| cancel_chain(reactor, key));
        }
    }

    /// On the reactor thread: what is not there yet will not come while it waits.
    #[track_caller]
    fn wait_for_nothing(self) -> Result<T> {
        if let Some(answer) = self.taker.try_take() {
            return understand(answer);
        }
        self.cancel();
        Err(Failure::new(WouldDeadlock))
    }
}

impl<T: Send + 'static> Future for Eventual<T> {
    type Output = Result<T>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<T>> {
        self.taker.poll(context).map(understand)
    }
}

impl<T> fmt::Debug for Eventual<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Eventual").finish_non_exhaustive()
    }
}

fn understand<T>(answer: Option<Result<T>>) -> Result<T> {
    answer.unwrap_or_else(|| Err(Failure::new(ReactorStopped::new())))
}

/// Runs the call on the reactor thread and sees to its answer.
fn answer<F, R>(
    reactor: &Reactor,
    reply: Reply<R::Value>,
    progress: &Mutex<Progress>,
    location: &'static Location<'static>,
    f: F,
) where
    F: FnOnce(&Reactor) -> R,
    R: Outcome,
    R::Value: Send,
{
    let deferred = match catch_unwind(AssertUnwindSafe(|| f(reactor))) {
        Ok(outcome) => outcome.into_deferred().try_take(),
        Err(payload) => Ok(Err(Failure::new(Panicked::from_payload(payload, location)))),
    };
    let deferred = match deferred {
        // The usual case: nothing to wait for, so nothing to keep account of.
        Ok(result) => return reply.0.fill(result),
        Err(deferred) => deferred,
    };
    let bridge = Bridge::of(reactor);
    let key = bridge.replies.open(Box::new(reply));
    let weak = reactor.downgrade();
    let answered = deferred.add_both(move |result: Result<R::Value>| {
        let entry = weak.with(|reactor| Bridge::of(reactor).replies.close(key)).flatten();
        if let Some(Reply(filler)) = entry.and_then(|entry| entry.party::<Reply<R::Value>>()) {
            filler.fill(result);
        }
    });
    bridge.replies.set_work(key, Work::Chain(answered.canceller()));
    // The waiter is who wants it, also if its drop here would have meant that nobody does.
    answered.detach();
    let wait = |before| match before {
        Progress::Cancelled => Progress::Cancelled,
        _ => Progress::Waiting(key),
    };
    if matches!(look(progress, wait), Progress::Cancelled) {
        cancel_chain(reactor, key);
    }
    if reactor.stopping() {
        // The shutdown waits for nobody's Deferred.
        if let Some(entry) = bridge.replies.close(key) {
            entry.party.reactor_stopped();
        }
    }
}

fn cancel_chain(reactor: &Reactor, key: Key) {
    // The chain answers by itself: with `Cancelled`, or with what its canceller makes of it.
    if let Some(Work::Chain(chain)) = Bridge::of(reactor).replies.take_work(key) {
        chain.cancel();
    }
}
