//! The debug mode, in a process of its own: it holds for all threads.
#![expect(clippy::unwrap_used, reason = "a test that panics is a test that fails")]

use ropewalk_deferred::{
    Abandoned, Deferred, LiveDeferred, Panicked, Result, Stopper, TimedOut, Unhandled,
    clear_unhandled_hook, debugging, live_deferreds, set_debugging, set_unhandled_hook,
};
use ropewalk_testing::{DEADLINE, capture_tracing, within};
use std::cell::RefCell;
use std::hint::black_box;
use std::rc::{Rc, Weak};
use std::sync::{Mutex, MutexGuard, PoisonError};

static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// The mode, on; off again when it is dropped.
struct Mode<'a>(#[expect(dead_code, reason = "held")] MutexGuard<'a, ()>);

fn debug_mode() -> Mode<'static> {
    let alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    set_debugging(true);
    Mode(alone)
}

impl Drop for Mode<'_> {
    fn drop(&mut self) {
        set_debugging(false);
    }
}

/// What is reported as unhandled while `act` runs.
fn unhandled_in(act: impl FnOnce()) -> Vec<Unhandled> {
    let all = Rc::new(RefCell::new(Vec::new()));
    let hook = Rc::clone(&all);
    set_unhandled_hook(move |one| hook.borrow_mut().push(one));
    act();
    clear_unhandled_hook();
    all.take()
}

#[inline(never)]
fn make() -> (ropewalk_deferred::Promise<u32>, Deferred<u32>) {
    // Nothing in the last place, so that this has a frame of its own in the call stack.
    let both = Deferred::new();
    black_box(());
    both
}

#[inline(never)]
fn fire(promise: ropewalk_deferred::Promise<u32>) {
    promise.errback(TimedOut);
    black_box(());
}

#[inline(never)]
fn lose(promise: ropewalk_deferred::Promise<u32>) {
    drop(promise);
    black_box(());
}

/// B145, B177: where it was made and fired, and by whom.
#[test]
fn b145_an_unhandled_failure_knows_who_made_and_who_fired_its_chain() {
    within(DEADLINE, || {
        let _mode = debug_mode();
        assert!(debugging());
        let all = unhandled_in(|| {
            let (promise, deferred) = make();
            let deferred = deferred.map(|n| n + 1);
            fire(promise);
            drop(deferred.map(|n| n + 1));
        });
        let [one] = &all[..] else { panic!("{} reports", all.len()) };
        assert!(one.created().line() < one.fired().unwrap().line());
        let made = one.created_backtrace().unwrap().to_string();
        assert!(made.contains("make"), "{made}");
        let fired = one.fired_backtrace().unwrap().to_string();
        assert!(fired.contains("fire"), "{fired}");
    });
}

/// B145: without the mode there are the two places, and no call stack; what was made before the
/// mode was turned on, or is fired after it was turned off, is none the worse for it.
#[test]
fn b145_toggling_the_mode_in_between_harms_nobody() {
    within(DEADLINE, || {
        let mode = debug_mode();
        set_debugging(false);
        let all = unhandled_in(|| {
            let (before, before_end) = make();
            set_debugging(true);
            let (during, during_end) = make();
            fire(before);
            drop(before_end);
            set_debugging(false);
            fire(during);
            drop(during_end);
        });
        let [before, during] = &all[..] else { panic!("{} reports", all.len()) };
        assert!(before.created_backtrace().is_none() && before.fired_backtrace().is_none());
        assert!(before.fired().is_some());
        assert!(during.created_backtrace().is_some() && during.fired_backtrace().is_none());
        drop(mode);
    });
}

#[test]
fn b177_the_call_stacks_are_in_the_log() {
    within(DEADLINE, || {
        let _mode = debug_mode();
        let log = capture_tracing(|| {
            let (promise, deferred) = make();
            fire(promise);
            drop(deferred);
        });
        let log = format!("{log:?}");
        for part in ["created_by", "fired_by", "timed out"] {
            assert!(log.contains(part), "{part} is missing: {log}");
        }
    });
}

/// W11: a failure that nobody has dropped or looked at is found in the list.
#[test]
fn w11_live_deferreds_that_hold_failures_are_listed() {
    within(DEADLINE, || {
        let _mode = debug_mode();
        let (waiting, waiting_end) = make();
        let (failed, failed_end) = make();
        fire(failed);
        let (inner, inner_end) = make();
        let outer = Deferred::succeed(()).add_callback(move |()| inner_end);
        let (start, started) = Deferred::<()>::new();
        let (hidden, hidden_end) = make();
        let nested = started.add_callback(move |()| hidden_end);
        start.callback(());

        let texts: Vec<String> = live_deferreds().iter().map(LiveDeferred::to_string).collect();
        assert_eq!(texts.len(), 6, "{texts:#?}");
        assert!(texts[0].ends_with("waits to be fired"), "{}", texts[0]);
        assert!(texts[1].ends_with("holds a failure"), "{}", texts[1]);
        for waits in &texts[3..5] {
            assert!(waits.contains("waiting on one created"), "{waits}");
        }
        let failures: Vec<_> =
            live_deferreds().into_iter().filter(|one| one.has_failed()).collect();
        assert_eq!(failures.len(), 1);
        assert!(failures[0].fired().is_some());
        assert_eq!(failures[0].created().file(), file!());

        let gone = unhandled_in(|| drop(failed_end));
        assert_eq!(gone.len(), 1);
        for promise in [waiting, inner, hidden] {
            promise.callback(7);
        }
        drop((waiting_end, outer, nested));
        assert!(live_deferreds().is_empty());
    });
}

struct Nobody;

impl Stopper for Nobody {
    fn stop(&self, _name: u64) {}
}

/// One that begins without a chain outside of this mode, as those of tasks do.
#[test]
fn w11_a_direct_deferred_is_listed_and_has_call_stacks() {
    within(DEADLINE, || {
        let mode = debug_mode();
        let nobody: Weak<dyn Stopper> = Weak::<Nobody>::new();
        let (promise, deferred) = Deferred::<u32>::direct(Weak::clone(&nobody), 0);
        let text = live_deferreds()[0].to_string();
        assert!(text.contains(file!()) && text.ends_with("waits to be fired"), "{text}");
        promise.fire(Err(TimedOut.into()));
        assert!(live_deferreds()[0].has_failed());
        let all = unhandled_in(|| drop(deferred));
        assert_eq!(all[0].created().file(), file!());
        assert!(all[0].created_backtrace().is_some() && all[0].fired_backtrace().is_some());
        assert!(live_deferreds().is_empty());

        // What was made before the mode knows no more in it, whatever it comes to need.
        set_debugging(false);
        let (promise, deferred) = Deferred::<u32>::direct(nobody, 0);
        set_debugging(true);
        let deferred = deferred.map(|n| n + 1);
        promise.fire(Err(TimedOut.into()));
        assert!(live_deferreds().is_empty());
        let all = unhandled_in(|| drop(deferred));
        assert!(all[0].created_backtrace().is_none());
        drop(mode);
    });
}

/// B146, W28: only in debug mode, a contained panic tells where it happened.
#[test]
fn b146_a_contained_panic_tells_where_it_happened() {
    within(DEADLINE, || {
        let mode = debug_mode();
        let panicked = panic_in_a_callback();
        let place = panicked.panicked_at().unwrap().to_owned();
        assert!(place.starts_with(file!()), "{place}");
        assert!(panicked.to_string().contains(&place), "{panicked}");
        let stack = panicked.backtrace().unwrap().to_string();
        assert!(stack.contains("panic_in_a_callback"), "{stack}");

        set_debugging(false);
        let bare = panic_in_a_callback();
        assert!(bare.panicked_at().is_none() && bare.backtrace().is_none());
        drop(mode);
    });
}

#[inline(never)]
fn panic_in_a_callback() -> Panicked {
    let result: Result<()> = Deferred::succeed(())
        .add_callback(|()| -> Result<()> { panic!("in a callback") })
        .try_take()
        .unwrap();
    result.unwrap_err().downcast().unwrap()
}

/// An abandoned promise was fired nowhere, but somebody has dropped it.
#[test]
fn a_dropped_promise_has_no_place_of_firing_but_a_call_stack() {
    within(DEADLINE, || {
        let _mode = debug_mode();
        let all = unhandled_in(|| {
            let (promise, deferred) = make();
            let deferred = deferred.map(|n| n + 1);
            lose(promise);
            drop(deferred);
        });
        let [one] = &all[..] else { panic!("{} reports", all.len()) };
        assert!(one.failure().is::<Abandoned>());
        assert!(one.fired().is_none());
        let lost = one.fired_backtrace().unwrap().to_string();
        assert!(lost.contains("lose"), "{lost}");
    });
}

#[test]
fn the_mode_can_be_turned_on_after_a_panicking_thread_has_tried() {
    struct Tries;
    impl Drop for Tries {
        fn drop(&mut self) {
            set_debugging(true);
        }
    }
    within(DEADLINE, || {
        let mode = debug_mode();
        let tries = || {
            let _tries = Tries;
            panics_on_purpose();
        };
        assert!(std::panic::catch_unwind(tries).is_err());
        set_debugging(true);
        assert!(panic_in_a_callback().panicked_at().is_some());
        drop(mode);
    });
}

fn panics_on_purpose() {
    panic!("on purpose");
}

/// Each tells of its own panic: not of one that was caught before, nor of one within.
#[test]
fn b146_nested_panics_are_told_apart() {
    within(DEADLINE, || {
        let _mode = debug_mode();
        assert!(std::panic::catch_unwind(panics_on_purpose).is_err());
        let stale = Deferred::succeed(())
            .add_callback(|()| -> Result<()> { std::panic::resume_unwind(Box::new("again")) });
        let stale: Panicked = stale.try_take().unwrap().unwrap_err().downcast().unwrap();
        assert!(stale.panicked_at().is_none(), "{stale}");

        let outer = Deferred::succeed(()).add_callback(|()| -> Result<()> {
            struct Inner;
            impl Drop for Inner {
                fn drop(&mut self) {
                    assert!(panic_in_a_callback().panicked_at().is_some());
                }
            }
            let _inner = Inner;
            panic!("outer")
        });
        let outer: Panicked = outer.try_take().unwrap().unwrap_err().downcast().unwrap();
        assert!(outer.panicked_at().is_some(), "{outer}");
        assert_eq!(outer.message(), "outer");
    });
}

/// Also those that never waited for anything.
#[test]
fn w11_deferreds_made_with_their_result_are_listed() {
    within(DEADLINE, || {
        let _mode = debug_mode();
        let failed = Deferred::<u8>::fail(TimedOut);
        let maybe = ropewalk_deferred::maybe_deferred(|| -> Result<u8> { Err(TimedOut.into()) });
        let value = Deferred::succeed(7).map(|n| n + 1);
        let listed: Vec<bool> = live_deferreds().iter().map(LiveDeferred::has_failed).collect();
        assert_eq!(listed, [true, true, false]);
        assert_eq!(value.try_take().unwrap().unwrap(), 8);
        assert_eq!(unhandled_in(|| drop((failed, maybe))).len(), 2);
    });
}
