//! Jobs that hand over what came out of them, and what is submitted for it.

use std::sync::Arc;

use loom::thread;

use super::{Count, Gate, large_model, pool, run_through};
use crate::{JobHandle, ThreadPool};

/// A job that hands over by opening a gate.
fn opens(pool: &ThreadPool, gate: &Arc<Gate>) -> JobHandle {
    let gate = Arc::clone(gate);
    let hand_over = move |_| {
        gate.open();
        Ok::<(), ()>(())
    };
    pool.try_call_in_thread_handing_over::<(), _, _, _, _>(hand_over, || ()).unwrap()
}

/// The worker is still at its handing over, on the way to the queue, or asleep.
#[test]
fn what_is_submitted_for_a_result_is_run() {
    loom::model(|| {
        let (pool, ran, gate) = (pool(1), Count::default(), Gate::new());
        opens(&pool, &gate);
        gate.pass();
        run_through(&pool.call_in_thread(ran.up()).unwrap());
        assert_eq!(ran.get(), 1);
        pool.stop();
    });
}

/// The worker that was counted on is lost in the first of them: the second one needs the other.
#[test]
fn two_that_are_submitted_for_a_result_may_need_each_other() {
    large_model(|| {
        let (pool, gate, other) = (pool(2), Gate::new(), Gate::new());
        opens(&pool, &gate);
        gate.pass();
        let waits = Arc::clone(&other);
        let first = pool.call_in_thread(move || waits.pass()).unwrap();
        pool.call_in_thread(move || other.open()).unwrap();
        run_through(&first);
        pool.stop();
    });
}

/// Claims are held for a moment while the worker looks whether its job is the last.
#[test]
fn a_worker_that_saw_no_other_job_in_its_batch_is_not_waited_for() {
    large_model(|| {
        let pool = super::unstarted(2);
        let (gate, other) = (Gate::new(), Gate::new());
        opens(&pool, &gate);
        let waits = Arc::clone(&other);
        let first = pool.call_in_thread(move || waits.pass()).unwrap();
        pool.start().unwrap();
        let looks = pool.clone();
        let looking = thread::spawn(move || drop(looks.stats()));
        pool.call_in_thread(move || other.open()).unwrap();
        run_through(&first);
        looking.join().unwrap();
        pool.stop();
    });
}
