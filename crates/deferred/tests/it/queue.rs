//! The queue: order, limits, and that nothing in it is lost.

use crate::support::{
    Log, LogsDrop, PanicsInDrop, Shared, failure_of, peek, result_of, shared, small_stack, take,
    unhandled_in, without_backtraces,
};
use ropewalk_deferred::{
    Abandoned, Cancelled, Deferred, DeferredQueue, Failure, QueueOverflow, QueueUnderflow,
};
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

mod model;

const MILLION: usize = crate::support::MILLION as usize;

#[test]
fn b176_a_third_waiting_get_underflows_and_a_third_put_overflows() {
    let queue = DeferredQueue::with_limits(Some(2), Some(2));
    assert_eq!((queue.size(), queue.backlog()), (Some(2), Some(2)));
    let waiting = [peek(queue.get()), peek(queue.get())];
    assert!(failure_of(queue.get()).is::<QueueUnderflow>());
    assert_eq!(queue.waiting(), 2);

    for value in 0..4 {
        assert!(queue.put(value).is_ok());
    }
    for (value, result) in waiting.iter().enumerate() {
        assert_eq!(take(result).unwrap().unwrap(), value);
    }
    assert_eq!((queue.len(), queue.waiting(), queue.is_empty()), (2, 0, false));
    let refused = queue.put(4).unwrap_err();
    assert!(refused.to_string().contains("no more than 2"));
    assert_eq!(refused.into_inner(), 4);

    assert_eq!(result_of(queue.get()).unwrap(), 2);
    assert_eq!(queue.try_get(), Some(3));
    assert_eq!(queue.try_get(), None);
    assert!(queue.is_empty());
}

#[test]
fn b176_without_limits_nothing_is_refused() {
    let queue = DeferredQueue::new();
    assert_eq!((queue.size(), queue.backlog()), (None, None));
    for value in 0..100 {
        assert!(queue.put(value).is_ok());
    }
    for value in 0..100 {
        assert_eq!(result_of(queue.get()).unwrap(), value);
    }
    let waiting: Vec<_> = (0..100).map(|_| peek(queue.get())).collect();
    assert_eq!(queue.waiting(), 100);
    for (value, result) in waiting.iter().enumerate() {
        assert!(queue.put(value).is_ok());
        assert_eq!(take(result).unwrap().unwrap(), value);
    }
}

#[test]
fn b176_a_queue_of_size_zero_takes_a_value_only_for_one_who_waits() {
    let queue = DeferredQueue::with_limits(Some(0), None);
    assert_eq!(queue.put("nobody waits").unwrap_err().into_inner(), "nobody waits");
    let waiting = peek(queue.get());
    assert!(queue.put("somebody waits").is_ok());
    assert_eq!(take(&waiting).unwrap().unwrap(), "somebody waits");
    assert!(queue.put("nobody any more").is_err());
}

#[test]
fn b176_a_queue_of_backlog_zero_lets_nobody_wait() {
    let queue = DeferredQueue::with_limits(None, Some(0));
    assert!(failure_of(queue.get()).is::<QueueUnderflow>());
    assert!(queue.put(7).is_ok());
    assert_eq!(result_of(queue.get()).unwrap(), 7);
    assert!(failure_of(queue.get()).is::<QueueUnderflow>());
}

#[test]
fn b176_a_cancelled_get_is_skipped_and_leaves_room_in_the_backlog() {
    let queue = DeferredQueue::with_limits(None, Some(2));
    let (first, second) = (queue.get(), queue.get());
    first.cancel();
    first.cancel();
    assert_eq!(queue.waiting(), 1);
    assert!(failure_of(first).is::<Cancelled>());
    let third = queue.get();
    assert!(queue.put(7).is_ok());
    second.cancel();
    assert_eq!(result_of(second).unwrap(), 7);
    assert!(queue.put(8).is_ok());
    assert_eq!(result_of(third).unwrap(), 8);
}

#[test]
fn i2_no_value_is_lost_to_a_get_that_was_dropped() {
    let queue = DeferredQueue::with_limits(None, Some(1));
    let unhandled = unhandled_in(|| {
        drop(queue.get());
        drop(queue.get().map(|value: u32| panic!("{value} came")));
        assert_eq!(queue.waiting(), 0);
        assert!(queue.put(7).is_ok());
        assert_eq!(queue.try_get(), Some(7));
    });
    assert!(unhandled.is_empty());
}

#[test]
fn i2_everything_in_it_ends_with_it() {
    let log = Log::default();
    let queue = DeferredQueue::new();
    assert!(queue.put(LogsDrop(log.clone(), "first value")).is_ok());
    assert!(queue.put(LogsDrop(log.clone(), "second value")).is_ok());
    drop(queue.clone());
    assert!(log.take().is_empty());
    drop(queue);
    assert_eq!(log.take(), ["first value", "second value"]);

    let queue = DeferredQueue::<u32>::new();
    let results = [peek(queue.get()), peek(queue.get())];
    drop(queue);
    for result in results {
        assert!(take(&result).unwrap().unwrap_err().is::<Abandoned>());
    }
}

#[test]
fn the_errors_need_nothing_of_the_value() {
    struct Opaque;
    let refused = DeferredQueue::with_limits(Some(0), None).put(Opaque).unwrap_err();
    assert_eq!(format!("{refused:?}"), "QueueOverflow { size: 0, .. }");
    assert!(Failure::from(refused).is::<QueueOverflow<Opaque>>());
    assert!(QueueUnderflow.to_string().contains("larger backlog"));
}

#[test]
fn a_failed_get_is_reported_with_where_it_was_asked_for() {
    let queue = DeferredQueue::<u32>::with_limits(None, Some(0));
    let line = line!() + 1;
    let unhandled = unhandled_in(|| queue.get().detach());
    assert_eq!((unhandled[0].created().file(), unhandled[0].created().line()), (file!(), line));

    let queue = DeferredQueue::<u32>::new();
    let line = line!() + 1;
    queue.get().map(drop).detach();
    let unhandled = unhandled_in(|| drop(queue));
    assert_eq!((unhandled[0].created().file(), unhandled[0].created().line()), (file!(), line));
}

#[test]
fn i5_a_callback_may_put_get_cancel_and_drop() {
    let (queue, log) = (DeferredQueue::new(), Log::default());
    let next: Shared<Deferred<u32>> = Rc::default();
    let (same, seen, end) = (queue.clone(), log.clone(), Rc::clone(&next));
    let first = queue.get().map(move |value: u32| {
        seen.add(value);
        let next = take(&end).unwrap();
        next.cancel();
        seen.add(failure_of(next));
        assert!(same.put(value + 1).is_ok());
        assert!(same.put(value + 2).is_ok());
        let own = result_of(same.get()).unwrap();
        seen.add(own);
    });
    next.replace(Some(queue.get()));
    let seen = log.clone();
    queue.get().map(move |value| seen.add(format_args!("other {value}"))).detach();
    assert!(queue.put(1).is_ok());
    assert!(result_of(first).is_ok());
    assert_eq!(log.take(), ["1", &Cancelled.to_string(), "other 2", "3"]);
}

#[test]
fn i5_a_callback_may_drop_the_last_of_the_queue() {
    let log = Log::default();
    let queue = shared(DeferredQueue::<u32>::new());
    let get = || queue.borrow().as_ref().unwrap().get();
    // told of the end, it tries to come back
    let (late, held, seen) = (get(), Rc::clone(&queue), log.clone());
    late.on_failure(move |failure| seen.add(format_args!("{failure}, {}", take(&held).is_some())));
    let (trigger, fired) = Deferred::<()>::new();
    let held = Rc::clone(&queue);
    let dropped = peek(fired.map(move |()| drop(take(&held))));
    trigger.callback(());
    assert!(take(&dropped).unwrap().is_ok());
    assert_eq!(log.take(), [format!("{Abandoned}, false")]);
}

#[test]
fn i3_values_that_panic_in_their_drop() {
    // delivered to nobody: contained, and the next is served
    let (queue, log) = (DeferredQueue::new(), Log::default());
    queue.get().detach();
    assert!(queue.put(PanicsInDrop).is_ok());
    // left in a queue that is dropped: the panic of the one who drops it, after all the others
    let values = DeferredQueue::<(Option<PanicsInDrop>, Option<LogsDrop>)>::new();
    assert!(values.put((Some(PanicsInDrop), None)).is_ok());
    assert!(values.put((None, Some(LogsDrop(log.clone(), "other")))).is_ok());
    let dropped = catch_unwind(AssertUnwindSafe(|| drop(values)));
    assert!(dropped.is_err());
    assert_eq!(log.take(), ["other"]);
}

#[test]
fn debug_tells_how_many() {
    let queue = DeferredQueue::with_limits(Some(2), None);
    assert!(queue.put(LogsDrop(Log::default(), "not shown")).is_ok());
    let text = "DeferredQueue { len: 1, waiting: 0, size: Some(2), backlog: None, .. }";
    assert_eq!(format!("{queue:?}"), text);
}

/// Each who gets a value puts the next one, for the next who waits.
#[test]
fn i10_a_million_gets_served_one_by_the_other() {
    small_stack(|| {
        let queue = DeferredQueue::new();
        let last = Rc::new(Cell::new(0));
        for number in 0..MILLION {
            let (same, last) = (queue.clone(), Rc::clone(&last));
            queue
                .get()
                .map(move |value| {
                    last.set(if value == number { number } else { 0 });
                    assert!(same.put(value + 1).is_ok());
                })
                .detach();
        }
        assert!(queue.put(0).is_ok());
        assert_eq!((last.get(), queue.len(), queue.waiting()), (MILLION - 1, 1, 0));
    });
}

#[test]
fn i10_a_million_values_and_a_million_gets_dropped() {
    without_backtraces(|| {
        let queue = DeferredQueue::new();
        for value in 0..MILLION {
            assert!(queue.put(value).is_ok());
        }
        drop(queue);
        let queue = DeferredQueue::<u32>::new();
        let gets: Vec<_> = (0..MILLION).map(|_| queue.get()).collect();
        drop(gets);
        assert_eq!(queue.waiting(), 0);
        let failed = Rc::new(Cell::new(0));
        for _ in 0..MILLION {
            let failed = Rc::clone(&failed);
            queue.get().on_failure(move |_| failed.set(failed.get() + 1));
        }
        drop(queue);
        assert_eq!(failed.get(), MILLION);
    });
}
