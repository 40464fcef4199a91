//! Subscribers that panic: an event must not break off what it tells of (I3).

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use ropewalk_testing::{DEADLINE, within};
use ropewalk_threadpool::{Builder, JobState, SubmitErrorKind, ThreadPool};

use crate::gate::Blocker;
use crate::log;

/// A pool of whose name the subscriber panics, so that none of its events is told.
fn unloggable(name: &str) -> Builder {
    log::keep();
    ThreadPool::builder().name(format!("{name}-{}", log::UNLOGGABLE))
}

/// Has a job run, and tells of it.
fn tell_that_it_runs(pool: &ThreadPool) -> Receiver<()> {
    let (sender, receiver) = channel();
    pool.call_in_thread(move || sender.send(()).unwrap()).unwrap();
    receiver
}

#[test]
fn i3_a_worker_outlives_the_report_of_its_hook() {
    within(DEADLINE, || {
        let builder = unloggable("hook").min_threads(1).max_threads(1);
        let builder = builder.on_thread_start(|| panic!("a start hook"));
        let pool = builder.on_thread_stop(|| panic!("a stop hook")).build().unwrap();
        pool.start().unwrap();
        tell_that_it_runs(&pool).recv().unwrap();
        pool.stop();
        assert_eq!((pool.stats().threads, pool.stats().completed), (0, 1));
    });
}

#[test]
fn w6_i3_the_watch_outlives_the_report_of_a_stall() {
    within(DEADLINE, || {
        let (sender, stalled) = channel();
        let builder = unloggable("stall").min_threads(1).max_threads(1);
        let builder = builder.grow_after(Duration::from_millis(1));
        let builder = builder.stall_after(Duration::from_millis(1)).on_stall(move |_| {
            sender.send(()).unwrap();
            panic!("a stall hook");
        });
        let pool = builder.build().unwrap();
        pool.start().unwrap();
        let first = Blocker::on(&pool);
        let waiting = tell_that_it_runs(&pool);
        stalled.recv().unwrap();
        // The watch is needed for each further thread.
        pool.set_max_threads(3).unwrap();
        waiting.recv().unwrap();
        let second = Blocker::on(&pool);
        tell_that_it_runs(&pool).recv().unwrap();
        first.release();
        second.release();
        pool.stop();
    });
}

#[test]
fn w21_i3_a_refused_thread_is_an_error_all_the_same() {
    within(DEADLINE, || {
        let allowed = Arc::new(AtomicBool::new(false));
        let gate = Arc::clone(&allowed);
        let builder = unloggable("refused").min_threads(0).max_threads(1);
        let builder = builder.thread_gate(move || {
            let refusal = || io::Error::from(io::ErrorKind::WouldBlock);
            gate.load(Ordering::SeqCst).then_some(()).ok_or_else(refusal)
        });
        let pool = builder.build().unwrap();
        pool.start().unwrap();
        let (sender, receiver) = channel();
        let refused = pool.call_in_thread(move || sender.send(7).unwrap()).unwrap_err();
        assert_eq!(refused.kind(), SubmitErrorKind::NoThread);
        allowed.store(true, Ordering::SeqCst);
        pool.call_in_thread(refused.into_inner()).unwrap();
        assert_eq!(receiver.recv().unwrap(), 7);
        pool.stop();
        let refused = pool.call_in_thread(|| ()).unwrap_err();
        assert_eq!(refused.kind(), SubmitErrorKind::Stopped);
    });
}

#[test]
fn i3_all_are_told_that_the_pool_is_drained() {
    within(DEADLINE, || {
        let pool = unloggable("drained").build().unwrap();
        pool.start().unwrap();
        let blocker = Blocker::on(&pool);
        let (sender, receiver) = channel();
        for number in 0..3 {
            let sender = sender.clone();
            pool.close(move || {
                sender.send(number).unwrap();
                panic!("what is to be called when the pool is drained");
            });
        }
        blocker.release();
        assert_eq!(receiver.iter().take(3).collect::<Vec<_>>(), [0, 1, 2]);
        pool.stop();
        assert_eq!(pool.stats().threads, 0);
    });
}

#[test]
fn i3_jobs_that_are_dropped_with_their_pool_have_an_end() {
    /// Panics as it is dropped.
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("the drop of what a job has captured");
        }
    }
    within(DEADLINE, || {
        let pool = unloggable("dropped").build().unwrap();
        let jobs = [(); 2].map(|()| {
            let bomb = Bomb;
            pool.call_in_thread(move || drop(bomb)).unwrap()
        });
        drop(pool);
        assert!(jobs.iter().all(|job| job.wait() == Ok(JobState::Cancelled)));
    });
}
