//! A reactor and a pool with nothing to do (I6).
#![cfg(target_os = "linux")]

use crate::support::foreign;
use ropewalk_reactor::Reactor;
use ropewalk_testing::{DEADLINE, within};
use ropewalk_threads::{HandleThreads as _, ReactorThread, ReactorThreads as _};
use std::collections::BTreeMap;
use std::fs;
use std::sync::mpsc::sync_channel;
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

/// Other tests have reactors too, so this one is alone, in a process of its own.
const ALONE: &str = "ROPEWALK_IDLE_TEST_ALONE";

#[test]
fn i6_an_idle_reactor_with_an_idle_pool_wakes_nobody() {
    within(DEADLINE, || {
        if std::env::var_os(ALONE).is_none() {
            let mut command = std::process::Command::new(std::env::current_exe().unwrap());
            let test = "idle::i6_an_idle_reactor_with_an_idle_pool_wakes_nobody";
            let output = command.args(["--exact", test]).env(ALONE, "1").output().unwrap();
            let text = String::from_utf8_lossy(&output.stdout);
            assert!(output.status.success() && text.contains("1 passed"), "{output:?}");
            return;
        }
        let reactor = ReactorThread::spawn().unwrap();
        let handle = reactor.handle().clone();
        // Five jobs at once, so that the pool has its five threads, which wait without a limit.
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
        let mut before = sleeps("reactor");
        loop {
            pause();
            let now = sleeps("reactor");
            if now == before {
                break;
            }
            before = now;
        }
        assert_eq!(before.len(), 6, "{before:?}");
        // A stretch that is ended by an event, of another reactor's making.
        (0..20).for_each(|_| pause());
        assert_eq!(sleeps("reactor"), before);
        drop(reactor);
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
