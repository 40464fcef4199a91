//! Foreign threads that wait for the reactor.

use crate::log;
use crate::support::{Drops, Refused, foreign, gated, just_above, must_not_run, unanswered};
use ropewalk_deferred::{Cancelled, Deferred, Failure, Panicked, TimedOut};
use ropewalk_reactor::{Reactor, ReactorStopped};
use ropewalk_testing::{DEADLINE, within};
use ropewalk_threads::{HandleThreads as _, ReactorThread, ReactorThreads as _, WouldDeadlock};
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

/// Far less than the deadline of a test, and far more than an answer takes.
const LONG: Duration = Duration::from_secs(20);

#[test]
fn b53_the_value_of_a_deferred_that_has_fired() {
    within(DEADLINE, || {
        let reactor = ReactorThread::spawn().unwrap();
        let handle = reactor.handle();
        assert_eq!(handle.blocking_call_from_thread(|_| Deferred::succeed(3)).unwrap(), 3);
        // And what is no deferred at all.
        assert_eq!(handle.blocking_call_from_thread(|_| Ok(4)).unwrap(), 4);
        handle.blocking_call_from_thread(|_| ()).unwrap();
    });
}

#[test]
fn b54_the_value_of_a_deferred_that_fires_later() {
    within(DEADLINE, || {
        let reactor = ReactorThread::spawn().unwrap();
        let value = reactor.handle().blocking_call_from_thread(|reactor| {
            let (promise, deferred) = Deferred::new();
            reactor.call_later(Duration::from_millis(5), |_| promise.callback("later"));
            deferred
        });
        assert_eq!(value.unwrap(), "later");
    });
}

#[test]
fn b55_the_failure_of_a_deferred_that_has_failed() {
    within(DEADLINE, || {
        let reactor = ReactorThread::spawn().unwrap();
        let handle = reactor.handle();
        let failure = handle.blocking_call_from_thread(|_| Deferred::<()>::fail(Refused(5)));
        assert_eq!(failure.unwrap_err().downcast_ref(), Some(&Refused(5)));
        let failure = handle.blocking_call_from_thread(|_| Err::<(), _>(Refused(6).into()));
        assert_eq!(failure.unwrap_err().downcast_ref(), Some(&Refused(6)));
    });
}

#[test]
fn b56_a_failure_that_comes_later_keeps_type_and_message() {
    within(DEADLINE, || {
        let reactor = ReactorThread::spawn().unwrap();
        let failure = reactor.handle().blocking_call_from_thread(|reactor| {
            let (promise, deferred) = Deferred::<()>::new();
            reactor.call_later(Duration::from_millis(5), |_| promise.errback(Refused(7)));
            deferred
        });
        let failure = failure.unwrap_err();
        assert_eq!(failure.downcast_ref(), Some(&Refused(7)));
        assert_eq!(failure.to_string(), "refused 7");
    });
}

#[test]
fn the_call_runs_on_the_reactor_thread() {
    within(DEADLINE, || {
        let reactor = ReactorThread::spawn().unwrap();
        let handle = reactor.handle();
        let on_thread = handle.clone();
        let call = move |_: &Reactor| Ok((on_thread.is_reactor_thread(), thread::current().id()));
        let (there, id) = handle.blocking_call_from_thread(call).unwrap();
        assert!(there);
        assert_ne!(id, thread::current().id());
    });
}

/// W1: Twisted waits for itself, for ever.
#[test]
fn i4_w1_on_the_reactor_thread_it_is_refused_at_once_and_nothing_is_queued() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let handle = reactor.handle();
        let dropped = Drops::default();
        let (before, timed, inside) = (dropped.witness(), dropped.witness(), dropped.witness());
        // Before the run, and in it.
        let refused = handle.blocking_call_from_thread(move |_| must_not_run(&before));
        assert!(refused.unwrap_err().is::<WouldDeadlock>());
        let refused = handle.blocking_call_from_thread_timeout(LONG, move |_| must_not_run(&timed));
        assert!(refused.unwrap_err().is::<WouldDeadlock>());
        reactor.call_when_running(move |reactor| {
            let refused =
                reactor.handle().blocking_call_from_thread(move |_| must_not_run(&inside));
            assert!(refused.unwrap_err().is::<WouldDeadlock>());
            reactor.stop();
        });
        reactor.run().unwrap();
        assert_eq!(dropped.count(), 3);
        assert_eq!((reactor.stats().calls, reactor.stats().panics), (0, 0));
    });
}

/// Each names the line that asked, not one of the library's.
#[test]
fn a_refused_wait_is_logged_with_the_line_that_asked() {
    within(DEADLINE, || {
        log::keep();
        let reactor = Reactor::new().unwrap();
        let handle = reactor.handle();
        let first = line!() + 1;
        let _ = handle.blocking_call_from_thread(|_| Ok(()));
        let _ = handle.blocking_call_from_thread_timeout(LONG, |_| Ok(()));
        let _ = handle.eventually(|_| Ok(())).wait();
        let _ = handle.eventually(|_| Ok(())).wait_timeout(LONG);
        for line in first..first + 4 {
            let lines = log::lines("WARN", &format!("{}:{line}:", file!()));
            assert!(lines.iter().any(|it| it.contains("was refused")), "{line}: {lines:?}");
        }
    });
}

#[test]
fn i4_on_one_thread_a_reactor_does_not_wait_for_another() {
    within(DEADLINE, || {
        let (first, second) = (Reactor::new().unwrap(), Reactor::new().unwrap());
        let handle = second.handle();
        first.call_when_running(move |reactor| {
            let refused = handle.blocking_call_from_thread(|_| Ok(3));
            assert!(refused.unwrap_err().is::<WouldDeadlock>());
            reactor.stop();
        });
        first.run().unwrap();
        assert_eq!(first.stats().panics, 0);
    });
}

#[test]
fn i4_from_one_reactor_thread_another_reactor_may_be_asked() {
    within(DEADLINE, || {
        let (first, second) = (ReactorThread::spawn().unwrap(), ReactorThread::spawn().unwrap());
        let other = second.handle().clone();
        let sum = first.handle().blocking_call_from_thread(move |_| {
            Ok(1 + other.blocking_call_from_thread(|_| Ok(2))?)
        });
        assert_eq!(sum.unwrap(), 3);
    });
}

/// W2: before the run it waits, as in Twisted, and the first turn answers.
#[test]
fn i4_before_the_run_it_waits_and_the_first_turn_answers() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let handle = reactor.handle();
        let (sender, receiver) = channel();
        let waiting = foreign(move || {
            let answer = handle.blocking_call_from_thread(move |reactor| {
                sender.send(reactor.stats().turns).unwrap();
                reactor.stop();
                Ok(reactor.running())
            });
            answer.unwrap()
        });
        // Its call is the only one: wait until it is queued.
        while reactor.turn(Some(Duration::ZERO)).is_ok() && reactor.stats().calls == 0 {
            thread::yield_now();
        }
        assert!(!waiting.join().unwrap(), "answered by a turn, outside of a run");
        assert!(receiver.recv().unwrap() > 0);

        let reactor = Reactor::new().unwrap();
        let handle = reactor.handle();
        let (sender, receiver) = channel();
        let waiting = foreign(move || {
            let answer = handle.eventually(move |reactor| {
                reactor.stop();
                Ok(reactor.stats().turns)
            });
            sender.send(()).unwrap();
            answer.wait().unwrap()
        });
        receiver.recv().unwrap();
        reactor.run().unwrap();
        assert_eq!(waiting.join().unwrap(), 1);
    });
}

#[test]
fn i4_after_the_stop_and_after_the_drop_it_fails_at_once() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let handle = reactor.handle();
        reactor.stop();
        reactor.run().unwrap();
        let ask = move || {
            let plain = handle.blocking_call_from_thread(|_| Ok(3)).unwrap_err();
            let timed = handle.blocking_call_from_thread_timeout(LONG, |_| Ok(3)).unwrap_err();
            (plain.is::<ReactorStopped>() && timed.is::<ReactorStopped>(), handle)
        };
        let (stopped, handle) = foreign(ask).join().unwrap();
        assert!(stopped);
        drop(reactor);
        let gone = foreign(move || handle.blocking_call_from_thread(|_| Ok(3)).unwrap_err());
        assert!(gone.join().unwrap().is::<ReactorStopped>());
    });
}

#[test]
fn i4_a_reactor_that_is_dropped_unrun_wakes_who_waits() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let (sender, receiver) = channel();
        let handle = reactor.handle();
        let waiting = foreign(move || {
            let answer = handle.eventually(|_| Ok(3));
            sender.send(()).unwrap();
            answer.wait().unwrap_err()
        });
        receiver.recv().unwrap();
        drop(reactor);
        assert!(waiting.join().unwrap().is::<ReactorStopped>());
    });
}

#[test]
fn i4_the_timed_form_gives_up_and_the_call_never_runs() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let handle = reactor.handle();
        let dropped = Drops::default();
        let witness = dropped.witness();
        let waiting = foreign(move || {
            let limit = Duration::from_millis(1);
            handle
                .blocking_call_from_thread_timeout(limit, move |_| must_not_run(&witness))
                .unwrap_err()
        });
        let late = waiting.join().unwrap();
        assert!(late.is::<TimedOut>());
        assert_eq!(format!("{late:#}"), "no result within 1ms: timed out");
        reactor.stop();
        reactor.run().unwrap();
        assert_eq!((dropped.count(), reactor.stats().panics), (1, 0));
    });
}

#[test]
fn i4_the_timed_form_cancels_the_deferred_that_it_waited_for() {
    within(DEADLINE, || {
        let reactor = ReactorThread::spawn().unwrap();
        // On a busy machine a call may not have begun by then, and never runs: that is not this test.
        let cancelled = (0..).find_map(|more| {
            let (sender, receiver) = channel();
            let late = reactor.handle().blocking_call_from_thread_timeout(
                Duration::from_millis(20 << more),
                move |_| {
                    // The promise is kept by its own chain: nobody will fire it.
                    let (promise, deferred) = Deferred::<u32>::new();
                    deferred.add_both(move |result| {
                        sender.send(result.unwrap_err().is::<Cancelled>()).unwrap();
                        drop(promise);
                    })
                },
            );
            assert!(late.unwrap_err().is::<TimedOut>());
            receiver.recv().ok()
        });
        assert_eq!(cancelled, Some(true));
        let value = reactor.handle().blocking_call_from_thread_timeout(Duration::MAX, |_| Ok(3));
        assert_eq!(value.unwrap(), 3);
    });
}

#[test]
fn the_ways_to_fail_are_told_apart_by_type() {
    within(DEADLINE, || {
        let reactor = ReactorThread::spawn().unwrap();
        let handle = reactor.handle();
        let panicked =
            handle.blocking_call_from_thread(|_| -> Result<(), Failure> { panic!("in a call") });
        let failure = panicked.unwrap_err();
        let panicked = failure.downcast_ref::<Panicked>().unwrap();
        assert_eq!(panicked.message(), "in a call");
        assert!(just_above(panicked.location()));

        let timed = handle.blocking_call_from_thread_timeout(LONG, |_| -> Result<(), Failure> {
            panic!("in a timed call")
        });
        let failure = timed.unwrap_err();
        assert!(just_above(failure.downcast_ref::<Panicked>().unwrap().location()));

        let cancelled = handle.blocking_call_from_thread(|reactor| {
            let (promise, deferred) = Deferred::<()>::new();
            let canceller = deferred.canceller();
            reactor.call_soon(move |_| {
                canceller.cancel();
                drop(promise);
            });
            deferred
        });
        assert!(cancelled.unwrap_err().is::<Cancelled>());
        let own = handle.blocking_call_from_thread(|_| Err::<(), _>(TimedOut.into()));
        assert!(own.unwrap_err().is::<TimedOut>());
    });
}

#[test]
fn a_worker_asks_the_reactor_which_asks_another_worker() {
    within(DEADLINE, || {
        let reactor = ReactorThread::spawn().unwrap();
        let handle = reactor.handle().clone();
        let (sender, receiver) = channel();
        let (gate, busy) = gated();
        handle.call_in_thread(busy).unwrap();
        gate.started.recv().unwrap();
        let asking = handle.clone();
        let job = move || {
            let answer = asking.blocking_call_from_thread(|reactor| {
                reactor.defer_to_thread(|| Ok(1)).map(|one| one + 1)
            });
            sender.send(answer.unwrap()).unwrap();
        };
        handle.call_in_thread(job).unwrap();
        assert_eq!(receiver.recv().unwrap(), 2);
        drop(gate);
        reactor.join().unwrap();
    });
}

/// What would have brought the result is dropped with the reactor, but who waits hears of it first.
#[test]
fn i4_a_reactor_that_was_only_turned_tells_who_waits_that_it_is_gone() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let handle = reactor.handle();
        let (sender, started) = channel();
        let waiting = foreign(move || {
            handle.blocking_call_from_thread(move |reactor| {
                sender.send(()).unwrap();
                unanswered::<()>(reactor, || ())
            })
        });
        while started.try_recv().is_err() {
            reactor.turn(Some(Duration::from_millis(1))).unwrap();
        }
        drop(reactor);
        assert!(waiting.join().unwrap().unwrap_err().is::<ReactorStopped>());
    });
}
