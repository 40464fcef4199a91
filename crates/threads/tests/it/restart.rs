//! Crashes, drops, and reactors that run again. Twisted's reactor does not run again.

use crate::support::{Drops, foreign, gated, must_not_run, peek, run_for, stop_after_calls, taken};
use ropewalk_deferred::Deferred;
use ropewalk_reactor::{Phase, Reactor, ReactorStopped, RunError, SystemEvent};
use ropewalk_testing::{DEADLINE, within};
use ropewalk_threadpool::{JobState, PoolState, SubmitErrorKind, ThreadPool};
use ropewalk_threads::{HandleThreads as _, ReactorThreads as _};
use std::cell::Cell;
use std::rc::Rc;
use std::sync::mpsc::channel;
use std::thread::Builder;

#[test]
fn the_pool_works_again_in_the_next_run_and_keeps_its_size() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        reactor.suggest_thread_pool_size(3).unwrap();
        for n in 0..3 {
            let (sender, receiver) = channel();
            reactor.call_when_running(move |reactor| {
                assert_eq!(reactor.thread_pool().max_threads(), 3);
                let result = reactor.defer_to_thread(move || Ok(n)).map(move |n| {
                    sender.send(n).unwrap();
                });
                result.detach();
                reactor.stop();
            });
            reactor.run().unwrap();
            assert_eq!(receiver.try_recv().unwrap(), n);
            assert_eq!(reactor.call_in_thread(|| ()).unwrap_err().kind(), SubmitErrorKind::Stopped);
        }
    });
}

#[test]
fn i2_between_two_runs_a_deferred_fails_at_once_and_its_job_is_dropped() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let pool = ThreadPool::builder().build().unwrap();
        reactor.stop();
        reactor.run().unwrap();
        let dropped = Drops::default();
        let (one, two) = (dropped.witness(), dropped.witness());
        let own = peek(reactor.defer_to_thread(move || must_not_run(&one)));
        let private = peek(reactor.defer_to_thread_pool(&pool, move || must_not_run(&two)));
        assert!(taken(&own).unwrap_err().is::<ReactorStopped>());
        assert!(taken(&private).unwrap_err().is::<ReactorStopped>());
        assert_eq!(dropped.count(), 2);
    });
}

#[test]
fn a_pool_first_asked_for_between_two_runs_is_not_closed_in_the_second() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let handle = reactor.handle();
        reactor.stop();
        reactor.run().unwrap();
        assert_eq!(reactor.call_in_thread(|| ()).unwrap_err().kind(), SubmitErrorKind::Stopped);
        let kind = foreign(move || handle.call_in_thread(|| ()).unwrap_err().kind());
        assert_eq!(kind.join().unwrap(), SubmitErrorKind::Stopped);
        let (promise, deferred) = Deferred::new();
        reactor.call_soon(|reactor| reactor.defer_to_thread(|| Ok(3)).chain_deferred(promise));
        assert_eq!(run_for(&reactor, deferred).unwrap(), 3);
        assert_eq!(reactor.call_in_thread(|| ()).unwrap_err().kind(), SubmitErrorKind::Stopped);
    });
}

#[test]
fn i9_a_job_that_is_stuck_since_an_earlier_run_does_not_hold_the_next() {
    within(DEADLINE, || {
        let reactor = Reactor::builder().shutdown_deadline(DEADLINE / 3).build().unwrap();
        let (gate, job) = gated();
        let stuck = peek(reactor.defer_to_thread(job));
        reactor.call_when_running(move |reactor| {
            gate.started.recv().unwrap();
            reactor.stop_now();
            reactor.local::<std::cell::RefCell<Option<_>>>().replace(Some(gate));
        });
        assert!(matches!(reactor.run(), Err(RunError::ShutdownTimedOut(_))));
        assert!(taken(&stuck).unwrap_err().is::<ReactorStopped>());
        for _ in 0..2 {
            reactor.call_when_running(|reactor| {
                reactor.call_in_thread(|| ()).unwrap();
                reactor.stop();
            });
            reactor.run().unwrap();
        }
    });
}

#[test]
fn i4_a_crash_wakes_who_waits() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let handle = reactor.handle();
        let waiting = foreign(move || {
            let pending = handle.eventually(|_| Deferred::<()>::new().1.add_errback(|_| never()));
            let answered = handle.eventually(|_| Ok(3));
            let crash = handle.eventually(|reactor| {
                reactor.crash();
                never()
            });
            let answers = (pending.wait(), answered.wait(), crash.wait());
            let after = handle.blocking_call_from_thread(|_| ());
            (answers, after)
        });
        reactor.run().unwrap();
        let ((pending, answered, crash), after) = waiting.join().unwrap();
        assert!(pending.unwrap_err().is::<ReactorStopped>());
        assert_eq!(answered.unwrap(), 3);
        assert!(crash.unwrap_err().is::<ReactorStopped>());
        assert!(after.unwrap_err().is::<ReactorStopped>());
    });
}

/// Kept alive by its own callback.
fn never() -> Deferred<()> {
    let (promise, deferred) = Deferred::new();
    Reactor::with_current(|reactor| {
        reactor.local::<std::cell::RefCell<Vec<_>>>().borrow_mut().push(promise);
    });
    deferred
}

#[test]
fn i2_a_crash_fails_the_deferreds_whose_results_have_not_come() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let (gate, job) = gated();
        let place = peek(reactor.defer_to_thread(job));
        reactor.call_when_running(move |reactor| {
            gate.started.recv().unwrap();
            reactor.crash();
            reactor.local::<std::cell::RefCell<Option<_>>>().replace(Some(gate));
        });
        reactor.run().unwrap();
        assert!(taken(&place).unwrap_err().is::<ReactorStopped>());
        // As in Twisted the pool lives on, and the next run has it.
        let (promise, deferred) = Deferred::new();
        reactor.call_soon(|reactor| {
            reactor.local::<std::cell::RefCell<Option<crate::support::Gate>>>().take();
            reactor.defer_to_thread(|| Ok(3)).chain_deferred(promise);
        });
        assert_eq!(run_for(&reactor, deferred).unwrap(), 3);
        assert_eq!(reactor.call_in_thread(|| ()).unwrap_err().kind(), SubmitErrorKind::Stopped);
    });
}

/// As in Twisted. All else is refused, as after a stop.
#[test]
fn i2_between_a_crash_and_the_next_run_the_pool_takes_jobs() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        reactor.call_when_running(|reactor| {
            let _ = reactor.thread_pool();
            reactor.crash();
        });
        reactor.run().unwrap();
        let (sender, receiver) = channel();
        reactor.call_in_thread(move || sender.send("ran").unwrap()).unwrap();
        assert_eq!(receiver.recv().unwrap(), "ran");
        assert!(taken(&peek(reactor.defer_to_thread(|| ()))).unwrap_err().is::<ReactorStopped>());
        assert!(reactor.handle().call_from_thread(|_| ()).is_err());
        let failure = reactor.handle().blocking_call_from_thread(|_| ()).unwrap_err();
        assert!(failure.is::<ReactorStopped>());
    });
}

/// The crash drops the call that would have tied the pool to the run, not the jobs.
#[test]
fn i2_a_job_of_a_foreign_thread_just_before_a_crash_runs_in_the_next_run() {
    within(DEADLINE, || {
        let reactor = Reactor::builder().budget(1.try_into().unwrap()).build().unwrap();
        let handle = reactor.handle();
        let (sender, receiver) = channel();
        let first = sender.clone();
        foreign(move || {
            handle.call_from_thread(|reactor| reactor.crash()).unwrap();
            handle.call_in_thread(move || first.send("accepted").unwrap()).unwrap();
        })
        .join()
        .unwrap();
        reactor.run().unwrap();
        assert!(receiver.try_recv().is_err());
        reactor.call_soon(move |reactor| {
            let handle = reactor.handle();
            foreign(move || {
                let (there, stopping) = (sender.clone(), handle.clone());
                handle.call_in_thread(move || there.send("foreign").unwrap()).unwrap();
                let job = handle.blocking_call_from_thread(|reactor| {
                    reactor.call_in_thread(move || sender.send("here").unwrap()).unwrap();
                });
                job.unwrap();
                stopping.stop();
            });
        });
        reactor.run().unwrap();
        let mut ran: Vec<_> = receiver.try_iter().collect();
        ran.sort_unstable();
        assert_eq!(ran, ["accepted", "foreign", "here"]);
    });
}

/// The next run starts the pool although nobody asks for it any more.
#[test]
fn i2_a_job_that_was_accepted_in_the_turn_of_a_crash_runs_in_the_next_run() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let handle = reactor.handle();
        let (sender, receiver) = channel();
        reactor.call_soon(move |reactor| {
            let job = move || sender.send("ran").unwrap();
            foreign(move || handle.call_in_thread(job).map(drop).unwrap()).join().unwrap();
            reactor.crash();
        });
        reactor.run().unwrap();
        assert!(receiver.try_recv().is_err());
        reactor.call_soon(|reactor| reactor.stop());
        reactor.run().unwrap();
        assert_eq!(receiver.try_recv(), Ok("ran"));
    });
}

/// If no run follows, then it goes with the reactor.
#[test]
fn i2_a_job_that_waits_after_a_crash_goes_with_the_reactor() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let handle = reactor.handle();
        let dropped = Drops::default();
        let witness = dropped.witness();
        reactor.call_soon(move |reactor| {
            let job = move || must_not_run(&witness);
            foreign(move || handle.call_in_thread(job).map(drop).unwrap()).join().unwrap();
            reactor.crash();
        });
        reactor.run().unwrap();
        assert_eq!(dropped.count(), 0);
        drop(reactor);
        assert_eq!(dropped.count(), 1);
    });
}

/// Twisted: `Abandoned` does not exist; the deferred stays silent for ever.
#[test]
fn i2_a_reactor_that_is_dropped_with_jobs_in_flight_fails_their_deferreds() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let pool = ThreadPool::builder().min_threads(0).max_threads(1).build().unwrap();
        pool.start().unwrap();
        let (gate, job) = gated();
        let running = peek(reactor.defer_to_thread_pool(&pool, job));
        let queued = peek(reactor.defer_to_thread_pool(&pool, || ()));
        let waiting = peek(reactor.defer_to_thread(|| ()));
        gate.started.recv().unwrap();
        drop(reactor);
        for place in [running, queued, waiting] {
            let failure = taken(&place).unwrap_err();
            assert!(failure.is::<ReactorStopped>(), "{failure:?}");
        }
        drop(gate);
        pool.stop();
        assert_eq!(pool.stats().completed, 2, "the pool is its owner's, and its jobs ran");
    });
}

#[test]
fn i10_ten_thousand_deferreds_fail_together_on_a_small_stack() {
    fn fail_all(end: impl FnOnce(Reactor)) {
        let reactor = Reactor::new().unwrap();
        let pool = ThreadPool::builder().build().unwrap(); // never started
        let failed = Rc::new(Cell::new(0));
        for _ in 0..10_000 {
            let count = Rc::clone(&failed);
            let deferred = reactor.defer_to_thread_pool(&pool, || ());
            deferred.add_errback(move |_| count.set(count.get() + 1)).detach();
        }
        assert_eq!(failed.get(), 0);
        end(reactor);
        assert_eq!(failed.get(), 10_000);
    }
    within(DEADLINE, || {
        let body = || {
            fail_all(drop);
            fail_all(|reactor| {
                reactor.call_when_running(|reactor| reactor.crash());
                reactor.run().unwrap();
            });
        };
        let builder = Builder::new().name("small stack".to_owned()).stack_size(256 * 1024);
        builder.spawn(body).unwrap().join().unwrap();
    });
}

#[test]
fn i2_what_is_deferred_while_a_reactor_is_dropped_fails_too() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let weak = reactor.downgrade();
        let (sender, receiver) = channel();
        let retry = reactor.defer_to_thread(|| ()).add_errback(move |_| {
            let deferred = weak.with(|reactor| reactor.defer_to_thread(|| ()));
            deferred.unwrap()
        });
        let end = retry.add_both(move |result| sender.send(result.unwrap_err()).unwrap());
        end.detach();
        drop(reactor);
        assert!(receiver.recv().unwrap().is::<ReactorStopped>());
    });
}

#[test]
fn a_late_result_of_an_earlier_run_disturbs_nobody() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let handle = reactor.handle();
        let pool = ThreadPool::builder().max_threads(1).build().unwrap();
        pool.start().unwrap();
        let (gate, job) = gated();
        let first = peek(reactor.defer_to_thread_pool(&pool, job));
        reactor.call_when_running(|reactor| reactor.crash());
        reactor.run().unwrap();
        assert!(taken(&first).unwrap_err().is::<ReactorStopped>());
        // Its slot in the books goes to another, whose result is not that of the first.
        reactor.call_when_running(move |reactor| {
            let second = peek(reactor.defer_to_thread_pool(&pool, || Ok("second")));
            drop(gate);
            reactor.add_system_event_trigger(Phase::After, SystemEvent::Shutdown, move |_| {
                assert_eq!(taken(&second).unwrap(), "second");
            });
        });
        stop_soon(&reactor);
        reactor.run().unwrap();
        assert_eq!(reactor.stats().panics, 0);
        assert!(handle.call_from_thread(|_| ()).is_err());
    });
}

fn stop_soon(reactor: &Reactor) {
    reactor.call_when_running(|reactor| stop_after_calls(&reactor.handle()));
}

/// Who announces another run can hand in its work before it.
#[test]
fn i2_jobs_for_an_announced_run_are_kept_for_it() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        for round in 0..3 {
            reactor.accept_calls();
            let result = reactor.defer_to_thread(move || Ok(round));
            assert_eq!(run_for(&reactor, result).unwrap(), round);
        }
    });
}

/// A crash leaves the pool to the next run, of which there will be none.
#[test]
fn w9_i2_the_pool_of_a_crashed_reactor_closes_when_that_is_dropped() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let pool = reactor.thread_pool();
        let (gate, job) = gated();
        let running = reactor.call_in_thread(job).unwrap();
        reactor.call_soon(|reactor| reactor.crash());
        reactor.run().unwrap();
        gate.started.recv().unwrap();
        assert_eq!(pool.state(), PoolState::Running);
        drop(reactor);
        assert_eq!(pool.call_in_thread(|| ()).unwrap_err().kind(), SubmitErrorKind::Stopped);
        drop(gate);
        assert_eq!(running.wait().unwrap(), JobState::Finished);
        pool.stop();
    });
}
