//! Who runs which job, and that somebody does.

use std::sync::Arc;

use loom::thread;

use super::{Count, Gate, accounted, large_model, pool, run_through, unstarted};

/// The second job finds the worker parked, about to park, or still at work.
#[test]
fn a_parking_worker_misses_no_job() {
    loom::model(|| {
        let (pool, ran) = (pool(1), Count::default());
        pool.call_in_thread(ran.up()).unwrap();
        let second = pool.call_in_thread(ran.up()).unwrap();
        run_through(&second);
        assert_eq!(ran.get(), 2);
        pool.stop();
        assert_eq!(pool.stats().threads, 0);
    });
}

/// Jobs that wait for other jobs: each submission must get a worker of its own.
#[test]
fn a_job_may_wait_for_a_later_one() {
    loom::model(|| {
        let (pool, gate) = (pool(2), Gate::new());
        let waits = Arc::clone(&gate);
        let first = pool.call_in_thread(move || waits.pass()).unwrap();
        pool.call_in_thread(move || gate.open()).unwrap();
        run_through(&first);
        pool.stop();
        assert_eq!(pool.stats().completed, 2);
    });
}

/// The same with workers that are idle, or not quite: the wake is passed on before the worker is
/// lost in its job.
fn idle_workers_and_jobs_that_need_each_other(waiting_first: bool) {
    large_model(move || {
        let pool = pool(2);
        // One that meets another, so that there are two workers.
        let (here, there) = (Gate::new(), Gate::new());
        let (opens, waits) = (Arc::clone(&here), Arc::clone(&there));
        let meets = move || {
            opens.open();
            waits.pass();
        };
        pool.call_in_thread(meets).unwrap();
        pool.call_in_thread(move || there.open()).unwrap();
        here.pass();
        let gate = Gate::new();
        let waits = Arc::clone(&gate);
        let (waits, opens) = (move || waits.pass(), move || gate.open());
        let waits = if waiting_first {
            let waits = pool.call_in_thread(waits).unwrap();
            pool.call_in_thread(opens).unwrap();
            waits
        } else {
            pool.call_in_thread(opens).unwrap();
            pool.call_in_thread(waits).unwrap()
        };
        run_through(&waits);
        pool.stop();
        assert_eq!(pool.stats().completed, 4);
    });
}

#[test]
fn a_wake_is_passed_on_from_the_job_that_waits() {
    idle_workers_and_jobs_that_need_each_other(true);
}

#[test]
fn a_wake_is_passed_on_from_the_job_that_is_waited_for() {
    idle_workers_and_jobs_that_need_each_other(false);
}

/// The same from inside: a job submits what it then waits for, while both workers may be idle.
#[test]
fn a_job_may_wait_for_one_that_it_submits() {
    loom::model(|| {
        let pool = pool(2);
        let inner = pool.clone();
        let over = Gate::new();
        let tell = Arc::clone(&over);
        let outer = move || {
            let gate = Gate::new();
            let opens = Arc::clone(&gate);
            inner.call_in_thread(move || opens.open()).unwrap();
            gate.pass();
            tell.open();
        };
        pool.call_in_thread(outer).unwrap();
        over.pass();
        pool.stop();
        assert_eq!(pool.stats().completed, 2);
    });
}

/// I2, I8: two workers take three jobs out of two batches, each once and in order; the first
/// cannot end before the last has been run.
#[test]
fn two_workers_go_from_one_batch_to_the_next() {
    loom::model(|| {
        let (pool, gate) = (unstarted(2), Gate::new());
        let counts = [(); 3].map(|()| Count::default());
        let [first, second, third] = counts.each_ref().map(Count::up);
        let waits = Arc::clone(&gate);
        let waits = move || {
            first();
            waits.pass();
        };
        let opens = move || {
            third();
            gate.open();
        };
        let first = pool.call_in_thread(waits).unwrap();
        pool.call_in_thread(second).unwrap();
        pool.call_in_thread(opens).unwrap();
        pool.start().unwrap();
        run_through(&first);
        pool.stop();
        assert_eq!(counts.each_ref().map(Count::get), [1; 3]);
        assert_eq!(pool.stats().completed, 3);
    });
}

/// The same with jobs that come in while the batches are being used up.
#[test]
fn two_workers_and_jobs_that_come_in() {
    loom::model(|| {
        let pool = unstarted(2);
        let counts = [(); 3].map(|()| Count::default());
        let [first, second, third] = counts.each_ref().map(Count::up);
        pool.call_in_thread(first).unwrap();
        pool.call_in_thread(second).unwrap();
        pool.start().unwrap();
        let third = pool.call_in_thread(third).unwrap();
        run_through(&third);
        pool.stop();
        assert_eq!(counts.each_ref().map(Count::get), [1; 3]);
    });
}

/// Two submitters never claim the same worker.
#[test]
fn two_submitters_at_once() {
    loom::model(|| {
        let (pool, ran) = (pool(1), Count::default());
        let (other, counts) = (pool.clone(), ran.up());
        let submitter = thread::spawn(move || other.call_in_thread(counts).unwrap());
        let own = pool.call_in_thread(ran.up()).unwrap();
        let other = submitter.join().unwrap();
        run_through(&own);
        run_through(&other);
        pool.stop();
        assert_eq!(ran.get(), 2);
    });
}

/// W19: a snapshot holds the claims for a moment. No job is lost by that or run twice, and each is
/// in one number of the snapshot.
#[test]
fn a_snapshot_against_workers_that_claim() {
    loom::model(|| {
        let pool = unstarted(2);
        let counts = [(); 3].map(|()| Count::default());
        let jobs = counts.each_ref().map(|count| pool.call_in_thread(count.up()).unwrap());
        pool.start().unwrap();
        assert_eq!(accounted(&pool.stats()), 3);
        run_through(&jobs[2]);
        pool.stop();
        assert_eq!(counts.each_ref().map(Count::get), [1; 3]);
        assert_eq!(pool.stats().completed, 3);
    });
}

/// Who comes in vain because of a snapshot sleeps for no longer than the snapshot takes: the job
/// that others wait for is run.
#[test]
fn a_snapshot_puts_no_worker_to_sleep() {
    loom::model(|| {
        let (pool, over) = (unstarted(1), Gate::new());
        pool.call_in_thread(|| ()).unwrap();
        let opens = Arc::clone(&over);
        pool.call_in_thread(move || opens.open()).unwrap();
        pool.start().unwrap();
        // What the first has held it lets go of as it was.
        assert_eq!(accounted(&pool.stats()), 2);
        assert_eq!(accounted(&pool.stats()), 2);
        over.pass();
        pool.stop();
    });
}
