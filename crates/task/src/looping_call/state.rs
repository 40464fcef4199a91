//! One loop: its function, and the run that is under way.
//!
//! While it runs, its reactor owns it ([`Loops`]); its timer, its canceller and the callback on what
//! its function has returned hold it weakly, and so none of them keeps another alive. A reactor that
//! is dropped ends its loops and drops their functions, whatever those have captured.
//!
//! **Borrow rule:** a run is borrowed to look at it or to change it, and never while the function or
//! a callback runs, or anything of the user's is dropped. The function is out of its place while it
//! is called.

use super::LoopingCall;
use super::grid::Grid;
use super::loops::Loops;
use crate::late::late;
use crate::panics::contain;
use crate::{AlreadyRunning, NotRunning};
use ropewalk_deferred::{
    Abandoned, Cancelled, Deferred, Failure, Outcome as _, Panicked, Promise, Result,
};
use ropewalk_reactor::{DelayedCall, Reactor, WeakReactor};
use std::cell::{Cell, RefCell};
use std::mem::replace;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::rc::{Rc, Weak};
use std::result::Result as StdResult;
use std::time::Duration;

pub(super) type Body = Box<dyn FnMut(&Reactor, u64) -> Deferred<()>>;

thread_local! {
    /// The loop whose function runs on this thread.
    static CURRENT: RefCell<Option<Weak<Looping>>> = const { RefCell::new(None) };
}

pub(super) struct Looping {
    body: Cell<Option<Body>>,
    run: RefCell<Option<Run>>,
    interval: Cell<Option<Duration>>,
    location: &'static Location<'static>,
}

/// From a start to the end that it leads to.
struct Run {
    id: u64,
    reactor: WeakReactor,
    grid: Grid,
    stage: Stage,
    ending: Ending,
    promise: Promise<LoopingCall>,
}

enum Stage {
    /// For the next point of the grid.
    Waiting(DelayedCall),
    Calling,
    /// For what the function has returned.
    Pending(Deferred<()>),
}

#[derive(Clone, Copy, PartialEq)]
enum Ending {
    Open,
    Stopped,
    Cancelled,
}

impl Looping {
    pub(super) fn new(body: Body, location: &'static Location<'static>) -> Rc<Self> {
        Rc::new(Self {
            body: Cell::new(Some(body)),
            run: RefCell::new(None),
            interval: Cell::new(None),
            location,
        })
    }

    /// The loop whose function runs now.
    pub(super) fn current() -> Option<Rc<Self>> {
        CURRENT.try_with(|current| current.borrow().as_ref().and_then(Weak::upgrade)).ok().flatten()
    }

    pub(super) fn running(&self) -> bool {
        self.run.borrow().as_ref().is_some_and(|run| run.ending == Ending::Open)
    }

    pub(super) fn interval(&self) -> Option<Duration> {
        self.interval.get()
    }

    #[track_caller]
    pub(super) fn start(
        self: &Rc<Self>,
        reactor: &Reactor,
        interval: Duration,
        later: bool,
    ) -> StdResult<Deferred<LoopingCall>, AlreadyRunning> {
        if self.run.borrow().is_some() {
            return Err(AlreadyRunning);
        }
        let body = self.body.take();
        let is_lost = body.is_none();
        self.body.set(body);
        if is_lost {
            return Ok(Deferred::fail(abandoned()));
        }
        let loops = reactor.local::<Loops>();
        let id = loops.insert(self);
        let weak = Rc::downgrade(self);
        let (promise, deferred) = Deferred::with_canceller(move || {
            if let Some(looping) = weak.upgrade() {
                looping.cancel(id);
            }
        });
        self.interval.set(Some(interval));
        *self.run.borrow_mut() = Some(Run {
            id,
            reactor: reactor.downgrade(),
            grid: Grid::new(reactor.now(), interval, later),
            stage: Stage::Calling,
            ending: Ending::Open,
            promise,
        });
        if later {
            self.wait_for_next(id);
        } else {
            self.call(id, reactor);
        }
        Ok(deferred)
    }

    pub(super) fn stop(self: &Rc<Self>) -> StdResult<(), NotRunning> {
        let waiting = {
            let mut run = self.run.borrow_mut();
            let run = run.as_mut().filter(|run| run.ending == Ending::Open).ok_or(NotRunning)?;
            run.ending = Ending::Stopped;
            matches!(run.stage, Stage::Waiting(_)).then_some(run.id)
        };
        if let Some(id) = waiting {
            self.end(id, Ok(()));
        }
        Ok(())
    }

    pub(super) fn reset(&self) -> StdResult<(), NotRunning> {
        let mut run = self.run.borrow_mut();
        let run = run.as_mut().filter(|run| run.ending == Ending::Open).ok_or(NotRunning)?;
        let now = run.reactor.with(Reactor::now).ok_or(NotRunning)?;
        run.grid.restart(now);
        if let Stage::Waiting(timer) = &run.stage {
            // It is pending as long as the run waits for it.
            let _ = timer.reset(run.grid.until_next(now));
        }
        Ok(())
    }

    /// What cancelling the deferred of a start does. If the run is not over when this returns, that
    /// deferred fails all the same.
    fn cancel(self: &Rc<Self>, id: u64) {
        let looked = self.with_run(id, |run| {
            run.ending = Ending::Cancelled;
            match &run.stage {
                Stage::Waiting(_) => (true, None),
                Stage::Calling => (false, None),
                Stage::Pending(returned) => (false, Some(returned.canceller())),
            }
        });
        match looked {
            Some((true, _)) => self.end(id, Err(Cancelled.into())),
            Some((false, Some(returned))) => returned.cancel(),
            _ => {}
        }
    }

    /// Calls the function, if a point of the grid has come.
    fn call(self: &Rc<Self>, id: u64, reactor: &Reactor) {
        let now = reactor.now();
        let count = self.with_run(id, |run| {
            run.stage = Stage::Calling;
            run.grid.count(now)
        });
        let Some(count) = count else { return };
        if count == 0 {
            // The timer rang as late as a timer can, and that is too early for this interval.
            return self.wait_for_next(id);
        }
        let Some(mut body) = self.body.take() else { return };
        let called = {
            let _current = Current::enter(self);
            catch_unwind(AssertUnwindSafe(|| body(reactor, count)))
        };
        if self.with_run(id, |_| ()).is_some() {
            self.body.set(Some(body));
        } else {
            // The reactor was dropped meanwhile, and everything that belonged to it.
            contain("dropping the function of a loop", self.location, || drop(body));
        }
        let returned = called.unwrap_or_else(|payload| {
            Deferred::fail(Panicked::from_payload(payload, self.location))
        });
        match returned.try_take() {
            // A failure that nobody waits for is reported by the drop of the deferred.
            Ok(result) => drop(self.called(id, result).into_deferred()),
            Err(returned) => self.wait_for(id, returned),
        }
    }

    fn wait_for(self: &Rc<Self>, id: u64, returned: Deferred<()>) {
        let weak = Rc::downgrade(self);
        let returned = returned.add_both(move |result| match weak.upgrade() {
            Some(looping) => looping.called(id, result),
            None => late(result),
        });
        let mut returned = Some(returned);
        let ending = self.with_run(id, |run| {
            if let Some(returned) = returned.take() {
                run.stage = Stage::Pending(returned);
            }
            run.ending
        });
        if ending == Some(Ending::Cancelled) {
            self.cancel(id);
        }
        if let Some(returned) = returned {
            returned.detach();
        }
    }

    /// Goes on after a call, or ends; what is left is a failure that comes too late for that.
    fn called(self: &Rc<Self>, id: u64, result: Result<()>) -> Result<()> {
        let looked = self.with_run(id, |run| {
            let stage = replace(&mut run.stage, Stage::Calling);
            (stage, run.ending, run.promise.is_cancelled())
        });
        let Some((stage, ending, is_given_up)) = looked else { return late(result) };
        if let Stage::Pending(returned) = stage {
            returned.detach();
        }
        match (ending, result) {
            (Ending::Open, Ok(())) => self.wait_for_next(id),
            (Ending::Cancelled, result) if is_given_up => {
                self.end(id, Err(Cancelled.into()));
                return late(result);
            }
            (Ending::Cancelled, Ok(())) => self.end(id, Err(Cancelled.into())),
            (_, result) => self.end(id, result),
        }
        Ok(())
    }

    fn wait_for_next(self: &Rc<Self>, id: u64) {
        let Some(reactor) = self.with_run(id, |run| run.reactor.clone()) else { return };
        let weak = Rc::downgrade(self);
        reactor.with(|reactor| {
            let now = reactor.now();
            self.with_run(id, |run| {
                let delay = run.grid.until_next(now);
                let rings = move |reactor: &Reactor| {
                    if let Some(looping) = weak.upgrade() {
                        looping.call(id, reactor);
                    }
                };
                run.stage = Stage::Waiting(reactor.call_later_at(self.location, delay, rings));
            });
        });
    }

    fn end(self: &Rc<Self>, id: u64, result: Result<()>) {
        let ended = self.run.borrow_mut().take_if(|run| run.id == id);
        let Some(Run { reactor, stage, promise, .. }) = ended else { return };
        match stage {
            Stage::Waiting(timer) => {
                // It is pending, or its reactor is gone.
                let _ = timer.cancel();
            }
            Stage::Calling => {}
            Stage::Pending(returned) => returned.detach(),
        }
        let is_open = reactor.with(|reactor| {
            drop(reactor.local::<Loops>().remove(id));
            !reactor.is_dropped()
        });
        if is_open != Some(true) {
            // It ends with something else of a reactor that is being dropped, just before it would
            // be closed itself.
            self.drop_body();
        }
        promise.settle(result.map(|()| LoopingCall::of(Rc::clone(self))));
    }

    /// The end of the reactor, in which the function ends, too.
    pub(super) fn close(&self) {
        let run = self.run.take();
        self.drop_body();
        contain("abandoning a loop", self.location, || {
            let Some(Run { stage, promise, .. }) = run else { return };
            drop(stage);
            // In its own canceller the drop is enough: the cancel has the word.
            if !promise.is_cancelled() {
                promise.errback(abandoned());
            }
        });
    }

    fn drop_body(&self) {
        let body = self.body.take();
        contain("dropping the function of a loop", self.location, || drop(body));
    }

    fn with_run<R>(&self, id: u64, look: impl FnOnce(&mut Run) -> R) -> Option<R> {
        self.run.borrow_mut().as_mut().filter(|run| run.id == id).map(look)
    }
}

/// `Abandoned`, and what that means here: nobody has seen the promise.
fn abandoned() -> Failure {
    Failure::new(Abandoned).context(
        "the loop ended with its reactor, which was dropped: to end without a failure it has to be \
         stopped before",
    )
}

/// While it lives, a loop is the current one.
struct Current(Option<Weak<Looping>>);

impl Current {
    fn enter(looping: &Rc<Looping>) -> Self {
        let current = Some(Rc::downgrade(looping));
        Self(CURRENT.try_with(|place| place.replace(current)).ok().flatten())
    }
}

impl Drop for Current {
    fn drop(&mut self) {
        let outer = self.0.take();
        // Fails only when the thread is at its very end, where nothing was put there either.
        let _ = CURRENT.try_with(|place| place.replace(outer));
    }
}
