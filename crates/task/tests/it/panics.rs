//! Polls, results and drops that panic.

use crate::signal::{manual, settle};
use ropewalk_deferred::{Abandoned, Cancelled, Panicked, Result};
use ropewalk_task::ReactorTask;
use ropewalk_testing::{capture_tracing, failure_as, success_of};
use std::future::{pending, ready};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tracing::Level;

struct PanicOnDrop;

impl Drop for PanicOnDrop {
    fn drop(&mut self) {
        panic!("no good end");
    }
}

async fn oh_dear() {
    assert!(ready(false).await, "oh {}", "dear");
}

#[test]
fn i3_a_panic_is_the_failure_of_its_task_alone() {
    let (clock, reactor) = manual();
    let mut tasks = None;
    let line = line!() + 2;
    let events = capture_tracing(|| {
        let bad = reactor.spawn(oh_dear());
        tasks = Some((bad, reactor.spawn(async { Ok(7) })));
        settle(&clock);
    });
    let (bad, good) = tasks.unwrap();
    let panicked = failure_as::<Panicked, _>(bad);
    assert_eq!(panicked.message(), "oh dear");
    assert_eq!((panicked.location().file(), panicked.location().line()), (file!(), line));
    assert_eq!(success_of(good), 7);
    assert_eq!(events, [], "somebody waits for it");
    assert_eq!(reactor.stats().panics, 0);
}

#[test]
fn i3_a_panic_nobody_waits_for_is_logged_once() {
    let (clock, reactor) = manual();
    let line = line!() + 2;
    let events = capture_tracing(|| {
        reactor.spawn(oh_dear()).detach();
        settle(&clock);
    });
    assert_eq!(events.len(), 1, "{events:?}");
    assert_eq!(events[0].level, Level::ERROR);
    let place = format!("{}:{line}:", file!());
    assert!(events[0].message.contains(&place), "{events:?}");
    assert!(events[0].message.contains("oh dear"), "{events:?}");
}

#[test]
fn i3_a_future_that_panics_when_dropped_is_logged_once_and_harms_nobody() {
    let (clock, reactor) = manual();
    let spawn = |ends: bool| {
        let guard = PanicOnDrop;
        reactor.spawn(async move {
            let _guard = &guard;
            if !ends {
                pending::<()>().await;
            }
            // Moved in and never out: dropped with the future.
            ready(&guard).await;
            Ok(7)
        })
    };
    let mut tasks = None;
    let events = capture_tracing(|| {
        tasks = Some((spawn(true), spawn(false), spawn(false), reactor.spawn(async { Ok(1) })));
        settle(&clock);
    });
    let (ended, cancelled, left, good) = tasks.unwrap();
    assert_eq!(success_of(good), 1);
    // Its own drop, at the end of the body, was a part of its last poll.
    assert_eq!(failure_as::<Panicked, _>(ended).message(), "no good end");
    assert_eq!(events, []);

    let events = capture_tracing(|| cancelled.cancel());
    failure_as::<Cancelled, _>(cancelled);
    assert_eq!(events.len(), 1, "{events:?}");
    assert_eq!((events[0].level, events[0].field("panic")), (Level::ERROR, Some("no good end")));
    assert!(events[0].field("location").unwrap().contains(file!()));

    let events = capture_tracing(|| drop(reactor));
    failure_as::<Abandoned, _>(left);
    assert_eq!(events.len(), 1, "{events:?}");
}

#[test]
fn i3_a_drop_that_panics_after_the_end_leaves_the_result_alone() {
    struct Ends(PanicOnDrop);
    impl Future for Ends {
        type Output = Result<u32>;
        fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Self::Output> {
            let _alive = &self.0;
            Poll::Ready(Ok(7))
        }
    }
    let (clock, reactor) = manual();
    let deferred = reactor.spawn(Ends(PanicOnDrop));
    let events = capture_tracing(|| settle(&clock));
    assert_eq!(success_of(deferred), 7);
    assert_eq!(events.len(), 1, "{events:?}");
}

#[test]
fn i3_a_result_that_panics_when_dropped_harms_nobody() {
    let (clock, reactor) = manual();
    let mut good = None;
    let events = capture_tracing(|| {
        reactor.spawn(async { Ok(PanicOnDrop) }).detach();
        good = Some(reactor.spawn(async { Ok(1) }));
        settle(&clock);
    });
    assert_eq!(success_of(good.unwrap()), 1);
    assert_eq!(events.len(), 1, "{events:?}");
}

#[test]
fn i3_a_panic_in_a_delayed_call_is_the_failure_of_its_deferred() {
    let (clock, reactor) = manual();
    let line = line!() + 1;
    let deferred = reactor.defer_later(Duration::ZERO, |_| Ok(1 / u32::from(false)));
    settle(&clock);
    let panicked = failure_as::<Panicked, _>(deferred);
    assert!(panicked.message().contains("divide by zero"));
    assert_eq!((panicked.location().file(), panicked.location().line()), (file!(), line));
}

/// A panic in the report of another one goes no further than that one does.
#[test]
fn i3_a_cancelled_task_outlives_a_subscriber_that_panics() {
    let (clock, reactor) = manual();
    let deferred = reactor.spawn(async {
        let _guard = PanicOnDrop;
        pending::<()>().await;
        Ok(7)
    });
    settle(&clock);
    let writer = || -> std::io::Sink { panic!("in a subscriber") };
    let subscriber = tracing_subscriber::fmt().with_writer(writer).finish();
    // The first dispatcher of the process may be asked once and for all: see `capture_tracing`.
    capture_tracing(|| ());
    tracing::subscriber::with_default(subscriber, || deferred.cancel());
    failure_as::<Cancelled, _>(deferred);
}
