//! A pool that another one has come in place of: what it still owes, and who gets the next job.

use crate::support::{Drops, foreign, gated, is_closed, must_not_run, peek, run_for, taken};
use crate::support::{single, thread_name};
use ropewalk_reactor::{Phase, Reactor, SystemEvent};
use ropewalk_testing::{DEADLINE, EventLog, within};
use ropewalk_threadpool::{PoolState, ThreadPool, WeakPool};
use ropewalk_threads::{HandleThreads as _, InstallError, ReactorThreads as _};
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::mpsc::channel;

/// In a run: the next job is for the new pool, and the old one loses nothing.
#[test]
fn i2_a_pool_that_is_replaced_runs_what_it_has_and_delivers_it() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let (old, new) = (single("old"), single("new"));
        reactor.install_thread_pool(old.clone()).unwrap();
        let (gate, job) = gated();
        let running = peek(reactor.defer_to_thread(move || {
            job();
            Ok(thread_name())
        }));
        let queued = peek(reactor.defer_to_thread(|| Ok(thread_name())));
        let (kept, installed) = (old.clone(), new.clone());
        reactor.call_when_running(move |reactor| {
            gate.started.recv().unwrap();
            reactor.install_thread_pool(installed).unwrap();
            assert_eq!(reactor.thread_pool().name(), "new");
            assert!(is_closed(&kept));
            assert_eq!(kept.state(), PoolState::Draining);
            // It does not wait for what is behind the gate.
            let next = reactor.defer_to_thread(|| Ok(thread_name()));
            let end = next.add_callback(move |name| {
                assert_eq!(name, "new-1");
                drop(gate);
                Reactor::with_current(|reactor| reactor.stop());
            });
            end.detach();
        });
        reactor.run().unwrap();
        assert_eq!(reactor.stats().panics, 0);
        assert_eq!(
            (taken(&running).unwrap(), taken(&queued).unwrap()),
            ("old-1".into(), "old-1".into())
        );
        for pool in [old, new] {
            assert_eq!(pool.state(), PoolState::Stopped);
            pool.stop();
            assert_eq!(pool.stats().threads, 0);
        }
    });
}

/// From inside a job, in a pool of one thread: the job goes on, and what it hands in goes elsewhere.
#[test]
fn a_pool_may_be_replaced_by_one_of_its_jobs() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        reactor.install_thread_pool(single("old")).unwrap();
        let (handle, (sender, receiver)) = (reactor.handle(), channel());
        let result = reactor.defer_to_thread(move || {
            let install = |reactor: &Reactor| Ok(reactor.install_thread_pool(single("new"))?);
            handle.blocking_call_from_thread(install)?;
            handle.call_in_thread(move || sender.send(thread_name()).unwrap())?;
            Ok((thread_name(), receiver.recv()?))
        });
        assert_eq!(run_for(&reactor, result).unwrap(), ("old-1".into(), "new-1".into()));
    });
}

/// The same with a pool without threads, whose jobs run on the reactor thread.
#[test]
fn i5_a_pool_may_be_replaced_by_a_job_that_runs_on_the_reactor_thread() {
    within(DEADLINE, || {
        let (reactor, manual) = (Reactor::new().unwrap(), ThreadPool::manual());
        reactor.install_thread_pool(manual.pool().clone()).unwrap();
        let replaced = peek(reactor.defer_to_thread(|| {
            let install = |reactor: &Reactor| reactor.install_thread_pool(single("new"));
            Ok(Reactor::with_current(install).unwrap()?)
        }));
        let behind = peek(reactor.defer_to_thread(|| Ok(3)));
        reactor.call_soon(move |reactor| {
            assert_eq!(manual.run_all(), 2);
            assert_eq!(reactor.thread_pool().name(), "new");
            reactor.stop();
        });
        reactor.run().unwrap();
        assert_eq!(reactor.stats().panics, 0);
        taken(&replaced).unwrap();
        assert_eq!(taken(&behind).unwrap(), 3);
    });
}

/// A callback on a result of the old pool brings the new one, and again, and again.
#[test]
fn i5_a_pool_may_be_replaced_by_a_callback_on_its_result() {
    fn next(reactor: &Reactor, n: usize, log: EventLog) {
        if n == 5 {
            return reactor.stop();
        }
        let result = reactor.defer_to_thread(|| Ok(thread_name()));
        let end = result.add_callback(move |name| {
            log.add(name);
            Reactor::with_current(|reactor| {
                // Twice in one turn: the one between the two never has a thread.
                reactor.install_thread_pool(single("unused")).unwrap();
                reactor.install_thread_pool(single(&format!("pool{n}"))).unwrap();
                next(reactor, n + 1, log);
            });
        });
        end.detach();
    }
    within(DEADLINE, || {
        let (reactor, log) = (Reactor::new().unwrap(), EventLog::new());
        next(&reactor, 0, log.clone());
        reactor.run().unwrap();
        assert_eq!(log.take(), ["reactor-1", "pool0-1", "pool1-1", "pool2-1", "pool3-1"]);
    });
}

/// Before the run nothing runs, but a pool that takes no more jobs has nothing to wait for.
#[test]
fn i2_what_waits_in_a_pool_that_is_replaced_before_the_run_runs_at_once() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let (sender, receiver) = channel();
        reactor.install_thread_pool(single("old")).unwrap();
        let there = sender.clone();
        reactor.call_in_thread(move || there.send(thread_name()).unwrap()).unwrap();
        let owed = peek(reactor.defer_to_thread(|| Ok(3)));
        reactor.install_thread_pool(single("new")).unwrap();
        assert_eq!(receiver.recv().unwrap(), "old-1");
        reactor.call_in_thread(move || sender.send(thread_name()).unwrap()).unwrap();
        assert_eq!(reactor.thread_pool().state(), PoolState::New, "as before, jobs are kept");
        reactor.stop();
        reactor.run().unwrap();
        assert_eq!((taken(&owed).unwrap(), receiver.try_recv().unwrap()), (3, "new-1".into()));
    });
}

/// Between two runs: each of them has had its turn, and the last one is that of the run.
#[test]
fn i2_a_pool_may_be_replaced_between_two_runs() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        run_for(&reactor, reactor.defer_to_thread(|| ())).unwrap();
        let (sender, receiver) = channel();
        for name in ["one", "two"] {
            reactor.install_thread_pool(single(name)).unwrap();
            let sender = sender.clone();
            reactor.call_in_thread(move || sender.send(thread_name()).unwrap()).unwrap();
        }
        assert_eq!(receiver.recv().unwrap(), "one-1");
        reactor.call_when_running(|reactor| reactor.stop());
        reactor.run().unwrap();
        assert_eq!(receiver.try_recv().unwrap(), "two-1");
        assert!(is_closed(&reactor.thread_pool()));
    });
}

/// A foreign thread has made the pool, and its request to tie it waits behind other calls.
#[test]
fn i2_a_pool_that_is_replaced_before_it_was_tied_is_waited_for() {
    within(DEADLINE, || {
        for sharing in [false, true] {
            let reactor = Reactor::builder().budget(1.try_into().unwrap()).build().unwrap();
            let (handle, (gate, wait), log) = (reactor.handle(), gated(), EventLog::new());
            let seen = log.clone();
            let shared = single("shared");
            foreign(move || {
                let job = move || {
                    wait();
                    seen.add(thread_name());
                };
                handle.call_in_thread(job).unwrap();
            })
            .join()
            .unwrap();
            if sharing {
                reactor.share_thread_pool(&shared).unwrap();
            } else {
                reactor.install_thread_pool(single("new")).unwrap();
            }
            gate.started.recv().unwrap();
            reactor.add_system_event_trigger(
                Phase::Before,
                SystemEvent::Shutdown,
                move |reactor| {
                    reactor.call_soon(move |reactor| reactor.call_soon(move |_| drop(gate)));
                },
            );
            reactor.stop();
            reactor.run().unwrap();
            assert_eq!(log.take(), ["reactor-1"], "sharing: {sharing}");
        }
    });
}

#[test]
fn a_pool_that_is_installed_again_stays_as_it_is() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let pool = reactor.thread_pool();
        reactor.suggest_thread_pool_size(2).unwrap();
        reactor.install_thread_pool(pool.clone()).unwrap();
        reactor.suggest_thread_pool_size(10).unwrap();
        assert_eq!((pool.min_threads(), pool.max_threads()), (5, 10), "nothing was forgotten");
        let again = pool.clone();
        reactor.call_when_running(move |reactor| {
            let before = peek(reactor.defer_to_thread(|| ()));
            reactor.install_thread_pool(again).unwrap();
            drop((before, reactor.call_in_thread(|| ()).unwrap()));
            reactor.stop();
        });
        reactor.run().unwrap();
        assert_eq!((reactor.stats().panics, pool.stats().completed), (0, 2));
        let refused = reactor.install_thread_pool(pool).unwrap_err();
        assert!(matches!(refused, InstallError::Stopped(_)), "it was stopped with the run");
    });
}

#[test]
fn what_was_stopped_or_is_another_reactors_comes_back() {
    within(DEADLINE, || {
        let (one, two) = (Reactor::new().unwrap(), Reactor::new().unwrap());
        let stopped = single("stopped");
        stopped.stop();
        let refused = one.install_thread_pool(stopped).unwrap_err();
        assert!(matches!(refused, InstallError::Stopped(_)), "{refused}");
        let text = "pool stopped was stopped and does not start again: build a new one";
        assert_eq!((refused.to_string().as_str(), refused.into_pool().name()), (text, "stopped"));

        // Those that it has made itself as well.
        let made = two.thread_pool();
        let refused = one.install_thread_pool(made).unwrap_err();
        let text = "pool reactor is that of another reactor: share it (share_thread_pool)";
        assert_eq!(refused.to_string(), text);
        let pool = single("installed");
        two.install_thread_pool(pool.clone()).unwrap();
        let refused = one.install_thread_pool(pool.clone()).unwrap_err();
        assert!(matches!(refused, InstallError::Taken(_)), "{refused}");
        assert_eq!(two.thread_pool().name(), "installed", "it is there still");
        drop(two);
        one.install_thread_pool(pool.clone()).unwrap();
        // Started already, by whomever: it is the reactor's all the same.
        pool.start().unwrap();
        let result = one.defer_to_thread(|| Ok(thread_name()));
        assert_eq!(run_for(&one, result).unwrap(), "installed-1");
        assert!(is_closed(&pool));
    });
}

/// However often: nothing is kept of a pool that is done.
#[test]
fn i2_nothing_is_left_of_the_pools_that_were_replaced() {
    fn replace(reactor: &Reactor, pools: &mut Vec<WeakPool>) {
        for n in 0..100 {
            let pool = single("brief");
            pools.push(pool.downgrade());
            reactor.install_thread_pool(pool).unwrap();
            if n % 10 == 0 {
                reactor.call_in_thread(|| ()).unwrap();
            }
        }
    }
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let pools = Rc::new(RefCell::new(Vec::new()));
        replace(&reactor, &mut pools.borrow_mut());
        let seen = Rc::clone(&pools);
        reactor.call_when_running(move |reactor| {
            let mut pools = seen.borrow_mut();
            replace(reactor, &mut pools);
            let (_last, before) = pools.split_last().unwrap();
            // While the run goes on, as soon as the workers are through with the jobs.
            while before.iter().any(|pool| pool.upgrade().is_some()) {
                std::thread::yield_now();
            }
            reactor.stop();
        });
        reactor.run().unwrap();
        assert_eq!(reactor.stats().panics, 0);
        let last = pools.take().pop().unwrap();
        assert_eq!(last.upgrade().unwrap().state(), PoolState::Stopped);
        drop(reactor);
        assert!(last.upgrade().is_none());
    });
}

/// A job that is cancelled goes, in whatever pool it waits.
#[test]
fn w9_what_waits_in_a_replaced_pool_can_be_cancelled() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        reactor.install_thread_pool(single("old")).unwrap();
        let (gate, job) = gated();
        reactor.call_in_thread(job).unwrap();
        let dropped = Drops::default();
        let witness = dropped.witness();
        let deferred = reactor.defer_to_thread(move || must_not_run(&witness));
        reactor.install_thread_pool(single("new")).unwrap();
        let canceller = deferred.canceller();
        let place = peek(deferred);
        canceller.cancel();
        assert!(taken(&place).unwrap_err().is::<ropewalk_deferred::Cancelled>());
        assert_eq!(dropped.count(), 1);
        drop(gate);
        reactor.stop();
        reactor.run().unwrap();
    });
}
