//! `Cooperator`: failures that nobody asks for, panics, the reactor gone, and many of everything.

use crate::signal::{manual, settle};
use ropewalk_deferred::{Abandoned, Deferred, TimedOut, Unhandled};
use ropewalk_reactor::Reactor;
use ropewalk_task::{CooperativeTask, Cooperator, ReactorTask, TaskFailed, TaskFinished};
use ropewalk_testing::{
    Captured, DEADLINE, EventLog, capture_tracing, failure_as, success_of, within,
};
use std::cell::{Cell, RefCell};
use std::iter::{from_fn, once, repeat, repeat_with};
use std::rc::Rc;
use std::time::{Duration, Instant};
use tracing::Level;

type Slot<T> = Rc<RefCell<Option<T>>>;

fn errors(events: &[Captured]) -> Vec<&str> {
    let errors = events.iter().filter(|event| event.level == Level::ERROR);
    errors.map(|event| event.message.as_str()).collect()
}

#[test]
fn w11_a_failure_nobody_asked_for_is_reported_with_the_place_of_cooperate() {
    let (clock, reactor) = manual();
    let log = EventLog::<u32>::default();
    let heard = log.clone();
    reactor.set_unhandled_hook(move |unhandled: Unhandled| {
        assert!(unhandled.failure().is::<TaskFailed>());
        assert!(unhandled.failure().root_cause().is::<TimedOut>());
        heard.add(unhandled.created().line());
    });
    let line = line!() + 1;
    let task = reactor.cooperate([Err(TimedOut.into())]);
    drop(reactor.cooperate([Err(TimedOut.into())]));
    let asked = reactor.cooperate([Err(TimedOut.into())]);
    asked.when_done().add_both(|_| ()).detach();
    settle(&clock);
    assert_eq!(log.take(), [line + 1], "as soon as nobody can ask any more");
    reactor.call_soon(move |_| drop((task, asked)));
    settle(&clock);
    assert_eq!(log.take(), [line]);

    // What somebody has done on purpose is no news.
    let stopped = reactor.cooperate(repeat(()));
    stopped.stop().unwrap();
    let cooperator = Cooperator::new(&reactor);
    let halted = cooperator.cooperate(repeat(()));
    cooperator.stop();
    let refused = cooperator.cooperate(repeat(()));
    reactor.call_soon(move |_| drop((stopped, halted, refused)));
    settle(&clock);
    reactor.cooperate(repeat(())).pause();
    drop(reactor);
    assert_eq!(log.take(), []);
}

#[test]
fn i2_dropping_the_reactor_ends_every_task_and_frees_its_iterator() {
    let (clock, reactor) = manual();
    let payload = Rc::new(());
    let steps = || {
        let kept = Rc::clone(&payload);
        repeat_with(move || drop(Rc::clone(&kept)))
    };
    let own = Cooperator::new(&reactor);
    let (promise, pending) = Deferred::<()>::new();
    let waits = own.coiterate(once(pending).chain(repeat_with({
        let kept = Rc::clone(&payload);
        move || {
            drop(Rc::clone(&kept));
            Deferred::succeed(())
        }
    })));
    settle(&clock);
    let (default, runs) = (reactor.coiterate(steps()), own.coiterate(steps()));
    let paused = own.cooperate(steps());
    paused.pause();
    // An iterator that owns its own task: a circle, until the task ends.
    let circle: Slot<CooperativeTask> = Slot::default();
    let (held, kept) = (Rc::clone(&circle), Rc::clone(&payload));
    let task = reactor.cooperate(repeat_with(move || drop((held.clone(), kept.clone()))));
    circle.replace(Some(task));
    let end = paused.when_done();
    drop(reactor);
    for deferred in [default, runs, waits, end] {
        failure_as::<Abandoned, _>(deferred);
    }
    assert_eq!(Rc::strong_count(&payload), 1);
    assert!(promise.is_cancelled());
    assert_eq!(paused.stop(), Err(TaskFinished::Abandoned));
    let task = circle.take().unwrap();
    assert_eq!(task.finished(), Some(TaskFinished::Abandoned));
    // And nobody begins anew.
    failure_as::<Abandoned, _>(own.coiterate(repeat(())));
    failure_as::<Abandoned, _>(own.cooperate(repeat(())).when_done());
}

#[test]
fn i5_a_step_may_drop_its_reactor() {
    let reactor = Reactor::new().unwrap();
    let weak = reactor.downgrade();
    let owner: Slot<Reactor> = Slot::default();
    let held = Rc::clone(&owner);
    let ends = reactor.coiterate(repeat_with(move || {
        let reactor = held.borrow_mut().take();
        drop(reactor);
    }));
    owner.replace(Some(reactor));
    weak.with(|reactor| reactor.turn(Some(Duration::ZERO)).unwrap()).unwrap();
    failure_as::<Abandoned, _>(ends);
    assert_eq!(Rc::strong_count(&owner), 1);
    assert!(weak.with(|_| ()).is_none());
}

#[test]
fn i5_who_waits_for_an_end_may_add_tasks_to_a_cooperator_that_ends() {
    let (clock, reactor) = manual();
    let log = EventLog::<String>::default();
    for round in ["stop", "drop"] {
        let (cooperator, words) = (Cooperator::new(&reactor), log.clone());
        let more = cooperator.clone();
        cooperator
            .coiterate(repeat(()))
            .add_both(move |result| {
                words.add(format!("{round}: {}", result.unwrap_err()));
                let words = words.clone();
                more.coiterate(repeat(())).on_failure(move |it| words.add(format!("then {it}")));
            })
            .detach();
        settle(&clock);
        if round == "stop" {
            cooperator.stop();
        }
    }
    drop(reactor);
    let stopped = "the cooperator was stopped";
    let gone = Abandoned.to_string();
    let words = ["stop: ", "then ", "drop: ", "then "];
    let texts = [stopped, stopped, &gone, &gone];
    let expected = words.iter().zip(texts).map(|(word, text)| format!("{word}{text}"));
    assert_eq!(log.take(), expected.collect::<Vec<_>>());
}

#[test]
fn i3_what_panics_for_nobody_is_logged() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("in drop");
        }
    }
    let (clock, reactor) = manual();
    let bomb = Bomb;
    let task = reactor.cooperate(repeat_with(move || {
        let _ = &bomb;
    }));
    let events = capture_tracing(|| task.stop().unwrap());
    assert_eq!(errors(&events), ["dropping an iterator panicked"]);

    let bomb = Bomb;
    let end = reactor.coiterate(from_fn(move || {
        let _ = &bomb;
        None::<()>
    }));
    let events = capture_tracing(|| settle(&clock));
    assert_eq!(errors(&events), ["dropping an iterator panicked"]);
    success_of(end);

    let own: Slot<CooperativeTask> = Slot::default();
    let held = Rc::clone(&own);
    let task = reactor.cooperate(from_fn(move || -> Option<()> {
        let task = held.borrow_mut().take().unwrap();
        task.stop().unwrap();
        panic!("on purpose");
    }));
    own.replace(Some(task));
    let events = capture_tracing(|| settle(&clock));
    assert_eq!(errors(&events), ["a task that was stopped panicked"]);
}

#[test]
fn a_slow_step_is_named_with_the_place_of_its_task() {
    within(DEADLINE, || {
        let threshold = Duration::from_millis(1);
        let reactor = Reactor::builder().slow_callback(threshold).build().unwrap();
        let line = line!() + 1;
        let slow = reactor.cooperate(once(()).inspect(move |()| {
            let begun = Instant::now();
            while begun.elapsed() <= threshold {}
        }));
        let events = capture_tracing(|| reactor.run_until(slow.when_done()).unwrap());
        let warnings = events.iter().filter(|event| event.level == Level::WARN);
        let ours: Vec<_> = warnings.filter(|it| it.field("kind") == Some("iteration")).collect();
        assert!(!ours.is_empty());
        assert!(
            ours[0].field("location").unwrap().contains(&format!("cooperator_ends.rs:{line}:"))
        );
    });
}

/// A million; less without optimisation. That is still far too many for any recursion, and is done
/// in time on a machine that has other things to do.
const MANY: u32 = if cfg!(debug_assertions) { 200_000 } else { 1_000_000 };

/// Adds one, each time it is called.
fn told<T>(count: &Rc<Cell<u32>>) -> impl FnMut(T) + use<T> {
    let count = Rc::clone(count);
    move |_| count.set(count.get() + 1)
}

#[test]
fn i10_a_million_tasks_and_a_task_of_a_million_steps() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let count = Rc::new(Cell::new(0));
        for _ in 1..MANY {
            reactor.coiterate(once(()).map(told(&count))).detach();
        }
        reactor.run_until(reactor.coiterate(once(()).map(told(&count)))).unwrap();
        assert_eq!(count.replace(0), MANY);
        reactor.run_until(reactor.coiterate((0..MANY).map(told(&count)))).unwrap();
        assert_eq!(count.replace(0), MANY);
    });
}

/// Not a million: each of them fails, and with `RUST_BACKTRACE` set each failure walks the stack.
#[test]
fn i10_many_that_wait_for_one_end_and_many_ends_at_once() {
    const MANY: u32 = self::MANY / 10;
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let count = Rc::new(Cell::new(0));
        let one = reactor.cooperate(repeat(()));
        (0..MANY).for_each(|_| one.when_done().add_both(told(&count)).detach());
        one.stop().unwrap();
        assert_eq!(count.replace(0), MANY);
        let cooperator = Cooperator::new(&reactor);
        (0..MANY).for_each(|_| cooperator.coiterate(repeat(())).add_both(told(&count)).detach());
        cooperator.stop();
        assert_eq!(count.replace(0), MANY);
        (0..MANY).for_each(|_| reactor.coiterate(repeat(())).add_both(told(&count)).detach());
        drop(reactor);
        assert_eq!(count.get(), MANY);
    });
}
