//! Pools that were replaced, and those that replace them, when the reactor stops.

use crate::support::{Gate, foreign, gated, is_closed, is_stopped, peek, run_for, taken};
use crate::support::{single, thread_name, while_held};
use ropewalk_reactor::{Phase, Reactor, RunError, SystemEvent};
use ropewalk_testing::{DEADLINE, EventLog, within};
use ropewalk_threadpool::SubmitError;
use ropewalk_threads::{HandleThreads as _, InstallError, ReactorThread, ReactorThreads as _};
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::mpsc::channel;
use std::time::Duration;

/// The shutdown is held by both, says so by line, and holds no run after it.
#[test]
fn i9_the_stuck_jobs_of_a_replaced_pool_are_named_and_hold_one_shutdown_only() {
    within(DEADLINE, || {
        let deadline = Duration::from_millis(50);
        let reactor = Reactor::builder().shutdown_deadline(deadline).build().unwrap();
        let mut gates = Vec::new();
        for name in ["first", "second", "third"] {
            reactor.install_thread_pool(single(name)).unwrap();
            let (Gate { started, open }, job) = gated();
            reactor.call_in_thread(job).unwrap();
            reactor.call_in_thread(|| ()).unwrap();
            gates.push((started, open));
        }
        let handle = reactor.handle();
        let (started, opens): (Vec<_>, Vec<_>) = gates.into_iter().unzip();
        foreign(move || {
            started.iter().for_each(|it| it.recv().unwrap());
            handle.stop();
        });
        let report = reactor.run().unwrap_err().to_string();
        for name in ["first", "second", "third"] {
            assert!(report.contains(&format!(" on {name}-1")), "{report}");
            assert!(report.contains(&format!("1 job waits in pool {name}")), "{report}");
        }
        for _ in 0..2 {
            reactor.call_when_running(|reactor| {
                reactor.call_in_thread(|| ()).unwrap();
                reactor.stop();
            });
            reactor.run().unwrap();
        }
        drop(opens);
    });
}

/// Its worker waits for the reactor, which waits for it: the reactor answers, as it does to others.
#[test]
fn i4_a_worker_of_a_replaced_pool_gets_its_answer_in_the_shutdown() {
    within(DEADLINE, || {
        let reactor = Reactor::builder().shutdown_deadline(Duration::MAX).build().unwrap();
        reactor.install_thread_pool(single("old")).unwrap();
        let (handle, (gate, job)) = (reactor.handle(), gated());
        let place = peek(reactor.defer_to_thread(move || {
            job();
            handle.blocking_call_from_thread(|reactor| Ok(reactor.stopping()))
        }));
        reactor.install_thread_pool(single("new")).unwrap();
        reactor.add_system_event_trigger(Phase::Before, SystemEvent::Shutdown, move |reactor| {
            // Three turns later everything is in its place.
            reactor.call_soon(move |reactor| {
                reactor.call_soon(move |reactor| reactor.call_soon(move |_| drop(gate)));
            });
        });
        reactor.stop();
        reactor.run().unwrap();
        assert!(taken(&place).unwrap());
    });
}

/// The job itself is what the reactor's shutdown waits for, so it must not wait for that.
#[test]
fn i4_a_job_of_a_replaced_pool_does_not_wait_for_the_end_of_its_reactor() {
    within(DEADLINE, || {
        let make = || Reactor::builder().shutdown_deadline(Duration::MAX).build();
        let thread = ReactorThread::spawn_with(make).unwrap();
        let handle = thread.handle().clone();
        let (sender, receiver) = channel();
        let asked = handle.clone();
        let job = move || {
            let install = |reactor: &Reactor| Ok(reactor.install_thread_pool(single("new"))?);
            asked.blocking_call_from_thread(install).unwrap();
            sender.send(thread.join().is_err()).unwrap();
        };
        handle.call_in_thread(job).unwrap();
        assert!(receiver.recv().unwrap(), "refused");
    });
}

/// In the *before* phase both pools are waited for; then it is too late, until the run is over.
#[test]
fn i2_in_a_shutdown_a_pool_may_be_replaced_until_the_pool_is_drained() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        reactor.install_thread_pool(single("old")).unwrap();
        let (log, results) = (EventLog::new(), Rc::new(RefCell::new(Vec::new())));
        let (seen, place) = (log.clone(), Rc::clone(&results));
        reactor.add_system_event_trigger(Phase::Before, SystemEvent::Shutdown, move |reactor| {
            let mut place = place.borrow_mut();
            place.push(peek(reactor.defer_to_thread(|| Ok(thread_name()))));
            reactor.install_thread_pool(single("new")).unwrap();
            let (gate, job) = gated();
            place.push(peek(reactor.defer_to_thread(move || {
                job();
                Ok(thread_name())
            })));
            // Held by the gate: the drain has begun when these come.
            reactor.call_soon(move |reactor| {
                reactor.call_soon(move |reactor| {
                    let refused = reactor.install_thread_pool(single("late")).unwrap_err();
                    seen.add(refused.to_string());
                    assert!(matches!(refused, InstallError::Stopping(_)));
                    let own = reactor.install_thread_pool(reactor.thread_pool()).unwrap_err();
                    assert!(matches!(own, InstallError::Stopped(_)), "it drains");
                    drop(gate);
                    reactor.add_system_event_trigger(
                        Phase::After,
                        SystemEvent::Shutdown,
                        move |reactor| {
                            let again = reactor.install_thread_pool(refused.into_pool());
                            seen.add(again.unwrap_err().into_pool().name());
                        },
                    );
                });
            });
        });
        reactor.stop();
        reactor.run().unwrap();
        assert_eq!(reactor.stats().panics, 0);
        let text = "the reactor stops, so pool late comes too late: install it after that";
        assert_eq!(log.take(), [text, "late"]);
        let names: Vec<_> = results.take().iter().map(|it| taken(it).unwrap()).collect();
        assert_eq!(names, ["old-1", "new-1"]);
        reactor.install_thread_pool(single("next")).unwrap();
        reactor.accept_calls();
        assert_eq!(
            run_for(&reactor, reactor.defer_to_thread(|| Ok(thread_name()))).unwrap(),
            "next-1"
        );
    });
}

/// Also if there was none to be drained: in the last calls nothing starts it any more.
#[test]
fn i2_in_the_last_calls_of_a_run_no_pool_is_installed() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let handle = reactor.handle();
        let (sender, receiver) = channel();
        reactor.add_system_event_trigger(Phase::After, SystemEvent::Shutdown, move |_| {
            let installs = move |reactor: &Reactor| {
                sender.send(reactor.install_thread_pool(single("late"))).unwrap();
            };
            handle.call_from_thread(installs).unwrap();
        });
        reactor.stop();
        reactor.run().unwrap();
        assert!(matches!(receiver.recv().unwrap(), Err(InstallError::Stopping(_))));
        // For the next run it is in time.
        reactor.install_thread_pool(single("next")).unwrap();
    });
}

/// The shutdown is held by its *before* triggers, or drains already, when the first pool comes; and
/// another.
#[test]
fn i2_pools_that_come_while_the_shutdown_is_held_are_drained() {
    within(DEADLINE, || {
        for event in [SystemEvent::Shutdown, SystemEvent::Drain] {
            let reactor = Reactor::new().unwrap();
            let (sender, receiver) = channel();
            while_held(&reactor, event, move |reactor, _hold| {
                for name in ["one", "two"] {
                    reactor.install_thread_pool(single(name)).unwrap();
                    let ((gate, job), sender) = (gated(), sender.clone());
                    let job = move || {
                        job();
                        sender.send(thread_name()).unwrap();
                    };
                    reactor.call_in_thread(job).unwrap();
                    reactor.call_soon(move |reactor| reactor.call_soon(move |_| drop(gate)));
                }
            });
            reactor.stop();
            reactor.run().unwrap();
            assert_eq!(reactor.stats().panics, 0);
            let mut ran: Vec<_> = receiver.try_iter().collect();
            ran.sort_unstable();
            assert_eq!(ran, ["one-1", "two-1"]);
            assert!(is_closed(&reactor.thread_pool()));
        }
    });
}

/// What a crash leaves of that, the next run neither drains early nor forgets.
#[test]
fn i2_after_a_crash_the_replaced_pool_is_waited_for_by_the_next_shutdown() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let log = EventLog::new();
        let (gate, job) = gated();
        let seen = log.clone();
        reactor
            .call_in_thread(move || {
                job();
                seen.add("old");
            })
            .unwrap();
        reactor.call_when_running(|reactor| {
            reactor.install_thread_pool(single("new")).unwrap();
            reactor.crash();
        });
        reactor.run().unwrap();
        assert_eq!(log.take(), [""; 0]);
        let seen = log.clone();
        reactor.call_in_thread(move || seen.add("new")).unwrap();
        reactor.add_system_event_trigger(Phase::Before, SystemEvent::Shutdown, move |reactor| {
            reactor.call_soon(move |reactor| reactor.call_soon(move |_| drop(gate)));
        });
        reactor.call_when_running(|reactor| reactor.stop());
        reactor.run().unwrap();
        let mut ran = log.take();
        ran.sort_unstable();
        assert_eq!(ran, ["new", "old"]);
    });
}

/// A crash in the two turns that a late pool is given: the pool of the next run is not drained by it.
#[test]
fn i2_a_crash_in_a_late_drain_leaves_the_next_run_alone() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        while_held(&reactor, SystemEvent::Drain, |reactor, _hold| {
            reactor.install_thread_pool(single("late")).unwrap();
            reactor.crash();
        });
        reactor.stop();
        reactor.run().unwrap();
        assert!(is_closed(&reactor.thread_pool()));
        let log = EventLog::new();
        let seen = log.clone();
        reactor.install_thread_pool(single("next")).unwrap();
        // Some turns into the run it takes jobs, nevertheless.
        reactor.call_later(Duration::from_millis(1), move |reactor| {
            reactor.call_in_thread(move || seen.add(thread_name())).unwrap();
            reactor.stop();
        });
        reactor.run().unwrap();
        assert_eq!((log.take(), reactor.stats().panics), (vec!["next-1".to_owned()], 0));
    });
}

/// A run that ends without waiting tells whoever waits, whichever pool was to answer.
#[test]
fn i4_results_of_a_replaced_pool_that_come_too_late_are_given_up() {
    within(DEADLINE, || {
        let reactor = Reactor::builder().shutdown_deadline(DEADLINE / 3).build().unwrap();
        let (gate, job) = gated();
        let place = peek(reactor.defer_to_thread(job));
        reactor.install_thread_pool(single("new")).unwrap();
        gate.started.recv().unwrap();
        reactor.call_when_running(|reactor| reactor.stop_now());
        assert!(matches!(reactor.run(), Err(RunError::ShutdownTimedOut(_))));
        assert!(is_stopped(&place));
        let refused = peek(reactor.defer_to_thread_pool(&reactor.thread_pool(), || ()));
        assert!(!taken(&refused).unwrap_err().is::<SubmitError<()>>(), "the reactor has stopped");
        drop(gate);
    });
}
