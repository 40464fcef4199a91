//! Workers that wait for a reactor: the pool makes up for them (W6).
//!
//! In a pool of one thread, which is on the job that waits, what it waits for runs only if that
//! thread is made up for.

use crate::support::run_for;
use ropewalk_deferred::{Deferred, TimedOut};
use ropewalk_reactor::{Reactor, ReactorHandle};
use ropewalk_testing::{DEADLINE, within};
use ropewalk_threadpool::{PoolStats, ThreadPool};
use ropewalk_threads::{HandleThreads as _, ReactorThread, ReactorThreads as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;

fn single() -> ThreadPool {
    ThreadPool::builder().name("single").max_threads(1).build().unwrap()
}

/// What a job waits for: the numbers of the pool, from a further job of it.
fn ask(pool: &ThreadPool) -> impl FnOnce(&Reactor) -> Deferred<PoolStats> + Send + 'static {
    let pool = pool.clone();
    move |reactor| {
        let counted = pool.clone();
        reactor.defer_to_thread_pool(&pool, move || Ok(counted.stats()))
    }
}

/// Runs `job` in a reactor's pool of one thread; it waits for a further job of that pool.
fn wait_in_the_pool(
    job: impl FnOnce(ReactorHandle, ThreadPool) -> ropewalk_deferred::Result<PoolStats> + Send + 'static,
) {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let pool = single();
        reactor.install_thread_pool(pool.clone()).unwrap();
        let (handle, own) = (reactor.handle(), pool.clone());
        let inside = run_for(&reactor, reactor.defer_to_thread(move || job(handle, own))).unwrap();
        assert_eq!((inside.threads, inside.busy, inside.blocked), (2, 2, 1));
        pool.stop();
        let after = pool.stats();
        assert_eq!((after.threads, after.blocked, after.completed), (0, 0, 2));
    });
}

/// W6, Twisted #5298: a job that makes a blocking call whose `Deferred` is that of another job.
#[test]
fn w6_a_blocking_call_for_a_job_of_the_same_pool_of_one() {
    wait_in_the_pool(|handle, pool| handle.blocking_call_from_thread(ask(&pool)));
}

#[test]
fn w6_a_blocking_call_with_a_time_limit() {
    wait_in_the_pool(|handle, pool| handle.blocking_call_from_thread_timeout(DEADLINE, ask(&pool)));
}

#[test]
fn w6_an_answer_that_is_waited_for_later() {
    wait_in_the_pool(|handle, pool| handle.eventually(ask(&pool)).wait());
    wait_in_the_pool(|handle, pool| {
        let answer = handle.eventually(ask(&pool)).wait_timeout(DEADLINE);
        answer.unwrap_or_else(|_| Err(TimedOut.into()))
    });
}

/// W6: twenty jobs, each waiting for one that waits for one, in a pool of one thread.
#[test]
fn w6_blocking_calls_inside_of_jobs_that_others_wait_for() {
    fn descend(handle: &ReactorHandle, depth: u32) -> ropewalk_deferred::Result<u32> {
        if depth == 0 {
            return Ok(0);
        }
        let own = handle.clone();
        let below = handle.blocking_call_from_thread(move |reactor| {
            reactor.defer_to_thread(move || descend(&own, depth - 1))
        })?;
        Ok(below + 1)
    }
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        reactor.install_thread_pool(single()).unwrap();
        let handle = reactor.handle();
        let depth = reactor.defer_to_thread(move || descend(&handle, 20));
        assert_eq!(run_for(&reactor, depth).unwrap(), 20);
    });
}

/// An answer that is there is taken; a thread for the time of that would be one for nothing.
#[test]
fn an_answer_that_has_come_needs_no_further_thread() {
    within(DEADLINE, || {
        let reactor = ReactorThread::spawn().unwrap();
        let answers = [(); 2].map(|()| reactor.handle().eventually(|_| Ok(3)));
        // Calls run in order: when this one is answered, so are those before.
        reactor.handle().blocking_call_from_thread(|_| ()).unwrap();
        let threads = Arc::new(AtomicUsize::new(0));
        let started = Arc::clone(&threads);
        let builder = ThreadPool::builder().max_threads(1).on_thread_start(move || {
            started.fetch_add(1, Ordering::SeqCst);
        });
        let pool = builder.build().unwrap();
        let [first, second] = answers;
        pool.call_in_thread(move || {
            assert_eq!(first.wait().unwrap(), 3);
            assert_eq!(second.wait_timeout(DEADLINE).unwrap().unwrap(), 3);
        })
        .unwrap();
        // It waits behind the first, and would be the reason for another thread.
        pool.call_in_thread(|| ()).unwrap();
        pool.start().unwrap();
        pool.stop();
        assert_eq!((pool.stats().completed, threads.load(Ordering::SeqCst)), (2, 1));
    });
}

/// Twisted's way, for a pool of one thread whose jobs must not meet: what waits is not made up for.
#[test]
fn a_pool_without_spare_threads_runs_one_job_at_a_time() {
    within(DEADLINE, || {
        let reactor = ReactorThread::spawn().unwrap();
        let pool = ThreadPool::builder().max_threads(1).max_spare_threads(0).build().unwrap();
        let (handle, own) = (reactor.handle().clone(), pool.clone());
        let (sender, receiver) = channel();
        pool.call_in_thread(move || {
            let inside = handle.blocking_call_from_thread(move |_| Ok(own.stats()));
            sender.send(inside.unwrap()).unwrap();
        })
        .unwrap();
        pool.call_in_thread(|| ()).unwrap();
        pool.start().unwrap();
        let inside = receiver.recv().unwrap();
        assert_eq!((inside.threads, inside.busy, inside.queued), (1, 1, 1));
        pool.stop();
    });
}

/// The shutdown of the reactor waits for a job in the pool, a worker of that pool for the reactor.
#[test]
fn w6_a_worker_that_joins_or_drops_a_reactor_thread_of_others() {
    within(DEADLINE, || {
        for join in [true, false] {
            let pool = single();
            pool.start().unwrap();
            let own = pool.clone();
            let job = pool.call_in_thread(move || {
                let reactor = ReactorThread::spawn().unwrap();
                let owed = move |reactor: &Reactor| {
                    reactor.defer_to_thread_pool(&own, || ()).detach();
                };
                reactor.handle().call_from_thread(owed).unwrap();
                if join {
                    reactor.join().unwrap();
                }
            });
            job.unwrap().wait().unwrap();
            pool.stop();
            assert_eq!((pool.stats().completed, pool.stats().panicked), (2, 0));
        }
    });
}

/// The reactor is made by a closure that needs the pool.
#[test]
fn w6_a_worker_that_waits_for_a_reactor_to_be_made() {
    within(DEADLINE, || {
        let pool = single();
        pool.start().unwrap();
        let own = pool.clone();
        let job = pool.call_in_thread(move || {
            let made = ReactorThread::spawn_with(move || {
                own.call_in_thread(|| ()).unwrap().wait().unwrap();
                Reactor::new()
            });
            made.unwrap().join().unwrap();
        });
        job.unwrap().wait().unwrap();
        pool.stop();
        assert_eq!((pool.stats().completed, pool.stats().panicked), (2, 0));
    });
}
