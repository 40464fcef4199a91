//! Promises fired and dropped, and deferreds extended, where nobody would look for it.

use crate::support::{Log, result_of};
use ropewalk_deferred::{
    CallbackContext, Cancelled, Deferred, Panicked, Promise, TimedOut, clear_context_hook,
    clear_unhandled_hook, set_context_hook, set_unhandled_hook,
};
use ropewalk_testing::{DEADLINE, within};
use std::cell::{Cell, RefCell};
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

thread_local! {
    static HELD: RefCell<Option<Promise<u32>>> = const { RefCell::new(None) };
}

fn poll(deferred: &mut Deferred<u32>, waker: &Waker) -> Poll<ropewalk_deferred::Result<u32>> {
    Pin::new(deferred).poll(&mut Context::from_waker(waker))
}

/// The work is stopped by dropping it, and with it the promise: that is a cancel all the same.
#[test]
fn b154_a_canceller_may_drop_the_promise() {
    for drops in [false, true] {
        let held = Rc::new(RefCell::new(None));
        let work = Rc::clone(&held);
        let (promise, deferred) = Deferred::<u32>::with_canceller(move || drop(work.take()));
        held.replace(Some(promise));
        let log = Log::default();
        let hook = log.clone();
        set_unhandled_hook(move |one| hook.add(one.failure()));
        if drops {
            drop(deferred.cancel_on_drop().map(|n| n + 1));
        } else {
            deferred.cancel();
            assert!(result_of(deferred).unwrap_err().is::<Cancelled>());
        }
        clear_unhandled_hook();
        assert!(log.take().is_empty() && held.borrow().is_none());
    }
}

/// Drops the promise with the task that awaited its deferred before.
struct Owner;

impl Wake for Owner {
    fn wake(self: Arc<Self>) {}
}

impl Drop for Owner {
    fn drop(&mut self) {
        drop(HELD.take());
    }
}

/// The waker that was known before owns the promise: it fires it while it is replaced.
#[test]
fn i2_a_result_that_comes_while_wakers_are_exchanged_is_not_missed() {
    let (promise, mut deferred) = Deferred::<u32>::new();
    HELD.set(Some(promise));
    assert!(poll(&mut deferred, &Waker::from(Arc::new(Owner))).is_pending());
    let polled = poll(&mut deferred, Waker::noop());
    assert!(matches!(polled, Poll::Ready(Err(_))), "{polled:?}");
}

struct Counts(AtomicUsize);

impl Wake for Counts {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

struct PanicsWhenDropped;

impl Wake for PanicsWhenDropped {
    fn wake(self: Arc<Self>) {}
}

impl Drop for PanicsWhenDropped {
    fn drop(&mut self) {
        panic!("an old waker");
    }
}

/// I3: whoever polls gets the panic, and the deferred is none the worse for it.
#[test]
fn i3_a_panic_of_a_waker_does_not_cut_a_deferred_off_its_chain() {
    let (promise, mut deferred) = Deferred::<u32>::new();
    assert!(poll(&mut deferred, &Waker::from(Arc::new(PanicsWhenDropped))).is_pending());
    let counts = Arc::new(Counts(AtomicUsize::new(0)));
    let waker = Waker::from(Arc::clone(&counts));
    let polled = catch_unwind(AssertUnwindSafe(|| poll(&mut deferred, &waker)));
    assert!(polled.is_err());
    promise.callback(7);
    assert_eq!(counts.0.load(Ordering::Relaxed), 1);
    assert!(matches!(poll(&mut deferred, &waker), Poll::Ready(Ok(7))));
}

/// I3: the callback is attached all the same, and without a context.
#[test]
fn i3_a_panic_of_a_context_hook_costs_the_context_only() {
    set_context_hook(|| panic!("a hook"));
    let (promise, deferred) = Deferred::<u32>::new();
    let deferred = deferred.map(|n| n + 1);
    clear_context_hook();
    promise.callback(7);
    assert_eq!(result_of(deferred).unwrap(), 8);
}

#[test]
fn i5_a_context_hook_that_attaches_does_not_ask_itself() {
    let asked = Rc::new(Cell::new(0));
    let count = Rc::clone(&asked);
    set_context_hook(move || {
        count.set(count.get() + 1);
        let (promise, deferred) = Deferred::<u32>::new();
        deferred.map(|n| n + 1).detach();
        promise.callback(1);
        None::<Rc<dyn CallbackContext>>
    });
    let (_promise, deferred) = Deferred::<u32>::new();
    let deferred = deferred.map(|n| n + 1);
    clear_context_hook();
    assert_eq!(asked.get(), 1);
    deferred.on_failure(drop);
}

/// Runs `innermost` as a callback of as many promises as fire one another.
fn nested(depth: u32, innermost: impl FnOnce() + 'static) {
    let (first, mut deferred) = Deferred::<()>::new();
    for _ in 0..depth {
        let (promise, next) = Deferred::<()>::new();
        deferred.add_callback(move |()| promise.callback(())).detach();
        deferred = next;
    }
    deferred.add_callback(move |()| innermost()).detach();
    first.callback(());
}

/// A result that is there is there: at any depth, and whether a handle names the chain or not.
#[test]
fn a_callback_on_a_result_runs_at_once_at_any_depth() {
    for depth in [0, 31, 32, 33, 100] {
        for with_handle in [false, true] {
            let (promise, deferred) = Deferred::<u32>::new();
            promise.callback(7);
            let seen = Rc::new(Cell::new(None));
            let place = Rc::clone(&seen);
            nested(depth, move || {
                let handle = with_handle.then(|| deferred.canceller());
                place.set(deferred.map(|n| n + 1).try_take().ok().and_then(Result::ok));
                drop(handle);
            });
            assert_eq!(seen.get(), Some(8), "depth {depth}, handle {with_handle}");
        }
    }
}

struct PanicsInDrop;

impl Drop for PanicsInDrop {
    fn drop(&mut self) {
        panic!("a late value");
    }
}

/// I3: it is dropped in the middle of our work, whoever brings it.
#[test]
fn i3_the_drop_of_a_late_result_is_contained() {
    let (promise, deferred) = Deferred::<PanicsInDrop>::new();
    deferred.cancel();
    promise.callback(PanicsInDrop);
    deferred.on_failure(|failure| assert!(failure.is::<Cancelled>()));
}

/// A value that brings the next one when it is dropped.
struct Brings(Option<(Promise<Box<Self>>, Box<Self>)>);

impl Drop for Brings {
    fn drop(&mut self) {
        if let Some((promise, value)) = self.0.take() {
            promise.callback(value);
        }
    }
}

#[test]
fn i10_late_results_that_bring_late_results_do_not_nest() {
    within(DEADLINE, || {
        let body = || {
            let mut value = Box::new(Brings(None));
            for _ in 0..100_000 {
                let (promise, deferred) = Deferred::new();
                deferred.cancel();
                deferred.on_failure(drop);
                value = Box::new(Brings(Some((promise, value))));
            }
            drop(value);
        };
        std::thread::Builder::new().stack_size(256 << 10).spawn(body).unwrap().join().unwrap();
    });
}

/// A failure that comes from one of the types that callers know is found in either.
#[test]
fn a_late_failure_is_dropped_in_silence() {
    let log = Log::default();
    let hook = log.clone();
    set_unhandled_hook(move |one| hook.add(one.failure()));
    let (promise, deferred) = Deferred::<u32>::new();
    let deferred = deferred.add_errback(|failure| {
        assert!(!failure.is::<Panicked>());
        Ok(0)
    });
    deferred.cancel();
    promise.errback(TimedOut);
    assert_eq!(result_of(deferred).unwrap(), 0);
    clear_unhandled_hook();
    assert!(log.take().is_empty());
}

/// A handle stands for its own chain: not for one that a ready deferred made of it.
#[test]
fn a_handle_of_a_returned_deferred_cancels_nothing_that_comes_after_it() {
    let (first, returned) = Deferred::<u32>::new();
    let handle = returned.canceller();
    let (second, next) = Deferred::<u32>::new();
    let waits = Deferred::succeed(()).add_callback(move |()| returned);
    let waits = waits.add_callback(move |_| next);
    first.callback(1);
    handle.cancel();
    assert!(!second.is_cancelled());
    second.callback(7);
    assert_eq!(result_of(waits).unwrap(), 7);
}
