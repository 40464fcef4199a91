//! A reactor whose pool has no threads: the test runs the jobs, and moves the time.

use crate::support::{Drops, Gate, gated, is_stopped, must_not_run, peek, taken};
use ropewalk_deferred::Cancelled;
use ropewalk_reactor::{ManualClock, Phase, Reactor, RunError, SystemEvent};
use ropewalk_testing::{DEADLINE, EventLog, within};
use ropewalk_threadpool::{JobHandle, ManualPool, SubmitErrorKind, ThreadPool};
use ropewalk_threads::{HandleThreads as _, ReactorThreads as _, WouldDeadlock};
use std::cell::RefCell;
use std::rc::Rc;
use std::thread;
use std::time::Duration;

/// A reactor that moves only when told, and its pool.
pub(crate) fn by_hand() -> (ManualClock, Reactor, ManualPool) {
    let (clock, manual) = (ManualClock::new(), ThreadPool::manual());
    let reactor = Reactor::builder().manual_clock(&clock).build().unwrap();
    reactor.install_thread_pool(manual.pool().clone()).unwrap();
    (clock, reactor, manual)
}

/// A reactor to be run, whose shutdown waits for so long, and its pool.
fn to_be_stopped(deadline: Duration) -> (Reactor, ManualPool) {
    let manual = ThreadPool::manual();
    let reactor = Reactor::builder().shutdown_deadline(deadline).build().unwrap();
    reactor.install_thread_pool(manual.pool().clone()).unwrap();
    (reactor, manual)
}

/// All orders of `count` things.
fn orders(count: usize) -> Vec<Vec<usize>> {
    let Some(last) = count.checked_sub(1) else { return vec![Vec::new()] };
    let shorter = orders(last);
    let places = shorter.iter().flat_map(|order| (0..count).map(move |place| (order, place)));
    let longer = places.map(|(order, place)| {
        let mut order = order.clone();
        order.insert(place, last);
        order
    });
    longer.collect()
}

/// b58: results come to the reactor thread, in the order in which the jobs ended, in all orders.
#[test]
fn b58_results_are_delivered_in_every_order_in_which_jobs_can_end() {
    within(DEADLINE, || {
        let all = orders(4);
        assert_eq!(all.len(), 24);
        for order in all {
            for at_once in [true, false] {
                let (clock, reactor, manual) = by_hand();
                let log = EventLog::new();
                for number in 0..order.len() {
                    let log = log.clone();
                    reactor
                        .defer_to_thread(move || Ok(number))
                        .add_callback(move |number| log.add(number.to_string()))
                        .detach();
                }
                let jobs: Vec<JobHandle> = manual.queued();
                let mut expected = Vec::new();
                for &number in &order {
                    assert!(manual.run(&jobs[number]));
                    // On its way: the callback runs in a turn, not inside of the job.
                    assert_eq!(log.take(), [""; 0]);
                    expected.push(number.to_string());
                    if !at_once {
                        clock.advance(Duration::ZERO);
                        assert_eq!(log.take(), std::mem::take(&mut expected));
                    }
                }
                clock.advance(Duration::ZERO);
                assert_eq!(log.take(), expected);
                assert_eq!(manual.pool().stats().completed, 4);
            }
        }
    });
}

/// A callback that needs a further job: its result comes after those of jobs that end before it.
#[test]
fn a_job_that_a_callback_submits_waits_for_its_turn() {
    within(DEADLINE, || {
        let (clock, reactor, manual) = by_hand();
        let two = reactor.defer_to_thread(|| Ok(1)).add_callback(|one| {
            Reactor::with_current(|reactor| reactor.defer_to_thread(move || Ok(one + 1))).unwrap()
        });
        let two = peek(two);
        assert_eq!(manual.run_all(), 1);
        assert_eq!(manual.run_all(), 0, "no turn, no callback");
        clock.advance(Duration::ZERO);
        assert!(two.borrow().is_none() && manual.run_next());
        clock.advance(Duration::ZERO);
        assert_eq!(taken(&two).unwrap(), 2);
    });
}

/// W9: a time limit, on a clock that the test moves, takes back the job that it is for.
#[test]
fn w9_cancelling_the_deferred_removes_the_queued_job() {
    within(DEADLINE, || {
        let (clock, reactor, manual) = by_hand();
        let (before, dropped) = (peek(reactor.defer_to_thread(|| Ok("before"))), Drops::default());
        let witness = dropped.witness();
        let deferred = reactor.defer_to_thread(move || must_not_run(&witness));
        let after = peek(reactor.defer_to_thread(|| Ok("after")));
        let chain = deferred.canceller();
        let limited = peek(deferred);
        reactor.call_later(Duration::from_secs(5), move |_| chain.cancel());

        clock.advance(Duration::from_secs(4));
        assert_eq!((manual.queued().len(), dropped.count()), (3, 0));
        clock.advance(Duration::from_secs(1));
        assert_eq!((manual.queued().len(), dropped.count()), (2, 1));
        assert!(taken(&limited).unwrap_err().is::<Cancelled>());

        assert_eq!(manual.run_all(), 2);
        clock.advance(Duration::ZERO);
        assert_eq!((taken(&before).unwrap(), taken(&after).unwrap()), ("before", "after"));
        let stats = manual.pool().stats();
        assert_eq!((stats.completed, stats.cancelled), (2, 1));
    });
}

/// The reactor cannot answer while its own thread is in the job.
#[test]
fn i4_a_job_that_is_run_on_the_reactor_thread_may_not_wait_for_the_reactor() {
    within(DEADLINE, || {
        let (clock, reactor, manual) = by_hand();
        let handle = reactor.handle();
        let here = thread::current().id();
        let place = peek(reactor.defer_to_thread(move || {
            assert_eq!(thread::current().id(), here);
            handle.blocking_call_from_thread(|_| Ok(3))
        }));
        assert!(manual.run_next());
        clock.advance(Duration::ZERO);
        assert!(taken(&place).unwrap_err().is::<WouldDeadlock>());
    });
}

#[test]
fn a_pool_that_is_not_started_is_started_by_the_reactor() {
    within(DEADLINE, || {
        let (reactor, manual) = (Reactor::new().unwrap(), ThreadPool::builder().manual().unwrap());
        reactor.install_thread_pool(manual.pool().clone()).unwrap();
        let place = peek(reactor.defer_to_thread(|| Ok(3)));
        assert_eq!(manual.queued().len(), 1, "jobs are kept until the reactor runs");
        reactor.call_when_running(move |reactor| {
            reactor.stop();
            assert!(manual.run_next());
        });
        reactor.run().unwrap();
        assert_eq!(taken(&place).unwrap(), 3);
    });
}

/// The pool is closed in the shutdown, and nobody runs what waits in it.
#[test]
fn i9_jobs_that_nobody_runs_hold_the_shutdown_until_its_deadline_and_are_named() {
    within(DEADLINE, || {
        let (reactor, manual) = to_be_stopped(Duration::from_millis(50));
        let place = peek(reactor.defer_to_thread(|| Ok(3)));
        let line = line!() - 1;
        let log = EventLog::new();
        let seen = log.clone();
        reactor.call_in_thread(move || seen.add("ran")).unwrap();
        reactor.stop();
        let error = reactor.run().unwrap_err();
        assert!(matches!(error, RunError::ShutdownTimedOut(_)), "{error}");
        let report = error.to_string();
        assert!(report.contains(&format!("{}:{line}", file!())), "{report}");
        assert!(report.contains("(queued)"), "{report}");
        assert!(report.contains("2 jobs wait in pool ropewalk-pool, the oldest for"), "{report}");
        assert!(is_stopped(&place));
        let refused = manual.pool().call_in_thread(|| ()).unwrap_err();
        assert_eq!(refused.kind(), SubmitErrorKind::Stopped);
        // They are still there. The result of the one finds nobody any more.
        assert_eq!((manual.run_all(), log.take()), (2, vec!["ran".to_owned()]));
    });
}

/// The same with a job in the pool that does not end: it is named, and the one behind it counted.
#[test]
fn i9_jobs_behind_one_that_is_stuck_are_counted() {
    within(DEADLINE, || {
        let deadline = Duration::from_millis(50);
        let reactor = Reactor::builder().shutdown_deadline(deadline).build().unwrap();
        let pool = ThreadPool::builder().name("narrow").max_threads(1).build().unwrap();
        reactor.install_thread_pool(pool).unwrap();
        let (gate, job) = gated();
        reactor.call_in_thread(job).unwrap();
        reactor.call_in_thread(|| ()).unwrap();
        let Gate { started, open } = gate;
        reactor.call_when_running(move |reactor| {
            started.recv().unwrap();
            reactor.stop();
        });
        let report = reactor.run().unwrap_err().to_string();
        assert!(report.contains("ms on narrow-1"), "{report}");
        assert!(report.contains("1 job waits in pool narrow"), "{report}");
        drop(open);
    });
}

/// What a test does that wants the shutdown to end: whatever waits is run in a *before* trigger.
#[test]
fn i9_a_trigger_before_the_shutdown_runs_what_waits() {
    within(DEADLINE, || {
        let (reactor, manual) = to_be_stopped(Duration::MAX);
        let place = peek(reactor.defer_to_thread(|| Ok(3)));
        let (handle, further) = (reactor.handle(), EventLog::new());
        let log = further.clone();
        reactor
            .call_in_thread(move || {
                handle.call_in_thread(move || log.add("a job of a job")).unwrap();
            })
            .unwrap();
        let (drained, ran) = (manual.clone(), Rc::new(RefCell::new(0)));
        let count = Rc::clone(&ran);
        reactor.add_system_event_trigger(Phase::Before, SystemEvent::Shutdown, move |_| {
            count.replace(drained.run_all());
        });
        reactor.stop();
        reactor.run().unwrap();
        assert_eq!((ran.take(), taken(&place).unwrap()), (3, 3));
        assert_eq!(further.take(), ["a job of a job"]);
        assert!(!manual.pool().started());
    });
}

/// The pool is closed by then: what waits in it can still be run while the shutdown is held.
#[test]
fn i9_jobs_that_are_run_when_the_pool_is_closed_let_the_shutdown_go_on() {
    within(DEADLINE, || {
        let (reactor, manual) = to_be_stopped(Duration::MAX);
        let place = peek(reactor.defer_to_thread(|| Ok(3)));
        fn once_closed(reactor: &Reactor, manual: ManualPool) {
            reactor.call_soon(move |reactor| {
                if manual.pool().started() {
                    once_closed(reactor, manual);
                } else {
                    assert_eq!(manual.run_all(), 1);
                }
            });
        }
        reactor.add_system_event_trigger(Phase::Before, SystemEvent::Shutdown, move |reactor| {
            once_closed(reactor, manual);
        });
        reactor.stop();
        reactor.run().unwrap();
        assert_eq!(taken(&place).unwrap(), 3);
    });
}

/// I2: a job whose reactor is gone runs, and its result has nowhere to go.
#[test]
fn i2_jobs_that_outlive_the_reactor_may_still_be_run() {
    within(DEADLINE, || {
        let (clock, reactor, manual) = by_hand();
        let place = peek(reactor.defer_to_thread(|| Ok(3)));
        drop(reactor);
        assert!(is_stopped(&place));
        assert_eq!(manual.run_all(), 1);
        clock.advance(Duration::from_secs(1));
        let stats = manual.pool().stats();
        assert_eq!((stats.completed, stats.panicked), (1, 0));
    });
}
