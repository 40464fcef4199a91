//! What can be done to the deferred of a task, before its result is there and after.

use crate::signal::{Signal, manual, settle};
use ropewalk_deferred::{Cancelled, Deferred, Failure, Panicked, Result, TimedOut};
use ropewalk_reactor::{ManualClock, Reactor};
use ropewalk_task::ReactorTask;
use ropewalk_testing::{EventLog, capture_tracing, failure_as, no_result, success_of};
use std::cell::{Cell, RefCell};
use std::future::pending;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Wake, Waker};
use tracing::Level;

/// A task that gives 7 when the signal is set.
fn seven(reactor: &Reactor) -> (Signal, Deferred<u32>) {
    let signal = Signal::default();
    let waits = signal.clone();
    let deferred = reactor.spawn(async move {
        waits.wait().await;
        Ok(7)
    });
    (signal, deferred)
}

/// Does `what` with the deferred of a task before its result, and again with that of another one
/// after it; what comes of both.
fn both<T: 'static>(what: impl Fn(Deferred<u32>) -> Deferred<T>) -> [T; 2] {
    let (clock, reactor) = manual();
    let (signal, deferred) = seven(&reactor);
    settle(&clock);
    let before = no_result(what(deferred));
    signal.set();
    settle(&clock);
    let (signal, deferred) = seven(&reactor);
    settle(&clock);
    signal.set();
    settle(&clock);
    [success_of(before), success_of(what(deferred))]
}

#[test]
fn callbacks_are_attached_before_the_result_and_after() {
    assert_eq!(both(|deferred| deferred), [7, 7]);
    assert_eq!(both(|deferred| deferred.map(|n| n + 1)), [8, 8]);
    assert_eq!(both(|deferred| deferred.map(|n| n.to_string())), ["7", "7"]);
    assert_eq!(both(|deferred| deferred.add_errback(|_| Ok(0)).map(|n| n + 1)), [8, 8]);
    assert_eq!(both(|deferred| deferred.add_both(|result| Ok(result.is_ok()))), [true, true]);
    assert_eq!(both(|deferred| deferred.add_callback(|n| Deferred::succeed(n + 2))), [9, 9]);
}

#[test]
fn a_result_is_chained_taken_and_returned_before_it_is_there_and_after() {
    let chained = both(|deferred| {
        let (promise, end) = Deferred::new();
        deferred.chain_deferred(promise);
        end
    });
    assert_eq!(chained, [7, 7]);
    let returned = both(|deferred| Deferred::succeed(()).add_callback(move |()| deferred));
    assert_eq!(returned, [7, 7]);
    let taken = both(|deferred| match deferred.try_take() {
        Ok(result) => Deferred::succeed(()).add_callback(move |()| result),
        Err(deferred) => deferred,
    });
    assert_eq!(taken, [7, 7]);
}

#[test]
fn a_handle_stands_for_the_task_before_its_result_and_after() {
    let handled = both(|deferred| {
        let handle = deferred.canceller();
        let deferred = deferred.map(|n| n + 1);
        drop(handle);
        deferred
    });
    assert_eq!(handled, [8, 8]);

    let (clock, reactor) = manual();
    let (_signal, deferred) = seven(&reactor);
    let handle = deferred.canceller();
    settle(&clock);
    handle.cancel();
    failure_as::<Cancelled, _>(deferred);
}

/// Counts how often it is woken.
#[derive(Default)]
struct Count(AtomicU32);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn who_awaits_it_is_woken_once_also_if_a_handle_was_made_meanwhile() {
    for with_handle in [false, true] {
        let (clock, reactor) = manual();
        let (signal, mut deferred) = seven(&reactor);
        let count = Arc::new(Count::default());
        let waker = Waker::from(Arc::clone(&count));
        let mut context = Context::from_waker(&waker);
        (0..2).for_each(|_| assert!(Pin::new(&mut deferred).poll(&mut context).is_pending()));
        let handle = with_handle.then(|| deferred.canceller());
        settle(&clock);
        assert_eq!(count.0.load(Ordering::Relaxed), 0);
        signal.set();
        settle(&clock);
        assert_eq!(count.0.load(Ordering::Relaxed), 1, "{with_handle}");
        assert_eq!(success_of(deferred), 7);
        drop(handle);
    }
}

#[test]
fn its_text_says_what_it_is_and_where_it_was_spawned() {
    let (clock, reactor) = manual();
    let signal = Signal::default();
    let waits = signal.clone();
    let line = line!() + 1;
    let deferred = reactor.spawn(async move { waits.wait().await });
    settle(&clock);
    let pending = format!("{deferred:?}");
    assert!(pending.contains("Unfired") && pending.contains(file!()), "{pending}");
    assert!(pending.contains(&line.to_string()), "{pending}");
    signal.set();
    settle(&clock);
    let settled = format!("{deferred:?}");
    assert!(settled.contains("Settled") && settled.contains(file!()), "{settled}");
    let handle = deferred.canceller();
    assert_eq!(format!("{deferred:?}"), settled);
    drop(handle);
    success_of(deferred);
}

#[test]
fn a_failure_that_nobody_takes_is_reported_once_with_the_place_of_the_spawn() {
    fn failing(reactor: &Reactor) -> Deferred<u32> {
        reactor.spawn(async { Err(Failure::from(TimedOut)) })
    }
    type Ends = fn(&ManualClock, Deferred<u32>);
    let ends: [Ends; 4] = [
        |clock, deferred| {
            deferred.detach();
            settle(clock);
        },
        |clock, deferred| {
            settle(clock);
            drop(deferred);
        },
        |clock, deferred| {
            settle(clock);
            deferred.detach();
        },
        |clock, deferred| {
            deferred.map(|n| n + 1).detach();
            settle(clock);
        },
    ];
    for end in ends {
        let (clock, reactor) = manual();
        let events = capture_tracing(|| end(&clock, failing(&reactor)));
        assert_eq!(events.len(), 1, "{events:?}");
        assert_eq!(events[0].level, Level::ERROR);
        assert!(format!("{:?}", events[0]).contains(file!()), "{events:?}");
    }
}

/// Whoever drops a task knows that it is cancelled, and whoever lets go of one that has nothing
/// attached does not ask whether it came to an end.
#[test]
fn an_end_that_everybody_expects_is_reported_to_nobody() {
    let reports = |end: &dyn Fn(&ManualClock, &Reactor)| {
        let events = capture_tracing(|| {
            let (clock, reactor) = manual();
            end(&clock, &reactor);
        });
        events.len()
    };
    let never = |reactor: &Reactor| reactor.spawn(pending::<()>());
    let given_up = reports(&|clock, reactor| {
        drop(never(reactor));
        let attached = never(reactor).map(|()| 7);
        settle(clock);
        drop(attached);
        drop(never(reactor).cancel_on_drop());
    });
    assert_eq!(given_up, 0);
    let abandoned = reports(&|clock, reactor| {
        never(reactor).detach();
        settle(clock);
        let handle = never(reactor).canceller();
        drop(handle);
    });
    assert_eq!(abandoned, 0);
    assert_eq!(reports(&|_, reactor| never(reactor).map(|()| 7).detach()), 1);
    let cancelled = reports(&|_, reactor| {
        let deferred = never(reactor);
        deferred.cancel();
        drop(deferred);
    });
    assert_eq!(cancelled, 1);
}

#[test]
fn a_result_that_nobody_takes_is_dropped_at_once() {
    let (clock, reactor) = manual();
    let value = Rc::new(());
    let give = |value: &Rc<()>| {
        let value = Rc::clone(value);
        reactor.spawn(async move { Ok(value) })
    };
    give(&value).detach();
    settle(&clock);
    assert_eq!(Rc::strong_count(&value), 1);
    let kept = give(&value);
    settle(&clock);
    assert_eq!(Rc::strong_count(&value), 2);
    drop(kept);
    assert_eq!(Rc::strong_count(&value), 1);
}

/// A value that does something when it is dropped.
struct OnDrop<F: FnMut()>(F);

impl<F: FnMut()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

/// While a cancel runs, the future's drop attaches to the very deferred that is cancelled.
#[test]
fn i5_what_is_attached_while_a_task_is_cancelled_hears_of_it() {
    let (clock, reactor) = manual();
    let slot = Rc::new(RefCell::new(None::<Deferred<()>>));
    let heard = EventLog::<&str>::default();
    let (mine, log) = (Rc::clone(&slot), heard.clone());
    let guard = OnDrop(move || {
        let log = log.clone();
        let deferred = mine.borrow_mut().take().unwrap();
        // A second cancel changes nothing while the first one runs.
        deferred.cancel();
        let attached = deferred.add_both(move |result: Result<()>| {
            assert!(result.unwrap_err().is::<Cancelled>());
            log.add("heard");
        });
        mine.replace(Some(attached));
    });
    let deferred = reactor.spawn(async move {
        let _guard = guard;
        pending::<()>().await;
    });
    settle(&clock);
    let handle = {
        slot.replace(Some(deferred));
        let slot = Rc::clone(&slot);
        reactor.spawn(async move {
            let deferred = slot.borrow_mut().take().unwrap();
            // Moved back, so that the drop finds it.
            let handle = deferred.canceller();
            slot.replace(Some(deferred));
            handle.cancel();
        })
    };
    settle(&clock);
    success_of(handle);
    assert_eq!(heard.take(), ["heard"]);
    success_of(slot.take().unwrap());
}

#[test]
fn i5_the_drop_of_a_future_may_drop_the_deferreds_of_others() {
    let (clock, reactor) = manual();
    let rest = Rc::new(RefCell::new(Vec::<Deferred<()>>::new()));
    let dropped = Rc::new(Cell::new(0));
    for _ in 0..100 {
        let (others, counts) = (Rc::clone(&rest), Rc::clone(&dropped));
        let guard = OnDrop(move || {
            counts.set(counts.get() + 1);
            let next = others.borrow_mut().pop();
            drop(next);
        });
        let task = reactor.spawn(async move {
            let _guard = guard;
            pending::<()>().await;
        });
        rest.borrow_mut().push(task);
    }
    settle(&clock);
    let first = rest.borrow_mut().pop();
    let events = capture_tracing(|| drop(first));
    assert_eq!(dropped.get(), 100);
    assert_eq!(events, []);
}

#[test]
fn i3_a_waker_that_panics_harms_neither_the_task_nor_the_reactor() {
    struct Bad;
    impl Wake for Bad {
        fn wake(self: Arc<Self>) {
            panic!("no wake");
        }
    }
    let (clock, reactor) = manual();
    let (signal, mut deferred) = seven(&reactor);
    settle(&clock);
    let waker = Arc::new(Bad).into();
    let mut context = Context::from_waker(&waker);
    assert!(Pin::new(&mut deferred).poll(&mut context).is_pending());
    signal.set();
    let events = capture_tracing(|| settle(&clock));
    assert_eq!(events.len(), 1, "{events:?}");
    assert_eq!(success_of(deferred), 7);
}

#[test]
fn i3_a_panic_after_the_deferred_has_been_chained_is_its_failure() {
    let (clock, reactor) = manual();
    let deferred = reactor.spawn(async { never::<u32>() }).map(|n| n + 1);
    settle(&clock);
    let panicked = failure_as::<Panicked, _>(deferred);
    assert_eq!(panicked.message(), "not today");
}

fn never<T>() -> Result<T> {
    panic!("not today")
}
