//! The sizes of the reactor's pool, and its life.

use crate::support::{foreign, gated, is_closed, run_for, single, thread_name};
use ropewalk_deferred::Deferred;
use ropewalk_reactor::{Phase, Reactor, SystemEvent};
use ropewalk_testing::{DEADLINE, within};
use ropewalk_threadpool::{AlreadyStopped, InvalidSize, SubmitErrorKind, ThreadPool};
use ropewalk_threads::{HandleThreads as _, InstallError, ReactorThread, ReactorThreads as _};
use std::cell::RefCell;
use std::io;
use std::rc::Rc;
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

/// The text says 5 to 10; the Twisted of today has 0 to 10.
#[test]
fn the_pool_has_five_to_ten_threads() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let pool = reactor.thread_pool();
        assert_eq!((pool.min_threads(), pool.max_threads()), (5, 10));
        assert_eq!(pool.stats().threads, 0, "threads come with the first need");
    });
}

#[test]
fn b43_the_maximum_is_set_before_in_and_after_a_run() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        // Before there is a pool, too.
        reactor.suggest_thread_pool_size(34).unwrap();
        assert_eq!(reactor.thread_pool().max_threads(), 34);
        reactor.suggest_thread_pool_size(4).unwrap();
        assert_eq!(reactor.thread_pool().max_threads(), 4);
        reactor.call_when_running(|reactor| {
            reactor.suggest_thread_pool_size(17).unwrap();
            assert_eq!(reactor.thread_pool().max_threads(), 17);
            reactor.stop();
        });
        reactor.run().unwrap();
        assert_eq!(reactor.stats().panics, 0);
        assert_eq!(reactor.thread_pool().max_threads(), 17);
        reactor.suggest_thread_pool_size(34).unwrap();
        reactor.call_when_running(|reactor| {
            assert_eq!(reactor.thread_pool().max_threads(), 34);
            reactor.stop();
        });
        reactor.run().unwrap();
        assert_eq!(reactor.stats().panics, 0);
    });
}

/// Twisted: below the minimum an `AssertionError`. Here the minimum gives way, and comes back.
#[test]
fn the_minimum_gives_way_to_a_small_maximum_and_comes_back() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let pool = reactor.thread_pool();
        for (max, min) in [(2, 2), (10, 5), (1, 1), (5, 5), (6, 5)] {
            reactor.handle().suggest_thread_pool_size(max).unwrap();
            assert_eq!((pool.min_threads(), pool.max_threads()), (min, max));
        }
    });
}

/// Twisted accepts 0, and parks all jobs for ever.
#[test]
fn no_threads_at_all_are_refused_and_change_nothing() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let refused = reactor.suggest_thread_pool_size(0).unwrap_err();
        assert_eq!(refused.max, 0);
        let pool = reactor.thread_pool();
        assert_eq!((pool.min_threads(), pool.max_threads()), (5, 10));
        reactor.handle().suggest_thread_pool_size(0).unwrap_err();
        assert_eq!((pool.min_threads(), pool.max_threads()), (5, 10));
    });
}

/// The program of the text that wedges, and what Twisted cannot do about it.
#[test]
fn w8_raising_the_maximum_starts_the_jobs_that_wait() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        reactor.suggest_thread_pool_size(2).unwrap();
        let (sender, receiver) = channel();
        for _ in 0..2 {
            let (waker, wait) = channel::<()>();
            let (starts, started) = channel();
            let done = sender.clone();
            reactor
                .call_in_thread(move || {
                    starts.send(()).unwrap();
                    wait.recv().unwrap();
                    done.send("waiter").unwrap();
                })
                .unwrap();
            let (handle, done) = (reactor.handle(), sender.clone());
            reactor
                .call_in_thread(move || {
                    started.recv().unwrap();
                    waker.send(()).unwrap();
                    done.send("waker").unwrap();
                    handle.stop();
                })
                .unwrap();
        }
        // A third and a fourth of the first kind, so that two threads are not enough.
        let (first, first_job) = gated();
        let (second, second_job) = gated();
        reactor.call_in_thread(first_job).unwrap();
        reactor.call_in_thread(second_job).unwrap();
        let (handle, opened) = (reactor.handle(), sender);
        reactor
            .call_in_thread(move || {
                drop((first, second));
                opened.send("opened").unwrap();
                handle.stop();
            })
            .unwrap();
        reactor.call_when_running(|reactor| {
            let pool = reactor.thread_pool();
            // Wedged: all threads in a job, and the one that would let them go waits.
            while pool.stats().queued != 1 || pool.stats().busy != 2 {
                thread::yield_now();
            }
            reactor.suggest_thread_pool_size(3).unwrap();
        });
        reactor.run().unwrap();
        assert_eq!(receiver.iter().count(), 5);
    });
}

#[test]
fn b63_the_pool_before_in_and_after_the_run() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let pool = reactor.thread_pool();
        let (sender, receiver) = channel();
        let in_run = sender.clone();
        pool.call_in_thread(move || sender.send("kept").unwrap()).unwrap();
        assert_eq!((pool.stats().queued, pool.stats().threads), (1, 0), "not started");
        let same = Rc::new(RefCell::new(None));
        let place = Rc::clone(&same);
        reactor.call_when_running(move |reactor| {
            assert_eq!(receiver.recv().unwrap(), "kept");
            reactor.thread_pool().call_in_thread(move || in_run.send("in run").unwrap()).unwrap();
            assert_eq!(receiver.recv().unwrap(), "in run");
            place.replace(Some(reactor.thread_pool()));
            reactor.stop();
        });
        reactor.run().unwrap();
        assert_eq!(reactor.stats().panics, 0);
        for pool in [pool, same.take().unwrap(), reactor.thread_pool()] {
            assert_eq!(pool.stats().completed, 2, "one pool");
            // Drained when `run` returns; its threads end by themselves, and `stop` joins them.
            assert_eq!((pool.stats().busy, pool.stats().queued), (0, 0));
            assert_eq!(pool.call_in_thread(|| ()).unwrap_err().kind(), SubmitErrorKind::Stopped);
            pool.stop();
            assert_eq!(pool.stats().threads, 0);
        }
    });
}

/// W19: in Twisted two threads can make two pools, one of which nobody stops.
#[test]
fn w19_many_threads_that_ask_at_once_get_one_pool() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let jobs = 8;
        let asking: Vec<_> = (0..jobs)
            .map(|n| {
                let handle = reactor.handle();
                foreign(move || {
                    handle.suggest_thread_pool_size(n + 1).unwrap();
                    handle.thread_pool().call_in_thread(|| ()).unwrap();
                })
            })
            .collect();
        asking.into_iter().for_each(|thread| thread.join().unwrap());
        let pool: ThreadPool = reactor.thread_pool();
        assert_eq!(pool.stats().queued, jobs);
        reactor.stop();
        reactor.run().unwrap();
        assert_eq!(pool.stats().completed, jobs as u64);
        // Whoever suggested last: the next pool has the same size.
        let size = pool.max_threads();
        reactor.call_when_running(move |reactor| {
            assert_eq!(reactor.thread_pool().max_threads(), size);
            reactor.stop();
        });
        reactor.run().unwrap();
        assert_eq!(reactor.stats().panics, 0);
    });
}

#[test]
fn an_installed_pool_is_started_used_and_stopped_by_the_reactor() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let own = ThreadPool::builder().name("own").min_threads(1).max_threads(3).build().unwrap();
        reactor.install_thread_pool(own.clone()).unwrap();
        let name = run_for(&reactor, reactor.defer_to_thread(|| Ok(thread_name())));
        assert_eq!(name.unwrap(), "own-1");
        assert_eq!(own.call_in_thread(|| ()).unwrap_err().kind(), SubmitErrorKind::Stopped);
        // A later run has a pool of the default kind, with these sizes.
        let (promise, deferred) = Deferred::new();
        reactor.call_soon(|reactor| {
            let pool = reactor.thread_pool();
            promise.callback((pool.name().to_owned(), pool.min_threads(), pool.max_threads()));
        });
        assert_eq!(run_for(&reactor, deferred).unwrap(), ("reactor".to_owned(), 1, 3));
    });
}

#[test]
fn a_pool_installed_between_two_runs_is_that_of_the_second() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        run_for(&reactor, reactor.defer_to_thread(|| ())).unwrap();
        let own = ThreadPool::builder().name("own").build().unwrap();
        reactor.install_thread_pool(own.clone()).unwrap();
        let (sender, receiver) = channel();
        let handle = reactor.handle();
        reactor
            .call_in_thread(move || {
                sender.send(thread_name()).unwrap();
                handle.stop();
            })
            .unwrap();
        assert_eq!(own.stats().queued, 1, "kept for the run");
        reactor.run().unwrap();
        assert_eq!(receiver.try_recv().unwrap(), "own-1");
        assert_eq!(own.call_in_thread(|| ()).unwrap_err().kind(), SubmitErrorKind::Stopped);
    });
}

/// Before, in and after the shutdown, and when the reactor is gone: it is what comes next that has it.
#[test]
fn b43_the_maximum_is_set_in_a_shutdown_after_it_and_after_the_drop() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let (handle, pool) = (reactor.handle(), reactor.thread_pool());
        for phase in [Phase::Before, Phase::During, Phase::After] {
            let n = 20 + phase as usize;
            reactor.add_system_event_trigger(phase, SystemEvent::Shutdown, move |reactor| {
                reactor.suggest_thread_pool_size(n).unwrap();
                assert_eq!(reactor.thread_pool().max_threads(), n);
                reactor.suggest_thread_pool_size(0).unwrap_err();
            });
        }
        reactor.stop();
        reactor.run().unwrap();
        assert_eq!((reactor.stats().panics, pool.max_threads()), (0, 20 + Phase::After as usize));
        handle.suggest_thread_pool_size(7).unwrap();
        reactor.accept_calls();
        let next = reactor.thread_pool();
        assert_eq!((next.name(), next.min_threads(), next.max_threads()), ("reactor", 5, 7));
        drop(reactor);
        handle.suggest_thread_pool_size(3).unwrap();
        handle.suggest_thread_pool_size(0).unwrap_err();
        assert_eq!(next.max_threads(), 7, "its reactor is gone");
    });
}

/// The shutdown waits for a job that waits for one behind it.
#[test]
fn w8_raising_the_maximum_in_a_drain_starts_the_jobs_that_wait() {
    within(DEADLINE, || {
        let reactor = Reactor::builder().shutdown_deadline(Duration::MAX).build().unwrap();
        reactor.install_thread_pool(single("wedged")).unwrap();
        let (gate, job) = gated();
        reactor.call_in_thread(job).unwrap();
        reactor.call_in_thread(move || drop(gate)).unwrap();
        let pool = reactor.thread_pool();
        reactor.add_system_event_trigger(Phase::Before, SystemEvent::Shutdown, move |reactor| {
            reactor.call_soon(move |reactor| {
                assert!(is_closed(&reactor.thread_pool()), "it drains");
                while pool.stats().queued != 1 {
                    thread::yield_now();
                }
                reactor.suggest_thread_pool_size(2).unwrap();
            });
        });
        reactor.stop();
        reactor.run().unwrap();
        assert_eq!((reactor.stats().panics, reactor.thread_pool().stats().completed), (0, 2));
    });
}

/// The sizes are those of the pool that is there; the one before it keeps its own.
#[test]
fn b43_a_pool_that_replaces_another_brings_its_own_size() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        reactor.suggest_thread_pool_size(3).unwrap();
        let first = reactor.thread_pool();
        let own = ThreadPool::builder().min_threads(2).max_threads(4).build().unwrap();
        reactor.install_thread_pool(own.clone()).unwrap();
        assert_eq!((first.max_threads(), own.min_threads(), own.max_threads()), (3, 2, 4));
        reactor.suggest_thread_pool_size(1).unwrap();
        assert_eq!((first.max_threads(), own.min_threads(), own.max_threads()), (3, 1, 1));
        reactor.suggest_thread_pool_size(8).unwrap();
        assert_eq!((first.max_threads(), own.min_threads(), own.max_threads()), (3, 2, 8));
        reactor.call_when_running(|reactor| reactor.stop());
        reactor.run().unwrap();
        reactor.accept_calls();
        let next = reactor.thread_pool();
        assert_eq!((next.min_threads(), next.max_threads()), (2, 8));
    });
}

/// Whoever is last: the pool that is there in the end has the size that a next one would have.
#[test]
fn w19_sizes_that_are_suggested_at_once_agree_with_the_pool_that_is_there() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let suggesting: Vec<_> = (0..4)
            .map(|n| {
                let handle = reactor.handle();
                foreign(move || {
                    for round in 0..200 {
                        handle.suggest_thread_pool_size(1 + (n * 7 + round) % 9).unwrap();
                    }
                })
            })
            .collect();
        for n in 0..200 {
            let pool = ThreadPool::builder().min_threads(1).max_threads(1 + n % 5).build().unwrap();
            reactor.install_thread_pool(pool).unwrap();
        }
        suggesting.into_iter().for_each(|thread| thread.join().unwrap());
        let size = |pool: ThreadPool| (pool.min_threads(), pool.max_threads());
        let last = size(reactor.thread_pool());
        reactor.stop();
        reactor.run().unwrap();
        reactor.accept_calls();
        assert_eq!(size(reactor.thread_pool()), last);
    });
}

/// What the closures of `ReactorThread::spawn_with` and `spawn_sharing` return.
#[test]
fn what_a_pool_refuses_passes_through_the_making_of_a_reactor() {
    within(DEADLINE, || {
        let resize = |reactor: &Reactor| Ok(reactor.suggest_thread_pool_size(0)?);
        let error = ReactorThread::spawn_sharing(resize).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
        error.downcast::<InvalidSize>().unwrap();

        let stopped = ThreadPool::builder().build().unwrap();
        stopped.stop();
        let share = move |reactor: &Reactor| Ok(reactor.share_thread_pool(&stopped)?);
        let error = ReactorThread::spawn_sharing(share).unwrap_err();
        error.downcast::<AlreadyStopped>().unwrap();

        let other = Reactor::new().unwrap();
        let taken = other.thread_pool();
        let install = move |reactor: &Reactor| Ok(reactor.install_thread_pool(taken)?);
        let error = ReactorThread::spawn_sharing(install).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ResourceBusy);
        let back = error.downcast::<InstallError>().unwrap().into_pool();
        assert!(back.same_pool(&other.thread_pool()));
    });
}
