//! What the tests share.

use ropewalk_deferred::{Deferred, Result};
use ropewalk_reactor::{Hold, Phase, Reactor, ReactorHandle, ReactorStopped, SystemEvent};
use ropewalk_threadpool::{SubmitErrorKind, ThreadPool};
use std::cell::RefCell;
use std::panic::Location;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, Builder, JoinHandle};
use std::time::Duration;

/// An error of the tests, to be found again by its type.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Refused(pub(crate) u32);

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "refused {}", self.0)
    }
}

impl std::error::Error for Refused {}

pub(crate) fn foreign<T: Send + 'static>(
    body: impl FnOnce() -> T + Send + 'static,
) -> JoinHandle<T> {
    Builder::new().name("foreign".to_owned()).spawn(body).unwrap()
}

/// Where the result of a deferred will be found.
pub(crate) type Place<T> = Rc<RefCell<Option<Result<T>>>>;

pub(crate) fn peek<T>(deferred: Deferred<T>) -> Place<T> {
    let place = Rc::new(RefCell::new(None));
    let slot = Rc::clone(&place);
    deferred
        .add_both(move |result| {
            slot.replace(Some(result));
        })
        .detach();
    place
}

/// The result, which must have come by now.
#[track_caller]
pub(crate) fn taken<T>(place: &Place<T>) -> Result<T> {
    place.take().expect("no result has come")
}

/// Whether the deferred has failed because the reactor has stopped.
#[track_caller]
pub(crate) fn is_stopped<T>(place: &Place<T>) -> bool {
    taken(place).err().expect("a failure").is::<ReactorStopped>()
}

/// Runs the reactor until the deferred has its result.
#[track_caller]
pub(crate) fn run_for<T>(reactor: &Reactor, deferred: Deferred<T>) -> Result<T> {
    let handle = reactor.handle();
    let place = peek(deferred.add_both(move |result| {
        handle.stop();
        result
    }));
    if place.borrow().is_none() {
        reactor.run().unwrap();
    }
    taken(&place)
}

/// A deferred whose result does not come, with its canceller.
pub(crate) fn unanswered<T: 'static>(
    reactor: &Reactor,
    canceller: impl FnOnce() + 'static,
) -> Deferred<T> {
    let (promise, deferred) = Deferred::with_canceller(canceller);
    reactor.call_later(Duration::MAX, |_| drop(promise));
    deferred
}

/// Has `body` called while a *before* trigger of `event` holds the shutdown, in a turn of its own.
pub(crate) fn while_held(
    reactor: &Reactor,
    event: SystemEvent,
    body: impl FnOnce(&Reactor, Hold) + 'static,
) {
    reactor.add_system_event_trigger(Phase::Before, event, move |reactor| {
        let hold = reactor.hold(event);
        reactor.call_soon(move |reactor| body(reactor, hold));
    });
}

/// Stops the reactor once it has dealt with all calls that were handed in before.
pub(crate) fn stop_after_calls(handle: &ReactorHandle) {
    handle.call_from_thread(|reactor| reactor.stop()).unwrap();
}

/// A closure that waits until it is let go, and what lets it go.
pub(crate) struct Gate {
    pub(crate) started: Receiver<()>,
    pub(crate) open: Sender<()>,
}

/// A job that tells when it runs, and then waits.
pub(crate) fn gated() -> (Gate, impl FnOnce() + Send + 'static) {
    let (starts, started) = channel();
    let (open, opened) = channel::<()>();
    let job = move || {
        let _ = starts.send(());
        // An error means that the gate is gone: that lets go as well.
        let _ = opened.recv();
    };
    (Gate { started, open }, job)
}

/// A pool of one thread, which one gate blocks.
pub(crate) fn single(name: &str) -> ThreadPool {
    ThreadPool::builder().name(name).max_threads(1).build().unwrap()
}

/// Whether the pool takes no more jobs.
#[track_caller]
pub(crate) fn is_closed(pool: &ThreadPool) -> bool {
    pool.call_in_thread(|| ()).err().is_some_and(|it| it.kind() == SubmitErrorKind::Stopped)
}

/// Counts the drops of its clones.
#[derive(Default)]
pub(crate) struct Drops(Arc<AtomicUsize>);

impl Drops {
    pub(crate) fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }

    pub(crate) fn witness(&self) -> Witness {
        Witness(Arc::clone(&self.0))
    }
}

pub(crate) struct Witness(Arc<AtomicUsize>);

impl Drop for Witness {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// The body of a closure that is never to run, and keeps the witness of its drop.
#[track_caller]
pub(crate) fn must_not_run(_captured: &Witness) {
    unreachable!("a closure that was called off has run");
}

/// Runs a closure when it is dropped.
pub(crate) struct OnDrop<F: FnOnce()>(Option<F>);

impl<F: FnOnce()> OnDrop<F> {
    pub(crate) fn new(f: F) -> Self {
        Self(Some(f))
    }
}

impl<F: FnOnce()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        if let Some(f) = self.0.take() {
            f();
        }
    }
}

pub(crate) fn thread_name() -> String {
    thread::current().name().unwrap_or_default().to_owned()
}

/// Whether `location` is in the file of the caller, at most six lines above.
#[track_caller]
pub(crate) fn just_above(location: &Location<'_>) -> bool {
    let here = Location::caller();
    let lines = here.line().saturating_sub(6)..here.line();
    location.file() == here.file() && lines.contains(&location.line())
}
