//! A reactor and a pool with nothing to do (I6).
#![cfg(target_os = "linux")]

use crate::support::{foreign, gated};
use ropewalk_reactor::Reactor;
use ropewalk_testing::{DEADLINE, within};
use ropewalk_threadpool::ThreadPool;
use ropewalk_threads::{HandleThreads as _, ReactorThread, ReactorThreads as _, Watchdog};
use std::collections::BTreeMap;
use std::fs;
use std::sync::mpsc::{channel, sync_channel};
use std::thread;
use std::time::Duration;

/// How often each thread whose name begins so has gone to sleep, by thread id.
fn sleeps(prefix: &str) -> BTreeMap<String, u64> {
    let tasks = fs::read_dir("/proc/self/task").unwrap();
    let statuses =
        tasks.filter_map(|task| fs::read_to_string(task.ok()?.path().join("status")).ok());
    let field = |status: &str, name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        Some(line.trim().to_owned())
    };
    statuses
        .filter(|status| field(status, "Name:").is_some_and(|name| name.starts_with(prefix)))
        .filter_map(|status| {
            let switches = field(&status, "voluntary_ctxt_switches:")?.parse().ok()?;
            Some((field(&status, "Pid:")?, switches))
        })
        .collect()
}

/// Other tests have reactors too, so each of these is alone, in a process of its own.
const ALONE: &str = "ROPEWALK_IDLE_TEST_ALONE";

/// Runs this test once more, in a process of its own; `false` there.
fn was_run_alone(test: &str) -> bool {
    if std::env::var_os(ALONE).is_some() {
        return false;
    }
    let mut command = std::process::Command::new(std::env::current_exe().unwrap());
    let test = format!("idle::{test}");
    let output = command.args(["--exact", &test]).env(ALONE, "1").output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("1 passed"), "{output:?}");
    true
}

/// Waits for a stretch, which is ended by events of another reactor's making, in which none of the
/// threads whose names begin so has woken up. Gives how many these are. On a busy machine it may
/// take a while until they have come to rest; threads that do not rest never have such a stretch.
fn at_rest(prefixes: &[&str]) -> Vec<usize> {
    let all = || prefixes.iter().map(|prefix| sleeps(prefix)).collect::<Vec<_>>();
    loop {
        let before = all();
        (0..20).for_each(|_| pause());
        if all() == before {
            return before.iter().map(BTreeMap::len).collect();
        }
    }
}

#[test]
fn i6_an_idle_reactor_with_an_idle_pool_wakes_nobody() {
    within(DEADLINE, || {
        if was_run_alone("i6_an_idle_reactor_with_an_idle_pool_wakes_nobody") {
            return;
        }
        let reactor = ReactorThread::spawn().unwrap();
        let handle = reactor.handle().clone();
        // Five jobs at once, so that the pool has its five threads, which wait without a limit; and
        // not one more for the last job, should it come before one of them is asleep.
        handle.suggest_thread_pool_size(5).unwrap();
        let (sender, receiver) = sync_channel::<()>(0);
        for _ in 0..5 {
            let sender = sender.clone();
            handle.call_in_thread(move || sender.send(()).unwrap()).unwrap();
        }
        let pool = handle.thread_pool();
        while pool.stats().busy < 5 {
            thread::yield_now();
        }
        (0..5).for_each(|_| receiver.recv().unwrap());
        while pool.stats().busy > 0 {
            thread::yield_now();
        }
        handle
            .blocking_call_from_thread(|reactor: &Reactor| reactor.defer_to_thread(|| Ok(3)))
            .unwrap();

        // One reactor and five workers, all of which have gone to sleep when nothing moves.
        assert_eq!(at_rest(&["reactor"]), [6]);
        drop(reactor);
    });
}

/// A watchdog sleeps as they do, and wakes up with the next callback.
#[test]
fn i6_a_watchdog_over_what_is_idle_wakes_nobody() {
    within(DEADLINE, || {
        if was_run_alone("i6_a_watchdog_over_what_is_idle_wakes_nobody") {
            return;
        }
        let pool = ThreadPool::builder().name("reactor-far").build().unwrap();
        pool.start().unwrap();
        pool.call_in_thread(|| ()).unwrap().wait().unwrap();
        let reactors = [ReactorThread::spawn().unwrap(), ReactorThread::spawn().unwrap()];
        let (sender, reports) = channel();
        let mut builder = Watchdog::builder()
            .blocked_after(Duration::from_millis(1))
            .on_report(move |report| drop(sender.send(report.clone())))
            .watch_pool(&pool);
        for reactor in &reactors {
            builder = builder.watch(reactor.handle());
        }
        let watchdog = builder.spawn().unwrap();
        for _ in 0..3 {
            for reactor in &reactors {
                reactor.handle().blocking_call_from_thread(|_| ()).unwrap();
            }
            assert_eq!(at_rest(&["reactor", "ropewalk-watch"]), [3, 1]);
        }
        // Nobody but the callback has woken it to report this one.
        for reactor in &reactors {
            let (gate, block) = gated();
            reactor.handle().call_from_thread(move |_| block()).unwrap();
            while reports.recv().unwrap().blocked.is_empty() {}
            drop(gate);
            while reports.recv().unwrap().ended.is_empty() {}
        }
        drop((watchdog, reactors));
        pool.stop();
    });
}

/// 10 ms, as another reactor in another thread counts them.
fn pause() {
    let paused = foreign(|| {
        let reactor = Reactor::new().unwrap();
        reactor.call_later(Duration::from_millis(10), |reactor| reactor.stop());
        reactor.run().unwrap();
    });
    paused.join().unwrap();
}
