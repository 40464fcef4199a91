//! Submitters that wait for room.

use std::sync::Arc;

use loom::thread;

use super::{Count, Gate, builder, large_model, run_through};
use crate::{SubmitErrorKind, ThreadPool, blocking};

/// A pool of one thread, not started, whose queue is full as long as one job waits in it.
fn bounded() -> ThreadPool {
    builder(1).queue_limit(1).build().unwrap()
}

/// `before` jobs, and one that ends only when the submitter has come in: there is room for it from
/// the moment at which that one begins.
fn a_submitter_against_room(before: usize) {
    loom::model(move || {
        let (pool, gate, ran) = (bounded(), Gate::new(), Count::default());
        for _ in 0..before {
            pool.call_in_thread(ran.up()).unwrap();
        }
        let waits = Arc::clone(&gate);
        pool.call_in_thread(move || waits.pass()).unwrap();
        pool.start().unwrap();
        let last = pool.call_in_thread_when_room(ran.up()).unwrap();
        gate.open();
        run_through(&last);
        pool.stop();
        assert_eq!(ran.get(), before + 1);
    });
}

/// W7: the worker makes room by a claim without the lock.
#[test]
fn a_submitter_against_room_in_a_batch() {
    a_submitter_against_room(1);
}

/// W7: the worker makes room by the next batch.
#[test]
fn a_submitter_against_room_behind_a_batch() {
    a_submitter_against_room(2);
}

/// Whoever comes in first, the other one comes in after it.
#[test]
fn two_submitters_against_room() {
    large_model(|| {
        let (pool, ran) = (bounded(), Count::default());
        pool.call_in_thread(ran.up()).unwrap();
        pool.call_in_thread(ran.up()).unwrap();
        pool.start().unwrap();
        let (other, counts) = (pool.clone(), ran.up());
        let other = thread::spawn(move || other.call_in_thread_when_room(counts).unwrap());
        let own = pool.call_in_thread_when_room(ran.up()).unwrap();
        let other = other.join().unwrap();
        run_through(&own);
        run_through(&other);
        pool.stop();
        assert_eq!(ran.get(), 4);
    });
}

/// A job that is cancelled makes room, be it in the batch or behind it.
#[test]
fn a_submitter_against_a_cancellation() {
    loom::model(|| {
        let (pool, gate, ran) = (bounded(), Gate::new(), Count::default());
        let waits = Arc::clone(&gate);
        pool.call_in_thread(move || waits.pass()).unwrap();
        let unwanted = pool.call_in_thread(ran.up()).unwrap();
        pool.start().unwrap();
        let canceller = thread::spawn(move || unwanted.cancel());
        pool.call_in_thread_when_room(ran.up()).unwrap();
        gate.open();
        assert!(canceller.join().unwrap(), "the worker was in the job before it");
        pool.stop();
        assert_eq!((ran.get(), pool.stats().completed), (1, 2));
    });
}

/// With a limit of 0 there is room when the worker falls idle.
#[test]
fn a_submitter_against_a_worker_that_falls_idle() {
    loom::model(|| {
        let (pool, ran) = (builder(1).queue_limit(0).build().unwrap(), Count::default());
        pool.start().unwrap();
        pool.call_in_thread(ran.up()).unwrap();
        pool.call_in_thread_when_room(ran.up()).unwrap();
        pool.stop();
        assert_eq!(ran.get(), 2);
    });
}

/// W6, W7: or when it blocks, since another will be there in its place.
#[test]
fn a_submitter_against_a_worker_that_blocks() {
    loom::model(|| {
        let (pool, gate) = (builder(1).queue_limit(0).build().unwrap(), Gate::new());
        pool.start().unwrap();
        let waits = Arc::clone(&gate);
        pool.call_in_thread(move || blocking(|| waits.pass())).unwrap();
        let opens = pool.call_in_thread_when_room(move || gate.open()).unwrap();
        run_through(&opens);
        pool.stop();
        assert_eq!(pool.stats().completed, 2);
    });
}

/// Or when the pool is started.
#[test]
fn a_submitter_against_the_start() {
    loom::model(|| {
        let (pool, ran) = (builder(1).queue_limit(0).build().unwrap(), Count::default());
        let (other, counts) = (pool.clone(), ran.up());
        let submitter =
            thread::spawn(move || drop(other.call_in_thread_when_room(counts).unwrap()));
        pool.start().unwrap();
        submitter.join().unwrap();
        pool.stop();
        assert_eq!(ran.get(), 1);
    });
}

/// The stop wakes those who wait, and a job that is refused comes back.
#[test]
fn a_submitter_against_the_stop() {
    loom::model(|| {
        let (pool, ran) = (bounded(), Count::default());
        pool.call_in_thread(ran.up()).unwrap();
        let (other, counts) = (pool.clone(), ran.up());
        let submitter = thread::spawn(move || match other.call_in_thread_when_room(counts) {
            Ok(_) => false,
            Err(error) => {
                assert_eq!(error.kind(), SubmitErrorKind::Stopped);
                error.into_inner()();
                true
            }
        });
        drop(pool.stop_now());
        assert!(submitter.join().unwrap(), "there never was room");
        assert_eq!(ran.get(), 1);
        assert_eq!((pool.stats().returned, pool.stats().rejected), (1, 1));
    });
}
