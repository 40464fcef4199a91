//! `Cooperator`: what a step may do, how long a turn is, and who else gets one.

use crate::cooperator::{counts, endless};
use crate::signal::{manual, run_briefly, settle};
use ropewalk_deferred::Deferred;
use ropewalk_reactor::Reactor;
use ropewalk_task::{
    CooperativeTask, Cooperator, ReactorTask, SchedulerStopped, TaskFinished, TaskStopped,
};
use ropewalk_testing::{DEADLINE, EventLog, failure_as, success_of, within};
use std::cell::{Cell, RefCell};
use std::iter::{from_fn, repeat_with};
use std::rc::Rc;
use std::time::{Duration, Instant};

/// What a step does with its own task.
type Slot<T> = Rc<RefCell<Option<T>>>;

fn taken<T>(slot: &Slot<T>) -> T {
    slot.borrow_mut().take().unwrap()
}

#[test]
fn i5_a_step_may_stop_or_pause_its_own_task() {
    let (clock, reactor) = manual();
    let own: Slot<CooperativeTask> = Slot::default();
    let ended = Rc::new(Cell::new(None));
    let (task, note) = (Rc::clone(&own), Rc::clone(&ended));
    let stops = reactor.cooperate(repeat_with(move || {
        let task = taken(&task);
        assert_eq!(task.stop(), Ok(()));
        assert_eq!(task.stop(), Err(TaskFinished::Stopped));
        note.set(task.finished());
    }));
    own.replace(Some(stops.clone()));
    settle(&clock);
    assert_eq!(ended.get(), Some(TaskFinished::Stopped));
    failure_as::<TaskStopped, _>(stops.when_done());
    drop(stops);
    assert_eq!(Rc::strong_count(&own), 1, "the iterator is dropped");

    let (count, steps) = endless();
    let task = Rc::clone(&own);
    let pauses = reactor.cooperate(steps.inspect(move |()| {
        let task = task.borrow().clone().unwrap();
        task.pause();
        task.resume().unwrap(); // back in line, once
        task.pause();
    }));
    own.replace(Some(pauses.clone()));
    settle(&clock);
    assert_eq!(count.get(), 1);
    pauses.resume().unwrap();
    settle(&clock);
    assert_eq!(count.get(), 2);
    pauses.stop().unwrap();
    assert_eq!(count.get(), 2);
    own.take();
}

#[test]
fn what_a_step_gives_after_it_has_stopped_its_task_is_cancelled() {
    let (clock, reactor) = manual();
    let own: Slot<CooperativeTask> = Slot::default();
    let (promise, pending) = Deferred::<()>::new();
    let (task, pending) = (Rc::clone(&own), Cell::new(Some(pending)));
    own.replace(Some(reactor.cooperate(repeat_with(move || {
        taken(&task).stop().unwrap();
        pending.take().unwrap()
    }))));
    settle(&clock);
    assert!(promise.is_cancelled());
}

#[test]
fn i5_a_step_may_add_tasks_and_stop_its_cooperator() {
    let (clock, reactor) = manual();
    let log = EventLog::default();
    let cooperator = Cooperator::new(&reactor);
    let (inner, words) = (cooperator.clone(), log.clone());
    let mut steps = 0;
    let parent = cooperator.coiterate(repeat_with(move || {
        steps += 1;
        if steps < 3 {
            inner.coiterate(counts("child", 2, &words)).add_errback(|_| ()).detach();
        } else {
            inner.stop();
            assert!(!inner.running());
        }
        words.add(("parent", steps));
    }));
    settle(&clock);
    failure_as::<SchedulerStopped, _>(parent);
    let order = [("parent", 1), ("child", 1), ("parent", 2), ("child", 2), ("child", 1)];
    assert_eq!(log.take()[..5], order);
    drop(cooperator);
}

#[test]
fn i7_a_cooperator_starves_nobody() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let (count, steps) = endless();
        let own = Cooperator::with_slice(&reactor, Duration::ZERO);
        let (least, one_by_one) = endless();
        own.coiterate(one_by_one).detach();
        reactor.coiterate(steps).detach();
        let (handle, turns) = (reactor.handle(), reactor.stats().turns);
        let foreign = std::thread::Builder::new().spawn(move || {
            handle.call_from_thread(|reactor| {
                reactor.call_later(Duration::from_millis(5), Reactor::stop);
            })
        });
        reactor.run().unwrap();
        assert!(foreign.unwrap().join().unwrap().is_ok());
        let turns = reactor.stats().turns - turns;
        assert!(count.get() > 0 && u64::from(count.get()) <= turns * 1_000, "{count:?} {turns}");
        assert!(least.get() > 0 && u64::from(least.get()) <= turns, "a slice of nothing: one step");
    });
}

#[test]
fn a_slice_of_real_time_ends_the_turn() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let cooperator = Cooperator::with_slice(&reactor, Duration::from_millis(2));
        let (count, steps) = endless();
        let takes_long = steps.inspect(|()| {
            let begun = Instant::now();
            while begun.elapsed() < Duration::from_millis(1) {}
        });
        cooperator.coiterate(takes_long).detach();
        for turn in 1..=5 {
            reactor.turn(Some(Duration::ZERO)).unwrap();
            assert!((turn..=2 * turn).contains(&count.get()), "{count:?} in {turn}");
        }
    });
}

#[test]
fn a_clock_that_stands_still_is_not_held_by_an_endless_task() {
    let (clock, reactor) = manual();
    let (count, steps) = endless();
    reactor.coiterate(steps).detach();
    let rings = reactor.sleep(Duration::from_secs(1));
    clock.advance(Duration::from_secs(1));
    success_of(rings);
    assert!(count.get() > 1_000);
}

#[test]
fn a_task_goes_on_in_the_next_run() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let mut steps = 0;
        let ends = reactor.coiterate(from_fn(move || {
            steps += 1;
            Reactor::with_current(Reactor::stop);
            (steps <= 2_500).then_some(())
        }));
        let ended = Rc::new(Cell::new(false));
        let ends_it = Rc::clone(&ended);
        ends.map(move |()| ends_it.set(true)).detach();
        let mut runs = 0;
        while !ended.get() {
            run_briefly(&reactor);
            runs += 1;
        }
        // More where a busy machine has made one of them short.
        assert!((3..100).contains(&runs), "a thousand steps in a turn at most, and {runs} runs");
    });
}
