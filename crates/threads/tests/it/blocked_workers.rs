//! Workers that wait for a reactor: the pool makes up for them (W6).
//!
//! In a pool of one thread, which is on the job that waits, what it waits for runs only if that
//! thread is made up for.

use crate::support::{peek, run_for, taken};
use ropewalk_deferred::{Deferred, Outcome, TimedOut};
use ropewalk_reactor::{Phase, Reactor, ReactorHandle, ReactorStopped, SystemEvent};
use ropewalk_testing::{DEADLINE, within};
use ropewalk_threadpool::{JobState, PoolStats, SubmitError, ThreadPool};
use ropewalk_threads::{HandleThreads as _, ReactorThread, ReactorThreads as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::time::Duration;

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

/// How a job may wait for an answer.
#[derive(Clone, Copy)]
enum Way {
    Blocking,
    Limited,
    Eventually,
}

const WAYS: [Way; 3] = [Way::Blocking, Way::Limited, Way::Eventually];

fn wait_for<R>(
    handle: &ReactorHandle,
    way: Way,
    f: impl FnOnce(&Reactor) -> R + Send + 'static,
) -> ropewalk_deferred::Result<R::Value>
where
    R: Outcome<Value: Send>,
{
    match way {
        Way::Blocking => handle.blocking_call_from_thread(f),
        Way::Limited => handle.blocking_call_from_thread_timeout(DEADLINE, f),
        Way::Eventually => handle.eventually(f).wait(),
    }
}

/// W6: three jobs deep, in all orders of the ways to wait.
#[test]
fn w6_each_way_to_wait_inside_of_each_other() {
    fn descend(handle: &ReactorHandle, ways: &'static [Way]) -> ropewalk_deferred::Result<usize> {
        let Some((&way, below)) = ways.split_first() else { return Ok(0) };
        let own = handle.clone();
        let reached = wait_for(handle, way, move |reactor| {
            reactor.defer_to_thread(move || descend(&own, below))
        })?;
        Ok(reached + 1)
    }
    use Way::{Blocking as B, Eventually as E, Limited as L};
    const ORDERS: [[Way; 3]; 6] =
        [[B, L, E], [B, E, L], [L, B, E], [L, E, B], [E, B, L], [E, L, B]];
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        reactor.install_thread_pool(single()).unwrap();
        let handle = reactor.handle();
        let depths = reactor.defer_to_thread(move || {
            ORDERS.iter().map(|ways| descend(&handle, ways)).collect::<Result<Vec<_>, _>>()
        });
        assert_eq!(run_for(&reactor, depths).unwrap(), [3; 6]);
    });
}

/// W6, W1: the shutdown waits for the job, so the job must not wait for what comes no more.
#[test]
fn w6_a_worker_that_waits_in_the_shutdown_is_answered_or_told() {
    within(DEADLINE, || {
        let reactor = Reactor::builder().shutdown_deadline(Duration::MAX).build().unwrap();
        reactor.install_thread_pool(single()).unwrap();
        let private = single();
        private.start().unwrap();
        let (handle, other) = (reactor.handle(), private.clone());
        let (begun, has_begun) = channel();
        let (stops, is_stopping) = channel();
        let told = peek(reactor.defer_to_thread(move || {
            begun.send(()).unwrap();
            is_stopping.recv().unwrap();
            let told = WAYS.map(|way| {
                let plain = wait_for(&handle, way, |reactor| Ok(reactor.stopping()));
                let own = wait_for(&handle, way, |reactor| reactor.defer_to_thread(|| ()));
                let other = other.clone();
                let private = wait_for(&handle, way, move |reactor| {
                    reactor.defer_to_thread_pool(&other, || ())
                });
                [
                    plain.unwrap(),
                    // It takes no more jobs.
                    own.unwrap_err().is::<SubmitError<()>>(),
                    // This one does, but nobody waits for a deferred any more.
                    private.unwrap_err().is::<ReactorStopped>(),
                ]
            });
            Ok(told)
        }));
        reactor.add_system_event_trigger(Phase::Before, SystemEvent::Shutdown, move |_| {
            stops.send(()).unwrap();
        });
        reactor.call_when_running(move |reactor| {
            has_begun.recv().unwrap();
            reactor.stop();
        });
        reactor.run().unwrap();
        assert_eq!(taken(&told).unwrap(), [[true; 3]; 3]);
        private.stop();
        assert_eq!(private.stats().completed, 3);
    });
}

/// A pool of one thread that nothing makes up for, on a reactor of its own.
fn strict() -> (ReactorThread, ThreadPool) {
    let pool = ThreadPool::builder().max_threads(1).max_spare_threads(0).build().unwrap();
    pool.start().unwrap();
    (ReactorThread::spawn().unwrap(), pool)
}

/// What waits for a job behind itself waits in vain: not longer than its limit.
#[test]
fn w6_without_spare_threads_a_limit_ends_the_wait_for_a_job_of_the_same_pool() {
    within(DEADLINE, || {
        let (reactor, pool) = strict();
        let (handle, own) = (reactor.handle().clone(), pool.clone());
        let job = pool.call_in_thread(move || {
            let asks = move |reactor: &Reactor| reactor.defer_to_thread_pool(&own, || ());
            let short = Duration::from_millis(1);
            let told = handle.blocking_call_from_thread_timeout(short, asks);
            assert!(told.unwrap_err().is::<TimedOut>());
            // The cancellation of the other job was handed in before this.
            handle.blocking_call_from_thread(|_| ()).unwrap();
        });
        assert_eq!(job.unwrap().wait().unwrap(), JobState::Finished);
        pool.stop();
        assert_eq!((pool.stats().completed, pool.stats().cancelled), (1, 1));
        reactor.join().unwrap();
    });
}

/// As above, without a limit: not longer than the reactor runs.
#[test]
fn w6_without_spare_threads_a_stop_ends_the_wait_for_a_job_of_the_same_pool() {
    within(DEADLINE, || {
        for way in [Way::Blocking, Way::Eventually] {
            let (reactor, pool) = strict();
            let (handle, own) = (reactor.handle().clone(), pool.clone());
            let (asked, is_asked) = channel();
            let job = pool.call_in_thread(move || {
                let told = wait_for(&handle, way, move |reactor| {
                    asked.send(()).unwrap();
                    reactor.defer_to_thread_pool(&own, || ())
                });
                assert!(told.unwrap_err().is::<ReactorStopped>());
            });
            is_asked.recv().unwrap();
            // The shutdown waits for the job behind the one that waits, and gets it.
            reactor.join().unwrap();
            assert_eq!(job.unwrap().wait().unwrap(), JobState::Finished);
            pool.stop();
            assert_eq!(pool.stats().completed, 2);
        }
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
