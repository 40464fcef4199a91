//! Wakers on other threads while the reactor is stopped, turned by hand, or on its way there.

use crate::signal::{Signal, elsewhere, manual, run_briefly, settle};
use ropewalk_deferred::Deferred;
use ropewalk_reactor::{ManualClock, Phase, Reactor, SystemEvent};
use ropewalk_task::ReactorTask;
use ropewalk_testing::{DEADLINE, EventLog, no_result, success_of, within};
use std::cell::Cell;
use std::rc::Rc;
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

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
