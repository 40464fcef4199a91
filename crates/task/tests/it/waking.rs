//! Wakers on this thread and on others, and with the reactor gone.

use crate::signal::{Dropped, Signal, elsewhere, manual, run_briefly, settle};
use ropewalk_deferred::{Abandoned, Cancelled};
use ropewalk_reactor::Reactor;
use ropewalk_task::ReactorTask;
use ropewalk_testing::{
    DEADLINE, EventLog, capture_tracing, failure_as, no_result, success_of, within,
};
use std::cell::Cell;
use std::future::poll_fn;
use std::rc::Rc;
use std::sync::mpsc::channel;
use std::task::Poll;
use std::thread;

#[test]
fn another_thread_wakes_a_sleeping_reactor() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let signal = Signal::default();
        let (waits, started) = (signal.clone(), EventLog::new());
        let log = started.clone();
        let deferred = reactor.spawn(async move {
            log.add("started");
            waits.wait().await;
            Reactor::with_current(Reactor::stop);
        });
        let other = thread::Builder::new().spawn(move || {
            started.wait_for("started", DEADLINE);
            signal.set();
        });
        reactor.run().unwrap();
        other.unwrap().join().unwrap();
        success_of(deferred);
    });
}

#[test]
fn wake_ups_on_the_reactor_thread_are_no_calls_from_threads() {
    let (clock, reactor) = manual();
    let signal = Signal::default();
    let waits = signal.clone();
    let deferred = reactor.spawn(async move { waits.wait().await });
    settle(&clock);
    signal.set();
    settle(&clock);
    success_of(deferred);
    assert_eq!(reactor.stats().calls, 0);
}

#[test]
fn wake_ups_on_another_thread_are_no_calls_from_threads_either() {
    let (clock, reactor) = manual();
    let signals: Vec<_> = (0..100).map(|_| Signal::default()).collect();
    let wait = |signal: Signal| reactor.spawn(async move { signal.wait().await });
    let tasks: Vec<_> = signals.iter().cloned().map(wait).collect();
    settle(&clock);
    elsewhere(move || signals.iter().for_each(Signal::set));
    settle(&clock);
    tasks.into_iter().for_each(success_of);
    assert_eq!(reactor.stats().calls, 0);
}

#[test]
fn a_task_that_wakes_itself_is_polled_again_once() {
    let (clock, reactor) = manual();
    let polls = Rc::new(Cell::new(0));
    let count = Rc::clone(&polls);
    let task = poll_fn(move |context| {
        count.set(count.get() + 1);
        (0..3).for_each(|_| context.waker().wake_by_ref());
        if count.get() < 5 { Poll::Pending } else { Poll::Ready(()) }
    });
    let deferred = reactor.spawn(task);
    settle(&clock);
    success_of(deferred);
    assert_eq!(polls.get(), 5);
}

#[test]
fn i2_no_wake_up_of_many_is_lost_in_one_run() {
    const ROUNDS: u32 = 3_000;
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let (signal, (done, seen)) = (Signal::default(), channel());
        let waits = signal.clone();
        let deferred = reactor.spawn(async move {
            for _ in 0..ROUNDS {
                waits.wait().await;
                done.send(()).unwrap();
            }
            Reactor::with_current(Reactor::stop);
        });
        let other = thread::Builder::new().spawn(move || {
            for _ in 0..ROUNDS {
                signal.set();
                seen.recv().unwrap();
            }
        });
        reactor.run().unwrap();
        other.unwrap().join().unwrap();
        success_of(deferred);
    });
}

#[test]
fn a_waker_of_a_task_that_is_gone_does_not_wake_the_one_in_its_place() {
    let (clock, reactor) = manual();
    let signal = Signal::default();
    let waits = signal.clone();
    let old = reactor.spawn(async move { waits.wait().await });
    settle(&clock);
    old.cancel();
    failure_as::<Cancelled, _>(old);
    let polls = Rc::new(Cell::new(0));
    let count = Rc::clone(&polls);
    let new = reactor.spawn(poll_fn(move |_| {
        count.set(count.get() + 1);
        Poll::<()>::Pending
    }));
    settle(&clock);
    signal.set();
    settle(&clock);
    assert_eq!(polls.get(), 1);
    no_result(new).detach();
}

#[test]
fn i1_the_last_waker_dropped_elsewhere_leaves_the_future_where_it_is() {
    let (clock, reactor) = manual();
    let (log, signal) = (EventLog::default(), Signal::default());
    let (held, waits) = (Dropped("future", log.clone()), signal.clone());
    let deferred = reactor.spawn(async move {
        let _held = held;
        waits.wait().await;
    });
    settle(&clock);
    elsewhere(move || drop(signal.waker()));
    settle(&clock);
    let deferred = no_result(deferred);
    assert!(log.is_empty());
    deferred.cancel();
    failure_as::<Cancelled, _>(deferred);
    assert_eq!(log.take(), [("future", thread::current().id())]);
}

#[test]
fn i1_wakers_outlive_the_reactor_on_any_thread() {
    let (clock, reactor) = manual();
    let (log, here) = (EventLog::default(), thread::current().id());
    let signals: Vec<_> = (0..4).map(|_| Signal::default()).collect();
    let wait = |signal: Signal| {
        let held = Dropped("future", log.clone());
        reactor.spawn(async move {
            let _held = held;
            signal.wait().await;
        })
    };
    let tasks: Vec<_> = signals.iter().cloned().map(wait).collect();
    settle(&clock);
    let wakers: Vec<_> = signals.iter().map(Signal::waker).collect();
    drop(reactor);
    assert_eq!(log.take(), [("future", here); 4]);
    for task in tasks {
        failure_as::<Abandoned, _>(task);
    }
    let events = capture_tracing(|| {
        let [woken, by_ref, dropped, cloned] = <[_; 4]>::try_from(wakers).unwrap();
        let kept = cloned.clone();
        elsewhere(move || {
            woken.wake();
            by_ref.wake_by_ref();
            drop(dropped);
            drop(cloned.clone());
            cloned.wake();
        });
        kept.wake();
    });
    assert_eq!(events, []);
}

#[test]
fn i1_wake_ups_parked_while_stopped_are_dropped_with_the_reactor() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let (log, signal) = (EventLog::default(), Signal::default());
        let (held, waits) = (Dropped("future", log.clone()), signal.clone());
        let deferred = reactor.spawn(async move {
            let _held = held;
            waits.wait().await;
        });
        run_briefly(&reactor);
        elsewhere(move || signal.set());
        drop(reactor);
        assert_eq!(log.take(), [("future", thread::current().id())]);
        failure_as::<Abandoned, _>(deferred);
    });
}

#[test]
fn i1_a_reactor_may_be_dropped_while_other_threads_wake_its_tasks() {
    within(DEADLINE, || {
        for _ in 0..200 {
            let (clock, reactor) = manual();
            let (log, signal) = (EventLog::default(), Signal::default());
            let (held, waits) = (Dropped("future", log.clone()), signal.clone());
            let deferred = reactor.spawn(async move {
                let _held = held;
                waits.wait().await;
            });
            settle(&clock);
            let waker = signal.waker();
            let (ready, started) = channel();
            let other = thread::Builder::new().spawn(move || {
                ready.send(()).unwrap();
                waker.wake_by_ref();
                drop(waker);
            });
            started.recv().unwrap();
            drop(reactor);
            other.unwrap().join().unwrap();
            assert_eq!(log.take(), [("future", thread::current().id())]);
            failure_as::<Abandoned, _>(deferred);
        }
    });
}
