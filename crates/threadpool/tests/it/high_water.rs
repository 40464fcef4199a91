//! The word in time, when the queue runs high.

use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, OnceLock};
use std::thread;

use ropewalk_testing::{DEADLINE, within};
use ropewalk_threadpool::{JobHandle, JobState, SubmitErrorKind, ThreadPool};

use crate::log;

/// A pool that has not been started and tells of its high water, at this mark.
fn marked(mark: usize) -> (ThreadPool, Receiver<usize>) {
    let (tells, told) = channel();
    let builder = ThreadPool::builder().on_high_water(mark, move |n| tells.send(n).unwrap());
    (builder.build().unwrap(), told)
}

#[test]
fn w7_high_water_is_told_at_the_mark_and_again_only_after_half_of_it() {
    for mark in 1..=5 {
        let (pool, told) = marked(mark);
        let add = || pool.call_in_thread(|| ()).unwrap();
        let mut queued: Vec<JobHandle> = (1..mark).map(|_| add()).collect();
        assert_eq!(told.try_iter().count(), 0, "{mark}");
        queued.push(add());
        assert_eq!(told.try_iter().collect::<Vec<_>>(), [mark]);
        queued.push(add());
        let mut shrink_to =
            |left: usize| queued.drain(left..).for_each(|job| assert!(job.cancel()));
        // One above the half: not far enough.
        shrink_to(mark / 2 + 1);
        let refilled: Vec<JobHandle> = (mark / 2 + 1..mark + 2).map(|_| add()).collect();
        assert_eq!(told.try_iter().count(), 0, "{mark}");
        refilled.iter().for_each(|job| assert!(job.cancel()));
        shrink_to(mark / 2);
        let refilled: Vec<JobHandle> = (mark / 2..mark + 1).map(|_| add()).collect();
        assert_eq!(told.try_iter().collect::<Vec<_>>(), [mark], "{mark}");
        drop(refilled);
    }
}

#[test]
fn w7_high_water_counts_jobs_that_wait_and_not_those_refused() {
    let (tells, told) = channel();
    let builder = ThreadPool::builder().queue_limit(2);
    let manual = builder.on_high_water(2, move |n| tells.send(n).unwrap()).manual().unwrap();
    let pool = manual.pool();
    pool.start().unwrap();
    for _ in 0..5 {
        pool.try_call_in_thread(|| ()).unwrap();
        assert!(manual.run_next());
    }
    pool.try_call_in_thread(|| ()).unwrap();
    assert_eq!(told.try_iter().count(), 0);
    pool.try_call_in_thread(|| ()).unwrap();
    assert_eq!(pool.try_call_in_thread(|| ()).unwrap_err().kind(), SubmitErrorKind::Full);
    assert_eq!(told.try_iter().collect::<Vec<_>>(), [2]);
}

#[test]
fn i5_the_hook_of_high_water_may_call_the_pool_on_the_thread_of_the_submitter() {
    within(DEADLINE, || {
        let own = Arc::new(OnceLock::<ThreadPool>::new());
        let (seen, (tells, told)) = (Arc::clone(&own), channel());
        let builder = ThreadPool::builder().on_high_water(2, move |waiting| {
            let pool = seen.get().unwrap();
            let another = pool.call_in_thread(|| ()).unwrap();
            let queued = pool.stats().queued;
            assert!(another.cancel());
            pool.set_max_threads(11).unwrap();
            pool.stop();
            tells.send((waiting, queued, thread::current().id())).unwrap();
        });
        let pool = builder.build().unwrap();
        own.set(pool.clone()).unwrap();
        let jobs = [(); 2].map(|()| pool.call_in_thread(|| ()).unwrap());
        assert_eq!(told.recv().unwrap(), (2, 3, thread::current().id()));
        assert!(jobs.iter().all(|job| job.state() == JobState::Finished));
    });
}

#[test]
fn i3_a_hook_of_high_water_that_panics_is_logged_and_the_job_accepted() {
    log::keep();
    let builder = ThreadPool::builder().name("flooded").on_high_water(1, |_| panic!("high"));
    let pool = builder.build().unwrap();
    let job = pool.call_in_thread(|| ()).unwrap();
    assert_eq!((job.state(), pool.stats().queued), (JobState::Queued, 1));
    assert_eq!(log::lines("ERROR", "flooded").len(), 1);
    assert!(job.cancel());
}
