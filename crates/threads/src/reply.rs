//! The reactor's side of a question: it is asked, answered, or called off.

use crate::bridge::Bridge;
use crate::ledger::{Key, Party};
use crate::slot::Filler;
use ropewalk_deferred::{CancelHandle, Cancelled, Failure, Outcome, Panicked, Result};
use ropewalk_reactor::{Reactor, ReactorHandle};
use std::any::Any;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};

/// How far a question has come, for its cancellation.
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

/// What answers once the closure has returned a `Deferred`.
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

/// Hands in the question. The filler answers in any case, at the latest by its drop.
#[track_caller]
pub(crate) fn send<F, R>(handle: &ReactorHandle, filler: Filler<Result<R::Value>, Progress>, f: F)
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

pub(crate) fn cancel_chain(reactor: &Reactor, key: Key) {
    // The chain answers by itself: with `Cancelled`, or with what its canceller makes of it.
    if let Some(chain) = Bridge::of(reactor).replies.take_work(key) {
        chain.cancel();
    }
}
