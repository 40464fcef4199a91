//! The lock: who has it, who is next, and what it owns.

use crate::support::{
    Log, LogsDrop, PanicsInDrop, Shared, failure_of, peek, result_of, shared, small_stack, take,
    unhandled_in, without_backtraces,
};
use ropewalk_deferred::{
    Abandoned, Cancelled, Deferred, DeferredLock, Failure, LockGuard, Panicked, Promise, TimedOut,
};
use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

const MILLION: usize = crate::support::MILLION as usize;

/// Acquires, writes `name` as soon as it has the lock, and keeps it in the slot that is returned.
fn ask<T>(
    lock: &DeferredLock<T>,
    log: &Log,
    name: &'static str,
) -> (Deferred<()>, Shared<LockGuard<T>>) {
    let slot = Rc::new(RefCell::new(None));
    let (place, log) = (Rc::clone(&slot), log.clone());
    let deferred = lock.acquire().map(move |guard| {
        log.add(name);
        place.replace(Some(guard));
    });
    (deferred, slot)
}

#[test]
fn b174_the_first_has_it_at_once_and_a_release_hands_it_over() {
    let (lock, log) = (DeferredLock::new(), Log::default());
    assert!(!lock.is_locked());
    let (first, guard) = ask(&lock, &log, "first");
    assert_eq!(log.take(), ["first"]);
    assert!(lock.is_locked());

    let (second, next) = ask(&lock, &log, "second");
    let (third, last) = ask(&lock, &log, "third");
    assert_eq!((log.take().len(), lock.waiting()), (0, 2));

    drop(take(&guard));
    assert_eq!(log.take(), ["second"]);
    assert!(lock.is_locked());
    assert_eq!(lock.waiting(), 1);
    assert!(lock.try_acquire().is_none());

    drop(take(&next));
    drop(take(&last));
    assert_eq!(log.take(), ["third"]);
    assert!(!lock.is_locked());
    for deferred in [first, second, third] {
        assert!(result_of(deferred).is_ok());
    }
}

#[test]
fn b174_run_releases_when_the_deferred_of_its_function_has_its_result() {
    type Fire = fn(Promise<u32>);
    let ways: [Fire; 3] =
        [|promise| promise.callback(7), |promise| promise.errback(TimedOut), drop];
    for (way, fire) in ways.into_iter().enumerate() {
        let lock = DeferredLock::new();
        let (promise, deferred) = Deferred::<u32>::new();
        let running = lock.run(move || deferred);
        assert!(lock.is_locked());
        let next = peek(lock.run(|| Ok("next")));
        assert!(take(&next).is_none());
        fire(promise);
        assert_eq!(take(&next).unwrap().unwrap(), "next");
        assert!(!lock.is_locked());
        match result_of(running) {
            Ok(value) => assert_eq!((way, value), (0, 7)),
            Err(failure) if way == 1 => assert!(failure.is::<TimedOut>()),
            Err(failure) => assert!(way == 2 && failure.is::<Abandoned>()),
        }
    }
}

#[test]
fn b174_run_releases_after_a_result_a_failure_and_a_panic() {
    let lock = DeferredLock::new();
    assert_eq!(result_of(lock.run(|| Ok(7))).unwrap(), 7);
    assert!(!lock.is_locked());
    assert!(result_of(lock.run(|| ())).is_ok());
    let failed = lock.run(|| -> Result<(), Failure> { Err(TimedOut.into()) });
    assert!(failure_of(failed).is::<TimedOut>());
    assert!(!lock.is_locked());

    let line = line!() + 1;
    let panicked = failure_of(lock.run(|| -> Result<(), Failure> { panic!("in run") }));
    let panicked = panicked.downcast_ref::<Panicked>().unwrap();
    assert_eq!(panicked.message(), "in run");
    assert_eq!((panicked.location().file(), panicked.location().line()), (file!(), line));
    assert!(!lock.is_locked());
}

/// The other order would be a result whose lock may still be taken.
#[test]
fn b174_run_has_released_when_its_result_is_there() {
    let (lock, log) = (DeferredLock::new(), Log::default());
    let (promise, deferred) = Deferred::<u32>::new();
    let (seen, same) = (log.clone(), lock.clone());
    let run = lock.run(move || deferred);
    run.map(move |n| seen.add(format_args!("{n} {}", same.is_locked()))).detach();
    let (next, guard) = ask(&lock, &log, "next");
    promise.callback(7);
    assert_eq!(log.take(), ["next", "7 true"]);
    drop((next, guard));
}

#[test]
fn b174_cancelling_a_waiter_fails_it_and_the_next_has_its_place() {
    let (lock, log) = (DeferredLock::new(), Log::default());
    let (_first, guard) = ask(&lock, &log, "first");
    let (second, never) = ask(&lock, &log, "second");
    let (_third, last) = ask(&lock, &log, "third");
    second.cancel();
    assert_eq!(lock.waiting(), 1);
    assert!(failure_of(second).is::<Cancelled>());
    assert!(take(&never).is_none());
    drop(take(&guard));
    assert_eq!(log.take(), ["first", "third"]);
    drop(take(&last));
    assert!(!lock.is_locked());
}

#[test]
fn b174_cancelling_after_acquiring_has_no_effect() {
    let lock = DeferredLock::new();
    let at_once = lock.acquire();
    let later = lock.acquire();
    at_once.cancel();
    drop(result_of(at_once).unwrap());
    assert!(lock.is_locked());
    later.cancel();
    assert!(lock.is_locked());
    drop(result_of(later).unwrap());
    assert!(!lock.is_locked());
}

#[test]
fn b174_run_cancelled_while_it_waits_does_not_call_its_function() {
    let (lock, log) = (DeferredLock::new(), Log::default());
    let guard = lock.try_acquire();
    let held = LogsDrop(log.clone(), "closure dropped");
    let seen = log.clone();
    let run = lock.run(move || {
        seen.add("called");
        drop(held);
    });
    run.cancel();
    assert_eq!(log.take(), ["closure dropped"]);
    assert_eq!(lock.waiting(), 0);
    drop(guard);
    assert!(!lock.is_locked());
    assert!(failure_of(run).is::<Cancelled>());
}

#[test]
fn b174_run_cancelled_while_it_runs_cancels_what_its_function_returned() {
    let lock = DeferredLock::new();
    let (promise, deferred) = Deferred::<u32>::new();
    let run = lock.run(move || deferred);
    assert!(lock.is_locked());
    run.cancel();
    assert!(promise.is_cancelled() && !lock.is_locked());
    assert!(failure_of(run).is::<Cancelled>());
}

#[test]
fn dropping_what_waits_gives_up_its_place_and_detaching_it_does_not() {
    let (lock, log) = (DeferredLock::new(), Log::default());
    let guard = lock.try_acquire();
    let unhandled = unhandled_in(|| {
        drop(lock.acquire());
        let (attached, _) = ask(&lock, &log, "dropped");
        drop(attached);
        assert_eq!(lock.waiting(), 0);
        let (attached, kept) = ask(&lock, &log, "detached");
        attached.detach();
        lock.acquire().detach();
        drop(lock.run(|| ()));
        assert_eq!(lock.waiting(), 3);
        drop(guard);
        assert_eq!(log.take(), ["detached"]);
        drop(take(&kept));
    });
    // What nobody took came back by its drop.
    assert!(unhandled.is_empty() && !lock.is_locked());
}

#[test]
fn the_value_goes_from_hand_to_hand() {
    let lock = DeferredLock::with_value(vec![0]);
    let guard = shared(lock.try_acquire().unwrap());
    for number in 1..4 {
        lock.acquire().map(move |mut guard| guard.push(number)).detach();
    }
    drop(take(&guard));
    let guard = lock.try_acquire().unwrap();
    assert_eq!(*guard, [0, 1, 2, 3]);
    drop(guard);
    assert!(!DeferredLock::<u8>::default().is_locked());
}

#[test]
fn i2_the_value_is_dropped_once_and_with_the_last_who_could_reach_it() {
    let log = Log::default();
    let lock = DeferredLock::with_value(LogsDrop(log.clone(), "value"));
    drop(lock.clone());
    let guard = lock.try_acquire();
    drop(lock);
    assert!(log.take().is_empty());
    drop(guard);
    assert_eq!(log.take(), ["value"]);
}

/// Whoever started work through it need not keep the lock for its sake.
#[test]
fn i2_who_waits_is_served_when_nothing_but_a_guard_is_left() {
    let log = Log::default();
    let lock = DeferredLock::with_value(LogsDrop(log.clone(), "value"));
    let guard = lock.try_acquire();
    for name in ["one", "two"] {
        let (deferred, slot) = ask(&lock, &log, name);
        deferred.map(move |()| drop(take(&slot))).detach();
    }
    drop(lock);
    drop(guard);
    assert_eq!(log.take(), ["one", "two", "value"]);
}

#[test]
fn i3_a_guard_in_a_callback_that_panics_is_given_back() {
    let (lock, log) = (DeferredLock::new(), Log::default());
    let guard = lock.try_acquire();
    let mut failed = Vec::new();
    for name in ["one", "two"] {
        let log = log.clone();
        failed.push(lock.acquire().map(move |guard| {
            log.add(name);
            let _held = guard;
            panic!("{name}");
        }));
    }
    let user = catch_unwind(AssertUnwindSafe(|| {
        let _held = guard;
        panic!("the first holder");
    }));
    assert!(user.is_err() && !lock.is_locked());
    assert_eq!(log.take(), ["one", "two"]);
    failed.into_iter().map(failure_of).for_each(|failure| assert!(failure.is::<Panicked>()));
}

#[test]
fn i3_a_value_that_panics_in_its_drop_costs_no_result() {
    let lock = DeferredLock::with_value(PanicsInDrop);
    let (promise, deferred) = Deferred::<u32>::new();
    let run = lock.run(move || deferred);
    drop(lock);
    promise.callback(7);
    assert_eq!(result_of(run).unwrap(), 7);
}

#[test]
fn i5_a_callback_may_acquire_cancel_drop_and_release() {
    let (lock, log) = (DeferredLock::new(), Log::default());
    let guard = lock.try_acquire();
    let to_cancel: Shared<Deferred<LockGuard>> = Rc::default();
    let to_drop: Shared<Deferred<LockGuard>> = Rc::default();
    let (asked, own) = ask(&lock, &log, "asked before");
    let (cancelled, dropped) = (Rc::clone(&to_cancel), Rc::clone(&to_drop));
    let (same, seen) = (lock.clone(), log.clone());
    let busy = asked.map(move |()| {
        let end = take(&cancelled).unwrap();
        end.cancel();
        seen.add(failure_of(end));
        drop(take(&dropped));
        assert_eq!(same.waiting(), 0);
        assert!(same.try_acquire().is_none());
        let (asked, next) = ask(&same, &seen, "asked inside");
        drop(take(&own));
        seen.add("after the release");
        drop((asked, next));
    });
    to_cancel.replace(Some(lock.acquire()));
    to_drop.replace(Some(lock.acquire()));
    drop(guard);
    assert!(result_of(busy).is_ok());
    let cancelled = Cancelled.to_string();
    assert_eq!(log.take(), ["asked before", &cancelled, "asked inside", "after the release"]);
    assert!(!lock.is_locked());
}

#[test]
fn i5_a_callback_may_drop_the_last_of_the_lock() {
    let log = Log::default();
    let lock = shared(DeferredLock::with_value(LogsDrop(log.clone(), "value")));
    let guard = lock.borrow().as_ref().unwrap().try_acquire();
    let held = Rc::clone(&lock);
    let acquired = lock.borrow().as_ref().unwrap().acquire();
    acquired
        .map(move |guard| {
            drop(take(&held));
            drop(guard);
        })
        .detach();
    drop(guard);
    assert_eq!(log.take(), ["value"]);
}

#[test]
fn debug_tells_who_waits() {
    let lock = DeferredLock::with_value(LogsDrop(Log::default(), "not shown"));
    assert_eq!(format!("{lock:?}"), "DeferredLock { locked: false, waiting: 0, .. }");
    let guard = lock.try_acquire().unwrap();
    let _next = lock.acquire();
    assert_eq!(format!("{lock:?}"), "DeferredLock { locked: true, waiting: 1, .. }");
    assert_eq!(format!("{guard:?}"), "LockGuard { waiting: 1, .. }");
}

#[test]
fn i10_a_million_runs_one_after_the_other() {
    small_stack(|| {
        let lock = DeferredLock::with_value(0);
        let count = Rc::new(Cell::new(0));
        let guard = lock.try_acquire();
        for number in 0..MILLION {
            let count = Rc::clone(&count);
            let in_turn = move || count.set(if count.get() == number { number + 1 } else { 0 });
            lock.run(in_turn).detach();
        }
        assert_eq!(lock.waiting(), MILLION);
        drop(guard);
        assert_eq!((count.get(), lock.waiting(), lock.is_locked()), (MILLION, 0, false));
    });
}

/// The guard is dropped in the callback of its own acquire, in a value, and by nobody.
#[test]
fn i10_a_million_guards_dropped_where_they_arrive() {
    type Attach = fn(Deferred<LockGuard<usize>>);
    fn counted(mut guard: LockGuard<usize>) -> LockGuard<usize> {
        *guard += 1;
        guard
    }
    let ways: [Attach; 3] = [
        |acquired| acquired.map(|guard| drop(counted(guard))).detach(),
        |acquired| acquired.map(counted).detach(),
        |acquired| acquired.detach(),
    ];
    for (way, attach) in ways.into_iter().enumerate() {
        small_stack(move || {
            let lock = DeferredLock::with_value(0);
            let guard = lock.try_acquire();
            (0..MILLION).for_each(|_| attach(lock.acquire()));
            drop(guard);
            let counted = if way < 2 { MILLION } else { 0 };
            assert_eq!(*lock.try_acquire().unwrap(), counted);
        });
    }
}

/// From the front, from the back, and from both sides of the middle.
#[test]
fn i10_a_million_waiters_cancelled_and_dropped() {
    without_backtraces(|| {
        let lock = DeferredLock::new();
        let guard = lock.try_acquire();
        for backwards in [false, true] {
            let mut waiting: Vec<_> = (0..MILLION / 2).map(|_| Some(lock.acquire())).collect();
            waiting.iter().flatten().step_by(2).for_each(Deferred::cancel);
            assert_eq!(lock.waiting(), MILLION / 4);
            for cancelled in waiting.iter_mut().step_by(2).filter_map(Option::take) {
                cancelled.on_failure(drop);
            }
            if backwards {
                waiting.reverse();
            }
            waiting.into_iter().for_each(drop);
            assert_eq!(lock.waiting(), 0);
        }
        drop(guard);
        assert!(!lock.is_locked());
    });
}
