//! Foreign threads that hand in jobs while the reactor thread replaces the pool a thousand times (I2).

use crate::support::{Place, foreign, peek, taken};
use ropewalk_reactor::{Reactor, ReactorHandle};
use ropewalk_testing::{DEADLINE, within};
use ropewalk_threadpool::{ThreadPool, WeakPool};
use ropewalk_threads::{HandleThreads as _, ReactorThreads as _};
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;

const SUBMITTERS: usize = 4;
const REPLACED: u32 = 1000;

/// What the reactor thread keeps.
#[derive(Default)]
struct Kept {
    pools: Vec<WeakPool>,
    results: Vec<(u32, Place<u32>)>,
}

fn pool(n: u32) -> ThreadPool {
    ThreadPool::builder().name(format!("pool{n}")).max_threads(1 + n as usize % 3).build().unwrap()
}

/// Replaces the pool once, and again in a later turn; each time something is owed by the one before.
fn replace(reactor: &Reactor, n: u32, kept: Rc<RefCell<Kept>>, over: Arc<AtomicBool>) {
    if n == REPLACED {
        over.store(true, Ordering::SeqCst);
        return;
    }
    let result = (n, peek(reactor.defer_to_thread(move || Ok(n))));
    let next = pool(n);
    kept.borrow_mut().pools.push(next.downgrade());
    kept.borrow_mut().results.push(result);
    reactor.install_thread_pool(next).unwrap();
    reactor.call_soon(move |reactor| replace(reactor, n + 1, kept, over));
}

/// Hands in jobs until the pool is not replaced any more; the counts of how often each has run.
fn submit(handle: &ReactorHandle, over: &AtomicBool) -> Vec<Arc<AtomicU32>> {
    let mut counts = Vec::new();
    while !over.load(Ordering::SeqCst) {
        let count = Arc::<AtomicU32>::default();
        let ran = Arc::clone(&count);
        let job = move || {
            ran.fetch_add(1, Ordering::SeqCst);
        };
        // Refused would be: the reactor has stopped. It has not.
        let job = handle.call_in_thread(job).unwrap();
        counts.push(count);
        if counts.len() % 50 == 0 {
            // Wherever the job is, it comes to its end.
            job.wait().unwrap();
            handle.suggest_thread_pool_size(1 + counts.len() % 4).unwrap();
        }
    }
    counts
}

#[test]
fn i2_each_job_runs_once_while_the_pool_is_replaced_a_thousand_times() {
    within(DEADLINE, || {
        let reactor = Reactor::new().unwrap();
        let (over, kept) = (Arc::<AtomicBool>::default(), Rc::<RefCell<Kept>>::default());
        let begin = (Rc::clone(&kept), Arc::clone(&over));
        reactor.call_when_running(|reactor| replace(reactor, 0, begin.0, begin.1));
        let threads: Vec<_> = (0..SUBMITTERS)
            .map(|_| {
                let (handle, over) = (reactor.handle(), Arc::clone(&over));
                foreign(move || submit(&handle, &over))
            })
            .collect();
        let handle = reactor.handle();
        let all = foreign(move || {
            let counts: Vec<_> = threads.into_iter().map(|it| it.join().unwrap()).collect();
            handle.stop();
            counts
        });
        reactor.run().unwrap();
        assert_eq!(reactor.stats().panics, 0);
        // Drained: what was accepted has run when `run` returns, in whatever pool.
        let counts: Vec<_> = all.join().unwrap().into_iter().flatten().collect();
        assert!(counts.iter().all(|count| count.load(Ordering::SeqCst) == 1));
        let Kept { pools, results } = kept.take();
        assert!(results.iter().all(|(n, place)| taken(place).unwrap() == *n));
        assert_eq!((pools.len(), results.len()), (REPLACED as usize, REPLACED as usize));
        // Each of them ends: a worker that is on its way out may be the last to know.
        drop(reactor);
        while pools.iter().any(|pool| pool.upgrade().is_some()) {
            thread::yield_now();
        }
    });
}
