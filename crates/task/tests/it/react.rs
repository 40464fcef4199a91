//! `run_until` and `react_on`: when the run ends, and with what.

use ropewalk_deferred::{Cancelled, Deferred, Panicked};
use ropewalk_reactor::{PanicPolicy, Phase, Reactor, RunError, SystemEvent};
use ropewalk_task::{ReactorTask, StoppedBeforeDone, react_on};
use ropewalk_testing::{DEADLINE, EventLog, capture_tracing, within};
use std::cell::{Cell, RefCell};
use std::fmt;
use std::future::pending;
use std::process::ExitCode;
use std::rc::Rc;
use std::time::Duration;

const MS: Duration = Duration::from_millis(1);

fn reactor() -> Reactor {
    Reactor::builder().shutdown_deadline(MS).build().unwrap()
}

#[test]
fn b189_runs_until_there_is_a_result_and_stops_once() {
    within(DEADLINE, || {
        let reactor = reactor();
        let stops = Rc::new(Cell::new(0));
        for round in 1..=3 {
            let count = Rc::clone(&stops);
            reactor.add_system_event_trigger(Phase::Before, SystemEvent::Shutdown, move |_| {
                count.set(count.get() + 1);
            });
            let answer = reactor.spawn(async move { Ok(round) });
            assert_eq!(reactor.run_until(answer).unwrap(), round);
            assert_eq!(stops.get(), round);
            assert!(!reactor.running());
        }
        let failed = reactor.defer_later(MS, |_| Err::<(), _>(fmt::Error.into()));
        assert!(reactor.run_until(failed).unwrap_err().is::<fmt::Error>());
    });
}

#[test]
fn b189_a_result_that_is_there_already_is_a_run_all_the_same() {
    within(DEADLINE, || {
        let reactor = reactor();
        for _ in 0..2 {
            let log = EventLog::new();
            for event in [SystemEvent::Startup, SystemEvent::Shutdown] {
                let log = log.clone();
                let entry = format!("{event:?}");
                reactor.add_system_event_trigger(Phase::During, event, move |_| log.add(entry));
            }
            assert_eq!(reactor.run_until(Deferred::succeed(7)).unwrap(), 7);
            assert_eq!(log.take(), ["Startup", "Shutdown"]);
        }
    });
}

/// W33: while the startup is still held, a loop that waits must wait, not spin.
#[test]
fn w33_a_result_before_the_startup_is_over_does_not_make_it_spin() {
    within(DEADLINE, || {
        let reactor = reactor();
        let (promise, deferred) = Deferred::new();
        let hold = reactor.hold(SystemEvent::Startup);
        reactor.add_system_event_trigger(Phase::Before, SystemEvent::Startup, |reactor| {
            promise.callback(7);
            reactor.call_later(20 * MS, move |_| drop(hold));
        });
        assert_eq!(reactor.run_until(deferred).unwrap(), 7);
        assert!(reactor.stats().turns < 10, "{:?}", reactor.stats());
    });
}

#[test]
fn b189_w33_stopped_before_the_result_is_an_error_and_cancels() {
    within(DEADLINE, || {
        let reactor = reactor();
        let payload = Rc::new(());
        let ends: [fn(&Reactor); 3] = [Reactor::stop, Reactor::stop_now, Reactor::crash];
        for end in ends {
            let held = Rc::clone(&payload);
            let never = reactor.spawn(async move {
                pending::<()>().await;
                drop(held);
            });
            reactor.call_soon(end);
            let events = capture_tracing(|| {
                let failure = reactor.run_until(never).unwrap_err();
                assert!(failure.is::<StoppedBeforeDone>());
            });
            assert!(events.iter().all(|event| event.level > tracing::Level::WARN), "{events:?}");
            assert_eq!(Rc::strong_count(&payload), 1);
        }
        // What handles the cancel does not turn it into a success.
        reactor.call_soon(Reactor::stop);
        let (_promise, deferred) = Deferred::<u32>::new();
        let failure = reactor.run_until(deferred.add_errback(|_| Ok(7))).unwrap_err();
        assert!(failure.is::<StoppedBeforeDone>());
        // A failure of its own is not lost.
        reactor.call_soon(Reactor::stop);
        let (_promise, deferred) = Deferred::<u32>::new();
        let failing = deferred.add_errback(|_| Err(fmt::Error.into()));
        let events = capture_tracing(|| drop(reactor.run_until(failing)));
        assert!(events.iter().any(|event| event.message.contains("unhandled")), "{events:?}");
    });
}

#[test]
fn w33_stopped_before_the_run_the_result_has_one_turn() {
    within(DEADLINE, || {
        let reactor = reactor();
        reactor.stop();
        let (_promise, deferred) = Deferred::<()>::new();
        assert!(reactor.run_until(deferred).unwrap_err().is::<StoppedBeforeDone>());
        let reactor = self::reactor();
        reactor.stop();
        assert_eq!(reactor.run_until(Deferred::succeed(7)).unwrap(), 7);
    });
}

#[test]
fn b189_a_result_that_comes_during_the_shutdown_counts() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let (promise, deferred) = Deferred::new();
        let hold = reactor.hold(SystemEvent::Shutdown);
        reactor.add_system_event_trigger(Phase::Before, SystemEvent::Shutdown, |reactor| {
            reactor.call_later(MS, move |_| {
                promise.callback(7);
                drop(hold);
            });
        });
        reactor.call_soon(Reactor::stop);
        assert_eq!(reactor.run_until(deferred).unwrap(), 7);
    });
}

#[test]
fn b189_an_error_of_the_run_is_passed_on() {
    within(DEADLINE, || {
        let reactor = reactor();
        let _hold = reactor.hold(SystemEvent::Shutdown);
        let failure = reactor.run_until(Deferred::succeed(7)).unwrap_err();
        assert!(matches!(failure.downcast_ref(), Some(RunError::ShutdownTimedOut(_))));
        // With two failures, the deferred's is given and the other one logged.
        let events = capture_tracing(|| {
            let failure = reactor.run_until(Deferred::<()>::fail(fmt::Error)).unwrap_err();
            assert!(failure.is::<fmt::Error>());
        });
        let mut errors = events.iter().filter(|event| event.level == tracing::Level::ERROR);
        assert!(errors.next().unwrap().field("error").unwrap().contains("unfinished"));
        assert!(errors.next().is_none());

        let reactor = Reactor::builder().panic_policy(PanicPolicy::Stop).build().unwrap();
        reactor.call_soon(|_| panic!("out of rope"));
        let (promise, deferred) = Deferred::<()>::new();
        let failure = reactor.run_until(deferred).unwrap_err();
        assert!(matches!(failure.downcast_ref(), Some(RunError::Panicked { .. })));
        assert!(promise.is_cancelled());
    });
}

#[test]
fn i5_inside_a_callback_it_is_an_error_and_disturbs_nothing() {
    within(DEADLINE, || {
        let reactor = reactor();
        let payload = Rc::new(());
        let held = Rc::clone(&payload);
        let (tidy, tidying) = Deferred::new();
        let outer = reactor.defer_later(MS, |reactor| {
            let (promise, deferred) = Deferred::<()>::new();
            for deferred in [deferred, Deferred::succeed(())] {
                let failure = reactor.run_until(deferred).unwrap_err();
                assert!(matches!(failure.downcast_ref(), Some(RunError::AlreadyRunning)));
            }
            assert!(promise.is_cancelled());
            let (_promise, deferred) = Deferred::new();
            drop(reactor.run_until(deferred.add_errback(|_| tidying)).unwrap_err());
            assert_eq!(react_on(reactor, move |_| drop(held)), ExitCode::FAILURE);
            assert!(reactor.running() && !reactor.stopping());
            reactor.defer_later(MS, |_| Ok(7))
        });
        assert_eq!(reactor.run_until(outer).unwrap(), 7);
        // Nor is anything left for the next run, of which what ends late knows nothing.
        assert_eq!(Rc::strong_count(&payload), 1);
        reactor.call_later(MS, move |_| tidy.callback(()));
        assert_eq!(reactor.run_until(reactor.defer_later(5 * MS, |_| Ok(8))).unwrap(), 8);
    });
}

#[test]
fn i3_a_panic_before_the_result_is_the_failure() {
    within(DEADLINE, || {
        let reactor = reactor();
        let task = reactor.spawn(async {
            if true {
                panic!("out of rope")
            }
        });
        let failure = reactor.run_until(task).unwrap_err();
        assert_eq!(failure.downcast::<Panicked>().unwrap().message(), "out of rope");
    });
}

#[test]
fn i5_a_reactor_dropped_in_its_run_leaves_the_result() {
    within(DEADLINE, || {
        let owner = Rc::new(RefCell::new(Some(reactor())));
        let weak = owner.borrow().as_ref().unwrap().downgrade();
        let drops = Rc::clone(&owner);
        let failure = weak.with(|reactor| {
            reactor.call_soon(move |_| drop(drops.take()));
            let (promise, deferred) = Deferred::<()>::new();
            let failure = reactor.run_until(deferred).unwrap_err();
            assert!(promise.is_cancelled());
            failure
        });
        assert!(failure.unwrap().is::<StoppedBeforeDone>());
    });
}

#[test]
fn b189_main_runs_in_a_reactor_that_runs() {
    within(DEADLINE, || {
        let reactor = reactor();
        for code in [ExitCode::SUCCESS; 2] {
            let seen = Rc::new(Cell::new(false));
            let sees = Rc::clone(&seen);
            let ended = react_on(&reactor, move |reactor| {
                assert!(reactor.running() && Reactor::with_current(|_| ()).is_some());
                let nap = reactor.sleep(MS);
                reactor.spawn(async move {
                    nap.await?;
                    sees.set(true);
                    Ok(())
                })
            });
            assert_eq!(ended, code);
            assert!(seen.get());
        }
    });
}

#[test]
fn i2_a_main_that_is_stopped_is_cancelled() {
    within(DEADLINE, || {
        let reactor = reactor();
        let cancelled = Rc::new(Cell::new(false));
        let sees = Rc::clone(&cancelled);
        let ended = react_on(&reactor, move |reactor| {
            reactor.stop();
            reactor.spawn(pending::<()>()).add_errback(move |failure| {
                sees.set(failure.is::<Cancelled>());
            })
        });
        assert_eq!(ended, ExitCode::FAILURE);
        assert!(cancelled.get());
    });
}
