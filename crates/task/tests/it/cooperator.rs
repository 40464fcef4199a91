//! `Cooperator`: steps in turn, pauses, ends.

use crate::signal::{manual, settle};
use ropewalk_deferred::{Cancelled, Deferred, Panicked, TimedOut};
use ropewalk_reactor::ManualClock;
use ropewalk_task::{
    Cooperator, NotPaused, ReactorTask, SchedulerStopped, TaskFailed, TaskFinished, TaskStopped,
};
use ropewalk_testing::{EventLog, failure_as, failure_of, success_of};
use std::cell::Cell;
use std::iter::{empty, from_fn, once, repeat, repeat_with};
use std::rc::Rc;

/// An iterator that writes `name` and the number of the step, `steps` times.
pub(crate) fn counts(
    name: &'static str,
    steps: u32,
    log: &EventLog<(&'static str, u32)>,
) -> impl Iterator<Item = ()> + use<> {
    let log = log.clone();
    (1..=steps).map(move |step| log.add((name, step)))
}

/// An iterator that never ends, and counts its steps.
pub(crate) fn endless() -> (Rc<Cell<u32>>, impl Iterator<Item = ()>) {
    let count = Rc::new(Cell::new(0));
    let counts = Rc::clone(&count);
    (count, repeat_with(move || counts.set(counts.get() + 1)))
}

fn succeeds(clock: &ManualClock, end: Deferred<()>) {
    settle(clock);
    success_of(end);
}

#[test]
fn b190_tasks_make_their_steps_in_turn() {
    let (clock, reactor) = manual();
    let log = EventLog::default();
    let cooperator = Cooperator::new(&reactor);
    let ends: Vec<_> = [("a", 3), ("b", 1), ("c", 2)]
        .map(|(name, steps)| cooperator.coiterate(counts(name, steps, &log)))
        .into();
    assert_eq!(log.take(), [], "not before it returns");
    settle(&clock);
    assert_eq!(log.take(), [("a", 1), ("b", 1), ("c", 1), ("a", 2), ("c", 2), ("a", 3)]);
    ends.into_iter().for_each(success_of);
    succeeds(&clock, reactor.coiterate(empty::<()>()));
}

#[test]
fn b190_a_deferred_holds_its_task_and_nobody_else() {
    let (clock, reactor) = manual();
    let log = EventLog::default();
    let (promise, pending) = Deferred::<()>::new();
    let (slow, quick) = (log.clone(), log.clone());
    let items = [Deferred::succeed(()), pending, Deferred::succeed(())].into_iter();
    let waits = reactor.cooperate(items.inspect(move |_| slow.add(("slow", 0))));
    let goes_on = reactor.coiterate((1..=5).map(move |step| quick.add(("quick", step))));
    settle(&clock);
    success_of(goes_on);
    assert_eq!(log.take().iter().filter(|(name, _)| *name == "slow").count(), 2);
    assert!(reactor.delayed_calls().is_empty(), "i6: it waits for nothing but the deferred");
    assert_eq!(waits.resume(), Err(NotPaused), "waiting is no pause");
    promise.callback(());
    assert_eq!(log.take(), [], "not in the callback");
    succeeds(&clock, waits.when_done());
    assert_eq!(log.take(), [("slow", 0)]);
}

#[test]
fn b190_failures_of_an_iterator_go_to_who_waits_for_its_end() {
    let (clock, reactor) = manual();
    let log = EventLog::<(&str, u32)>::default();
    let after = log.clone();
    let fails = once(Err(TimedOut.into())).chain(from_fn(move || {
        after.add(("after", 0));
        Some(Ok(()))
    }));
    let given = reactor.coiterate(fails);
    let deferred = reactor.coiterate([Deferred::<()>::fail(TimedOut)]);
    let (promise, pending) = Deferred::<()>::new();
    let late = reactor.coiterate([pending]);
    settle(&clock);
    failure_as::<TimedOut, _>(given);
    failure_as::<TimedOut, _>(deferred);
    promise.errback(TimedOut);
    failure_as::<TimedOut, _>(late);
    assert_eq!(log.take(), [], "no step after that");

    let task = reactor.cooperate([Err(TimedOut.into())]);
    let before = [task.when_done(), task.when_done()];
    settle(&clock);
    for end in before.into_iter().chain([task.when_done()]) {
        let failure = failure_of(end);
        assert!(failure.root_cause().is::<TimedOut>());
        assert!(failure.downcast::<TaskFailed>().unwrap().failure().is::<TimedOut>());
    }
}

#[test]
fn i3_a_panic_fails_its_task_and_the_others_go_on() {
    let (clock, reactor) = manual();
    let log = EventLog::default();
    let line = line!() + 1;
    let panics = reactor.coiterate(from_fn(|| -> Option<()> { panic!("on purpose") }));
    let other = reactor.coiterate(counts("other", 2, &log));
    settle(&clock);
    let panicked = failure_as::<Panicked, _>(panics);
    assert_eq!(panicked.message(), "on purpose");
    assert_eq!((panicked.location().file(), panicked.location().line()), (file!(), line));
    success_of(other);
    assert_eq!(reactor.stats().panics, 0);
}

#[test]
fn b190_pauses_count_like_a_stack() {
    let (clock, reactor) = manual();
    let (count, steps) = endless();
    let task = reactor.cooperate(steps.take(10));
    assert_eq!(task.resume(), Err(NotPaused));
    task.pause();
    task.pause();
    assert!(reactor.delayed_calls().is_empty(), "i6");
    settle(&clock);
    assert_eq!(task.resume(), Ok(()));
    settle(&clock);
    assert_eq!(count.get(), 0);
    assert_eq!(task.resume(), Ok(()));
    assert_eq!(task.resume(), Err(NotPaused));
    succeeds(&clock, task.when_done());
    assert_eq!(count.get(), 10);
}

#[test]
fn a_task_that_waits_and_is_paused_needs_both() {
    let (clock, reactor) = manual();
    for promise_first in [false, true] {
        let (promise, pending) = Deferred::<()>::new();
        let task = reactor.cooperate([pending]);
        settle(&clock);
        task.pause();
        let mut promise = Some(promise);
        if promise_first {
            promise.take().unwrap().callback(());
        } else {
            task.resume().unwrap();
        }
        settle(&clock);
        assert_eq!(task.finished(), None);
        if let Some(promise) = promise {
            promise.callback(());
        } else {
            task.resume().unwrap();
        }
        settle(&clock);
        assert_eq!(task.finished(), Some(TaskFinished::Done));
    }
}

#[test]
fn b190_a_task_is_stopped_once_and_says_how_it_ended() {
    let (clock, reactor) = manual();
    let (payload, steps) = endless();
    let stopped = reactor.cooperate(steps);
    let ends = [stopped.when_done(), stopped.when_done()];
    stopped.stop().unwrap();
    assert_eq!(Rc::strong_count(&payload), 1, "the iterator is dropped");
    for end in ends.into_iter().chain([stopped.when_done()]) {
        failure_as::<TaskStopped, _>(end);
    }
    let done = reactor.cooperate(empty::<()>());
    let failed = reactor.cooperate([Err(TimedOut.into())]);
    let halted = {
        let cooperator = Cooperator::new(&reactor);
        let task = cooperator.cooperate(repeat(()));
        cooperator.stop();
        task
    };
    settle(&clock);
    let how = [
        (stopped, TaskFinished::Stopped),
        (done, TaskFinished::Done),
        (failed, TaskFinished::Failed),
        (halted, TaskFinished::SchedulerStopped),
    ];
    for (task, how) in how {
        assert_eq!(task.stop(), Err(how));
        task.pause();
        task.resume().unwrap();
        assert_eq!(task.finished(), Some(how), "that wakes nobody");
        task.when_done().add_both(|_| ()).detach();
    }
    assert!(reactor.delayed_calls().is_empty());
}

#[test]
fn b190_a_stopped_cooperator_fails_what_it_has_and_what_comes() {
    let (clock, reactor) = manual();
    let cooperator = Cooperator::new(&reactor);
    let (payload, steps) = endless();
    let runs = cooperator.coiterate(steps);
    let kept = Rc::clone(&payload);
    let paused = cooperator.cooperate(repeat_with(move || drop(Rc::clone(&kept))));
    paused.pause();
    let cancelled = Rc::new(Cell::new(false));
    let flag = Rc::clone(&cancelled);
    let (promise, pending) = Deferred::<()>::with_canceller(move || flag.set(true));
    let waits = cooperator.coiterate([pending]);
    settle(&clock);
    assert!(cooperator.running());
    cooperator.stop();
    cooperator.stop();
    assert!(!cooperator.running());
    failure_as::<SchedulerStopped, _>(runs);
    failure_as::<SchedulerStopped, _>(paused.when_done());
    failure_as::<SchedulerStopped, _>(waits);
    assert_eq!(Rc::strong_count(&payload), 1);
    assert!(cancelled.get() && promise.is_cancelled());
    assert!(reactor.delayed_calls().is_empty(), "i6");

    let (payload, steps) = endless();
    failure_as::<SchedulerStopped, _>(cooperator.coiterate(steps));
    assert_eq!(Rc::strong_count(&payload), 1);
    failure_as::<SchedulerStopped, _>(cooperator.cooperate(repeat(())).when_done());
    // Others are not concerned.
    succeeds(&clock, reactor.coiterate([()]));
}

#[test]
fn i6_b190_with_the_last_task_goes_the_call() {
    let (clock, reactor) = manual();
    let pending = || reactor.delayed_calls().len();
    let (one, other) = (reactor.cooperate(repeat(())), reactor.cooperate(repeat(())));
    assert_eq!(pending(), 1, "one for all");
    one.stop().unwrap();
    assert_eq!(pending(), 1);
    other.pause();
    assert_eq!(pending(), 0);
    other.resume().unwrap();
    assert_eq!(pending(), 1);
    other.stop().unwrap();
    assert_eq!(pending(), 0);
    let cancelled = reactor.coiterate(repeat(()));
    assert_eq!(pending(), 1);
    cancelled.cancel();
    assert_eq!(pending(), 0);
    failure_as::<Cancelled, _>(cancelled);
    let line = line!() + 1;
    reactor.coiterate([(), ()]).detach();
    assert_eq!(reactor.delayed_calls()[0].location.line(), line);
    settle(&clock);
    assert_eq!(pending(), 0);
}

#[test]
fn cancelling_one_of_those_who_wait_concerns_nobody_else() {
    let (clock, reactor) = manual();
    let task = reactor.cooperate([(); 3]);
    let (first, second, third) = (task.when_done(), task.when_done(), task.when_done());
    first.cancel();
    third.cancel();
    failure_as::<Cancelled, _>(first);
    failure_as::<Cancelled, _>(third);
    succeeds(&clock, second);
    success_of(task.when_done());
}

#[test]
fn cancelling_what_coiterate_gives_stops_the_task_and_what_it_waits_for() {
    let (clock, reactor) = manual();
    let log = EventLog::default();
    let (payload, steps) = endless();
    let runs = reactor.coiterate(steps);
    let (promise, pending) = Deferred::<()>::new();
    let waits = reactor.coiterate([pending]);
    reactor.coiterate(counts("dropped", 2, &log)).detach();
    runs.cancel();
    assert_eq!(Rc::strong_count(&payload), 1);
    failure_as::<Cancelled, _>(runs);
    settle(&clock);
    waits.cancel();
    failure_as::<Cancelled, _>(waits);
    assert!(promise.is_cancelled());
    assert_eq!(log.take().len(), 2, "dropping changes nothing");
}
