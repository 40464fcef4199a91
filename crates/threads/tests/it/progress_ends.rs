//! Progress that nobody wants any more: refused, stopped, crashed, dropped.

use crate::manual_pool::by_hand;
use crate::support::{Drops, Gate, OnDrop, gated, is_stopped, peek, run_for, taken};
use ropewalk_reactor::{Phase, Reactor, ReactorStopped, RunError, SystemEvent};
use ropewalk_testing::{DEADLINE, EventLog, within};
use ropewalk_threadpool::{SubmitError, SubmitErrorKind, ThreadPool};
use ropewalk_threads::{ReactorThreads as _, ReportingJob};
use std::cell::Cell;
use std::rc::Rc;
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

/// A callback that must not be called, and of which can be seen whether it was dropped here.
pub(crate) fn unheard(dropped: &Drops) -> impl FnMut(&Reactor, u32) + 'static {
    let (witness, here) = (dropped.witness(), thread::current().id());
    // An `Rc`, for it need not be `Send`.
    let captured = Rc::new(OnDrop::new(move || {
        assert_eq!(thread::current().id(), here);
        drop(witness);
    }));
    move |_, value| unreachable!("{value} was heard, by {:p}", Rc::as_ptr(&captured))
}

/// Reports until nobody listens.
pub(crate) fn report_until_unheard(job: &ReportingJob<u32>) {
    while job.report(0) {
        thread::yield_now();
    }
}

#[test]
fn a_job_that_is_refused_drops_its_callback_and_says_why() {
    within(DEADLINE, || {
        let (_clock, reactor, manual) = by_hand();
        let dropped = Drops::default();
        let full = ThreadPool::builder().queue_limit(1).manual().unwrap();
        full.pool().start().unwrap();
        full.pool().call_in_thread(|| ()).unwrap();
        let stopped = ThreadPool::builder().build().unwrap();
        stopped.stop();
        for (pool, kind) in
            [(full.pool(), SubmitErrorKind::Full), (&stopped, SubmitErrorKind::Stopped)]
        {
            let before = dropped.count();
            let deferred =
                reactor.defer_to_thread_pool_with(pool, unheard(&dropped), |job| Ok(job.report(1)));
            assert_eq!(dropped.count(), before + 1);
            let failure = taken(&peek(deferred)).unwrap_err();
            assert_eq!(failure.downcast_ref::<SubmitError<()>>().unwrap().kind(), kind);
        }
        let reactor_stopped = Reactor::new().unwrap();
        reactor_stopped.stop();
        reactor_stopped.run().unwrap();
        let deferred =
            reactor_stopped.defer_to_thread_with(unheard(&dropped), |job| Ok(job.report(1)));
        assert_eq!(dropped.count(), 3);
        assert!(taken(&peek(deferred)).unwrap_err().is::<ReactorStopped>());
        assert_eq!((manual.run_all(), full.run_all(), reactor.stats().panics), (0, 1, 0));
    });
}

/// W4: what a job reports in the drain is delivered, as its result is.
#[test]
fn w4_what_is_reported_while_the_reactor_stops_is_delivered_before_the_result() {
    within(DEADLINE, || {
        let reactor = Reactor::builder().shutdown_deadline(Duration::MAX).build().unwrap();
        let (log, (heard, is_heard)) = (EventLog::new(), channel());
        let (progress, result) = (log.clone(), log.clone());
        reactor
            .defer_to_thread_with(
                move |reactor, word: &str| {
                    progress.add(word);
                    assert_eq!(reactor.stopping(), word != "before the stop");
                    reactor.stop();
                    // An error means that the job is over.
                    let _ = heard.send(());
                },
                move |job| {
                    for word in ["before the stop", "in the drain", "still in the drain"] {
                        assert!(job.report(word));
                        is_heard.recv()?;
                    }
                    assert!(job.report("last"));
                    Ok("result")
                },
            )
            .map(move |word| result.add(word))
            .detach();
        reactor.run().unwrap();
        let expected = ["before the stop", "in the drain", "still in the drain", "last", "result"];
        assert_eq!(log.take(), expected);
        assert_eq!(reactor.stats().panics, 0);
    });
}

/// I9, and the run after it: a job that outlives its run is told that nobody listens.
#[test]
fn i9_nothing_is_heard_after_the_run_nor_in_the_next_one() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let dropped = Drops::default();
        let (gate, wait) = gated();
        let ((told, is_told), callback) = (channel(), unheard(&dropped));
        let place = peek(reactor.defer_to_thread_with(callback, move |job| {
            wait();
            told.send([job.report(1), job.report(2)]).unwrap();
            Ok(())
        }));
        let Gate { started, open } = gate;
        reactor.call_when_running(move |reactor| {
            started.recv().unwrap();
            reactor.stop_now();
        });
        assert!(matches!(reactor.run(), Err(RunError::ShutdownTimedOut(_))));
        assert!(is_stopped(&place));
        assert_eq!(dropped.count(), 1);
        reactor.call_when_running(move |reactor| {
            drop(open);
            assert_eq!(is_told.recv().unwrap(), [false, false]);
            reactor.stop();
        });
        reactor.run().unwrap();
        assert_eq!(reactor.stats().panics, 0);
    });
}

/// The value is on its way, and the loop does not come to it.
#[test]
fn i2_a_crash_drops_what_was_reported_and_the_callback() {
    within(DEADLINE, || {
        let (reactor, manual) = (Reactor::new().unwrap(), ThreadPool::manual());
        reactor.install_thread_pool(manual.pool().clone()).unwrap();
        let (dropped, values) = (Drops::default(), Drops::default());
        let (mut callback, value) = (unheard(&dropped), values.witness());
        let place = peek(reactor.defer_to_thread_with(
            move |reactor, _| callback(reactor, 1),
            move |job| {
                assert!(job.report(value));
                Ok(())
            },
        ));
        // Calls that are made while calls run wait for the next turn.
        let crash = move |reactor: &Reactor| {
            assert!(manual.run_next());
            reactor.crash();
        };
        reactor.handle().call_from_thread(crash).unwrap();
        reactor.run().unwrap();
        assert!(is_stopped(&place));
        assert_eq!((dropped.count(), values.count(), reactor.stats().panics), (1, 1, 0));
    });
}

#[test]
fn i2_a_reactor_that_is_dropped_drops_the_callback_and_leaves_the_job_alone() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let pool = ThreadPool::builder().build().unwrap();
        pool.start().unwrap();
        let dropped = Drops::default();
        let (gate, wait) = gated();
        let (told, is_told) = channel();
        let callback = unheard(&dropped);
        let place = peek(reactor.defer_to_thread_pool_with(&pool, callback, move |job| {
            assert!(job.report(1));
            wait();
            told.send(job.report(2)).unwrap();
            Ok(())
        }));
        gate.started.recv().unwrap();
        drop(reactor);
        assert_eq!(dropped.count(), 1);
        assert!(is_stopped(&place));
        drop(gate);
        assert!(!is_told.recv().unwrap());
        pool.stop();
    });
}

/// I2: one that nobody has started is given up by the shutdown, and with it the callback.
#[test]
fn i2_a_pool_that_was_never_started_gives_the_callback_up() {
    within(DEADLINE, || {
        let (reactor, pool) = (Reactor::new().unwrap(), ThreadPool::builder().build().unwrap());
        let dropped = Drops::default();
        let callback = unheard(&dropped);
        let place =
            peek(reactor.defer_to_thread_pool_with(&pool, callback, |job| Ok(job.report(1))));
        reactor.add_system_event_trigger(Phase::Before, SystemEvent::Shutdown, |_| ());
        reactor.stop();
        reactor.run().unwrap();
        assert!(is_stopped(&place));
        assert_eq!(dropped.count(), 1);
    });
}

/// With the job over, the callback is gone before the callbacks of the result run.
#[test]
fn the_callback_is_dropped_before_the_result_is_seen() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let dropped = Drops::default();
        let witness = dropped.witness();
        let deferred = reactor.defer_to_thread_with(
            move |_, _: u32| {
                let _witness = &witness;
            },
            |job| Ok(job.report(1)),
        );
        let seen = deferred.map(move |heard| (heard, dropped.count()));
        assert_eq!(run_for(&reactor, seen).unwrap(), (true, 1));
    });
}

/// Nobody waits for the result of this one; its progress is heard all the same.
#[test]
fn a_detached_deferred_is_no_end() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let heard = Rc::new(Cell::new(0));
        let last = Rc::clone(&heard);
        reactor
            .defer_to_thread_with(
                move |reactor, step| {
                    last.set(step);
                    if step == 3 {
                        reactor.stop();
                    }
                },
                |job| {
                    (1..=3).for_each(|step| assert!(job.report(step)));
                },
            )
            .detach();
        reactor.run().unwrap();
        assert_eq!(heard.get(), 3);
    });
}
