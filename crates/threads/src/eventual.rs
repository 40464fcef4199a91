//! An answer from the reactor that another thread can wait for.

use crate::bridge::Bridge;
use crate::error::WouldDeadlock;
use crate::ledger::{Key, Party};
use crate::slot::{Filler, Taker, slot};
use crate::waits;
use ropewalk_deferred::{CancelHandle, Cancelled, Failure, Outcome, Panicked, Result};
use ropewalk_reactor::{Reactor, ReactorHandle, ReactorStopped};
use ropewalk_threadpool::blocking;
use std::any::Any;
use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::pin::Pin;
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
    taker: Taker<Result<T>, Progress>,
    handle: ReactorHandle,
}

/// How far the call has come, for its cancellation.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Progress {
    /// It waits for its turn.
    Queued,
    /// The closure runs.
    Running,
    /// It has returned, and what it returned is waited for, or has come.
    Waiting(Key),
    Cancelled,
}

/// The reactor's side of an [`Eventual`], once its closure has returned a `Deferred`.
struct Reply<T>(Filler<Result<T>, Progress>);

/// One of whatever type.
pub(crate) trait AnyReply {
    fn into_any(self: Box<Self>) -> Box<dyn Any>;
}

impl<T: 'static> AnyReply for Reply<T> {
    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }
}

impl Party<CancelHandle> for Box<dyn AnyReply> {
    fn reactor_stopped(self, _chain: Option<CancelHandle>) {
        // An empty answer means just this.
        drop(self);
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
        let (filler, taker) = slot(Progress::Queued);
        send(handle, filler, f);
        Self { taker, handle: handle.clone() }
    }

    /// Asks and waits. What would have to be refused is not asked; and whoever asks in a circle
    /// comes second, so that it is not this one who hears of it.
    #[track_caller]
    pub(crate) fn ask_and_wait<F, R>(handle: &ReactorHandle, f: F) -> Result<T>
    where
        F: FnOnce(&Reactor) -> R + Send + 'static,
        R: Outcome<Value = T>,
    {
        let (filler, taker) = slot(Progress::Queued);
        // No closure: it would be the place of the refusal in the log.
        let _waiting = match begin_wait(handle, &taker, false) {
            Ok(waiting) => waiting,
            Err(refusal) => not_asked(handle, refusal)?,
        };
        send(handle, filler, f);
        understand(taker.try_take().unwrap_or_else(|| blocking(|| taker.wait())))
    }

    /// Asks, unless a wait for the answer would have to be refused.
    #[track_caller]
    pub(crate) fn ask_to_wait<F, R>(handle: &ReactorHandle, f: F) -> Result<Self>
    where
        F: FnOnce(&Reactor) -> R + Send + 'static,
        R: Outcome<Value = T>,
    {
        let (filler, taker) = slot(Progress::Queued);
        if let Err(refusal) = begin_wait(handle, &taker, true) {
            not_asked(handle, refusal)?;
        }
        send(handle, filler, f);
        Ok(Self { taker, handle: handle.clone() })
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
    /// - [`WouldDeadlock`]: this is the reactor thread, or one for which the reactor waits in its
    ///   turn, and the answer is not there yet. The call is cancelled.
    #[track_caller]
    pub fn wait(self) -> Result<T> {
        // An answer that is there needs no wait, and so no thread in place of this one.
        if let Some(answer) = self.taker.try_take() {
            return understand(answer);
        }
        match begin_wait(&self.handle, &self.taker, false) {
            Ok(_waiting) => understand(blocking(|| self.taker.wait())),
            Err(refusal) => self.refuse(refusal),
        }
    }

    /// Waits for the answer, for at most `limit`; gives itself back if that was not enough.
    ///
    /// # Errors
    ///
    /// The outer error is the `Eventual`, still without an answer. The inner one is as for
    /// [`wait`](Self::wait).
    #[track_caller]
    pub fn wait_timeout(self, limit: Duration) -> std::result::Result<Result<T>, Self> {
        let Some(deadline) = Instant::now().checked_add(limit) else { return Ok(self.wait()) };
        if let Some(answer) = self.taker.try_take() {
            return Ok(understand(answer));
        }
        match begin_wait(&self.handle, &self.taker, true) {
            Ok(_) => match blocking(|| self.taker.wait_until(deadline)) {
                Some(answer) => Ok(understand(answer)),
                None => Err(self),
            },
            Err(refusal) => Ok(self.refuse(refusal)),
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
        if let Progress::Waiting(key) = self.taker.note(cancel) {
            // A reactor that has stopped has answered already.
            let _ = self.handle.call_from_thread(move |reactor| cancel_chain(reactor, key));
        }
    }

    #[track_caller]
    fn refuse(self, refusal: WouldDeadlock) -> Result<T> {
        self.cancel();
        Err(refused(refusal))
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

/// Makes sure that the reactor does not wait for this thread, directly or by others.
#[track_caller]
fn begin_wait<T: Send + 'static>(
    handle: &ReactorHandle,
    taker: &Taker<Result<T>, Progress>,
    limited: bool,
) -> std::result::Result<Option<waits::Waiting>, WouldDeadlock> {
    if handle.is_reactor_thread() {
        return Err(WouldDeadlock::on_its_thread());
    }
    waits::begin(handle.thread_id(), limited, || taker.is_open())
}

/// A call that would wait for itself, unless nobody waits for a reactor that takes no calls.
#[track_caller]
fn not_asked(handle: &ReactorHandle, refusal: WouldDeadlock) -> Result<Option<waits::Waiting>> {
    if handle.accepts_calls() { Err(refused(refusal)) } else { Ok(None) }
}

#[track_caller]
fn refused(refusal: WouldDeadlock) -> Failure {
    let (location, circle) = (Location::caller(), refusal.circle());
    tracing::warn!(%location, circle, "a wait of a reactor thread was refused");
    Failure::new(refusal)
}

#[track_caller]
fn send<F, R>(handle: &ReactorHandle, filler: Filler<Result<R::Value>, Progress>, f: F)
where
    F: FnOnce(&Reactor) -> R + Send + 'static,
    R: Outcome<Value: Send>,
{
    let location = Location::caller();
    // A refused call is dropped here, and its filler with it: that answers.
    let _refused = handle.call_from_thread_at(location, move |reactor| {
        let start = |before| match before {
            Progress::Queued => Progress::Running,
            other => other,
        };
        match filler.note(start) {
            Some(Progress::Cancelled) => give(filler, Err(Failure::new(Cancelled))),
            _ => answer(reactor, filler, location, f),
        }
    });
}

/// Answers; what nobody waits for any more is dropped here.
fn give<T>(filler: Filler<Result<T>, Progress>, answer: Result<T>) {
    drop(filler.fill(answer));
}

/// Runs the call on the reactor thread and sees to its answer.
fn answer<F, R>(
    reactor: &Reactor,
    filler: Filler<Result<R::Value>, Progress>,
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
        Ok(result) => return give(filler, result),
        Err(deferred) => deferred,
    };
    let bridge = Bridge::of(reactor);
    let (key, cancelled) = bridge.replies.open(|key| {
        let wait = |before| match before {
            Progress::Cancelled => Progress::Cancelled,
            _ => Progress::Waiting(key),
        };
        let cancelled = matches!(filler.note(wait), Some(Progress::Cancelled));
        (Box::new(Reply(filler)) as Box<dyn AnyReply>, cancelled)
    });
    let weak = reactor.downgrade();
    let answered = deferred.add_both(move |result: Result<R::Value>| {
        let entry = weak.with(|reactor| Bridge::of(reactor).replies.close(key)).flatten();
        let reply = entry.and_then(|entry| entry.party.into_any().downcast().ok());
        if let Some(Reply(filler)) = reply.map(|reply| *reply) {
            give(filler, result);
        }
    });
    bridge.replies.set_work(key, answered.canceller());
    // The waiter is who wants it, also if its drop here would have meant that nobody does.
    answered.detach();
    if cancelled {
        cancel_chain(reactor, key);
    }
    if reactor.stopping() {
        // The shutdown waits for nobody's Deferred.
        if let Some(entry) = bridge.replies.close(key) {
            entry.party.reactor_stopped(entry.work);
        }
    }
}

fn cancel_chain(reactor: &Reactor, key: Key) {
    // The chain answers by itself: with `Cancelled`, or with what its canceller makes of it.
    if let Some(chain) = Bridge::of(reactor).replies.take_work(key) {
        chain.cancel();
    }
}
