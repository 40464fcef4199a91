//! An answer from the reactor that another thread can wait for.

use crate::cancel_handle::{EventualCancelHandle, describe};
use crate::error::WouldDeadlock;
use crate::panics;
use crate::patience::{self, Limit};
use crate::reply::{Question, cancel, send};
use crate::slot::{Taker, slot};
use crate::waits;
use ropewalk_deferred::{Cancelled, Failure, Outcome, Result, TimedOut};
use ropewalk_reactor::{Reactor, ReactorHandle, ReactorStopped};
use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

/// The answer of a call that was made on the reactor thread, for any other thread.
///
/// Made by [`HandleThreads::eventually`](crate::HandleThreads::eventually). It can be waited for,
/// with or without a limit, looked at, cancelled, or awaited on any executor. It is always
/// answered: at the latest when the reactor stops or is dropped.
///
/// Futures are cancelled by dropping them, and so is one of these that has been polled: dropped
/// before its answer, as by `select!` or a timeout, it is [cancelled](Self::cancel). One that was
/// never polled lets the call run when it is dropped, and its answer go unseen.
/// [`cancel_on_drop`](Self::cancel_on_drop) gives the first property to any other;
/// [`detach`](Self::detach) lets each of them run on.
///
/// # Threads
///
/// Any thread, also to drop it. On the reactor's own thread an answer that is there can be taken;
/// waiting for one that is not is refused with [`WouldDeadlock`].
///
/// # Examples
///
/// ```
/// use ropewalk_threads::{HandleThreads as _, ReactorThread};
///
/// let reactor = ReactorThread::spawn()?;
/// let answer = reactor.handle().eventually(|reactor| Ok(reactor.delayed_calls().len()));
/// // ... something else, meanwhile ...
/// assert_eq!(answer.wait().unwrap(), 0);
/// # std::io::Result::Ok(())
/// ```
#[must_use = "an answer nobody waits for: use call_from_thread for that, or detach it"]
pub struct Eventual<T> {
    taker: Taker<Result<T>, Question>,
    handle: ReactorHandle,
    /// Where it was asked for.
    location: &'static Location<'static>,
    on_drop: OnDrop,
}

/// What the drop means if there is no answer yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum OnDrop {
    RunOn,
    Cancel,
}

impl<T: Send + 'static> Eventual<T> {
    /// Asks the reactor; the answer is empty if it has stopped.
    #[track_caller]
    pub(crate) fn ask<F, R>(handle: &ReactorHandle, f: F) -> Self
    where
        F: FnOnce(&Reactor) -> R + Send + 'static,
        R: Outcome<Value = T>,
    {
        let (filler, taker) = slot(Question::Open);
        send(handle, filler, f);
        Self::new(handle, taker)
    }

    /// Asks and waits. The wait is noted before the question is sent: if the reactor has to wait for
    /// this thread in order to answer, it is that wait which closes the circle and is refused, not
    /// this one. And if this one is refused, the question is not sent.
    #[track_caller]
    pub(crate) fn ask_and_wait<F, R>(handle: &ReactorHandle, f: F) -> Result<T>
    where
        F: FnOnce(&Reactor) -> R + Send + 'static,
        R: Outcome<Value = T>,
    {
        let (filler, taker) = slot(Question::Open);
        // With a closure, as in `or_else`, the log would name this line as that of the caller.
        let _waiting = match begin_wait(handle, &taker, false) {
            Ok(waiting) => waiting,
            Err(refusal) => not_asked(handle, refusal)?,
        };
        send(handle, filler, f);
        Self::new(handle, taker).wait_for_answer()
    }

    /// Asks, unless a wait for the answer would have to be refused.
    #[track_caller]
    pub(crate) fn ask_to_wait<F, R>(handle: &ReactorHandle, f: F) -> Result<Self>
    where
        F: FnOnce(&Reactor) -> R + Send + 'static,
        R: Outcome<Value = T>,
    {
        let (filler, taker) = slot(Question::Open);
        if let Err(refusal) = begin_wait(handle, &taker, true) {
            not_asked(handle, refusal)?;
        }
        send(handle, filler, f);
        Ok(Self::new(handle, taker))
    }

    #[track_caller]
    fn new(handle: &ReactorHandle, taker: Taker<Result<T>, Question>) -> Self {
        let (handle, location) = (handle.clone(), Location::caller());
        Self { taker, handle, location, on_drop: OnDrop::RunOn }
    }

    /// Waits for the answer.
    ///
    /// A job of a pool waits inside of [`blocking`](ropewalk_threadpool::blocking()): what it waits for may need a thread of the
    /// same pool, and gets one.
    ///
    /// # Errors
    ///
    /// - the failure of the closure, or of the `Deferred` that it returned;
    /// - `Panicked`: the closure panicked, with the text and the place of the call;
    /// - `Cancelled`: [`cancel`](Self::cancel) came first; or this is a callback of another reactor,
    ///   which is to stop: after its shutdown deadline, or at once with
    ///   [`stop_now`](ReactorHandle::stop_now);
    /// - [`ReactorStopped`]: the reactor has stopped, or stopped before there was an answer;
    /// - [`WouldDeadlock`]: this is the reactor thread, or one for which the reactor waits in its
    ///   turn, and the answer is not there yet. The call is cancelled.
    ///
    /// # Panics
    ///
    /// If it has given its answer already, when it was polled.
    #[track_caller]
    pub fn wait(self) -> Result<T> {
        // An answer that is there needs no wait, and so no thread in place of this one.
        if let Some(answer) = self.taker.try_take() {
            return understand(answer);
        }
        match begin_wait(&self.handle, &self.taker, false) {
            Ok(_waiting) => self.wait_for_answer(),
            Err(refusal) => self.refuse(refusal),
        }
    }

    /// Waits for the answer, for at most `limit`; gives itself back if that was not enough.
    ///
    /// In a callback of another reactor, which is to stop, it gives up when [`wait`](Self::wait)
    /// would, before its limit: the call is cancelled then.
    ///
    /// # Errors
    ///
    /// The outer error is the `Eventual`, still without an answer: its limit has passed. The inner
    /// one is as for [`wait`](Self::wait).
    ///
    /// # Panics
    ///
    /// If it has given its answer already, when it was polled.
    #[track_caller]
    pub fn wait_timeout(self, limit: Duration) -> std::result::Result<Result<T>, Self> {
        let Some(deadline) = Instant::now().checked_add(limit) else { return Ok(self.wait()) };
        if let Some(answer) = self.taker.try_take() {
            return Ok(understand(answer));
        }
        match begin_wait(&self.handle, &self.taker, true) {
            Ok(_waiting) => match patience::wait(&self.taker, Some(deadline)) {
                Ok(answer) => Ok(understand(answer)),
                Err(Limit::Own) => Err(self),
                Err(Limit::Stop) => Ok(self.give_up()),
            },
            Err(refusal) => Ok(self.refuse(refusal)),
        }
    }

    /// Takes the answer if it is there, without waiting; otherwise gives itself back.
    ///
    /// # Errors
    ///
    /// As for [`wait_timeout`](Self::wait_timeout).
    ///
    /// # Panics
    ///
    /// If it has given its answer already, when it was polled.
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
        self.cancel_at(Location::caller());
    }

    /// A handle that can [cancel](Self::cancel) it when it is somewhere else: with the thread that
    /// waits for it, or in a future.
    ///
    /// It stands for the call, and so it can still cancel one that was detached.
    ///
    /// # Examples
    ///
    /// ```
    /// use ropewalk_deferred::{Cancelled, Deferred};
    /// use ropewalk_threads::{HandleThreads as _, ReactorThread};
    ///
    /// let reactor = ReactorThread::spawn()?;
    /// let answer = reactor.handle().eventually(|_| {
    ///     let (promise, deferred) = Deferred::<u32>::new();
    ///     deferred.add_both(move |result| { drop(promise); result }) // never fired
    /// });
    /// let canceller = answer.canceller();
    /// std::thread::scope(|scope| {
    ///     let waiting = scope.spawn(|| answer.wait());
    ///     canceller.cancel(); // the user has lost his patience
    ///     assert!(waiting.join().unwrap().unwrap_err().is::<Cancelled>());
    /// });
    /// # std::io::Result::Ok(())
    /// ```
    #[must_use = "dropping it cancels nothing"]
    pub fn canceller(&self) -> EventualCancelHandle {
        EventualCancelHandle::new(self.taker.slot(), &self.handle)
    }

    /// Makes its drop [cancel](Self::cancel) it, as if it had been polled.
    ///
    /// For an answer that is of no use to anybody but the one who holds this.
    ///
    /// # Examples
    ///
    /// ```
    /// use ropewalk_reactor::Reactor;
    /// use ropewalk_threads::HandleThreads as _;
    ///
    /// let reactor = Reactor::new()?;
    /// let answer = reactor.handle().eventually(|_| -> () { unreachable!() });
    /// drop(answer.cancel_on_drop());
    /// reactor.stop();
    /// reactor.run().unwrap();
    /// # std::io::Result::Ok(())
    /// ```
    pub fn cancel_on_drop(mut self) -> Self {
        self.on_drop = OnDrop::Cancel;
        self
    }

    /// Lets the call run on, whatever its drop would have meant; the answer goes unseen.
    ///
    /// # Examples
    ///
    /// ```
    /// use ropewalk_reactor::Reactor;
    /// use ropewalk_threads::HandleThreads as _;
    ///
    /// let reactor = Reactor::new()?;
    /// reactor.handle().eventually(|reactor| reactor.stop()).detach();
    /// reactor.run().unwrap();
    /// # std::io::Result::Ok(())
    /// ```
    pub fn detach(mut self) {
        self.on_drop = OnDrop::RunOn;
        drop(self);
    }

    /// Waits as long as it takes, or as long as a callback may.
    #[track_caller]
    fn wait_for_answer(self) -> Result<T> {
        match patience::wait(&self.taker, None) {
            Ok(answer) => understand(answer),
            Err(_) => self.give_up(),
        }
    }

    /// Waits for at most `limit`, and calls it off if there is no answer by then.
    #[track_caller]
    pub(crate) fn wait_or_cancel(self, limit: Duration) -> Result<T> {
        match self.wait_timeout(limit) {
            Ok(result) => result,
            Err(late) => {
                late.cancel();
                // The words of the `timeout` of a `Deferred`.
                Err(Failure::new(TimedOut).context(format!("no result within {limit:?}")))
            }
        }
    }

    /// The stop of the reactor in whose callback this is lets it wait no longer.
    #[track_caller]
    fn give_up(self) -> Result<T> {
        self.cancel();
        let location = Location::caller();
        let what = "a wait was given up: the reactor that waits is to stop";
        panics::tell(|| tracing::warn!(%location, "{what}"));
        Err(Failure::new(Cancelled))
    }

    #[track_caller]
    fn refuse(self, refusal: WouldDeadlock) -> Result<T> {
        self.cancel();
        Err(refused(refusal))
    }
}

impl<T> Eventual<T> {
    /// Notes that nobody wants the answer, and has a `Deferred` cancelled where it lives.
    fn cancel_at(&self, location: &'static Location<'static>) {
        cancel(self.taker.slot(), &self.handle, location);
    }
}

impl<T: Send + 'static> Future for Eventual<T> {
    type Output = Result<T>;

    /// # Panics
    ///
    /// If polled again after it was ready.
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<T>> {
        // From here on somebody awaits it, also if his waker panics.
        self.on_drop = OnDrop::Cancel;
        self.taker.poll(context).map(|answer| {
            self.on_drop = OnDrop::RunOn;
            understand(answer)
        })
    }
}

impl<T> Drop for Eventual<T> {
    /// Waits for nothing, and runs no code of the user's but the drop of his waker and, if the
    /// answer is there, of that.
    fn drop(&mut self) {
        if self.on_drop == OnDrop::Cancel {
            self.cancel_at(self.location);
        }
    }
}

impl<T> fmt::Debug for Eventual<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        describe(f.debug_struct("Eventual"), self.taker.slot())
    }
}

fn understand<T>(answer: Option<Result<T>>) -> Result<T> {
    answer.unwrap_or_else(|| Err(Failure::new(ReactorStopped::unanswered())))
}

/// Makes sure that the reactor does not wait for this thread, directly or by others.
#[track_caller]
fn begin_wait<T: Send + 'static>(
    handle: &ReactorHandle,
    taker: &Taker<Result<T>, Question>,
    limited: bool,
) -> std::result::Result<Option<waits::Waiting>, WouldDeadlock> {
    if handle.is_reactor_thread() {
        return Err(WouldDeadlock::on_its_thread());
    }
    waits::begin(handle.thread(), limited, || taker.is_open())
}

/// What becomes of a question whose wait was refused: an error, and it is not sent. But a reactor
/// that takes no calls refuses the question itself, at once; then nobody waits, and that is the error.
#[track_caller]
fn not_asked(handle: &ReactorHandle, refusal: WouldDeadlock) -> Result<Option<waits::Waiting>> {
    if handle.accepts_calls() { Err(refused(refusal)) } else { Ok(None) }
}

#[track_caller]
fn refused(refusal: WouldDeadlock) -> Failure {
    let (location, circle) = (Location::caller(), refusal.circle());
    panics::tell(|| tracing::warn!(%location, circle, "a wait of a reactor thread was refused"));
    Failure::new(refusal)
}
