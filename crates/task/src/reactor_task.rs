//! What a reactor can do with futures and delays: the public face of this crate.

use crate::{CooperativeTask, Cooperator, delay, react, spawn, unhandled};
use ropewalk_deferred::{Deferred, Outcome, Result, Unhandled};
use ropewalk_reactor::Reactor;
use std::future::Future;
use std::rc::Rc;
use std::time::Duration;

mod sealed {
    /// Keeps the reactor the only one to implement the trait.
    #[expect(unnameable_types, reason = "what cannot be named cannot be implemented")]
    pub trait Sealed {}

    impl Sealed for ropewalk_reactor::Reactor {}
}

/// Futures and delays on a [`Reactor`].
///
/// # Threads
///
/// Reactor thread. Another thread gets there with
/// [`ReactorHandle::call_from_thread`](ropewalk_reactor::ReactorHandle::call_from_thread), and
/// makes the future in that call.
pub trait ReactorTask: sealed::Sealed {
    /// Runs a future on the reactor thread and gives its result as a [`Deferred`].
    ///
    /// The future need not be `Send`. Its output is an [`Outcome`], as that of a callback: nothing,
    /// a `Result`, or another `Deferred`. It is first polled in a later turn, never before this
    /// returns; inside of it [`Reactor::current`] gives the reactor. It is polled, and dropped,
    /// in the `tracing` span in which this was called.
    ///
    /// - Its wakers may be used and dropped on any thread, and at any time: a task that is woken
    ///   while the reactor is stopped, when calls from threads are refused, goes on in the next run
    ///   or turn.
    /// - If it panics, the deferred fails with [`Panicked`](ropewalk_deferred::Panicked), whose
    ///   location is that of this call.
    /// - Cancelling or dropping the deferred drops the future at once, or, if it is just being
    ///   polled, as soon as that poll returns. [`detach`](Deferred::detach) lets the task run on.
    /// - Dropped so, or when it has come to its end, a future cancels the deferreds that it awaits.
    /// - Dropping the reactor drops the future on this thread, and the deferred fails with
    ///   [`Abandoned`](ropewalk_deferred::Abandoned).
    ///
    /// The future is dropped before its result is passed on; only one that cancels itself, or is
    /// cancelled by what it calls, is still in its poll when the deferred fails. A future that is never woken again
    /// lives until it is cancelled or the reactor is dropped.
    ///
    /// # Threads
    ///
    /// Reactor thread.
    ///
    /// # Examples
    ///
    /// ```
    /// use ropewalk_reactor::Reactor;
    /// use ropewalk_task::ReactorTask;
    /// use std::time::Duration;
    ///
    /// let reactor = Reactor::new()?;
    /// let pause = reactor.sleep(Duration::from_millis(1));
    /// let rested = reactor.spawn(async {
    ///     pause.await?;
    ///     Reactor::with_current(|reactor| reactor.stop());
    ///     Ok("slept well")
    /// });
    /// reactor.run().unwrap();
    /// assert_eq!(rested.try_take().unwrap()?, "slept well");
    /// # Ok::<(), ropewalk_deferred::Failure>(())
    /// ```
    ///
    /// Twisted: `ensureDeferred`.
    #[doc(alias = "ensureDeferred")]
    #[doc(alias = "inlineCallbacks")]
    #[track_caller]
    fn spawn<F>(&self, future: F) -> Deferred<<F::Output as Outcome>::Value>
    where
        F: Future + 'static,
        F::Output: Outcome;

    /// Calls `f` after `delay` and gives what it makes of it as a [`Deferred`].
    ///
    /// Cancelling the deferred before takes the timer back and drops `f`; cancelling it later
    /// cancels the deferred that `f` has returned, if it did. A panic of `f` fails the deferred
    /// with [`Panicked`](ropewalk_deferred::Panicked).
    ///
    /// Dropping the deferred changes nothing: `f` is called all the same. But one that has been
    /// polled as a future is cancelled by its drop, as any that is awaited.
    ///
    /// # Threads
    ///
    /// Reactor thread.
    ///
    /// # Examples
    ///
    /// ```
    /// use ropewalk_reactor::{ManualClock, Reactor};
    /// use ropewalk_task::ReactorTask;
    /// use std::time::Duration;
    ///
    /// let clock = ManualClock::new();
    /// let reactor = Reactor::builder().manual_clock(&clock).build()?;
    /// reactor
    ///     .defer_later(Duration::from_secs(5), |_| Ok("17".parse::<u32>()?))
    ///     .add_callback(|n| println!("{n}"))
    ///     .detach();
    /// clock.advance(Duration::from_secs(5)); // prints 17
    /// # std::io::Result::Ok(())
    /// ```
    ///
    /// Twisted: `task.deferLater`.
    #[doc(alias = "deferLater")]
    #[track_caller]
    fn defer_later<F, R>(&self, delay: Duration, f: F) -> Deferred<R::Value>
    where
        F: FnOnce(&Reactor) -> R + 'static,
        R: Outcome;

    /// Gives a [`Deferred`] that fires after `delay`.
    ///
    /// Cancelling it takes the timer back. Dropping it does so only if it has been polled before, as
    /// with any deferred that is awaited; otherwise the timer runs on, for the sake of the callbacks.
    /// One that may lose a `select` before it is polled for the first time is made with
    /// [`cancel_on_drop`](Deferred::cancel_on_drop), and then leaves no timer behind.
    ///
    /// # Threads
    ///
    /// Reactor thread.
    ///
    /// # Examples
    ///
    /// ```
    /// use ropewalk_reactor::{ManualClock, Reactor};
    /// use ropewalk_task::ReactorTask;
    /// use std::time::Duration;
    ///
    /// let clock = ManualClock::new();
    /// let reactor = Reactor::builder().manual_clock(&clock).build()?;
    /// reactor.sleep(Duration::from_secs(5)).add_callback(|()| println!("awake")).detach();
    /// clock.advance(Duration::from_secs(5)); // prints "awake"
    /// # std::io::Result::Ok(())
    /// ```
    ///
    /// Twisted: `task.deferLater` without a function.
    #[doc(alias = "deferLater")]
    #[track_caller]
    fn sleep(&self, delay: Duration) -> Deferred<()>;

    /// Takes an iterator further bit by bit, in turns of the reactor, and gives a handle of that.
    ///
    /// As [`Cooperator::cooperate`](crate::Cooperator::cooperate), on the default
    /// [`Cooperator`] of this reactor: all its tasks share slices of 10
    /// milliseconds.
    ///
    /// # Threads
    ///
    /// Reactor thread.
    ///
    /// # Examples
    ///
    /// ```
    /// use ropewalk_reactor::Reactor;
    /// use ropewalk_task::ReactorTask;
    ///
    /// let reactor = Reactor::new()?;
    /// let task = reactor.cooperate((0..3).map(|n| println!("{n}")));
    /// reactor.run_until(task.when_done())?; // prints 0, 1 and 2
    /// # Ok::<(), ropewalk_deferred::Failure>(())
    /// ```
    ///
    /// Twisted: `task.cooperate`.
    #[track_caller]
    fn cooperate<I>(&self, iterator: I) -> CooperativeTask
    where
        I: IntoIterator,
        I::IntoIter: 'static,
        I::Item: Outcome<Value = ()>;

    /// Takes an iterator further bit by bit, in turns of the reactor, and gives its end as a
    /// [`Deferred`].
    ///
    /// As [`Cooperator::coiterate`](crate::Cooperator::coiterate), on the default
    /// [`Cooperator`] of this reactor.
    ///
    /// # Threads
    ///
    /// Reactor thread.
    ///
    /// # Examples
    ///
    /// ```
    /// use ropewalk_reactor::Reactor;
    /// use ropewalk_task::ReactorTask;
    ///
    /// let reactor = Reactor::new()?;
    /// let lines = ["1", "2", "three"];
    /// let all = reactor.coiterate(lines.map(|line| Ok(drop(line.parse::<u32>()?))));
    /// assert!(reactor.run_until(all).unwrap_err().is::<std::num::ParseIntError>());
    /// # std::io::Result::Ok(())
    /// ```
    ///
    /// Twisted: `task.coiterate`.
    #[track_caller]
    fn coiterate<I>(&self, iterator: I) -> Deferred<()>
    where
        I: IntoIterator,
        I::IntoIter: 'static,
        I::Item: Outcome<Value = ()>;

    /// Has `hook` called for each failure that goes unhandled while this reactor is the current
    /// one: in its callbacks, in its tasks, and while it is dropped.
    ///
    /// It is asked first; else the hook of the thread, that of the process, and `tracing` hear of
    /// the failure: see [`Unhandled`]. A hook set before is replaced. The reactor owns it, and
    /// drops it last of all.
    ///
    /// # Threads
    ///
    /// Reactor thread; each reactor of a thread has a hook of its own.
    ///
    /// # Examples
    ///
    /// ```
    /// use ropewalk_reactor::Reactor;
    /// use ropewalk_task::ReactorTask;
    ///
    /// let reactor = Reactor::new()?;
    /// reactor.set_unhandled_hook(|unhandled| {
    ///     eprintln!("made at {}: {:#}", unhandled.created(), unhandled.failure());
    ///     Reactor::with_current(Reactor::stop);
    /// });
    /// reactor.spawn(async { Ok("x".parse::<u32>()?) }).detach();
    /// reactor.run().unwrap();
    /// # std::io::Result::Ok(())
    /// ```
    fn set_unhandled_hook(&self, hook: impl Fn(Unhandled) + 'static);

    /// Takes back what [`set_unhandled_hook`](Self::set_unhandled_hook) has set.
    ///
    /// # Threads
    ///
    /// Reactor thread.
    fn clear_unhandled_hook(&self);

    /// Runs the reactor until `deferred` has its result, stops it, and gives the result.
    ///
    /// The run is one as any other, with startup and shutdown, also if the result is there already;
    /// afterwards the reactor can be run again. If somebody else stops it, a result that comes
    /// during the shutdown still counts. One that has not come by then is not waited for: the
    /// deferred is cancelled once the reactor has stopped, and what that makes of it is dropped,
    /// but a failure of its own is reported as unhandled.
    ///
    /// After a run jobs and calls from threads are refused until the next: a second
    /// `run_until(reactor.defer_to_thread(job))` fails with `ReactorStopped`, as the job is handed in
    /// before the run that it is meant for. Announce that with [`Reactor::accept_calls`], or hand the
    /// job in inside of the run, in a task.
    ///
    /// # Threads
    ///
    /// Reactor thread, outside of callbacks.
    ///
    /// # Errors
    ///
    /// The failure of the deferred; or, to be found in the failure that is given,
    ///
    /// - [`StoppedBeforeDone`](crate::StoppedBeforeDone): the reactor has stopped, and there is no
    ///   result.
    /// - [`RunError`](ropewalk_reactor::RunError): the run has failed. A value that came all the
    ///   same is dropped; with a failure of the deferred, that one is given and this one logged.
    ///
    /// # Examples
    ///
    /// ```
    /// use ropewalk_reactor::Reactor;
    /// use ropewalk_task::ReactorTask;
    /// use std::time::Duration;
    ///
    /// let reactor = Reactor::new()?;
    /// let answer = reactor.defer_later(Duration::from_millis(1), |_| Ok(42));
    /// assert_eq!(reactor.run_until(answer)?, 42);
    /// # Ok::<(), ropewalk_deferred::Failure>(())
    /// ```
    ///
    /// Twisted: `task.react`, without the end of the process.
    fn run_until<T: 'static>(&self, deferred: Deferred<T>) -> Result<T>;
}

impl ReactorTask for Reactor {
    fn spawn<F>(&self, future: F) -> Deferred<<F::Output as Outcome>::Value>
    where
        F: Future + 'static,
        F::Output: Outcome,
    {
        spawn::spawn(self, future)
    }

    fn defer_later<F, R>(&self, delay: Duration, f: F) -> Deferred<R::Value>
    where
        F: FnOnce(&Self) -> R + 'static,
        R: Outcome,
    {
        delay::defer_later(self, delay, f)
    }

    fn sleep(&self, delay: Duration) -> Deferred<()> {
        delay::sleep(self, delay)
    }

    fn cooperate<I>(&self, iterator: I) -> CooperativeTask
    where
        I: IntoIterator,
        I::IntoIter: 'static,
        I::Item: Outcome<Value = ()>,
    {
        Cooperator::of(self).cooperate(iterator)
    }

    fn coiterate<I>(&self, iterator: I) -> Deferred<()>
    where
        I: IntoIterator,
        I::IntoIter: 'static,
        I::Item: Outcome<Value = ()>,
    {
        Cooperator::of(self).coiterate(iterator)
    }

    fn set_unhandled_hook(&self, hook: impl Fn(Unhandled) + 'static) {
        unhandled::set_hook(self, Some(Rc::new(hook)));
    }

    fn clear_unhandled_hook(&self) {
        unhandled::set_hook(self, None);
    }

    fn run_until<T: 'static>(&self, deferred: Deferred<T>) -> Result<T> {
        react::run_until(self, deferred)
    }
}
