//! What happens to the bridges when the reactor stops.

use crate::support::{Gate, foreign, gated, is_stopped, peek, stop_after_calls, taken};
use ropewalk_deferred::{Deferred, Failure};
use ropewalk_reactor::{Phase, Reactor, ReactorHandle, ReactorStopped, RunError, SystemEvent};
use ropewalk_testing::{DEADLINE, within};
use ropewalk_threadpool::{CancelToken, SubmitError, SubmitErrorKind, ThreadPool};
use ropewalk_threads::{HandleThreads as _, ReactorThreads as _};
use std::cell::RefCell;
use std::sync::mpsc::{Receiver, channel, sync_channel};
use std::time::{Duration, Instant};

const SHORT: Duration = Duration::from_millis(50);

/// A reactor whose shutdown does not wait long.
fn impatient() -> Reactor {
    Reactor::builder().shutdown_deadline(SHORT).build().unwrap()
}

/// A deferred that nobody fires while the reactor lives.
fn never(reactor: &Reactor) -> Deferred<()> {
    let (promise, deferred) = Deferred::new();
    reactor.local::<RefCell<Vec<_>>>().borrow_mut().push(promise);
    deferred
}

/// W4: Twisted waits for the work and throws the results away.
#[test]
fn i2_w4_a_hundred_results_in_flight_are_delivered_before_run_returns() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let places: Vec<_> =
            (0..100).map(|n| peek(reactor.defer_to_thread(move || Ok(n)))).collect();
        reactor.call_when_running(|reactor| reactor.stop());
        reactor.run().unwrap();
        assert!(places.iter().map(|place| taken(place).unwrap()).eq(0..100));
    });
}

#[test]
fn i2_results_of_a_private_pool_are_delivered_before_run_returns() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let pool = ThreadPool::builder().max_threads(2).build().unwrap();
        pool.start().unwrap();
        let (gate, job) = gated();
        let slow = peek(reactor.defer_to_thread_pool(&pool, job));
        let places: Vec<_> =
            (0..100).map(|n| peek(reactor.defer_to_thread_pool(&pool, move || Ok(n)))).collect();
        // Let go by a turn of the shutdown, so there is one.
        reactor.add_system_event_trigger(Phase::Before, SystemEvent::Shutdown, |reactor| {
            reactor.call_soon(|reactor| reactor.call_soon(|_| drop(gate)));
        });
        reactor.stop();
        reactor.run().unwrap();
        taken(&slow).unwrap();
        assert!(places.iter().map(|place| taken(place).unwrap()).eq(0..100));
        pool.stop();
    });
}

#[test]
fn i2_jobs_that_nobody_waits_for_have_run_too() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let (sender, receiver) = channel();
        for n in 0..100 {
            let sender = sender.clone();
            reactor.call_in_thread(move || sender.send(n).unwrap()).unwrap();
        }
        drop(sender);
        reactor.stop();
        reactor.run().unwrap();
        assert_eq!(receiver.try_iter().count(), 100);
    });
}

/// A foreign thread makes the pool when only the last calls are left; one of them is the first that
/// sees it on the reactor thread, and asks for a job of its own.
#[test]
fn i2_a_pool_that_is_made_before_the_last_calls_runs_the_jobs_that_it_took() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let (sender, receiver) = channel();
        let (refused, was_refused) = channel();
        let handle = reactor.handle();
        reactor.add_system_event_trigger(Phase::After, SystemEvent::Shutdown, move |_| {
            let last_call = move |reactor: &Reactor| {
                refused.send(reactor.call_in_thread(|| ()).map_err(|error| error.kind())).unwrap();
            };
            handle.call_from_thread(last_call).unwrap();
            handle.call_in_thread(move || sender.send("ran").unwrap()).unwrap();
        });
        reactor.stop();
        reactor.run().unwrap();
        assert_eq!(was_refused.recv().unwrap().unwrap_err(), SubmitErrorKind::Stopped);
        drop(reactor);
        assert_eq!(receiver.recv().unwrap(), "ran");
    });
}

/// W2: with Twisted the thread hangs for ever.
#[test]
fn i4_w2_who_waits_for_a_deferred_that_will_not_fire_is_told_at_once() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let (handle, stopping) = (reactor.handle(), reactor.handle());
        let (sender, receiver) = channel();
        let waiting = foreign(move || {
            let answer = handle.eventually(never);
            sender.send(()).unwrap();
            answer.wait().unwrap_err()
        });
        receiver.recv().unwrap();
        stop_after_calls(&stopping);
        reactor.run().unwrap();
        let failure = waiting.join().unwrap();
        assert!(failure.is::<ReactorStopped>());
        assert!(failure.to_string().contains("no answer comes any more"), "{failure}");
    });
}

/// W3: the deadlock of Twisted, whose reactor thread joins a worker that waits for the reactor.
#[test]
fn i4_w3_a_worker_that_waits_for_a_deferred_does_not_hold_the_shutdown() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let handle = reactor.handle();
        let place = peek(reactor.defer_to_thread(move || {
            let answer = handle.eventually(never);
            stop_after_calls(&handle);
            answer.wait()
        }));
        reactor.run().unwrap();
        assert!(is_stopped(&place));
    });
}

/// A worker that asks the reactor after the shutdown has begun; `ask` says what.
fn ask_in_the_drain<T: Send + 'static>(
    ask: impl FnOnce(&ReactorHandle) -> T + Send + 'static,
) -> T {
    let reactor = Reactor::new().unwrap();
    let (handle, (sender, receiver)) = (reactor.handle(), channel());
    let (gate, wait) = gated();
    reactor
        .call_in_thread(move || {
            wait();
            sender.send(ask(&handle)).unwrap();
        })
        .unwrap();
    reactor.call_when_running(move |reactor| {
        gate.started.recv().unwrap();
        reactor.stop();
        // The gate opens when the shutdown turns: its hold is the job.
        reactor.add_system_event_trigger(Phase::Before, SystemEvent::Shutdown, |reactor| {
            reactor.call_soon(|_| drop(gate));
        });
    });
    reactor.run().unwrap();
    receiver.recv().unwrap()
}

#[test]
fn i4_a_draining_worker_gets_an_answer_that_is_there() {
    within(DEADLINE, || {
        let running = ask_in_the_drain(|handle| {
            handle.blocking_call_from_thread(|reactor| Ok((reactor.running(), reactor.stopping())))
        });
        assert_eq!(running.unwrap(), (true, true));
    });
}

#[test]
fn i4_a_draining_worker_is_not_kept_waiting_for_a_deferred() {
    within(DEADLINE, || {
        let failure = ask_in_the_drain(|handle| handle.blocking_call_from_thread(never));
        assert!(failure.unwrap_err().is::<ReactorStopped>());
        let failure = ask_in_the_drain(|handle| {
            let answer = handle.eventually(|_| Ok(3)).wait()?;
            handle.eventually(never).wait()?;
            Ok::<_, Failure>(answer)
        });
        assert!(failure.unwrap_err().is::<ReactorStopped>());
    });
}

#[test]
fn i4_a_draining_worker_cannot_hand_in_more_work() {
    within(DEADLINE, || {
        let refused = ask_in_the_drain(|handle| handle.call_in_thread(|| ()).unwrap_err().kind());
        assert_eq!(refused, SubmitErrorKind::Stopped);
        let refused = ask_in_the_drain(|handle| {
            handle.blocking_call_from_thread(|reactor| reactor.defer_to_thread(|| ()))
        });
        let failure = refused.unwrap_err();
        let refused = failure.downcast_ref::<SubmitError<()>>().unwrap();
        assert_eq!(refused.kind(), SubmitErrorKind::Stopped);
    });
}

#[test]
fn i4_all_jobs_of_a_full_pool_that_wait_for_the_reactor_are_let_go() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let (started, all_started) = sync_channel(0);
        let places: Vec<_> = (0..10)
            .map(|_| {
                let (handle, started) = (reactor.handle(), started.clone());
                peek(reactor.defer_to_thread(move || {
                    started.send(()).unwrap();
                    handle.blocking_call_from_thread(never)
                }))
            })
            .collect();
        let stopping = reactor.handle();
        let watching = foreign(move || {
            (0..10).for_each(|_| all_started.recv().unwrap());
            stopping.stop();
        });
        reactor.run().unwrap();
        watching.join().unwrap();
        assert!(places.iter().all(is_stopped));
    });
}

/// A shutdown with `job` in the pool, which does not end before the deadline.
fn stuck<T: 'static>(submit: impl FnOnce(&Reactor, Job) -> T) -> (String, Duration, T) {
    let reactor = impatient();
    let (gate, job) = gated();
    let submitted = submit(&reactor, Box::new(job));
    let Gate { started, open } = gate;
    reactor.call_when_running(move |reactor| {
        started.recv().unwrap();
        reactor.stop();
    });
    let began = Instant::now();
    let error = reactor.run().unwrap_err();
    let took = began.elapsed();
    assert!(matches!(error, RunError::ShutdownTimedOut(_)), "{error}");
    drop(open);
    (error.to_string(), took, submitted)
}

type Job = Box<dyn FnOnce() + Send>;

/// W10: Twisted joins the thread for ever.
#[test]
fn i9_a_job_that_does_not_end_is_named_and_not_waited_for() {
    within(DEADLINE, || {
        let line = line!() + 1;
        let (report, took, ()) = stuck(|reactor, job| drop(reactor.call_in_thread(job).unwrap()));
        assert!(took >= SHORT && took < DEADLINE / 3, "{took:?}");
        assert!(report.contains(&format!("{}:{line}", file!())), "{report}");
        assert!(report.contains("ms on reactor-1"), "its age: {report}");
    });
}

#[test]
fn i9_a_result_that_does_not_come_is_named_and_its_deferred_fails() {
    within(DEADLINE, || {
        let pool = ThreadPool::builder().name("stuck").build().unwrap();
        pool.start().unwrap();
        let line = line!() + 1;
        let submit = |reactor: &Reactor, job: Job| peek(reactor.defer_to_thread_pool(&pool, job));
        let (report, _, place) = stuck(submit);
        assert!(report.contains(&format!("{}:{line}", file!())), "{report}");
        assert!(report.contains("no result for"), "its age: {report}");
        assert!(report.contains("(running)"), "{report}");
        let failure = taken(&place).unwrap_err();
        assert!(failure.is::<ReactorStopped>());
        assert!(failure.to_string().contains("before this job was done"), "{failure}");
        pool.stop();
    });
}

/// Its result is not wanted any more, so it need not go on; one that has not begun was accepted, and
/// runs.
#[test]
fn i9_w9_a_job_whose_result_comes_too_late_is_told_so() {
    within(DEADLINE, || {
        let pool = ThreadPool::builder().max_threads(1).build().unwrap();
        pool.start().unwrap();
        let reactor = impatient();
        let (starts, started) = channel();
        let places = [(); 2].map(|()| {
            let starts = starts.clone();
            let job = move || {
                starts.send(()).unwrap();
                let told = CancelToken::current().wait_timeout(DEADLINE / 3);
                starts.send(()).unwrap();
                Ok(told)
            };
            peek(reactor.defer_to_thread_pool(&pool, job))
        });
        reactor.call_when_running(move |reactor| {
            started.recv().unwrap();
            reactor.local::<RefCell<Option<Receiver<()>>>>().replace(Some(started));
            reactor.stop_now();
        });
        assert!(matches!(reactor.run(), Err(RunError::ShutdownTimedOut(_))));
        assert!(places.iter().all(is_stopped));
        // The first has been told. The second begins, and would wait for its own cancel.
        let started = reactor.local::<RefCell<Option<Receiver<()>>>>().take().unwrap();
        started.recv().unwrap();
        started.recv().unwrap();
        assert!(pool.stop_now().is_empty());
        pool.stop();
        assert_eq!(pool.stats().completed, 2);
    });
}

/// The pool holds the shutdown for it, and so does its result.
#[test]
fn i9_a_job_of_the_own_pool_that_does_not_end_is_named_once() {
    within(DEADLINE, || {
        let line = line!() + 1;
        let submit = |reactor: &Reactor, job: Job| peek(reactor.defer_to_thread(job));
        let (report, _, place) = stuck(submit);
        assert!(report.contains("with 1 thing unfinished: pool job "), "{report}");
        assert_eq!(report.matches(&format!("{}:{line}", file!())).count(), 1, "{report}");
        assert!(is_stopped(&place));
    });
}

#[test]
fn i9_stop_now_waits_for_no_job() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let (gate, job) = gated();
        let place = peek(reactor.defer_to_thread(job));
        reactor.call_when_running(move |reactor| {
            gate.started.recv().unwrap();
            reactor.local::<RefCell<Option<Gate>>>().replace(Some(gate));
            reactor.stop_now();
        });
        let error = reactor.run().unwrap_err();
        assert!(matches!(error, RunError::ShutdownTimedOut(_)), "{error}");
        assert!(is_stopped(&place));
    });
}

#[test]
fn w17_stop_may_be_called_by_many_at_once() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let handle = reactor.handle();
        let place = peek(reactor.defer_to_thread(move || {
            let others = [0; 4].map(|_| {
                let handle = handle.clone();
                foreign(move || (0..100).for_each(|_| handle.stop()))
            });
            handle.stop();
            others.into_iter().for_each(|other| other.join().unwrap());
            Ok(3)
        }));
        reactor.run().unwrap();
        assert_eq!(taken(&place).unwrap(), 3);
    });
}

/// Whoever has the job may be about to run it.
#[test]
fn i9_a_job_that_was_handed_back_and_is_kept_is_named() {
    within(DEADLINE, || {
        let reactor = impatient();
        let place = peek(reactor.defer_to_thread(|| Ok(3)));
        let kept = reactor.thread_pool().stop_now();
        reactor.stop();
        let report = reactor.run().unwrap_err().to_string();
        assert!(report.contains("handed back by stop_now, and neither run nor"), "{report}");
        assert!(is_stopped(&place));
        drop(kept);
    });
}
