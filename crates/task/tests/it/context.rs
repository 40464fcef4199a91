//! What a program has captured where a task was spawned.

use crate::signal::{Signal, manual, settle};
use ropewalk_deferred::{
    Abandoned, CallbackContext, Cancelled, Panicked, clear_context_hook, set_context_hook,
};
use ropewalk_task::ReactorTask;
use ropewalk_testing::{Captured, capture_tracing};
use std::cell::{Cell, RefCell};
use std::future::pending;
use std::rc::Rc;

thread_local! {
    static CURRENT: Cell<u32> = const { Cell::new(0) };
}

struct Number(u32);

impl CallbackContext for Number {
    fn run(&self, callback: &mut dyn FnMut()) {
        let before = CURRENT.replace(self.0);
        callback();
        CURRENT.set(before);
    }
}

/// Writes down what is current when it is dropped.
struct Last(Rc<RefCell<Vec<u32>>>);

impl Drop for Last {
    fn drop(&mut self) {
        self.0.borrow_mut().push(CURRENT.get());
    }
}

fn panics_on_purpose() {
    panic!("goes round the context");
}

#[test]
fn w29_a_task_runs_in_the_context_in_which_it_was_spawned() {
    let (clock, reactor) = manual();
    let (signal, seen) = (Signal::default(), Rc::new(RefCell::new(Vec::new())));
    set_context_hook(|| Some(Rc::new(Number(CURRENT.get()))));
    CURRENT.set(7);
    let (waits, last) = (signal.clone(), Last(Rc::clone(&seen)));
    let log = Rc::clone(&seen);
    let task = reactor.spawn(async move {
        let _last = last;
        log.borrow_mut().push(CURRENT.get());
        waits.wait().await;
        log.borrow_mut().push(CURRENT.get() + 1);
        panics_on_purpose();
    });
    clear_context_hook();
    CURRENT.set(9);
    settle(&clock);
    signal.set();
    settle(&clock);
    assert!(task.try_take().unwrap().unwrap_err().is::<Panicked>());
    assert_eq!(*seen.borrow(), [7, 8, 7]);
    assert_eq!(CURRENT.replace(0), 9);
}

struct Refuses;

impl CallbackContext for Refuses {
    fn run(&self, _callback: &mut dyn FnMut()) {}
}

/// I2: then the task has failed, and its future is dropped all the same.
#[test]
fn i2_a_task_that_its_context_does_not_run_is_abandoned() {
    let (clock, reactor) = manual();
    let seen = Rc::new(RefCell::new(Vec::new()));
    set_context_hook(|| Some(Rc::new(Refuses)));
    let last = Last(Rc::clone(&seen));
    let task = reactor.spawn(async move { drop(last) });
    clear_context_hook();
    settle(&clock);
    assert!(task.try_take().unwrap().unwrap_err().is::<Abandoned>());
    assert_eq!(*seen.borrow(), [0]);
}

/// A context with a subscriber, say, that panics when it is told of the end.
struct Sore;

impl CallbackContext for Sore {
    fn run(&self, callback: &mut dyn FnMut()) {
        callback();
    }
}

impl Drop for Sore {
    fn drop(&mut self) {
        panic!("in drop");
    }
}

/// I3: whether the task ends, is cancelled, or its reactor is dropped.
#[test]
fn i3_a_context_that_panics_in_its_drop_harms_no_other_task() {
    let (clock, reactor) = manual();
    let seen = Rc::new(RefCell::new(Vec::new()));
    set_context_hook(|| Some(Rc::new(Sore)));
    let ends = reactor.spawn(async { Ok(7) });
    let next = reactor.spawn(async { Ok(8) });
    let cancelled = reactor.spawn(pending::<()>());
    let lasts = [0, 1].map(|_| {
        let last = Last(Rc::clone(&seen));
        reactor.spawn(async move {
            pending::<()>().await;
            drop(last);
        })
    });
    clear_context_hook();
    let log = capture_tracing(|| {
        settle(&clock);
        cancelled.cancel();
        drop(reactor);
    });
    assert_eq!(ends.try_take().unwrap().unwrap(), 7);
    assert_eq!(next.try_take().unwrap().unwrap(), 8);
    assert!(cancelled.try_take().unwrap().unwrap_err().is::<Cancelled>());
    for last in lasts {
        assert!(last.try_take().unwrap().unwrap_err().is::<Abandoned>());
    }
    assert_eq!(*seen.borrow(), [0, 0]);
    let told =
        |event: &&Captured| event.message.contains("dropping the context of a task panicked");
    assert_eq!(log.iter().filter(told).count(), 5, "{log:?}");
}
