//! Dropping a reactor with tasks in it.

use crate::signal::{Dropped, Signal, manual, settle};
use ropewalk_deferred::{Abandoned, Cancelled, Deferred};
use ropewalk_reactor::{Reactor, WeakReactor};
use ropewalk_task::{DeferredTimeout, LoopingCall, ReactorTask};
use ropewalk_testing::{EventLog, capture_tracing, failure_as, failure_of, no_result};
use std::cell::{Cell, RefCell};
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
fn i2_a_task_spawned_after_the_reactor_was_dropped_in_a_callback_is_abandoned() {
    type Run = Box<dyn FnOnce()>;
    let kinds: [fn(&Reactor, Run); 5] = [
        |reactor, run| drop(reactor.call_later(Duration::ZERO, |_| run())),
        |reactor, run| reactor.call_soon(|_| run()),
        |reactor, run| reactor.spawn(async { run() }).detach(),
        |reactor, run| {
            let mut run = Some(run);
            let looping = LoopingCall::new(move |_| run.take().into_iter().for_each(|run| run()));
            let ended = looping.start(reactor, Duration::from_secs(1)).unwrap();
            ended.add_both(drop).detach();
        },
        |reactor, run| {
            let steps = std::iter::once_with(run);
            reactor.coiterate(steps).add_both(drop).detach();
        },
    ];
    for (number, in_callback) in kinds.into_iter().enumerate() {
        let (clock, reactor) = manual();
        let weak = reactor.downgrade();
        let owner = Rc::new(RefCell::new(Some(reactor)));
        let (late, ran) = (Rc::new(RefCell::new(None)), Rc::new(Cell::new(false)));
        let (own, spawned, runs) = (Rc::clone(&owner), Rc::clone(&late), Rc::clone(&ran));
        let run = Box::new(move || {
            let reactor = own.take();
            drop(reactor);
            let task =
                Reactor::with_current(|reactor| reactor.spawn(async move { runs.set(true) }));
            *spawned.borrow_mut() = task;
        });
        weak.with(|reactor| {
            // In a callback in any case.
            reactor.call_later(Duration::from_secs(1), move |reactor| in_callback(reactor, run));
        });
        clock.advance(Duration::from_secs(2));
        assert!(!ran.get(), "kind {number}");
        failure_as::<Abandoned, _>(late.take().unwrap());
        assert!(owner.take().is_none());
    }
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

/// I2: also the task that does it, in the middle of its poll.
#[test]
fn i2_a_task_that_drops_its_reactor_is_abandoned_as_the_others() {
    let reactor = Reactor::new().unwrap();
    let weak = reactor.downgrade();
    let slot = Rc::new(RefCell::new(None));
    let owner = Rc::clone(&slot);
    let drops = reactor.spawn(async move {
        drop(owner.take());
        pending::<()>().await;
    });
    let other = reactor.spawn(pending::<()>());
    slot.replace(Some(reactor));
    weak.with(|reactor| reactor.turn(Some(Duration::ZERO)).unwrap());
    failure_as::<Abandoned, _>(drops);
    failure_as::<Abandoned, _>(other);
}

/// The owner's drop takes all of it along: no circle through the slab of the tasks.
#[test]
fn a_task_may_keep_a_reference_to_its_reactor_while_it_waits() {
    let (clock, reactor) = manual();
    let payload = Rc::new(());
    let held = Rc::clone(&payload);
    let task = reactor.spawn(async move {
        let reactor = Reactor::current().unwrap();
        reactor.sleep(Duration::from_secs(1)).await?;
        // The same one, without being asked for again.
        reactor.sleep(Duration::from_secs(60)).await?;
        drop(held);
        Ok(())
    });
    clock.advance(Duration::from_secs(1));
    assert_eq!(reactor.delayed_calls().len(), 1);
    drop(reactor);
    failure_as::<Abandoned, _>(task);
    assert_eq!(Rc::strong_count(&payload), 1);
}

/// At once, although somebody has a reference to it that lasts.
#[test]
fn i2_what_is_begun_on_a_reactor_that_is_gone_is_abandoned() {
    let (_, reactor) = manual();
    let gone = Rc::new(reactor.downgrade().upgrade().unwrap());
    drop(reactor);
    let hold = || Rc::clone(&gone);
    let held = hold();
    failure_as::<Abandoned, _>(gone.spawn(async move { drop(held) }));
    failure_as::<Abandoned, _>(gone.sleep(Duration::ZERO));
    let held = hold();
    failure_as::<Abandoned, _>(gone.defer_later(Duration::ZERO, move |_| drop(held)));
    let held = hold();
    let looping = LoopingCall::new(move |_| drop(Rc::clone(&held)));
    failure_as::<Abandoned, _>(looping.start_later(&gone, Duration::from_secs(1)).unwrap());
    assert!(!looping.running());
    let held = hold();
    failure_as::<Abandoned, _>(
        gone.coiterate(std::iter::repeat_with(move || drop(Rc::clone(&held)))),
    );
    let held = hold();
    gone.set_unhandled_hook(move |_| drop(Rc::clone(&held)));
    let (promise, limited) = Deferred::<u32>::new();
    let limited = no_result(limited.timeout(&gone, Duration::from_secs(1)));
    promise.errback(Abandoned);
    failure_as::<Abandoned, _>(limited);
    drop(looping);
    assert_eq!(Rc::strong_count(&gone), 1);
}
