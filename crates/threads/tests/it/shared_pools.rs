//! One pool for several reactors, none of which starts or stops it.

use crate::log;
use crate::support::{Drops, foreign, gated, is_closed, is_stopped, must_not_run, peek, run_for};
use crate::support::{single, taken, thread_name};
use ropewalk_reactor::{Phase, Reactor, ReactorStopped, RunError, SystemEvent};
use ropewalk_testing::{DEADLINE, within};
use ropewalk_threadpool::{JobState, PoolState, SubmitError, SubmitErrorKind, ThreadPool};
use ropewalk_threads::{HandleThreads as _, InstallError, ReactorThread, ReactorThreads as _};
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::mpsc::channel;
use std::time::Duration;

/// A reactor that would wait much longer than a test may.
fn patient() -> Reactor {
    Reactor::builder().shutdown_deadline(Duration::MAX).build().unwrap()
}

fn started(name: &str) -> ThreadPool {
    let pool = single(name);
    pool.start().unwrap();
    pool
}

#[test]
fn i2_a_shared_pool_serves_several_reactors_run_after_run_and_is_its_users_to_stop() {
    within(DEADLINE, || {
        let pool = started("shared");
        let threads: Vec<_> = (0..3)
            .map(|n| {
                let pool = pool.clone();
                foreign(move || {
                    let reactor = patient();
                    reactor.share_thread_pool(&pool).unwrap();
                    for round in 0..3 {
                        reactor.accept_calls();
                        let result = reactor.defer_to_thread(move || Ok((n, round, thread_name())));
                        let result = run_for(&reactor, result).unwrap();
                        assert_eq!(result, (n, round, "shared-1".to_owned()));
                        assert_eq!(reactor.thread_pool().name(), "shared");
                    }
                })
            })
            .collect();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        assert_eq!(pool.state(), PoolState::Running);
        // A job is counted after its result is on its way.
        pool.stop();
        assert_eq!(pool.stats().completed, 9);
    });
}

/// What other reactors have it do, and what nobody waits for, is none of its business.
#[test]
fn i9_a_shutdown_waits_for_the_results_that_this_reactor_is_owed_and_for_nothing_else() {
    within(DEADLINE, || {
        let pool = ThreadPool::builder().name("shared").max_threads(3).build().unwrap();
        pool.start().unwrap();
        let (one, two) = (patient(), patient());
        let (others, others_job) = gated();
        let (nobodys, nobodys_job) = gated();
        let (own, own_job) = gated();
        for reactor in [&one, &two] {
            reactor.share_thread_pool(&pool).unwrap();
        }
        let not_owed = peek(two.defer_to_thread(others_job));
        let forgotten = one.call_in_thread(nobodys_job).unwrap();
        let owed = peek(one.defer_to_thread(move || {
            own_job();
            Ok(3)
        }));
        for gate in [&others, &nobodys, &own] {
            gate.started.recv().unwrap();
        }
        one.add_system_event_trigger(Phase::Before, SystemEvent::Shutdown, move |reactor| {
            // Late in the shutdown the pool takes jobs as ever.
            reactor.call_soon(move |reactor| {
                reactor.call_soon(move |reactor| {
                    reactor.call_in_thread(|| ()).unwrap();
                    drop(own);
                });
            });
        });
        one.stop();
        one.run().unwrap();
        assert_eq!(taken(&owed).unwrap(), 3);
        assert_eq!((pool.started(), forgotten.state()), (true, JobState::Running), "they go on");
        drop((others, nobodys));
        forgotten.wait().unwrap();
        two.stop();
        two.run().unwrap();
        taken(&not_owed).unwrap();
        pool.stop();
    });
}

#[test]
fn i9_a_result_that_a_shared_pool_owes_holds_the_shutdown_until_its_deadline() {
    within(DEADLINE, || {
        let reactor =
            Reactor::builder().shutdown_deadline(Duration::from_millis(50)).build().unwrap();
        let pool = started("shared");
        reactor.share_thread_pool(&pool).unwrap();
        let (gate, job) = gated();
        let line = line!() + 1;
        let owed = peek(reactor.defer_to_thread(job));
        gate.started.recv().unwrap();
        reactor.stop();
        let error = reactor.run().unwrap_err();
        assert!(matches!(error, RunError::ShutdownTimedOut(_)), "{error}");
        assert!(error.to_string().contains(&format!("{}:{line}", file!())), "{error}");
        assert!(is_stopped(&owed));
        drop(gate);
        pool.stop();
    });
}

/// As for a private pool.
#[test]
fn i9_what_waits_in_a_shared_pool_that_nobody_has_started_is_given_up_and_told_of() {
    within(DEADLINE, || {
        log::keep();
        let (reactor, pool) = (patient(), single("never-started"));
        reactor.share_thread_pool(&pool).unwrap();
        let dropped = Drops::default();
        let (one, two) = (dropped.witness(), dropped.witness());
        let early = peek(reactor.defer_to_thread(move || must_not_run(&one)));
        let late = Rc::new(RefCell::new(None));
        let place = Rc::clone(&late);
        let line = line!() + 2;
        reactor.call_when_running(move |reactor| {
            place.replace(Some(peek(reactor.defer_to_thread(move || must_not_run(&two)))));
            reactor.stop();
        });
        reactor.run().unwrap();
        assert!(is_stopped(&early) && is_stopped(&late.take().unwrap()));
        assert_eq!((dropped.count(), pool.stats().cancelled, pool.state()), (2, 2, PoolState::New));
        let here = format!("{}:{line}:", file!());
        let lines = log::lines("WARN", "a job waits for a pool that has not been started");
        assert_eq!(lines.iter().filter(|text| text.contains(&here)).count(), 1, "{lines:?}");
        assert!(!log::lines("WARN", "drops jobs whose pool has not been started").is_empty());
    });
}

#[test]
fn between_two_runs_a_shared_pool_takes_what_needs_no_reactor() {
    within(DEADLINE, || {
        let (reactor, pool) = (patient(), started("shared"));
        reactor.share_thread_pool(&pool).unwrap();
        reactor.stop();
        reactor.run().unwrap();
        let (sender, receiver) = channel();
        let there = sender.clone();
        reactor.call_in_thread(move || there.send(thread_name()).unwrap()).unwrap();
        reactor.handle().call_in_thread(move || sender.send(thread_name()).unwrap()).unwrap();
        assert_eq!(receiver.iter().collect::<Vec<_>>(), ["shared-1", "shared-1"]);
        let refused = peek(reactor.defer_to_thread(|| ()));
        assert!(taken(&refused).unwrap_err().is::<ReactorStopped>());
        // And the next run has it again.
        reactor.accept_calls();
        let result = reactor.defer_to_thread(|| Ok(thread_name()));
        assert_eq!(run_for(&reactor, result).unwrap(), "shared-1");
        pool.stop();
    });
}

/// Its user stops it, whoever uses it. Another pool comes in its place only if somebody says so.
#[test]
fn i4_a_shared_pool_that_was_stopped_refuses_the_jobs_of_its_reactors() {
    within(DEADLINE, || {
        let (reactor, pool) = (patient(), started("shared"));
        reactor.share_thread_pool(&pool).unwrap();
        let owed = peek(reactor.defer_to_thread(|| Ok(3)));
        pool.stop();
        let refused = peek(reactor.defer_to_thread(|| ()));
        let error = taken(&refused).unwrap_err();
        let error = error.downcast_ref::<SubmitError<()>>().unwrap();
        assert_eq!(error.kind(), SubmitErrorKind::Stopped);
        let refused = reactor.handle().call_in_thread(|| ()).unwrap_err();
        assert_eq!(refused.kind(), SubmitErrorKind::Stopped);
        reactor.share_thread_pool(&pool).unwrap_err();
        reactor.install_thread_pool(single("own")).unwrap();
        let result = reactor.defer_to_thread(|| Ok(thread_name()));
        assert_eq!(run_for(&reactor, result).unwrap(), "own-1");
        assert_eq!(taken(&owed).unwrap(), 3, "it had accepted that");
    });
}

/// From its own to a shared one and back, in a run: each has had its jobs, and the own ones end.
#[test]
fn i2_a_reactor_may_go_over_to_a_shared_pool_and_back() {
    within(DEADLINE, || {
        let (reactor, pool) = (patient(), started("shared"));
        let (kept, results) = (pool.clone(), Rc::new(RefCell::new(Vec::new())));
        let place = Rc::clone(&results);
        let (gate, job) = gated();
        reactor.install_thread_pool(single("first")).unwrap();
        reactor.call_when_running(move |reactor| {
            let defer = || peek(reactor.defer_to_thread(|| Ok(thread_name())));
            let first = reactor.thread_pool();
            reactor.call_in_thread(job).unwrap();
            place.borrow_mut().push(defer());
            reactor.share_thread_pool(&kept).unwrap();
            assert!(is_closed(&first));
            place.borrow_mut().push(defer());
            reactor.install_thread_pool(single("last")).unwrap();
            assert!(!is_closed(&kept), "it goes on for others");
            place.borrow_mut().push(defer());
            reactor.add_system_event_trigger(Phase::Before, SystemEvent::Shutdown, |reactor| {
                reactor.call_soon(|reactor| reactor.call_soon(move |_| drop(gate)));
            });
            reactor.stop();
        });
        reactor.run().unwrap();
        assert_eq!(reactor.stats().panics, 0);
        let names: Vec<_> = results.take().iter().map(|it| taken(it).unwrap()).collect();
        assert_eq!(names, ["first-1", "shared-1", "last-1"]);
        assert!(pool.started() && is_closed(&reactor.thread_pool()));
        pool.stop();
    });
}

/// One reactor's own pool serves another as well, as long as it lasts; or is given away by its own.
#[test]
fn the_own_pool_of_a_reactor_may_be_shared() {
    within(DEADLINE, || {
        let (one, two) = (patient(), patient());
        let pool = single("ones");
        one.install_thread_pool(pool.clone()).unwrap();
        two.share_thread_pool(&pool).unwrap();
        let refused = two.install_thread_pool(pool).unwrap_err();
        assert!(matches!(refused, InstallError::Taken(_)), "{refused}");
        let results = [&one, &two].map(|it| peek(it.defer_to_thread(|| Ok(thread_name()))));
        for reactor in [&one, &two] {
            // The one starts it, and stops it when all its jobs are done, also those of the other.
            reactor.stop();
            reactor.run().unwrap();
        }
        assert_eq!(results.map(|it| taken(&it).unwrap()), ["ones-1", "ones-1"]);
        assert!(is_closed(&two.thread_pool()));

        let given = single("given");
        one.accept_calls();
        one.install_thread_pool(given.clone()).unwrap();
        one.share_thread_pool(&given).unwrap();
        given.start().unwrap();
        assert_eq!(run_for(&one, one.defer_to_thread(|| Ok(thread_name()))).unwrap(), "given-1");
        assert!(given.started(), "it is its user's now");
        // Who takes it takes it all: it ends with the next run of the other, used or not.
        two.install_thread_pool(given.clone()).unwrap();
        two.call_when_running(|reactor| reactor.stop());
        two.run().unwrap();
        assert!(is_closed(&given));
    });
}

/// Shared, and then its reactor's own: it lives and ends as one that was installed at once.
#[test]
fn a_shared_pool_may_be_taken_over() {
    within(DEADLINE, || {
        let (reactor, pool) = (patient(), single("pool"));
        reactor.share_thread_pool(&pool).unwrap();
        let early = peek(reactor.defer_to_thread(|| Ok(3)));
        reactor.install_thread_pool(pool.clone()).unwrap();
        assert_eq!(pool.state(), PoolState::New, "nothing was closed");
        assert_eq!(run_for(&reactor, reactor.defer_to_thread(|| Ok(4))).unwrap(), 4);
        assert_eq!(taken(&early).unwrap(), 3);
        assert!(is_closed(&pool));
    });
}

/// A job that waits for room in the pool of one reactor gets it by the word of another.
#[test]
fn w8_the_size_of_a_shared_pool_is_suggested_by_any_of_its_reactors() {
    within(DEADLINE, || {
        let pool =
            ThreadPool::builder().name("shared").min_threads(1).max_threads(2).build().unwrap();
        pool.start().unwrap();
        let (one, two) = (patient(), patient());
        one.share_thread_pool(&pool).unwrap();
        two.share_thread_pool(&pool).unwrap();
        one.handle().suggest_thread_pool_size(1).unwrap();
        assert_eq!((pool.min_threads(), pool.max_threads()), (1, 1));
        let ((first, first_job), (second, second_job)) = (gated(), gated());
        one.call_in_thread(first_job).unwrap();
        two.call_in_thread(second_job).unwrap();
        first.started.recv().unwrap();
        assert_eq!(pool.stats().queued, 1);
        one.suggest_thread_pool_size(0).unwrap_err();
        two.suggest_thread_pool_size(3).unwrap();
        second.started.recv().unwrap();
        assert_eq!((pool.min_threads(), pool.max_threads()), (1, 3));
        drop((first, second));
        pool.stop();
    });
}

/// Whether this job is one that the reactor waits for, nobody can tell from here.
#[test]
fn i4_a_job_of_a_shared_pool_does_not_wait_for_the_end_of_a_reactor_that_uses_it() {
    within(DEADLINE, || {
        let pool = started("shared");
        let shared = pool.clone();
        let thread = ReactorThread::spawn_with(move || {
            let reactor = patient();
            reactor.share_thread_pool(&shared).map_err(std::io::Error::other)?;
            Ok(reactor)
        });
        let thread = thread.unwrap();
        let (handle, (sender, receiver)) = (thread.handle().clone(), channel());
        let asked = handle.blocking_call_from_thread(move |reactor| {
            let job = move || {
                sender.send(thread.join().is_err()).unwrap();
                Ok(())
            };
            peek(reactor.defer_to_thread(job));
        });
        asked.unwrap();
        assert!(receiver.recv().unwrap(), "refused");
        pool.stop();
    });
}

#[test]
fn a_shared_pool_outlives_the_reactor_that_is_dropped() {
    within(DEADLINE, || {
        let (reactor, pool) = (patient(), started("shared"));
        reactor.share_thread_pool(&pool).unwrap();
        let (gate, job) = gated();
        let owed = peek(reactor.defer_to_thread(job));
        gate.started.recv().unwrap();
        let handle = reactor.handle();
        drop(reactor);
        assert!(is_stopped(&owed));
        assert_eq!(handle.call_in_thread(|| ()).unwrap_err().kind(), SubmitErrorKind::Stopped);
        drop(gate);
        pool.call_in_thread(|| ()).unwrap();
        pool.stop();
        assert_eq!(pool.stats().completed, 2);
    });
}
