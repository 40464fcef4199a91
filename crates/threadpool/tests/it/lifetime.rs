//! Where a pool is in its life, references that do not keep it, and errors that travel.

use std::cell::Cell;
use std::error::Error;
use std::io;
use std::panic::UnwindSafe;
use std::sync::mpsc::channel;
use std::sync::{Arc, OnceLock};

use ropewalk_testing::{DEADLINE, within};
use ropewalk_threadpool::{
    AlreadyStopped, BuildError, InvalidSize, JobHandle, PoolState, SubmitError, SubmitErrorKind,
    ThreadPool, WeakPool,
};

use crate::gate::{Blocker, started};

#[test]
fn w19_the_state_only_moves_forward() {
    within(DEADLINE, || {
        let pool = ThreadPool::builder().build().unwrap();
        assert_eq!(pool.state(), PoolState::New);
        pool.call_in_thread(|| ()).unwrap().cancel();
        assert!(pool.report().to_string().contains("not started; 0 threads"));
        pool.start().unwrap();
        assert_eq!(pool.state(), PoolState::Running);
        let blocker = Blocker::on(&pool);
        pool.close(|| ());
        assert_eq!(pool.state(), PoolState::Draining);
        assert!(pool.report().to_string().contains("draining; 1 thread ("));
        blocker.release();
        pool.stop();
        assert_eq!(pool.state(), PoolState::Stopped);
        assert!(format!("{pool:?}").contains("Stopped"));
        // One that never started, with a job that only a worker could have drained.
        let pool = ThreadPool::builder().build().unwrap();
        drop(pool.stop_now());
        assert_eq!(pool.state(), PoolState::Stopped);
    });
}

#[test]
fn i2_a_weak_pool_keeps_nothing() {
    within(DEADLINE, || {
        let own = Arc::new(OnceLock::<WeakPool>::new());
        let hook_owns = Arc::clone(&own);
        let captured = Arc::new(());
        let weak_captured = Arc::downgrade(&captured);
        let builder = ThreadPool::builder().on_stall(move |_| {
            let _held = (&hook_owns, &captured);
        });
        let pool = builder.build().unwrap();
        own.set(pool.downgrade()).unwrap();
        pool.start().unwrap();
        assert_eq!(own.get().unwrap().upgrade().unwrap().name(), pool.name());
        let job = pool.call_in_thread(|| ()).unwrap();
        job.wait().unwrap();
        pool.stop();
        drop((pool, job));
        assert!(own.get().unwrap().upgrade().is_none());
        assert!(weak_captured.upgrade().is_none(), "the pool is gone, and its hook with it");
        assert!(WeakPool::default().upgrade().is_none());
    });
}

#[test]
fn a_kind_of_refusal_can_be_shown_and_the_error_says_what_to_do() {
    let pool = ThreadPool::builder().queue_limit(0).build().unwrap();
    for kind in [SubmitErrorKind::Full, SubmitErrorKind::Stopped] {
        let refused = pool.try_call_in_thread(|| ()).unwrap_err();
        assert_eq!(refused.kind(), kind);
        let (kind, text) = (format!("{kind:>40}"), refused.to_string());
        assert_eq!(kind.len(), 40, "as wide as asked for");
        assert!(text.starts_with(&format!("{}: ", kind.trim_start())), "{text}");
        pool.stop();
    }
}

#[test]
fn i2_a_refused_job_that_is_not_sync_passes_through_any_boxed_error() {
    fn submit(pool: &ThreadPool) -> Result<(), Box<dyn Error + Send + Sync>> {
        let (sender, receiver) = channel::<()>();
        let cell = Cell::new(1);
        pool.call_in_thread(move || drop((sender, cell)))?;
        pool.call_in_thread(move || drop(receiver)).map_err(SubmitError::without_job)?;
        Ok(())
    }
    let pool = started(0, 1);
    submit(&pool).unwrap();
    pool.stop();
    let refused = submit(&pool).unwrap_err();
    assert!(refused.to_string().contains("the pool is stopped"), "{refused}");
    let refused = pool.call_in_thread(|| ()).map_err(SubmitError::without_job).unwrap_err();
    let boxed: Box<dyn Error + Send + Sync> = Box::new(refused);
    assert!(boxed.downcast_ref::<SubmitError<()>>().is_some());
}

#[test]
fn handles_pass_through_catch_unwind() {
    fn passes<T: UnwindSafe>() {}
    passes::<ThreadPool>();
    passes::<JobHandle>();
    passes::<&ThreadPool>();
    passes::<&JobHandle>();
    passes::<WeakPool>();
    passes::<&WeakPool>();
    passes::<SubmitError<fn()>>();
    passes::<&SubmitError<Cell<u32>>>();
}

#[test]
fn two_references_to_one_pool_know_it() {
    let (pool, other) = (started(0, 1), started(0, 1));
    assert!(pool.same_pool(&pool.clone()));
    assert!(!pool.same_pool(&other));
    let weak = pool.downgrade();
    assert!(weak.same_pool(&pool.downgrade()));
    assert!(!weak.same_pool(&other.downgrade()));
    drop(pool);
    assert!(weak.same_pool(&weak.clone()), "also when it is gone");
}

#[test]
fn the_errors_of_making_a_pool_pass_through_io_results() {
    fn build(name: &str, max: usize) -> io::Result<ThreadPool> {
        Ok(ThreadPool::builder().name(name).max_threads(max).build()?)
    }
    fn resize_and_start(pool: &ThreadPool, max: usize) -> io::Result<()> {
        pool.set_max_threads(max)?;
        Ok(pool.start()?)
    }
    for (name, max) in [("a\0b", 1), ("ab", 0)] {
        let error = build(name, max).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
        error.downcast::<BuildError>().unwrap();
    }
    let pool = build("ab", 1).unwrap();
    let error = resize_and_start(&pool, 0).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
    assert!(error.get_ref().unwrap().is::<InvalidSize>());
    pool.stop();
    let error = resize_and_start(&pool, 2).unwrap_err();
    assert_eq!(error.to_string(), AlreadyStopped::default().to_string());
    error.downcast::<AlreadyStopped>().unwrap();
}
