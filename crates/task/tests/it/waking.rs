//! Wakers on this thread, on others, with the reactor stopped, crashed and gone.

use crate::signal::{Dropped, Signal, elsewhere, manual, run_briefly, settle};
use ropewalk_deferred::{Abandoned, Cancelled, Deferred};
use ropewalk_reactor::{ManualClock, Phase, Reactor, SystemEvent};
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
use std::time::Duration;

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
fn tasks_survive_a_stop_and_go_on_in_the_next_run() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let signal = Signal::default();
        let waits = signal.clone();
        let deferred = reactor.spawn(async move { waits.wait().await });
        run_briefly(&reactor);
        signal.set();
        let deferred = no_result(deferred);
        run_briefly(&reactor);
        success_of(deferred);
    });
}

#[test]
fn i2_a_wake_up_from_another_thread_between_two_runs_is_kept_for_the_second() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let signal = Signal::default();
        for turn_in_between in [false, true, false] {
            let waits = signal.clone();
            let deferred = reactor.spawn(async move { waits.wait().await });
            run_briefly(&reactor);
            if turn_in_between {
                reactor.turn(Some(Duration::ZERO)).unwrap();
            }
            let sets = signal.clone();
            elsewhere(move || sets.set());
            let deferred = no_result(deferred);
            run_briefly(&reactor);
            success_of(deferred);
        }
    });
}

#[test]
fn i2_a_wake_up_between_the_runs_of_a_reactor_that_had_no_tasks_is_kept() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        run_briefly(&reactor);
        let signal = Signal::default();
        let waits = signal.clone();
        let deferred = reactor.spawn(async move { waits.wait().await });
        reactor.turn(Some(Duration::ZERO)).unwrap();
        elsewhere(move || signal.set());
        run_briefly(&reactor);
        success_of(deferred);
    });
}

/// Calls are refused between two runs; wake-ups are not, whatever makes the next turn.
#[test]
fn i2_a_wake_up_from_another_thread_after_a_run_is_seen_by_any_turn() {
    let turns: [fn(&Reactor, &ManualClock); 4] = [
        |reactor, _| reactor.turn(Some(Duration::ZERO)).unwrap(),
        |_, clock| settle(clock),
        |reactor, clock| {
            reactor.accept_calls();
            settle(clock);
        },
        |reactor, _| run_briefly(reactor),
    ];
    within(DEADLINE, move || {
        for (number, turn) in turns.into_iter().enumerate() {
            let (clock, reactor) = manual();
            reactor.run_until(Deferred::succeed(())).unwrap();
            let (sender, receiver) = async_channel::unbounded();
            let log = EventLog::new();
            let received = log.clone();
            let task = reactor.spawn(async move {
                while let Ok(item) = receiver.recv().await {
                    received.add(item);
                }
            });
            settle(&clock);
            for round in 0..3 {
                sender.try_send("here").unwrap();
                settle(&clock);
                let foreign = sender.clone();
                elsewhere(move || foreign.try_send("there").unwrap());
                turn(&reactor, &clock);
                assert_eq!(log.take(), ["here", "there"], "turn {number}, round {round}");
            }
            drop(sender);
            settle(&clock);
            success_of(task);
        }
    });
}

#[test]
fn i2_a_wake_up_from_another_thread_wakes_a_turn_that_sleeps_after_a_run() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        run_briefly(&reactor);
        let (signal, (begun, begins)) = (Signal::default(), channel());
        let (waits, done) = (signal.clone(), Rc::new(Cell::new(false)));
        let is_done = Rc::clone(&done);
        let task = reactor.spawn(async move {
            begun.send(()).unwrap();
            waits.wait().await;
            is_done.set(true);
        });
        let other = thread::Builder::new().spawn(move || {
            begins.recv().unwrap();
            signal.set();
        });
        while !done.get() {
            reactor.turn(None).unwrap();
        }
        other.unwrap().join().unwrap();
        success_of(task);
    });
}

/// A worker that wakes a task and then drops its hold, as one that calls and then drops it.
#[test]
fn i2_a_wake_up_before_the_last_hold_is_dropped_is_seen_by_the_shutdown() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let signal = Signal::default();
        let waits = signal.clone();
        let task = reactor.spawn(async move { waits.wait().await });
        let hold = reactor.hold(SystemEvent::Shutdown);
        reactor.add_system_event_trigger(Phase::Before, SystemEvent::Shutdown, move |_| {
            elsewhere(move || {
                signal.set();
                drop(hold);
            });
        });
        run_briefly(&reactor);
        success_of(task);
    });
}

#[test]
fn i2_a_wake_up_before_a_crash_is_kept_for_the_next_run() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let signal = Signal::default();
        let (waits, sets) = (signal.clone(), signal);
        let deferred = reactor.spawn(async move { waits.wait().await });
        reactor.call_soon(move |reactor| {
            reactor.call_soon(move |reactor| {
                elsewhere(move || sets.set());
                reactor.crash();
            });
        });
        reactor.run().unwrap();
        let deferred = no_result(deferred);
        run_briefly(&reactor);
        success_of(deferred);
    });
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
fn i2_no_wake_up_is_lost_while_runs_begin_and_end() {
    const ROUNDS: u32 = 3_000;
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let (done, seen) = channel();
        let signals = [Signal::default(), Signal::default()];
        let tasks = signals.clone().map(|signal| {
            let done = done.clone();
            reactor.spawn(async move {
                for _ in 0..ROUNDS {
                    signal.wait().await;
                    done.send(()).unwrap();
                }
            })
        });
        // Both wakers at once, so that one of them may find the other's call on its way.
        let [first, second] = signals;
        let (go, gone) = channel();
        let a = thread::Builder::new().spawn(move || gone.iter().for_each(|()| first.set()));
        let b = thread::Builder::new().spawn(move || {
            for _ in 0..ROUNDS {
                go.send(()).unwrap();
                second.set();
                (0..2).for_each(|_| seen.recv_timeout(DEADLINE).unwrap());
            }
        });
        let b = b.unwrap();
        while !b.is_finished() {
            run_briefly(&reactor);
        }
        b.join().unwrap();
        a.unwrap().join().unwrap();
        run_briefly(&reactor);
        tasks.into_iter().for_each(success_of);
    });
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
