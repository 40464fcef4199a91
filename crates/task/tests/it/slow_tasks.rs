//! A task that does not yield for long is named in the diagnosis of slow callbacks.

use ropewalk_reactor::Reactor;
use ropewalk_task::ReactorTask;
use ropewalk_testing::{Captured, DEADLINE, capture_tracing, success_of, within};
use std::future::Future;
use std::time::{Duration, Instant};
use tracing::Level;

const THRESHOLD: Duration = Duration::from_millis(20);

/// Keeps the thread for as long as is slow.
fn busy() {
    let begun = Instant::now();
    while begun.elapsed() <= THRESHOLD {}
}

/// Runs a task made by `make`; what is reported as slow, and where it was spawned.
fn reports<F: Future<Output = ()> + 'static>(make: impl FnOnce() -> F) -> (Vec<Captured>, u32) {
    within(DEADLINE, || {
        let reactor = Reactor::builder().slow_callback(THRESHOLD).build().unwrap();
        let line = line!() + 1;
        let task = reactor.spawn(make());
        let events = capture_tracing(|| {
            (0..3).for_each(|_| reactor.turn(Some(Duration::ZERO)).unwrap());
        });
        success_of(task);
        let slow = events.into_iter().filter(|event| event.level == Level::WARN);
        // Whatever else took that long, on a busy machine, is not a task.
        let of_tasks = slow.filter(|event| event.field("kind") == Some("task"));
        (of_tasks.collect(), line)
    })
}

#[test]
fn a_task_that_does_not_yield_for_long_is_named_with_the_place_where_it_was_spawned() {
    let (reports, line) = reports(|| async { busy() });
    assert_eq!(reports.len(), 1, "{reports:?}");
    assert_eq!(reports[0].message, "a slow callback kept the loop busy");
    let place = reports[0].field("location").unwrap();
    assert!(place.starts_with(&format!("{}:{line}:", file!())), "{place}");
}

#[test]
fn the_drop_of_a_future_is_a_part_of_its_task() {
    struct SlowDrop;
    impl Drop for SlowDrop {
        fn drop(&mut self) {
            busy();
        }
    }
    let held = SlowDrop;
    let (reports, _) = reports(|| {
        let mut held = Some(held);
        std::future::poll_fn(move |_| {
            // It goes with the future.
            assert!(held.as_mut().is_some());
            std::task::Poll::Ready(())
        })
    });
    assert_eq!(reports.len(), 1, "{reports:?}");
}
