//! Threads that end because nobody needs them, and threads that sleep.

use std::sync::mpsc::channel;
use std::time::Duration;

use ropewalk_testing::{DEADLINE, within};
use ropewalk_threadpool::ThreadPool;

use crate::gate::{Blocker, thread_name, until, until_asleep};

const SHORT: Duration = Duration::from_millis(5);

#[test]
fn w22_idle_threads_end_down_to_the_minimum() {
    within(DEADLINE, || {
        let (stops, stopped) = channel();
        let builder = ThreadPool::builder().min_threads(1).max_threads(3).idle_timeout(SHORT);
        let pool = builder.on_thread_stop(move || stops.send(thread_name()).unwrap());
        let pool = pool.build().unwrap();
        pool.start().unwrap();
        let (first, second, kept) = (Blocker::on(&pool), Blocker::on(&pool), Blocker::on(&pool));
        let (thread, mut idle) =
            (kept.thread.clone(), [first.thread.clone(), second.thread.clone()]);
        first.release();
        second.release();
        let mut gone = [stopped.recv().unwrap(), stopped.recv().unwrap()];
        gone.sort();
        idle.sort();
        assert_eq!(gone, idle);
        assert_eq!(pool.stats().threads, 1);
        kept.release();
        // The one that is left waits for work, and does it.
        assert!(stopped.recv_timeout(SHORT * 10).is_err());
        until_asleep(&pool, 1);
        let blocker = Blocker::on(&pool);
        assert_eq!(blocker.thread, thread);
        blocker.release();
        pool.stop();
        assert_eq!(stopped.recv().unwrap(), thread);
    });
}

/// What rouses an idle thread for another reason does not start its time-out anew: here a change of
/// size, more often than the time-out.
#[test]
fn w22_a_change_of_size_does_not_keep_idle_threads() {
    within(DEADLINE, || {
        let builder = ThreadPool::builder().min_threads(0).max_threads(3);
        let pool = builder.idle_timeout(SHORT * 10).build().unwrap();
        pool.start().unwrap();
        let blockers: Vec<Blocker> = (0..3).map(|_| Blocker::on(&pool)).collect();
        blockers.into_iter().for_each(Blocker::release);
        let mut max = 3;
        until(&pool, |stats| {
            max = if max == 3 { 4 } else { 3 };
            pool.set_max_threads(max).unwrap();
            stats.threads == 0
        });
    });
}

#[test]
fn a_huge_idle_timeout_is_none() {
    within(DEADLINE, || {
        let builder = ThreadPool::builder().min_threads(0).max_threads(1);
        let pool = builder.idle_timeout(Duration::MAX).stall_after(Duration::MAX).build().unwrap();
        pool.start().unwrap();
        let blocker = Blocker::on(&pool);
        pool.call_in_thread(|| ()).unwrap();
        blocker.release();
        until(&pool, |stats| stats.completed == 2);
        assert_eq!(pool.stats().threads, 1);
        pool.stop();
    });
}

/// Twenty time-outs pass; a thread that had one would have been switched to at each. The watch,
/// whose own time-out is far, has ended because the pool came to rest.
#[test]
#[cfg(target_os = "linux")]
fn i6_an_idle_pool_has_no_wake_ups_and_no_watch() {
    within(DEADLINE, || {
        let builder = ThreadPool::builder().name("i6-idle").min_threads(2).max_threads(4);
        let pool = builder.idle_timeout(SHORT).build().unwrap();
        pool.start().unwrap();
        let blockers: Vec<Blocker> = (0..4).map(|_| Blocker::on(&pool)).collect();
        // With the maximum reached, a waiting job starts the watch.
        pool.call_in_thread(|| ()).unwrap();
        while !switches("i6-idle").iter().any(|(name, _)| name == "i6-idle-watch") {
            std::thread::yield_now();
        }
        blockers.into_iter().for_each(Blocker::release);
        until(&pool, |stats| stats.threads == 2 && stats.completed == 5);

        let before = at_rest("i6-idle");
        assert_eq!(before.len(), 2, "{before:?}");
    });
}

/// The threads whose names begin so, once a while has passed in which none was switched to.
#[cfg(target_os = "linux")]
pub(crate) fn at_rest(prefix: &str) -> Vec<(String, String)> {
    let (_never, nothing) = channel::<()>();
    let mut before = Vec::new();
    loop {
        // A pause without an event to wait for: the point is that none comes.
        assert!(nothing.recv_timeout(SHORT * 20).is_err());
        let now = switches(prefix);
        if now == before {
            return now;
        }
        before = now;
    }
}

/// Each thread whose name begins so, with how often it has gone to sleep.
#[cfg(target_os = "linux")]
pub(crate) fn switches(prefix: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for task in std::fs::read_dir("/proc/self/task").unwrap().flatten() {
        let status = std::fs::read_to_string(task.path().join("status")).unwrap_or_default();
        let field = |name: &str| {
            let line = status.lines().find(|line| line.starts_with(name)).unwrap_or_default();
            line.trim_start_matches(name).trim().to_owned()
        };
        if field("Name:").starts_with(prefix) {
            found.push((field("Name:"), field("voluntary_ctxt_switches:")));
        }
    }
    found.sort();
    found
}
