//! Budgets, idling and depth.

use crate::signal::{Signal, manual, settle};
use ropewalk_deferred::{Abandoned, Cancelled, Deferred};
use ropewalk_reactor::Reactor;
use ropewalk_task::ReactorTask;
use ropewalk_testing::{DEADLINE, EventLog, failure_as, success_of, within};
use std::cell::Cell;
use std::future::poll_fn;
use std::num::NonZeroUsize;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

#[test]
fn a_hundred_thousand_tasks_finish() {
    const TASKS: u32 = 100_000;
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let finished = Rc::new(Cell::new(0));
        for _ in 0..TASKS {
            let finished = Rc::clone(&finished);
            let task = async move {
                yield_once().await;
                finished.set(finished.get() + 1);
                if finished.get() == TASKS {
                    Reactor::with_current(Reactor::stop);
                }
            };
            reactor.spawn(task).detach();
        }
        reactor.run().unwrap();
        assert_eq!(finished.get(), TASKS);
    });
}

async fn yield_once() {
    let mut yielded = false;
    poll_fn(|context| {
        if std::mem::replace(&mut yielded, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

async fn restless() {
    loop {
        yield_once().await;
    }
}

#[test]
fn i7_tasks_that_never_rest_starve_neither_timers_nor_calls() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        for _ in 0..1_000 {
            reactor.spawn(restless()).detach();
        }
        let handle = reactor.handle();
        reactor.call_later(Duration::from_millis(1), move |_| {
            handle.call_from_thread(Reactor::stop).unwrap();
        });
        reactor.run().unwrap();
    });
}

#[test]
fn i7_a_turn_runs_a_limited_number_of_tasks() {
    let reactor = Reactor::new().unwrap();
    let polled = Rc::new(Cell::new(0_u32));
    for _ in 0..10_000 {
        let polled = Rc::clone(&polled);
        reactor.spawn(async move { polled.set(polled.get() + 1) }).detach();
    }
    let mut before = 0;
    while polled.get() < 10_000 {
        reactor.turn(Some(Duration::ZERO)).unwrap();
        let in_this_turn = polled.get() - before;
        assert!((1..=256).contains(&in_this_turn), "{in_this_turn}");
        before = polled.get();
    }
}

/// Every look at the clock finds the time over: one task in each turn.
#[test]
fn i7_w12_slow_tasks_leave_time_for_the_others_and_none_is_forgotten() {
    within(DEADLINE, || {
        let reactor = Reactor::builder().time_budget(Duration::ZERO).build().unwrap();
        let log = EventLog::new();
        for number in 0..5 {
            let log = log.clone();
            let task = async move {
                log.add(format!("{number}"));
                yield_once().await;
                log.add(format!("{number} again"));
            };
            reactor.spawn(task).detach();
        }
        let rounds = (0..5).map(|n| format!("{n}")).chain((0..5).map(|n| format!("{n} again")));
        for expected in rounds {
            // It does not sleep on those that are left.
            reactor.turn(None).unwrap();
            assert_eq!(log.take(), [expected], "one in each turn, in order");
        }
        assert_eq!(reactor.stats().soon, 10);
        reactor.turn(Some(Duration::ZERO)).unwrap();
        assert_eq!(reactor.stats().soon, 10, "no call that finds no task");
    });
}

#[test]
fn i7_the_budget_of_the_reactor_bounds_the_tasks_of_a_turn() {
    for (budget, expected) in [(3, [3, 6, 9, 10]), (1_000, [10; 4])] {
        let builder = Reactor::builder().budget(NonZeroUsize::new(budget).unwrap());
        let reactor = builder.time_budget(Duration::MAX).build().unwrap();
        let polled = Rc::new(Cell::new(0));
        for _ in 0..10 {
            let polled = Rc::clone(&polled);
            reactor.spawn(async move { polled.set(polled.get() + 1) }).detach();
        }
        for polls in expected {
            reactor.turn(Some(Duration::ZERO)).unwrap();
            assert_eq!(polled.get(), polls);
        }
    }
}

#[test]
fn i7_a_task_that_wakes_itself_runs_once_in_a_turn() {
    let reactor = Reactor::new().unwrap();
    let polled = Rc::new(Cell::new(0));
    let counts = Rc::clone(&polled);
    let task = async move {
        while counts.get() < u32::MAX {
            counts.set(counts.get() + 1);
            yield_once().await;
        }
    };
    reactor.spawn(task).detach();
    for turn in 1..=3 {
        reactor.turn(Some(Duration::ZERO)).unwrap();
        assert_eq!(polled.get(), turn);
    }
}

#[test]
fn i6_a_thousand_waiting_tasks_cause_no_turns() {
    within(DEADLINE, || {
        // However long a turn takes, the turns below are enough.
        let reactor = Reactor::builder().time_budget(Duration::MAX).build().unwrap();
        let signal = Signal::default();
        for _ in 0..1_000 {
            let signal = signal.clone();
            reactor.spawn(async move { signal.wait().await }).detach();
        }
        for _ in 0..8 {
            reactor.turn(Some(Duration::ZERO)).unwrap();
        }
        let before = reactor.stats().turns;
        reactor.call_later(Duration::from_millis(20), Reactor::stop);
        reactor.run().unwrap();
        let turns = reactor.stats().turns - before;
        assert!(turns <= 3, "{turns} turns while nothing was to be done");
    });
}

/// Tasks each of which awaits the one before it; the first one awaits `first`.
fn line_of_tasks(reactor: &Reactor, first: Deferred<u32>, tasks: u32) -> Deferred<u32> {
    (0..tasks).fold(first, |before, _| reactor.spawn(async { Ok(before.await? + 1) }))
}

#[test]
fn i10_a_long_line_of_tasks_finishes() {
    within(DEADLINE, || {
        let (clock, reactor) = manual();
        let (promise, first) = Deferred::new();
        let last = line_of_tasks(&reactor, first, 100_000).map(|n| {
            Reactor::with_current(Reactor::stop);
            n
        });
        settle(&clock);
        promise.callback(0);
        reactor.run().unwrap();
        assert_eq!(success_of(last), 100_000);
    });
}

#[test]
fn i10_a_long_line_of_tasks_is_cancelled_and_dropped() {
    // Each of them fails, and with `RUST_BACKTRACE` set each failure walks the stack.
    const TASKS: u32 = 3_000;
    within(DEADLINE, || {
        let (clock, reactor) = manual();
        let (promise, first) = Deferred::new();
        let last = line_of_tasks(&reactor, first, TASKS);
        settle(&clock);
        last.cancel();
        failure_as::<Cancelled, _>(last);
        drop(promise);

        let (_promise, first) = Deferred::new();
        let last = line_of_tasks(&reactor, first, TASKS);
        settle(&clock);
        drop(reactor);
        failure_as::<Abandoned, _>(last);
    });
}

#[test]
fn i10_tasks_that_return_tasks_a_hundred_thousand_deep_finish() {
    fn nest(depth: u32) -> Deferred<u32> {
        let spawned = Reactor::with_current(|reactor| {
            reactor.spawn(
                async move { if depth == 0 { Deferred::succeed(7) } else { nest(depth - 1) } },
            )
        });
        spawned.unwrap()
    }
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let deferred = reactor.spawn(async { nest(100_000) }).map(|n| {
            Reactor::with_current(Reactor::stop);
            n
        });
        reactor.run().unwrap();
        assert_eq!(success_of(deferred), 7);
    });
}
