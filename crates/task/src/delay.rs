//! A timer as a deferred.
//!
//! The timer's closure is the only owner of the promise; what the canceller has is weak. So a
//! reactor that is dropped drops the closure and with it the promise, and nobody waits for ever.

use ropewalk_deferred::{Abandoned, Cancelled, Deferred, Outcome, Promise};
use ropewalk_reactor::{DelayedCall, Reactor};
use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

#[derive(Default)]
struct Alarm {
    promise: Cell<Option<Promise<()>>>,
    timer: Cell<Option<DelayedCall>>,
}

impl Alarm {
    fn ring(&self) {
        if let Some(promise) = self.promise.take() {
            promise.settle(Ok(()));
        }
    }

    fn cancel(&self) {
        let promise = self.promise.take();
        if let Some(timer) = self.timer.take() {
            // It may be the one that rings now; then the promise is gone and nothing is left to do.
            let _ = timer.cancel();
        }
        // Fired here and not dropped: an abandoned promise would be another error.
        if let Some(promise) = promise {
            promise.settle(Err(Cancelled.into()));
        }
    }
}

#[track_caller]
pub(crate) fn sleep(reactor: &Reactor, delay: Duration) -> Deferred<()> {
    let alarm = Rc::new(Alarm::default());
    let weak = Rc::downgrade(&alarm);
    let (promise, deferred) = Deferred::with_canceller(move || {
        if let Some(alarm) = weak.upgrade() {
            alarm.cancel();
        }
    });
    alarm.promise.set(Some(promise));
    let rings = Rc::clone(&alarm);
    alarm.timer.set(Some(reactor.call_later(delay, move |_| rings.ring())));
    deferred
}

#[track_caller]
pub(crate) fn defer_later<F, R>(reactor: &Reactor, delay: Duration, f: F) -> Deferred<R::Value>
where
    F: FnOnce(&Reactor) -> R + 'static,
    R: Outcome,
{
    let weak = reactor.downgrade();
    sleep(reactor, delay).add_callback(move |()| {
        let called = weak.with(|reactor| f(reactor).into_deferred());
        // A timer rings in a turn of its reactor, which is therefore there.
        called.unwrap_or_else(|| Deferred::fail(Abandoned))
    })
}
