//! Jobs that say that they wait, and the threads that make up for theirs.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use ropewalk_testing::{DEADLINE, within};
use ropewalk_threadpool::{Builder, JobState, StallReport, ThreadPool, blocking};

use crate::gate::{Blocker, started, until};

const SOON: Duration = Duration::from_millis(5);

/// A pool that reports stalls through a channel; not started.
fn watched(builder: Builder) -> (ThreadPool, Receiver<StallReport>) {
    let (reports, reported) = channel();
    let builder = builder.stall_after(SOON);
    let builder = builder.on_stall(move |report| reports.send(report.clone()).unwrap());
    (builder.build().unwrap(), reported)
}

/// A job inside of `blocking`, until the sender is gone.
#[track_caller]
fn blocked_on(pool: &ThreadPool) -> Sender<()> {
    let before = pool.stats().blocked;
    let (sender, receiver) = channel();
    let job = move || {
        blocking(|| receiver.recv().unwrap_err());
    };
    pool.call_in_thread(job).unwrap();
    until(pool, |stats| stats.blocked > before);
    sender
}

/// The wedge of the Twisted text: as many jobs as there may be threads, each of which waits, by
/// means of `wait`, for two jobs behind them all. Gives the line of the first ones.
fn submit_wedge(pool: &ThreadPool, wait: fn(&mut dyn FnMut())) -> u32 {
    let mut unblockers = Vec::new();
    let line = line!() + 4;
    for _ in 0..pool.max_threads() {
        let (sender, receiver) = channel();
        let blocker = move || wait(&mut || [(); 2].iter().for_each(|()| receiver.recv().unwrap()));
        pool.call_in_thread(blocker).unwrap();
        unblockers.extend([sender.clone(), sender]);
    }
    for unblocker in unblockers {
        pool.call_in_thread(move || unblocker.send(()).unwrap()).unwrap();
    }
    line
}

#[test]
fn w6_jobs_that_fill_the_pool_and_wait_for_others_complete() {
    within(DEADLINE, || {
        let pool = started(5, 10);
        submit_wedge(&pool, |wait| blocking(wait));
        pool.stop();
        let stats = pool.stats();
        assert_eq!((stats.completed, stats.blocked, stats.threads), (30, 0, 0));
    });
}

#[test]
fn w6_without_blocking_they_are_named_and_a_larger_size_releases_them() {
    within(DEADLINE, || {
        let (pool, reported) = watched(ThreadPool::builder().name("text").max_threads(10));
        let line = submit_wedge(&pool, |wait| wait());
        pool.start().unwrap();
        let report = reported.recv().unwrap();
        assert_eq!((report.queued, report.threads, report.max_threads), (20, 10, 10));
        assert_eq!(report.jobs.len(), 10);
        for job in &report.jobs {
            assert_eq!((job.location.file(), job.location.line()), (file!(), line));
            assert_eq!(job.blocked, None);
        }
        let text = report.to_string();
        assert_eq!(text.matches(&format!("{}:{line}:", file!())).count(), 10, "{text}");
        pool.set_max_threads(11).unwrap();
        pool.stop();
        assert_eq!(pool.stats().completed, 30);
    });
}

#[test]
fn w6_the_cap_on_spare_threads_holds_and_the_stall_shows_who_is_blocked() {
    within(DEADLINE, || {
        let builder = ThreadPool::builder().min_threads(0).max_threads(1).max_spare_threads(2);
        let (pool, reported) = watched(builder);
        pool.start().unwrap();
        let blocked = [(); 3].map(|()| blocked_on(&pool));
        assert_eq!(pool.stats().threads, 3);
        let behind = pool.call_in_thread(|| ()).unwrap();
        let report = reported.recv().unwrap();
        assert_eq!((report.queued, report.threads, report.max_threads), (1, 3, 1));
        assert_eq!(report.jobs.len(), 3);
        assert!(report.jobs.iter().all(|job| job.blocked.is_some()), "{report}");
        assert_eq!(report.to_string().matches("blocked for").count(), 3, "{report}");
        assert_eq!(behind.state(), JobState::Queued);
        let stats = pool.stats();
        assert_eq!((stats.threads, stats.blocked, stats.queued), (3, 3, 1));
        pool.set_max_threads(2).unwrap();
        assert_eq!(behind.wait(), Ok(JobState::Finished));
        drop(blocked);
        pool.stop();
        assert_eq!(pool.stats().completed, 4);
    });
}

#[test]
fn w6_without_spare_threads_who_waits_keeps_the_thread() {
    within(DEADLINE, || {
        let builder = ThreadPool::builder().min_threads(0).max_threads(1).max_spare_threads(0);
        let (pool, reported) = watched(builder);
        pool.start().unwrap();
        let blocked = blocked_on(&pool);
        let behind = pool.call_in_thread(|| ()).unwrap();
        let report = reported.recv().unwrap();
        assert_eq!((report.threads, report.jobs.len()), (1, 1));
        assert!(report.jobs[0].blocked.is_some());
        assert_eq!(behind.state(), JobState::Queued);
        drop(blocked);
        assert_eq!(behind.wait(), Ok(JobState::Finished));
        pool.stop();
    });
}

#[test]
fn one_inside_of_another_counts_once() {
    within(DEADLINE, || {
        let pool = started(0, 1);
        let inner = pool.clone();
        let (sender, receiver) = channel();
        let job = move || {
            let tell = || sender.send(inner.stats().blocked).unwrap();
            tell();
            blocking(|| {
                blocking(tell);
                tell();
                // Behind, so that there is a thread too many when it is over.
                inner.call_in_thread(|| ()).unwrap().wait().unwrap();
                tell();
            });
            tell();
        };
        pool.call_in_thread(job).unwrap().wait().unwrap();
        assert_eq!(receiver.try_iter().collect::<Vec<_>>(), [0, 1, 1, 1, 0]);
        until(&pool, |stats| stats.threads == 1);
    });
}

#[test]
fn i3_a_panic_inside_passes_through_and_the_count_returns() {
    within(DEADLINE, || {
        let pool = started(0, 1);
        let inner = pool.clone();
        let (sender, receiver) = channel();
        let job = move || {
            let caught = catch_unwind(AssertUnwindSafe(|| blocking(|| panic!("in the wait"))));
            let message = *caught.unwrap_err().downcast_ref::<&str>().unwrap();
            sender.send((message, inner.stats().blocked)).unwrap();
            blocking(|| panic!("once more, and nobody catches it"));
        };
        let handle = pool.call_in_thread(job).unwrap();
        assert_eq!(receiver.recv().unwrap(), ("in the wait", 0));
        assert_eq!(handle.wait(), Ok(JobState::Panicked));
        let behind = pool.call_in_thread(|| ()).unwrap();
        assert_eq!(behind.wait(), Ok(JobState::Finished));
        let stats = pool.stats();
        assert_eq!((stats.blocked, stats.panicked, stats.completed), (0, 1, 1));
        until(&pool, |stats| stats.threads == 1 && stats.idle == 1);
    });
}

/// A job that waits inside of `blocking` until `opens` is dropped, says so, and stays busy until
/// `release` is.
struct Waiter {
    opens: Sender<()>,
    went_on: Receiver<()>,
    release: Sender<()>,
}

impl Waiter {
    /// Submits the job and returns when it is blocked.
    fn on(pool: &ThreadPool) -> Self {
        let (release, released) = channel::<()>();
        let (opens, opened) = channel::<()>();
        let (goes_on, went_on) = channel();
        let job = move || {
            blocking(|| opened.recv().unwrap_err());
            goes_on.send(()).unwrap();
            let _ = released.recv();
        };
        pool.call_in_thread(job).unwrap();
        until(pool, |stats| stats.blocked == 1);
        Self { opens, went_on, release }
    }
}

#[test]
fn an_idle_thread_ends_when_the_blocked_one_goes_on() {
    within(DEADLINE, || {
        let pool = started(2, 2);
        let Waiter { opens, went_on, release } = Waiter::on(&pool);
        let blockers = [Blocker::on(&pool), Blocker::on(&pool)];
        assert_eq!(pool.stats().threads, 3);
        blockers.into_iter().for_each(Blocker::release);
        until(&pool, |stats| (stats.idle, stats.blocked) == (2, 1));
        drop(opens);
        went_on.recv().unwrap();
        until(&pool, |stats| (stats.threads, stats.idle, stats.busy) == (2, 1, 1));
        drop(release);
    });
}

#[test]
fn with_all_threads_busy_the_first_that_is_through_ends() {
    within(DEADLINE, || {
        let pool = started(1, 1);
        let Waiter { opens, went_on, release } = Waiter::on(&pool);
        let spare = Blocker::on(&pool);
        let behind = pool.call_in_thread(|| ()).unwrap();
        drop(opens);
        went_on.recv().unwrap();
        assert_eq!((pool.stats().threads, pool.stats().busy), (2, 2));
        spare.release();
        until(&pool, |stats| stats.threads == 1);
        // It did not take the next job along: the maximum is one.
        assert_eq!(behind.state(), JobState::Queued);
        drop(release);
        assert_eq!(behind.wait(), Ok(JobState::Finished));
    });
}

#[test]
fn outside_of_a_job_it_only_calls() {
    within(DEADLINE, || {
        let text = String::from("moved in and out");
        assert_eq!(blocking(move || blocking(|| text)), "moved in and out");

        // The hooks of a thread run on a worker, but in no job.
        let own = Arc::new(OnceLock::<ThreadPool>::new());
        let (sender, receiver) = channel();
        let hook = || {
            let (own, sender) = (Arc::clone(&own), sender.clone());
            move || {
                let pool = own.get().unwrap();
                sender.send(blocking(|| pool.stats().blocked)).unwrap();
            }
        };
        let builder = ThreadPool::builder().min_threads(0).max_threads(1);
        let builder = builder.on_thread_start(hook()).on_thread_stop(hook());
        let pool = builder.build().unwrap();
        own.set(pool.clone()).unwrap();
        pool.start().unwrap();
        pool.call_in_thread(|| ()).unwrap().wait().unwrap();
        pool.stop();
        assert_eq!(receiver.try_iter().collect::<Vec<_>>(), [0, 0]);
    });
}

#[test]
fn what_blocks_in_one_pool_changes_nothing_in_another() {
    within(DEADLINE, || {
        let (pool, other) = (started(0, 1), started(0, 1));
        let blocker = Blocker::on(&other);
        let waited_for = other.call_in_thread(|| ()).unwrap();
        let seen = waited_for.clone();
        let job = move || assert_eq!(seen.wait(), Ok(JobState::Finished));
        let handle = pool.call_in_thread(job).unwrap();
        until(&pool, |stats| stats.blocked == 1);
        let stats = other.stats();
        assert_eq!((stats.blocked, stats.threads, stats.queued), (0, 1, 1));
        assert_eq!(waited_for.state(), JobState::Queued);
        blocker.release();
        assert_eq!(handle.wait(), Ok(JobState::Finished));
        assert_eq!(pool.stats().blocked, 0);
    });
}

#[test]
fn i9_a_pool_that_stops_makes_up_for_blocked_threads() {
    within(DEADLINE, || {
        let pool = started(0, 1);
        let (closes, closed) = channel::<()>();
        let (opens, opened) = channel();
        let job = move || {
            let _ = closed.recv();
            blocking(|| opened.recv().unwrap());
        };
        pool.call_in_thread(job).unwrap();
        until(&pool, |stats| stats.busy == 1);
        pool.call_in_thread(move || opens.send(()).unwrap()).unwrap();
        let (drains, drained) = channel();
        pool.close(move || drains.send(()).unwrap());
        drop(closes);
        pool.stop();
        drained.recv().unwrap();
        let stats = pool.stats();
        assert_eq!((stats.completed, stats.threads, stats.blocked), (2, 0, 0));
    });
}

#[test]
fn w19_a_blocked_worker_is_busy_in_the_numbers() {
    within(DEADLINE, || {
        let pool = started(0, 2);
        let first = blocked_on(&pool);
        let second = blocked_on(&pool);
        let stats = pool.stats();
        assert_eq!((stats.threads, stats.busy, stats.blocked, stats.idle), (2, 2, 2, 0));
        // Both are made up for.
        let blockers = [Blocker::on(&pool), Blocker::on(&pool)];
        let stats = pool.stats();
        assert_eq!((stats.threads, stats.busy, stats.blocked), (4, 4, 2));
        drop(first);
        until(&pool, |stats| (stats.blocked, stats.busy) == (1, 3));
        drop(second);
        until(&pool, |stats| (stats.blocked, stats.threads, stats.busy) == (0, 2, 2));
        blockers.into_iter().for_each(Blocker::release);
    });
}
