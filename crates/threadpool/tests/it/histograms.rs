//! What an exporter of numbers asks of the histograms of a pool.

use std::time::Duration;

use ropewalk_testing::{DEADLINE, within};
use ropewalk_threadpool::{Histogram, JobHandle, ThreadPool};

/// The numbers of an exporter, each of which is to be a counter.
fn counters(histogram: &Histogram) -> Vec<u128> {
    let limits = [1, 100, 10_000, 1_000_000].map(Duration::from_nanos);
    let counts = limits.map(|limit| u128::from(histogram.count_up_to(limit)));
    let all = [u128::from(histogram.count()), histogram.sum().as_nanos()];
    counts.into_iter().chain(all).collect()
}

fn assert_no_fall(earlier: &Histogram, later: &Histogram) {
    let (before, now) = (counters(earlier), counters(later));
    assert!(before.iter().zip(&now).all(|(before, now)| before <= now), "{before:?}, {now:?}");
    let between = later.since(earlier);
    assert_eq!(between.count(), later.count() - earlier.count());
    assert!(between.min() <= between.mean() && between.mean() <= between.max(), "{between:?}");
}

/// While its threads come and go and hand on what they have counted.
#[test]
fn no_counter_falls_from_one_snapshot_to_the_next() {
    within(DEADLINE, || {
        let builder = ThreadPool::builder().min_threads(0).max_threads(3);
        let pool = builder.idle_timeout(Duration::ZERO).build().unwrap();
        pool.start().unwrap();
        let mut earlier = pool.stats();
        for _ in 0..100 {
            let handles: Vec<JobHandle> =
                (0..10).map(|_| pool.call_in_thread(|| ()).unwrap()).collect();
            for handle in handles {
                handle.wait().unwrap();
                let later = pool.stats();
                assert_no_fall(&earlier.queue_wait, &later.queue_wait);
                assert_no_fall(&earlier.run_time, &later.run_time);
                earlier = later;
            }
        }
        pool.stop();
        let later = pool.stats();
        assert_no_fall(&earlier.run_time, &later.run_time);
        assert_eq!(later.run_time.count(), 1000);
    });
}

#[test]
fn a_difference_has_the_jobs_that_ran_in_between() {
    let manual = ThreadPool::manual();
    let run = |jobs: u64| {
        (0..jobs).for_each(|_| drop(manual.pool().call_in_thread(|| ()).unwrap()));
        manual.run_all();
        manual.pool().stats().run_time
    };
    let (before, after) = (run(3), run(4));
    let between = after.since(&before);
    assert_eq!((before.count(), between.count(), after.count()), (3, 4, 7));
    assert_eq!(before.sum() + between.sum(), after.sum());
    let mut all = before.clone();
    all.merge(&between);
    assert!(all.buckets().eq(after.buckets()));
    assert!(before.since(&after).is_empty());
}
