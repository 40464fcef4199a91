//! Threads that are added and let go.

use std::sync::Arc;

use super::{Count, Gate, accounted, large_model, pool, run_through, unstarted};

/// Raising the maximum against a worker that falls idle: the waiting job runs once.
#[test]
fn a_resize_against_a_worker_that_falls_idle() {
    loom::model(|| {
        let (pool, ran) = (pool(1), Count::default());
        pool.call_in_thread(ran.up()).unwrap();
        let second = pool.call_in_thread(ran.up()).unwrap();
        pool.adjust_pool_size(1, 2).unwrap();
        run_through(&second);
        pool.stop();
        assert_eq!(ran.get(), 2);
    });
}

/// W8: it releases a job that waits for one behind it in the same batch.
#[test]
fn a_resize_releases_a_wedge() {
    loom::model(|| {
        let (pool, gate) = (unstarted(1), Gate::new());
        let waits = Arc::clone(&gate);
        let first = pool.call_in_thread(move || waits.pass()).unwrap();
        pool.call_in_thread(move || gate.open()).unwrap();
        pool.start().unwrap();
        pool.adjust_pool_size(1, 2).unwrap();
        run_through(&first);
        pool.stop();
        assert_eq!(pool.stats().completed, 2);
    });
}

/// Lowering it while two workers take jobs out of batches: none is lost with the one that ends.
#[test]
fn a_worker_ends_against_claims() {
    loom::model(|| {
        let pool = unstarted(2);
        let counts = [(); 3].map(|()| Count::default());
        let jobs = counts.each_ref().map(|count| pool.call_in_thread(count.up()).unwrap());
        pool.start().unwrap();
        pool.adjust_pool_size(1, 1).unwrap();
        run_through(&jobs[2]);
        pool.stop();
        assert_eq!(counts.each_ref().map(Count::get), [1; 3]);
        let stats = pool.stats();
        assert_eq!((accounted(&stats), stats.completed, stats.threads), (3, 3, 0));
    });
}

/// The one that ends may be the one that was woken for a job: another comes for it.
#[test]
fn a_woken_worker_ends_against_the_job_that_it_was_woken_for() {
    large_model(|| {
        let pool = pool(2);
        let (here, there) = (Gate::new(), Gate::new());
        let (opens, waits, other) = (Arc::clone(&here), Arc::clone(&there), Arc::clone(&there));
        let meets = move || {
            opens.open();
            waits.pass();
        };
        pool.call_in_thread(meets).unwrap();
        pool.call_in_thread(move || other.open()).unwrap();
        here.pass();
        there.pass();
        // Now there are two workers, and one of them is idle before long.
        let last = pool.call_in_thread(|| ()).unwrap();
        pool.adjust_pool_size(1, 1).unwrap();
        run_through(&last);
        pool.stop();
        assert_eq!(pool.stats().completed, 3);
    });
}

/// Down and up again: a worker that was one too many may be needed when it comes to see.
#[test]
fn a_size_that_goes_down_and_up() {
    large_model(|| {
        let (pool, gate) = (unstarted(2), Gate::new());
        let waits = Arc::clone(&gate);
        let first = pool.call_in_thread(move || waits.pass()).unwrap();
        pool.call_in_thread(move || gate.open()).unwrap();
        pool.start().unwrap();
        pool.adjust_pool_size(1, 1).unwrap();
        pool.adjust_pool_size(1, 2).unwrap();
        run_through(&first);
        pool.stop();
        assert_eq!(pool.stats().completed, 2);
    });
}
