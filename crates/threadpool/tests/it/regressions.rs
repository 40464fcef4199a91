//! What was once broken, each in the smallest program that showed it.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Barrier};
use std::time::Duration;

use ropewalk_testing::{DEADLINE, within};
use ropewalk_threadpool::{JobContext, StallReport, ThreadPool, blocking};

use crate::gate::{Blocker, started, until};

/// A pool of one thread that is stalled after `stall_after`.
fn watched(stall_after: Duration) -> (ThreadPool, Receiver<StallReport>) {
    let (reports, reported) = channel();
    let builder = ThreadPool::builder().min_threads(0).max_threads(1).stall_after(stall_after);
    let builder = builder.on_stall(move |report| reports.send(report.clone()).unwrap());
    (builder.build().unwrap(), reported)
}

/// Panics when it is dropped.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("the bomb goes off");
    }
}

/// While the system refused the watch, jobs that came in later were not looked after, though
/// threads could be had again.
#[test]
fn w21_without_a_watch_the_next_job_sees_to_a_thread() {
    within(DEADLINE, || {
        let is_full = Arc::new(AtomicBool::new(false));
        let (for_workers, for_watch) = (Arc::clone(&is_full), Arc::clone(&is_full));
        let ask = |is_full: &AtomicBool| match is_full.load(Ordering::SeqCst) {
            true => Err(io::Error::from(io::ErrorKind::WouldBlock)),
            false => Ok(()),
        };
        let builder = ThreadPool::builder().min_threads(1).max_threads(4);
        let builder = builder.thread_gate(move || ask(&for_workers));
        let pool = builder.watch_gate(move || ask(&for_watch)).build().unwrap();
        pool.start().unwrap();
        let blocker = Blocker::on(&pool);
        is_full.store(true, Ordering::SeqCst);
        let first = pool.call_in_thread(|| ()).unwrap();
        assert_eq!(pool.stats().threads, 1);

        is_full.store(false, Ordering::SeqCst);
        while !first.state().is_final() {
            // One of them comes late enough after the refusal.
            pool.call_in_thread(|| ()).unwrap();
            std::thread::yield_now();
        }
        blocker.release();
        pool.stop();
    });
}

/// The place of a cancelled job at the head of the queue was taken for a job that waits.
#[test]
fn a_pool_whose_waiting_jobs_were_cancelled_is_not_stalled() {
    within(DEADLINE, || {
        let (pool, reported) = watched(Duration::from_millis(20));
        let (release, released) = channel::<()>();
        let (starts, started) = channel();
        pool.call_in_thread(move || {
            starts.send(()).unwrap();
            let _ = released.recv();
        })
        .unwrap();
        // In one batch with the other, which no sweep reaches.
        let waiting = pool.call_in_thread(|| ()).unwrap();
        pool.start().unwrap();
        started.recv().unwrap();
        if waiting.cancel() {
            // A stall that was found before is one of a job that waited.
            let told = reported.recv_timeout(Duration::from_millis(150));
            assert_eq!(told.map_or(1, |report| report.queued), 1);
        }
        drop(release);
        pool.stop();
    });
}

/// Each sweep of cancelled jobs was taken for progress, so the same stall was reported again.
#[test]
fn a_stall_lasts_while_jobs_behind_it_are_cancelled() {
    within(DEADLINE, || {
        let (pool, reported) = watched(Duration::from_millis(5));
        pool.start().unwrap();
        let blocker = Blocker::on(&pool);
        pool.call_in_thread(|| ()).unwrap();
        reported.recv().unwrap();
        let behind = [(); 200].map(|()| pool.call_in_thread(|| ()).unwrap());
        assert!(behind.iter().all(|job| job.cancel()));
        assert!(reported.recv_timeout(Duration::from_millis(250)).is_err());
        blocker.release();
        pool.stop();
    });
}

/// Two jobs that went on at about the same time both roused the same idle worker, and the thread
/// that was too many as well stayed until a job ended.
#[test]
fn w6_spare_threads_end_when_several_jobs_go_on_at_once() {
    within(DEADLINE, || {
        for _ in 0..30 {
            let pool = started(2, 2);
            let (goes_on, meeting) = (Arc::new(Barrier::new(3)), Arc::new(Barrier::new(2)));
            let releases = [(); 2].map(|()| {
                let goes_on = Arc::clone(&goes_on);
                let (release, released) = channel::<()>();
                pool.call_in_thread(move || {
                    blocking(|| goes_on.wait());
                    let _ = released.recv();
                })
                .unwrap();
                release
            });
            until(&pool, |stats| stats.blocked == 2);
            for _ in 0..2 {
                let meeting = Arc::clone(&meeting);
                pool.call_in_thread(move || _ = meeting.wait()).unwrap();
            }
            until(&pool, |stats| stats.completed == 2 && stats.idle == 2);
            goes_on.wait();
            until(&pool, |stats| stats.blocked == 0 && stats.threads == 2);
            drop(releases);
            pool.stop();
        }
    });
}

/// A closure whose destructor panicked took the callback of `close` with it.
#[test]
fn b8_a_panic_in_cancel_does_not_keep_a_pool_by_hand_from_being_drained() {
    let manual = ThreadPool::manual();
    let bomb = Bomb;
    let job = manual.pool().call_in_thread(move || drop(bomb)).unwrap();
    let (drained, told) = channel();
    manual.pool().close(move || drained.send(()).unwrap());
    assert!(catch_unwind(AssertUnwindSafe(|| job.cancel())).is_err());
    told.try_recv().unwrap();
}

/// The chunks of the queue that were used up stayed in it, and the oldest job was looked for from
/// the other end: a minute for 300 000 jobs.
#[test]
fn a_pool_by_hand_runs_many_jobs_in_reasonable_time() {
    within(DEADLINE, || {
        let manual = ThreadPool::manual();
        for _ in 0..300_000 {
            manual.pool().call_in_thread(|| ()).unwrap();
        }
        assert_eq!(manual.run_all(), 300_000);
    });
}

/// The process was aborted: the last to hold the pool was its worker, in the destructor of a
/// thread-local value.
#[test]
fn i3_what_a_hook_owns_may_panic_when_the_pool_goes() {
    within(DEADLINE, || {
        let (gone, told) = channel::<()>();
        let owned = (Bomb, gone);
        let hook = move || {
            let _: &(Bomb, _) = &owned;
        };
        let pool = ThreadPool::builder().on_thread_start(hook).build().unwrap();
        pool.start().unwrap();
        let blocker = Blocker::on(&pool);
        drop(pool);
        blocker.release();
        assert!(told.recv().is_err());
    });
}

/// A context that does not run its job leaves the closure, whose destructor is contained as well.
#[test]
fn i3_a_job_handed_back_is_contained_if_its_context_does_not_run_it() {
    struct Never;
    impl JobContext for Never {
        fn run(&self, _job: &mut dyn FnMut()) {}
    }
    let pool = ThreadPool::builder().context(|| Some(Box::new(Never))).build().unwrap();
    let bomb = Bomb;
    pool.call_in_thread(move || drop(bomb)).unwrap();
    pool.stop_now().remove(0).run();
    until(&pool, |stats| stats.returned == 1);
}
