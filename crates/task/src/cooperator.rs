//! Long iterations in slices: work that is too long for one callback, done piece by piece.
//!
//! Here is the public face. [`turns`] decides who goes on and when, [`state`] is one task,
//! [`mod@slice`] says how long a turn is.

mod error;
mod slice;
mod state;
mod turns;

use ropewalk_deferred::{Deferred, Outcome};
use ropewalk_reactor::Reactor;
use state::{Ending, State};
use std::fmt;
use std::rc::Rc;
use std::time::Duration;
use turns::Turns;

pub use error::{NotPaused, SchedulerStopped, TaskFailed, TaskFinished, TaskStopped};

/// Takes iterators further in turn, a slice of time in each turn of the reactor.
///
/// A task is an iterator, and each item is a step. Steps are made round robin, one of each task,
/// until the slice is used up, 10 milliseconds if nothing else is said; at least one, and at most
/// 1,000, in each turn. Between two turns the reactor serves everybody else. What an iterator gives
/// is an [`Outcome`] without a value:
///
/// - `()` is a breath, and no more;
/// - a `Result` that is an error fails the task;
/// - a [`Deferred`] is waited for; the other tasks go on meanwhile. If it fails, so does the task.
///
/// If the iterator panics, the task fails with [`Panicked`](ropewalk_deferred::Panicked), whose
/// location is that of the `cooperate` or `coiterate` call. The iterator is dropped before anybody
/// hears of its end; a deferred that is being waited for when its task is stopped is cancelled.
///
/// A task may do anything in a step: stop or pause itself, give more tasks to its cooperator, stop
/// that. With no task that can go on, the reactor sleeps.
///
/// Clones are the same cooperator. Dropping it changes nothing: its tasks go on, and belong to the
/// reactor. Dropping the reactor drops the iterators, and what waits for them fails with
/// [`Abandoned`](ropewalk_deferred::Abandoned).
///
/// [`ReactorTask::cooperate`](crate::ReactorTask::cooperate) and
/// [`ReactorTask::coiterate`](crate::ReactorTask::coiterate) use the default one of a reactor. One
/// of one's own has a slice, and an end, of its own.
///
/// # Threads
///
/// Reactor thread; it is neither `Send` nor `Sync`.
///
/// # Examples
///
/// ```
/// use ropewalk_reactor::Reactor;
/// use ropewalk_task::Cooperator;
/// use std::{cell::Cell, rc::Rc, time::Duration};
///
/// let reactor = Reactor::new()?;
/// let cooperator = Cooperator::with_slice(&reactor, Duration::from_millis(2));
/// let sum = Rc::new(Cell::new(0_u64));
/// let total = Rc::clone(&sum);
/// cooperator
///     .coiterate((0..10_000).map(move |n| total.set(total.get() + n)))
///     .add_callback(|()| {
///         Reactor::with_current(Reactor::stop);
///     })
///     .detach();
/// reactor.run().unwrap();
/// assert_eq!(sum.get(), 49_995_000);
/// # std::io::Result::Ok(())
/// ```
///
/// Twisted: `Cooperator`.
#[derive(Clone)]
pub struct Cooperator(Rc<Turns>);

impl Cooperator {
    /// One with slices of 10 milliseconds.
    #[must_use]
    pub fn new(reactor: &Reactor) -> Self {
        Self::with_slice(reactor, turns::SLICE)
    }

    /// One with slices of another length. A slice of nothing is one step.
    ///
    /// Twisted: `Cooperator(terminationPredicateFactory)`.
    #[must_use]
    pub fn with_slice(reactor: &Reactor, slice: Duration) -> Self {
        Self(Turns::new(reactor, slice))
    }

    /// The one that serves a reactor by default.
    pub(crate) fn of(reactor: &Reactor) -> Self {
        Self(Turns::of(reactor))
    }

    /// Takes an iterator on, to its end, and gives a handle of the task.
    ///
    /// The first step is made in a later turn, never before this returns. Dropping the handle
    /// changes nothing. A failure of the iterator that nobody has asked for with
    /// [`when_done`](CooperativeTask::when_done) is reported as unhandled when the last handle is
    /// gone.
    ///
    /// # Threads
    ///
    /// Reactor thread.
    ///
    /// # Examples
    ///
    /// ```
    /// use ropewalk_reactor::{ManualClock, Reactor};
    /// use ropewalk_task::Cooperator;
    /// use std::time::Duration;
    ///
    /// let clock = ManualClock::new();
    /// let reactor = Reactor::builder().manual_clock(&clock).build()?;
    /// let task = Cooperator::new(&reactor).cooperate((0..3).map(|n| println!("{n}")));
    /// task.pause();
    /// clock.advance(Duration::from_secs(1)); // prints nothing
    /// task.resume()?;
    /// clock.advance(Duration::ZERO); // prints 0, 1 and 2
    /// # Ok::<(), ropewalk_deferred::Failure>(())
    /// ```
    ///
    /// Twisted: `Cooperator.cooperate`.
    #[track_caller]
    pub fn cooperate<I>(&self, iterator: I) -> CooperativeTask
    where
        I: IntoIterator,
        I::IntoIter: 'static,
        I::Item: Outcome<Value = ()>,
    {
        let state = State::shared(&self.0, iterator.into_iter());
        self.0.add(&state);
        CooperativeTask(state)
    }

    /// Takes an iterator on, and gives its end as a [`Deferred`].
    ///
    /// That fails with the failure of the iterator. Cancelling it stops the task; dropping it
    /// changes nothing.
    ///
    /// # Threads
    ///
    /// Reactor thread.
    ///
    /// # Examples
    ///
    /// ```
    /// use ropewalk_reactor::{ManualClock, Reactor};
    /// use ropewalk_task::{Cooperator, ReactorTask};
    /// use std::time::Duration;
    ///
    /// let clock = ManualClock::new();
    /// let reactor = Reactor::builder().manual_clock(&clock).build()?;
    /// let pauses = [2, 3].map(|seconds| reactor.sleep(Duration::from_secs(seconds)));
    /// Cooperator::new(&reactor)
    ///     .coiterate(pauses)
    ///     .add_callback(|()| println!("both are over"))
    ///     .detach();
    /// clock.advance(Duration::from_secs(3)); // prints "both are over"
    /// # std::io::Result::Ok(())
    /// ```
    ///
    /// Twisted: `Cooperator.coiterate`.
    #[track_caller]
    pub fn coiterate<I>(&self, iterator: I) -> Deferred<()>
    where
        I: IntoIterator,
        I::IntoIter: 'static,
        I::Item: Outcome<Value = ()>,
    {
        let (state, deferred) = State::single(&self.0, iterator.into_iter());
        self.0.add(&state);
        deferred
    }

    /// Stops all tasks, also those that are paused or wait: they fail with [`SchedulerStopped`].
    /// So does, at once, every task that is given to it afterwards.
    ///
    /// # Threads
    ///
    /// Reactor thread.
    ///
    /// # Examples
    ///
    /// ```
    /// use ropewalk_reactor::Reactor;
    /// use ropewalk_task::{Cooperator, SchedulerStopped};
    ///
    /// let reactor = Reactor::new()?;
    /// let cooperator = Cooperator::new(&reactor);
    /// let endless = cooperator.coiterate(std::iter::repeat(()));
    /// cooperator.stop();
    /// assert!(!cooperator.running());
    /// assert!(endless.try_take().unwrap().unwrap_err().is::<SchedulerStopped>());
    /// # std::io::Result::Ok(())
    /// ```
    ///
    /// Twisted: `Cooperator.stop`.
    pub fn stop(&self) {
        self.0.stop();
    }

    /// Whether it has not been stopped.
    ///
    /// Twisted: `Cooperator.running`.
    #[must_use]
    pub fn running(&self) -> bool {
        self.0.running()
    }
}

impl fmt::Debug for Cooperator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (tasks, ready) = self.0.len();
        f.debug_struct("Cooperator")
            .field("tasks", &tasks)
            .field("ready", &ready)
            .field("running", &self.running())
            .finish()
    }
}

/// An iterator that a [`Cooperator`] takes further; made by [`Cooperator::cooperate`].
///
/// Clones are the same task. Dropping all of them changes nothing.
///
/// # Threads
///
/// Reactor thread; it is neither `Send` nor `Sync`.
///
/// # Examples
///
/// ```
/// use ropewalk_reactor::Reactor;
/// use ropewalk_task::{ReactorTask, TaskFinished, TaskStopped};
///
/// let reactor = Reactor::new()?;
/// let task = reactor.cooperate(std::iter::repeat(()));
/// let ended = task.when_done();
/// task.stop()?;
/// assert!(ended.try_take().unwrap().unwrap_err().is::<TaskStopped>());
/// assert_eq!(task.stop(), Err(TaskFinished::Stopped));
/// # Ok::<(), ropewalk_deferred::Failure>(())
/// ```
///
/// Twisted: `CooperativeTask`.
#[derive(Clone)]
pub struct CooperativeTask(Rc<State>);

impl CooperativeTask {
    /// Makes no further step until it is [resumed](Self::resume), as often as it was paused.
    ///
    /// In a step of the task itself it takes effect when that step is over.
    ///
    /// Twisted: `CooperativeTask.pause`.
    pub fn pause(&self) {
        self.0.set_pauses(self.0.pauses() + 1);
    }

    /// Takes one [`pause`](Self::pause) back.
    ///
    /// # Errors
    ///
    /// [`NotPaused`]: there is none left.
    ///
    /// Twisted: `CooperativeTask.resume`.
    pub fn resume(&self) -> Result<(), NotPaused> {
        let pauses = self.0.pauses().checked_sub(1).ok_or(NotPaused)?;
        self.0.set_pauses(pauses);
        Ok(())
    }

    /// Ends the task: drops its iterator, cancels a deferred that it waits for, and fails those who
    /// wait for its end with [`TaskStopped`].
    ///
    /// In a step of the task itself the iterator is dropped when that step is over.
    ///
    /// # Errors
    ///
    /// [`TaskFinished`]: it has ended before, and how.
    ///
    /// Twisted: `CooperativeTask.stop`.
    pub fn stop(&self) -> Result<(), TaskFinished> {
        if let Some(finished) = self.0.finished() {
            return Err(finished);
        }
        self.0.finish(Ending::Stopped);
        Ok(())
    }

    /// How the task has ended; `None` if it has not.
    #[must_use]
    pub fn finished(&self) -> Option<TaskFinished> {
        self.0.finished()
    }

    /// Gives the end of the task as a [`Deferred`], each time it is asked, also afterwards.
    ///
    /// It fails with [`TaskFailed`], whose source is the failure of the iterator, with
    /// [`TaskStopped`], with [`SchedulerStopped`], or with
    /// [`Abandoned`](ropewalk_deferred::Abandoned) if the reactor was dropped. Cancelling it
    /// concerns nobody else: the task goes on.
    ///
    /// # Examples
    ///
    /// ```
    /// use ropewalk_reactor::{ManualClock, Reactor};
    /// use ropewalk_task::{ReactorTask, TaskFailed};
    /// use std::time::Duration;
    ///
    /// let clock = ManualClock::new();
    /// let reactor = Reactor::builder().manual_clock(&clock).build()?;
    /// let lines = ["1", "two", "3"];
    /// let task = reactor.cooperate(lines.map(|line| Ok(drop(line.parse::<u32>()?))));
    /// clock.advance(Duration::ZERO);
    /// for _ in 0..2 {
    ///     let failure = task.when_done().try_take().unwrap().unwrap_err();
    ///     assert!(failure.is::<TaskFailed>());
    ///     assert!(failure.root_cause().is::<std::num::ParseIntError>());
    /// }
    /// # std::io::Result::Ok(())
    /// ```
    ///
    /// Twisted: `CooperativeTask.whenDone`.
    #[doc(alias = "whenDone")]
    #[track_caller]
    pub fn when_done(&self) -> Deferred<()> {
        self.0.when_done()
    }
}

impl fmt::Debug for CooperativeTask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CooperativeTask")
            .field("location", &self.0.location)
            .field("pauses", &self.0.pauses())
            .field("finished", &self.finished())
            .finish()
    }
}
