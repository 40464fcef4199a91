//! What each worker is doing, and the numbers behind it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use ropewalk_testing::{DEADLINE, within};
use ropewalk_threadpool::{JobHandle, PoolStats, ThreadPool, blocking};

use crate::gate::{Blocker, started, until};

fn named(name: &str, max: usize) -> ThreadPool {
    let builder = ThreadPool::builder().name(name).min_threads(0).max_threads(max);
    let pool = builder.build().unwrap();
    pool.start().unwrap();
    pool
}

/// How many jobs are in the numbers: each in one.
fn accounted(stats: &PoolStats) -> u64 {
    assert_eq!(stats.threads, stats.idle + stats.busy);
    assert!(stats.blocked <= stats.busy, "{stats:?}");
    let here = (stats.queued + stats.busy) as u64;
    here + stats.completed + stats.panicked + stats.cancelled + stats.returned
}

#[test]
fn a_pool_without_threads_is_one_line() {
    let pool = ThreadPool::builder().name("unused").max_threads(4).build().unwrap();
    let report = pool.report();
    assert_eq!((&*report.pool, report.max_threads, report.workers.len()), ("unused", 4, 0));
    let text = "pool unused: not started; 0 threads (at most 4), 0 idle, 0 busy, 0 of them \
                blocked; 0 jobs wait";
    assert_eq!(report.to_string(), text);
    pool.call_in_thread(|| ()).unwrap().cancel();
    pool.call_in_thread(|| ()).unwrap();
    let text = pool.report().to_string();
    assert!(text.contains("; 1 job waits, the oldest for "), "{text}");
}

#[test]
fn one_is_not_many() {
    within(DEADLINE, || {
        let pool = named("one", 1);
        let running = Blocker::on(&pool);
        let job = || pool.call_in_thread(|| ()).unwrap();
        let last = job();
        let text = pool.report().to_string();
        assert!(text.starts_with("pool one: 1 thread (at most 1), "), "{text}");
        assert!(text.contains("; 1 job waits, "), "{text}");
        job();
        assert!(pool.report().to_string().contains("; 2 jobs wait, "));
        assert!(last.cancel());
        let text = pool.stop_within(Duration::ZERO).unwrap_err().to_string();
        assert!(text.starts_with("pool one still has 1 thread after "), "{text}");
        assert!(text.contains(", and 1 job waits; "), "{text}");
        running.release();
        pool.stop();
    });
}

#[test]
fn each_thread_is_shown_with_its_job_and_what_it_does() {
    within(DEADLINE, || {
        let pool = named("seen", 4);
        let running = Blocker::on(&pool);
        let (release, released) = channel::<()>();
        let line = line!() + 2;
        let job = move || assert!(blocking(|| released.recv()).is_err());
        let blocked = pool.call_in_thread(job).unwrap();
        until(&pool, |stats| stats.blocked == 1);
        let third = Blocker::on(&pool);
        let over = third.handle.clone();
        third.release();
        over.wait().unwrap();
        while !pool.report().workers.iter().any(|worker| worker.idle) {
            thread::yield_now();
        }

        let report = pool.report();
        let threads: Vec<&str> = report.workers.iter().map(|worker| &*worker.thread).collect();
        assert_eq!(threads, ["seen-1", "seen-2", "seen-3"]);
        let [first, second, third] = &report.workers[..] else { unreachable!("{report}") };
        let job = first.job.as_ref().unwrap();
        assert_eq!((job.name, job.location), (running.handle.name(), running.handle.location()));
        assert_eq!((job.blocked, &*job.thread), (None, "seen-1"));
        let other = second.job.as_ref().unwrap();
        assert_eq!((other.name, other.location.line()), (blocked.name(), line));
        // It began before it blocked, and the other one began before it.
        assert!(other.blocked.unwrap() <= other.age && other.age <= job.age, "{report}");
        assert!(third.job.is_none());
        let stats = &report.stats;
        assert_eq!((stats.threads, stats.idle, stats.busy, stats.blocked), (3, 1, 2, 1));

        let text = report.to_string();
        let lines: Vec<&str> = text.lines().collect();
        let head =
            "pool seen: 3 threads (at most 4), 1 idle, 2 busy, 1 of them blocked; 0 jobs wait";
        assert_eq!((lines.len(), lines[0]), (4, head));
        let (name, location) = (running.handle.name(), running.handle.location());
        let runs = format!("  seen-1: runs {name}, submitted at {location}, for ");
        assert!(lines[1].starts_with(&runs), "{text}");
        let name = blocked.name();
        assert!(lines[2].starts_with("  seen-2: blocked for "), "{text}");
        assert!(
            lines[2].contains(&format!(" in {name}, submitted at {}:{line}:", file!())),
            "{text}"
        );
        assert_eq!(lines[3], "  seen-3: idle");

        // What it waited for has come: it shows in the next one.
        drop(release);
        blocked.wait().unwrap();
        assert!(pool.report().workers[1].job.is_none());
        running.release();
    });
}

#[test]
fn a_job_is_shown_as_blocked_for_as_long_as_it_is() {
    within(DEADLINE, || {
        let pool = named("paused", 1);
        let inner = pool.clone();
        let (sender, receiver) = channel();
        let job = move || {
            let blocked = || inner.running_jobs().remove(0).blocked.is_some();
            let around = [blocked(), blocking(blocked), blocked()];
            let text = blocking(|| inner.running_jobs().remove(0).to_string());
            sender.send((around, text)).unwrap();
        };
        let handle = pool.call_in_thread(job).unwrap();
        let (around, text) = receiver.recv().unwrap();
        assert_eq!(around, [false, true, false]);
        let start = format!("{}, submitted at {}, for ", handle.name(), handle.location());
        assert!(text.starts_with(&start), "{text}");
        assert!(text.contains(" on paused-1, blocked for "), "{text}");
    });
}

#[test]
fn ages_grow_and_belong_to_the_job() {
    within(DEADLINE, || {
        let pool = named("ages", 1);
        let age = || pool.report().workers[0].job.as_ref().map(|job| job.age);
        let first = Blocker::on(&pool);
        let before = age().unwrap();
        // The clock goes on, or it would stay in here.
        while age().unwrap() < before + Duration::from_millis(2) {
            thread::yield_now();
        }
        let long = age().unwrap();
        first.release();
        let second = Blocker::on(&pool);
        let report = pool.report();
        let since = report.workers[0].job.as_ref().unwrap();
        assert_eq!(since.location, second.handle.location());
        assert!(report.stats.run_time.max().unwrap() >= long);
        second.release();
    });
}

/// Workers are shown in the order of their start, and their names are never used again.
#[test]
fn w22_the_order_of_workers_is_that_of_their_names() {
    within(DEADLINE, || {
        let pool = named("names", 3);
        let mut blockers: Vec<Blocker> = (0..3).map(|_| Blocker::on(&pool)).collect();
        blockers.remove(0).release();
        until(&pool, |stats| stats.busy == 2);
        pool.set_max_threads(2).unwrap();
        until(&pool, |stats| stats.threads == 2);
        pool.set_max_threads(3).unwrap();
        blockers.push(Blocker::on(&pool));
        // The place of the first is taken again, but not its name.
        let seen = || -> Vec<String> {
            pool.report().workers.iter().map(|worker| worker.thread.to_string()).collect()
        };
        while seen() != ["names-2", "names-3", "names-4"] {
            thread::yield_now();
        }
        blockers.into_iter().for_each(Blocker::release);
    });
}

#[test]
fn the_histograms_count_the_jobs_that_ran() {
    within(DEADLINE, || {
        let builder = ThreadPool::builder().min_threads(0).max_threads(3);
        // Its threads come and go, and what they have counted stays.
        let pool = builder.idle_timeout(Duration::ZERO).build().unwrap();
        pool.start().unwrap();
        let job = |number: u32| move || assert!(number % 5 != 0, "as it should");
        let handles: Vec<JobHandle> =
            (0..200).map(|number| pool.call_in_thread(job(number)).unwrap()).collect();
        let cancelled = handles.iter().rev().take(50).filter(|handle| handle.cancel()).count();
        let waited: Vec<bool> = handles.iter().map(|handle| handle.wait().is_ok()).collect();
        assert_eq!(waited, [true; 200]);
        until(&pool, |stats| stats.threads == 0);
        let blockers: Vec<Blocker> = (0..3).map(|_| Blocker::on(&pool)).collect();
        pool.call_in_thread(|| ()).unwrap();
        let stats = pool.stats();
        assert_eq!(stats.busy, 3);
        let ran = 200 - cancelled as u64;
        assert_eq!((stats.completed + stats.panicked, stats.cancelled), (ran, cancelled as u64));
        // Those that still run are not in it.
        assert_eq!((stats.queue_wait.count(), stats.run_time.count()), (ran, ran));
        pool.stop_now().into_iter().for_each(|job| job.run());
        blockers.into_iter().for_each(Blocker::release);
        pool.stop();
        let stats = pool.stats();
        assert_eq!((stats.completed + stats.panicked, stats.returned), (ran + 3, 1));
        assert_eq!((stats.queue_wait.count(), stats.run_time.count()), (ran + 3, ran + 3));
        assert!(stats.queue_wait.max() >= stats.queue_wait.min());
    });
}

#[test]
fn the_histograms_know_how_long() {
    within(DEADLINE, || {
        let pool = started(0, 1);
        let blocker = Blocker::on(&pool);
        let behind = pool.call_in_thread(|| ()).unwrap();
        until(&pool, |stats| stats.oldest_wait > Some(Duration::from_millis(2)));
        blocker.release();
        behind.wait().unwrap();
        let stats = pool.stats();
        // The one behind has waited for as long as the other one ran beside it.
        assert!(stats.queue_wait.max() > Some(Duration::from_millis(2)), "{:?}", stats.queue_wait);
        assert!(stats.run_time.max() > Some(Duration::from_millis(2)), "{:?}", stats.run_time);
        assert!(stats.run_time.min() < stats.run_time.max());
    });
}

/// W19: at any time, whatever goes on, each job that was accepted is in one number.
#[test]
fn i2_snapshots_under_load_account_for_every_job() {
    within(DEADLINE, || {
        let pool = started(1, 3);
        // Before and after each submission.
        let (begun, done) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
        let over = Arc::new(AtomicBool::new(false));
        let (seen, ended) = (pool.clone(), Arc::clone(&over));
        let (at_most, at_least) = (Arc::clone(&begun), Arc::clone(&done));
        let (looks, looked) = channel();
        let watch = move || {
            while !ended.load(Ordering::SeqCst) {
                let least = at_least.load(Ordering::SeqCst);
                let stats = seen.stats();
                let most = at_most.load(Ordering::SeqCst);
                let accounted = accounted(&stats);
                assert!((least..=most).contains(&accounted), "{least}..={most}: {stats:?}");
                let report = seen.report().to_string();
                assert!(report.starts_with("pool "), "{report}");
                let _ = looks.send(());
            }
        };
        let watch = thread::Builder::new().spawn(watch).unwrap();
        // Not before it looks: its thread may be slow to begin.
        looked.recv().unwrap();
        let mut unrun = Vec::new();
        let mut accepted = 0;
        for number in 0.. {
            begun.store(accepted + 1, Ordering::SeqCst);
            let inner = pool.clone();
            let job = move || match number % 7 {
                0 => panic!("as it should"),
                1 => blocking(|| drop(inner.running_jobs())),
                _ => (),
            };
            let Ok(handle) = pool.call_in_thread(job) else { break };
            accepted += 1;
            done.store(accepted, Ordering::SeqCst);
            if number % 3 == 0 {
                handle.cancel();
            }
            if number == 3000 {
                unrun = pool.stop_now();
            }
        }
        let returned = unrun.len() as u64;
        drop(unrun);
        pool.stop();
        over.store(true, Ordering::SeqCst);
        watch.join().unwrap();
        let stats = pool.stats();
        assert_eq!((accounted(&stats), stats.returned), (accepted, returned));
        assert_eq!((stats.queued, stats.busy, stats.blocked, stats.threads), (0, 0, 0, 0));
        assert_eq!(stats.run_time.count(), stats.completed + stats.panicked);
    });
}
