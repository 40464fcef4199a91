//! A system that gives no threads.

use std::error::Error;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;

use ropewalk_testing::{DEADLINE, within};
use ropewalk_threadpool::{JobState, SubmitErrorKind, ThreadPool};

use crate::gate::{Blocker, until};
use crate::log;

/// A pool on a system that has as many threads as the number says.
fn limited(name: &str, threads: usize) -> (ThreadPool, Arc<AtomicUsize>) {
    let left = Arc::new(AtomicUsize::new(threads));
    let gate = Arc::clone(&left);
    let builder = ThreadPool::builder().name(name).min_threads(0).max_threads(4);
    let builder = builder.thread_gate(move || {
        let taken =
            gate.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        taken.map(drop).map_err(|_| io::Error::from(io::ErrorKind::WouldBlock))
    });
    (builder.build().unwrap(), left)
}

#[test]
fn w21_with_a_worker_the_job_stays_queued_and_runs() {
    log::keep();
    within(DEADLINE, || {
        let (pool, _left) = limited("w21-one", 1);
        pool.start().unwrap();
        let blocker = Blocker::on(&pool);
        let waiting = [(); 3].map(|()| pool.call_in_thread(|| ()).unwrap());
        assert_eq!((pool.stats().threads, pool.stats().queued), (1, 3));
        // They have waited for long enough for another thread to be asked for.
        log::wait_for("WARN", &["w21-one"]);
        blocker.release();
        pool.stop();
        assert!(waiting.iter().all(|job| job.state() == JobState::Finished));
        assert_eq!(log::lines("WARN", "w21-one").len(), 1, "told once, not for each job");
    });
}

#[test]
fn a_flood_does_not_ask_the_system_for_each_job() {
    within(DEADLINE, || {
        let asked = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&asked);
        let builder = ThreadPool::builder().min_threads(0).max_threads(4);
        let builder = builder.thread_gate(move || match count.fetch_add(1, Ordering::SeqCst) {
            0 => Ok(()),
            _ => Err(io::Error::from(io::ErrorKind::WouldBlock)),
        });
        let pool = builder.build().unwrap();
        pool.start().unwrap();
        let blocker = Blocker::on(&pool);
        for _ in 0..1000 {
            pool.call_in_thread(|| ()).unwrap();
        }
        assert!(asked.load(Ordering::SeqCst) < 1000);
        blocker.release();
        pool.stop();
        assert_eq!(pool.stats().completed, 1001);
    });
}

#[test]
fn w21_without_a_worker_the_job_comes_back_with_the_reason() {
    within(DEADLINE, || {
        let (pool, left) = limited("w21-none", 0);
        pool.start().unwrap();
        let (sender, receiver) = channel();
        let refused = pool.call_in_thread(move || sender.send(7).unwrap()).unwrap_err();
        assert_eq!(refused.kind(), SubmitErrorKind::NoThread);
        let source = refused.source().and_then(|it| it.downcast_ref::<io::Error>()).unwrap();
        assert_eq!(source.kind(), io::ErrorKind::WouldBlock);
        let stats = pool.stats();
        assert_eq!((stats.rejected, stats.queued, stats.threads), (1, 0, 0));
        // When the system has threads again, the same job is welcome.
        left.store(1, Ordering::SeqCst);
        pool.call_in_thread(refused.into_inner()).unwrap();
        assert_eq!(receiver.recv().unwrap(), 7);
        pool.stop();
    });
}

#[test]
fn i2_jobs_kept_before_the_start_survive_a_refusal() {
    within(DEADLINE, || {
        let (pool, left) = limited("w21-start", 0);
        let kept = pool.call_in_thread(|| ()).unwrap();
        pool.start().unwrap();
        assert_eq!(kept.state(), JobState::Queued);
        assert_eq!(pool.call_in_thread(|| ()).unwrap_err().kind(), SubmitErrorKind::NoThread);
        left.store(1, Ordering::SeqCst);
        pool.call_in_thread(|| ()).unwrap();
        until(&pool, |stats| stats.completed == 2);
        assert_eq!(kept.state(), JobState::Finished);
    });
}

#[test]
fn w21_i2_a_further_start_asks_again() {
    within(DEADLINE, || {
        let refusals = AtomicUsize::new(1);
        let refusal = || io::Error::from(io::ErrorKind::WouldBlock);
        let builder = ThreadPool::builder().watch_gate(move || Err(refusal()));
        let builder = builder.thread_gate(move || {
            let left = refusals
                .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
            left.map_or(Ok(()), |_| Err(refusal()))
        });
        let pool = builder.build().unwrap();
        let kept = pool.call_in_thread(|| ()).unwrap();
        assert!(!pool.lacks_threads(), "not before the start");
        pool.start().unwrap();
        assert!(pool.lacks_threads());
        pool.start().unwrap();
        assert!(!pool.lacks_threads());
        assert_eq!(kept.wait(), Ok(JobState::Finished));
        pool.stop();
    });
}

#[test]
fn i2_a_stop_without_any_thread_says_what_is_lost() {
    log::keep();
    within(DEADLINE, || {
        let (pool, _left) = limited("w21-stop", 0);
        let captured = Arc::new(());
        let weak = Arc::downgrade(&captured);
        let kept = pool.call_in_thread(move || drop(captured)).unwrap();
        let (sender, receiver) = channel();
        pool.close(move || sender.send(()).unwrap());
        receiver.recv().unwrap();
        pool.stop();
        assert!(weak.upgrade().is_none());
        assert_eq!((kept.state(), pool.stats().cancelled), (JobState::Cancelled, 1));
        assert_eq!(log::lines("ERROR", "w21-stop").len(), 1);
    });
}
