//! One task: its iterator, why it does not go on, and who waits for its end.
//!
//! All user code of a task runs from here, and is contained: a step, the drop of the iterator, the
//! canceller of a deferred that is waited for, and the callbacks of those who wait for the end.
//!
//! **Borrow rule:** nothing is borrowed, and the iterator is out of its place, while that runs. So
//! a step may do anything to its own task.

use super::error::{SchedulerStopped, TaskFailed, TaskFinished, TaskStopped};
use super::turns::Turns;
use crate::late::late;
use crate::panics::{contain, tell};
use ropewalk_deferred::{
    Abandoned, CancelHandle, Cancelled, Deferred, Failure, Outcome, Panicked, Promise, Result,
};
use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::rc::{Rc, Weak};
use std::sync::Arc;

/// An iterator, whatever its type.
trait Steps {
    fn step(&mut self) -> Option<Deferred<()>>;
}

impl<I> Steps for I
where
    I: Iterator,
    I::Item: Outcome<Value = ()>,
{
    fn step(&mut self) -> Option<Deferred<()>> {
        self.next().map(Outcome::into_deferred)
    }
}

/// How a task comes to its end.
pub(super) enum Ending {
    Abandoned,
    Cancelled,
    Done,
    Failed(Failure),
    SchedulerStopped,
    Stopped,
}

/// What is kept of that.
#[derive(Clone)]
enum End {
    Failed(Arc<Failure>),
    Other(TaskFinished),
}

impl End {
    fn result(self) -> Result<()> {
        match self {
            Self::Failed(failure) => Err(TaskFailed::new(failure).into()),
            Self::Other(TaskFinished::Done) => Ok(()),
            Self::Other(TaskFinished::SchedulerStopped) => Err(SchedulerStopped.into()),
            Self::Other(TaskFinished::Stopped) => Err(TaskStopped.into()),
            // The failure of a single one went to the only one who could ask for it.
            Self::Other(TaskFinished::Abandoned | TaskFinished::Failed) => Err(Abandoned.into()),
        }
    }
}

pub(super) struct State {
    turns: Weak<Turns>,
    pub(super) location: &'static Location<'static>,
    /// Its place among the tasks of the cooperator.
    pub(super) slot: Cell<usize>,
    /// It stands in the ring, perhaps since before it was paused.
    pub(super) in_ring: Cell<bool>,
    /// It counts among those that can go on.
    pub(super) counted: Cell<bool>,
    /// Out of its place during a step.
    steps: Cell<Option<Box<dyn Steps>>>,
    pauses: Cell<usize>,
    /// What the iterator has given last has no result yet.
    awaited: Cell<Option<CancelHandle>>,
    waits: Cell<bool>,
    end: RefCell<Option<End>>,
    /// Nobody but the one deferred that was made with it can ever ask for its end.
    single: bool,
    promises: RefCell<Vec<Promise<()>>>,
    /// The first of those deferreds, until somebody takes it. If nobody does, its drop reports a
    /// failure of the iterator, with the place of `cooperate`.
    first: Cell<Option<Deferred<()>>>,
}

impl State {
    /// A task for [`CooperativeTask`](super::CooperativeTask).
    #[track_caller]
    pub(super) fn shared<I>(turns: &Rc<Turns>, iterator: I) -> Rc<Self>
    where
        I: Iterator + 'static,
        I::Item: Outcome<Value = ()>,
    {
        let (promise, first) = Deferred::new();
        let state = Self::new(turns, Box::new(iterator), false);
        state.promises.borrow_mut().push(promise);
        state.first.set(Some(first));
        Rc::new(state)
    }

    /// A task for one deferred.
    #[track_caller]
    pub(super) fn single<I>(turns: &Rc<Turns>, iterator: I) -> (Rc<Self>, Deferred<()>)
    where
        I: Iterator + 'static,
        I::Item: Outcome<Value = ()>,
    {
        let state = Rc::new(Self::new(turns, Box::new(iterator), true));
        let weak = Rc::downgrade(&state);
        let (promise, deferred) = Deferred::with_canceller(move || {
            if let Some(state) = weak.upgrade() {
                state.finish(Ending::Cancelled);
            }
        });
        state.promises.borrow_mut().push(promise);
        (state, deferred)
    }

    #[track_caller]
    fn new(turns: &Rc<Turns>, steps: Box<dyn Steps>, single: bool) -> Self {
        Self {
            turns: Rc::downgrade(turns),
            location: Location::caller(),
            slot: Cell::new(0),
            in_ring: Cell::new(false),
            counted: Cell::new(false),
            steps: Cell::new(Some(steps)),
            pauses: Cell::new(0),
            awaited: Cell::new(None),
            waits: Cell::new(false),
            end: RefCell::new(None),
            single,
            promises: RefCell::default(),
            first: Cell::new(None),
        }
    }

    pub(super) fn can_go_on(&self) -> bool {
        self.pauses.get() == 0 && !self.waits.get() && !self.has_ended()
    }

    fn has_ended(&self) -> bool {
        self.end.borrow().is_some()
    }

    /// Why it has ended, if it has.
    pub(super) fn finished(&self) -> Option<TaskFinished> {
        self.end.borrow().as_ref().map(|end| match end {
            End::Failed(_) => TaskFinished::Failed,
            End::Other(finished) => *finished,
        })
    }

    pub(super) fn pauses(&self) -> usize {
        self.pauses.get()
    }

    pub(super) fn set_pauses(self: &Rc<Self>, pauses: usize) {
        self.pauses.set(pauses);
        self.changed();
    }

    #[track_caller]
    pub(super) fn when_done(&self) -> Deferred<()> {
        if let Some(first) = self.first.take() {
            return first;
        }
        let (promise, deferred) = Deferred::new();
        let end = self.end.borrow().clone();
        match end {
            Some(end) => promise.settle(end.result()),
            None => self.promises.borrow_mut().push(promise),
        }
        deferred
    }

    /// Takes the iterator one step further.
    pub(super) fn step(self: &Rc<Self>) {
        let Some(mut steps) = self.steps.take() else { return };
        let stepped = catch_unwind(AssertUnwindSafe(|| steps.step()));
        let given = match stepped {
            Ok(Some(given)) => given,
            Ok(None) => return self.leave(steps, Ending::Done),
            Err(payload) => {
                let panicked = Panicked::from_payload(payload, self.location);
                if self.has_ended() {
                    let (location, message) = (self.location, panicked.message());
                    let what = "a task that was stopped panicked";
                    tell(|| tracing::error!(%location, panic = message, "{what}"));
                }
                return self.leave(steps, Ending::Failed(panicked.into()));
            }
        };
        if self.has_ended() {
            // It has stopped itself; what it gave after that nobody waits for.
            self.discard(steps);
            given.cancel();
            given.add_both(late).detach();
            return;
        }
        self.steps.set(Some(steps));
        match given.try_take() {
            Ok(Ok(())) => {}
            Ok(Err(failure)) => self.finish(Ending::Failed(failure)),
            Err(pending) => self.wait_for(pending),
        }
    }

    fn wait_for(self: &Rc<Self>, pending: Deferred<()>) {
        self.waits.set(true);
        self.awaited.set(Some(pending.canceller()));
        self.changed();
        let weak = Rc::downgrade(self);
        let came = move |result| match weak.upgrade() {
            Some(state) if !state.has_ended() => {
                state.go_on_with(result);
                Ok(())
            }
            _ => late(result),
        };
        pending.add_both(came).detach();
    }

    fn go_on_with(self: &Rc<Self>, result: Result<()>) {
        self.waits.set(false);
        drop(self.awaited.take());
        match result {
            Ok(()) => self.changed(),
            Err(failure) => self.finish(Ending::Failed(failure)),
        }
    }

    /// Ends it with the iterator out of its place.
    fn leave(self: &Rc<Self>, steps: Box<dyn Steps>, ending: Ending) {
        self.discard(steps);
        self.finish(ending);
    }

    /// Ends it, unless it has ended: drops the iterator, cancels what it waits for, and then tells
    /// those who wait for it.
    pub(super) fn finish(self: &Rc<Self>, ending: Ending) {
        if self.has_ended() {
            return;
        }
        let mut only_failure = None;
        let end = match ending {
            Ending::Failed(failure) if self.single => {
                only_failure = Some(failure);
                End::Other(TaskFinished::Failed)
            }
            Ending::Failed(failure) => End::Failed(Arc::new(failure)),
            Ending::Cancelled => {
                only_failure = Some(Cancelled.into());
                End::Other(TaskFinished::Stopped)
            }
            Ending::Abandoned => End::Other(TaskFinished::Abandoned),
            Ending::Done => End::Other(TaskFinished::Done),
            Ending::SchedulerStopped => End::Other(TaskFinished::SchedulerStopped),
            Ending::Stopped => End::Other(TaskFinished::Stopped),
        };
        self.end.replace(Some(end.clone()));
        self.changed();
        if let Some(turns) = self.turns.upgrade() {
            turns.remove(self);
        }
        if let Some(steps) = self.steps.take() {
            self.discard(steps);
        }
        if let Some(awaited) = self.awaited.take() {
            contain("cancelling what a task waits for", self.location, || awaited.cancel());
        }
        if matches!(end, End::Other(_)) {
            // No news to whoever has ended it; only a failure of its own must not get lost.
            if let Some(first) = self.first.take() {
                first.add_both(|_| ()).detach();
            }
        }
        for promise in self.promises.take() {
            let result = only_failure.take().map_or_else(|| end.clone().result(), Err);
            contain("the result of a task", self.location, || promise.settle(result));
        }
    }

    fn discard(&self, steps: Box<dyn Steps>) {
        contain("dropping an iterator", self.location, || drop(steps));
    }

    fn changed(self: &Rc<Self>) {
        if let Some(turns) = self.turns.upgrade() {
            turns.changed(self);
        }
    }
}
