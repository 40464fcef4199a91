//! Failures that nobody handled, and the hook of the reactor in which that happens.

use crate::signal::{manual, run_briefly, settle};
use ropewalk_deferred::{
    Abandoned, Deferred, TimedOut, Unhandled, clear_unhandled_hook, set_unhandled_hook,
};
use ropewalk_reactor::Reactor;
use ropewalk_task::{LoopingCall, ReactorTask};
use ropewalk_testing::{EventLog, capture_tracing};
use std::future::poll_fn;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;
use tracing::Level;

const SECOND: Duration = Duration::from_secs(1);

/// A hook that notes its name and the line where the deferred was made.
fn notes(name: &'static str, log: &EventLog<(&'static str, u32)>) -> impl Fn(Unhandled) + use<> {
    let log = log.clone();
    move |unhandled| log.add((name, unhandled.created().line()))
}

fn fail() {
    drop(Deferred::<()>::fail(TimedOut));
}

#[test]
fn b177_w11_a_reactor_hears_at_once_of_what_goes_unhandled_in_its_callbacks_and_tasks() {
    let (clock, reactor) = manual();
    let log = EventLog::default();
    reactor.set_unhandled_hook(notes("reactor", &log));
    let line = line!();
    reactor.call_soon(move |_| {
        drop(Deferred::<()>::fail(TimedOut));
    });
    reactor.call_later(SECOND, |_| drop(Deferred::<()>::fail(TimedOut)));
    reactor.spawn(async { Err::<(), _>(TimedOut.into()) }).detach();
    reactor.sleep(2 * SECOND).add_callback(|()| Err::<(), _>(TimedOut.into())).detach();
    let seen = log.clone();
    reactor
        .spawn(async move {
            fail();
            assert_eq!(seen.take().len(), 3, "before the task goes on");
            Ok(())
        })
        .detach();
    settle(&clock);
    assert_eq!(log.take(), []);
    clock.advance(2 * SECOND);
    assert_eq!(log.take(), [("reactor", line + 4), ("reactor", line + 6)]);
}

#[test]
fn w11_the_reactor_is_asked_before_the_thread_and_the_thread_before_the_log() {
    let (clock, reactor) = manual();
    let log = EventLog::default();
    let heard = |set: &dyn Fn()| {
        set();
        let events = capture_tracing(|| {
            reactor.call_soon(|_| fail());
            settle(&clock);
            fail();
        });
        let logged = events.iter().filter(|event| event.level == Level::ERROR).count();
        let names: Vec<_> = log.take().into_iter().map(|(name, _)| name).collect();
        (names, logged)
    };
    assert_eq!(heard(&|| ()), (vec![], 2));
    assert_eq!(heard(&|| set_unhandled_hook(notes("thread", &log))), (vec!["thread"; 2], 0));
    let set = || reactor.set_unhandled_hook(notes("reactor", &log));
    assert_eq!(heard(&set), (vec!["reactor", "thread"], 0));
    assert_eq!(heard(&clear_unhandled_hook), (vec!["reactor"], 1));
    assert_eq!(heard(&|| reactor.clear_unhandled_hook()), (vec![], 2));
}

#[test]
fn w11_each_reactor_of_a_thread_has_its_own() {
    let (outer, inner) = (Reactor::new().unwrap(), Reactor::new().unwrap());
    let silent = Reactor::new().unwrap();
    let log = EventLog::default();
    set_unhandled_hook(notes("thread", &log));
    outer.set_unhandled_hook(notes("outer", &log));
    inner.set_unhandled_hook(notes("inner", &log));
    outer.call_soon(move |_| {
        fail();
        inner.call_soon(|_| fail());
        run_briefly(&inner);
        silent.call_soon(|_| fail());
        run_briefly(&silent);
        fail();
        let waits = inner.sleep(SECOND).add_callback(|()| ());
        inner.call_later(SECOND, move |_| drop(waits));
        drop(inner);
        fail();
    });
    run_briefly(&outer);
    let names: Vec<_> = log.take().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["outer", "inner", "thread", "outer", "inner", "outer"]);
    clear_unhandled_hook();
}

/// Whatever holds the promise: a timer, a task, a slot of an upper crate, or the hook.
#[test]
fn i2_w11_a_reactor_hears_of_what_is_abandoned_when_it_is_dropped() {
    let reactor = Reactor::new().unwrap();
    let log = EventLog::default();
    let here = line!();
    reactor.sleep(SECOND).add_callback(|()| ()).detach();
    reactor.spawn(std::future::pending::<()>()).add_callback(|()| ()).detach();
    let (soon, waits) = Deferred::<()>::new();
    waits.add_callback(|()| ()).detach();
    reactor.call_soon(move |_| soon.callback(()));
    let (own, waits) = Deferred::<()>::new();
    waits.add_callback(|()| ()).detach();
    let (list, payload) = (log.clone(), Rc::new(()));
    let kept = Rc::clone(&payload);
    reactor.set_unhandled_hook(move |unhandled| {
        let _ = (&own, &kept);
        assert!(unhandled.failure().is::<Abandoned>());
        assert!(Reactor::with_current(|reactor| !reactor.running()).unwrap());
        list.add(("reactor", unhandled.created().line() - here));
    });
    set_unhandled_hook(notes("thread", &log));
    drop(reactor);
    let mut heard = log.take();
    assert_eq!(heard.pop(), Some(("thread", here + 6)), "the hook is the last to go");
    heard.sort_unstable();
    assert_eq!(heard, [("reactor", 1), ("reactor", 2), ("reactor", 3)]);
    assert_eq!(Rc::strong_count(&payload), 1);
    clear_unhandled_hook();
}

#[test]
fn i5_a_hook_may_replace_clear_and_ask_for_anything() {
    let (clock, reactor) = manual();
    let log = EventLog::<(&str, u32)>::default();
    let first = log.clone();
    reactor.set_unhandled_hook(move |_| {
        first.add(("first", 0));
        let second = first.clone();
        Reactor::with_current(|reactor| {
            reactor.set_unhandled_hook(move |_| {
                second.add(("second", 0));
                Reactor::with_current(|reactor| {
                    reactor.clear_unhandled_hook();
                    reactor.spawn(async { fail() }).detach();
                    reactor.stop();
                });
            });
            reactor.call_soon(|_| fail());
        });
        // Not its own business, nor that of the one that has just been set.
        fail();
    });
    let events = capture_tracing(|| {
        reactor.call_soon(|_| fail());
        settle(&clock);
    });
    assert_eq!(log.take(), [("first", 0), ("second", 0)]);
    assert_eq!(events.iter().filter(|event| event.level == Level::ERROR).count(), 2);
}

#[test]
fn i3_a_hook_that_panics_is_one_error_and_the_reactor_lives_on() {
    let (clock, reactor) = manual();
    reactor.set_unhandled_hook(|_| panic!("on purpose"));
    let events = capture_tracing(|| {
        reactor.call_soon(|_| {
            fail();
            fail();
        });
        settle(&clock);
    });
    let errors: Vec<_> = events.iter().filter(|event| event.level == Level::ERROR).collect();
    let texts: Vec<_> = errors.iter().map(|event| event.message.as_str()).collect();
    assert_eq!(texts, ["the hook for unhandled failures panicked"; 2]);
    assert!(errors.iter().all(|event| event.field("panic") == Some("on purpose")));
    assert_eq!(reactor.stats().panics, 0, "no callback has panicked");
}

/// A place in this crate would tell nobody anything.
#[test]
fn b177_what_is_fired_on_behalf_of_somebody_names_no_place() {
    let (clock, reactor) = manual();
    let log = EventLog::<bool>::default();
    let fired = log.clone();
    reactor.set_unhandled_hook(move |unhandled| fired.add(unhandled.fired().is_some()));
    reactor.spawn(async { Err::<(), _>(TimedOut.into()) }).detach();
    reactor.spawn(async { Deferred::<()>::fail(TimedOut) }).detach();
    reactor.spawn(poll_fn(|_| -> Poll<()> { panic!("on purpose") })).detach();
    reactor.sleep(SECOND).add_callback(|()| Err::<(), _>(TimedOut.into())).detach();
    reactor.coiterate([Err::<(), _>(TimedOut.into())]).detach();
    reactor.cooperate([Err::<(), _>(TimedOut.into())]).when_done().detach();
    let looping = LoopingCall::new(|_| Deferred::<()>::fail(TimedOut));
    looping.start_later(&reactor, SECOND).unwrap().detach();
    clock.advance(SECOND);
    assert_eq!(log.take(), [false; 7]);
}
