//! Watchdogs and what they watch, when one of them ends.

use crate::support::{foreign, gated};
use crate::watchdog::watchdog;
use ropewalk_reactor::Reactor;
use ropewalk_testing::{DEADLINE, within};
use ropewalk_threadpool::ThreadPool;
use ropewalk_threads::{HandleThreads as _, ReactorThread, Watchdog};
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::mpsc::{RecvError, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const SOON: Duration = Duration::from_millis(1);

#[test]
fn i9_a_watchdog_is_dropped_while_a_reactor_is_blocked() {
    within(DEADLINE, || {
        for reported in [true, false] {
            let (builder, reports) = watchdog();
            let reactor = ReactorThread::spawn().unwrap();
            let blocked_after = if reported { SOON } else { Duration::MAX };
            let builder = builder.blocked_after(blocked_after).watch(reactor.handle());
            let watchdog = builder.spawn().unwrap();
            let (gate, block) = gated();
            reactor.handle().call_from_thread(move |_| block()).unwrap();
            gate.started.recv().unwrap();
            if reported {
                reports.wait(|report| report.blocked.first().map(drop));
            }
            drop(watchdog);
            drop(gate);
            reactor.join().unwrap();
        }
    });
}

#[test]
fn i3_a_hook_that_panics_is_called_again() {
    within(DEADLINE, || {
        let (sender, receiver) = channel();
        let mut calls = 0;
        let builder = Watchdog::builder().blocked_after(SOON).on_report(move |_| {
            calls += 1;
            sender.send(calls).unwrap();
            panic!("on purpose");
        });
        let reactor = ReactorThread::spawn().unwrap();
        let watchdog = builder.watch(reactor.handle()).spawn().unwrap();
        let (gate, block) = gated();
        reactor.handle().call_from_thread(move |_| block()).unwrap();
        assert_eq!([receiver.recv(), receiver.recv()], [Ok(1), Ok(2)]);
        drop(gate);
        watchdog.stop();
    });
}

/// It does not wait for itself, and it ends all the same.
#[test]
fn i4_a_watchdog_is_stopped_by_its_own_hook() {
    within(DEADLINE, || {
        let own = Arc::new(Mutex::new(None::<Watchdog>));
        let (sender, receiver) = channel();
        let there = Arc::clone(&own);
        let builder = Watchdog::builder().blocked_after(SOON).on_report(move |_| {
            let watchdog = there.lock().unwrap().take();
            watchdog.unwrap().stop();
            sender.send(()).unwrap();
        });
        let reactor = ReactorThread::spawn().unwrap();
        own.lock().unwrap().replace(builder.spawn().unwrap());
        let (gate, block) = gated();
        own.lock().unwrap().as_ref().unwrap().watch(reactor.handle());
        reactor.handle().call_from_thread(move |_| block()).unwrap();
        assert_eq!([receiver.recv(), receiver.recv()], [Ok(()), Err(RecvError)]);
        drop(gate);
    });
}

/// The hook waits for the reactor, so a callback of the reactor must not wait for the hook.
#[test]
fn i4_a_watchdog_is_dropped_in_a_callback_for_which_its_hook_waits() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let handle = reactor.handle();
        let (calls, called) = channel();
        let builder = Watchdog::builder().blocked_after(SOON).on_report(move |_| {
            calls.send(None).unwrap();
            calls.send(Some(handle.blocking_call_from_thread(|_| Ok(7)).unwrap())).unwrap();
        });
        let watchdog = builder.watch(&reactor.handle()).spawn().unwrap();
        reactor.call_soon(move |reactor| {
            assert_eq!(called.recv(), Ok(None));
            drop(watchdog);
            reactor.call_soon(move |reactor| {
                // Its call comes in the next turn at the latest, or has come.
                let handle = reactor.handle();
                let waiter = foreign(move || {
                    assert_eq!(called.recv(), Ok(Some(7)));
                    assert_eq!(called.recv(), Err(RecvError), "the hook is gone");
                    handle.stop();
                });
                drop(waiter);
            });
        });
        reactor.run().unwrap();
        assert_eq!(reactor.stats().panics, 0);
    });
}

/// One that is dropped while it rests, one by its own callback, which goes on, and one that never
/// ran; those that are left are watched on.
#[test]
fn reactors_and_pools_that_are_dropped_leave_the_watch() {
    within(DEADLINE, || {
        let (builder, reports) = watchdog();
        let never = Reactor::new().unwrap();
        let pool = ThreadPool::builder().max_threads(1).stall_after(SOON).build().unwrap();
        let watchdog = builder.watch(&never.handle()).watch_pool(&pool).spawn().unwrap();
        drop((never, pool));
        // The callback owns it, in a way, and goes on when it is gone.
        let own = Rc::new(RefCell::new(Some(Reactor::new().unwrap())));
        let (there, taken) = (reports.clone(), Rc::downgrade(&own));
        let reactor = own.borrow().as_ref().unwrap().downgrade();
        let entered = reactor.with(|reactor| {
            watchdog.watch(&reactor.handle());
            reactor.call_soon(move |_| {
                drop(taken.upgrade().and_then(|own| own.take()));
                let blocked = there.wait(|report| report.blocked.first().cloned());
                assert_eq!(blocked.kind, "soon");
            });
            reactor.run().unwrap();
        });
        assert!(entered.is_some() && own.borrow().is_none());
        drop(reports.wait(|report| report.ended.first().cloned()));
        let last = ReactorThread::spawn().unwrap();
        watchdog.watch(last.handle());
        let (gate, blocks) = gated();
        last.handle().call_from_thread(move |_| blocks()).unwrap();
        let blocked = reports.wait(|report| report.blocked.first().cloned());
        assert_eq!((blocked.kind, &*blocked.thread), ("call", "reactor"));
        drop(gate);
    });
}

#[test]
fn a_reactor_that_runs_again_is_still_watched() {
    within(DEADLINE, || {
        let (builder, reports) = watchdog();
        let reactor = Reactor::new().unwrap();
        let watchdog = builder.watch(&reactor.handle()).spawn().unwrap();
        for _ in 0..3 {
            let there = reports.clone();
            let line = line!() + 1;
            reactor.call_soon(move |reactor| {
                let is_it = |at: &std::panic::Location<'_>| at.line() == line;
                there.wait(|report| report.blocked.iter().find(|it| is_it(it.location)).map(drop));
                reactor.stop();
            });
            reactor.run().unwrap();
        }
        assert_eq!(reactor.stats().panics, 0);
        drop(watchdog);
    });
}
