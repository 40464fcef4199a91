//! Failures that nobody handles.

use crate::support::{Log, LogsDrop, PanicsInDrop, failure_of, shared, take, unhandled_in};
use ropewalk_deferred::{
    Abandoned, Deferred, Panicked, TimedOut, clear_global_unhandled_hook, clear_unhandled_hook,
    set_global_unhandled_hook, set_unhandled_hook,
};
use ropewalk_testing::{LogLines, capture_tracing};
use std::sync::{Arc, Mutex};
use std::{env, process, thread};

#[test]
fn w11_a_failed_deferred_is_reported_when_it_is_dropped() {
    let line = line!() + 1;
    let deferred = Deferred::<u32>::fail(TimedOut);
    let unhandled = unhandled_in(|| drop(deferred));
    assert_eq!(unhandled.len(), 1);
    assert!(unhandled[0].failure().is::<TimedOut>());
    assert_eq!(unhandled[0].created().file(), file!());
    assert_eq!(unhandled[0].created().line(), line);
}

#[test]
fn w11_a_chain_whose_deferred_is_gone_reports_when_it_ends() {
    let line = line!() + 1;
    let (promise, deferred) = Deferred::<u32>::new();
    deferred.map(|n| n + 1).detach();
    let unhandled = unhandled_in(|| promise.errback(TimedOut));
    assert_eq!(unhandled.len(), 1);
    assert_eq!(unhandled[0].created().line(), line);
    assert!(format!("{:?}", unhandled[0]).contains(&TimedOut.to_string()));
}

#[test]
fn w11_a_fired_chain_reports_once_at_its_drop() {
    let (promise, deferred) = Deferred::<u32>::new();
    let deferred = deferred.map(|n| n + 1);
    let unhandled = unhandled_in(|| {
        promise.errback(TimedOut);
    });
    assert!(unhandled.is_empty(), "somebody may still attach an errback");
    assert_eq!(unhandled_in(|| drop(deferred)).len(), 1);
}

#[test]
fn the_last_words_of_a_chain_hear_its_failure() {
    let log = Log::default();
    let unhandled = unhandled_in(|| {
        for number in ["7", "seven"] {
            let (promise, deferred) = Deferred::<&str>::new();
            let (early, late) = (log.clone(), log.clone());
            deferred
                .add_callback(|text| Ok(text.parse::<u32>()?))
                .on_failure(move |failure| early.add(failure));
            promise.callback(number);
            Deferred::succeed(number)
                .add_callback(|text| Ok(text.parse::<u32>()?))
                .on_failure(move |failure| late.add(failure));
        }
    });
    assert_eq!(log.take(), ["invalid digit found in string"; 2]);
    assert!(unhandled.is_empty());
}

#[test]
fn i3_what_is_handed_to_on_failure_may_panic() {
    let line = line!() + 2;
    let unhandled = unhandled_in(|| {
        Deferred::<u32>::fail(TimedOut).on_failure(|failure| panic!("no log for: {failure}"));
        Deferred::succeed(PanicsInDrop).on_failure(|_| unreachable!("it has a value"));
    });
    let panics = unhandled.iter().map(|it| it.failure().downcast_ref::<Panicked>().unwrap());
    let found: Vec<_> = panics.map(|it| (it.message(), it.location().line())).collect();
    assert_eq!(found, [("no log for: timed out", line), ("in drop", line + 1)]);
}

#[test]
fn b177_an_inner_chain_that_fails_unseen_is_reported() {
    let unhandled = unhandled_in(|| {
        Deferred::succeed(1)
            .map(|_| drop(Deferred::<()>::fail(TimedOut)))
            .add_errback(|_| ())
            .detach();
    });
    assert_eq!(unhandled.len(), 1);
}

/// Also from a cycle: a chain whose callback owns the deferred of the same chain.
#[test]
fn b177_a_chain_that_owns_its_own_end_is_reported_and_freed() {
    let log = Log::default();
    let end = shared(Deferred::<u32>::succeed(0));
    drop(take(&end));
    let (held, freed) = (end.clone(), LogsDrop(log.clone(), "freed"));
    let (promise, deferred) = Deferred::<u32>::new();
    let deferred = deferred.map(move |n| {
        let _ = (&held, &freed);
        n
    });
    end.replace(Some(deferred));
    drop(end);
    assert!(log.take().is_empty());
    let unhandled = unhandled_in(|| promise.errback(TimedOut));
    assert_eq!(unhandled.len(), 1);
    assert!(unhandled[0].failure().is::<TimedOut>());
    assert_eq!(log.take(), ["freed"]);
}

#[test]
fn a_detached_chain_with_nothing_left_to_run_leaves_the_report_to_what_it_returned() {
    let (promise, outer) = Deferred::<u32>::new();
    let (inner_promise, inner) = Deferred::<u32>::new();
    let line = line!() - 1;
    outer.add_callback(|_| inner).detach();
    promise.callback(1);
    let unhandled = unhandled_in(|| inner_promise.errback(TimedOut));
    assert_eq!(unhandled[0].created().line(), line);
}

#[test]
fn a_handled_failure_is_not_reported() {
    let unhandled = unhandled_in(|| {
        Deferred::<()>::fail(TimedOut).add_errback(|_| ()).detach();
        let (promise, deferred) = Deferred::<()>::new();
        deferred.add_errback(|_| ()).detach();
        promise.errback(TimedOut);
        assert!(failure_of(Deferred::<()>::fail(TimedOut)).is::<TimedOut>());
    });
    assert!(unhandled.is_empty());
}

#[test]
fn i2_an_abandoned_promise_somebody_counted_on_is_reported() {
    let unhandled = unhandled_in(|| {
        let (promise, deferred) = Deferred::<u32>::new();
        deferred.add_callback(|_| ()).detach();
        drop(promise);
    });
    assert_eq!(unhandled.len(), 1);
    assert!(unhandled.into_iter().all(|one| one.into_failure().is::<Abandoned>()));
}

#[test]
fn two_ends_that_were_both_given_up_are_nothing_to_report() {
    let unhandled = unhandled_in(|| {
        let (promise, deferred) = Deferred::<u32>::new();
        drop(deferred);
        drop(promise);
        let (promise, deferred) = Deferred::<u32>::new();
        drop(promise);
        drop(deferred);
    });
    assert!(unhandled.is_empty());
}

#[test]
fn an_unclaimed_value_is_dropped_with_the_chain() {
    let log = Log::default();
    let (promise, deferred) = Deferred::<LogsDrop>::new();
    deferred.detach();
    promise.callback(LogsDrop(log.clone(), "dropped"));
    assert_eq!(log.take(), ["dropped"]);
}

#[test]
fn a_hook_may_be_replaced_from_inside_and_what_it_drops_is_not_its_business() {
    let log = Log::default();
    let (first, second) = (log.clone(), log.clone());
    set_unhandled_hook(move |_| {
        first.add("first");
        Deferred::<()>::fail(TimedOut).detach();
        let second = second.clone();
        set_unhandled_hook(move |_| second.add("second"));
    });
    Deferred::<()>::fail(TimedOut).detach();
    Deferred::<()>::fail(TimedOut).detach();
    clear_unhandled_hook();
    assert_eq!(log.take(), ["first", "second"]);
}

#[test]
fn i3_a_hook_that_panics_is_one_error_and_is_asked_again() {
    let log = Log::default();
    let (seen, dropped) = (log.clone(), LogsDrop(log.clone(), "dropped"));
    set_unhandled_hook(move |unhandled| {
        let _ = &dropped;
        seen.add(unhandled.failure());
        // What goes unhandled meanwhile is not its business, not even while it unwinds.
        let _failed = Deferred::<()>::fail(Abandoned).map(|()| ());
        panic!("on purpose");
    });
    let line = line!() + 1;
    let text = logged_in(|| (0..2).for_each(|_| Deferred::<()>::fail(TimedOut).detach()));
    assert_eq!(log.take(), [TimedOut.to_string(), TimedOut.to_string()]);
    let panics: Vec<_> = text.lines().filter(|line| line.contains("on purpose")).collect();
    assert_eq!(panics.len(), 2, "{text}");
    let place = format!("unhandled.rs:{line}:");
    assert!(panics.iter().all(|text| text.contains("ERROR") && text.contains(&place)), "{text}");
    assert_eq!(text.matches(&Abandoned.to_string()).count(), 2, "{text}");
    clear_unhandled_hook();
    assert_eq!(log.take(), ["dropped"]);
}

#[test]
fn i5_a_hook_that_is_dropped_may_set_another() {
    struct SetsAnother(Log);
    impl Drop for SetsAnother {
        fn drop(&mut self) {
            let log = self.0.clone();
            set_unhandled_hook(move |_| log.add("another"));
        }
    }
    let log = Log::default();
    let sets = SetsAnother(log.clone());
    set_unhandled_hook(move |_| {
        let _ = &sets;
        clear_unhandled_hook();
    });
    Deferred::<()>::fail(TimedOut).detach(); // clears it, and so drops it when it returns
    Deferred::<()>::fail(TimedOut).detach();
    assert_eq!(log.take(), ["another"]);
    clear_unhandled_hook();
}

/// In a process of its own: the other tests are to find no such hook.
#[test]
fn w11_the_hook_of_the_process_hears_of_all_threads_that_have_none() {
    const CHILD: &str = "ROPEWALK_TEST_GLOBAL_HOOK";
    if env::var_os(CHILD).is_none() {
        let mut child = process::Command::new(env::current_exe().unwrap());
        let test = "unhandled::w11_the_hook_of_the_process_hears_of_all_threads_that_have_none";
        let output = child.args(["--exact", test]).env(CHILD, "1").output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && text.contains("1 passed"), "{output:?}");
        return;
    }
    let seen = Arc::new(Mutex::new(Vec::new()));
    let list = Arc::clone(&seen);
    let line = line!() + 1;
    let fail = || Deferred::<()>::fail(TimedOut).detach();
    set_global_unhandled_hook(move |unhandled| {
        list.lock().unwrap().push(unhandled.created().line());
        // Nothing is locked: it may replace itself, and what it drops is logged.
        Deferred::<()>::fail(TimedOut).detach();
        let list = Arc::clone(&list);
        set_global_unhandled_hook(move |_| list.lock().unwrap().push(0));
    });
    let elsewhere = || {
        thread::scope(|scope| {
            let thread = thread::Builder::new();
            thread.spawn_scoped(scope, fail).unwrap().join().unwrap();
        });
    };
    elsewhere();
    fail();
    assert_eq!(*seen.lock().unwrap(), [line, 0]);

    // A thread with a hook of its own keeps what is its own.
    assert_eq!(unhandled_in(|| (fail(), elsewhere()).1).len(), 1);
    assert_eq!(*seen.lock().unwrap(), [line, 0, 0]);

    clear_global_unhandled_hook();
    assert_eq!(Arc::strong_count(&seen), 1, "each hook is dropped");
    assert_eq!(logged_in(fail).lines().count(), 1);
}

/// What is logged on this thread while `body` runs.
pub(crate) fn logged_in(body: impl FnOnce()) -> String {
    // It leaves a second subscriber behind. With one alone, a thread of another test that logs first
    // from some place would have that place count as unwanted.
    capture_tracing(|| ());
    let lines = LogLines::default();
    let writer = lines.clone();
    let subscriber = tracing_subscriber::fmt().with_writer(move || writer.clone());
    tracing::subscriber::with_default(subscriber.with_ansi(false).finish(), body);
    lines.text()
}

#[test]
fn w11_without_a_hook_it_is_one_tracing_error_with_the_place_of_creation() {
    let line = line!() + 2;
    let text = logged_in(|| {
        let failed = Deferred::<u32>::fail(TimedOut);
        drop(failed);
    });
    assert_eq!(text.lines().count(), 1, "{text}");
    assert!(text.contains("ERROR"), "{text}");
    assert!(text.contains(&TimedOut.to_string()), "{text}");
    assert!(text.contains(&format!("unhandled.rs:{line}:")), "{text}");
}
