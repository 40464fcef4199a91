//! Jobs that are deferred to pools which their users start and stop, or do not.

use crate::log;
use crate::support::{Drops, OnDrop, gated, is_stopped, must_not_run, peek, taken, while_held};
use ropewalk_reactor::{Phase, Reactor, ReactorStopped, SystemEvent};
use ropewalk_testing::{DEADLINE, within};
use ropewalk_threadpool::{SubmitError, ThreadPool};
use ropewalk_threads::ReactorThreads as _;
use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

/// A reactor that would wait much longer than a test may.
fn patient() -> Reactor {
    Reactor::builder().shutdown_deadline(Duration::MAX).build().unwrap()
}

fn private() -> ThreadPool {
    ThreadPool::builder().max_threads(1).build().unwrap()
}

/// An errback that tries again is told at once as well, and does not keep the run from ending.
#[test]
fn i9_a_retry_at_the_end_of_the_run_does_not_hold_it() {
    within(DEADLINE, || {
        let reactor = patient();
        let pool = ThreadPool::builder().build().unwrap(); // never started
        let seen = Rc::new(RefCell::new(Vec::new()));
        let log = Rc::clone(&seen);
        let (weak, retried) = (reactor.downgrade(), pool.clone());
        reactor
            .defer_to_thread_pool(&pool, || ())
            .add_errback(move |failure| {
                log.borrow_mut().push(failure.is::<ReactorStopped>());
                weak.with(|reactor| reactor.defer_to_thread_pool(&retried, || ())).unwrap()
            })
            .add_errback({
                let log = Rc::clone(&seen);
                move |failure| log.borrow_mut().push(failure.is::<ReactorStopped>())
            })
            .detach();
        reactor.stop();
        reactor.run().unwrap();
        assert_eq!(*seen.borrow(), [true, true]);
        assert_eq!((pool.stats().queued, pool.stats().cancelled), (0, 2));
    });
}

/// A private pool that nobody has started: the shutdown would wait for it in vain.
#[test]
fn i9_the_jobs_of_a_pool_that_was_never_started_do_not_hold_the_shutdown() {
    within(DEADLINE, || {
        log::keep();
        let reactor = patient();
        let (idle, busy) = (private(), private());
        busy.start().unwrap();
        let (gate, job) = gated();
        let running = peek(reactor.defer_to_thread_pool(&busy, job));
        gate.started.recv().unwrap();
        let queued = peek(reactor.defer_to_thread_pool(&busy, || ()));
        let dropped = Drops::default();
        let witness = dropped.witness();
        let waiting = peek(reactor.defer_to_thread_pool(&idle, move || must_not_run(&witness)));
        let (late, pool) = (Rc::new(RefCell::new(None)), idle.clone());
        let place = Rc::clone(&late);
        reactor.call_soon(|reactor| reactor.stop());
        reactor.add_system_event_trigger(Phase::Before, SystemEvent::Shutdown, move |reactor| {
            // One more, while the shutdown is held by the two others.
            place.replace(Some(peek(reactor.defer_to_thread_pool(&pool, || ()))));
            reactor.call_soon(|_| drop(gate));
        });
        reactor.run().unwrap();
        for place in [waiting, late.take().unwrap()] {
            let failure = taken(&place).unwrap_err();
            assert!(failure.is::<ReactorStopped>());
            assert!(failure.to_string().contains("was never started"), "{failure}");
        }
        assert_eq!((dropped.count(), idle.stats().cancelled), (1, 2));
        taken(&running).unwrap();
        taken(&queued).unwrap();
        assert!(!log::lines("WARN", "drops jobs whose pool has not been started").is_empty());
        busy.stop();
    });
}

/// Its closure is gone all the same, and the reason is the pool's.
#[test]
fn i3_a_job_of_a_pool_that_was_never_started_may_panic_when_it_is_dropped() {
    within(DEADLINE, || {
        let (reactor, idle) = (patient(), private());
        let captured = OnDrop::new(|| panic!("in the drop of a job"));
        let waiting = peek(reactor.defer_to_thread_pool(&idle, move || drop(captured)));
        reactor.stop();
        reactor.run().unwrap();
        let failure = taken(&waiting).unwrap_err();
        assert!(failure.to_string().contains("was never started"), "{failure}");
        assert_eq!(idle.stats().cancelled, 1);
    });
}

/// The first that is deferred at all, when the triggers of the shutdown have run: it is held by
/// something else, which goes when the reactor waits for the job.
#[test]
fn i9_the_first_job_of_a_shutdown_does_not_hold_it_if_its_pool_was_never_started() {
    within(DEADLINE, || {
        for event in [SystemEvent::Shutdown, SystemEvent::Drain] {
            let reactor = patient();
            let pool = private();
            let (place, late) = (Rc::new(RefCell::new(None)), pool.clone());
            let kept = Rc::clone(&place);
            while_held(&reactor, event, move |reactor, _hold| {
                kept.replace(Some(peek(reactor.defer_to_thread_pool(&late, || ()))));
            });
            reactor.stop();
            reactor.run().unwrap();
            assert!(is_stopped(&place.take().unwrap()));
            assert_eq!((pool.stats().queued, pool.stats().cancelled), (0, 1));
        }
    });
}

/// As above, but it is not too late to start the pool: the triggers have not run yet.
#[test]
fn a_pool_may_be_started_by_a_trigger_of_the_shutdown_that_its_first_job_came_before() {
    within(DEADLINE, || {
        let reactor = patient();
        let pool = private();
        let (place, late) = (Rc::new(RefCell::new(None)), pool.clone());
        let (kept, starts) = (Rc::clone(&place), pool.clone());
        reactor.add_system_event_trigger(Phase::Before, SystemEvent::Shutdown, move |_| {
            starts.start().unwrap();
        });
        reactor.call_when_running(move |reactor| {
            reactor.stop();
            kept.replace(Some(peek(reactor.defer_to_thread_pool(&late, || Ok(3)))));
        });
        reactor.run().unwrap();
        assert_eq!(taken(&place.take().unwrap()).unwrap(), 3);
        pool.stop();
    });
}

/// It is started when the first of its jobs has been given up: the second runs, and is waited for.
#[test]
fn i2_a_job_of_a_pool_that_is_started_in_the_shutdown_is_not_given_up_when_it_runs() {
    within(DEADLINE, || {
        let reactor = patient();
        let pool = private();
        let (gate, job) = gated();
        let (started, starting) = (gate.started, pool.clone());
        let starts = OnDrop::new(move || {
            starting.start().unwrap();
            started.recv().unwrap();
        });
        let first = peek(reactor.defer_to_thread_pool(&pool, move || drop(starts)));
        let second = peek(reactor.defer_to_thread_pool(&pool, job));
        reactor.add_system_event_trigger(Phase::Before, SystemEvent::Shutdown, |reactor| {
            // In the second turn of the shutdown.
            reactor.call_soon(|reactor| reactor.call_soon(|_| drop(gate.open)));
        });
        reactor.stop();
        reactor.run().unwrap();
        assert!(is_stopped(&first));
        taken(&second).unwrap();
        pool.stop();
    });
}

#[test]
fn a_job_for_a_pool_that_is_not_started_is_told_of_while_the_reactor_runs() {
    within(DEADLINE, || {
        let first = line!();
        log::keep();
        let reactor = patient();
        let pool = private();
        let late = pool.clone();
        // Both before the start of the pool, but only one of them while the reactor runs.
        let early = peek(reactor.defer_to_thread_pool(&pool, || Ok(1)));
        let line = line!() + 2;
        reactor.call_when_running(move |reactor| {
            let deferred = reactor.defer_to_thread_pool(&late, || Ok(2));
            late.start().unwrap();
            reactor
                .defer_to_thread_pool(&late, || Ok(3))
                .add_callback(move |_| deferred)
                .add_callback(|two| {
                    assert_eq!(two, 2);
                    Reactor::with_current(|reactor| reactor.stop());
                })
                .detach();
        });
        reactor.run().unwrap();
        assert_eq!(taken(&early).unwrap(), 1);
        let lines = log::lines("WARN", "a job waits for a pool that has not been started");
        // Other tests are told of theirs at the same time.
        let is_own = |text: &&String| {
            (first..line!()).any(|line| text.contains(&format!("{}:{line}:", file!())))
        };
        let lines: Vec<_> = lines.iter().filter(is_own).collect();
        assert!(lines.len() == 1 && lines[0].contains(&format!(":{line}:")), "{lines:?}");
        pool.stop();
    });
}

/// Whether a stop was asked for before does not matter: the reactor has not run yet.
#[test]
fn a_pool_may_be_started_after_the_stop_was_asked_for() {
    within(DEADLINE, || {
        let reactor = patient();
        let pool = private();
        reactor.stop();
        let place = peek(reactor.defer_to_thread_pool(&pool, || Ok(3)));
        let own = peek(reactor.defer_to_thread(|| Ok(4)));
        pool.start().unwrap();
        reactor.run().unwrap();
        assert_eq!((taken(&place).unwrap(), taken(&own).unwrap()), (3, 4));
        pool.stop();
    });
}

/// Under a flood one line for each refusal would be the greater load; who asked is told anyway.
#[test]
fn refusals_are_not_warned_of() {
    within(DEADLINE, || {
        log::keep();
        let reactor = Reactor::new().unwrap();
        let full = ThreadPool::builder().name("brimful").queue_limit(0).build().unwrap();
        let stopped = ThreadPool::builder().name("stopped-long-ago").build().unwrap();
        stopped.stop();
        for pool in [&full, &stopped] {
            let place = peek(reactor.defer_to_thread_pool(pool, || ()));
            assert!(taken(&place).unwrap_err().is::<SubmitError<()>>());
        }
        reactor.stop();
        reactor.run().unwrap();
        let line = line!() + 1;
        let after = peek(reactor.defer_to_thread_pool(&full, || ()));
        assert!(is_stopped(&after));
        let here = format!("{}:{line}:", file!());
        for text in ["pool=\"brimful\"", "pool=\"stopped-long-ago\"", &here] {
            assert_eq!(log::lines("WARN", text), [""; 0]);
            let lines = log::lines("DEBUG", text);
            let refusals = lines.iter().filter(|it| it.contains("a job was re"));
            assert_eq!(refusals.count(), 1, "{lines:?}");
        }
    });
}
