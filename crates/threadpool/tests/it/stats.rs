//! Snapshots.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use ropewalk_testing::{DEADLINE, within};
use ropewalk_threadpool::ThreadPool;

use crate::gate::{Blocker, started, until};

#[test]
fn b15_b16_a_worker_is_busy_then_idle_and_kept() {
    within(DEADLINE, || {
        let pool = started(0, 5);
        let stats = pool.stats();
        assert_eq!((stats.threads, stats.queued, stats.oldest_wait), (0, 0, None));
        let blocker = Blocker::on(&pool);
        let stats = pool.stats();
        assert_eq!((stats.threads, stats.idle, stats.busy), (1, 0, 1));
        blocker.release();
        until(&pool, |stats| stats.busy == 0);
        let stats = pool.stats();
        assert_eq!((stats.threads, stats.idle, stats.completed), (1, 1, 1));
    });
}

#[test]
fn the_oldest_job_tells_how_long_jobs_wait() {
    let pool = ThreadPool::builder().build().unwrap();
    let first = pool.call_in_thread(|| ()).unwrap();
    let before = pool.stats().oldest_wait.unwrap();
    let second = pool.call_in_thread(|| ()).unwrap();
    assert!(pool.stats().oldest_wait.unwrap() >= before);
    assert_eq!(pool.stats().queued, 2);
    first.cancel();
    assert!(pool.stats().oldest_wait.is_some());
    second.cancel();
    let stats = pool.stats();
    assert_eq!((stats.queued, stats.oldest_wait, stats.cancelled), (0, None, 2));
}

#[test]
fn running_jobs_are_named_the_oldest_first() {
    within(DEADLINE, || {
        let pool = started(0, 2);
        assert!(pool.running_jobs().is_empty());
        let (first, second) = (Blocker::on(&pool), Blocker::on(&pool));
        let jobs = pool.running_jobs();
        let threads: Vec<&str> = jobs.iter().map(|job| &*job.thread).collect();
        assert_eq!(threads, [&*first.thread, &*second.thread]);
        assert!(jobs[0].age >= jobs[1].age);
        assert_eq!(jobs[0].location, first.handle.location());
        let over = first.handle.clone();
        first.release();
        over.wait().unwrap();
        assert_eq!(pool.running_jobs().len(), 1);
    });
}

/// W19: the numbers of one snapshot fit together, whatever goes on.
#[test]
fn i2_every_job_is_in_exactly_one_count_of_each_snapshot() {
    within(DEADLINE, || {
        let pool = started(0, 3);
        let over = Arc::new(AtomicBool::new(false));
        let (seen, ended) = (pool.clone(), Arc::clone(&over));
        let watch = move || {
            let mut last = 0;
            while !ended.load(Ordering::Acquire) {
                let stats = seen.stats();
                assert_eq!(stats.threads, stats.idle + stats.busy);
                let accepted = (stats.queued + stats.busy) as u64
                    + stats.completed
                    + stats.panicked
                    + stats.cancelled;
                assert!(accepted >= last, "a job was in no count: {stats:?}");
                last = accepted;
            }
            last
        };
        let watch = thread::Builder::new().spawn(watch).unwrap();
        let handles: Vec<_> = (0..5000).map(|_| pool.call_in_thread(|| ()).unwrap()).collect();
        let cancelled = handles.iter().filter(|handle| handle.cancel()).count() as u64;
        pool.stop();
        over.store(true, Ordering::Release);
        assert!(watch.join().unwrap() <= 5000);
        let stats = pool.stats();
        assert_eq!((stats.cancelled, stats.completed), (cancelled, 5000 - cancelled));
    });
}

#[test]
fn debug_output_shows_the_numbers() {
    let pool = ThreadPool::builder().name("shown").build().unwrap();
    let text = format!("{pool:?}");
    assert!(text.contains("shown") && text.contains("queued: 0"), "{text}");
}
