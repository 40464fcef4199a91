//! Dropping a reactor with tasks in it.

use crate::signal::{Dropped, Signal, manual, settle};
use ropewalk_deferred::{Abandoned, Cancelled, Deferred};
use ropewalk_reactor::WeakReactor;
use ropewalk_task::{DeferredTimeout, ReactorTask};
use ropewalk_testing::{EventLog, capture_tracing, failure_as, failure_of, no_result};
use std::cell::RefCell;
use std::future::pending;
use std::rc::Rc;
use std::time::Duration;

#[test]
fn i2_dropping_the_reactor_abandons_what_is_pending_and_frees_all_of_it() {
    let (clock, reactor) = manual();
    let payload = Rc::new(());
    let hold = || Rc::clone(&payload);
    let (held, new, woken) = (hold(), hold(), hold());
    let signal = Signal::default();
    let waits = signal.clone();
    let waiting = reactor.spawn(async move {
        pending::<()>().await;
        drop(held);
    });
    let queued = reactor.spawn(async move {
        waits.wait().await;
        drop(woken);
    });
    settle(&clock);
    signal.set();
    let unpolled = reactor.spawn(async move { drop(new) });
    let rests = reactor.sleep(Duration::from_secs(1));
    let held = hold();
    let later = reactor.defer_later(Duration::from_secs(1), move |_| drop(held));
    let (promise, limited) = Deferred::<u32>::new();
    let limited = limited.timeout(&reactor, Duration::from_secs(1));
    drop(reactor);
    for deferred in [waiting, queued, unpolled, rests, later] {
        failure_as::<Abandoned, _>(deferred);
    }
    assert_eq!(Rc::strong_count(&payload), 1);
    // What has its promise elsewhere only lost its limit.
    let limited = no_result(limited);
    promise.errback(Abandoned);
    drop(failure_of(limited));
}

#[test]
fn i5_a_future_that_is_dropped_with_its_reactor_may_still_use_it() {
    struct Busy(WeakReactor, Signal, EventLog<(&'static str, std::thread::ThreadId)>);
    impl Drop for Busy {
        fn drop(&mut self) {
            self.1.set();
            let last = Dropped("spawned in a drop", self.2.clone());
            self.0.with(|reactor| {
                reactor.spawn(async move { drop(last) }).add_errback(|_| ()).detach();
            });
        }
    }
    let (clock, reactor) = manual();
    let (log, signal) = (EventLog::default(), Signal::default());
    let busy = Busy(reactor.downgrade(), signal.clone(), log.clone());
    let first = reactor.spawn(async move {
        let _busy = busy;
        pending::<()>().await;
    });
    let second = reactor.spawn(async move { signal.wait().await });
    settle(&clock);
    let events = capture_tracing(|| drop(reactor));
    assert_eq!(log.len(), 1);
    assert_eq!(events, []);
    failure_as::<Abandoned, _>(first);
    failure_as::<Abandoned, _>(second);
}

#[test]
fn i5_callbacks_that_run_because_the_reactor_is_dropped_may_cancel_others() {
    let (clock, reactor) = manual();
    let others = Rc::new(RefCell::new(Vec::<Deferred<()>>::new()));
    let cancels = Rc::clone(&others);
    let first = reactor.spawn(pending::<()>()).add_errback(move |_| {
        let others = cancels.take();
        others.iter().for_each(Deferred::cancel);
        cancels.replace(others);
    });
    let rest = (0..3).map(|_| reactor.spawn(pending::<()>()));
    others.borrow_mut().extend(rest);
    settle(&clock);
    drop(reactor);
    first.detach();
    for deferred in others.take() {
        failure_as::<Cancelled, _>(deferred);
    }
}
