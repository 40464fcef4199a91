//! Pools in which nothing moves.

use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use ropewalk_testing::{DEADLINE, within};
use ropewalk_threadpool::{StallReport, ThreadPool};

use crate::gate::{Blocker, blocking_job, until};
use crate::log;

const SOON: Duration = Duration::from_millis(5);

/// A pool with one thread that reports stalls through a channel; not started.
fn watched(name: &str) -> (ThreadPool, Receiver<StallReport>) {
    let (reports, reported) = channel();
    let builder = ThreadPool::builder().name(name).min_threads(0).max_threads(1).stall_after(SOON);
    let builder = builder.on_stall(move |report| reports.send(report.clone()).unwrap());
    (builder.build().unwrap(), reported)
}

#[test]
fn w6_a_wedged_pool_is_reported_by_job_and_line() {
    log::keep();
    within(DEADLINE, || {
        let (pool, reported) = watched("wedged");
        pool.start().unwrap();
        let (sender, receiver) = channel();
        let line = line!() + 1;
        let blocker = pool.call_in_thread(move || receiver.recv().unwrap()).unwrap();
        pool.call_in_thread(move || sender.send(()).unwrap()).unwrap();

        let report = reported.recv().unwrap();
        assert_eq!((report.queued, report.threads, report.max_threads), (1, 1, 1));
        assert!(report.oldest_wait >= SOON);
        let job = &report.jobs[0];
        assert_eq!((job.location.file(), job.location.line()), (file!(), line));
        assert_eq!((job.name, &*job.thread), (blocker.name(), "wedged-1"));
        assert!(job.age >= SOON);
        let text = report.to_string();
        assert!(
            text.contains("wedged") && text.contains(&format!("{}:{line}:", file!())),
            "{text}"
        );

        pool.set_max_threads(2).unwrap();
        pool.stop();
        assert_eq!(pool.stats().completed, 2);
        assert_eq!(log::lines("WARN", "pool wedged is stalled").len(), 1);
    });
}

#[test]
fn a_stall_is_reported_once_and_the_next_one_again() {
    within(DEADLINE, || {
        let (pool, reported) = watched("twice");
        let (starts, started) = channel();
        let releases = [(); 2].map(|()| {
            let (release, released) = channel();
            pool.call_in_thread(blocking_job(starts.clone(), released)).unwrap();
            release
        });
        let [first, second] = releases;
        pool.call_in_thread(|| ()).unwrap();
        // Only now, so that no stall is told before all of them are there.
        pool.start().unwrap();
        started.recv().unwrap();
        assert_eq!(reported.recv().unwrap().queued, 2);
        // The watch looks again and again meanwhile, and keeps silent.
        assert!(reported.recv_timeout(Duration::from_millis(250)).is_err());
        drop(first);
        started.recv().unwrap();
        assert_eq!(reported.recv().unwrap().queued, 1);
        drop(second);
        pool.stop();
        assert!(reported.try_recv().is_err());
    });
}

#[test]
fn a_pool_that_gets_on_is_not_stalled() {
    within(DEADLINE, || {
        let (reports, reported) = channel();
        let builder = ThreadPool::builder().max_threads(1).stall_after(DEADLINE);
        let builder = builder.on_stall(move |report| reports.send(report.clone()).unwrap());
        let pool = builder.build().unwrap();
        pool.start().unwrap();
        for _ in 0..1000 {
            pool.call_in_thread(|| ()).unwrap();
        }
        pool.stop();
        assert!(reported.try_recv().is_err());
    });
}

#[test]
fn i5_the_hook_may_release_the_wedge_and_stop_the_pool() {
    within(DEADLINE, || {
        let own = Arc::new(OnceLock::<ThreadPool>::new());
        let seen = Arc::clone(&own);
        let (sender, receiver) = channel();
        let builder = ThreadPool::builder().min_threads(0).max_threads(1).stall_after(SOON);
        let builder = builder.on_stall(move |report| {
            let pool = seen.get().unwrap();
            pool.set_max_threads(report.max_threads + 1).unwrap();
            pool.stop();
            sender.send(()).unwrap();
        });
        let pool = builder.build().unwrap();
        own.set(pool.clone()).unwrap();
        pool.start().unwrap();
        let (opens, opened) = channel();
        pool.call_in_thread(move || opened.recv().unwrap()).unwrap();
        pool.call_in_thread(move || opens.send(()).unwrap()).unwrap();
        receiver.recv().unwrap();
        pool.stop();
        assert_eq!(pool.stats().completed, 2);
    });
}

#[test]
fn i3_a_hook_that_panics_is_logged_once() {
    log::keep();
    within(DEADLINE, || {
        let builder = ThreadPool::builder().name("hooked").min_threads(0).max_threads(1);
        let pool = builder.stall_after(SOON).on_stall(|_| panic!("in the hook")).build().unwrap();
        pool.start().unwrap();
        let blocker = Blocker::on(&pool);
        pool.call_in_thread(|| ()).unwrap();
        log::wait_for("ERROR", &["hooked"]);
        blocker.release();
        pool.stop();
        assert_eq!(log::lines("ERROR", "hooked").len(), 1);
    });
}

#[test]
fn the_watch_can_be_off() {
    within(DEADLINE, || {
        let builder = ThreadPool::builder().min_threads(0).max_threads(1).stall_after(None);
        let pool = builder.on_stall(|_| unreachable!("the watch is off")).build().unwrap();
        pool.start().unwrap();
        let blocker = Blocker::on(&pool);
        pool.call_in_thread(|| ()).unwrap();
        until(&pool, |stats| stats.oldest_wait > Some(SOON * 4));
        blocker.release();
        pool.stop();
    });
}

/// What a watchdog over several pools needs: to be called, and to ask whether a stall still lasts.
#[test]
fn w6_a_stall_has_listeners_and_can_be_asked_for_while_it_lasts() {
    within(DEADLINE, || {
        let (pool, reported) = watched("heard");
        pool.start().unwrap();
        let (rings, rung) = channel();
        let listener: Arc<dyn Fn() + Send + Sync> = Arc::new(move || rings.send(()).unwrap());
        let gone: Arc<dyn Fn() + Send + Sync> = Arc::new(|| panic!("this one is gone"));
        pool.on_stalls(&gone);
        pool.on_stalls(&listener);
        drop(gone);
        assert!(pool.stalled().is_none());
        let blocker = Blocker::on(&pool);
        assert!(pool.stalled().is_none(), "no job waits");
        let waiting = pool.call_in_thread(|| ()).unwrap();
        rung.recv().unwrap();
        reported.recv().unwrap();
        assert_eq!(pool.stalled().unwrap().jobs.len(), 1);
        blocker.release();
        waiting.wait().unwrap();
        assert!(pool.stalled().is_none());
        pool.stop();
    });
}
