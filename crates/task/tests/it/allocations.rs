//! How much a task allocates: counted, not timed.

use crate::signal::{manual, settle};
use allocation_counter::measure;
use ropewalk_deferred::Deferred;
use ropewalk_reactor::{ManualClock, Reactor};
use ropewalk_task::ReactorTask;
use ropewalk_testing::success_of;
use std::future::poll_fn;
use std::task::Poll;

/// The future with its promise, and what promise and deferred share.
const EACH: u64 = 2;

/// No more than wakers are kept, and enough for what a turn of the clock allocates.
const TASKS: u64 = 50;

/// How often a task allocates from its spawn to its result, once the queues have grown.
fn each(spawn: impl Fn(&Reactor) -> Deferred<u32>) -> f64 {
    let (clock, reactor) = manual();
    let round = |clock: &ManualClock| {
        let tasks = std::array::from_fn::<_, { TASKS as usize }, _>(|_| spawn(&reactor));
        settle(clock);
        tasks.into_iter().for_each(|task| assert_eq!(success_of(task), 7));
    };
    round(&clock);
    let info = measure(|| round(&clock));
    assert_eq!(info.count_current, 0, "all of it is given back");
    info.count_total as f64 / TASKS as f64
}

#[test]
fn a_task_that_is_ready_takes_two_allocations() {
    let allocated = each(|reactor| reactor.spawn(async { Ok(7) }));
    assert!(allocated <= EACH as f64 + 0.2, "{allocated}");
}

#[test]
fn a_task_that_wakes_itself_takes_no_more() {
    let allocated = each(|reactor| {
        let mut polls = 0;
        reactor.spawn(poll_fn(move |context| {
            context.waker().wake_by_ref();
            polls += 1;
            if polls < 3 { Poll::Pending } else { Poll::Ready(Ok(7)) }
        }))
    });
    assert!(allocated <= EACH as f64 + 0.2, "{allocated}");
}

/// A waker that is kept belongs to the task that kept it, and afterwards to the next.
#[test]
fn a_task_that_is_woken_by_another_takes_no_more_if_there_was_one_before() {
    let allocated = each(|reactor| {
        reactor.spawn(async {
            let inner = Reactor::with_current(|reactor| reactor.spawn(async { Ok(6) }));
            Ok(inner.unwrap().await? + 1)
        })
    });
    assert!(allocated <= 2.0 * EACH as f64 + 0.2, "{allocated}");
}
