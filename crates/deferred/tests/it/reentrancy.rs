//! Callbacks that do anything to any chain, their own included (I5).

use crate::support::{Log, LogsDrop, Shared, peek, shared, take, unhandled_in};
use ropewalk_deferred::{Deferred, Promise, TimedOut};
use std::cell::RefCell;
use std::rc::Rc;

fn empty<T>() -> Shared<T> {
    Rc::new(RefCell::new(None))
}

#[test]
fn i5_a_callback_may_extend_its_own_chain() {
    let log = Log::default();
    let end = empty::<Deferred<u32>>();
    let (promise, deferred) = Deferred::<u32>::new();
    let (slot, seen) = (end.clone(), log.clone());
    let deferred = deferred.map(move |n| {
        let deferred = take(&slot).unwrap();
        let late = seen.clone();
        deferred.add_callback(move |n| late.add(format_args!("late {n}"))).detach();
        seen.add("attached");
        n + 1
    });
    end.replace(Some(deferred));
    promise.callback(7);
    assert_eq!(log.take(), ["attached", "late 8"]);
}

#[test]
fn i5_a_callback_may_drop_or_cancel_its_own_chain() {
    let end = empty::<Deferred<u32>>();
    let (promise, deferred) = Deferred::<u32>::new();
    let handle = deferred.canceller();
    let slot = end.clone();
    let deferred = deferred.map(move |n| {
        handle.cancel();
        drop(take(&slot));
        n + 1
    });
    end.replace(Some(deferred.map(|n| n + 1)));
    assert!(unhandled_in(|| promise.callback(7)).is_empty());
    assert!(take(&end).is_none());
}

#[test]
fn i5_a_callback_may_await_its_own_chain_and_be_woken_later() {
    use std::future::Future;
    use std::pin::Pin;
    use std::task::{Context, Waker};
    let end = empty::<Deferred<u32>>();
    let (promise, deferred) = Deferred::<u32>::new();
    let slot = end.clone();
    let deferred = deferred.map(move |n| {
        let mut borrowed = slot.borrow_mut();
        let end = borrowed.as_mut().unwrap();
        assert!(Pin::new(end).poll(&mut Context::from_waker(Waker::noop())).is_pending());
        n + 1
    });
    end.replace(Some(deferred));
    promise.callback(7);
    assert_eq!(crate::support::result_of(take(&end).unwrap()).unwrap(), 8);
}

#[test]
fn i5_a_callback_may_fire_another_chain_and_sees_its_effects() {
    let log = Log::default();
    let (other_promise, other) = Deferred::<u32>::new();
    let (inner, outer) = (log.clone(), log.clone());
    other.add_callback(move |n| inner.add(n)).detach();
    let (promise, deferred) = Deferred::<u32>::new();
    deferred
        .add_callback(move |n| {
            outer.add("before");
            other_promise.callback(n + 1);
            outer.add("after");
        })
        .detach();
    promise.callback(1);
    assert_eq!(log.take(), ["before", "2", "after"]);
}

#[test]
fn i5_a_callback_may_fire_the_deferred_that_it_returns() {
    let (inner_promise, inner) = Deferred::<u32>::new();
    let (promise, outer) = Deferred::<u32>::new();
    let result = peek(outer.add_callback(move |n| {
        inner_promise.callback(n + 1);
        inner
    }));
    promise.callback(1);
    assert_eq!(take(&result).unwrap().unwrap(), 2);
}

#[test]
fn i5_a_callback_may_return_a_chain_that_is_running_further_up_the_stack() {
    // a's callback fires b, whose callback returns the end of a: b goes on when a has ended.
    let log = Log::default();
    let end_of_a = empty::<Deferred<u32>>();
    let (promise_a, a) = Deferred::<u32>::new();
    let (promise_b, b) = Deferred::<u32>::new();
    let slot = end_of_a.clone();
    let seen = log.clone();
    b.add_callback(move |_| take(&slot).unwrap()).map(move |n| seen.add(n)).detach();
    let seen = log.clone();
    let a = a.map(move |n| {
        promise_b.callback(0);
        seen.add("b waits");
        n + 1
    });
    end_of_a.replace(Some(a));
    promise_a.callback(6);
    assert_eq!(log.take(), ["b waits", "7"]);
}

#[test]
fn i5_a_canceller_may_cancel_fire_and_drop() {
    let ends = empty::<(Promise<u32>, Deferred<u32>)>();
    let slot = ends.clone();
    let (promise, deferred) = Deferred::<u32>::with_canceller(move || {
        let (promise, deferred) = take(&slot).unwrap();
        deferred.cancel();
        promise.callback(7);
        deferred.detach();
    });
    let handle = deferred.canceller();
    ends.replace(Some((promise, deferred)));
    assert!(unhandled_in(|| handle.cancel()).is_empty());
    assert!(take(&ends).is_none());
}

#[test]
fn i5_a_users_drop_may_fire_extend_and_cancel() {
    struct Fires(Option<Promise<u32>>, Option<Deferred<u32>>, Log);
    impl Drop for Fires {
        fn drop(&mut self) {
            let log = self.2.clone();
            let deferred = self.1.take().unwrap().map(move |n| log.add(n));
            self.0.take().unwrap().callback(7);
            deferred.cancel();
            deferred.detach();
        }
    }
    let log = Log::default();
    let fires = || {
        let (promise, deferred) = Deferred::<u32>::new();
        Fires(Some(promise), Some(deferred), log.clone())
    };
    // in a skipped closure, as an unclaimed value, in a canceller, as a late result
    let (promise, deferred) = Deferred::<()>::new();
    let held = fires();
    deferred.add_errback(move |_| drop(held)).detach();
    promise.callback(());
    let (promise, deferred) = Deferred::<Fires>::new();
    deferred.detach();
    promise.callback(fires());
    let held = fires();
    let (promise, deferred) = Deferred::<()>::with_canceller(move || drop(held));
    promise.callback(());
    deferred.detach();
    let (promise, deferred) = Deferred::<Fires>::new();
    deferred.cancel();
    promise.callback(fires());
    deferred.map(drop).add_errback(|_| ()).detach();
    assert_eq!(log.take(), ["7", "7", "7", "7"]);
}

#[test]
fn i5_a_hook_may_use_deferreds() {
    let log = Log::default();
    let seen = log.clone();
    ropewalk_deferred::set_unhandled_hook(move |unhandled| {
        let seen = seen.clone();
        Deferred::<()>::fail(unhandled.into_failure()).add_errback(move |f| seen.add(f)).detach();
    });
    Deferred::<()>::fail(TimedOut).detach();
    ropewalk_deferred::clear_unhandled_hook();
    assert_eq!(log.take(), [TimedOut.to_string()]);
}

#[test]
fn i5_everything_captured_is_freed_when_the_ends_are_gone() {
    let log = Log::default();
    let (promise, deferred) = Deferred::<LogsDrop>::new();
    let (inner_promise, inner) = Deferred::<u32>::new();
    let captured = LogsDrop(log.clone(), "capture");
    let result = shared(deferred.add_callback(move |value| {
        drop((value, captured));
        inner
    }));
    promise.callback(LogsDrop(log.clone(), "value"));
    assert_eq!(log.take(), ["value", "capture"]);
    let left = LogsDrop(log.clone(), "waiting capture");
    let waiting = take(&result).unwrap().map(move |_| drop(left));
    drop(waiting);
    assert!(log.take().is_empty());
    assert_eq!(unhandled_in(|| drop(inner_promise)).len(), 1);
    assert_eq!(log.take(), ["waiting capture"]);
}
