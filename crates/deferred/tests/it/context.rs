//! What is current where a callback is attached is current where it runs.

use crate::support::{Log, alone, result_of};
use ropewalk_deferred::{
    Abandoned, CallbackContext, Cancelled, Deferred, Panicked, clear_context_hook,
    set_context_hook, set_debugging,
};
use std::cell::Cell;
use std::rc::Rc;

thread_local! {
    static CURRENT: Cell<u32> = const { Cell::new(0) };
}

/// A number that is current; puts back the one before, unless it is unwound.
struct Number(u32);

impl CallbackContext for Number {
    fn run(&self, callback: &mut dyn FnMut()) {
        let before = CURRENT.replace(self.0);
        callback();
        CURRENT.set(before);
    }
}

/// Captures the current number while `act` runs.
fn capturing<R>(act: impl FnOnce() -> R) -> R {
    set_context_hook(|| match CURRENT.get() {
        0 => None,
        number => Some(Rc::new(Number(number))),
    });
    let result = act();
    clear_context_hook();
    CURRENT.set(0);
    result
}

/// W29: within one chain, and where the type changes.
#[test]
fn w29_each_callback_runs_in_the_context_in_which_it_was_attached() {
    let log = Log::default();
    let (promise, deferred) = Deferred::<u32>::new();
    let seen = |what: &'static str| {
        let log = log.clone();
        move || log.add(format_args!("{what} in {}", CURRENT.get()))
    };
    let (same, other, none, failed) = (seen("same"), seen("other"), seen("none"), seen("failed"));
    capturing(|| {
        CURRENT.set(1);
        let deferred = deferred.map(move |n| {
            same();
            n
        });
        CURRENT.set(2);
        let deferred = deferred.map(move |n| {
            other();
            n.to_string()
        });
        CURRENT.set(0);
        let deferred = deferred.add_callback(move |_| {
            none();
            Err::<(), _>(Abandoned.into())
        });
        CURRENT.set(3);
        deferred.on_failure(move |_| failed());
    });
    CURRENT.set(9);
    promise.callback(7);
    assert_eq!(log.take(), ["same in 1", "other in 2", "none in 9", "failed in 3"]);
    assert_eq!(CURRENT.replace(0), 9);
}

/// Also where it waits for another deferred, whose own callbacks have their own.
#[test]
fn w29_a_chain_that_waited_goes_on_in_its_own_context() {
    let log = Log::default();
    let (inner_promise, inner) = Deferred::<u32>::new();
    let (promise, outer) = Deferred::<()>::new();
    let (in_inner, in_outer) = (log.clone(), log.clone());
    capturing(|| {
        CURRENT.set(1);
        let inner = inner.map(move |n| {
            in_inner.add(format_args!("inner in {}", CURRENT.get()));
            n
        });
        CURRENT.set(2);
        outer
            .add_callback(move |()| inner)
            .map(move |_| in_outer.add(format_args!("outer in {}", CURRENT.get())))
            .detach();
    });
    promise.callback(());
    inner_promise.callback(7);
    assert_eq!(log.take(), ["inner in 1", "outer in 2"]);
}

#[test]
fn w29_a_callback_on_a_result_that_is_there_runs_where_it_is_attached() {
    let seen = capturing(|| {
        CURRENT.set(4);
        Deferred::succeed(()).map(|()| CURRENT.get())
    });
    assert_eq!(result_of(seen).unwrap(), 4);
}

/// The callback is within; what goes wrong there is its failure, and the context is put back.
#[test]
fn i3_a_panic_goes_round_the_context() {
    let (promise, deferred) = Deferred::<u32>::new();
    let deferred = capturing(|| {
        CURRENT.set(5);
        deferred.map(|_| -> u32 { panic!("within") })
    });
    promise.callback(1);
    assert_eq!(CURRENT.get(), 0);
    let failure = result_of(deferred).unwrap_err();
    assert_eq!(failure.downcast::<Panicked>().unwrap().message(), "within");
}

struct Refuses;

impl CallbackContext for Refuses {
    fn run(&self, _callback: &mut dyn FnMut()) {}
}

struct CallsTwice;

impl CallbackContext for CallsTwice {
    fn run(&self, callback: &mut dyn FnMut()) {
        callback();
        callback();
        panic!("after both");
    }
}

struct PanicsBefore;

impl CallbackContext for PanicsBefore {
    fn run(&self, _callback: &mut dyn FnMut()) {
        panic!("before");
    }
}

fn attached_in(context: fn() -> Option<Rc<dyn CallbackContext>>) -> Deferred<u32> {
    let (promise, deferred) = Deferred::<u32>::new();
    set_context_hook(context);
    let deferred = deferred.map(|n| n + 1);
    clear_context_hook();
    promise.callback(1);
    deferred
}

/// I2: whatever a context does, there is one outcome.
#[test]
fn i2_contexts_that_misbehave_cost_no_more_than_their_callback() {
    let refused = result_of(attached_in(|| Some(Rc::new(Refuses)))).unwrap_err();
    assert!(refused.is::<Abandoned>());
    for context in [
        || Some(Rc::new(CallsTwice) as Rc<dyn CallbackContext>),
        || Some(Rc::new(PanicsBefore) as Rc<dyn CallbackContext>),
    ] {
        let failure = result_of(attached_in(context)).unwrap_err();
        assert!(failure.is::<Panicked>());
    }
}

/// I5: the hook runs with nothing borrowed.
#[test]
fn i5_a_hook_may_replace_itself_and_attach() {
    set_context_hook(|| {
        clear_context_hook();
        let (promise, deferred) = Deferred::<u32>::new();
        deferred.map(|n| n + 1).detach();
        promise.callback(1);
        Some(Rc::new(Number(6)))
    });
    let (promise, deferred) = Deferred::<u32>::new();
    let deferred = deferred.map(|_| CURRENT.get()).map(|n| (n, CURRENT.get()));
    promise.callback(1);
    assert_eq!(result_of(deferred).unwrap(), (6, 0));
}

/// The next one to be asked for a context ends a chain first.
fn ending(end: impl FnOnce() + 'static) {
    let end = Cell::new(Some(end));
    set_context_hook(move || {
        end.take()?();
        Some(Rc::new(Number(6)))
    });
}

/// I2: what is being attached is called all the same, in the context that the hook has given.
#[test]
fn i2_a_hook_may_end_the_chain_for_which_it_is_asked() {
    let (promise, deferred) = Deferred::<u32>::new();
    ending(|| promise.callback(1));
    let same = deferred.map(|n| n + CURRENT.get());

    let (promise, deferred) = Deferred::<u32>::new();
    ending(|| promise.callback(1));
    let other = deferred.map(|n| format!("{n} in {}", CURRENT.get()));

    let (promise, deferred) = Deferred::<u32>::new();
    let handle = deferred.canceller();
    ending(move || handle.cancel());
    let failed = deferred.add_errback(|failure| {
        assert!(failure.is::<Cancelled>());
        Ok(CURRENT.get())
    });
    drop(promise);
    clear_context_hook();
    assert_eq!(result_of(same).unwrap(), 7);
    assert_eq!(result_of(other).unwrap(), "1 in 6");
    assert_eq!(result_of(failed).unwrap(), 6);
}

/// W29: also where the result lies in a chain, because a handle stands for that, or in debug mode.
#[test]
fn w29_the_hook_is_not_asked_for_a_result_that_is_there() {
    alone(|| {
        let asked = Rc::new(Cell::new(0));
        let count = Rc::clone(&asked);
        set_context_hook(move || {
            count.set(count.get() + 1);
            None
        });
        for debugging in [false, true] {
            set_debugging(debugging);
            let (promise, fired) = Deferred::<u32>::new();
            let handle = fired.canceller();
            promise.callback(1);
            drop(fired.map(|n| n + 1));
            drop(Deferred::succeed(1).map(|n| n + 1));
            drop(handle);
        }
        set_debugging(false);
        assert_eq!(asked.get(), 0);
        let (promise, pending) = Deferred::<u32>::new();
        let pending = pending.map(|n| n + 1);
        assert_eq!(asked.get(), 1);
        promise.callback(1);
        assert_eq!(result_of(pending).unwrap(), 2);
        clear_context_hook();
    });
}
