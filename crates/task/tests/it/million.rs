//! A million tasks at once: all pending, woken from another thread, done, and their memory gone.

use crate::signal::{manual, settle};
use allocation_counter::measure;
use event_listener::Event;
use ropewalk_reactor::Reactor;
use ropewalk_task::ReactorTask;
use ropewalk_testing::{no_result, success_of, within};
use std::future::pending;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

const TASKS: usize = 1_000_000;

/// A test of its own on a busy machine, in debug: not the usual deadline.
const LONG: Duration = Duration::from_secs(120);

#[test]
fn a_million_tasks_are_woken_from_another_thread_and_leave_no_memory() {
    within(LONG, || {
        // However long a turn takes, the turns below are enough.
        let reactor = Reactor::builder().time_budget(Duration::MAX).build().unwrap();
        // What belongs to the reactor for good.
        let ready = reactor.spawn(async {});
        reactor.turn(Some(Duration::ZERO)).unwrap();
        success_of(ready);
        let info = measure(|| {
            let event = Arc::new(Event::new());
            let wait = |n| {
                let event = Arc::clone(&event);
                reactor.spawn(async move {
                    event.listen().await;
                    Ok(n)
                })
            };
            let tasks: Vec<_> = (0..TASKS).map(wait).collect();
            // All of them wait now.
            for _ in 0..TASKS / 100 {
                reactor.turn(Some(Duration::ZERO)).unwrap();
            }
            let tasks: Vec<_> = tasks.into_iter().map(no_result).collect();
            let last = reactor.spawn(async {
                let mut sum = 0;
                for task in tasks {
                    sum += task.await?;
                }
                Reactor::with_current(Reactor::stop);
                Ok(sum)
            });
            let other = thread::Builder::new().spawn(move || {
                // One that comes late finds nobody.
                assert_eq!(event.notify(usize::MAX), TASKS);
            });
            reactor.run().unwrap();
            other.unwrap().join().unwrap();
            assert_eq!(success_of(last), (0..TASKS).sum());
        });
        // What wakers left on the other thread was not allocated here, and so counts as less.
        assert!(info.bytes_current < 64 * 1024, "{} bytes are left", info.bytes_current);
        let each = info.bytes_max / TASKS as u64;
        assert!(each < 1024, "{each} bytes for each task");
    });
}

/// Not a million: each of them fails, and with `RUST_BACKTRACE` set each failure walks the stack.
#[test]
fn many_tasks_whose_deferreds_are_dropped_leave_no_memory() {
    const TASKS: usize = 20_000;
    within(LONG, || {
        let (clock, reactor) = manual();
        let ready = reactor.spawn(async {});
        settle(&clock);
        success_of(ready);
        let info = measure(|| {
            let tasks: Vec<_> = (0..TASKS).map(|_| reactor.spawn(pending::<()>())).collect();
            drop(tasks);
            // Their places in the queue.
            settle(&clock);
        });
        assert!(info.bytes_current < 64 * 1024, "{} bytes are left", info.bytes_current);
    });
}
