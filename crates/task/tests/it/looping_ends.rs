//! `LoopingCall`: what ends it, and what is left of it then.

use crate::signal::{manual, never};
use ropewalk_deferred::{Abandoned, Cancelled, Deferred, Panicked, Result};
use ropewalk_reactor::Reactor;
use ropewalk_task::{AlreadyRunning, LoopingCall, ReactorTask};
use ropewalk_testing::{capture_tracing, failure_as, no_result, success_of};
use std::cell::{Cell, RefCell};
use std::fmt;
use std::future::pending;
use std::rc::Rc;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

/// A loop whose first call returns `deferred`, and the payload that its function holds.
fn returning(deferred: Deferred<()>) -> (LoopingCall, Rc<()>) {
    let payload = Rc::new(());
    let (held, mut deferred) = (Rc::clone(&payload), Some(deferred));
    let looping = LoopingCall::new(move |_| {
        let _held = &held;
        deferred.take().unwrap_or_else(|| Deferred::succeed(()))
    });
    (looping, payload)
}

#[test]
fn b186_a_failure_of_any_kind_ends_the_loop_and_is_its_result() {
    for stops_before in [false, true] {
        let stop = move || {
            if stops_before {
                LoopingCall::current().unwrap().stop().unwrap();
            }
        };
        let (clock, reactor) = manual();
        let failing = LoopingCall::new(move |_| {
            stop();
            Err(fmt::Error.into())
        });
        failure_as::<fmt::Error, _>(failing.start(&reactor, SECOND).unwrap());
        assert!(!failing.running());

        let line = line!() + 1;
        let panicking = LoopingCall::new(move |_| -> Result<()> {
            stop();
            panic!("out of rope")
        });
        let panicked = failure_as::<Panicked, _>(panicking.start(&reactor, SECOND).unwrap());
        assert_eq!(panicked.message(), "out of rope");
        assert_eq!((panicked.location().file(), panicked.location().line()), (file!(), line));

        let later = LoopingCall::new(move |reactor| {
            stop();
            reactor.defer_later(SECOND, |_| Err(fmt::Error.into()))
        });
        let done = no_result(later.start(&reactor, SECOND).unwrap());
        assert_eq!(later.running(), !stops_before);
        clock.advance(SECOND);
        failure_as::<fmt::Error, _>(done);
        assert!(!later.running());
        assert_eq!(reactor.delayed_calls(), []);
    }
}

#[test]
fn a_loop_that_has_failed_can_be_started_again() {
    let (_clock, reactor) = manual();
    let mut left = 1;
    let looping = LoopingCall::new(move |_| {
        left -= 1;
        if left == 0 { Err(fmt::Error.into()) } else { Ok(()) }
    });
    failure_as::<fmt::Error, _>(looping.start(&reactor, SECOND).unwrap());
    let done = no_result(looping.start(&reactor, SECOND).unwrap());
    looping.stop().unwrap();
    success_of(done);
}

#[test]
fn a_cancel_takes_the_timer_back() {
    let (clock, reactor) = manual();
    let looping = LoopingCall::new(|_| never());
    let done = looping.start_later(&reactor, SECOND).unwrap();
    done.cancel();
    assert_eq!(reactor.delayed_calls(), []);
    assert!(!looping.running());
    failure_as::<Cancelled, _>(done);
    clock.advance(2 * SECOND);
}

#[test]
fn a_cancel_reaches_what_the_call_waits_for() {
    let (_clock, reactor) = manual();
    let (promise, deferred) = Deferred::new();
    let (looping, _payload) = returning(deferred);
    let done = looping.start(&reactor, SECOND).unwrap();
    done.cancel();
    assert!(promise.is_cancelled());
    assert!(!looping.running());
    failure_as::<Cancelled, _>(done);
}

/// What the call makes of the cancel does not let the loop go on; but a failure is passed on.
#[test]
fn a_cancelled_loop_is_over_whatever_its_call_makes_of_it() {
    let (_clock, reactor) = manual();
    let (_promise, deferred) = Deferred::new();
    let (recovers, _payload) = returning(deferred.add_errback(|_| ()));
    let done = recovers.start(&reactor, SECOND).unwrap();
    done.cancel();
    failure_as::<Cancelled, _>(done);
    assert_eq!(reactor.delayed_calls(), []);

    let (_promise, deferred) = Deferred::new();
    let (fails, _payload) = returning(deferred.add_errback(|_| Err(fmt::Error.into())));
    let done = fails.start(&reactor, SECOND).unwrap();
    done.cancel();
    failure_as::<fmt::Error, _>(done);
}

#[test]
fn a_call_that_tidies_up_after_a_cancel_holds_the_next_start_but_not_the_failure() {
    for fails in [false, true] {
        let (_clock, reactor) = manual();
        let (_promise, deferred) = Deferred::new();
        let (tidy, tidying) = Deferred::<()>::new();
        let (looping, _payload) = returning(deferred.add_errback(|_| tidying));
        let done = looping.start(&reactor, SECOND).unwrap();
        done.cancel();
        failure_as::<Cancelled, _>(done);
        assert!(!looping.running());
        assert_eq!(looping.start(&reactor, SECOND).unwrap_err(), AlreadyRunning);
        let result = if fails { Err(fmt::Error.into()) } else { Ok(()) };
        // Nobody waits for it any more.
        let events = capture_tracing(|| tidy.resolve(result));
        assert_eq!(events.len(), usize::from(fails), "{events:?}");
        no_result(looping.start(&reactor, SECOND).unwrap()).detach();
    }
}

#[test]
fn i5_a_call_may_cancel_its_own_loop() {
    let (clock, reactor) = manual();
    let own = Rc::new(RefCell::new(None));
    let cancels = Rc::clone(&own);
    let (promise, deferred) = Deferred::<()>::new();
    let mut deferred = Some(deferred);
    let looping = LoopingCall::new(move |_| {
        let done: Option<Deferred<LoopingCall>> = cancels.take();
        let Some(done) = done else { return Deferred::succeed(()) };
        done.cancel();
        failure_as::<Cancelled, _>(done);
        deferred.take().unwrap()
    });
    own.replace(Some(looping.start(&reactor, SECOND).unwrap()));
    clock.advance(SECOND);
    assert!(promise.is_cancelled());
    assert_eq!(reactor.delayed_calls(), []);
    // It is over, and free for another start.
    let done = looping.start(&reactor, SECOND).unwrap();
    looping.stop().unwrap();
    success_of(done);
}

#[test]
fn i2_a_loop_goes_on_without_anybody_who_holds_it() {
    let (clock, reactor) = manual();
    let calls = Rc::new(Cell::new(0));
    let count = Rc::clone(&calls);
    let looping = LoopingCall::new(move |_| {
        count.set(count.get() + 1);
        if count.get() == 4 { Err(fmt::Error.into()) } else { Ok(()) }
    });
    drop(looping.start(&reactor, SECOND).unwrap());
    drop(looping);
    clock.advance(2 * SECOND);
    assert_eq!(calls.get(), 3);
    let events = capture_tracing(|| clock.advance(SECOND));
    assert!(events[0].message.contains("unhandled failure"), "{events:?}");
    assert_eq!(events.len(), 1);
    assert_eq!(Rc::strong_count(&calls), 1, "the function is dropped with the loop");
    assert_eq!(reactor.delayed_calls(), []);
}

#[test]
fn i5_a_call_may_drop_the_last_handle() {
    let (clock, reactor) = manual();
    let payload = Rc::new(());
    let (held, handle) = (Rc::clone(&payload), Rc::new(RefCell::new(None)));
    let drops = Rc::clone(&handle);
    let looping = LoopingCall::new(move |_| {
        let _held = &held;
        let last: Option<LoopingCall> = drops.take();
        last.inspect(|this| this.stop().unwrap());
    });
    looping.start_later(&reactor, SECOND).unwrap().detach();
    handle.replace(Some(looping));
    clock.advance(SECOND);
    assert_eq!(Rc::strong_count(&payload), 1);
}

#[test]
fn i2_dropping_the_reactor_abandons_its_loops_and_drops_their_functions() {
    let (_clock, reactor) = manual();
    let (waiting, first) = returning(Deferred::succeed(()));
    let (promise, deferred) = Deferred::new();
    let (pending, second) = returning(deferred);
    let done = [&waiting, &pending].map(|looping| looping.start(&reactor, SECOND).unwrap());
    // One that holds itself.
    let own = Rc::new(RefCell::new(None));
    let holds = Rc::clone(&own);
    let selfish = LoopingCall::new(move |_| drop(holds.borrow()));
    own.replace(Some(selfish.clone()));
    selfish.start(&reactor, SECOND).unwrap().add_errback(Err).on_failure(drop);
    drop(selfish);
    drop(reactor);
    for done in done {
        failure_as::<Abandoned, _>(done);
    }
    assert_eq!([&first, &second].map(Rc::strong_count), [1; 2]);
    assert_eq!(Rc::strong_count(&own), 1);
    // The call that was under way ends unheard.
    assert!(!promise.is_cancelled());
    assert_eq!(capture_tracing(|| promise.callback(())), []);

    // What is left of a loop has nothing to call.
    let (_clock, reactor) = manual();
    assert!(!waiting.running());
    failure_as::<Abandoned, _>(waiting.start(&reactor, SECOND).unwrap());
    failure_as::<Abandoned, _>(waiting.start_later(&reactor, SECOND).unwrap());
    assert!(!waiting.running());
}

/// At the end of a program, mostly: nobody there knows of a promise.
#[test]
fn i2_a_loop_that_ends_with_its_reactor_says_so() {
    let (_clock, reactor) = manual();
    let looping = LoopingCall::new(|_| ());
    let told = Rc::new(RefCell::new(String::new()));
    let tells = Rc::clone(&told);
    let started = looping.start(&reactor, SECOND).unwrap();
    started.on_failure(move |failure| {
        assert!(failure.is::<Abandoned>());
        tells.replace(failure.to_string());
    });
    let silent = LoopingCall::new(|_| ()).start(&reactor, SECOND).unwrap();
    silent.detach();
    assert_eq!(capture_tracing(move || drop(reactor)), []);
    assert!(told.borrow().starts_with("the loop ended with its reactor"), "{told:?}");
}

#[test]
fn a_failure_that_comes_after_the_reactor_is_gone_is_unhandled() {
    let (_clock, reactor) = manual();
    let (promise, deferred) = Deferred::new();
    let (looping, _payload) = returning(deferred);
    looping.start(&reactor, SECOND).unwrap().on_failure(drop);
    drop(reactor);
    assert_eq!(capture_tracing(|| promise.errback(fmt::Error)).len(), 1);
}

#[test]
fn a_task_that_a_call_waits_for_ends_with_the_reactor() {
    let (_clock, reactor) = manual();
    let payload = Rc::new(());
    let held = Rc::clone(&payload);
    let looping = LoopingCall::new(move |reactor| {
        let held = Rc::clone(&held);
        reactor.spawn(async move {
            pending::<()>().await;
            drop(held);
        })
    });
    let done = looping.start(&reactor, SECOND).unwrap();
    let events = capture_tracing(|| drop(reactor));
    assert_eq!(events, []);
    failure_as::<Abandoned, _>(done);
    assert_eq!(Rc::strong_count(&payload), 1);
}

#[test]
fn i5_a_call_may_drop_the_reactor() {
    let (clock, reactor) = manual();
    let reactor = Rc::new(RefCell::new(Some(reactor)));
    let payload = Rc::new(());
    let (held, owner) = (Rc::clone(&payload), Rc::clone(&reactor));
    let looping = LoopingCall::new(move |_| -> Result<()> {
        let _held = &held;
        drop(owner.take());
        assert!(!LoopingCall::current().unwrap().running());
        Ok(())
    });
    let started = reactor.borrow().as_ref().unwrap().downgrade();
    let done = started.with(|reactor| looping.start_later(reactor, SECOND)).unwrap().unwrap();
    clock.advance(SECOND);
    assert!(reactor.borrow().is_none());
    failure_as::<Abandoned, _>(done);
    assert_eq!(Rc::strong_count(&payload), 1);
}

#[test]
fn i5_callbacks_of_an_abandoned_loop_may_stop_and_start_others() {
    let (_clock, reactor) = manual();
    let weak = reactor.downgrade();
    let (first, _) = returning(Deferred::succeed(()));
    let (second, payload) = returning(Deferred::succeed(()));
    let (third, other_payload) = returning(Deferred::succeed(()));
    let stops = second.clone();
    let ended = first.start(&reactor, SECOND).unwrap().map(|_| ()).add_errback(move |_| {
        stops.stop()?;
        weak.with(|reactor| third.start(reactor, SECOND).unwrap().on_failure(drop));
        Ok(())
    });
    let stopped = second.start(&reactor, SECOND).unwrap();
    drop(reactor);
    success_of(ended);
    success_of(stopped);
    assert_eq!([&payload, &other_payload].map(Rc::strong_count), [1; 2]);
}

/// In which order a reactor drops its slots is nobody's to know; one of seven will be before the
/// loops.
#[test]
fn i2_a_loop_that_ends_while_its_reactor_is_dropped_has_lost_its_function() {
    #[derive(Default)]
    struct Stops<const N: usize>(Cell<Option<LoopingCall>>);
    impl<const N: usize> Drop for Stops<N> {
        fn drop(&mut self) {
            // The first of them does it.
            let _ = self.0.take().map(|looping| looping.stop());
        }
    }
    fn keep<const N: usize>(reactor: &Reactor, looping: &LoopingCall) {
        reactor.local::<Stops<N>>().0.set(Some(looping.clone()));
    }
    let (_clock, reactor) = manual();
    let (looping, payload) = returning(Deferred::succeed(()));
    let (_clock, other) = manual();
    let start_again = move |looping: LoopingCall| {
        failure_as::<Abandoned, _>(looping.start(&other, SECOND).unwrap());
    };
    let done = looping.start(&reactor, SECOND).unwrap().map(start_again);
    let done = done.add_errback(|failure| failure.downcast().map(|Abandoned| ()));
    let all = [keep::<0>, keep::<1>, keep::<2>, keep::<3>, keep::<4>, keep::<5>, keep::<6>];
    all.iter().for_each(|keep| keep(&reactor, &looping));
    drop(reactor);
    success_of(done);
    assert_eq!(Rc::strong_count(&payload), 1);
}

#[test]
fn i3_a_function_whose_drop_panics_costs_nobody_else_anything() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("boom");
        }
    }
    let (_clock, reactor) = manual();
    let bomb = Bomb;
    let bad = LoopingCall::new(move |_| {
        let _held = &bomb;
    });
    let (good, payload) = returning(Deferred::succeed(()));
    let done = [&bad, &good].map(|looping| looping.start(&reactor, SECOND).unwrap());
    let events = capture_tracing(|| drop(reactor));
    assert_eq!(events.len(), 1);
    assert_eq!(events[0].field("panic"), Some("boom"));
    for done in done {
        failure_as::<Abandoned, _>(done);
    }
    assert_eq!(Rc::strong_count(&payload), 1);
}

#[test]
fn i3_a_panic_after_a_cancel_is_reported() {
    let (clock, reactor) = manual();
    let done = Rc::new(RefCell::new(None::<Deferred<LoopingCall>>));
    let cancels = Rc::clone(&done);
    let looping = LoopingCall::new(move |_| {
        if let Some(done) = cancels.borrow().as_ref() {
            done.cancel();
            panic!("too late");
        }
    });
    done.replace(Some(looping.start(&reactor, SECOND).unwrap()));
    let events = capture_tracing(|| clock.advance(SECOND));
    assert_eq!(events.len(), 1, "{events:?}");
    assert!(events[0].message.contains("too late"));
    failure_as::<Cancelled, _>(done.take().unwrap());
}
