//! Jobs, callbacks and hooks that panic.

use std::sync::mpsc::channel;

use ropewalk_testing::{DEADLINE, within};
use ropewalk_threadpool::{Panicked, ThreadPool};

use crate::gate::{started, thread_name, until};
use crate::log;

fn named(name: &str) -> ThreadPool {
    let pool = ThreadPool::builder().name(name).min_threads(1).max_threads(1).build().unwrap();
    pool.start().unwrap();
    pool
}

#[test]
fn b8_i3_a_panic_is_logged_once_with_its_line_and_the_pool_stops_as_ever() {
    log::keep();
    within(DEADLINE, || {
        let pool = named("i3-plain");
        let line = line!() + 1;
        pool.call_in_thread(|| panic!("what went wrong")).unwrap();
        let (sender, receiver) = channel();
        pool.call_in_thread(move || sender.send(thread_name()).unwrap()).unwrap();
        assert_eq!(receiver.recv().unwrap(), "i3-plain-1", "the worker lives on");
        pool.stop();
        let lines = log::lines("ERROR", "i3-plain");
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert!(lines[0].contains("what went wrong"), "{lines:?}");
        assert!(lines[0].contains(&format!("{}:{line}:", file!())), "{lines:?}");
        let stats = pool.stats();
        assert_eq!((stats.panicked, stats.completed), (1, 1));
    });
}

#[test]
fn b10_the_callback_gets_the_panic_and_nothing_is_logged() {
    log::keep();
    within(DEADLINE, || {
        let pool = named("b10");
        let (sender, receiver) = channel();
        let on_result = move |result: Result<(), Panicked>| sender.send(result).unwrap();
        let job = || panic!("number {}", std::hint::black_box(7));
        let line = line!() + 1;
        pool.call_in_thread_with_callback(on_result.clone(), job).unwrap();
        let panic = receiver.recv().unwrap().unwrap_err();
        assert_eq!(panic.message(), "number 7");
        assert_eq!((panic.location().file(), panic.location().line()), (file!(), line));
        assert!(panic.to_string().contains("number 7"));
        assert_eq!(panic.into_payload().downcast_ref(), Some(&"number 7".to_owned()));

        let job = || std::panic::panic_any(42_u8);
        pool.call_in_thread_with_callback(on_result, job).unwrap();
        let panic = receiver.recv().unwrap().unwrap_err();
        assert_eq!(panic.into_payload().downcast_ref(), Some(&42_u8));
        pool.stop();
        assert_eq!(log::lines("ERROR", "b10"), [""; 0]);
        assert_eq!(pool.stats().panicked, 2);
    });
}

#[test]
fn b11_a_panic_of_the_callback_is_logged_once_and_the_worker_goes_on() {
    log::keep();
    within(DEADLINE, || {
        let pool = named("b11");
        pool.call_in_thread_with_callback(|_| panic!("in the callback"), || ()).unwrap();
        let (sender, receiver) = channel();
        pool.call_in_thread(move || sender.send(thread_name()).unwrap()).unwrap();
        assert_eq!(receiver.recv().unwrap(), "b11-1");
        let lines = log::lines("ERROR", "b11");
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert!(lines[0].contains("in the callback"));
    });
}

/// Panics when it is dropped.
struct Spiteful;

impl Drop for Spiteful {
    fn drop(&mut self) {
        panic!("dropped");
    }
}

#[test]
fn i3_destructors_that_panic_harm_nobody() {
    within(DEADLINE, || {
        let pool = started(1, 1);
        pool.call_in_thread(|| std::panic::panic_any(Spiteful)).unwrap();
        pool.call_in_thread_with_callback(drop, || std::panic::panic_any(Spiteful)).unwrap();
        pool.call_in_thread_with_callback(drop, || Spiteful).unwrap();
        let captured = Spiteful;
        pool.call_in_thread(move || drop(captured)).unwrap();
        pool.call_in_thread(|| ()).unwrap();
        until(&pool, |stats| stats.completed + stats.panicked == 5);
        assert_eq!((pool.stats().completed, pool.stats().threads), (1, 1));
        pool.stop();

        let never_started = ThreadPool::builder().build().unwrap();
        let captured = Spiteful;
        never_started.call_in_thread(move || drop(captured)).unwrap();
    });
}

#[test]
fn i3_a_subscriber_that_panics_harms_nobody() {
    log::keep();
    within(DEADLINE, || {
        let pool = named("i3-log");
        pool.call_in_thread(|| std::panic::panic_any(log::UNLOGGABLE)).unwrap();
        let (sender, receiver) = channel();
        pool.call_in_thread(move || sender.send(thread_name()).unwrap()).unwrap();
        assert_eq!(receiver.recv().unwrap(), "i3-log-1");
        pool.stop();
        assert_eq!(pool.stats().panicked, 1);
    });
}

#[test]
fn i3_hooks_that_panic_harm_nobody() {
    log::keep();
    within(DEADLINE, || {
        let builder = ThreadPool::builder().name("i3-hooks").max_threads(1);
        let builder = builder.on_thread_start(|| panic!("at the start"));
        let pool = builder.on_thread_stop(|| panic!("at the end")).build().unwrap();
        pool.start().unwrap();
        let (sender, receiver) = channel();
        pool.call_in_thread(move || sender.send(7).unwrap()).unwrap();
        assert_eq!(receiver.recv().unwrap(), 7);
        pool.close(|| panic!("when drained"));
        pool.stop();
        assert_eq!(log::lines("ERROR", "i3-hooks").len(), 3);
    });
}
